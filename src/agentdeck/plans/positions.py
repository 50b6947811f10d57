"""Where each key of a TOML text stands, so that an error can name its line.

`tomllib` gives values without places. This is one linear pass over a text that `tomllib` has
already accepted, so it never has to decide what is legal, only where things begin.

Rules:
- A path is what leads to a value in `tomllib`'s result: names in tables, numbers (from 0) in lists.
- A key stands where it is written first: `("gates",)` at the first header or dotted key below it.
- An element of an array of tables stands at its `[[header]]`, an element of a list at its value.
- Keys deeper than `MAX_DEPTH` are not kept; `Positions.find` answers with the nearest key above.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from typing import Final, NamedTuple

Path = tuple[str | int, ...]

MAX_DEPTH: Final = 16  # parts of a path; a plan needs 5, and it keeps hostile texts linear

_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE: Final = re.compile(r"[^,\]}#\n]*")  # a number, boolean or date
_STRING_ENDS: Final = {  # opening quotes -> what ends the string; escapes match first
    '"""': re.compile(r'\\.|"{3,5}', re.DOTALL),
    "'''": re.compile(r"'{3,5}"),
    '"': re.compile(r'\\.|"', re.DOTALL),
    "'": re.compile(r"'"),
}


class Position(NamedTuple):
    """A place in a text; both count from 1, columns in characters."""

    line: int
    column: int


class Positions:
    """The place of every key of one text."""

    def __init__(self, found: dict[Path, Position]) -> None:
        self._found = found

    def __contains__(self, path: Path) -> bool:
        return path in self._found

    def find(self, path: Path) -> Position:
        """Where `path` stands, or else the nearest key above it; the top of the text at last."""
        for length in range(len(path), 0, -1):
            position = self._found.get(path[:length])
            if position is not None:
                return position
        return Position(1, 1)


def positions(text: str) -> Positions:
    """Find every key of a TOML text. O(n).

    Args:
        text: TOML that `tomllib.loads` accepts; for any other text the result has no meaning.

    Raises:
        RecursionError: values are nested about as deep as the interpreter's stack.
    """
    scanner = _Scanner(text)
    scanner.document()
    return Positions(scanner.placed())


def _below(path: Path, part: str | int) -> Path:
    return path if len(path) > MAX_DEPTH else (*path, part)


class _Scanner:
    """One pass from the start to the end of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._offsets: dict[Path, int] = {}
        self._lengths: dict[Path, int] = {}  # of arrays of tables so far

    def placed(self) -> dict[Path, Position]:
        starts = [0, *(match.end() for match in re.finditer("\n", self._text))]
        found = {}
        for path, offset in self._offsets.items():
            line = bisect_right(starts, offset)
            found[path] = Position(line, offset - starts[line - 1] + 1)
        return found

    def document(self) -> None:
        prefix: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text.startswith("[", self._at):
                prefix = self._header()
            else:
                self._pair(prefix)
            self._skip(_BLANK)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at + 1

    def _record(self, path: Path, offset: int) -> None:
        if len(path) <= MAX_DEPTH:
            self._offsets.setdefault(path, offset)

    def _header(self) -> Path:
        start = self._at
        brackets = 2 if self._text.startswith("[[", start) else 1
        self._at += brackets
        parts = self._key()
        self._at += brackets
        path: Path = ()
        for part, offset in parts[:-1]:
            path = self._enter(path, part, offset)
        part, offset = parts[-1]
        if brackets == 1:
            return self._enter(path, part, offset)
        path = _below(path, part)
        self._record(path, offset)
        index = self._lengths.get(path, 0)
        self._lengths[path] = index + 1
        path = _below(path, index)
        self._record(path, start)
        return path

    def _enter(self, path: Path, part: str, offset: int) -> Path:
        """Step into a table; a name of an array of tables means its last element."""
        path = _below(path, part)
        self._record(path, offset)
        length = self._lengths.get(path)
        return path if length is None else _below(path, length - 1)

    def _key(self) -> list[tuple[str, int]]:
        """Read a dotted key: its parts, each with the offset where it begins."""
        parts = []
        while True:
            self._skip(_SPACE)
            start = self._at
            if self._text[start] in "\"'":
                self._string()
                parts.append((_unquoted(self._text[start : self._at]), start))
            else:
                self._skip(_BARE_KEY)
                parts.append((self._text[start : self._at], start))
            self._skip(_SPACE)
            if not self._text.startswith(".", self._at):
                return parts
            self._at += 1

    def _pair(self, prefix: Path) -> None:
        path = prefix
        for part, offset in self._key():
            path = _below(path, part)
            self._record(path, offset)
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: Path) -> None:
        opening = self._text[self._at]
        if opening in "\"'":
            self._string()
        elif opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        else:
            self._skip(_BARE_VALUE)

    def _array(self, path: Path) -> None:
        self._at += 1
        self._skip(_BLANK)
        index = 0
        while not self._text.startswith("]", self._at):
            element = _below(path, index)
            self._record(element, self._at)
            self._value(element)
            self._skip(_BLANK)
            if self._text.startswith(",", self._at):
                self._at += 1
                self._skip(_BLANK)
            index += 1
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        self._skip(_BLANK)
        while not self._text.startswith("}", self._at):
            self._pair(path)
            self._skip(_BLANK)
            if self._text.startswith(",", self._at):
                self._at += 1
                self._skip(_BLANK)
        self._at += 1

    def _string(self) -> None:
        quote = self._text[self._at]
        opening = quote * 3 if self._text.startswith(quote * 3, self._at) else quote
        for match in _STRING_ENDS[opening].finditer(self._text, self._at + len(opening)):
            if match[0][0] == quote:
                self._at = match.end()
                return
        self._at = len(self._text)  # cannot be: tomllib accepted the text


def _unquoted(raw: str) -> str:
    if raw[0] == '"' and "\\" in raw:
        return str(tomllib.loads(f"key = {raw}")["key"])
    return raw[1:-1]
