"""The statements of a TOML text, each with the exact stretch of text it takes.

`positions` says where a key begins, for messages; to change a text one must also know where each
value ends. A TOML library that keeps comments could do both, but it reads 500 tasks in a third of a
second, adds keys below the comment of the next table, and mixes line endings. This is one linear
pass over a text that `tomllib` has accepted; it never decides what is legal.

Rules:
- A statement is a header or a `key = value` pair at the top level of the text. What is inside a
  value is its value's business; `elements` cuts an array where that is needed.
- Offsets count characters. `end` is behind the line break of the statement's last line.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Final

Path = tuple[str | int, ...]

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
_NESTED: Final = re.compile(r"""["'#\[\]{}]""")


@dataclass(frozen=True, slots=True)
class Statement:
    """A header or a pair."""

    path: Path  # from the top, with the numbers of elements: ("task", 3, "files")
    table: Path  # that it opens, or stands in: ("task", 3)
    brackets: int  # 2 = [[header]], 1 = [header], 0 = a pair
    line: int  # offset of the start of its first line
    value: int  # offset of its value; of a header, behind the name
    value_end: int
    end: int  # offset behind its last line


def statements(text: str) -> list[Statement]:
    """All statements in order. O(n).

    Args:
        text: TOML that `tomllib.loads` accepts; for any other text the result has no meaning.
    """
    return _Scanner(text).all()


def value_end(text: str, at: int) -> int:
    """The offset behind the value that begins at `at`."""
    opening = text[at : at + 1]
    if opening in ('"', "'"):
        return _string_end(text, at)
    if opening not in ("[", "{"):
        found = text[at : _matched(_BARE_VALUE, text, at)]
        return at + len(found.rstrip())
    depth = 0
    while token := _NESTED.search(text, at):
        at = token.end()
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
            if depth == 0:
                return at
        elif token[0] == "#":
            at = _line_end(text, at)
        else:
            at = _string_end(text, token.start())
    return len(text)  # cannot be: tomllib accepted the text


def _string_end(text: str, at: int) -> int:
    quote = text[at]
    opening = quote * 3 if text.startswith(quote * 3, at) else quote
    for match in _STRING_ENDS[opening].finditer(text, at + len(opening)):
        if match[0][0] == quote:
            return match.end()
    return len(text)  # cannot be: tomllib accepted the text


def _line_end(text: str, at: int) -> int:
    """The offset behind the line break that comes next."""
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def elements(text: str, at: int) -> list[tuple[int, int]]:
    """The stretches of the elements of the array that begins at `at`."""
    found = []
    at = _matched(_BLANK, text, at + 1)
    while at < len(text) and text[at] != "]":
        end = value_end(text, at)
        found.append((at, end))
        at = _matched(_BLANK, text, end)
        if text.startswith(",", at):
            at = _matched(_BLANK, text, at + 1)
    return found


def _matched(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at + 1


def _unquoted(raw: str) -> str:
    if raw[0] == '"' and "\\" in raw:
        return str(tomllib.loads(f"key = {raw}")["key"])
    return raw[1:-1] if raw[0] in "\"'" else raw


class _Scanner:
    """One pass from the start to the end of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lengths: dict[Path, int] = {}  # of arrays of tables so far

    def all(self) -> list[Statement]:
        found = []
        table: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            statement = self._header() if self._text[self._at] == "[" else self._pair(table)
            found.append(statement)
            table = statement.table
            self._skip(_BLANK)
        return found

    def _skip(self, pattern: re.Pattern[str]) -> None:
        self._at = _matched(pattern, self._text, self._at)

    def _line(self) -> int:
        return self._text.rfind("\n", 0, self._at) + 1

    def _header(self) -> Statement:
        line = self._line()
        brackets = 2 if self._text.startswith("[[", self._at) else 1
        self._at += brackets
        parts = self._key()
        path: Path = ()
        for part in parts[:-1]:
            path = self._inside((*path, part))
        path = (*path, parts[-1])
        if brackets == 2:
            number = self._lengths.get(path, 0)
            self._lengths[path] = number + 1
            path = (*path, number)
        else:
            path = self._inside(path)
        behind = self._at
        self._at += brackets
        end = _line_end(self._text, self._at)
        return Statement(path, path, brackets, line, behind, behind, end)

    def _inside(self, path: Path) -> Path:
        """A name of an array of tables means its last element."""
        length = self._lengths.get(path)
        return path if length is None else (*path, length - 1)

    def _key(self) -> list[str]:
        parts = []
        while True:
            self._skip(_SPACE)
            start = self._at
            if self._text[start] in "\"'":
                self._at = _string_end(self._text, start)
            else:
                self._skip(_BARE_KEY)
            parts.append(_unquoted(self._text[start : self._at]))
            self._skip(_SPACE)
            if not self._text.startswith(".", self._at):
                return parts
            self._at += 1

    def _pair(self, table: Path) -> Statement:
        line = self._line()
        path = (*table, *self._key())
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        value = self._at
        end = value_end(self._text, value)
        self._at = end
        return Statement(path, table, 0, line, value, end, _line_end(self._text, end))
