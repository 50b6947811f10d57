"""From an edited plan file to the command that changes a run that goes on.

Rules:
- A run may have been started with options that changed its plan (`--agent`, `--agents`, `--speed`).
  So an edit is not compared with the run's plan but with the file as it was, and what was edited is
  carried over; where the run differs from the file otherwise, it stays so.
- A run started with `--agent NAME` gives new tasks to that agent too; a task that is added to the
  run itself, and names its agent, keeps that one.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agentdeck.control.catalog import equipped, load_catalog
from agentdeck.control.protocol import MAX_REQUEST, CommandParams, request_line
from agentdeck.control.runs import RunFolder, first_event
from agentdeck.core.adapter import Adapter
from agentdeck.core.commands import EditPlan
from agentdeck.core.errors import DeckError, UsageError
from agentdeck.core.plan import Plan, Task
from agentdeck.core.replan import PlanChange, difference, rebased
from agentdeck.core.state import RunState
from agentdeck.plans.equipping import equip, with_agents_named
from agentdeck.plans.overrides import with_agent
from agentdeck.plans.reader import read_plan


def edit_command(
    folder: RunFolder, state: RunState, new: Plan, *, old: Plan | None = None
) -> EditPlan | None:
    """The command that brings an edit into a run, or None when it changes nothing there.

    Args:
        state: of the run, as it is now.
        new: the plan after the edit.
        old: the plan before it; None = as the file was when the run began, with all that was
            changed in the run since.

    Raises:
        RefusedError: a part differs that is fixed for a run.
        UsageError: the change is longer than the engine takes.
    """
    found = first_event(folder)
    begun = found[1].plan if found is not None else state.plan
    written = _as_written(folder) or begun
    if old is None:
        old = rebased(begun, state.plan, written)
    agent = _given_to(begun, written)
    if agent is not None:
        names = load_catalog().names
        new, old = with_agent(new, agent, names), with_agent(old, agent, names)
    return command_for(state, rebased(old, new, state.plan))


def command_for(state: RunState, plan: Plan, *, by: str = "you") -> EditPlan | None:
    """The command that gives a run another plan, or None when it changes nothing there.

    Raises:
        RefusedError, UsageError: as `edit_command`.
    """
    after = _equipped(plan, state.plan)
    change = difference(state.plan, after)
    if change == PlanChange():
        return None
    command = EditPlan(change, state.plan_changes, by)
    if len(request_line("command", CommandParams(command), 1)) > MAX_REQUEST:
        mebibytes = MAX_REQUEST // 1024 // 1024
        raise UsageError(
            f"the change has more than {mebibytes} MiB", hint="bring it in piece by piece"
        )
    return command


def add_command(state: RunState, task: Task, adapters: Mapping[str, Adapter]) -> EditPlan:
    """The command that puts one new task into a run, at the end of its plan.

    Args:
        state: of the run, as it is now. What was changed when it began holds for the task too.
        adapters: those that are known here, for an agent that the plan has no table of.
    """
    plan = msgspec.structs.replace(state.plan, tasks=(*state.plan.tasks, task))
    change = difference(state.plan, equip(plan, adapters, like=state.plan))
    known = {agent.name for agent in state.plan.agents}  # as they were when the run began
    fresh = {task.agent, task.review} - known
    agents = tuple(agent for agent in change.agents if agent.name in fresh)
    return EditPlan(msgspec.structs.replace(change, agents=agents), state.plan_changes)


def _equipped(plan: Plan, now: Plan) -> Plan:
    """The plan with the adapters of its agents. One that the change leaves alone stays as it is."""
    before, named = now.agent_by_name, plan.agent_by_name
    kept = {name: agent for name, agent in before.items() if named.get(name) == agent}
    if len(kept) == len(plan.agents) and with_agents_named(plan) is plan:
        return plan
    after = equipped(plan, like=now)
    agents = tuple(kept.get(agent.name, agent) for agent in after.agents)
    return msgspec.structs.replace(after, agents=agents)


def _as_written(folder: RunFolder) -> Plan | None:
    """The plan as its file said when the run began. A prompt from a file is the file's name."""
    try:
        text = folder.plan.read_text(encoding="utf-8")
        names = load_catalog().names
        return read_plan(text, file=folder.plan.name, read_file=lambda name: name, adapters=names)
    except (DeckError, OSError, ValueError):
        return None


def _given_to(begun: Plan, written: Plan) -> str | None:
    """The agent that `run --agent` gave every task to, found by doing it again."""
    agent, names = begun.defaults.agent, load_catalog().names
    known = agent in written.agent_by_name or agent in names
    if agent is None or not known or _agents(begun) == _agents(written):
        return None
    return agent if _agents(with_agent(written, agent, names)) == _agents(begun) else None


def _agents(plan: Plan) -> list[object]:
    """Everything about a plan that such a gift changes."""
    tasks = [(task.id, task.agent, task.model) for task in plan.tasks]
    return [tasks, plan.routes, plan.defaults.agent, plan.defaults.model]
