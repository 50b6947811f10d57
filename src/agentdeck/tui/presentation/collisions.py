"""The sign of a foreseen collision in a row: with whom, and in which file where there is room.

Rules: it is calm, since nobody has to do anything about it now. What does not fit is left out from
the end: the file, then whom, and the sign stays. Files are named without their folders.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agentdeck.core import foreseen
from agentdeck.core.ids import TaskId
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.line import EMPTY, Line, Span, cells, plain

SIGN: Final = "⇄"
FILE_CELLS: Final = 18  # of a file's name; a longer one is cut


def collision_note(deck: Deck, task: TaskId, room: int) -> Line:
    """`⇄ S-2 api.py`, in at most `room` cells; empty when nothing is foreseen or nothing fits."""
    return next((line for line in _notes(deck, task) if cells(line) <= room), EMPTY)


def _notes(deck: Deck, task: TaskId) -> Iterator[Line]:
    """From the longest to the shortest."""
    found = foreseen.of_task(deck.state, task)
    if not found:
        return
    first, sign = found[0], Span(SIGN, "state-ready")
    whom = str(first.other) if first.other is not None else _branch(deck.state.target)
    more = Span(f" +{len(found) - 1}" if len(found) > 1 else "", "muted")
    name = Span(f" {plain(whom)}", "muted")
    if first.files:
        yield (sign, name, Span(f" {_file(first.files[0])}", "faint"), more)
    yield (sign, name, more)
    yield (sign,)


def _file(path: str) -> str:
    name = plain(path).rpartition("/")[2]
    return name if len(name) <= FILE_CELLS else f"{name[: FILE_CELLS - 1]}…"


def _branch(name: str) -> str:
    return plain(name).removeprefix("refs/heads/").rpartition("/")[2]


__all__ = ["SIGN", "collision_note"]
