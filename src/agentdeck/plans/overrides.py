"""Plans changed for one run, by what was asked for on the command line."""

from __future__ import annotations

from typing import Final

import msgspec

from agentdeck.core.errors import UsageError
from agentdeck.core.ids import AgentName
from agentdeck.core.plan import Plan, Task
from agentdeck.plans.problems import listed, nearest, shown

HUMAN: Final = "human"  # the kind of agent that is a person


def with_agent(plan: Plan, agent_name: str) -> Plan:
    """`plan` with every task given to one agent, except those that a person does.

    Models are dropped with the agents they were meant for; the agent's own model holds. Pools and
    routes to pools stay.

    Raises:
        UsageError: the plan has no agent of this name, and none is built in.
    """
    if agent_name not in plan.agent_by_name:
        known = list(plan.agent_by_name)
        near = nearest(agent_name, known)
        hint = f"did you mean {shown(near)}?" if near else f"known: {listed(known)}"
        raise UsageError(f"unknown agent {shown(agent_name)}", hint=hint)
    routes = tuple(
        msgspec.structs.replace(route, agent=None, model=None)
        for route in plan.routes
        if route.pool is not None
    )
    return msgspec.structs.replace(
        plan,
        tasks=tuple(_task(plan, task) for task in plan.tasks),
        routes=routes,
        defaults=msgspec.structs.replace(plan.defaults, agent=AgentName(agent_name), model=None),
    )


def _task(plan: Plan, task: Task) -> Task:
    if task.human:
        return task
    agent = plan.settings(task.id).agent
    if plan.agent_by_name[agent].use == HUMAN:  # perhaps by a route or a default: say it here
        return msgspec.structs.replace(task, agent=agent)
    return msgspec.structs.replace(task, agent=None, model=None)
