"""Gives the agents of a plan the adapters they stand for.

Rules:
- A run carries its adapters: what a file says later does not change how a run goes on.
- An agent that has its adapter keeps it. One that nobody may use gets none.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agentdeck.core.adapter import Adapter
from agentdeck.core.ids import AgentName
from agentdeck.core.plan import COMMAND, PERSON, Agent, Plan


def agents_named(plan: Plan) -> set[AgentName]:
    """Every agent that the plan names: where it is defined, and where it is chosen. O(tasks)."""
    named = {agent.name for agent in plan.agents}
    named |= {name for pool in plan.pools for name in pool.agents}
    named |= {name for agent in plan.agents for name in agent.fallback}
    chosen = {plan.defaults.agent, *(route.agent for route in plan.routes)}
    chosen |= {task.agent for task in plan.tasks}
    chosen |= {settings.agent for settings in plan.all_settings.values()} | {plan.queue.resolver}
    chosen |= reviewers_named(plan)
    return named | {name for name in chosen if name is not None}


def reviewers_named(plan: Plan) -> set[AgentName]:
    """The agents that the plan names as reviewers."""
    named = {plan.review.by, *(task.review for task in plan.tasks)}
    return {AgentName(name) for name in named if name is not None and name != PERSON}


def with_agents_named(plan: Plan) -> Plan:
    """The plan with a table for each agent that it names and that only a catalog knows."""
    chosen = {plan.defaults.agent, plan.queue.resolver, *(route.agent for route in plan.routes)}
    chosen |= {task.agent for task in plan.tasks}
    chosen |= {name for pool in plan.pools for name in pool.agents}
    chosen |= {name for agent in plan.agents for name in agent.fallback}
    chosen |= reviewers_named(plan)
    missing = sorted(name for name in chosen if name and name not in plan.agent_by_name)
    if not missing:
        return plan
    more = tuple(Agent(name=name, use=name) for name in missing)
    return msgspec.structs.replace(plan, agents=(*plan.agents, *more))


def equip(plan: Plan, catalog: Mapping[str, Adapter], *, like: Plan | None = None) -> Plan:
    """The plan with the adapter of every agent that it names.

    Args:
        plan: what it names was checked when it was read.
        catalog: adapters by name.
        like: a plan whose adapters hold where it has them: that of a run which goes on.
    """
    kept = {} if like is None else _adapters(like)
    whole = with_agents_named(plan)
    own = {agent.name for agent in whole.agents}
    more = [whole.agent_by_name[name] for name in sorted(agents_named(whole) - own)]
    found = tuple(_equipped(agent, {**catalog, **kept}) for agent in (*whole.agents, *more))
    return plan if found == plan.agents else msgspec.structs.replace(plan, agents=found)


def _adapters(plan: Plan) -> dict[str, Adapter]:
    return {agent.use: agent.adapter for agent in plan.agents if agent.adapter is not None}


def _equipped(agent: Agent, catalog: Mapping[str, Adapter]) -> Agent:
    if agent.adapter is not None or agent.use == COMMAND:
        return agent
    return msgspec.structs.replace(agent, adapter=catalog.get(agent.use))
