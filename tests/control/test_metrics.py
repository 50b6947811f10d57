"""The metrics of a run: exact text, true numbers, counters that never fall."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.control.conftest import PLAN, begin
from tests.tui.sample_journal import STARTED_AT, middle

from agentdeck import __version__
from agentdeck.control.exposition import Exposition
from agentdeck.control.metrics import Surroundings, as_text, metrics_of
from agentdeck.control.metrics_page import page
from agentdeck.control.vitals import Health, Vitals
from agentdeck.core import events as e
from agentdeck.core.events import EntryKind, FailureClass, Recorded, Verdict
from agentdeck.core.fold import fold
from agentdeck.core.ids import AgentName, EntryId, GateName, ProcessIdentity, TaskId
from agentdeck.core.plan import GateWhen
from agentdeck.plans.reporting.tally import Tally

AROUND = Surroundings(alive=True, vitals=Vitals(Health.WELL, 1, 2.5))
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]
A = TaskId("A")


def samples(text: str) -> Samples:
    """Every sample of a text, by its name and labels."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram")
        for one in family.samples:
            key = (one.name, tuple(sorted((k, v) for k, v in one.labels.items() if k != "run")))
            assert key not in found, f"{key} stands there twice"
            assert one.labels["run"]
            found[key] = one.value
    return found


def of(found: Samples, name: str, **labels: str) -> float:
    return found[name, tuple(sorted(labels.items()))]


def test_what_stands_now_and_what_was_counted() -> None:
    """Tasks by state, the queue, the engine from the state; gates and tokens from the journal."""
    story = middle()
    tally = Tally()
    tally.add_all(story.history)
    now = STARTED_AT + story.at + 10
    found = samples(as_text(story.state, tally, AROUND, now))
    state = story.state
    assert sum(v for (n, _), v in found.items() if n == "agentdeck_tasks") == len(state.tasks)
    for each in {task.state for task in state.tasks.values()}:
        count = len(list(state.in_state(each)))
        assert of(found, "agentdeck_tasks", state=str(each)) == count
    assert (
        of(found, "agentdeck_run_state", state="running")
        + of(found, "agentdeck_run_state", state="needs you")
        == 1
    )
    assert of(found, "agentdeck_queue_entries") == len(state.queue)
    assert of(found, "agentdeck_event_last_seq") == state.seq == len(story.history)
    assert of(found, "agentdeck_engine_up") == 1
    assert of(found, "agentdeck_engine_heartbeat_lag_seconds") == 2.5
    tokens = sum(v for (n, _), v in found.items() if n == "agentdeck_tokens_total")
    cached = sum(
        v
        for (n, labels), v in found.items()
        if n == "agentdeck_tokens_total" and ("direction", "cached") in labels
    )
    assert tokens - cached == state.tokens
    cost = sum(v for (n, _), v in found.items() if n == "agentdeck_cost_usd_total")
    assert cost == pytest.approx(state.usd)
    runs = sum(v for (n, _), v in found.items() if n == "agentdeck_gate_runs_total")
    assert runs == sum(
        v for (n, _), v in found.items() if n == "agentdeck_gate_duration_seconds_count"
    )
    assert runs == sum(isinstance(r.event, e.GateFinished) for r in story.history) > 0


def test_the_page_is_up_to_date() -> None:
    """`python -m agentdeck.control.metrics_page > docs/metrics.md` writes it anew."""
    kept = Path(__file__).parents[2] / "docs" / "metrics.md"
    assert kept.read_text(encoding="utf-8") == page()


def test_the_labels_on_the_page_are_those_of_the_samples() -> None:
    """Where a run has none yet, the page says by hand which there will be."""
    story = middle()
    tally = Tally()
    tally.add_all(story.history)
    text = as_text(story.state, tally, AROUND, STARTED_AT)
    for family in text_string_to_metric_families(text):
        name = family.name + ("_total" if family.type == "counter" else "")
        [row] = [line for line in page().splitlines() if line.startswith(f"| `{name}` |")]
        said = {label.strip() for label in row.split("|")[3].split(",") if label.strip()}
        for one in family.samples:
            assert set(one.labels) - {"run", "le"} == said, name


def test_no_counter_falls_as_a_run_goes_on() -> None:
    """After each event, as after a restart of whoever counts, each is at least what it was."""
    story = middle()
    tally, before = Tally(), dict[tuple[str, tuple[tuple[str, str], ...]], float]()
    for recorded in story.history:
        tally.add(recorded)
        state = fold(story.history[: recorded.seq])
        found = samples(as_text(state, tally, AROUND, STARTED_AT + 9_999))
        counters = {
            key: value
            for key, value in found.items()
            if re.search(r"_(total|count|sum|bucket)$", key[0])
        }
        assert all(counters.get(key, -1) >= value for key, value in before.items())
        before = counters
    assert before


def event(seq: int, of: e.AnyEvent, at: float = 0.0) -> Recorded:
    return Recorded(seq, 1_000.0 + at, of)


def test_usage_that_is_taken_back_stays_counted() -> None:
    """A stream that says less than before makes no counter fall, and nothing is counted twice."""
    tally = Tally()
    tally.add(event(1, e.AttemptClaimed(A, 1, AgentName("bot"))))
    for number, (tokens, usd) in enumerate([(100, 1.0), (60, 0.5), (120, 1.25)], start=2):
        tally.add(event(number, e.AttemptProgressed(A, 1, number, tokens_in=tokens, usd=usd)))
    assert tally.tokens[AgentName("bot"), "in"] == 120
    assert tally.usd[AgentName("bot")] == 1.25


def test_gates_landings_and_attempts_are_counted_with_their_durations() -> None:
    tally = Tally()
    process = ProcessIdentity(1, 1, "boot")
    gate = e.GateFinished(
        GateName("unit"), GateWhen.MERGE, "t", "c", 1, Verdict.FAILED, 1, 12.5, "log"
    )
    told: list[tuple[e.AnyEvent, float]] = [
        (e.AttemptClaimed(A, 1, AgentName("bot")), 0.0),
        (e.AttemptLaunched(A, 1, process, process), 1.0),
        (e.AttemptExited(A, 1, 0), 31.0),
        (e.RetryScheduled(A, 1, FailureClass.GATE, "red", 40.0), 32.0),
        (e.EntryQueued(EntryId("q1"), EntryKind.TASK, "h", A, 1), 50.0),
        (gate, 63.0),
        (e.EntryLanded(EntryId("q1"), "c", "t", A), 70.0),
    ]
    for number, (what, at) in enumerate(told, start=1):
        tally.add(event(number, what, at))
    assert tally.attempts == {"bot": 1}
    assert tally.attempt_s[AgentName("bot")].sum_s == 30.0
    assert tally.retries == {"gate": 1}
    assert tally.gates == {("unit", "failed"): 1}
    assert tally.gate_s["unit"].counts[2] == 1  # between 5 and 15 s
    assert tally.landings == {"task": 1}
    assert tally.queue_s.sum_s == 20.0


def test_names_of_a_plan_cannot_break_the_text() -> None:
    """Quotes, backslashes and line ends come back as they were."""
    nasty = 'a "b" \\ c\nd} 1'
    found = Exposition({"run": "r"})
    found.gauge("x", "what \\ it\nis", [({"plan": nasty}, 1.5), ({"plan": "y"}, float("inf"))])
    [family] = text_string_to_metric_families(found.text())
    assert family.documentation == "what \\ it\nis"
    assert [(one.labels["plan"], one.value) for one in family.samples] == [
        (nasty, 1.5),
        ("y", float("inf")),
    ]


def test_a_run_without_an_engine_has_metrics_too() -> None:
    """The lag of a heartbeat is left out where nothing should beat."""
    folder = begin("two-tasks-0002")
    text, fault = metrics_of(folder, 2_000.0)
    assert fault is None
    found = samples(text)
    assert of(found, "agentdeck_engine_up") == 0
    assert of(found, "agentdeck_tasks", state="ready") == 1
    about = {"plan": PLAN.name, "base": "main", "target": "deck/two-tasks"}
    assert of(found, "agentdeck_run_info", **about, version=__version__) == 1
    assert "agentdeck_engine_heartbeat_lag_seconds{" not in text
