"""JSON text with the place of every table, so that one value can be changed and the rest stays.

Rules:
- The text has been read by a real decoder before; here only places are found. Linear, without
  recursion, and nesting is bounded.
- A new field is written as the table writes its last one: the same indents, the same spaces.
- Of a name that stands twice in one table the last one holds, as it does for the decoder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from agentdeck.plans.imports.tables import MAX_DEPTH

_TOKEN: Final = re.compile(
    r'"(?:[^"\\]++|\\.)*+"|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL
)  # possessive, so that nothing is tried twice


class Member(msgspec.Struct, frozen=True):
    """One `"name": value` of a table. Offsets in the text."""

    key_start: int
    key_end: int
    start: int  # of the value
    end: int


class Node(msgspec.Struct):
    """A table."""

    start: int  # offset of its opening brace
    parent: int  # index of the table around it, -1 = none
    members: dict[str, Member] = {}
    before_last: int = -1  # where the member before the last one ends, -1 = there is none
    last: Member | None = None  # the last one in the text


class Edit(msgspec.Struct, frozen=True):
    """Replace `text[start:end]` by `words`."""

    start: int
    end: int
    words: str


def tables(text: str) -> list[Node]:
    """Every table of a JSON text, or of several in a row, in the order of their opening braces.

    Raises:
        ValueError: the brackets do not fit, or are nested too deeply.
    """
    finder = _Finder()
    for token in _TOKEN.finditer(text):
        finder.take(token)
    if finder.opened:
        raise ValueError("a bracket is missing")
    return finder.found


class _Level(msgspec.Struct):
    """A table or a list that is open."""

    node: int  # index of the table, -1 = a list
    start: int
    around: int  # index of the table around it
    key: tuple[str, int, int] | None = None  # whose value comes next


class _Finder:
    """Takes one token after the other."""

    def __init__(self) -> None:
        self.found: list[Node] = []
        self.opened: list[_Level] = []

    def take(self, token: re.Match[str]) -> None:
        mark = token[0]
        if mark in "{[":
            self._open(mark, token.start())
        elif mark in "}]":
            if not self.opened:
                raise ValueError("a bracket too many")
            self._value(self.opened.pop().start, token.end())
        elif mark not in ",:":
            level = self.opened[-1] if self.opened else None
            if level is not None and level.node >= 0 and level.key is None:
                level.key = (json.loads(mark), token.start(), token.end())
            else:
                self._value(token.start(), token.end())

    def _open(self, mark: str, start: int) -> None:
        if len(self.opened) >= MAX_DEPTH:
            raise ValueError("nested too deeply")
        level = self.opened[-1] if self.opened else None
        around = -1 if level is None else level.node if level.node >= 0 else level.around
        node = -1
        if mark == "{":
            node = len(self.found)
            self.found.append(Node(start, around))
        self.opened.append(_Level(node, start, around))

    def _value(self, start: int, end: int) -> None:
        level = self.opened[-1] if self.opened else None
        if level is None or level.node < 0 or level.key is None:
            return
        node = self.found[level.node]
        name, key_start, key_end = level.key
        node.before_last = -1 if node.last is None else node.last.end
        node.last = node.members[name] = Member(key_start, key_end, start, end)
        level.key = None


def value_of(text: str, node: Node, name: str) -> object:
    """A value of a table, or None when it has none of this name."""
    member = node.members.get(name)
    return None if member is None else json.loads(text[member.start : member.end])


def set_value(text: str, node: Node, name: str, value: str | bool) -> Edit | None:
    """The edit that gives a table this value; None when it has it already."""
    words = json.dumps(value, ensure_ascii=False)
    member = node.members.get(name)
    if member is not None:
        now = json.loads(text[member.start : member.end])
        same = type(now) is type(value) and now == value
        return None if same else Edit(member.start, member.end, words)
    last = node.last
    if last is None:
        return Edit(node.start + 1, node.start + 1, f"{json.dumps(name)}: {words}")
    pair = f"{json.dumps(name)}{text[last.key_end : last.start]}{words}"
    return Edit(last.end, last.end, f"{_between(text, node, last)}{pair}")


def _between(text: str, node: Node, last: Member) -> str:
    """The comma and the white space that part two members of this table."""
    if node.before_last >= 0:
        return text[node.before_last : last.key_start]
    space = text[node.start + 1 : last.key_start]  # there is only one member
    wide = "\n" in space or "\r" in space
    return f",{space}" if wide else ", " if text[last.key_end : last.start] != ":" else ","


def joined(edits: Sequence[Edit | None]) -> list[Edit]:
    """Edits of one table without those that change nothing; insertions at one place become one."""
    found: list[Edit] = []
    for edit in edits:
        if edit is None:
            continue
        if found and found[-1].start == found[-1].end == edit.start == edit.end:
            comma = "" if edit.words.lstrip().startswith(",") else ", "  # the table was empty
            found[-1] = Edit(edit.start, edit.end, found[-1].words + comma + edit.words)
        else:
            found.append(edit)
    return found


def with_edits(text: str, edits: Sequence[Edit]) -> str:
    """The text with every edit made. They must not overlap."""
    parts = []
    at = 0
    for edit in sorted(edits, key=lambda one: one.start):
        parts += [text[at : edit.start], edit.words]
        at = edit.end
    return "".join([*parts, text[at:]])
