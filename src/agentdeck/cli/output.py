"""Printing: lines and tables for people, JSON for programs.

Rules:
- Results go to stdout, everything else to stderr.
- Colour only in a terminal, never with NO_COLOR, and never as the only sign. In plain mode only
  where FORCE_COLOR asks for it.
- Text of agents, plans and gates passes `safe` on its way to a terminal; whatever is printed passes
  `harmless` once more, so that a verb which forgot it lets nothing through.
"""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TextIO

from agentdeck.control.sanitize import clean, harmless
from agentdeck.core.unseen import in_json

_COLOURS: Final = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
    "dim": "2",
    "bold": "1",
}
# For every state of a task and word of a run; what is not here has no colour.
_STATE_COLOURS: Final = {
    "working": "cyan",
    "preparing": "cyan",
    "checking": "cyan",
    "queued": "blue",
    "landed": "green",
    "complete": "green",
    "ok": "green",
    "running": "cyan",
    "asking": "yellow",
    "reviewing": "yellow",
    "proposed": "yellow",
    "needs you": "yellow",
    "paused": "yellow",
    "taken": "yellow",
    "retrying": "yellow",
    "left": "yellow",
    "warn": "yellow",
    "failed": "red",
    "cancelled": "red",
    "crashed": "red",
    "unreadable": "red",
    "damaged": "red",
    "fail": "red",
    "pending": "dim",
    "skipped": "dim",
    "deferred": "dim",
}
GAP: Final = "  "  # between two columns


_BREAKS: Final = re.compile(r"[\r\n]")  # a return would hide what stands before it
_PLAIN: Final = ContextVar("plain", default=False)


def safe(text: str) -> str:
    """One line of foreign text, without anything that a terminal would obey."""
    return clean(_BREAKS.sub(" ", text).encode(errors="replace"))


def say(text: str = "", *, now: bool = False) -> None:
    """A line of the result; `now` = it is not kept back until there are more."""
    print(harmless(text, styled=colours()), flush=now)


def note(text: str) -> None:
    """A line that is no result."""
    print(harmless(text, styled=colours(sys.stderr)), file=sys.stderr)


def say_json(value: Any) -> None:
    """The result, for programs."""
    print(json_text(value))


def json_text(value: Any) -> str:
    """What `say_json` prints, without the last line's end."""
    import msgspec

    return in_json(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_error(message: str, hint: str = "", *, alone: bool = False) -> None:
    """One error, with its next step, on stderr; `alone` = without the word before it."""
    word = "" if alone else paint("error:", "red", sys.stderr) + " "
    lines = [safe(line) for line in message.split("\n")]
    print(word + "\n".join(lines), file=sys.stderr)
    if hint:
        print(f"  {paint('hint:', 'cyan', sys.stderr)} {safe(hint)}", file=sys.stderr)


def in_terminal(stream: TextIO | None = None) -> bool:
    """Does a person read this?"""
    return (stream or sys.stdout).isatty()


def wants_plain(asked: bool = False) -> bool:
    """Lines in place of the control room? By `--plain`, AGENTDECK_PLAIN, or a dumb terminal."""
    wish = os.environ.get("AGENTDECK_PLAIN", "")
    return asked or wish not in ("", "0") or (not wish and os.environ.get("TERM") == "dumb")


@contextmanager
def plainly() -> Iterator[None]:
    """Print without colours, unless FORCE_COLOR asks for them."""
    token = _PLAIN.set(True)
    try:
        yield
    finally:
        _PLAIN.reset(token)


def colours(stream: TextIO | None = None) -> bool:
    """May this stream be coloured? NO_COLOR says no, whatever its value."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    if _PLAIN.get() and not os.environ.get("FORCE_COLOR"):
        return False
    return in_terminal(stream)


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """`text` in a colour, where that may be."""
    code = _COLOURS.get(colour)
    return f"\x1b[{code}m{text}\x1b[0m" if code and colours(stream) else text


def paint_state(word: str) -> str:
    """A state in its colour."""
    return paint(word, _STATE_COLOURS.get(word, ""))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, state: int | None = None) -> None:
    """Print aligned columns; numbers to the right. Nothing is cut except by the terminal's edge.

    Args:
        state: the column that holds a state, for its colour.
    """
    cells = [[safe(cell) for cell in row] for row in rows]
    widths = [max([width(head), *(width(row[i]) for row in cells)]) for i, head in enumerate(heads)]
    right = [bool(cells) and all(_numeric(row[i]) for row in cells) for i in range(len(heads))]
    if heads and any(heads):
        line = GAP.join(_pad(head, widths[i], right[i]) for i, head in enumerate(heads))
        say(paint(line.rstrip(), "dim"))
    for row in cells:
        padded = [_pad(cell, widths[i], right[i]) for i, cell in enumerate(row)]
        if state is not None:
            word = row[state]
            padded[state] = padded[state].replace(word, paint_state(word), 1) if word else ""
        say(GAP.join(padded).rstrip())


def width(text: str) -> int:
    """Cells that `text` takes: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _pad(text: str, cells: int, to_right: bool) -> str:
    blank = " " * (cells - width(text))
    return blank + text if to_right else text + blank


def _numeric(text: str) -> bool:
    return text.replace(".", "", 1).replace("$", "", 1).replace("/", "", 1).isdigit() or text == ""
