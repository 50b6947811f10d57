"""What of a deck's layout is remembered, as it stands in a file.

Rules: everything has a default, so a file of an earlier version opens. A file of a later one is
left alone: what it has more would be lost.
"""

from __future__ import annotations

from typing import Final

import msgspec

from agentdeck.core.unreadable import UNREADABLE
from agentdeck.tui.presentation.log_rows import Kinds, Times
from agentdeck.tui.presentation.plan_view import PlanView

VERSION: Final = 1  # grows when a field changes its meaning
MAX_FOLDED: Final = 200  # phases, of all plans of the repository
MAX_BORDERS: Final = 50  # of all arrangements, also of those to come
MAX_NAME: Final = 200  # letters


class LogHabits(msgspec.Struct, frozen=True):
    """How logs are looked at."""

    kinds: Kinds = "all"
    times: Times = "clock"
    wrap: bool = True
    wrap_raw: bool = False


class Layout(msgspec.Struct, frozen=True, omit_defaults=True):
    """One layout."""

    v: int = VERSION
    theme: str = ""  # "" = the deck's own
    view: PlanView | None = None  # of the plan; None = by its size
    folded: tuple[str, ...] = ()  # phases
    tab: str = "log"  # of the task
    raw: bool = False  # its log as it was written
    log: LogHabits = LogHabits()
    pane: str = "plan"
    zoomed: bool = False
    borders: dict[str, float] = {}  # between the panes: shares of the room, 0 to 1


class BadLayoutError(Exception):
    """A file is no layout; the message says why, for a person."""


class LaterLayoutError(BadLayoutError):
    """It was written by a later version of the deck."""


def read(data: bytes, *, tabs: tuple[str, ...], panes: tuple[str, ...]) -> Layout:
    """The layout that stands in a file.

    Args:
        data: its bytes.
        tabs: names of the task's tabs.
        panes: names of the panes.

    Raises:
        BadLayoutError: it is damaged, or of a later version.
    """
    try:
        version = msgspec.json.decode(data, type=_Versioned).v
        if version > VERSION:
            raise LaterLayoutError(f"it is of version {version}, and this deck knows {VERSION}")
        found = msgspec.json.decode(data, type=Layout)
    except UNREADABLE as error:
        raise BadLayoutError(f"it is damaged ({error})") from error
    if found.tab not in tabs or found.pane not in panes:
        raise BadLayoutError("it names a tab or a pane that there is not")
    if not all(0 < share < 1 for share in found.borders.values()):
        raise BadLayoutError("a border stands outside of the room")
    if (
        len(found.borders) > MAX_BORDERS
        or len(found.folded) > MAX_FOLDED
        or len(found.theme) > MAX_NAME
    ):
        raise BadLayoutError("it is too large")
    return found


def write(layout: Layout) -> bytes:
    """The bytes of a file. What the version is must always be seen."""
    rest = {"v": layout.v, **msgspec.to_builtins(layout)}
    return msgspec.json.encode(rest)


class _Versioned(msgspec.Struct):
    v: int


__all__ = [
    "MAX_FOLDED",
    "BadLayoutError",
    "LaterLayoutError",
    "Layout",
    "LogHabits",
    "read",
    "write",
]
