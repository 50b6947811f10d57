"""Assignment: who makes the next attempt of a task, with which model, where, in which conversation.

Rules:
- The plan's settings say who begins. From then on the task's own history may say otherwise: a
  failure that an abler model may avoid moves it up its agent's ladder, one that the agent cannot
  help gives it to the next of its fallbacks, in a circle. `core.policy` says which failure does so.
- A ladder begins at the model that the plan gives the task. A model that is not on the ladder is
  somebody's choice, and stays.
- Who works in another's place does so with its own model and in the pool that is right for it.
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

import msgspec

from agentdeck.core.events import NextSession
from agentdeck.core.ids import AgentName, PoolName
from agentdeck.core.plan import Plan, RouteMatch, Task, matching_routes, pool_of, skilled_agent
from agentdeck.core.state import RunState, TaskRun

# Ids are UUIDs, `ses_...` or numbers. Nothing that starts like an option, no spaces.
_SESSION_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


class Assignment(msgspec.Struct, frozen=True):
    """What the next attempt of a task is."""

    agent: AgentName
    model: str | None
    pool: PoolName | None
    fresh: bool
    session: str | None
    why: str = ""  # what chose agent and model, where it was not the plan's plain word


def assign(state: RunState, task: TaskRun) -> Assignment:
    """Who makes the next attempt of a task, and how."""
    agent = _agent(state, task)
    model = _model(state, task, agent)
    return Assignment(
        agent,
        model,
        pool_for(state, task),
        starts_fresh(task),
        session_for(state, task, agent),
        _why(state, task, agent, model),
    )


def pool_for(state: RunState, task: TaskRun) -> PoolName | None:
    """Where the next attempt of a task takes its place."""
    agent, settings = _agent(state, task), state.settings(task.id)
    if agent == settings.agent:
        return settings.pool
    return pool_of(state.plan, state.spec(task.id), agent)


def can_escalate(state: RunState, task: TaskRun) -> bool:
    """Is there an abler model on the ladder of the agent that works on a task?"""
    agent = _agent(state, task)
    ladder, first = _ladder(state, task, agent)
    return first + task.rung + 1 < len(ladder)


def has_fallback(state: RunState, task: TaskRun) -> bool:
    """Is there another agent that may take a task over?"""
    return len(_circle(state, task)) > 1


def has_come_round(state: RunState, task: TaskRun) -> bool:
    """Is the next of a task's agents the first one again?"""
    return (task.fallen + 1) % len(_circle(state, task)) == 0


def _circle(state: RunState, task: TaskRun) -> tuple[AgentName, ...]:
    """Who may work on a task, the first choice first."""
    planned = state.settings(task.id).agent
    return (planned, *state.plan.agent_by_name[planned].fallback)


def _agent(state: RunState, task: TaskRun) -> AgentName:
    circle = _circle(state, task)
    return circle[task.fallen % len(circle)]


def _ladder(state: RunState, task: TaskRun, agent: AgentName) -> tuple[tuple[str, ...], int]:
    """The models that an agent may use for a task, and the place of the one it begins with."""
    config = state.plan.agent_by_name[agent]
    model = _first_model(state, task, agent)
    if model is None or model not in config.escalate:
        return ((model,) if model else (), 0)
    return config.escalate, config.escalate.index(model)


def _first_model(state: RunState, task: TaskRun, agent: AgentName) -> str | None:
    settings, config = state.settings(task.id), state.plan.agent_by_name[agent]
    if agent == settings.agent:
        return settings.model
    return config.model or next(iter(config.escalate), None)


def _model(state: RunState, task: TaskRun, agent: AgentName) -> str | None:
    ladder, first = _ladder(state, task, agent)
    return ladder[min(first + task.rung, len(ladder) - 1)] if ladder else None


# --- why -----------------------------------------------------------------------------------------


def _why(state: RunState, task: TaskRun, agent: AgentName, model: str | None) -> str:
    """The reason for agent and model in a few words; empty where the plan says so plainly."""
    planned = state.settings(task.id).agent
    found = []
    if agent != planned:
        found.append(f"{agent} in place of {planned}{_after(task)}")
    elif task.rung == 0:
        found.append(_chosen(state.plan, state.spec(task.id)))
    if model is not None and model != _first_model(state, task, agent):
        times = "a failure" if task.rung == 1 else f"{task.rung} failures"
        found.append(f"{model} after {times} that an abler model may avoid")
    return "; ".join(part for part in found if part)


def _after(task: TaskRun) -> str:
    causes = [attempt.cause for attempt in task.attempts if attempt.cause is not None]
    return f", after {causes[-1]}" if causes and task.fallen else ""


def _chosen(plan: Plan, task: Task) -> str:
    """What in the plan chose agent and model of a task that does not name them itself."""
    if task.human or (task.agent is not None and task.model is not None):
        return ""
    for route in matching_routes(plan, task):
        if (route.agent and task.agent is None) or (route.model and task.model is None):
            said = " and ".join(part for part in (route.agent, route.model) if part)
            return f"{said} by the route for {in_words(route.match)}"
    if task.agent is None and (able := skilled_agent(plan, task)) is not None:
        return f"{able} has the skills {', '.join(task.skills)}"
    return ""


def in_words(match: RouteMatch) -> str:
    """What a route is for: `phase build, at most 10,000 tokens`."""
    parts = [
        f"{name} {glob}"
        for name in ("id", "phase", "label", "complexity", "risk", "kind", "skill")
        if (glob := getattr(match, name)) is not None
    ]
    if match.min_tokens is not None:
        parts.append(f"at least {match.min_tokens:,} tokens")
    if match.max_tokens is not None:
        parts.append(f"at most {match.max_tokens:,} tokens")
    return ", ".join(parts) or "every task"


# --- where, and in which conversation ------------------------------------------------------------


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
    resumes = state.plan.agent_by_name[agent].resumes
    if not resumes or not _SESSION_ID.fullmatch(before.session):
        return None
    return before.session
