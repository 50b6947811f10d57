"""What is wrong with a plan file: every fault with its line, all of them at once.

Rules: a problem names file, line, key, the value found, and the next step. Values from the file are
shown in quotes, shortened, with everything unprintable escaped: they go to a terminal.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from agentdeck.core.errors import UsageError

MAX_PRINTED: Final = 100  # problems in the message of one error; `PlanProblems.problems` has all
MAX_SHOWN: Final = 60  # characters of a value from the file that a message repeats
NEAR: Final = 0.6  # likeness (0 to 1) from which a name is worth suggesting; difflib's own default


class Problem(msgspec.Struct, frozen=True):
    """One fault of a plan file."""

    file: str
    line: int  # counts from 1
    key: str  # e.g. `task T3, after`; empty for the file as a whole
    message: str
    hint: str = ""

    def __str__(self) -> str:
        about = f"{self.key}: " if self.key else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{self.file}:{self.line}: {about}{self.message}{hint}"


class PlanProblems(UsageError):
    """A plan cannot be used. Carries every problem found, in the order of the lines."""

    stands_alone = True  # `FILE:LINE:` first, as editors want it

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        lines = [str(problem) for problem in self.problems[:MAX_PRINTED]]
        left = len(self.problems) - MAX_PRINTED
        if left > 0:
            lines.append(f"... and {left} more")
        super().__init__("\n".join(lines))


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The known name that `name` is most likely meant to be, or None."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    found = difflib.get_close_matches(name[:MAX_SHOWN].lower(), by_lower, n=1, cutoff=NEAR)
    return by_lower[found[0]] if found else None


def listed(names: Sequence[str], *, most: int = 12) -> str:
    """Names in one line: `a, b, c`, cut after `most`."""
    more = f", ... ({len(names)} in all)" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def shown(value: object) -> str:
    """A value from the file, as a message repeats it: one line, short, printable."""
    match value:
        case str():
            cut = value if len(value) <= MAX_SHOWN else value[: MAX_SHOWN - 3] + "..."
            return '"' + "".join(_printable(char) for char in cut) + '"'
        case bool():
            return "true" if value else "false"
        case int():
            digits = value.bit_length() * 3 // 10  # str() of a huge int is slow, and can be refused
            return str(value) if digits < MAX_SHOWN else f"a number of about {digits} digits"
        case float():
            return str(value)
        case list():
            return f"a list of {len(value)}"
        case dict():
            return "a table"
        case _:
            return f"the date or time {value}"


def _printable(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
