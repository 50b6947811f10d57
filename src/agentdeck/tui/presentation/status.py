"""How a task stands, as one glyph, one colour and one word: always all of them together.

Rules: a pending task that can never start because something it needs is stuck is *blocked*. Only
what needs a person is loud (`state-asks`, `state-failed`). Each glyph is one cell wide and has an
ASCII sign of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from agentdeck.core.graph import closure
from agentdeck.core.ids import TaskId
from agentdeck.core.state import STUCK, RunState, TaskRun, TaskState


class Status(StrEnum):
    """What the screen tells apart: the states, and `blocked`."""

    PENDING = "pending"
    READY = "ready"
    PREPARING = "preparing"
    WORKING = "working"
    PAUSED = "paused"
    ASKING = "asking"
    TAKEN = "taken"
    CHECKING = "checking"
    REVIEWING = "reviewing"
    PROPOSED = "proposed"
    QUEUED = "queued"
    LANDED = "landed"
    RETRYING = "retrying"
    FAILED = "failed"
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    DEFERRED = "deferred"
    CANCELLED = "cancelled"


class Sign(NamedTuple):
    """How a status looks."""

    glyph: str
    role: str
    ascii: str
    meaning: str


SIGNS: Final[dict[Status, Sign]] = {
    Status.PENDING: Sign("○", "state-pending", ".", "waits for what it needs"),
    Status.READY: Sign("◌", "state-ready", "o", "could start; waits for capacity"),
    Status.PREPARING: Sign("◔", "state-working", "c", "its worktree is being made"),
    Status.WORKING: Sign("◐", "state-working", "*", "an agent works on it"),
    Status.PAUSED: Sign("‖", "state-paused", "=", "its processes are frozen"),
    Status.ASKING: Sign("?", "state-asks", "?", "its agent waits for your answer"),
    Status.TAKEN: Sign("◉", "state-taken", "h", "a person goes on with it by hand"),
    Status.CHECKING: Sign("◑", "state-checking", "%", "its work is being proven"),
    Status.REVIEWING: Sign("◈", "state-asks", "&", "waits for your review"),
    Status.PROPOSED: Sign("◇", "state-proposed", "v", "proven; may wait for your approval"),
    Status.QUEUED: Sign("◷", "state-queued", "@", "in the merge queue"),
    Status.LANDED: Sign("✔", "state-landed", "+", "in the target"),
    Status.RETRYING: Sign("↻", "state-ready", "r", "tried again by itself, after a wait"),
    Status.FAILED: Sign("✖", "state-failed", "X", "needs you"),
    Status.BLOCKED: Sign("⊘", "state-blocked", "#", "something it needs has failed"),
    Status.SKIPPED: Sign("↷", "state-skipped", ">", "left out"),
    Status.DEFERRED: Sign("…", "state-deferred", "~", "not part of this run"),
    Status.CANCELLED: Sign("✕", "state-blocked", "x", "stopped by a person"),
}
# Rocks instead of turning: a full turn would pass through the sign of `checking`.
SPIN: Final = "◐◓◐◒"

# Everything else the deck draws beyond ASCII, one cell to one cell.
_OTHER_SIGNS: Final = {
    "◓": "*", "◒": "*", "·": "-", "→": ">", "▸": ">", "▾": "v", "█": "#", "░": ".", "▓": "=",
    "─": "-", "│": "|", "├": "+", "└": "+", "┬": "+", "┴": "+", "┤": "+", "┌": "+", "┐": "+",
    "┘": "+", "┼": "+", "╭": "+", "╮": "+", "╰": "+", "╯": "+", "▶": ">", "━": "=", "±": "~",
    "≈": "~", "␣": "_", "↑": "^", "↓": "v", "←": "<", "—": "-", "×": "x", "▌": "|", "⏎": "<",
    "⇥": ">", "“": '"', "”": '"', "−": "-", "▏": "|", "▎": "|", "•": "*", "⇄": "x", "●": "O",
    "▇": "#", "▅": "%", "▃": "&", "▂": "=", "▁": "_", "╌": "-", "╍": "~", "┊": ":", "╏": "!",
    "┓": "+", "⇧": "^", "▪": "#", "∙": ".",
    "≠": "!", "⋯": "~", "–": "-",
}  # fmt: skip
_ASCII: Final = str.maketrans({s.glyph: s.ascii for s in SIGNS.values()} | _OTHER_SIGNS)


def ascii_signs(text: str) -> str:
    """`text` with the deck's own signs in ASCII; as many cells as before."""
    return text if text.isascii() else text.translate(_ASCII)


def blocked_tasks(state: RunState) -> frozenset[TaskId]:
    """The pending tasks that something stuck keeps from ever starting. O(tasks + dependencies)."""
    found: set[TaskId] = set()
    for task in state.tasks.values():
        dropped = task.state in (TaskState.SKIPPED, TaskState.DEFERRED) and not task.satisfied
        if task.state in STUCK or dropped:
            found.update(closure(task.id, state.plan.dependents))
    return frozenset(t for t in found if state.tasks[t].state is TaskState.PENDING)


def status_of(task: TaskRun, blocked: Iterable[TaskId]) -> Status:
    """What the screen calls the task's state."""
    if task.state is TaskState.PENDING and task.id in blocked:
        return Status.BLOCKED
    return Status(task.state.value)
