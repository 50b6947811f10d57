"""A run as a trace: spans for the run, its attempts, their gates, reviews and landings.

Rules:
- Ids come from the run's id and the number of the event with which a span begins (for a gate, of
  its end), times from the journal. So whoever exports twice gives the same spans twice.
- A span is told when it has ended, and never differently again. What goes on is left out, also the
  run itself; its children name it as their parent all the same.
- What agents, gates and people have written is in no span: names, causes and figures are.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import msgspec

from agentdeck.core import events as e
from agentdeck.core.events import EntryKind, Outcome, Recorded, ReviewVerdict, Verdict
from agentdeck.core.ids import EntryId, TaskId

MAX_MOMENTS: Final = 64  # of one span
TRACE_BYTES: Final = 16  # of a trace id, as W3C Trace Context has it
SPAN_BYTES: Final = 8

Value = str | int | float | bool
AttemptKey = tuple[TaskId, int]


class Moment(msgspec.Struct, frozen=True):
    """Something that happened within a span."""

    name: str  # the kind of the event
    at: float  # seconds since the epoch


class Span(msgspec.Struct, frozen=True):
    """Something that took time and has ended."""

    id: str  # hex
    parent: str | None  # the id of another one, which may not have ended
    name: str
    start: float  # seconds since the epoch
    end: float
    attributes: dict[str, Value]
    fault: str | None  # why it did not go well; None = it did
    moments: tuple[Moment, ...] = ()


class Trace(msgspec.Struct, frozen=True):
    """The spans of a run that have ended, in the order in which they did."""

    id: str  # hex
    run: str
    plan: str
    spans: list[Span]


class _Open(msgspec.Struct):
    """A span that goes on."""

    id: str
    parent: str | None
    name: str
    start: float
    attributes: dict[str, Value]
    moments: list[Moment] = []

    def moment(self, name: str, at: float) -> None:
        if len(self.moments) < MAX_MOMENTS:
            self.moments.append(Moment(name, at))

    def ended(self, at: float, fault: str | None, **attributes: Value | None) -> Span:
        told = {
            f"agentdeck.{name}": value for name, value in attributes.items() if value is not None
        }
        found = {**self.attributes, **told}
        end = max(self.start, at)
        return Span(
            self.id, self.parent, self.name, self.start, end, found, fault, tuple(self.moments)
        )


def trace_of(events: Iterable[Recorded]) -> Trace:
    """The trace of a run, from its whole journal."""
    tracing = _Tracing()
    for recorded in events:
        tracing.add(recorded)
    return Trace(_id(tracing.run, TRACE_BYTES), tracing.run, tracing.plan, tracing.spans)


class _Tracing:
    def __init__(self) -> None:
        self.run = self.plan = ""
        self.spans: list[Span] = []
        self._root: _Open | None = None
        self._root_id = ""
        self._attempts: dict[AttemptKey, _Open] = {}
        self._attempt_ids: dict[AttemptKey, str] = {}
        self._usage: dict[AttemptKey, e.AttemptProgressed] = {}
        self._reviews: dict[tuple[TaskId, int, int], _Open] = {}
        self._entries: dict[EntryId, _Open] = {}
        self._entry_of: dict[str, str] = {}  # the span of the entry that a commit would land

    def add(self, recorded: Recorded) -> None:
        event, at = recorded.event, recorded.at
        match event:
            case e.RunStarted():
                self._begin_run(recorded.seq, at, event)
            case e.RunFinished(outcome) if self._root is not None:
                fault = None if outcome is Outcome.COMPLETE else str(outcome)
                self.spans.append(self._root.ended(at, fault, outcome=str(outcome)))
                self._root = None
            case e.AttemptClaimed():
                self._begin_attempt(recorded.seq, at, event)
            case e.AttemptProgressed(task, attempt):
                self._usage[task, attempt] = event
            case e.AttemptAsked() | e.MessageSent() | e.AttemptFrozen() | e.AttemptThawed():
                self._moment(event.task, event.attempt, event, at)
            case e.LimitHit(task, attempt):
                self._moment(task, attempt, event, at)
            case e.AttemptExited(task, attempt):
                self._end_attempt((task, attempt), at, _fault_of(event), code=event.code)
            case e.RetryScheduled(task, attempt) | e.TaskFailed(task, attempt):
                self._end_attempt((task, attempt), at, str(event.cause))
            case e.TaskCancelled(task):
                self._end_latest(task, at, str(event.cause))
            case e.TaskDone(task):
                self._end_latest(task, at, None)
            case e.GateFinished():
                self._gate(recorded.seq, at, event)
            case e.ReviewStarted():
                self._begin_review(recorded.seq, at, event)
            case e.ReviewFinished():
                self._end_review(at, event)
            case e.EntryQueued():
                self._begin_landing(recorded.seq, at, event)
            case e.EntryBuilt(entry, commit) if entry in self._entries:
                self._entry_of[commit] = self._entries[entry].id
            case e.EntryLanded(entry, commit):
                self._end_landing(entry, at, None, commit=commit)
            case e.EntryEjected(entry, cause):
                self._end_landing(entry, at, str(cause), gate=event.gate)
            case _:
                pass

    def _begin_run(self, seq: int, at: float, event: e.RunStarted) -> None:
        self.run, self.plan = event.run, event.plan.name
        self._root_id = self._span_id(seq)
        about: dict[str, Value] = {
            "agentdeck.plan": event.plan.name,
            "agentdeck.tasks": len(event.plan.tasks),
            "agentdeck.base": event.base,
            "agentdeck.target": event.target,
        }
        self._root = _Open(self._root_id, None, f"run {event.plan.name}", at, about)

    def _begin_attempt(self, seq: int, at: float, event: e.AttemptClaimed) -> None:
        key = (event.task, event.attempt)
        about: dict[str, Value] = {
            "agentdeck.task": event.task,
            "agentdeck.attempt": event.attempt,
            "agentdeck.fresh": event.fresh,
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": event.agent,
        }
        if event.pool is not None:
            about["agentdeck.pool"] = event.pool
        if event.model is not None:
            about["gen_ai.request.model"] = event.model
        name = f"attempt {event.task}#{event.attempt}"
        self._attempts[key] = _Open(self._span_id(seq), self._root_id, name, at, about)
        self._attempt_ids[key] = self._attempts[key].id

    def _moment(self, task: TaskId, attempt: int, event: e.AnyEvent, at: float) -> None:
        if (found := self._attempts.get((task, attempt))) is not None:
            found.moment(str(type(event).__struct_config__.tag), at)

    def _end_latest(self, task: TaskId, at: float, fault: str | None) -> None:
        for key in [key for key in self._attempts if key[0] == task]:
            self._end_attempt(key, at, fault)

    def _end_attempt(
        self, key: AttemptKey, at: float, fault: str | None, code: int | None = None
    ) -> None:
        found, used = self._attempts.pop(key, None), self._usage.pop(key, None)
        if found is None:
            return
        if used is not None:
            found.attributes |= {
                "gen_ai.usage.input_tokens": used.tokens_in,
                "gen_ai.usage.output_tokens": used.tokens_out,
                "agentdeck.tokens_cached": used.tokens_cached,
                "agentdeck.usd": used.usd,
                "agentdeck.tools": used.tools,
            }
            if used.model is not None:
                found.attributes["gen_ai.response.model"] = used.model
        self.spans.append(found.ended(at, fault, exit_code=code))

    def _gate(self, seq: int, at: float, event: e.GateFinished) -> None:
        parent = self._root_id
        if event.task is not None and event.attempt is not None:
            parent = self._attempt_ids.get((event.task, event.attempt), parent)
        else:
            parent = self._entry_of.get(event.commit, parent)
        about: dict[str, Value] = {
            "agentdeck.gate": event.gate,
            "agentdeck.when": str(event.when),
            "agentdeck.verdict": str(event.verdict),
            "agentdeck.commit": event.commit,
            "agentdeck.tree": event.tree,
            "agentdeck.gate_run": event.run,
        }
        if event.task is not None:
            about["agentdeck.task"] = event.task
        begun = _Open(
            self._span_id(seq), parent, f"gate {event.gate}", at - max(0.0, event.seconds), about
        )
        fault = None if event.verdict is Verdict.PASSED else str(event.verdict)
        self.spans.append(begun.ended(at, fault, exit_code=event.code))

    def _begin_review(self, seq: int, at: float, event: e.ReviewStarted) -> None:
        parent = self._attempt_ids.get((event.task, event.attempt), self._root_id)
        about: dict[str, Value] = {
            "agentdeck.task": event.task,
            "agentdeck.attempt": event.attempt,
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": event.by,
        }
        if event.model is not None:
            about["gen_ai.request.model"] = event.model
        name = f"review {event.task}#{event.attempt}"
        key = (event.task, event.attempt, event.run)
        self._reviews[key] = _Open(self._span_id(seq), parent, name, at, about)

    def _end_review(self, at: float, event: e.ReviewFinished) -> None:
        found = self._reviews.pop((event.task, event.attempt, event.run), None)
        if found is None:
            return
        found.attributes |= {
            "gen_ai.usage.input_tokens": event.tokens_in,
            "gen_ai.usage.output_tokens": event.tokens_out,
        }
        fault = str(event.verdict) if event.verdict is ReviewVerdict.FAILED else None
        self.spans.append(found.ended(at, fault, verdict=str(event.verdict), usd=event.usd))

    def _begin_landing(self, seq: int, at: float, event: e.EntryQueued) -> None:
        parent = self._root_id
        about: dict[str, Value] = {
            "agentdeck.entry": event.entry,
            "agentdeck.entry_kind": str(event.entry_kind),
        }
        if event.task is not None:
            about["agentdeck.task"] = event.task
            if event.attempt is not None:
                parent = self._attempt_ids.get((event.task, event.attempt), parent)
        what = event.task if event.entry_kind is EntryKind.TASK else event.entry
        self._entries[event.entry] = _Open(self._span_id(seq), parent, f"landing {what}", at, about)

    def _end_landing(
        self, entry: EntryId, at: float, fault: str | None, **attributes: Value | None
    ) -> None:
        if (found := self._entries.pop(entry, None)) is not None:
            self.spans.append(found.ended(at, fault, **attributes))

    def _span_id(self, seq: int) -> str:
        return _id(f"{self.run}\0{seq}", SPAN_BYTES)


def _fault_of(event: e.AttemptExited) -> str | None:
    if event.cause is not None:
        return str(event.cause)
    if event.ok is False:
        return "the agent says that it failed"
    return None if event.code == 0 else f"exit {event.code}"


def _id(text: str, size: int) -> str:
    return sha256(f"agentdeck\0{text}".encode()).digest()[:size].hex()


__all__ = ["MAX_MOMENTS", "Moment", "Span", "Trace", "trace_of"]
