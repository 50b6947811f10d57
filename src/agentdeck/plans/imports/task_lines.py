"""Task lists in Markdown, line by line: what formats with `- [ ]` items have in common.

Rules: these formats are defined by their lines, not by Markdown's finer points, so a line is what
it looks like: a heading, an item with a box, a bullet, a fence with all its lines, or words.
Everything here takes linear time.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

import msgspec

from agentdeck.plans.fields import one_line
from agentdeck.plans.imports.draft import Draft, DraftTask
from agentdeck.plans.imports.written_paths import add_files, paths_in

MAX_WORDS: Final = 2_000  # characters of a line that is kept as a title or a note
TAB: Final = 4  # columns

_HEADING: Final = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)\Z")
_ITEM: Final = re.compile(
    r"([ \t]*)(?:[-*+]|[0-9]{1,9}[.)])[ \t]+\[([ xX~/-])\](\*?)(?:[ \t]+(.*))?\Z"
)
_BULLET: Final = re.compile(r"([ \t]*)(?:[-*+]|[0-9]{1,9}[.)])[ \t]+(.*)\Z")
_FENCE: Final = re.compile(r"([ \t]*)(`{3,}|~{3,})[ \t]*([^`]*)\Z")
_STRANGE: Final = re.compile("[\x00\ud800-\udfff]")


class Sort(Enum):
    """What a line is."""

    HEADING = "heading"
    ITEM = "item"  # with a box
    BULLET = "bullet"
    FENCE = "fence"  # a block of code
    WORDS = "words"


class Line(msgspec.Struct, frozen=True):
    """A line that is not empty, or a whole fence."""

    number: int  # from 1; of a fence, the line that opens it
    sort: Sort
    text: str  # without marks; of a fence, all of its lines
    indent: int = 0  # columns
    level: int = 0  # of a heading
    box: str = ""  # what stands in the box: ` `, `x`, `~`, `/` or `-`
    starred: bool = False  # `[ ]*`

    @property
    def done(self) -> bool:
        """Is the box ticked?"""
        return self.box in ("x", "X")

    @property
    def active(self) -> bool:
        """Is the box marked as under way?"""
        return self.box in ("~", "/", "-")


def read_task_lines(text: str) -> list[Line]:
    """The lines of a document, without the empty ones. O(n)."""
    found = []
    raw = _STRANGE.sub("\ufffd", text.removeprefix("\ufeff")).split("\n")
    number = 0
    while number < len(raw):
        line = raw[number].rstrip()
        number += 1
        if not line:
            continue
        opening = _FENCE.match(line)
        if opening is None:
            found.append(_line(line, number))
            continue
        start = number
        while number < len(raw) and not _closes(raw[number], opening[2]):
            number += 1
        inner = "\n".join(raw[start:number])
        number += 1
        found.append(Line(start, Sort.FENCE, inner, indent=_columns(opening[1])))
    return found


def _closes(line: str, opening: str) -> bool:
    stripped = line.strip()
    return len(stripped) >= len(opening) and not stripped.strip(opening[0])


def _line(line: str, number: int) -> Line:
    if heading := _HEADING.match(line):
        return Line(number, Sort.HEADING, heading[2].rstrip("# \t"), level=len(heading[1]))
    if item := _ITEM.match(line):
        text = (item[4] or "").strip()
        indent, starred = _columns(item[1]), bool(item[3])
        return Line(number, Sort.ITEM, text, indent=indent, box=item[2], starred=starred)
    if bullet := _BULLET.match(line):
        return Line(number, Sort.BULLET, bullet[2].strip(), indent=_columns(bullet[1]))
    return Line(number, Sort.WORDS, line.strip(), indent=_columns(line))


def _columns(text: str) -> int:
    space = text[: len(text) - len(text.lstrip(" \t"))]
    return len(space) + (TAB - 1) * space.count("\t")


def plain_words(text: str) -> str:
    """A line as a title: without `**`, backticks and control characters, of bounded length."""
    return one_line(text.replace("**", "").replace("`", ""))[:MAX_WORDS].strip()


class Told:
    """What is told to the agent of the task that is being read, line by line.

    Args:
        draft: takes remarks about paths.
    """

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._words: list[str] = []
        self._paths: dict[str, None] = {}
        self._indent = 0
        self.task: DraftTask | None = None

    def begin(self, task: DraftTask, words: str, indent: int) -> None:
        """A task begins with these words; what is indented more than it belongs to it."""
        self.end()
        self.task, self._indent = task, indent
        self._words = [words.strip()]
        self._paths = dict.fromkeys(paths_in(words))

    def holds(self, line: Line) -> bool:
        """Does this line belong to the task?"""
        return self.task is not None and line.indent > self._indent

    def add(self, line: Line) -> None:
        """Tell this line too, and take the paths that it names."""
        mark = "- " if line.sort in (Sort.BULLET, Sort.ITEM) else ""
        self._words.append(f"{mark}{line.text}")
        self._paths.update(dict.fromkeys(paths_in(line.text)))

    def end(self) -> None:
        """The task is read to its end."""
        if self.task is not None:
            self.task.prompt = "\n".join(self._words)
            add_files(self.task, self._paths, self._draft, self.task.line)
        self.task = None
