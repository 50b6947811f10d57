"""The metrics of a run: what stands now from its state, what was counted from its journal.

Rules:
- Every sample has the label `run`. Names and labels are public: they stay.
- Nothing that an agent, a gate or a person has written is a label, but for names of the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from agentdeck import __version__
from agentdeck.control.exposition import Exposition, Labels
from agentdeck.control.runs import RunFolder
from agentdeck.control.socketfile import answers
from agentdeck.control.vitals import Vitals, vitals_of
from agentdeck.control.words import RunWord, state_word
from agentdeck.core import inbox
from agentdeck.core.errors import DeckError, NotFoundError
from agentdeck.core.fold import apply
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.journal import READ_CHUNK, Journal
from agentdeck.plans.reporting.tally import BOUNDS_S, Histogram, Tally

Name = TypeVar("Name", bound=str)

# Which state of a task means what for its agent.
AGENTS: Final = {
    "preparing": TaskState.PREPARING,
    "working": TaskState.WORKING,
    "waiting": TaskState.ASKING,
    "paused": TaskState.PAUSED,
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What of a run is not in its journal."""

    alive: bool  # does an engine answer?
    vitals: Vitals
    delay_s: float | None = None  # from the latest event to who looks; None = nobody follows
    watching: int | None = None  # sockets of a bridge


def metrics_of(folder: RunFolder, now: float) -> tuple[str, DeckError | None]:
    """The metrics of a run from its journal, and what is wrong with the rest of that.

    Raises:
        JournalError, JournalFormatError: not even its first event can be read.
        NotFoundError: it has no event yet.
    """
    state, tally = RunState(), Tally()
    journal = Journal(folder.journal)
    try:
        fault = _count(journal, state, tally)
    finally:
        journal.close()
    if not state.seq:
        raise fault or NotFoundError(f"the journal of run {folder.run} has no event")
    around = Surroundings(answers(folder.socket), vitals_of(folder, state, now))
    return as_text(state, tally, around, now), fault


def _count(journal: Journal, state: RunState, tally: Tally) -> DeckError | None:
    while True:
        batch, fault = journal.sound(state.seq, READ_CHUNK)
        for recorded in batch:
            apply(state, recorded)
            tally.add(recorded)
        if fault is not None or not batch:
            return fault


def as_text(state: RunState, tally: Tally, around: Surroundings, now: float) -> str:
    """The metrics of a run, as Prometheus reads them.

    Args:
        now: seconds since the epoch.
    """
    found = Exposition({"run": state.run})
    _run(found, state, tally, around, now)
    _engine(found, state, tally, around)
    _tasks(found, state, tally)
    _attempts(found, tally)
    _gates(found, state, tally, now)
    return found.text()


def _run(
    found: Exposition, state: RunState, tally: Tally, around: Surroundings, now: float
) -> None:
    about = {"plan": state.plan.name, "base": state.base, "target": state.target}
    found.gauge(
        "agentdeck_run_info",
        "What the run is of; always 1.",
        [({**about, "version": __version__}, 1)],
    )
    word = state_word(state, alive=around.alive)
    found.gauge(
        "agentdeck_run_state",
        "1 for the word that says how the run stands, 0 for the others.",
        [({"state": each}, each is word) for each in RunWord],
    )
    found.gauge(
        "agentdeck_run_started_timestamp_seconds", "When the run began.", _one(state.started_at)
    )
    ended = state.finished_at if state.finished_at is not None else now
    found.gauge(
        "agentdeck_run_age_seconds",
        "From its beginning to its end, or until now.",
        _one(max(0.0, ended - state.started_at)),
    )
    found.counter("agentdeck_events_total", "Events of the journal.", _by("kind", tally.events))
    found.gauge("agentdeck_event_last_seq", "The number of the latest event.", _one(state.seq))
    found.gauge(
        "agentdeck_event_last_timestamp_seconds", "When the latest event was.", _one(state.at)
    )
    if around.delay_s is not None:
        found.gauge(
            "agentdeck_event_delay_seconds",
            "How long the latest event took from the engine to this bridge.",
            _one(around.delay_s),
        )
    if around.watching is not None:
        found.gauge(
            "agentdeck_bridge_sockets", "WebSockets that follow the run.", _one(around.watching)
        )


def _engine(found: Exposition, state: RunState, tally: Tally, around: Surroundings) -> None:
    found.gauge("agentdeck_engine_up", "Does an engine answer?", _one(around.alive))
    found.gauge(
        "agentdeck_engine_healthy",
        "0 where the run does not go on because of its engine.",
        _one(not around.vitals.sick),
    )
    silent = around.vitals.silent_s
    found.gauge(
        "agentdeck_engine_heartbeat_lag_seconds",
        "Since the engine's loop last turned; it beats every 5 s. Absent without an engine.",
        _one(silent) if silent is not None else [],
    )
    found.counter(
        "agentdeck_engine_starts_total",
        "Engines that have taken the run over.",
        _one(tally.engine_starts),
    )
    found.counter(
        "agentdeck_engine_slept_seconds_total",
        "Time that the engine was stopped, or the machine asleep.",
        _one(tally.engine_slept_s),
    )
    found.gauge("agentdeck_paused", "Is the run paused?", _one(state.paused))


def _tasks(found: Exposition, state: RunState, tally: Tally) -> None:
    count = {each: sum(1 for _ in state.in_state(each)) for each in TaskState}
    found.gauge("agentdeck_tasks", "Tasks by state.", _by("state", count))
    agents = {name: count[each] for name, each in AGENTS.items()}
    found.gauge("agentdeck_agents", "Agents by what they do.", _by("state", agents))
    found.gauge("agentdeck_agents_limit", "Agents that may work at once.", _one(state.agents_limit))
    waiting = inbox.waiting(state)
    found.gauge(
        "agentdeck_inbox_items",
        "What waits for a person; `needs_you` where work stands still.",
        [
            ({"needs_you": word}, sum(item.needs_you is wanted for item in waiting))
            for word, wanted in (("true", True), ("false", False))
        ],
    )
    found.counter(
        "agentdeck_asks_total",
        "Questions and permissions that agents asked.",
        _by("ask", tally.asks),
    )
    found.counter(
        "agentdeck_task_failures_total",
        "Tasks that had to wait for a person, by cause.",
        _by("cause", tally.failures),
    )


def _attempts(found: Exposition, tally: Tally) -> None:
    found.counter(
        "agentdeck_attempts_total", "Attempts that were begun.", _by("agent", tally.attempts)
    )
    found.counter(
        "agentdeck_retries_total",
        "Attempts that are made again by themselves, by the cause of the failure.",
        _by("cause", tally.retries),
    )
    found.histogram(
        "agentdeck_attempt_duration_seconds",
        "From the start of an agent's process to its end.",
        BOUNDS_S,
        _histograms("agent", tally.attempt_s),
    )
    found.counter(
        "agentdeck_tokens_total",
        "Tokens of agents and reviewers. What came from a cache is not in `in`.",
        [({"agent": a, "direction": d}, count) for (a, d), count in sorted(tally.tokens.items())],
    )
    found.counter(
        "agentdeck_cost_usd_total",
        "What agents and reviewers have cost, as they or the price table say.",
        _by("agent", tally.usd),
    )
    found.counter(
        "agentdeck_reviews_total", "Reviews by agents, by verdict.", _by("verdict", tally.reviews)
    )


def _gates(found: Exposition, state: RunState, tally: Tally, now: float) -> None:
    found.counter(
        "agentdeck_gate_runs_total",
        "Runs of gates, by verdict.",
        [({"gate": g, "verdict": v}, count) for (g, v), count in sorted(tally.gates.items())],
    )
    found.histogram(
        "agentdeck_gate_duration_seconds",
        "How long runs of gates took.",
        BOUNDS_S,
        _histograms("gate", tally.gate_s),
    )
    found.gauge("agentdeck_queue_entries", "Entries of the merge queue.", _one(len(state.queue)))
    oldest = min((entry.queued_at for entry in state.queue.values()), default=now)
    found.gauge(
        "agentdeck_queue_oldest_wait_seconds",
        "How long the oldest entry of the merge queue has waited.",
        _one(max(0.0, now - oldest)),
    )
    found.gauge("agentdeck_queue_held", "Is the merge queue held?", _one(state.queue_held))
    found.counter(
        "agentdeck_landings_total",
        "Entries that have landed, by kind.",
        _by("kind", tally.landings),
    )
    found.counter(
        "agentdeck_ejections_total",
        "Entries that the merge queue has sent back, by cause.",
        _by("cause", tally.ejections),
    )
    found.histogram(
        "agentdeck_queue_wait_seconds",
        "From a place in the merge queue to the landing.",
        BOUNDS_S,
        [({}, tally.queue_s.counts, tally.queue_s.sum_s)],
    )


def _one(value: float) -> list[tuple[Labels, float]]:
    return [({}, value)]


def _by(label: str, counts: Mapping[Name, float]) -> list[tuple[Labels, float]]:
    return [({label: str(name)}, value) for name, value in sorted(counts.items())]


def _histograms(
    label: str, found: Mapping[Name, Histogram]
) -> Iterable[tuple[Labels, list[int], float]]:
    return [({label: str(name)}, each.counts, each.sum_s) for name, each in sorted(found.items())]


__all__ = ["AGENTS", "Surroundings", "as_text", "metrics_of"]
