"""Values of a document made to fit what a plan file can hold; what cannot fit is nothing.

Rules: each function gives a value that `plans.fields` accepts, or None. Nothing is shortened: who
calls says what became of a value that does not fit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Final

from agentdeck.plans.durations import MAX_DURATION_S
from agentdeck.plans.fields import one_line
from agentdeck.plans.keys import SHORTEST_S

_UNWRITABLE: Final = re.compile("[\x00\ud800-\udfff]")
_OUTSIDE: Final = re.compile(r"[/\\~]|[A-Za-z]:[\\/]")
_PARTS: Final = re.compile(r"[/\\]")
_BAD_KEY: Final = re.compile("[=\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def line_of(text: str | None) -> str | None:
    """Text on one line, or None if nothing is left of it."""
    return one_line(text) or None if text else None


def lines_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Texts on one line, each once, without empty ones."""
    if not texts:
        return ()
    return tuple(dict.fromkeys(line for text in texts if (line := line_of(text))))


def text_of(text: str) -> str:
    """Text of many lines; nothing if it is blank."""
    written = _UNWRITABLE.sub("?", text)
    return written if written.strip() else ""


def path_of(text: str) -> str | None:
    """A path below the repository, or None for one that leads out of it."""
    path = one_line(text)
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    if not path or _OUTSIDE.match(path) or ".." in _PARTS.split(path):
        return None
    return path


def number_of(value: float | None, least: float, most: float) -> float | None:
    """A finite number between two bounds, or None."""
    if value is None or not math.isfinite(value) or not least <= value <= most:
        return None
    return float(value)


def whole_of(value: float | None, least: int, most: int) -> int | None:
    """The nearest whole number, moved into its bounds; None for none."""
    if value is None or math.isnan(value):
        return None
    return int(min(most, max(least, round(value) if math.isfinite(value) else value)))


def seconds_of(value: float | None) -> float | None:
    """A time that a plan can state, or None."""
    return number_of(value, SHORTEST_S, MAX_DURATION_S)


def source_line(line: int) -> int | None:
    """A line of the document, from 1; None if it is not known."""
    return line if line >= 1 else None


def meta_of(meta: dict[str, str]) -> dict[str, str]:
    """Free texts by names that a plan file can hold. Of two names that become one the last wins."""
    found = {}
    for name, text in meta.items():
        key = one_line(_BAD_KEY.sub("-", name)).strip("- ")
        if key:
            found[key] = _UNWRITABLE.sub("?", text)
    return found
