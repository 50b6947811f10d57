"""Yardlet's `work-queue.yaml`: a queue of tasks with scopes, goals and validations.

Rules: `allowed_scope` is the footprint. The commands of a validation are gates. What needs an
approval is remarked: in the plan that is `land = "approve"`. Greater priorities go first.
"""

from __future__ import annotations

import re
from typing import Any, Final

from agentdeck.core.plan import NoteKind
from agentdeck.plans.imports.document_names import name_of
from agentdeck.plans.imports.draft import Draft, DraftNote, DraftTask
from agentdeck.plans.imports.gate_commands import GateBook
from agentdeck.plans.imports.prompt_text import prompt
from agentdeck.plans.imports.statuses import priority_of, set_status
from agentdeck.plans.imports.tables import Entry, Table, add_task, as_json, refuse, tables_in
from agentdeck.plans.imports.task_groups import finish
from agentdeck.plans.imports.words import agent_of, risk_of
from agentdeck.plans.imports.written_paths import add_files
from agentdeck.plans.imports.yaml_places import read_yaml

NAME: Final = "yardlet"
MAX_PRIORITY: Final = 1_000_000

_TASKS: Final = re.compile(r"^tasks[ \t]*:", re.MULTILINE)
_SIGNS: Final = re.compile(
    r"^[ \t-]*(queue_id|intent_id|preferred_worker|allowed_scope|schema_version)[ \t]*:",
    re.MULTILINE,
)


def claims(file: str, text: str) -> float:
    """How sure it is that this is Yardlet's: 0 to 1."""
    start = text[:64_000]
    if not file.endswith((".yaml", ".yml")) or not _TASKS.search(start):
        return 0.0
    signs = {match[1] for match in _SIGNS.finditer(start)}
    named = "work-queue" in file
    return min(1.0, 0.3 * len(signs) + 0.3 * named)


def read(text: str, *, file: str) -> Draft:
    """Read a `work-queue.yaml`.

    Raises:
        PlanProblems: it is no YAML, or has no list of tasks.
    """
    top = read_yaml(text, file=file)
    if not isinstance(top, Table):
        refuse(file, 1, 'expected a table with "tasks" in it')
    draft = Draft(name=name_of(file), format=NAME)
    gates = GateBook(draft)
    about = Entry(top, draft)
    tasks = tables_in(about.value("tasks"), file=file, line=top.line, what="a task")
    draft.name = name_of(file, about.title("name", "queue_id"))
    if goal := about.text("description", "goal"):
        draft.notes.append(DraftNote(NoteKind.RATIONALE, goal, top.line))
    for name, value in about.rest().items():
        draft.left(top.line, "document-field", f"{name}: {value[:200]}")
    for number, table in enumerate(tasks, start=1):
        add_task(draft, _task(Entry(table, draft), number, draft, gates), file=file)
    gates.settle()
    finish(draft)
    return draft


def _task(entry: Entry, number: int, draft: Draft, gates: GateBook) -> DraftTask:
    task = DraftTask(title=entry.title("title"), line=entry.line, id=entry.text("id"))
    if not task.id:
        task.id = f"task-{number}"
        draft.guessed(entry.line, "id-by-position", f"a task without an id is {task.id}")
    task.after = entry.texts("depends_on")
    task.skills = entry.texts("skills")
    task.kind = entry.title("kind") or None
    worker = entry.text("preferred_worker")
    task.agent = agent_of(worker) if worker else None
    task.model = entry.title("model") or None
    _words_of_degree(entry, task)
    add_files(task, entry.texts("allowed_scope"), draft, entry.line)
    goal = entry.table("goal")
    aim = Entry(goal, draft) if goal is not None else None
    task.prompt = prompt(
        ("", entry.text("description", "prompt") or task.title),
        ("Goal", aim.text("condition") if aim else entry.text("goal")),
        ("Acceptance criteria", entry.lines("acceptance")),
    )
    for command in _commands(entry):
        task.gates = [*(task.gates or []), gates.command(command, entry.line)]
    approval = entry.value("approval")
    if approval not in (None, False, "none", "auto"):
        entry.put_back("approval", approval)
        said = f'{task.id} needs an approval: {as_json(approval)[:100]}; land = "approve" says so'
        draft.left(task.line, "approval", said)
    state = entry.text("state", "status")
    task.meta = entry.rest()
    for name, value in (aim.rest() if aim else {}).items():
        task.meta[f"goal.{name}"] = value
    set_status(task, state, draft)
    return task


def _words_of_degree(entry: Entry, task: DraftTask) -> None:
    priority = entry.text("priority")
    word = priority_of(priority)
    if word is not None:
        task.priority = word
    elif re.fullmatch(r"-?[0-9]{1,12}", priority, re.ASCII):
        task.priority = max(-MAX_PRIORITY, min(MAX_PRIORITY, int(priority)))
    elif priority:
        entry.put_back("priority", priority)
    risk = entry.text("risk")
    task.risk = risk_of(risk) if risk else None
    if risk and not task.risk:
        entry.put_back("risk", risk)


def _commands(entry: Entry) -> list[str]:
    """The commands of a validation: a text, a list, or a table that holds them."""
    value: Any = entry.value("validation")
    inner = Entry(value, Draft(name="", format=NAME)) if isinstance(value, Table) else None
    if inner is not None:
        found = inner.texts("commands", "command", "run", "checks")
        if rest := inner.rest():
            entry.put_back("validation", rest)
        return found
    items = value if isinstance(value, list) else [value]
    commands = [item for item in items if isinstance(item, str) and item.strip()]
    commands += [text for item in items if isinstance(item, Table) if (text := _named(item))]
    if value is not None and len(commands) < len(items):
        entry.put_back("validation", value)
    return commands


def _named(item: Table) -> str:
    found = item.get("command") or item.get("run")
    return found if isinstance(found, str) else ""
