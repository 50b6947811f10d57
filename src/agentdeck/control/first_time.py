"""Is this the first deck that a person opens on this machine?

Rules: a file in the state folder says that the tour was shown. Where it cannot be written the tour
may come once more; it is never in the way of the deck.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from agentdeck.control.runs import runs_root

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final = "tour-shown"
NO_TOUR: Final = "AGENTDECK_NO_TOUR"  # set to anything but 0: never by itself


def tour_is_due(*, terminal: bool) -> bool:
    """Should the tour begin by itself?

    Args:
        terminal: is there a person at a terminal?
    """
    unwanted = os.environ.get(NO_TOUR, "") not in ("", "0")
    return terminal and not unwanted and not _file().exists()


def note_tour() -> None:
    """It was shown: never again by itself."""
    with suppress(OSError):
        _file().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _file().touch(mode=0o600)


def _file() -> Path:
    return runs_root().parent / FILE


__all__ = ["FILE", "NO_TOUR", "note_tour", "tour_is_due"]
