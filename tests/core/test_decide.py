"""Each command is carried out, or refused with a reason a person understands."""

from __future__ import annotations

from collections.abc import Callable
from math import nan

import pytest

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import MAX_AGENTS, MAX_MESSAGE, Refused, decide, refusal
from agentdeck.core.events import Outcome, SkipMode
from agentdeck.core.ids import AgentName, EntryId, PoolName, TaskId
from agentdeck.core.permissions import Decision, Scope
from agentdeck.core.plan import (
    Agent,
    Defaults,
    GateWhen,
    Land,
    MayCall,
    MayPropose,
    MayWiden,
    Pool,
    QueueRules,
    Tools,
)
from agentdeck.core.replan import PlanChange
from agentdeck.core.state import TaskState, Wanted
from agentdeck.core.steps import BuildEntry, LandEntry, RunGate
from agentdeck.testing.builders import (
    Run,
    gate,
    gate_finished,
    identity,
    plan,
    reached,
    run_until,
    started,
    task,
)

A, B, Z = TaskId("A"), TaskId("B"), TaskId("Z")


BUILD = Pool(PoolName("build"), 1)


def fresh() -> Run:
    return started(plan("A", "B<A"))


def at(state: TaskState, land: Land = Land.AUTO) -> Run:
    return run_until(started(plan("A", "B<A", land=land)), reached("A", state))


def stuck() -> Run:
    run = at(TaskState.PREPARING)
    return run.append(e.TaskFailed(A, 1, e.FailureClass.SETUP, "no disk"))


def landing() -> Run:
    return run_until(fresh(), lambda run: bool(run.of_kind(LandEntry)))


def deaf() -> Run:
    return run_until(started(plan("A", agent="claude")), reached("A", TaskState.WORKING))


def by_hand() -> Run:
    return started(plan(task("A", human=True)))


def asking() -> Run:
    return at(TaskState.WORKING).append(e.AttemptAsked(A, 1, "q1", "which?"))


def taken() -> Run:
    return told(c.TakeOver(A), of=lambda: at(TaskState.WORKING))().append(e.AttemptExited(A, 1, -2))


def equipped() -> Run:
    """Two agents with all tools work, each in its files."""
    tools = Tools(MayCall.ALLOW, MayCall.ALLOW, MayPropose.ALLOW, MayWiden.FREE)
    run = started(plan("A a/", "B b/", tools=tools))
    return run.append(*(launched for name in (A, B) for launched in _launched(name)))


def _launched(name: TaskId) -> list[e.AnyEvent]:
    prepared = e.WorktreePrepared(name, 1, f"/trees/{name}", f"deck/test/{name}", "base0")
    return [prepared, e.AttemptLaunched(name, 1, identity(100), identity(101))]


def requested() -> Run:
    return fresh().command(c.MakeRequest("k1", "ship it?"))


PROPOSES = c.MakeRequest("k1", "left out", task("C<A"), task=A, attempt=1)


def ruled() -> Run:
    return fresh().command(c.SetPermission(Scope.RUN, Decision.ALLOW))


def two_queued() -> Run:
    """A and B wait in the queue, neither is built."""
    return run_until(
        started(plan("A", "B", queue=QueueRules(batch=1, slots=1), agents_limit=2)),
        lambda run: len(run.state.queue) == 2,
        lambda _, step: () if isinstance(step, BuildEntry) else None,
    )


def first_lands() -> Run:
    return run_until(two_queued(), lambda run: bool(run.of_kind(LandEntry)))


def behind_the_base() -> Run:
    return two_queued().append(e.EntryQueued(EntryId("base@1"), e.EntryKind.BASE, "head"))


def finished() -> Run:
    return run_until(fresh(), lambda run: run.state.outcome is not None)


def told(*commands: AnyCommand, of: Callable[[], Run] = fresh) -> Callable[[], Run]:
    def make() -> Run:
        run = of()
        for command in commands:
            run.command(command)
        return run

    return make


def red_tip() -> Run:
    run = started(plan("A", gates=(gate("unit", GateWhen.FINAL, GateWhen.MERGE),)))
    run_until(run, lambda run: bool(run.of_kind(RunGate)))
    step = RunGate(*(getattr(run.of_kind(RunGate)[0], n) for n in RunGate.__struct_fields__))
    return run.append(gate_finished(step, e.Verdict.FAILED))


def limited() -> Run:
    """Task A waits for its account, which lets nobody in."""
    own = Agent(AgentName("own"), command=("own",), account="acme")
    run = run_until(started(plan("A", agent="own", agents=(own,))), reached("A", TaskState.WORKING))
    run.append(e.AttemptExited(A, 1, 1, ok=False, cause=e.FailureClass.AUTH))
    return run.append(e.AttemptCollected(A, 1, "head", "tree", 1)).settle()


ACCEPTED: list[tuple[Callable[[], Run], AnyCommand, list[type[e.Event]]]] = [
    (fresh, c.Pause(), [e.RunPaused]),
    (fresh, c.Pause(A), [e.TaskPauseAsked]),
    (told(c.Pause()), c.Resume(), [e.RunResumed]),
    (told(c.Pause(A)), c.Resume(A), [e.TaskResumeAsked]),
    (stuck, c.Retry(A), [e.TaskRetried]),
    (red_tip, c.Retry(), [e.GateReset]),
    (stuck, c.Skip(A), [e.TaskSkipped]),
    (stuck, c.Skip(A, SkipMode.CASCADE), [e.TaskSkipped, e.TaskSkipped]),
    (told(c.Skip(A), of=stuck), c.Unskip(A), [e.TaskUnskipped]),
    (lambda: at(TaskState.PROPOSED, Land.APPROVE), c.Approve(A), [e.TaskApproved]),
    (lambda: at(TaskState.PROPOSED, Land.APPROVE), c.Approve(), [e.TaskApproved]),
    (lambda: at(TaskState.REVIEWING, Land.REVIEW), c.Approve(A), [e.TaskApproved]),
    (by_hand, c.Approve(A), [e.TaskDone]),
    (lambda: at(TaskState.QUEUED), c.Merge(A), [e.TaskPutFirst]),
    (
        lambda: at(TaskState.PROPOSED, Land.APPROVE),
        c.Merge(A),
        [e.TaskApproved, e.TaskPutFirst],
    ),
    (
        told(c.Hold(A), of=lambda: at(TaskState.QUEUED)),
        c.Merge(A),
        [e.TaskReleased, e.TaskPutFirst],
    ),
    (two_queued, c.Move(B, c.Place.UP), [e.EntryMoved]),
    (two_queued, c.Move(A, c.Place.AFTER, B), [e.EntryMoved]),
    (two_queued, c.Drop(A), [e.TaskCancelled]),
    (fresh, c.Hold(), [e.QueueHeld]),
    (fresh, c.Hold(A), [e.TaskHeld]),
    (told(c.Hold()), c.Release(), [e.QueueReleased]),
    (told(c.Hold(A)), c.Release(A), [e.TaskReleased]),
    (lambda: at(TaskState.WORKING), c.Stop(A), [e.TaskStopAsked]),
    (fresh, c.Stop(B), [e.TaskCancelled]),
    (lambda: at(TaskState.QUEUED), c.Stop(A), [e.TaskCancelled]),
    (lambda: at(TaskState.WORKING), c.Steer(A, "look at x"), [e.MessageSent]),
    (fresh, c.Steer(A, "look at x"), [e.MessageSent]),
    (deaf, c.Steer(A, "look at x"), [e.MessageQueued]),
    (fresh, c.Steer(B, "look at x"), [e.MessageQueued]),
    (stuck, c.Steer(A, "look at x"), [e.MessageQueued]),
    (asking, c.Answer(A, text="the first"), [e.MessageSent]),
    (lambda: at(TaskState.WORKING), c.TakeOver(A), [e.TaskTakeOverAsked]),
    (taken, c.HandBack(A), [e.TaskHandedBack]),
    (taken, c.HandBack(A, go_on=True, text="x"), [e.TaskHandedBack, e.MessageQueued]),
    (taken, c.Stop(A), [e.TaskStopAsked]),
    (fresh, c.SetPermission(Scope.RUN, Decision.ALLOW), [e.PermissionRuleSet]),
    (ruled, c.DropPermission("r1"), [e.PermissionRuleDropped]),
    (limited, c.ReopenAccount("acme"), [e.AccountReopened]),
    (limited, c.Retry(A), [e.AccountReopened]),
    (fresh, c.SetAgents(1), [e.AgentsLimitSet]),
    (lambda: started(plan("A", pools=(BUILD,))), c.SetPoolLimit(BUILD.name, 2), [e.PoolLimitSet]),
    (fresh, c.SetBudget("run", usd=5.0), [e.BudgetSet]),
    (told(c.SetBudget("task:A", tokens=5)), c.RaiseBudget("task:A", tokens=5), [e.BudgetSet]),
    (fresh, c.EditPlan(PlanChange(put=(task("C<A"),))), [e.PlanChanged]),
    (equipped, c.AskPerson(A, 1, "k1", "which?"), [e.AttemptAsked]),
    (equipped, c.ReportProgress(A, 1, "half", 50), [e.ProgressReported]),
    (equipped, c.RequestFiles(A, 1, "k1", ("c/",)), [e.PlanChanged]),
    (equipped, c.RequestFiles(A, 1, "k1", ("b/",)), [e.AttemptAsked]),
    (fresh, c.MakeRequest("k1", "ship it?"), [e.RequestMade]),
    (equipped, PROPOSES, [e.RequestMade, e.PlanChanged, e.RequestAnswered]),
    (requested, c.AnswerRequest("r1", text="yes"), [e.RequestAnswered]),
    (lambda: at(TaskState.LANDED), c.Revert(A), [e.EntryQueued]),
    (lambda: at(TaskState.LANDED), c.Promote(), [e.PromoteAsked]),
    (finished, c.Promote(), [e.PromoteAsked]),
    (fresh, c.EndRun(), [e.RunEndAsked]),
]


@pytest.mark.parametrize(("make", "command", "expected"), ACCEPTED)
def test_a_command_is_carried_out(
    make: Callable[[], Run], command: AnyCommand, expected: list[type[e.Event]]
) -> None:
    run = make()
    events = decide(run.state, command)
    assert [type(event) for event in events] == expected
    assert refusal(run.state, command) is None
    run.append(*events)  # what was accepted is never stale


REFUSED: list[tuple[Callable[[], Run], AnyCommand, str]] = [
    (fresh, c.Stop(Z), "there is no task Z"),
    (told(c.Pause()), c.Pause(), "the run is paused already"),
    (told(c.Pause(A)), c.Pause(A), "A is paused already"),
    (told(c.Stop(A)), c.Pause(A), "A is being stopped"),
    (lambda: at(TaskState.LANDED), c.Pause(A), "A is landed: there is nothing to pause"),
    (by_hand, c.Pause(A), "A is done by a person"),
    (fresh, c.Resume(), "the run is not paused"),
    (fresh, c.Resume(A), "A is not paused"),
    (fresh, c.Retry(A), "A is preparing: only an ended attempt can be retried"),
    (fresh, c.Retry(), "no gate is red on the target or the base"),
    (fresh, c.Skip(A), "A is preparing: stop it first"),
    (lambda: at(TaskState.LANDED), c.Skip(A), "A is landed: it cannot be skipped"),
    (fresh, c.Unskip(A), "A is not skipped"),
    (fresh, c.Approve(), "nothing waits for an approval"),
    (fresh, c.Approve(A), "A is preparing: there is nothing to approve"),
    (fresh, c.Merge(A), "A is preparing: only proven work can be merged"),
    (fresh, c.Move(A, c.Place.UP), "A is preparing: it is not in the merge queue"),
    (landing, c.Move(A, c.Place.UP), "A is landing this moment"),
    (two_queued, c.Move(A, c.Place.UP), "A is the first in the merge queue already"),
    (two_queued, c.Move(B, c.Place.DOWN), "B is the last in the merge queue already"),
    (two_queued, c.Move(B, c.Place.BEFORE), "before which task?"),
    (two_queued, c.Move(B, c.Place.BEFORE, B), "B cannot be moved beside itself"),
    (two_queued, c.Move(B, c.Place.BEFORE, Z), "there is no task Z"),
    (first_lands, c.Move(B, c.Place.UP), "A is landing this moment: nothing goes before it"),
    (behind_the_base, c.Move(A, c.Place.UP), "commits of main go in before what tasks have made"),
    (fresh, c.Drop(A), "A is preparing: it is not in the merge queue"),
    (landing, c.Drop(A), "A is landing this moment"),
    (told(c.Hold()), c.Hold(), "the merge queue is held already"),
    (told(c.Hold(A)), c.Hold(A), "A is held already"),
    (lambda: at(TaskState.LANDED), c.Hold(A), "A is landed"),
    (landing, c.Hold(A), "A is landing this moment"),
    (landing, c.Stop(A), "A is landing this moment"),
    (fresh, c.Release(), "the merge queue is not held"),
    (fresh, c.Release(A), "A is not held"),
    (told(c.Stop(A)), c.Stop(A), "A is being stopped already"),
    (stuck, c.Stop(A), "A is failed: there is nothing to stop"),
    (lambda: at(TaskState.WORKING), c.Steer(A, " \n"), "the message is empty"),
    (
        lambda: at(TaskState.PROPOSED, Land.APPROVE),
        c.Steer(A, "hello"),
        "A is proposed: no turn follows; a retry with feedback sends it back",
    ),
    (lambda: at(TaskState.LANDED), c.Steer(A, "hello"), "A is landed: no turn follows"),
    (by_hand, c.Steer(A, "hello"), "A is done by a person: approve it when it is done"),
    (fresh, c.Answer(A, text="hello"), "A asks nothing"),
    (fresh, c.TakeOver(A), "A is preparing: no agent works on it"),
    (fresh, c.HandBack(A), "A is preparing: nobody has taken it over"),
    (
        fresh,
        c.SetPermission(Scope.RUN, Decision.ALLOW, " "),
        "a rule names a tool and a target",
    ),
    (fresh, c.DropPermission("r1"), "there is no rule r1 (there is none)"),
    (fresh, c.ReopenAccount("acme"), "there is no account acme"),
    (told(c.ReopenAccount("acme"), of=limited), c.ReopenAccount("acme"), "acme is open"),
    (fresh, c.SetAgents(0), f"the number of agents must be 1 to {MAX_AGENTS}"),
    (fresh, c.SetAgents(MAX_AGENTS + 1), f"the number of agents must be 1 to {MAX_AGENTS}"),
    (fresh, c.SetPoolLimit(BUILD.name, 2), "the plan has no pool build"),
    (fresh, c.SetBudget("task:Z", usd=1.0), "there is no 'task:Z' to have a budget"),
    (fresh, c.SetBudget("run:A", usd=1.0), "there is no 'run:A' to have a budget"),
    (fresh, c.SetBudget("run"), "the budget of the run is that already"),
    (fresh, c.SetBudget("run", usd=-1.0), "a budget has 0 to 1,000,000,000 dollars, not -1"),
    (fresh, c.SetBudget("run", usd=nan), "a budget has 0 to 1,000,000,000 dollars, not nan"),
    (
        fresh,
        c.SetBudget("run", tokens=-1),
        "a budget has 0 to 1,000,000,000,000,000 tokens, not -1",
    ),
    (fresh, c.RaiseBudget("run"), "a budget is raised by more than nothing"),
    (
        fresh,
        c.RaiseBudget("task:A", usd=1.0),
        "task A has no limit in money that could be raised",
    ),
    (fresh, c.EditPlan(PlanChange()), "the change changes nothing"),
    (fresh, c.AskPerson(A, 1, "k1", "which?"), "attempt 1 of A does not go on any more"),
    (equipped, c.AskPerson(A, 1, "k1", " "), "the question is empty"),
    (equipped, c.ReportProgress(A, 1, ""), "the progress says nothing"),
    (
        equipped,
        c.RequestFiles(A, 1, "k1", ("../x",)),
        "'../x' is no file of the repository: it leaves the repository with \"..\"",
    ),
    (fresh, c.MakeRequest("k1", ""), "the question is empty"),
    (requested, c.AnswerRequest("r2"), "there is no request r2 (r1)"),
    (fresh, c.Revert(A), "A is preparing: only what has landed can be reverted"),
    (fresh, c.Promote(), "nothing has landed yet"),
    (told(c.Promote(), of=finished), c.Promote(), "it is being promoted already"),
    (told(c.EndRun()), c.EndRun(), "the run is ending already"),
    (finished, c.Pause(), f"the run has ended ({Outcome.COMPLETE})"),
]


@pytest.mark.parametrize(("make", "command", "reason"), REFUSED)
def test_a_command_is_refused_with_a_reason(
    make: Callable[[], Run], command: AnyCommand, reason: str
) -> None:
    run = make()
    with pytest.raises(Refused) as caught:
        decide(run.state, command)
    assert caught.value.message == reason
    assert refusal(run.state, command) == reason


def test_every_command_is_tried_both_ways() -> None:
    """`EndRun` and the others: none is forgotten in these tables."""
    every = set(c.Command.__subclasses__())
    assert {type(row[1]) for row in ACCEPTED} == every
    assert {type(row[1]) for row in REFUSED} == every


def test_a_message_that_no_pipe_holds_is_refused() -> None:
    reason = refusal(at(TaskState.WORKING).state, c.Steer(A, "x" * (MAX_MESSAGE + 1)))
    assert reason is not None
    assert "64,001 characters" in reason


def test_a_skip_is_not_taken_back_once_something_was_built_on_it() -> None:
    run = stuck().command(c.Skip(A))
    run_until(run, reached("B", TaskState.WORKING))
    assert refusal(run.state, c.Unskip(A)) == "B was built on the skip of A"


def test_a_cascade_that_meets_work_is_refused_as_a_whole() -> None:
    run = run_until(started(plan("A", "B", "C<A,B")), reached("A", TaskState.LANDED))
    run_until(run, reached("C", TaskState.WORKING))
    run.append(e.TaskStopAsked(TaskId("C"), "you"))
    assert refusal(run.state, c.Skip(TaskId("C"))) == "C is working: stop it first"


def test_a_message_answers_the_open_question() -> None:
    run = at(TaskState.WORKING).append(e.AttemptAsked(A, 1, "q7", "which?"))
    [event] = decide(run.state, c.Steer(A, "the first"))
    assert isinstance(event, e.MessageSent)
    assert event.answers == "q7"


def test_stopping_ends_the_agent_and_keeps_the_task_for_a_person() -> None:
    run = at(TaskState.WORKING).command(c.Stop(A, by="kim"))
    assert run.state.tasks[A].wanted is Wanted.STOP
    run_until(run, reached("A", TaskState.CANCELLED))
    assert run.explain("A") == "A is cancelled (r retry, s skip): stopped by kim"


def test_a_retry_heals_what_waits() -> None:
    run = stuck().command(c.Retry(A))
    run_until(run, reached("B", TaskState.LANDED))


def test_retries_of_a_person_start_a_new_count() -> None:
    of = plan("A", defaults=Defaults(retries=0))
    run = run_until(started(of), reached("A", TaskState.WORKING))
    run.append(e.AttemptExited(A, 1, 1))
    run_until(run, reached("A", TaskState.FAILED))
    run.command(c.Retry(A, feedback="use the other API"))
    assert run.state.tasks[A].failures == 0
    assert run.state.tasks[A].feedback == "use the other API"
    run_until(run, reached("A", TaskState.LANDED))


def test_a_held_queue_can_be_released_after_the_end_for_a_promotion() -> None:
    """Commits of the base still go through the queue then; nothing else may be changed."""
    run = finished()
    run.append(e.QueueHeld("you"))
    assert refusal(run.state, c.Release()) is None
    assert refusal(run.state, c.Release(A)) == f"the run has ended ({Outcome.COMPLETE})"


def test_the_last_landing_is_promoted_by_itself_also_after_an_earlier_promotion() -> None:
    """A person who promoted in the middle of the run does not end the automatic one."""
    run = run_until(started(plan("A", "B<A", promote="auto")), reached("A", TaskState.LANDED))
    run.command(c.Promote())
    run_until(run, lambda run: run.state.outcome is not None)
    assert run.state.promoted == run.state.tip
