"""A person takes a task over, works by hand, and gives it back; nothing reaches in meanwhile."""

from __future__ import annotations

import pytest

from agentdeck.agents.prompt import build_prompt, commit_message, landing_message
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.adapter import Adapter, Input
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import Refused, decide
from agentdeck.core.events import FailureClass, FileTouched, Outcome
from agentdeck.core.explain import needs_person, standstill
from agentdeck.core.fold import fold
from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.plan import Agent, Defaults, GateWhen
from agentdeck.core.stale import StaleEvent
from agentdeck.core.state import HOLDS_FOOTPRINT, HOLDS_SLOT, RunState, TaskState
from agentdeck.core.steps import Collect, Deliver, Prepare, RunGate, StopAttempt, Watch
from agentdeck.testing.builders import (
    Run,
    gate,
    gate_finished,
    plan,
    reached,
    run_until,
    started,
    task,
)

A, B = TaskId("A"), TaskId("B")
RESUMES = Agent(
    AgentName("resumes"),
    use="resumes",
    adapter=Adapter(
        "resumes", output="scripted", input=Input.LINES, start=("x",), resume=("x", "{session}")
    ),
)


def working(*tasks: str, **fields: object) -> Run:
    of = plan(*(tasks or ("A",)), **fields)
    run = run_until(started(of), reached("A", TaskState.WORKING))
    return run.append(e.AttemptProgressed(A, 1, 100, session="s1"))


def taken(run: Run | None = None, by: str = "kim") -> Run:
    """The agent was interrupted for a person, who has it now."""
    run = (run or working()).command(c.TakeOver(A, by=by))
    ended = e.AttemptExited(A, 1, 1, ok=False, cause=FailureClass.AGENT, detail="interrupted")
    return run.append(ended).settle()


def collected(run: Run, *files: str, fault: str = "", commits: int = 1) -> Run:
    """What the person left, as it is found."""
    attempt = run.state.tasks[A].attempts[0]
    touched = tuple(FileTouched(file, 1, 0) for file in files)
    return run.append(
        e.AttemptCollected(
            A, 1, "h1", "h1-tree", commits, touched, 2, fault, attempt.hands, attempt.hand_backs
        )
    ).settle()


def test_the_agent_is_ended_and_the_task_is_in_a_persons_hands() -> None:
    run = working().command(c.TakeOver(A, by="kim"))
    assert {type(step) for step in run.steps().steps} == {Watch, StopAttempt}
    assert run.explain("A") == "A is being taken over by kim; its agent ends its turn"
    taken(working())
    run = taken()
    assert run.task_state("A") is TaskState.TAKEN
    assert run.explain("A") == "A is in the hands of kim (o open, O hand back)"
    assert run.steps().steps == ()


def test_taken_work_keeps_its_files_and_gives_its_slot_away() -> None:
    """The next agent starts at once, but not on the same files."""
    assert TaskState.TAKEN in HOLDS_FOOTPRINT
    assert TaskState.TAKEN not in HOLDS_SLOT
    run = taken(working("A src/", "B src/x.py", "C docs/", agents_limit=1))
    assert run.task_state("C") is TaskState.PREPARING
    assert run.explain("B") == "B waits: A has src/x.py and is taken"


def test_finished_work_is_proven_like_any_other() -> None:
    """Collected, gated, landed; the interrupted process is not held against it."""
    run = taken(
        working(gates=(gate("unit"),), defaults=Defaults(agent=AgentName("scripted"), retries=0))
    )
    run.command(c.HandBack(A, by="kim"))
    assert run.of_kind(Collect) == [Collect(A, 1)]
    collected(run)
    assert run.task_state("A") is TaskState.QUEUED
    run_until(run, lambda run: bool(run.of_kind(RunGate)))
    run_until(run, reached("A", TaskState.LANDED))
    assert len(run.state.tasks[A].attempts) == 1


def test_whose_hands_it_was_stands_in_the_commits() -> None:
    run = taken().command(c.HandBack(A, by="kim"))
    assert "Agentdeck-Hands: kim\n" in commit_message(run.state, A, 1)
    assert "Agentdeck-Hands: kim\n" in landing_message(run.state, A, 1)
    collected(run)
    event = next(r.event for r in run.history if isinstance(r.event, e.AttemptCollected))
    assert (event.hands, event.hand_back) == ("kim", 1)
    assert "Hands" not in commit_message(working().state, A, 1)


def test_the_agent_goes_on_in_its_session_and_knows_of_the_person() -> None:
    run = taken(working(agent="resumes", agents=(RESUMES,)))
    run.command(c.HandBack(A, go_on=True, text="keep my names", by="kim"))
    collected(run)
    run_until(run, lambda run: len(run.state.tasks[A].attempts) == 2)
    attempt = run.state.tasks[A].attempts[1]
    assert (attempt.resumed, attempt.fresh) == ("s1", False)
    prompt = build_prompt(run.state, A, 2)
    assert "kim took this over from you, worked in this worktree by hand" in prompt
    assert "What they left is commit h1" in prompt
    assert "kim: keep my names" in prompt
    assert run.state.tasks[A].attempts[0].outcome == "went on: kim gave it back"
    assert run.state.tasks[A].failures == 0
    assert "Agentdeck-Hands: kim\n" in landing_message(run.state, A, 2)
    assert "Hands" not in commit_message(run.state, A, 2)


def test_an_agent_without_sessions_is_told_too() -> None:
    run = taken().command(c.HandBack(A, go_on=True, by="kim"))
    run_until(collected(run), lambda run: len(run.state.tasks[A].attempts) == 2)
    assert run.state.tasks[A].attempts[1].resumed is None
    assert "kim took this over from you" in build_prompt(run.state, A, 2)


@pytest.mark.parametrize(
    ("files", "fault", "commits", "reason"),
    [
        ((), "the agent left a rebase in progress", 0, "you left a rebase in progress"),
        (("docs/x",), "", 1, "it touched docs/x, outside its files"),
        ((), "", 0, "nothing was changed yet"),
    ],
)
def test_what_cannot_be_taken_stays_in_the_persons_hands(
    files: tuple[str, ...], fault: str, commits: int, reason: str
) -> None:
    """No agent starts over it, nothing is counted as a failure, and the reason is said."""
    run = taken(working("A src/")).command(c.HandBack(A, by="kim"))
    collected(run, *files, fault=fault, commits=commits)
    assert run.task_state("A") is TaskState.TAKEN
    assert (
        run.explain("A")
        == f"A is in the hands of kim (o open, O hand back); it cannot be taken back: {reason}"
    )
    assert run.state.tasks[A].failures == 0
    run.command(c.HandBack(A, by="lou"))
    collected(run, "src/x")
    run_until(run, reached("A", TaskState.LANDED))


def test_a_worktree_that_git_cannot_read_stays_in_the_persons_hands() -> None:
    run = taken().command(c.HandBack(A, by="kim"))
    for _ in range(5):
        run.append(e.StepFailed(Collect(A, 1).key, A, "git: index.lock exists", run.clock.now))
    run.settle()
    assert run.task_state("A") is TaskState.TAKEN
    assert "index.lock" in run.explain("A")
    assert run.command(c.HandBack(A, by="kim")).of_kind(Collect) == [Collect(A, 1)]


def test_a_report_of_an_earlier_hand_back_is_stale() -> None:
    """What was there the first time is not taken for what is there now."""
    run = taken().command(c.HandBack(A, by="kim"))
    old = e.AttemptCollected(A, 1, "old", "old-tree", 0, fault="x", hand_back=1)
    run.append(old).settle()
    with pytest.raises(StaleEvent):
        run.append(old)
    run.command(c.HandBack(A, by="kim"))
    with pytest.raises(StaleEvent):
        run.append(old)


def test_stopping_keeps_what_a_person_did() -> None:
    """It is collected first, then the task is cancelled."""
    run = taken().command(c.Stop(A, by="lou")).settle()
    assert run.of_kind(Collect) == [Collect(A, 1)]
    collected(run)
    assert run.task_state("A") is TaskState.CANCELLED
    assert run.state.tasks[A].attempts[0].hands == "kim"
    assert run.explain("A").endswith("stopped by lou")


def test_the_end_of_the_run_keeps_what_a_person_did() -> None:
    run = taken().command(c.EndRun()).settle()
    assert run.state.outcome is None
    assert run.of_kind(Collect) == [Collect(A, 1)]
    collected(run)
    assert run.state.outcome is Outcome.STOPPED


def test_the_end_of_the_run_while_the_agent_is_still_ended() -> None:
    run = working().command(c.TakeOver(A)).command(c.EndRun())
    run.append(e.AttemptExited(A, 1, -15))
    assert run.task_state("A") is TaskState.CHECKING


def test_a_stop_is_stronger_than_a_take_over() -> None:
    run = working().command(c.TakeOver(A)).command(c.Stop(A))
    run.append(e.AttemptExited(A, 1, -15))
    assert run.task_state("A") is TaskState.CHECKING


def test_an_agent_that_ends_by_itself_meanwhile_is_taken_all_the_same() -> None:
    run = working().command(c.TakeOver(A)).append(e.AttemptExited(A, 1, 0, ok=True)).settle()
    assert run.task_state("A") is TaskState.TAKEN


def test_words_for_a_taken_task_wait_for_its_agent() -> None:
    run = working().command(c.TakeOver(A)).command(c.Steer(A, "one"))
    assert run.of_kind(Deliver) == []
    taken_run = taken().command(c.Steer(A, "two"))
    assert [said.text for said in taken_run.state.tasks[A].queued] == ["two"]


def test_a_paused_task_is_taken_over_as_it_is() -> None:
    run = working().command(c.Pause(A)).append(e.AttemptFrozen(A, 1, 3)).command(c.TakeOver(A))
    assert run.of_kind(StopAttempt) == [StopAttempt(A, 1)]
    run.append(e.AttemptExited(A, 1, -2))
    assert run.task_state("A") is TaskState.TAKEN


def test_a_taken_task_alarms_nobody_but_a_run_says_what_it_waits_for() -> None:
    run = taken()
    assert needs_person(run.state) == []
    assert standstill(run.state) == "A is in the hands of kim"


def test_it_is_retried_by_an_agent_when_its_gate_is_red() -> None:
    """Gated like any work: the agent goes on from there, with the gate's log."""
    of = working(gates=(gate("unit", GateWhen.TASK),))
    run = collected(taken(of).command(c.HandBack(A, by="kim")))
    step = run.of_kind(RunGate)[0]
    assert isinstance(step, RunGate)
    run.append(gate_finished(step, e.Verdict.FAILED)).settle()
    assert run.task_state("A") in (TaskState.RETRYING, TaskState.PREPARING)
    assert run.state.tasks[A].cause is FailureClass.GATE or run.of_kind(Prepare)


def preparing() -> Run:
    return started(plan("A"))


def by_hand() -> Run:
    return started(plan(task("A", human=True)))


def failed() -> Run:
    return preparing().append(e.TaskFailed(A, 1, FailureClass.SETUP, "no disk"))


@pytest.mark.parametrize(
    ("run", "command", "reason"),
    [
        (taken(), c.TakeOver(A), "A is in the hands of kim already"),
        (working().command(c.TakeOver(A, by="kim")), c.TakeOver(A), "A is being taken over by kim"),
        (working().command(c.TakeOver(A, by="kim")), c.Pause(A), "A is being taken over by kim"),
        (working().command(c.Stop(A)), c.TakeOver(A), "A is being stopped"),
        (preparing(), c.TakeOver(A), "A is preparing: no agent works on it"),
        (
            failed(),
            c.TakeOver(A),
            "A is failed: no agent works on it; retry it, then take it over",
        ),
        (by_hand(), c.TakeOver(A), "A is done by a person already"),
        (working(), c.HandBack(A), "A is working: nobody has taken it over"),
        (taken(), c.HandBack(A, text="x"), "work that is finished has nobody to tell something"),
        (taken(), c.Skip(A), "A is in the hands of kim"),
        (taken(), c.Retry(A), "A is in the hands of kim"),
        (taken(), c.Pause(A), "A is taken: there is nothing to pause"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, command: AnyCommand, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        decide(run.state, command)
    assert caught.value.message == reason


def test_the_journal_gives_the_same_state_again() -> None:
    """An engine that dies while a person works finds the task in their hands."""
    run = taken()
    again: RunState = fold(run.history)
    assert again == run.state
    assert again.tasks[A].state is TaskState.TAKEN
