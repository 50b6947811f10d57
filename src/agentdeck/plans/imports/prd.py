"""`prd.json` of the ralph family: user stories, worked off one after the other.

Rules:
- `passes: true` is done. Priority 1 goes first.
- Where no story names another in `dependsOn`, the order of the priorities is the only order there
  is, and such plans are written to be worked off in it: each story waits for the one before.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from agentdeck.core.plan import NoteKind
from agentdeck.plans.imports.document_names import name_of
from agentdeck.plans.imports.draft import Draft, DraftNote, DraftTask
from agentdeck.plans.imports.json_places import read_json, remark_doubled
from agentdeck.plans.imports.prompt_text import prompt
from agentdeck.plans.imports.statuses import complexity_in, seconds_in, set_status
from agentdeck.plans.imports.tables import Entry, Table, add_task, refuse, tables_in
from agentdeck.plans.imports.task_groups import finish
from agentdeck.plans.imports.written_paths import add_files

NAME: Final = "prd"
MAX_PRIORITY: Final = 1_000_000
_STORIES: Final = re.compile(r'"userStories"\s*:\s*\[')


def claims(file: str, text: str) -> float:
    """How sure it is that this is a `prd.json`: 0 to 1."""
    start = text[:64_000]
    if not start.lstrip("\ufeff \t\r\n").startswith("{") or not _STORIES.search(start):
        return 0.0
    return 1.0 if file.endswith("prd.json") or '"passes"' in start else 0.9


def read(text: str, *, file: str) -> Draft:
    """Read a `prd.json`.

    Raises:
        PlanProblems: it is no JSON, or has no list of stories.
    """
    document = read_json(text, file=file)
    if not isinstance(document.value, Table):
        refuse(file, 1, 'expected a table with "userStories" in it')
    top = document.value
    draft = Draft(name=name_of(file), format=NAME)
    remark_doubled(document, draft)
    about = Entry(top, draft)
    stories = tables_in(about.value("userStories"), file=file, line=top.line, what="a story")
    draft.name = name_of(file, about.title("name", "project"))
    if goal := about.text("description"):
        draft.notes.append(DraftNote(NoteKind.RATIONALE, goal, top.line))
    for name, value in about.rest().items():
        draft.left(top.line, "document-field", f"{name}: {value[:200]}")
    ranks = {}
    for number, story in enumerate(stories, start=1):
        task, rank = _story(Entry(story, draft), number, draft)
        ranks[len(draft.tasks)] = rank
        add_task(draft, task, file=file)
    _order(draft, [ranks[index] for index in range(len(draft.tasks))])
    finish(draft)
    return draft


def _story(entry: Entry, number: int, draft: Draft) -> tuple[DraftTask, float]:
    """A story, and its place in the order."""
    task = DraftTask(title=entry.title("title", "name"), line=entry.line, id=entry.text("id"))
    if not task.id:
        task.id = f"US-{number:03}"
        draft.guessed(entry.line, "id-by-position", f"a story without an id is {task.id}")
    rank = entry.number("priority")
    passes = entry.flag("passes")
    task.after = entry.texts("dependsOn", "depends_on", "dependencies")
    task.labels = entry.texts("labels", "tags")
    task.model = entry.title("model") or None
    task.prompt = prompt(
        ("", entry.text("description") or task.title),
        ("Acceptance criteria", entry.lines("acceptanceCriteria", "acceptance_criteria")),
        ("Notes", entry.text("notes")),
    )
    add_files(task, entry.texts("affects", "files"), draft, task.line)
    for name, value in (
        ("complexity", entry.text("complexity")),
        ("estimate", entry.text("estimate")),
    ):
        _amount(entry, task, name, value)
    status = entry.text("status")
    task.meta = entry.rest()
    set_status(task, status, draft)
    task.done = task.done if passes is None else passes
    return task, rank if rank is not None else float(MAX_PRIORITY)


def _amount(entry: Entry, task: DraftTask, name: str, value: str) -> None:
    if name == "complexity":
        task.complexity = complexity_in(value) if value else None
        understood = task.complexity is not None
    else:
        task.estimate_s = seconds_in(value) if value else None
        understood = task.estimate_s is not None
    if value and not understood:
        entry.put_back(name, value)


def _order(draft: Draft, ranks: list[float]) -> None:
    """Priority 1 goes first, and, if nothing else says an order, everything in this order."""
    said = [rank for rank in ranks if rank < MAX_PRIORITY]
    last = max(said, default=0.0)
    for task, rank in zip(draft.tasks, ranks, strict=True):
        if rank < MAX_PRIORITY:
            task.priority = int(max(-MAX_PRIORITY, min(MAX_PRIORITY, last - rank + 1)))
    if any(task.after for task in draft.tasks) or not said or min(said) == max(said):
        return
    order = sorted(range(len(ranks)), key=lambda index: (ranks[index], index))
    for before, after in pairwise(order):
        draft.tasks[after].after.append(draft.tasks[before].id)
    draft.guessed(
        draft.tasks[0].line,
        "priority-order",
        "no story names another, so each waits for the one before it in the order of priorities",
    )
