"""What a client of `agentdeck mcp` reads of a run, as data.

Rules:
- Everything is read from the journal and the logs, so it needs no engine and holds up none.
- Text of agents, gates and plans goes out as it goes to a face: nothing in it acts, and no secret
  that is known is in it.
- These functions block: call them in a thread.
"""

from __future__ import annotations

import time
from typing import Any, Final

import msgspec

from agentdeck.control.explaining import explained
from agentdeck.control.logtail import LogTail
from agentdeck.control.redaction import known_secrets
from agentdeck.control.repo import attempt_of, task_of
from agentdeck.control.reporting import told_of
from agentdeck.control.runs import fold_run, summary_of
from agentdeck.control.sanitize import clean, harmless
from agentdeck.control.shown_logs import shown
from agentdeck.core import inbox as waiting_list
from agentdeck.core.event_words import told_of as words_of
from agentdeck.core.explain import explain, standstill
from agentdeck.core.explain_entry import explain_entry
from agentdeck.core.ids import TaskId
from agentdeck.core.inbox import Item
from agentdeck.core.state import Attempt, RunState
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal
from agentdeck.engine.known_secrets import without_secrets
from agentdeck.plans.reporting.card import cards
from agentdeck.plans.writer import write_plan

Data = dict[str, Any]
LOG_POLLS: Final = 64  # a log is read to its end, block by block; what is longer was jumped over


class Reader:
    """Reads one run."""

    def __init__(self, folder: RunFolder) -> None:
        """Nothing is read yet."""
        self.folder = folder

    def state(self) -> RunState:
        """The run as its journal tells it now."""
        return fold_run(self.folder)

    def status(self) -> Data:
        """The run in a few lines."""
        state = self.state()
        summary = summary_of(self.folder, state)
        counts: dict[str, int] = {}
        for task in state.tasks.values():
            counts[str(task.state)] = counts.get(str(task.state), 0) + 1
        return self._safe(
            state,
            {
                "run": summary.id,
                "plan": summary.plan,
                "state": summary.state,
                "engine": summary.engine,
                "landed": summary.landed,
                "tasks": summary.tasks,
                "by_state": counts,
                "target": state.target,
                "base": state.base,
                "why_it_stands": standstill(state) or "",
                "tokens": state.tokens,
                "usd": round(state.usd, 4),
                "last_event": state.seq,
                "waits_for_a_person": sum(i.needs_you for i in waiting_list.waiting(state)),
            },
        )

    def tasks(self, wanted: str, offset: int, limit: int) -> Data:
        """The tasks, or those in one state."""
        state = self.state()
        found = [t for t in state.tasks.values() if not wanted or str(t.state) == wanted]
        rows = [
            {
                "id": task.id,
                "title": state.spec(task.id).title,
                "state": str(task.state),
                "after": list(state.spec(task.id).after),
                "attempts": len(task.attempts),
            }
            for task in found[offset : offset + limit]
        ]
        return self._safe(state, {"tasks": rows, "total": len(found), "offset": offset})

    def task(self, name: str) -> Data:
        """One task. Raises NotFoundError."""
        state = self.state()
        task = task_of(state, TaskId(name))
        spec = state.spec(task.id)
        return self._safe(
            state,
            {
                "id": task.id,
                "title": spec.title,
                "state": str(task.state),
                "why": explained(self.folder, state, task.id, self._now(state)),
                "prompt": spec.prompt,
                "files": list(spec.files),
                "after": list(spec.after),
                "needed_by": list(state.plan.dependents.get(task.id, ())),
                "phase": spec.phase,
                "attempts": [_attempt(attempt) for attempt in task.attempts],
                "landed_commit": task.landed_commit,
            },
        )

    def plan_text(self) -> str:
        """The plan as a file."""
        state = self.state()
        return str(self._safe(state, {"plan": write_plan(state.plan)})["plan"])

    def log(self, name: str, number: int | None, lines: int) -> Data:
        """The end of a log, as people are shown it. Raises NotFoundError."""
        state = self.state()
        attempt = attempt_of(state, TaskId(name), number)
        tail = LogTail(self.folder.attempt(TaskId(name), attempt.number) / "raw.log")
        try:
            before = -1
            for _ in range(LOG_POLLS):
                tail.poll()
                if tail.total == before:
                    break
                before = tail.total
            raw = [line.data for line in tail.lines]
            cut = bool(tail.skipped_bytes) or tail.first > 0
        finally:
            tail.close()
        form = state.plan.agent_by_name[attempt.agent].stream
        told = shown(form, raw, root=attempt.path or "") if raw else []
        texts = [clean(line.text.encode()) for line in told][-lines:]
        said = {
            "task": name,
            "attempt": attempt.number,
            "lines": texts,
            "cut": cut or len(told) > len(texts),
        }
        return self._safe(state, said)

    def why(self, name: str) -> Data:
        """Why a task stands where it stands. Raises NotFoundError."""
        state = self.state()
        task = task_of(state, TaskId(name))
        sentence = explained(self.folder, state, task.id, self._now(state))
        return self._safe(state, {"task": task.id, "state": str(task.state), "why": sentence})

    def evidence(self, name: str) -> Data:
        """The evidence card of a task. Raises NotFoundError."""
        told = told_of(self.folder)
        task = task_of(told.state, TaskId(name))
        card = next((each for each in cards(told) if each.task == task.id), None)
        found = msgspec.to_builtins(card) if card is not None else None
        return self._safe(told.state, {"task": task.id, "card": found})

    def queue(self) -> Data:
        """The merge queue."""
        state = self.state()
        now = self._now(state)
        rows = [
            {"entry": entry.id, "task": entry.task, "why": explain_entry(state, entry, now)}
            for entry in state.queue.values()
        ]
        return self._safe(state, {"held": state.queue_held, "entries": rows})

    def inbox(self) -> Data:
        """What waits for a person."""
        state = self.state()
        now = self._now(state)
        found = waiting_list.ranked(state, waiting_list.waiting(state))
        rows = [
            {
                "kind": str(item.kind),
                "name": item.name,
                "task": item.task,
                "what": _what(state, item, now),
                "since": item.since,
                "needs_you": item.needs_you,
                "tasks_behind": waits,
            }
            for item, waits in found
        ]
        return self._safe(state, {"waiting": rows})

    def events(self, after: int, limit: int) -> Data:
        """Events behind number `after`, in words."""
        journal = Journal(self.folder.journal)
        try:
            found = journal.read(after, limit)
            last = journal.last_seq()
        finally:
            journal.close()
        rows = []
        for recorded in found:
            told = words_of(recorded.event)
            kind = str(type(recorded.event).__struct_config__.tag)
            rows.append(
                {
                    "seq": recorded.seq,
                    "at": recorded.at,
                    "kind": kind,
                    "about": told.about,
                    "words": told.words,
                }
            )
        following = found[-1].seq if found else after
        return self._safe(self.state(), {"events": rows, "next": following, "last": last})

    def _now(self, state: RunState) -> float:
        return time.time() if state.engine_running else state.at

    def _safe(self, state: RunState, data: Data) -> Data:
        known = known_secrets(state.plan)
        found: Data = without_secrets(_harmless(data), known)
        return found


def _harmless(value: Any) -> Any:
    match value:
        case str():
            return harmless(value, styled=False)
        case dict():
            return {name: _harmless(each) for name, each in value.items()}
        case list() | tuple():
            return [_harmless(each) for each in value]
        case _:
            return value


def _what(state: RunState, item: Item, now: float) -> str:
    if item.said:
        return item.said
    return explain(state, item.task, now) if item.task is not None else str(item.kind)


def _attempt(attempt: Attempt) -> Data:
    return {
        "number": attempt.number,
        "agent": attempt.agent,
        "model": attempt.model,
        "started_at": attempt.launched_at,
        "ended_at": attempt.exited_at,
        "outcome": attempt.outcome,
        "activity": attempt.activity,
        "reported": attempt.reported,
        "percent": attempt.percent,
        "asks": [{"id": each.id, "text": each.text} for each in attempt.questions],
        "tokens": attempt.tokens_in + attempt.tokens_out,
        "usd": round(attempt.usd, 4),
    }


__all__ = ["Data", "Reader"]
