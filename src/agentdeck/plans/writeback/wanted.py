"""What a writer of one format is asked for, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Task
from agentdeck.plans.imports.edges import DONE
from agentdeck.plans.imports.words import Status, status_of
from agentdeck.plans.writeback.json_nodes import Edit
from agentdeck.plans.writeback.marks import Mark, Standing

_MEANT: dict[Standing, Status] = {
    Standing.WORKING: Status.ACTIVE,
    Standing.BLOCKED: Status.BLOCKED,
    Standing.DONE: Status.DONE,
}


class Asked(msgspec.Struct, frozen=True):
    """A document, and the marks that should be in it."""

    text: str
    tasks: tuple[Task, ...]  # as the document says now, in its order
    marks: Mapping[TaskId, Mark]  # of tasks whose mark is to be written

    def is_done(self, task: Task) -> bool:
        """Does the document say that it is done?"""
        return task.defer == DONE

    def will_be_done(self, task: Task) -> bool:
        """Is it done when the marks are written?"""
        mark = self.marks.get(task.id)
        return self.is_done(task) or (mark is not None and mark.standing is Standing.DONE)


class Edits(msgspec.Struct):
    """What a writer found."""

    by_task: dict[TaskId, list[Edit]] = {}  # an empty list: the mark is there already
    groups: list[Edit] = []  # of entries that only hold tasks, and are done with the last of them

    def all(self) -> list[Edit]:
        """Every edit."""
        return [*(edit for found in self.by_task.values() for edit in found), *self.groups]


def says(word: str, standing: Standing) -> bool:
    """Does a word of the document say this already?"""
    words = word.replace("_", " ").replace("-", " ").strip().casefold()
    return status_of(words) is _MEANT.get(standing)
