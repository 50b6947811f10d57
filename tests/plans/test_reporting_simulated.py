"""Reports of simulated runs, with faults, people and batches: what must hold for every journal."""

from __future__ import annotations

import json
from fractions import Fraction

import msgspec
import pytest

from agentdeck.core import events as e
from agentdeck.core.events import Recorded
from agentdeck.core.state import TaskState
from agentdeck.plans.reporting.gate_history import RunOfGates, gate_lines
from agentdeck.plans.reporting.markdown import markdown
from agentdeck.plans.reporting.page import page
from agentdeck.plans.reporting.report import Report, report_of
from agentdeck.plans.reporting.told import Told, told_by
from agentdeck.testing.simulation import seeded

SEEDS = range(12)


def journal(seed: int) -> list[Recorded]:
    simulation = seeded(seed)
    simulation.run()
    return simulation.history


@pytest.mark.parametrize("seed", SEEDS)
def test_every_journal_has_a_true_report(seed: int) -> None:
    """At every time, with each landing as it was, and with sums that are those of the state."""
    history = journal(seed)
    is_there_at_every_time(history)
    tells_what_has_landed(history)
    adds_up(history)


def is_there_at_every_time(history: list[Recorded]) -> None:
    """In all forms, at its end and in between; and the JSON is read back as it was."""
    told = Told()
    for recorded in history:
        told.take(recorded)
        if recorded.seq % 101 == 0 or recorded.seq == len(history):
            report = report_of(told)
            encoded = msgspec.json.encode(report)
            assert msgspec.json.decode(encoded, type=Report) == report
            assert json.loads(encoded)["run"] == told.state.run
            assert page(report).count("<article") == len(told.state.tasks)
            assert markdown(report).count("\n### ") == len(told.state.tasks)


def tells_what_has_landed(history: list[Recorded]) -> None:
    """Each landing once, by its own merge, with the head that was queued and a green tree."""
    told = told_by(history)
    report = report_of(told)
    tasks = {task.card.task: task for group in report.phases for task in group.tasks}
    landed = {event.task: event for event in of_kind(history) if event.task is not None}
    taken_back = {name for name, task in told.state.tasks.items() if task.reverted}
    landed = {name: event for name, event in landed.items() if name not in taken_back}
    assert {name for name, task in tasks.items() if task.card.landing} == set(landed)
    for name, event in landed.items():
        task = tasks[name]
        landing = task.card.landing
        assert landing is not None
        assert task.rollback is not None
        assert landing.merge == (event.merge or event.commit)
        assert task.rollback.command.endswith(f" {landing.merge}")
        assert (landing.commit, landing.tree) == (event.commit, event.tree)
        attempt = task.card.attempts[landing.attempt - 1]
        assert (attempt.head, attempt.ended) == (landing.head, "landed")
        # A gate that only others have may run on its tree later, to know whom to blame.
        until = landing.at
        verdicts = {row.verdict for row in task.card.gates if row.landed and row.at <= until}
        assert verdicts <= {"green", "flaky"}
    orders = [task.card.landing.order for task in tasks.values() if task.card.landing]
    assert len(set(orders)) == len(orders)


def of_kind(history: list[Recorded]) -> list[e.EntryLanded]:
    return [one.event for one in history if isinstance(one.event, e.EntryLanded)]


def adds_up(history: list[Recorded]) -> None:
    """Nothing is counted twice, and nothing is lost."""
    told = told_by(history)
    totals = report_of(told).totals
    assert totals.tokens == told.state.tokens
    assert (totals.usd or 0.0) == pytest.approx(told.state.usd)
    assert totals.tasks == len(told.state.tasks) == sum(totals.states.values())
    assert totals.landed == sum(1 for _ in told.state.in_state(TaskState.LANDED))
    assert totals.gate_runs == sum(isinstance(one.event, e.GateFinished) for one in history)
    lines = gate_lines([RunOfGates(told.state.run, told.state.plan.gates, tuple(told.gates))])
    assert sum(line.runs for line in lines) == totals.gate_runs
    assert sum(line.flaky for line in lines) == totals.gates_flaky
    for line in lines:
        assert line.runs == line.passed + line.failed + line.timed_out + line.broken
        said = line.runs - line.broken
        rate = None if not said else float(Fraction(line.passed, said))
        assert line.pass_rate == rate
