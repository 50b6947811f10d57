"""The boxes of task lists: `- [ ]` becomes `- [x]` when its task is done, and never the other way.

Rules: one character changes. A task's box stands on the line that the importer read it from. In
Kiro's lists, a number that only holds others (`1.` above `1.1`) is ticked with the last of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from agentdeck.core.plan import Task
from agentdeck.plans.imports.task_lines import Line, Sort, read_task_lines
from agentdeck.plans.writeback.json_nodes import Edit
from agentdeck.plans.writeback.marks import Standing
from agentdeck.plans.writeback.wanted import Asked, Edits

# `[x](link)` is no box.
_BOX: Final = re.compile(
    r"[ \t>]*+(?:[-*+]|[0-9]{1,9}[.)])[ \t]+\[([ xX~/-]?)\](?=\*?(?:[ \t\r\n]|\Z))"
)
_NUMBER: Final = re.compile(r"(?:Task[ \t]+)?([0-9]{1,5}(?:\.[0-9]{1,5}){0,5})[.:)]?[ \t]")
_LINE_FEED: Final = re.compile(r"\n")
_ANY_END: Final = re.compile(r"\r\n|\n|\r")


def in_markdown(asked: Asked) -> Edits:
    """Boxes of Markdown at large, where every kind of line end counts."""
    return _ticked(asked, line_starts(asked.text))


def in_task_lists(asked: Asked) -> Edits:
    """Boxes of the formats that are read line by line."""
    return _ticked(asked, _starts(asked.text, _LINE_FEED))


def in_kiro(asked: Asked) -> Edits:
    """Boxes of Kiro's lists, and of the numbers above them."""
    edits = in_task_lists(asked)
    if any(edits.by_task.values()):
        starts = _starts(asked.text, _LINE_FEED)
        tasks = {task.line: task for task in asked.tasks if task.line is not None}
        for line in _full_groups(asked, tasks):
            found = _tick(asked.text, starts, line.number)
            edits.groups += found or []
    return edits


def line_starts(text: str) -> list[int]:
    """Where each line of Markdown begins."""
    return _starts(text, _ANY_END)


def _starts(text: str, end: re.Pattern[str]) -> list[int]:
    return [0, *(match.end() for match in end.finditer(text))]


def _ticked(asked: Asked, starts: Sequence[int]) -> Edits:
    edits = Edits()
    for task in asked.tasks:
        mark = asked.marks.get(task.id)
        if mark is None or task.line is None:
            continue
        found = _tick(asked.text, starts, task.line)
        if found is not None:
            edits.by_task[task.id] = found if mark.standing is Standing.DONE else []
    return edits


def _tick(text: str, starts: Sequence[int], line: int) -> list[Edit] | None:
    """The edit that ticks the box on a line; none when it is ticked, None when there is no box."""
    box = _BOX.match(text, starts[line - 1]) if line <= len(starts) else None
    if box is None:
        return None
    return [] if box[1] in ("x", "X") else [Edit(box.start(1), box.end(1), "x")]


def _full_groups(asked: Asked, tasks: dict[int, Task]) -> list[Line]:
    """The lines of groups below which nothing is left to do, except what is optional."""
    lines: dict[str, Line] = {}
    left: set[str] = set()  # numbers of groups
    for line in read_task_lines(asked.text):
        number = _NUMBER.match(f"{line.text} ") if line.sort is Sort.ITEM else None
        if number is None:
            continue
        lines.setdefault(number[1], line)
        task = tasks.get(line.number)
        if task is None or line.starred or asked.will_be_done(task):
            continue
        above = number[1].rpartition(".")[0]
        while above:
            left.add(above)
            above = above.rpartition(".")[0]
    filled = {number.rpartition(".")[0] for number in lines}
    return [
        line
        for number, line in lines.items()
        if number in filled and number not in left and line.number not in tasks
    ]
