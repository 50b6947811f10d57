"""The status column of task tables in Markdown: the cell of a task that is done says so.

Rules:
- Only the words of that one cell change; the spaces around them stay.
- The document's own word for done is used, else a tick where the column has pictures, else `done`.
- A cell that says something else than how far the task is (`50 %`) is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from agentdeck.core.ids import TaskId
from agentdeck.plans.imports.markdown.columns import Role, role_of
from agentdeck.plans.imports.words import Status, status_of
from agentdeck.plans.writeback.boxes import line_starts
from agentdeck.plans.writeback.json_nodes import Edit
from agentdeck.plans.writeback.marks import Standing
from agentdeck.plans.writeback.wanted import Asked

_RULE: Final = re.compile(r"[ \t>]*\|?(?:[ \t]*:?-+:?[ \t]*\|)*[ \t]*:?-*:?[ \t]*\Z")
_LEAD: Final = re.compile(r"[ \t>]*\|?")
_BAR: Final = re.compile(r"(?<!\\)\|")
_EMPTY: Final = frozenset({"", "-", "–", "—"})
_BOX: Final = "[ ]"


class _Cell(msgspec.Struct, frozen=True):
    """A status cell. Offsets of its words in the text."""

    line: int
    start: int
    words: str


def cell_edits(asked: Asked) -> dict[TaskId, list[Edit]]:
    """The edits of each task with a status cell; none of its own where the cell is right. O(n)."""
    lines = {task.line: task for task in asked.tasks if task.id in asked.marks}
    if not lines:
        return {}
    cells = list(_status_cells(asked.text))
    word = next((cell.words for cell in cells if status_of(cell.words) is Status.DONE), None)
    pictures = any(status_of(cell.words) is not None and not cell.words.isascii() for cell in cells)
    word = word or ("✅" if pictures else None)
    found: dict[TaskId, list[Edit]] = {}
    for cell in cells:
        task = lines.get(cell.line)
        status = status_of(cell.words)
        if task is None or (status is None and cell.words not in (*_EMPTY, _BOX)):
            continue
        done = asked.marks[task.id].standing is Standing.DONE
        if not done or status is Status.DONE:
            found[task.id] = []
        else:
            new = "[x]" if cell.words == _BOX else word or _done_like(cell.words)
            found[task.id] = [Edit(cell.start, cell.start + len(cell.words), new)]
    return found


def _done_like(words: str) -> str:
    return "DONE" if words.isupper() else "Done" if words[:1].isupper() else "done"


def _status_cells(text: str) -> Iterator[_Cell]:
    """The status cell of every row of every table that has such a column."""
    starts = [*line_starts(text), len(text)]
    before, column = "", None
    for number in range(1, len(starts)):
        line = text[starts[number - 1] : starts[number]].rstrip("\r\n")
        if "|" not in line:
            column = None
        elif _RULE.match(line) and "-" in line:
            column = _status_column(before)
        elif column is not None:
            spans = list(_spans(line))
            if column < len(spans):
                first, last = spans[column]
                words = line[first:last]
                yield _Cell(number, starts[number - 1] + first, words)
        before = line


def _status_column(heads: str) -> int | None:
    roles = (role_of(heads[first:last]) for first, last in _spans(heads))
    return next((at for at, role in enumerate(roles) if role is Role.STATUS), None)


def _spans(line: str) -> Iterator[tuple[int, int]]:
    """Where the words of each cell begin and end. Of an empty cell: behind its first space."""
    lead = _LEAD.match(line)
    at = lead.end() if lead else 0
    ends = [match.start() for match in _BAR.finditer(line, at)]
    if line[ends[-1] + 1 if ends else at :].strip():
        ends.append(len(line))
    for end in ends:
        cell = line[at:end]
        bare = cell.strip()
        first = at + (len(cell) - len(cell.lstrip()) if bare else min(1, len(cell)))
        yield first, first + len(bare)
        at = end + 1
