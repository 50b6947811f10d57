"""Skills that a document shows without a word: who is given a task can do what it asks for.

Rules: only where agents of the document have skills at all; else nobody is asked for any. One
remark tells of each agent, at its first task.
"""

from __future__ import annotations

import msgspec

from agentdeck.core.ids import AgentName
from agentdeck.core.plan import Plan
from agentdeck.plans.imports.draft import Draft


def with_skills_shown(plan: Plan, draft: Draft) -> Plan:
    """The plan whose agents have every skill of the tasks that the document gives them."""
    shown: dict[AgentName, dict[str, str]] = {}
    first: dict[AgentName, int] = {}
    for task in plan.tasks:
        if task.agent is None:
            continue
        for skill in plan.lacking(task, task.agent):
            shown.setdefault(task.agent, {}).setdefault(skill.casefold(), skill)
            first.setdefault(task.agent, task.line or 1)
    if not shown:
        return plan
    agents = dict(plan.agent_by_name)
    for name, skills in shown.items():
        more = tuple(skills.values())
        agents[name] = msgspec.structs.replace(agents[name], skills=(*agents[name].skills, *more))
        text = f"agent {name} has the skills of its tasks too: {', '.join(more)}"
        draft.guessed(first[name], "skills-of-tasks", text)
    kept = {agent.name for agent in plan.agents} | shown.keys()
    return msgspec.structs.replace(
        plan, agents=tuple(agent for name, agent in agents.items() if name in kept)
    )
