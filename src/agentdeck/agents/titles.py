"""The title of a task in prompts and commit messages, where it stands beside the id."""

from __future__ import annotations

from typing import Final

from agentdeck.agents.one_line import one_line
from agentdeck.core.plan import Task
from agentdeck.core.titles import beside_id

TITLE_CHARS: Final = 100  # of a commit message's first line; tools cut it at about 72


def title_line(task: Task) -> str:
    """The title as one line; empty where the id is all of it."""
    return beside_id(task.id, one_line(task.title, TITLE_CHARS))
