"""Assignment: where and in which conversation the next attempt of a task goes on.

Rules:
- An attempt goes on in the worktree of the one before unless that is released, gone, or the policy
  wants a fresh one.
- It goes on in the session of the one before where the policy keeps it, the agent is the same and
  can resume, and the worktree is the same: agents look their sessions up by folder.
- A session id comes from an agent's output. Only one that looks like an id becomes an argument of a
  command line.
- When an agent did not know its session once, no session of that task is resumed again.
"""

from __future__ import annotations

import re
from typing import Final

from agentdeck.core.events import NextSession
from agentdeck.core.ids import AgentName
from agentdeck.core.state import RunState, TaskRun

# Ids are UUIDs, `ses_...` or numbers. Nothing that starts like an option, no spaces.
_SESSION_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def starts_fresh(task: TaskRun) -> bool:
    """Does the next attempt start from the target's tip, and not from the work that is there?"""
    before = task.attempt
    return task.fresh or before is None or before.path is None or before.released


def session_for(state: RunState, task: TaskRun, agent: AgentName) -> str | None:
    """The session in which the next attempt of a task goes on; None = it begins a new one."""
    before = task.attempt
    if task.next_session is NextSession.NEW or task.sessions_lost or starts_fresh(task):
        return None
    if before is None or before.agent != agent or before.session is None:
        return None
    adapter = state.plan.agent_by_name[agent].adapter
    if adapter is None or not adapter.resumes or not _SESSION_ID.fullmatch(before.session):
        return None
    return before.session
