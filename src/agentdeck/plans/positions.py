"""Where a key of a TOML text stands, so that an error can name its line.

Few keys of a large text are ever asked for. So nothing is looked for until then; the first
question costs one fast pass that only notes the headers of tables, and each question after it the
reading of the one table it is about. The answers are those of `toml_keys.Scanner` over the whole
text; a test holds the two together.

Rules:
- A table is read with all others that could name the same key: those whose paths begin with the
  same two parts (`("task", 7)`), and the tables above them.
- `Positions.find` answers with the nearest key above where there is none.
"""

from __future__ import annotations

import re
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple

from agentdeck.plans.toml_keys import Path, Scanner

__all__ = ["Path", "Position", "Positions", "positions"]

STRIDE: Final = 4096  # characters between two places whose line is kept

# One step of the pass over a whole text: everything up to the next thing that counts, and that.
_STEP: Final = re.compile(
    r"""[^"'\#\[\]{}=]*+
    (?: (?: = [ \t]*+ | )
        (?: "(?!"")[^"\\\n]*+" | "{3}[^"\\]*+"{3,5}+ | '(?!'')[^'\n]*+' | '{3}[^']*+'{3,5}+ )
      | \# [^\n]*+
      | \[\[ (?P<element> [A-Za-z0-9_.-]++ ) \]\]  # or, in an array, a number in two more
      | \[ (?P<table> [A-Za-z0-9_.-]++ ) \]
      | = [ \t]*+ (?P<value> [\[{] )
      | (?P<open> [\[{] )  # of a header with quotes or gaps, or inside of a value
      | (?P<close> [\]}] )
      | =
      | (?P<string> ["'] )  # with escapes, or with quotes in it
      | \Z
    )""",
    re.VERBOSE,
)


class Position(NamedTuple):
    """A place in a text; both count from 1, columns in characters."""

    line: int
    column: int


class Positions:
    """The place of every key of one text. They are looked for when they are asked for."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __contains__(self, path: Path) -> bool:
        return self._tables.offset(path) is not None

    def find(self, path: Path) -> Position:
        """Where `path` stands, or else the nearest key above it; the top of the text at last."""
        for length in range(len(path), 0, -1):
            offset = self._tables.offset(path[:length])
            if offset is not None:
                return self._position(offset)
        return Position(1, 1)

    @cached_property
    def _tables(self) -> _Tables:
        return _Tables(self._text)

    @cached_property
    def _strides(self) -> list[tuple[int, int]]:
        """At each `STRIDE` characters: how many lines end before, and where the last one begins."""
        lines = begins = 0
        found = [(lines, begins)]
        for start in range(0, len(self._text), STRIDE):
            lines += self._text.count("\n", start, start + STRIDE)
            begins = self._text.rfind("\n", start, start + STRIDE) + 1 or begins
            found.append((lines, begins))
        return found

    def _position(self, offset: int) -> Position:
        start = offset - offset % STRIDE
        lines, begins = self._strides[offset // STRIDE]
        begins = self._text.rfind("\n", start, offset) + 1 or begins
        return Position(lines + self._text.count("\n", start, offset) + 1, offset - begins + 1)


def positions(text: str) -> Positions:
    """The place of every key of a TOML text.

    O(n) for n characters when first asked, and O(m) for a table of m characters when that is.

    Args:
        text: TOML that `tomli.loads` accepts; for any other text the result has no meaning.
    """
    return Positions(text)


class _Table(NamedTuple):
    """What follows one header, or stands before the first."""

    path: Path
    start: int  # behind the header
    end: int


class _Tables:
    """The tables of a text, each read when it is asked for."""

    def __init__(self, text: str) -> None:
        self._scanner = Scanner(text)
        self._unread: dict[Path, list[_Table]] = {}  # by the first two parts of their paths
        for table in _all_tables(text, self._scanner):
            self._unread.setdefault(table.path[:2], []).append(table)

    def offset(self, path: Path) -> int | None:
        """Where `path` is named first."""
        for length in range(3):
            for table in self._unread.pop(path[:length], ()):
                self._scanner.pairs(*table)
        return self._scanner.offsets.get(path)


def _all_tables(text: str, scanner: Scanner) -> list[_Table]:
    """Every table of a text in its order."""
    headers: list[tuple[Path, int, int]] = [((), 0, 0)]  # path, where it begins and ends
    at = 0
    depth = 0  # of brackets
    while at < len(text):
        for step in _STEP.finditer(text, at):
            at = step.end()
            what = step.lastgroup
            if what is None:
                continue
            if what == "string":
                at = scanner.string(step.start(what))
                break
            if what == "close":
                depth -= 1
            elif what == "value" or (depth and what == "open"):
                depth += 1
            elif what == "open":
                start = step.start(what)
                path, at = scanner.header(start)
                headers.append((path, start, at))
                break
            elif not depth:
                brackets = 2 if what == "element" else 1
                start = step.start(what)
                path = scanner.opened(start - brackets, brackets, _parts(step[what], start))
                headers.append((path, start - brackets, at))
    headers.append(((), len(text), len(text)))
    return [_Table(path, start, end) for (path, _, start), (_, end, _) in pairwise(headers)]


def _parts(name: str, start: int) -> list[tuple[str, int]]:
    """The parts of a dotted key without quotes and gaps, each with the offset where it begins."""
    found = []
    for part in name.split("."):
        found.append((part, start))
        start += len(part) + 1
    return found
