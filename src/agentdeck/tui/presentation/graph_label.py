"""A task in the graph: `◐ S-1 03:40`. The id is never cut; the note has a fixed width."""

from __future__ import annotations

from typing import Final

from agentdeck.core.ids import TaskId
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import duration
from agentdeck.tui.presentation.line import Line, Span
from agentdeck.tui.presentation.status import SIGNS, Status

NOTE_CELLS: Final = (6, 3, 0)  # behind the id: a time, an attempt's number, nothing
SIGN_CELLS: Final = 2


def label_cells(task: str, note_cells: int) -> int:
    """The width of a task's label."""
    return SIGN_CELLS + len(task) + note_cells


def graph_label(deck: Deck, task_id: TaskId, note_cells: int) -> Line:
    """The label of a task."""
    status = deck.status(task_id)
    loud = status in (Status.ASKING, Status.FAILED, Status.REVIEWING)
    quiet = status in (Status.LANDED, Status.SKIPPED, Status.DEFERRED)
    role = SIGNS[status].role + " bold" if loud else "muted" if quiet else ""
    note, note_role = _note(deck, task_id, status)
    shown: Line = (deck.sign(task_id), deck.gap(task_id), Span(task_id, role))
    return (*shown, Span(" " + note, note_role)) if note and len(note) < note_cells else shown


def _note(deck: Deck, task_id: TaskId, status: Status) -> tuple[str, str]:
    attempt = deck.state.tasks[task_id].attempt
    if status is Status.ASKING:
        return "asks", "state-asks"
    if attempt is not None and (status is Status.FAILED or attempt.number > 1):
        return f"#{attempt.number}", "muted"
    if attempt is not None and attempt.live:
        return duration(attempt.worked_s(deck.now)), "muted"
    return "", ""
