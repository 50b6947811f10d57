"""claudectl's `tasks.json`: `{"tasks": [{"name", "prompt", "depends_on", ...}]}`.

Rules: the name is the id. A prompt that uses `{{other.stdout}}` waits for `other`; agentdeck does
not fill in what the other wrote, so these words stay, and that is remarked.
"""

from __future__ import annotations

import re
from typing import Final

from agentdeck.plans.imports.document_names import name_of
from agentdeck.plans.imports.draft import Draft, DraftTask
from agentdeck.plans.imports.json_places import read_json, remark_doubled
from agentdeck.plans.imports.tables import Entry, Table, add_task, refuse, tables_in
from agentdeck.plans.imports.task_groups import finish
from agentdeck.plans.problems import shown

NAME: Final = "claudectl"
_TASKS: Final = re.compile(r'"tasks"\s*:\s*\[')
_SIGNS: Final = re.compile(r'"(?:name|prompt|depends_on|cwd|retries|resume)"\s*:')
_OTHER: Final = re.compile(r'"(?:subtasks|testStrategy|title|userStories)"\s*:')
_TEMPLATE: Final = re.compile(r"\{\{\s*([^{}\s]{1,100})\.(?:stdout|output|result)\s*\}\}")


def claims(file: str, text: str) -> float:
    """How sure it is that this is claudectl's: 0 to 1."""
    start = text[:64_000]
    if not start.lstrip("\ufeff \t\r\n").startswith("{") or not _TASKS.search(start):
        return 0.0
    signs = {match[0].split('"')[1] for match in _SIGNS.finditer(start)}
    if not {"name", "prompt"} <= signs or _OTHER.search(start):
        return 0.0
    return 0.8 if file.endswith("tasks.json") else 0.7


def read(text: str, *, file: str) -> Draft:
    """Read a `tasks.json`.

    Raises:
        PlanProblems: it is no JSON, or has no list of tasks with names.
    """
    document = read_json(text, file=file)
    if not isinstance(document.value, Table):
        refuse(file, 1, 'expected a table with "tasks" in it')
    top = document.value
    draft = Draft(name=name_of(file), format=NAME)
    remark_doubled(document, draft)
    about = Entry(top, draft)
    tasks = tables_in(about.value("tasks"), file=file, line=top.line, what="a task")
    draft.name = name_of(file, about.title("name"))
    for name, value in about.rest().items():
        draft.left(top.line, "document-field", f"{name}: {value[:200]}")
    for table in tasks:
        add_task(draft, _task(Entry(table, draft), draft, file), file=file)
    finish(draft)
    return draft


def _task(entry: Entry, draft: Draft, file: str) -> DraftTask:
    name = entry.text("name")
    if not name:
        refuse(file, entry.line, 'a task without a "name"')
    task = DraftTask(title=entry.title("title") or name, line=entry.line, id=name)
    task.prompt = entry.text("prompt")
    task.after = entry.texts("depends_on")
    task.model = entry.title("model") or None
    for used in dict.fromkeys(_TEMPLATE.findall(task.prompt)):
        said = f"{shown(name)} uses what {shown(used)} wrote: it waits for it, but is not told"
        draft.left(task.line, "template", said)
        task.after.append(used)
    task.meta = entry.rest()
    return task
