"""What a hook is told of an event: one JSON object, versioned, without secrets.

Rules:
- `id` is that of the event: whoever is told twice is told under the same id.
- What stands of the task is how it is now, which may be later than the event.
- The plan and the environment that the first event of a run carries are nobody's business, and what
  is larger than `MAX_DATA` is left out: `cut` says so.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from agentdeck.core.event_names import names_of
from agentdeck.core.event_words import told_of
from agentdeck.core.events import AnyEvent, Recorded
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.state import RunState
from agentdeck.engine.known_secrets import known_secrets, without_secrets

VERSION: Final = 1  # of the payload; raise it when an old reader would misread
MAX_DATA: Final = 64 * 1024  # bytes of an event's fields; the tail of a gate has 4 KiB
_KEPT_BACK: Final = frozenset({"kind", "plan", "prices", "programs", "carry"})


def payload(state: RunState, recorded: Recorded) -> dict[str, Any]:
    """What is said of an event, secrets and all: only `body` of it may leave."""
    event = recorded.event
    name, *also = names_of(event)
    about, words, _ = told_of(event)
    at = datetime.fromtimestamp(recorded.at, UTC).isoformat(timespec="milliseconds")
    said: dict[str, Any] = {
        "version": VERSION,
        "id": id_of(state, recorded),
        "run": state.run,
        "plan": state.plan.name,
        "seq": recorded.seq,
        "at": at.replace("+00:00", "Z"),
        "event": name,
        "also": also,
        **_of_task(state, event),
        "text": f"{about}: {words}",
    }
    fields = msgspec.to_builtins(event)
    data = {key: value for key, value in fields.items() if key not in _KEPT_BACK}
    if len(msgspec.json.encode(data)) > MAX_DATA:
        said["cut"], data = True, {}
    return {**said, "data": data}


def body(plan: Plan, said: dict[str, Any]) -> bytes:
    """The body of a webhook, and what a command reads. Slow (1 ms for each kB): for a thread."""
    return msgspec.json.encode(without_secrets(said, known_secrets(plan)))


def id_of(state: RunState, recorded: Recorded) -> str:
    """The id of an event beyond its run."""
    return f"{state.run}:{recorded.seq}"


def task_of(event: AnyEvent) -> str:
    """The task that an event is about; "" = none."""
    return getattr(event, "task", None) or ""


def _of_task(state: RunState, event: AnyEvent) -> dict[str, Any]:
    task = state.tasks.get(TaskId(task_of(event)))
    if task is None:
        return {}
    title = state.spec(task.id).title
    return {"task": task.id, "title": title, "state": task.state, "reason": task.reason}


__all__ = ["VERSION", "body", "id_of", "payload", "task_of"]
