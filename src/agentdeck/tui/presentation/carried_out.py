"""What is said of a command that was carried out, where no pane need show it.

Rules: only of commands whose effect is on another tab or screen, or on none. Whatever changes
something that one looks at says so by itself.
"""

from __future__ import annotations

from agentdeck.core import commands as c
from agentdeck.core.commands import AnyCommand
from agentdeck.core.hearing import hears
from agentdeck.core.state import RunState
from agentdeck.tui.presentation.figures import plural


def carried_out(state: RunState, command: AnyCommand, *, agents_seen: bool) -> str:
    """One sentence; empty where the screen tells enough.

    Args:
        state: the run before the command.
        agents_seen: is the pane of the agents on the screen, with their number?
    """
    match command:
        case c.SetAgents(limit) if not agents_seen:
            return f"Up to {plural(limit, 'agent')} at once from now on."
        case c.SetPoolLimit(pool, limit):
            many = "as many as the plan says" if limit is None else f"up to {limit}"
            return f"Pool {pool}: {many} at once from now on."
        case c.Steer(task):
            found = state.tasks.get(task)
            when = "now" if found is not None and hears(state, found) else "with its next turn"
            return f"{task} is told {when}."
        case _:
            return ""


__all__ = ["carried_out"]
