"""Evidence cards, the report and the history of gates, from journals without an engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.events import AnyEvent, SkipMode, Verdict
from agentdeck.core.ids import PhaseId, RunId, TaskId
from agentdeck.core.plan import Defaults, GateWhen, Land, Phase
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.steps import IOStep, RunGate, Watch
from agentdeck.plans.reporting.card import (
    Card,
    GateRow,
    Landed,
    Try,
    cards,
    in_order_of_landing,
)
from agentdeck.plans.reporting.gate_history import GateLine, RunOfGates, gate_lines
from agentdeck.plans.reporting.report import (
    PROMPT_CHARS,
    Done,
    Group,
    Report,
    Totals,
    brief_of,
    report_of,
)
from agentdeck.plans.reporting.told import told_by
from agentdeck.testing.builders import (
    Answer,
    Run,
    gate,
    gate_finished,
    plan,
    reached,
    run_until,
    started,
    task,
)

A = TaskId("A")


def ended(run: Run) -> bool:
    return run.state.outcome is not None


def card_of(run: Run, name: str) -> Card:
    return next(card for card in cards(told_by(run.history)) if card.task == name)


def tasks_of(run: Run) -> dict[str, Done]:
    report = report_of(told_by(run.history))
    return {task.card.task: task for group in report.phases for task in group.tasks}


def red_first(*, gate_name: str, times: int, verdict: Verdict = Verdict.FAILED) -> Answer:
    """A gate that does not pass so many times."""
    left = [times]

    def answer(_state: RunState, step: IOStep) -> list[AnyEvent] | None:
        if not isinstance(step, RunGate) or step.gate != gate_name or not left[0]:
            return None
        left[0] -= 1
        return [gate_finished(step, verdict)]

    return answer


def test_a_batch_lands_in_one_commit_and_each_task_is_taken_back_by_its_own_merge() -> None:
    run = run_until(started(plan("A", "B", gates=(gate("whole"),))), ended)
    tasks = tasks_of(run)
    landings = [tasks[name].card.landing for name in "AB"]
    assert landings[0] is not None
    assert landings[1] is not None
    assert landings[0].commit == landings[1].commit
    assert (landings[0].together, landings[1].together) == (["B"], ["A"])
    merges = {landing.task: landing.merge for landing in run.state.landings}
    for name in "AB":
        back = tasks[name].rollback
        assert back is not None
        assert back.command == f"git revert -m 1 {merges[TaskId(name)]}"
        assert merges[TaskId(name)] not in ("", landings[0].commit)
    assert report_of(told_by(run.history)).totals.commits_on_target == 1


def test_a_landing_of_one_is_its_own_merge() -> None:
    run = run_until(started(plan("A")), ended)
    landing = card_of(run, "A").landing
    assert landing is not None
    assert landing.merge == landing.commit == run.state.landings[0].commit
    assert (landing.together, landing.attempt, landing.order) == ([], 1, 1)


def test_what_was_built_on_a_task_goes_before_it() -> None:
    """The latest first, and nothing that has not landed."""

    def fails(_state: RunState, step: IOStep) -> list[AnyEvent] | None:
        if isinstance(step, Watch) and step.task == "D":
            return [e.AttemptExited(step.task, step.attempt, 3)]
        return None

    of = plan("A", "B<A", "C<A,B", "D<A", defaults=Defaults(retries=0))
    run = run_until(started(of), lambda run: run.task_state("C") is TaskState.LANDED, fails)
    tasks = tasks_of(run)
    first = {name: done.rollback.first for name, done in tasks.items() if done.rollback}
    assert first == {"A": ["C", "B"], "B": ["C"], "C": []}


def test_a_card_says_who_said_yes_and_who_worked_by_hand() -> None:
    """An approval counts for the attempt that it was given to."""
    run = run_until(started(plan("A", land=Land.REVIEW)), reached("A", TaskState.REVIEWING))
    before = card_of(run, "A")
    assert (before.policy, before.reviewed, before.approval) == ("review", True, None)
    run.clock.advance(5)
    run.command(c.Approve(A, by="kim"))
    run_until(run, ended)
    approval = card_of(run, "A").approval
    assert approval is not None
    assert (approval.by, approval.attempt) == ("kim", 1)
    assert approval.at == run.clock.now


def test_a_yes_to_an_earlier_attempt_is_no_yes_to_what_landed() -> None:
    run = run_until(started(plan("A", land=Land.APPROVE)), reached("A", TaskState.PROPOSED))
    run.append(e.TaskApproved(A, 1, "kim"))
    run.command(c.Retry(A, by="kim", feedback="again"))
    run_until(run, lambda run: run.task_state("A") is TaskState.PROPOSED)
    assert len(card_of(run, "A").attempts) == 2
    assert card_of(run, "A").approval is None


def test_a_flaky_gate_is_told_with_its_red_run() -> None:
    """Green after red on the same tree is one verdict of two runs, and names the red log."""
    of = plan("A", gates=(gate("unit", GateWhen.TASK, retries=1),))
    run = run_until(started(of), ended, red_first(gate_name="unit", times=1))
    (row,) = card_of(run, "A").gates
    assert (row.verdict, row.last, row.runs, row.seconds) == ("flaky", "passed", 2, 2.0)
    assert (row.red_log, row.red_line) == ("gates/unit", "assert 1 == 2")
    assert report_of(told_by(run.history)).totals.gates_flaky == 1


def test_the_gate_of_a_batch_is_evidence_of_each_task_in_it() -> None:
    of = plan("A", "B", gates=(gate("unit", GateWhen.TASK), gate("whole")))
    run = run_until(started(of), ended)
    for name in "AB":
        rows = {row.gate: row for row in card_of(run, name).gates}
        assert (rows["unit"].attempt, rows["unit"].landed) == (1, False)
        assert (rows["whole"].attempt, rows["whole"].landed) == (None, True)


def test_red_verdicts_that_a_retry_forgets_stay_in_the_card() -> None:
    """A person retries, so the engine judges anew; the evidence of the first time is history."""
    of = plan("A", gates=(gate("unit", GateWhen.TASK),), defaults=Defaults(retries=0))
    run = run_until(
        started(of), reached("A", TaskState.FAILED), red_first(gate_name="unit", times=1)
    )
    failed = card_of(run, "A")
    assert (failed.state, failed.cause, failed.landing) == ("failed", "gate", None)
    assert failed.attempts[0].ended == "failed: gate"
    assert "assert 1 == 2" in failed.reason
    assert [row.verdict for row in failed.gates] == ["red"]
    run.command(c.Retry(A, by="kim"))
    assert not run.state.gates
    run_until(run, ended)
    assert [row.verdict for row in card_of(run, "A").gates] == ["red", "green"]


def test_tasks_stand_by_phase_and_in_the_order_of_their_landing() -> None:
    """What has not landed comes behind what has; tasks without a phase come last."""
    phases = (Phase(PhaseId("one"), title="First"), Phase(PhaseId("two")))
    one, two = PhaseId("one"), PhaseId("two")
    of = plan(
        task("N"),
        task("S", phase=one, defer="not now"),
        task("L<E", phase=one),
        task("E", phase=one),
        task("T", phase=two),
        phases=phases,
    )
    run = run_until(started(of), ended)
    report = report_of(told_by(run.history))
    told = [(g.title, g.landed, [t.card.task for t in g.tasks]) for g in report.phases]
    assert told == [
        ("First", 2, ["E", "L", "S"]),
        ("two", 1, ["T"]),
        ("Other tasks", 1, ["N"]),
    ]
    assert report.skipped == ["S"]
    order = [card.task for card in in_order_of_landing(cards(told_by(run.history)))]
    assert order == [landing.task for landing in run.state.landings]


def test_a_skipped_task_says_who_skipped_it() -> None:
    run = started(plan("A", "B<A"))
    run = run_until(run, reached("A", TaskState.WORKING))
    run.command(c.Skip(TaskId("B"), mode=SkipMode.DONE, by="kim"))
    assert card_of(run, "B").skipped_by == "kim"
    assert report_of(told_by(run.history)).skipped == ["B"]


def test_money_that_nobody_names_is_unknown_and_not_nothing() -> None:
    def answer(_state: RunState, step: IOStep) -> list[AnyEvent] | None:
        if not isinstance(step, Watch):
            return None
        usd = 0.5 if step.task == "A" else 0.0
        said = e.AttemptProgressed(step.task, step.attempt, 1, tokens_in=70, tokens_out=7, usd=usd)
        return [said, e.AttemptExited(step.task, step.attempt, 0, ok=True)]

    run = run_until(started(plan("A", "B")), ended, answer)
    totals = report_of(told_by(run.history)).totals
    assert (totals.tokens, totals.usd, totals.usd_unknown) == (154, 0.5, 1)
    assert [tasks_of(run)[name].usd for name in "AB"] == [0.5, None]


def test_the_same_journal_gives_the_same_bytes() -> None:
    run = run_until(started(plan("A", "B<A", gates=(gate("whole"),))), ended)
    reports = [msgspec.json.encode(report_of(told_by(run.history))) for _ in range(2)]
    assert reports[0] == reports[1]


@pytest.mark.parametrize(
    ("prompt", "cut"),
    [("", False), ("short\n", False), ("x" * PROMPT_CHARS, False), ("x" * 5000, True)],
)
def test_a_long_brief_is_cut_and_says_so(prompt: str, cut: bool) -> None:
    brief = brief_of(prompt)
    assert (brief.cut, brief.chars) == (cut, len(prompt))
    assert len(brief.text) <= PROMPT_CHARS


def test_a_brief_of_many_lines_is_cut_too() -> None:
    brief = brief_of("line\n" * 1000)
    assert brief.cut
    assert brief.text.count("\n") < 100


# --- gates over time -----------------------------------------------------------------------------


def finished(number: int, verdict: Verdict, seconds: float, tree: str = "t") -> e.GateFinished:
    step: Any = RunGate(gate("unit").name, GateWhen.TASK, tree, "c", number, A, 1)
    return msgspec.structs.replace(gate_finished(step, verdict), seconds=seconds)


def history(run: Run, name: str = "r") -> RunOfGates:
    told = told_by(run.history)
    return RunOfGates(RunId(name), told.state.plan.gates, tuple(told.gates))


def test_a_gate_over_one_run() -> None:
    """Broken runs say nothing about a tree, so they are in neither the rate nor the times."""
    run = started(plan("A", gates=(gate("unit", GateWhen.TASK, retries=3), gate("never"))))
    run.append(
        finished(1, Verdict.FAILED, 4.0),
        finished(2, Verdict.PASSED, 2.0),
        finished(1, Verdict.BROKEN, 900.0, "u"),
        finished(2, Verdict.PASSED, 3.0, "u"),
        finished(1, Verdict.TIMED_OUT, 60.0, "v"),
    )
    unit, never = gate_lines([history(run)])
    assert (unit.runs, unit.passed, unit.failed, unit.timed_out, unit.broken) == (5, 2, 1, 1, 1)
    assert (unit.pass_rate, unit.trees, unit.flaky) == (0.5, 3, 1)
    assert (unit.median_s, unit.longest_s) == (3.5, 60.0)
    red = unit.last_red
    assert red is not None
    assert (red.verdict, red.tree, red.task, red.attempt) == ("timed out", "v", "A", 1)
    assert red.last_line == "assert 1 == 2"
    assert (never.runs, never.pass_rate, never.median_s, never.last_red) == (0, None, None, None)


def test_a_gate_over_several_runs() -> None:
    """The same tree in two runs is two trees: each run has a verdict of its own."""
    runs = []
    for verdict in (Verdict.FAILED, Verdict.PASSED):
        run = started(plan("A", gates=(gate("unit", GateWhen.TASK),)))
        run.append(finished(1, verdict, 1.0))
        runs.append(history(run, f"r-{verdict}"))
    (unit,) = gate_lines(runs)
    assert (unit.runs, unit.trees, unit.flaky, unit.pass_rate) == (2, 2, 0, 0.5)


# --- the shape that is promised ------------------------------------------------------------------

DOCS = Path(__file__).parents[2] / "docs" / "report.md"
TABLES: dict[str, type[msgspec.Struct]] = {
    "Report": Report,
    "Totals": Totals,
    "Group": Group,
    "Task": Done,
    "Card": Card,
    "Attempt": Try,
    "Gate": GateRow,
    "Landing": Landed,
    "History": GateLine,
}


@pytest.mark.parametrize("heading", TABLES)
def test_the_page_about_reports_names_every_field(heading: str) -> None:
    """docs/report.md lists the fields of each struct, no more and no less."""
    section = DOCS.read_text(encoding="utf-8").split(f"### {heading}\n", 1)[1].split("\n#", 1)[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    named = [word.strip("` ") for row in rows for word in row.split(",")]
    assert sorted(named) == sorted(TABLES[heading].__struct_fields__)
