"""Leads a deck by a list of steps: press, and wait until the screen shows what should follow.

Rules:
- It knows what a person knows: keys, and what the screen says. Where the deck is does not matter: a
  terminal, a browser.
- It goes at the pace of a quick typist, and presses nothing before it has seen what the key is for;
  so a busy machine makes it slower, and nothing else.
- Each wait has a bound. When one is over, the steps so far and the last screen are told.
- With DECK_SCREENS=FOLDER it keeps a picture behind each step, for whoever wants to look at them.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

PACE_S: Final = 0.12  # from one key to the next: eight keys a second
LOOK_S: Final = 0.1  # between two looks at the screen
WAIT_S: Final = 90.0  # for what a key shows; on idle cores under half a second
KEPT: Final = 12  # steps that are told when one fails


class Face(Protocol):
    """A deck that somebody sits at."""

    @property
    def screen(self) -> str:
        """What is seen, a line for each row."""

    def press(self, key: str) -> None:
        """Press a key by its name: `P`, `!`, `Enter`, `Escape`, `Right`."""

    def type(self, text: str) -> None:
        """Type a text."""

    def keep(self, place: Path) -> None:
        """Write down what is seen, as a file beside `place` with an ending that fits."""


@dataclass(frozen=True, slots=True)
class Step:
    """Keys, and what the screen shows afterwards."""

    keys: str  # names with blanks between them; nothing = only look
    sees: str  # an expression that the screen fits
    text: str = ""  # is typed behind the keys
    gone: str = ""  # an expression that it does not fit any more
    within_s: float = WAIT_S

    def __str__(self) -> str:
        typed = f" {self.text!r}" if self.text else ""
        without = f" without {self.gone!r}" if self.gone else ""
        return f"{self.keys or 'look'}{typed} → {self.sees!r}{without}"

    def fits(self, screen: str) -> bool:
        """Is it what this step leads to?"""
        if self.gone and re.search(self.gone, screen):
            return False
        return re.search(self.sees, screen) is not None


class Leader:
    """Somebody at a deck."""

    def __init__(self, face: Face, name: str) -> None:
        """`name` is of the pictures that are kept."""
        self.face = face
        self.told: list[str] = []  # each step, with the seconds from the start and for itself
        self._began = time.monotonic()
        wanted = os.environ.get("DECK_SCREENS")
        self._kept = Path(wanted) / name if wanted else None

    def do(self, steps: Iterable[Step]) -> None:
        """Go through steps one by one."""
        for step in steps:
            began = time.monotonic()
            for key in step.keys.split():
                self.face.press(key)
                time.sleep(PACE_S)
            for letter in step.text:
                self.face.type(letter)
                time.sleep(PACE_S)
            _ = self.until(step.fits, str(step), step.within_s)
            took = time.monotonic() - began
            self.told.append(f"{began - self._began:6.1f} s + {took:4.1f} s  {step}")
            self._keep()

    def until(self, fits: Callable[[str], bool], what: str, within_s: float = WAIT_S) -> str:
        """Wait for a screen; that screen."""
        deadline = time.monotonic() + within_s
        while not fits(screen := self.face.screen):
            if time.monotonic() > deadline:
                before = "\n".join(self.told[-KEPT:])
                raise AssertionError(
                    f"waited {within_s:.0f} s for {what}\nbefore it:\n{before}\n{screen}"
                )
            time.sleep(LOOK_S)
        return screen

    def _keep(self) -> None:
        if self._kept is not None:
            self._kept.mkdir(parents=True, exist_ok=True)
            self.face.keep(self._kept / f"{len(self.told):03}")


__all__ = ["Face", "Leader", "Step"]
