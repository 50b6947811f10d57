"""What a simulated agent seems to say: a few lines for each attempt, made from the plan alone.

Rules: every line of the log says that it is simulated. The same task gives the same lines, so that
a byte offset into them means the same everywhere.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Final

from agentdeck.core.plan import Task

MARK: Final = "[simulated] "
MAX_FILES: Final = 12  # named in one log; a wide footprint is not worth a page
MAX_WORDS: Final = 200  # characters of a title or a file's name in a line


def activities(task: Task) -> list[str]:
    """What an attempt at `task` seems to do, one thing after the other, a line each."""
    files = task.files[:MAX_FILES] or ("the repository",)
    said = [f"{task.id}: {task.title or 'no title'}"]
    said += [f"reads {name}" for name in files]
    said += [f"edits {name}" for name in files]
    said += ["runs the tests", "commits"]
    return [" ".join(line.split())[:MAX_WORDS] for line in said]


def log_lines(task: Task) -> list[str]:
    """The lines that an attempt at `task` writes from its start to its end."""
    return [MARK + line for line in activities(task)]


def line_count(task: Task) -> int:
    """How many lines that are."""
    return len(activities(task))


def offsets(task: Task) -> list[int]:
    """How many bytes of the log 0, 1, 2 … lines are, each with its line break."""
    return list(accumulate((len(line.encode()) + 1 for line in log_lines(task)), initial=0))
