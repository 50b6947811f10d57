"""Skills in words: what a task waits for when it asks for some, and who would have them.

Rules:
- The registry is `Plan.skilled`: what the agents of a plan say that they can do. It is only asked
  here; who gets a task, `core.plan` and `core.assignment` say.
- A sentence reads after "waits:" and names the skills as the task writes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final

import msgspec

from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.plan import Plan, Task

NEAR: Final = 0.6  # how alike a skill has to be to be a suggestion; difflib's usual cutoff
NAMED: Final = 3  # agents in one sentence


class Skill(msgspec.Struct, frozen=True):
    """One skill of a plan."""

    name: str  # as the first agent, else the first task, writes it
    agents: tuple[AgentName, ...]  # who has it, in file order
    tasks: tuple[TaskId, ...]  # who asks for it, in file order; deferred ones do not
    nearest: str = ""  # a skill that somebody has, where nobody has this one


def registry(plan: Plan) -> list[Skill]:
    """Every skill that agents have or tasks ask for, by its name."""
    names: dict[str, str] = {}
    for agent in plan.agents:
        for skill in agent.able:
            names.setdefault(skill.casefold(), skill)
    asking: dict[str, dict[TaskId, None]] = {}
    for task in plan.tasks:
        for skill in () if task.defer else task.skills:
            names.setdefault(skill.casefold(), skill)
            asking.setdefault(skill.casefold(), {})[task.id] = None
    return [
        Skill(
            names[key],
            plan.skilled.get(key, ()),
            tuple(asking.get(key, ())),
            "" if key in plan.skilled else nearest_skill(plan, names[key]),
        )
        for key in sorted(names)
    ]


def nearest_skill(plan: Plan, skill: str) -> str:
    """The skill that somebody has and that is written most like this one; empty = none is."""
    found = get_close_matches(skill.casefold(), plan.skilled, n=1, cutoff=NEAR)
    if not found:
        return ""
    every = (own for agent in plan.agents for own in agent.able)
    return next(own for own in every if own.casefold() == found[0])


def who_has_all(plan: Plan, task: Task) -> tuple[AgentName, ...]:
    """The agents that have every skill of a task, in file order."""
    return tuple(agent.name for agent in plan.agents if not agent.lacks(task.skills))


def nobody(plan: Plan, task: Task, agent: AgentName, lacking: tuple[str, ...]) -> str:
    """Why a task stands that nobody able may work on.

    Args:
        agent: whose it would be.
        lacking: what that one has not.
    """
    able = who_has_all(plan, task)
    if able:  # the task itself names another one
        it = "it" if len(lacking) == 1 else "them"
        return f"{_asked(task)}: its agent {agent} lacks {', '.join(lacking)}; {_have(able)} {it}"
    unknown = [skill for skill in task.skills if skill.casefold() not in plan.skilled]
    if not unknown:
        return f"{_asked(task)}: no agent has all of them"
    near = nearest_skill(plan, unknown[0])
    hint = f" (did you mean {near}?)" if near else ""
    return f"{_asked(task)}: no agent has {', '.join(unknown)}{hint}"


def waits(plan: Plan, task: Task, busy: Mapping[AgentName, str]) -> str:
    """The sentence of a task that waits for capacity: as it is, or for whose skills it waits.

    Args:
        busy: who was asked, in that order and at least one; and what keeps each from beginning.
    """
    if not task.skills or not plan.skilled or task.human:
        return next(iter(busy.values()))
    alike: dict[str, list[AgentName]] = {}
    for agent, why in busy.items():
        alike.setdefault(why, []).append(agent)
    parts = [
        f"{_listed(agents)} {'is' if len(agents) == 1 else 'are'} busy ({why})"
        for why, agents in list(alike.items())[:NAMED]
    ]
    more = sum(map(len, list(alike.values())[NAMED:]))
    return f"{_asked(task)}: {', '.join(parts)}{f', and so are {more} more' if more else ''}"


def _asked(task: Task) -> str:
    word = "skill" if len(task.skills) == 1 else "skills"
    return f"for an agent with the {word} {', '.join(task.skills)}"


def _have(agents: tuple[AgentName, ...]) -> str:
    return f"{_listed(agents)} {'has' if len(agents) == 1 else 'have'}"


def _listed(agents: Sequence[AgentName]) -> str:
    more = f" and {len(agents) - NAMED} more" if len(agents) > NAMED else ""
    return f"{', '.join(agents[:NAMED])}{more}"
