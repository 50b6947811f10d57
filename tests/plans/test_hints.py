"""Hints: who is slower than its siblings, and what holds a run up again and again."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from agentdeck.core import events as e
from agentdeck.core.events import AnyEvent, EntryKind, FailureClass, Recorded, Verdict
from agentdeck.core.fold import apply
from agentdeck.core.ids import AgentName, EntryId, GateName, ProcessIdentity, RunId, TaskId
from agentdeck.core.plan import Gate, GateWhen, Plan
from agentdeck.core.state import RunState
from agentdeck.plans.forecast.hints import (
    LEAST_SIBLINGS,
    MAX_HINTS,
    Usual,
    hints,
    slow,
    usual_times,
)
from agentdeck.plans.forecast.history import History, Sample
from agentdeck.plans.forecast.setbacks import LAST, HintKind, Setbacks
from agentdeck.testing.builders import plan, task

MINUTE = 60.0
SCRIPTED = AgentName("scripted")
UNIT = GateName("unit")
PROCESS = ProcessIdentity(1, 1, "boot")


def sample(
    work_s: float,
    *,
    estimate_s: float | None = None,
    kind: str | None = None,
    proven: bool = True,
    agent: AgentName = SCRIPTED,
) -> Sample:
    return Sample(agent, kind, None, estimate_s, work_s, proven)


def history(*samples: Sample) -> History:
    return History(samples)


class Told:
    """Events told one after the other, folded, and read for what comes back."""

    def __init__(self, of: Plan) -> None:
        self.state, self.setbacks = RunState(), Setbacks()
        self.at, self.trees = 0.0, 0
        self.tell(
            e.RunStarted(RunId("r"), of, "/repo/.git", "main", "c0", "t0", "deck/p", "/repo"),
            e.EngineStarted(PROCESS, "0"),
        )

    def tell(self, *events: AnyEvent) -> None:
        for event in events:
            recorded = Recorded(self.state.seq + 1, self.at, event)
            apply(self.state, recorded)
            self.setbacks.take(recorded)

    def start(self, name: str) -> None:
        attempt = len(self.state.tasks[TaskId(name)].attempts) + 1
        self.tell(
            e.AttemptClaimed(TaskId(name), attempt, SCRIPTED, None),
            e.WorktreePrepared(TaskId(name), attempt, "/w", f"b/{name}", "c0"),
            e.AttemptLaunched(TaskId(name), attempt, PROCESS, PROCESS),
        )

    def hints(self, usual: dict[TaskId, Usual] | None = None) -> list[str]:
        return [hint.sentence for hint in hints(self.state, self.at, usual or {}, self.setbacks)]


def read(events: Iterable[AnyEvent], of: Plan) -> Setbacks:
    """What comes back in events that need not make a whole run."""
    found = Setbacks()
    first = e.RunStarted(RunId("r"), of, "/repo/.git", "main", "c0", "t0", "deck/p", "/repo")
    for seq, event in enumerate((first, *events), 1):
        found.take(Recorded(seq, float(seq), event))
    return found


def red(name: str, number: int, verdict: Verdict = Verdict.FAILED, run: int = 1) -> AnyEvent:
    """A gate's verdict on attempt `number`, at a tree of its own."""
    tree = f"{name}-{number}"
    return e.GateFinished(
        UNIT, GateWhen.TASK, tree, "c", run, verdict, 1, 9.0, "g", "", TaskId(name), number
    )


def sentences(found: Setbacks, state: RunState | None = None) -> list[str]:
    return [hint.sentence for hint in found.hints(state or RunState())]


# --- slower than its siblings ---------------------------------------------------------------------


def test_a_task_is_slow_beyond_twice_what_its_siblings_took() -> None:
    """48 minutes, where others took 12 to 20: the sentence has all three figures."""
    told = Told(plan("A"))
    took = [12, 12, 13, 14, 15, 16, 17, 20, 20, 20]
    usual = usual_times(told.state.plan, history(*(sample(n * MINUTE) for n in took)))
    told.start("A")
    told.at = 30 * MINUTE
    assert told.hints(usual) == []
    told.at = 48 * MINUTE
    assert told.hints(usual) == ["A works for 48 min; tasks like it take 12 to 20 min"]
    (hint,) = hints(told.state, told.at, usual, told.setbacks)
    assert (hint.kind, hint.tasks) == (HintKind.SLOW, (TaskId("A"),))


def test_siblings_are_compared_by_what_was_estimated() -> None:
    """Those that took their estimate make twenty minutes long for a task of five."""
    found = usual_times(
        plan(task("A", estimate_s=300.0), task("B", estimate_s=3600.0)),
        history(*(sample(s, estimate_s=s) for s in (600.0, 1200.0, 1800.0))),
    )
    assert found[TaskId("A")].slow_s == pytest.approx(600)
    assert found[TaskId("B")].slow_s == pytest.approx(7200)


def test_a_kind_of_its_own_has_siblings_of_its_own_when_there_are_enough() -> None:
    """Below that, all of its agent's; other agents never."""
    docs = [sample(60.0, kind="docs") for _ in range(LEAST_SIBLINGS)]
    code = [sample(600.0, kind="code") for _ in range(LEAST_SIBLINGS - 1)]
    other = [sample(9.0, agent=AgentName("claude")) for _ in range(9)]
    found = usual_times(
        plan(task("D", kind="docs"), task("C", kind="code")), history(*docs, *code, *other)
    )
    assert found[TaskId("D")].siblings == LEAST_SIBLINGS
    assert found[TaskId("D")].slow_s == pytest.approx(120)
    assert found[TaskId("C")].siblings == 2 * LEAST_SIBLINGS - 1


def test_nothing_is_usual_with_too_few_or_unproven_siblings() -> None:
    few = [sample(60.0) for _ in range(LEAST_SIBLINGS - 1)]
    assert usual_times(plan("A"), history(*few, sample(60.0, proven=False))) == {}


def test_short_work_is_never_slow() -> None:
    """Three times a second is still nothing that anybody wants to hear of."""
    told = Told(plan("A"))
    usual = usual_times(told.state.plan, history(*(sample(1.0) for _ in range(5))))
    told.start("A")
    told.at = 59.0
    assert not slow(told.state, TaskId("A"), usual, told.at)
    told.at = 61.0
    assert slow(told.state, TaskId("A"), usual, told.at)


def test_time_that_is_frozen_does_not_make_slow() -> None:
    told = Told(plan("A"))
    usual = usual_times(told.state.plan, history(*(sample(100.0) for _ in range(5))))
    told.start("A")
    told.tell(e.TaskPauseAsked(TaskId("A"), "you"), e.AttemptFrozen(TaskId("A"), 1, 1))
    told.at = 10_000.0
    assert told.hints(usual) == []
    told.tell(e.TaskResumeAsked(TaskId("A"), "you"), e.AttemptThawed(TaskId("A"), 1))
    told.at = 10_100.0
    assert told.hints(usual) == []


def test_at_most_three_and_the_slowest_first() -> None:
    told = Told(plan("A", "B", "C", "D", "E", agents_limit=5))
    usual = usual_times(told.state.plan, history(*(sample(100.0) for _ in range(5))))
    for name in "ABCDE":
        told.start(name)
        told.at += 100
    told.at += 1000
    found = told.hints(usual)
    assert [sentence[0] for sentence in found] == ["A", "B", "C"]
    assert len(found) == MAX_HINTS


# --- what comes back ------------------------------------------------------------------------------

THREE = plan("A", "B", "C", "D", "E", "F", gates=(Gate(UNIT, ("true",), (GateWhen.TASK,)),))


def test_a_gate_that_is_red_again_and_again_is_named_with_its_tasks() -> None:
    passed = [red("D", 1, Verdict.PASSED), red("E", 1, Verdict.PASSED)]
    told = [red("A", 1), *passed, red("B", 1), red("A", 2), red("C", 1)]
    found = read(told, THREE)
    assert sentences(found) == ["gate unit has been red in 4 of the last 6 attempts: A, B, C"]
    (hint,) = found.hints(RunState())
    assert hint.tasks == (TaskId("A"), TaskId("B"), TaskId("C"))


@pytest.mark.parametrize(
    "told",
    [
        pytest.param([red("A", 1), red("B", 1)], id="twice"),
        pytest.param([red("A", n) for n in range(5)], id="one task"),
        pytest.param(
            [r for n in "ABC" for r in (red(n, 1), red(n, 1, Verdict.PASSED, 2))], id="flaky"
        ),
        pytest.param([red(n, 1, Verdict.BROKEN) for n in "ABC"], id="broken"),
        pytest.param(
            [red(n, 1) for n in "ABC"] + [red("D", n, Verdict.PASSED) for n in range(LAST)],
            id="green since",
        ),
    ],
)
def test_what_is_no_pattern_is_not_told(told: list[AnyEvent]) -> None:
    assert sentences(read(told, THREE)) == []


def test_a_red_gate_of_the_queue_is_that_of_the_entry_it_has_built() -> None:
    """The event of a merge gate names a tree and no task."""
    told: list[AnyEvent] = []
    for name in "ABC":
        entry = EntryId(f"{name}.1")
        told += [
            e.EntryQueued(entry, EntryKind.TASK, "h", TaskId(name), 1),
            e.EntryBuilt(entry, "c", f"tree {name}", "tip"),
            e.GateFinished(
                UNIT, GateWhen.MERGE, f"tree {name}", "c", 1, Verdict.FAILED, 1, 9.0, "g"
            ),
            e.EntryEjected(entry, FailureClass.GATE, "red"),
        ]
    assert sentences(read(told, THREE)) == [
        "gate unit has been red in 3 of the last 3 attempts: A, B, C"
    ]


def test_a_file_that_conflicts_again_and_again_is_named() -> None:
    """And no longer once as many merges have gone well."""
    told: list[AnyEvent] = []
    for name in "ABC":
        entry = EntryId(f"{name}.1")
        told += [
            e.EntryQueued(entry, EntryKind.TASK, "h", TaskId(name), 1),
            e.EntryConflicted(entry, "tip", ("src/api.py", f"{name}.py")),
            e.EntryEjected(entry, FailureClass.CONFLICT, "conflicts"),
        ]
    expected = "src/api.py was in conflict in 3 of the last 3 merges: A, B, C"
    assert sentences(read(told, THREE)) == [expected]
    landed = [e.EntryLanded(EntryId(f"D.{n}"), "c", f"t{n}", TaskId("D")) for n in range(LAST)]
    assert sentences(read([*told, *landed], THREE)) == []


def test_attempts_that_end_by_the_same_cause_are_told() -> None:
    """But not what a person has decided, and a gate has a sentence of its own."""

    def ends(cause: FailureClass) -> list[AnyEvent]:
        tried = [e.RetryScheduled(TaskId(name), 1, cause, "d", 1.0) for name in "ABC"]
        return [*tried, e.TaskProposed(TaskId("D"), 1, "h")]

    assert sentences(read(ends(FailureClass.NO_WORK), THREE)) == [
        "3 of the last 4 attempts ended by the same cause, no work: A, B, C"
    ]
    for cause in (FailureClass.STOPPED, FailureClass.GATE, FailureClass.CONFLICT):
        assert sentences(read(ends(cause), THREE)) == []


FILES = plan(
    "A src/core/", "B src/core/b.py", "C src/core/", "D src/core/", "E src/core/e.py", "F docs/"
)


def one_after_the_other(gap_s: float = 0.0) -> Setbacks:
    found = Setbacks()
    at, seq = 0.0, 0

    def take(event: AnyEvent) -> None:
        nonlocal seq
        seq += 1
        found.take(Recorded(seq, at, event))

    take(e.RunStarted(RunId("r"), FILES, "/repo/.git", "main", "c0", "t0", "deck/p", "/repo"))
    for name in "ABCD":
        take(e.AttemptClaimed(TaskId(name), 1, SCRIPTED, None))
        at += 100
        take(e.EntryLanded(EntryId(f"{name}.1"), "c", f"t{name}", TaskId(name)))
        at += gap_s
    return found


def test_files_that_are_waited_for_again_and_again_are_named() -> None:
    """With who waited for whom, and how many may have to wait yet."""
    told = Told(FILES)
    for name in "ABCD":
        told.start(name)
    found = one_after_the_other().hints(told.state)
    assert [hint.sentence for hint in found] == [
        "src/core/ has been waited for 3 times: B for A, C for B, D for C; 1 more task may touch it"
    ]
    told.start("E")
    assert one_after_the_other().hints(told.state) == ()  # nobody is left who may have to wait


def test_a_start_long_after_a_landing_has_not_waited_for_it() -> None:
    assert one_after_the_other(gap_s=10.0).hints(Told(FILES).state) == ()


def test_a_run_that_has_ended_has_no_hints() -> None:
    told = Told(plan("A"))
    usual = usual_times(told.state.plan, history(*(sample(100.0) for _ in range(5))))
    told.start("A")
    told.at = 9_999.0
    assert told.hints(usual)
    told.tell(e.RunEndAsked("you"))
    told.state.outcome = e.Outcome.STOPPED
    assert told.hints(usual) == []
