"""What the deck has said: warnings and errors of this session, to be read again.

Rules: the newest stands first; who says the same again is counted, not repeated; at most `KEPT`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

KEPT: Final = 100  # of a session; what is older has been seen, or does not matter any more


@dataclass(frozen=True)
class Said:
    """One warning or error."""

    number: int  # counts from 1 over the session: its key on the screen
    at: float  # when it was said last, seconds since the epoch
    title: str
    text: str
    error: bool = False
    times: int = 1

    @property
    def sentence(self) -> str:
        """Title and text on one line."""
        return f"{self.title}: {self.text}" if self.title else self.text


class SaidEarlier:
    """The warnings and errors that were shown, until they are dismissed."""

    def __init__(self) -> None:
        self._kept: list[Said] = []  # the oldest first
        self._count = 0

    def add(self, at: float, title: str, text: str, *, error: bool = False) -> None:
        """Keep one; `at` is in seconds since the epoch."""
        same = next((one for one in self._kept if (one.title, one.text) == (title, text)), None)
        if same is not None:
            self._kept.remove(same)
            self._kept.append(Said(same.number, at, title, text, error, same.times + 1))
            return
        self._count += 1
        self._kept.append(Said(self._count, at, title, text, error))
        del self._kept[:-KEPT]

    def dismiss(self, number: int) -> None:
        """Forget one."""
        self._kept = [one for one in self._kept if one.number != number]

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()

    def __iter__(self) -> Iterator[Said]:
        return reversed(self._kept)

    def __len__(self) -> int:
        return len(self._kept)


def sentence(text: str) -> str:
    """`text` with a capital and a full stop."""
    if not text:
        return ""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")
