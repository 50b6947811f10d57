"""The marks of a run, in the document that its plan came from.

Rules:
- Only the bytes that say how a task stands are changed: a checkbox, a `status`, a `passes`, a cell.
  White space, order, line ends and everything else stay as they are.
- The document may have been edited since it was imported: tasks are found anew, by their ids, and
  where the document gives none, by id and title. A task that is not in it any more is left alone.
- Only what is finished or under way is written; what is still to do is never marked, and what the
  document calls done stays so: a person's own marks stay.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

import msgspec

from agentdeck.core.errors import DeckError, UsageError
from agentdeck.core.ids import TaskId
from agentdeck.plans.imports.detect import import_text
from agentdeck.plans.imports.draft import Imported
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.writeback import boxes, trackers
from agentdeck.plans.writeback.cells import cell_edits
from agentdeck.plans.writeback.json_nodes import with_edits
from agentdeck.plans.writeback.marks import Mark, Standing
from agentdeck.plans.writeback.wanted import Asked, Edits

_BOM: Final = "\ufeff"
_NOT_ITS_OWN: Final = frozenset({"id-by-position", "id-changed"})  # rules that make an id


class Written(msgspec.Struct, frozen=True):
    """A document with the marks of a run."""

    text: str
    marked: tuple[TaskId, ...]  # whose marks changed
    missing: tuple[TaskId, ...]  # which are not in the document, or have no place for a mark


def written_back(
    text: str, *, file: str, marks: Mapping[TaskId, Mark], format_name: str
) -> Written:
    """The document as it should be. O(n).

    Args:
        text: the document as it is now.
        file: its name.
        marks: how each task stands.
        format_name: as `format_of` says.

    Raises:
        PlanProblems: it cannot be read any more.
        UsageError: its format has no marks.
    """
    bom = _BOM if text.startswith(_BOM) else ""
    body = text.removeprefix(_BOM)
    writer = _writer(format_name, file)
    imported = _imported(body, file, format_name)
    wanted = {name: mark for name, mark in marks.items() if mark.standing is not Standing.TODO}
    kept = {name: wanted[name] for name in _known(imported, wanted)}
    edits = writer(Asked(body, imported.plan.tasks, kept))
    marked = tuple(name for name, found in edits.by_task.items() if found)
    missing = tuple(name for name in wanted if name not in edits.by_task)
    return Written(bom + with_edits(body, edits.all()), marked, missing)


def format_of(text: str, *, file: str, tasks: Collection[TaskId]) -> str:
    """The format in which a document has the most of these tasks: the detected one if it has all.

    A document can be detected as another format than it was imported as, since the path that it is
    called by is a part of the signs.

    Raises:
        PlanProblems: it cannot be read.
        UsageError: it is in no known format, in one that has no marks, or has none of the tasks.
    """
    text = text.removeprefix(_BOM)
    found = import_text(text, file=file)
    best, most = found.format, _count(found, tasks)
    if most < len(tasks):
        for name in _WRITERS:
            number = _count_as(name, text, file, tasks)
            if number > most:
                best, most = name, number
    _writer(best, file)
    if tasks and not most:
        raise UsageError(
            f"{file} has none of the plan's tasks", hint="name the document that they came from"
        )
    return best


def _count_as(name: str, text: str, file: str, tasks: Collection[TaskId]) -> int:
    try:
        return _count(import_text(text, file=file, format=name), tasks)
    except DeckError:
        return 0


def _count(imported: Imported, tasks: Collection[TaskId]) -> int:
    return sum(name in imported.plan.by_id for name in tasks)


def _imported(body: str, file: str, format_name: str) -> Imported:
    if format_name not in _BY_TABLE:
        return import_text(body, file=file, format=format_name)
    try:
        return import_text(trackers.one_table_a_line(body), file=file, format=format_name)
    except (PlanProblems, ValueError):
        return import_text(body, file=file, format=format_name)  # it fails with the right lines


def _known(imported: Imported, wanted: Mapping[TaskId, Mark]) -> list[TaskId]:
    """The tasks that the document surely means by the ids that were found in it."""
    unsure = {remark.line for remark in imported.remarks if remark.rule in _NOT_ITS_OWN}
    return [
        task.id
        for task in imported.plan.tasks
        if task.id in wanted
        and (task.line not in unsure or wanted[task.id].title in ("", task.title))
    ]


def _in_markdown(asked: Asked) -> Edits:
    edits = boxes.in_markdown(asked)
    for name, found in cell_edits(asked).items():
        edits.by_task.setdefault(name, found)
    return edits


def _writer(name: str, file: str) -> Callable[[Asked], Edits]:
    writer = _WRITERS.get(name)
    if writer is None:
        raise UsageError(
            f"{file} is {name}, which has no marks for what is done",
            hint=f"these have: {', '.join(_WRITERS)}",
        )
    return writer


_BY_TABLE: Final = frozenset({"taskmaster", "prd"})
_WRITERS: Final[dict[str, Callable[[Asked], Edits]]] = {
    "markdown": _in_markdown,
    "speckit": boxes.in_task_lists,
    "openspec": boxes.in_task_lists,
    "kiro": boxes.in_kiro,
    **trackers.WRITERS,
}
