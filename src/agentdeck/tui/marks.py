"""Which tasks are marked, one by one or along a list.

Rules: marking along a list starts where the cursor was; going back takes away what that way had
added and nothing else. Any other move of the cursor ends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agentdeck.core.ids import TaskId


class Marking:
    """The marks of one person on one screen."""

    def __init__(self) -> None:
        self.marked: frozenset[TaskId] = frozenset()
        self._before: frozenset[TaskId] = frozenset()  # this way along the list
        self._anchor: TaskId | None = None
        self._last: TaskId | None = None  # where that way has led to

    def toggle(self, order: Sequence[TaskId], task: TaskId) -> TaskId:
        """Mark a task or take its mark away; the one below it."""
        self.marked = self.marked ^ {task}
        self._anchor = None
        return _beside(order, task, 1)

    def extend(self, order: Sequence[TaskId], task: TaskId, by: int) -> TaskId:
        """Mark from where the way began to the row below (1) or above (-1): that is returned."""
        if self._anchor is None or task != self._last or self._anchor not in order:
            self._anchor, self._before = task, self.marked
        there = _beside(order, task, by)
        if self._anchor in order and there in order:
            one, other = sorted((order.index(self._anchor), order.index(there)))
            self.marked = self._before | set(order[one : other + 1])
        else:
            self.marked = self._before | {task}
        self._last = there
        return there

    def add(self, tasks: Iterable[TaskId]) -> None:
        """Mark these too."""
        self.marked, self._anchor = self.marked | set(tasks), None

    def clear(self) -> None:
        """No marks."""
        self.marked, self._anchor = frozenset(), None


def _beside(order: Sequence[TaskId], task: TaskId, by: int) -> TaskId:
    """The neighbour in the list; the task itself at its end, or where it is not in it."""
    if task not in order:
        return task
    return order[max(0, min(len(order) - 1, order.index(task) + by))]
