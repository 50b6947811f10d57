"""Where each key begins in a stretch of TOML, with the path that leads to it.

`tomli` gives values without places. This reads a text that `tomli` has already accepted, so it
never has to decide what is legal, only where things begin.

Rules:
- A path is what leads to a value in `tomli`'s result: names in tables, numbers (from 0) in lists.
- A key stands where it is written first: `("gates",)` at the first header or dotted key below it.
- An element of an array of tables stands at its `[[header]]`, an element of a list at its value.
- Keys deeper than `MAX_DEPTH` are not kept, and what is in their values is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import tomli

Path = tuple[str | int, ...]

MAX_DEPTH: Final = 16  # parts of a path; a plan needs 5, and it keeps hostile texts linear

BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE: Final = re.compile(r"[ \t]*")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE: Final = re.compile(r"[^,\]}#\n]*")  # a number, boolean or date
_MARK: Final = re.compile(r"""[\[\]{}"']|#[^\n]*""")  # what counts in a value that is passed over
_STRING_ENDS: Final = {  # opening quotes -> what ends the string; escapes match first
    '"""': re.compile(r'\\.|"{3,5}', re.DOTALL),
    "'''": re.compile(r"'{3,5}"),
    '"': re.compile(r'\\.|"', re.DOTALL),
    "'": re.compile(r"'"),
}


class Scanner:
    """Reads headers and pairs of one text, wherever it is told to.

    `offsets` has, for each path that was met, the first character of the text that names it.
    Whatever the order in which the stretches are read: the first place of a path wins.
    """

    def __init__(self, text: str) -> None:
        self.offsets: dict[Path, int] = {}
        self._text = text
        self._at = 0
        self._lengths: dict[Path, int] = {}  # of arrays of tables so far

    def header(self, start: int) -> tuple[Path, int]:
        """Read the header at `start`. Headers are read in their order, as they count elements.

        Returns: the path of the table that it opens, and where the header ends.
        """
        brackets = 2 if self._text.startswith("[[", start) else 1
        self._at = start + brackets
        parts = self._key()
        return self.opened(start, brackets, parts), self._at + brackets

    def opened(self, start: int, brackets: int, parts: Sequence[tuple[str, int]]) -> Path:
        """The path of the table that a header opens; it stands at `start`, its parts where said."""
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

    def pairs(self, prefix: Path, start: int, end: int) -> int:
        """Read the pairs of the table `prefix` that begin between `start` and `end`.

        Returns: where the next statement begins.
        """
        self._at = start
        self._skip(BLANK)
        while self._at < end:
            self._pair(prefix)
            self._skip(BLANK)
        return self._at

    def string(self, start: int) -> int:
        """Where the string ends that begins at `start`."""
        quote = self._text[start]
        opening = quote * 3 if self._text.startswith(quote * 3, start) else quote
        for match in _STRING_ENDS[opening].finditer(self._text, start + len(opening)):
            if match[0][0] == quote:
                return match.end()
        return len(self._text)  # cannot be: tomli accepted the text

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at + 1

    def _record(self, path: Path, offset: int) -> None:
        if len(path) <= MAX_DEPTH and offset <= self.offsets.get(path, offset):
            self.offsets[path] = offset

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
                self._at = self.string(start)
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
            self._at = self.string(self._at)
        elif opening in "[{" and len(path) > MAX_DEPTH:
            self._pass_over()
        elif opening == "[":
            self._array(path)
        elif opening == "{":
            self._inline_table(path)
        else:
            self._skip(_BARE_VALUE)

    def _array(self, path: Path) -> None:
        self._at += 1
        self._skip(BLANK)
        index = 0
        while not self._text.startswith("]", self._at):
            element = _below(path, index)
            self._record(element, self._at)
            self._value(element)
            self._skip(BLANK)
            if self._text.startswith(",", self._at):
                self._at += 1
                self._skip(BLANK)
            index += 1
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        self._skip(BLANK)
        while not self._text.startswith("}", self._at):
            self._pair(path)
            self._skip(BLANK)
            if self._text.startswith(",", self._at):
                self._at += 1
                self._skip(BLANK)
        self._at += 1

    def _pass_over(self) -> None:
        """Go to the end of an array or inline table, however deep."""
        depth = 0
        while mark := _MARK.search(self._text, self._at):
            self._at = mark.end()
            if mark[0] in "[{":
                depth += 1
            elif mark[0] in "]}":
                depth -= 1
                if not depth:
                    return
            elif mark[0] in "\"'":
                self._at = self.string(mark.start())


def _below(path: Path, part: str | int) -> Path:
    return path if len(path) > MAX_DEPTH else (*path, part)


def _unquoted(raw: str) -> str:
    if raw[0] == '"' and "\\" in raw:
        return str(tomli.loads(f"key = {raw}")["key"])
    return raw[1:-1]
