"""Assignment: who makes the next attempt of a task, with which model, where, in which conversation.

Rules:
- The plan's settings say who begins. From then on the task's own history may say otherwise: a
  failure that an abler model may avoid moves it up its agent's ladder, one that the agent cannot
  help gives it to the next of its fallbacks, in a circle. `core.policy` says which failure does so.
- A conflict with what has landed is given to the plan's resolver, if it names one; the task's own
  agents take over from it as from each other.
- Who lacks a skill that the task asks for takes it over from nobody; a resolver may, for it puts
  conflicts in order and does not do the task.
- Where skills alone choose the agent, any other that has them may begin in its place: the scheduler
  asks for that while the first one's pool is full. Who has begun goes on, in its own pool.
- Nobody waits long for a limit while there is a fallback whose account is open.
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

from agentdeck.core.accounts import limit_of, opens_in_s
from agentdeck.core.events import NextSession
from agentdeck.core.ids import AgentName, PoolName
from agentdeck.core.plan import Plan, RouteMatch, Task, matching_routes, pool_of, skilled_agent
from agentdeck.core.state import Attempt, RunState, TaskRun

FALL_BACK_AFTER_S: Final = 10 * 60.0  # a limit that lifts sooner is waited for
# Ids are UUIDs, `ses_...` or numbers. Nothing that starts like an option, no spaces.
_SESSION_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


class Assignment(msgspec.Struct, frozen=True):
    """What the next attempt of a task is."""

    agent: AgentName
    model: str | None
    pool: PoolName | None
    fresh: bool
    session: str | None
    account: str  # whose limits it meets; empty = nobody's
    why: str = ""  # what chose agent and model, where it was not the plan's plain word


def assign(
    state: RunState,
    task: TaskRun,
    now: float,
    stand_in: AgentName | None = None,
    because: str = "",
) -> Assignment:
    """Who makes the next attempt of a task, and how.

    Args:
        now: seconds since the epoch.
        stand_in: one of `stand_ins`, where another agent than the first choice begins.
        because: what keeps the first choice from it, in words.
    """
    agent = stand_in or whose(state, task, now)
    model = _model(state, task, agent)
    return Assignment(
        agent,
        model,
        pool_for(state, task, agent),
        starts_fresh(task),
        session_for(state, task, agent),
        state.plan.agent_by_name[agent].limited_by,
        _why(state, task, agent, model, because),
    )


def whose(state: RunState, task: TaskRun, now: float) -> AgentName:
    """Who makes the next attempt of a task.

    The one to whom it was given, and who comes after it in the circle, as soon as their account is
    open; where nobody's is, who can be waited for the shortest time.
    """
    circle = _circle(state, task)
    if len(circle) == 1:
        return circle[0]
    first = circle.index(task.given_to) if task.given_to in circle else 0
    waits = [(_waits_s(state, name, now), name) for name in circle[first:] + circle[:first]]
    soon = next((name for wait_s, name in waits if wait_s <= FALL_BACK_AFTER_S), None)
    return soon or min(waits, key=lambda each: each[0])[1]


def stand_ins(state: RunState, task: TaskRun) -> tuple[AgentName, ...]:
    """Who else may begin a task while the first choice has no place; nobody once it has begun."""
    if task.given_to or task.resolver or not starts_fresh(task):
        return ()
    return tuple(name for name, _ in state.plan.stand_ins.get(task.id, ()))


def _waits_s(state: RunState, agent: AgentName, now: float) -> float:
    account = state.accounts.get(state.plan.agent_by_name[agent].limited_by)
    return opens_in_s(account, now) if account is not None else 0.0


def pool_for(state: RunState, task: TaskRun, agent: AgentName) -> PoolName | None:
    """Where a task takes its place when `agent` makes its next attempt."""
    settings = state.settings(task.id)
    if agent == settings.agent:
        return settings.pool
    return pool_of(state.plan, state.spec(task.id), agent)


def can_escalate(state: RunState, task: TaskRun) -> bool:
    """Is there an abler model on the ladder of the agent that worked on a task last?"""
    ladder, first = _ladder(state, task, _last_agent(state, task))
    return first + task.rung + 1 < len(ladder)


def next_agent(state: RunState, task: TaskRun) -> AgentName | None:
    """Who may take a task over from the agent that worked on it last; None = nobody else.

    It is the first of the circle again when everybody has had it.
    """
    circle, last = _circle(state, task), _last_agent(state, task)
    if len(circle) == 1:
        return None
    at = circle.index(last) if last in circle else -1
    return circle[(at + 1) % len(circle)]


def _last_agent(state: RunState, task: TaskRun) -> AgentName:
    return task.attempt.agent if task.attempt is not None else state.settings(task.id).agent


def _circle(state: RunState, task: TaskRun) -> tuple[AgentName, ...]:
    """Who may work on a task, the first choice first."""
    planned, spec = state.settings(task.id).agent, state.spec(task.id)
    named = (planned, *state.plan.agent_by_name[planned].fallback)
    named = (*_stood_in(state, task, named), *named)
    usual = tuple(name for name in named if not state.plan.lacking(spec, name)) or (planned,)
    if task.resolver is None or task.resolver not in state.plan.agent_by_name:
        return usual
    return (task.resolver, *(name for name in usual if name != task.resolver))


def _stood_in(
    state: RunState, task: TaskRun, named: tuple[AgentName, ...]
) -> tuple[AgentName, ...]:
    """Who has begun in the place of all that are named, and goes on."""
    before = task.attempt
    if before is None or task.given_to or before.agent in named or starts_fresh(task):
        return ()
    others = state.plan.stand_ins.get(task.id, ())
    return tuple(name for name, _ in others if name == before.agent)


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


def _why(state: RunState, task: TaskRun, agent: AgentName, model: str | None, because: str) -> str:
    """The reason for agent and model in a few words; empty where the plan says so plainly."""
    planned = state.settings(task.id).agent
    found = []
    if agent != planned and agent == task.resolver:
        found.append(f"{agent} resolves conflicts")
    elif agent != planned:
        why = f": {because}" if because else _instead(state, task, planned)
        found.append(f"{agent} in place of {planned}{why}")
    elif task.rung == 0:
        found.append(_chosen(state.plan, state.spec(task.id)))
    if model is not None and model != _first_model(state, task, agent):
        times = "a failure" if task.rung == 1 else f"{task.rung} failures"
        found.append(f"{model} after {times} that an abler model may avoid")
    return "; ".join(part for part in found if part)


def _instead(state: RunState, task: TaskRun, planned: AgentName) -> str:
    """Why another agent than the planned one works."""
    account = state.accounts.get(state.plan.agent_by_name[planned].limited_by)
    if account is not None and not account.open:
        return f": {limit_of(account)}"
    causes = [attempt.cause for attempt in task.attempts if attempt.cause is not None]
    return f", after {causes[-1]}" if causes and task.given_to else ""


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
    if before is None or before.agent != agent or before.worker or _elsewhere(state, task, agent):
        return None  # a session lies on the machine where it was held
    resumes = state.plan.agent_by_name[agent].resumes
    return session_of(before) if resumes else None


def _elsewhere(state: RunState, task: TaskRun, agent: AgentName) -> bool:
    pool = state.plan.pool_by_name.get(pool_for(state, task, agent) or PoolName(""))
    return pool is not None and pool.host is not None


def session_of(attempt: Attempt) -> str | None:
    """The attempt's session, where it may be an argument; None = none that looks like one."""
    named = attempt.session
    return named if named is not None and _SESSION_ID.fullmatch(named) else None
