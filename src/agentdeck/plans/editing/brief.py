"""The brief of one task as texts that a person edits, and the plan that comes of it.

Rules:
- The texts are those of a plan file: `15min`, `a.py, docs/`. They are read by the reader of plan
  files, so what it refuses is refused here, in the same words.
- Only what was edited is read and carried over; the rest of the task stays as it is, whatever it
  says. An agent that the plan does not know yet, and that is known here, comes with it.
- Whether a run can take the edit in is for `core.replan_rules` to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from agentdeck.core.errors import UsageError
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import BUILTIN_AGENTS, Agent, Plan, Task
from agentdeck.plans.durations import format_duration
from agentdeck.plans.editing.plantext import PlanText
from agentdeck.plans.editing.words import value_of
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

FIELDS: Final = ("prompt", "files", "gates", "agent", "model", "estimate")
MAX_PROMPT: Final = 1_000_000  # characters; as from stdin
_TARGETS: Final = {"estimate": "estimate_s"}  # where the model has another name
_FILE: Final = "brief"  # what messages would call the plan file; nobody sees it
_COMMAND: Final = ("true",)  # of agents whose names alone matter


class Faults(Exception):
    """What is wrong with edited texts: sentences by the name of the field."""

    def __init__(self, found: dict[str, str]) -> None:
        super().__init__("; ".join(found.values()))
        self.found = found


def brief_of(task: Task) -> dict[str, str]:
    """The texts of a task, by the names in `FIELDS`. What the plan does not say is empty."""
    gates = task.gates
    return {
        "prompt": task.prompt,
        "files": _names(task.files),
        "gates": "[]" if gates == () else _names(gates or ()),
        "agent": task.agent or "",
        "model": task.model or "",
        "estimate": "" if task.estimate_s is None else format_duration(task.estimate_s),
    }


def _names(names: Sequence[str]) -> str:
    """A list as one types it; one with commas in its names as TOML has it."""
    if any("," in name or name != name.strip() or name.startswith("[") for name in names):
        return msgspec.json.encode(list(names)).decode()
    return ", ".join(names)


def with_brief(
    plan: Plan,
    task: TaskId,
    edits: dict[str, str],
    *,
    adapters: Sequence[str] = BUILTIN_AGENTS,
) -> Plan:
    """The plan with edited texts in the brief of a task.

    Args:
        edits: texts by the names in `FIELDS`; those that were not edited are left out.
        adapters: names that stand for an agent without a table in the plan.

    Raises:
        Faults: a text is not what a plan file may say.
        KeyError: no such task.
    """
    before = plan.by_id[task]
    if not edits:
        return plan
    values = _values(edits)
    text = PlanText(write_plan(_small(plan, before)), file=_FILE)
    for name, value in values.items():
        text.set(("task", 0, name), value)
        text.commit()
    try:
        read = read_plan(text.text, file=_FILE, adapters=adapters)
    except PlanProblems as error:
        raise Faults(_by_field(error)) from None
    targets = [_TARGETS.get(name, name) for name in edits]
    after = msgspec.structs.replace(before, **{t: getattr(read.tasks[0], t) for t in targets})
    new = tuple(agent for agent in read.agents if agent.name not in plan.agent_by_name)
    return msgspec.structs.replace(
        plan,
        tasks=tuple(after if one.id == task else one for one in plan.tasks),
        agents=(*plan.agents, *new),
    )


def _values(edits: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for name, text in edits.items():
        if name == "prompt":
            if len(text) > MAX_PROMPT:
                faults[name] = f"the prompt has more than {MAX_PROMPT:,} characters"
            found[name] = text if text.strip() else None
            continue
        try:
            found[name] = value_of(name, text.strip()) if text.strip() else None
        except UsageError as error:
            faults[name] = ": ".join(filter(None, (error.message, error.hint)))
    if faults:
        raise Faults(faults)
    return found


def _small(plan: Plan, task: Task) -> Plan:
    """A plan with no more in it than the names that a brief may use."""
    agents = tuple(
        agent if agent.use == "human" else Agent(agent.name, command=_COMMAND)
        for agent in plan.agents
    )
    alone = Task(id=task.id, title=task.title, prompt=task.prompt)
    return Plan(name=_FILE, tasks=(alone,), agents=agents, gates=plan.gates)


def _by_field(error: PlanProblems) -> dict[str, str]:
    """The first problem of each field."""
    found: dict[str, str] = {}
    for problem in error.problems:
        name = problem.key.rpartition(", ")[2].partition("[")[0].strip()
        said = ", ".join(filter(None, (problem.message, problem.hint)))
        found.setdefault(name if name in FIELDS else "", said)
    return found
