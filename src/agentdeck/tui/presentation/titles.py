"""The title of a task as the screen shows it beside its id."""

from __future__ import annotations

from agentdeck.core.plan import Task
from agentdeck.core.titles import beside_id
from agentdeck.tui.presentation.line import plain


def title_of(task: Task) -> str:
    """Its title as one harmless line, without the id in front; empty where that is all of it."""
    return beside_id(task.id, plain(task.title))
