"""What agents and clients want of a person and nobody has answered: all of it, and about one task.

Rules:
- A proposal concerns the task whose agent makes it, and a task that the proposed one would need.
- A request for files is told here where the task's own sentence does not tell it: the task does not
  ask by its state (it is paused), or something else was asked before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agentdeck.core.ids import TaskId
from agentdeck.core.state import LIVE, Request, RunState, TaskRun, TaskState
from agentdeck.core.words import first_line, listed

NAMED: Final = 3  # proposals in one sentence
TITLE_CHARS: Final = 80
NAMED_FILES: Final = 3


def open_requests(state: RunState) -> list[Request]:
    """What agents and clients want of a person and nobody has answered, the oldest first."""
    if state.outcome is not None or state.ending:
        return []
    return [request for request in state.requests.values() if request.answer is None]


def sentence(state: RunState, task_id: TaskId) -> str:
    """What about a task waits for a person beside its own state; "" = nothing does."""
    told = list(_proposals(state, task_id))
    more = [f"and {len(told) - NAMED} more proposals wait"] if len(told) > NAMED else []
    return "; ".join((*told[:NAMED], *more, *_files(state.tasks[task_id])))


def _proposals(state: RunState, task_id: TaskId) -> Iterator[str]:
    for request in open_requests(state):
        put = request.put
        if put is None:
            continue
        title = first_line(put.title or put.prompt)[:TITLE_CHARS]
        waits = f"{title} ({request.id} waits for a yes or no)"
        if request.by.rpartition("#")[0] == task_id:
            yield f"its agent proposes task {put.id}: {waits}"
        elif task_id in put.after:
            yield f"{request.by} proposes task {put.id}, which needs it: {waits}"


def _files(task: TaskRun) -> Iterator[str]:
    asked = task.attempt.questions if task.attempt is not None and task.state in LIVE else []
    for question in asked[1:] if task.state is TaskState.ASKING else asked:
        if question.files:
            yield f"its agent asks for more files: {listed(question.files, NAMED_FILES)}"


__all__ = ["open_requests", "sentence"]
