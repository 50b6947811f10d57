"""Edits that an agent has made where it had no business, as its own stream tells them.

Rules:
- Only what the stream of an agent says is known: of a file that was written by a command nobody can
  tell who wrote it, unless a sandbox keeps it from being written at all.
- The user's checkout and the worktrees of others are told of. Elsewhere, such as in a temporary
  folder, agents may write as they like.
- It is told and nothing follows from it: a call that was told of may have been refused.
"""

from __future__ import annotations

from typing import Final

from agentdeck.core.ids import TaskId
from agentdeck.core.lanes import lanes
from agentdeck.core.state import RunState, TaskRun

NAMED: Final = 2  # files in one sentence; the log has them all


def sentence(state: RunState, task_id: TaskId) -> str:
    """Where it says that it has edited files of others; empty where it does not."""
    task = state.tasks[task_id]
    found = [path for path in _elsewhere(task) if _whose(state, task, path)]
    if not found:
        return ""
    shown = ", ".join(f"{path} ({_whose(state, task, path)})" for path in found[:NAMED])
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return f"it says that it edited {shown}{more}, outside its worktree"


def _elsewhere(task: TaskRun) -> list[str]:
    """Paths that are not below its own worktree, each once."""
    told = (path for attempt in task.attempts for path in attempt.touched)
    own = tuple(f"{attempt.path}/" for attempt in task.attempts if attempt.path)
    return [p for p in dict.fromkeys(told) if p.startswith("/") and not p.startswith(own)]


def _whose(state: RunState, task: TaskRun, path: str) -> str:
    """Whose file it is; empty where it is nobody's here."""
    for other in state.tasks.values():
        latest = other.attempt
        if other is task or latest is None or latest.path is None or latest.released:
            continue
        if path.startswith(f"{latest.path}/"):
            return f"the worktree of {other.id}"
    for lane in lanes(state):
        if lane.checkout and path.startswith(f"{lane.checkout}/"):
            return f"your checkout of {lane.lane}" if lane.lane else "your checkout"
    return ""
