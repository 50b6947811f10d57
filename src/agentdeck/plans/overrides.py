"""Plans changed for one run, by what was asked for on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from agentdeck.core.errors import UsageError
from agentdeck.core.ids import AgentName
from agentdeck.core.plan import BUILTIN_AGENTS, Plan, Task
from agentdeck.plans.equipping import with_agents_named
from agentdeck.plans.problems import listed, nearest, shown

HUMAN: Final = "human"  # the kind of agent that is a person
SCRIPTED: Final = "scripted"  # the kind that does as it is told
SHORTEST_S: Final = 0.01  # of a task that was scaled down; nothing is done in no time


def with_agent(plan: Plan, agent_name: str, adapters: Sequence[str] = BUILTIN_AGENTS) -> Plan:
    """`plan` with every task given to one agent, except those that a person does.

    Models are dropped with the agents they were meant for; the agent's own model holds. Pools and
    routes to pools stay. Who is given everything is taken to be able to do it: it has every skill
    that a task asks for.

    Args:
        adapters: names that stand for an agent without a table in the plan.

    Raises:
        UsageError: the plan has no agent of this name, and no adapter has.
    """
    if agent_name not in plan.agent_by_name:
        known = list(dict.fromkeys((*plan.agent_by_name, *adapters)))
        if agent_name not in known:
            near = nearest(agent_name, known)
            hint = f"did you mean {shown(near)}?" if near else f"known: {listed(known)}"
            raise UsageError(f"unknown agent {shown(agent_name)}", hint=hint)
    routes = tuple(
        msgspec.structs.replace(route, agent=None, model=None)
        for route in plan.routes
        if route.pool is not None
    )
    given = msgspec.structs.replace(
        plan,
        tasks=tuple(_task(plan, task, AgentName(agent_name)) for task in plan.tasks),
        routes=routes,
        defaults=msgspec.structs.replace(plan.defaults, agent=AgentName(agent_name), model=None),
        queue=msgspec.structs.replace(plan.queue, resolver=None),
    )
    return _able(with_agents_named(given), AgentName(agent_name))


def _able(plan: Plan, agent_name: AgentName) -> Plan:
    """The plan in which an agent has every skill that is asked for."""
    asked = tuple(dict.fromkeys(skill for task in plan.tasks for skill in task.skills))
    agent = plan.agent_by_name[agent_name]
    lacking = agent.lacks(asked) if plan.skilled else ()
    if not lacking:
        return plan
    able = msgspec.structs.replace(agent, skills=(*agent.able, *lacking))
    others = [able if each.name == agent_name else each for each in plan.agents]
    agents = others if able in others else [*others, able]
    return msgspec.structs.replace(plan, agents=tuple(agents))


def at_speed(plan: Plan, factor: float) -> Plan:
    """`plan` with every estimate divided by `factor`, and scripted agents that take just so long.

    Other agents and people are as fast as they are: only what is expected of them changes.

    Raises:
        UsageError: no task is done by a scripted agent, so nothing could be played faster.
    """
    scripted = {task.id for task in plan.tasks if _use(plan, task) == SCRIPTED}
    if not scripted:
        raise UsageError(
            "--speed needs tasks of the scripted agent, and this plan has none",
            hint="--agent scripted gives it every task",
        )
    tasks = []
    for task in plan.tasks:
        seconds = max(SHORTEST_S, round(plan.settings(task.id).estimate_s / factor, 3))
        env = {**task.env, "AGENTDECK_SCRIPT_SECONDS": f"{seconds:g}"}
        env = env if task.id in scripted else task.env
        tasks.append(msgspec.structs.replace(task, estimate_s=seconds, env=env))
    return msgspec.structs.replace(plan, tasks=tuple(tasks))


def _use(plan: Plan, task: Task) -> str:
    return plan.agent_by_name[plan.settings(task.id).agent].use


def _task(plan: Plan, task: Task, agent_name: AgentName) -> Task:
    if task.human:
        return task
    agent = plan.settings(task.id).agent
    if plan.agent_by_name[agent].use == HUMAN:  # perhaps by a route or a default: say it here
        return msgspec.structs.replace(task, agent=agent)
    named = agent_name if task.skills else None  # else whoever has them may stand in for it
    return msgspec.structs.replace(task, agent=named, model=None)
