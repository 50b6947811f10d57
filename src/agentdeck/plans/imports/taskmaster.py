"""Task Master's `tasks.json`, tagged (`{"master": {"tasks": []}}`) and legacy (`{"tasks": []}`).

Rules:
- Of several tags `master` is read and the others are left; without a `master` each tag is a phase,
  and its tasks are called `tag-5`.
- Subtask 2 of task 5 is called `5.2`. A plain number in its dependencies means a sibling, and the
  task of that number where there is no such sibling.
- A task with subtasks that has words of its own (`details`, `implementationApproach`,
  `testStrategy`) stays a task, and waits for its subtasks. Without any it is only a group: its
  subtasks are the work, and whoever waits for the group waits for the last of them.
- Subtasks wait for what their task waits for, and share its end: done, deferred, cancelled.
- Priority goes from `low` (-10) to `critical` (20). Files to create or modify are the footprint;
  files for reference are named in the prompt.
- A checkpoint is done by a person.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from agentdeck.core.ids import slug
from agentdeck.plans.fields import one_line
from agentdeck.plans.imports.document_names import name_of
from agentdeck.plans.imports.draft import Draft, DraftPhase, DraftTask
from agentdeck.plans.imports.json_places import read_json, remark_doubled
from agentdeck.plans.imports.prompt_text import prompt, spoken
from agentdeck.plans.imports.statuses import complexity_in, priority_of, seconds_in, set_status
from agentdeck.plans.imports.tables import Entry, Table, add_task, plain, refuse, tables_in
from agentdeck.plans.imports.task_groups import GroupEdges, finish, firsts
from agentdeck.plans.imports.written_paths import add_files
from agentdeck.plans.problems import shown

NAME: Final = "taskmaster"
MASTER: Final = "master"
MAX_LEVELS: Final = 20  # subtasks of subtasks
MAX_LISTED: Final = 50  # subtasks named in the prompt of their task
START: Final = 64_000  # characters that `claims` looks at
_WORK: Final = ("details", "implementationApproach", "testStrategy")  # a task's own words

_TAG: Final = re.compile(r'"tasks"\s*:\s*\[')
_SIGNS: Final = re.compile(r'"(?:subtasks|testStrategy|dependencies|details|complexity)"\s*:')
_OTHERS: Final = re.compile(r'"(?:userStories|depends_on|prompt)"\s*:')


def claims(file: str, text: str) -> float:
    """How sure it is that this is Task Master's: 0 to 1."""
    start = text[:START]
    if not start.lstrip("\ufeff \t\r\n").startswith("{") or not _TAG.search(start):
        return 0.0
    signs = len({match[0] for match in _SIGNS.finditer(start)})
    named = 0.2 if ".taskmaster" in file else 0.1 if file.endswith("tasks.json") else 0.0
    other = 0.3 if _OTHERS.search(start) else 0.0
    return max(0.0, min(1.0, 0.3 + 0.2 * min(signs, 2) + named - other))


def read(text: str, *, file: str) -> Draft:
    """Read a `tasks.json`.

    Raises:
        PlanProblems: it is no JSON, or has no list of tasks.
    """
    document = read_json(text, file=file)
    reading = _Reading(file)
    remark_doubled(document, reading.draft)
    reading.tags(document.value)
    reading.join()
    return reading.draft


class _Place(msgspec.Struct, frozen=True):
    """Where a task stands."""

    tag: str  # begins the ids of all tasks of its tag
    before: str  # begins the ids of its siblings
    phase: str | None
    level: int = 1


class _Asked(msgspec.Struct):
    """A task, and what it says it waits for."""

    task: DraftTask  # a group's is not in the draft
    needs: list[str]
    place: _Place
    below: list[DraftTask] = []  # the work of its subtasks, at all levels
    stays: bool = True


class _Reading:
    """From the tables to the draft; dependencies are joined when all tasks are known."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._asked: dict[str, _Asked] = {}  # by id; inner tasks before the one above them
        self.draft = Draft(name=name_of(file), format=NAME)

    def tags(self, document: Any) -> None:
        """Find the tags, and read the chosen ones."""
        if not isinstance(document, Table):
            refuse(self._file, 1, "expected a table with tasks in it")
        if isinstance(document.get("tasks"), list):
            self._tag(document, _Place("", "", None))
            return
        found = {name: tag for name, tag in document.items() if _is_tag(tag)}
        for name in [name for name in document if name not in found]:
            self.draft.left(document.line, "not-a-tag", f"{shown(name)} is no tag with tasks")
        filled = {name: tag for name, tag in found.items() if tag["tasks"]} or found
        if not filled:
            message = 'found no list of tasks: neither "tasks", nor a tag with "tasks" in it'
            refuse(self._file, document.line, message)
        chosen = MASTER if MASTER in filled else next(iter(filled))
        if MASTER in filled or len(filled) == 1:
            for name in [name for name in found if name != chosen]:
                said = f"the tag {shown(name)} is not read; {shown(chosen)} is"
                self.draft.left(found[name].line, "other-tag", said)
            self._tag(filled[chosen], _Place("", "", None))
            return
        for name, tag in filled.items():
            self._phase(name, name, tag.line)
            self.draft.guessed(tag.line, "tag-is-phase", f"the tag {shown(name)} is a phase")
            self._tag(tag, _Place(f"{slug(name)}-", f"{slug(name)}-", name))

    def join(self) -> None:
        """Turn what tasks say they wait for into edges."""
        edges = GroupEdges(self._file)
        for asked in self._asked.values():
            for need in asked.needs:
                meant = self._meant(need, asked)
                if meant is None or meant.stays:
                    asked.task.after.append(meant.task.id if meant else need)
                else:
                    edges.wait([asked.task], meant.below, asked.task.line)
        for asked in self._asked.values():
            if asked.below:
                edges.need(firsts(asked.below), asked.task.after, asked.task.line)
                if asked.stays:
                    edges.wait([asked.task], asked.below, asked.task.line)
        finish(self.draft)

    def _meant(self, need: str, asked: _Asked) -> _Asked | None:
        place = asked.place
        sibling = self._asked.get(f"{place.before}{need}") if "." not in need else None
        found = sibling or self._asked.get(f"{place.tag}{need}")
        if found is not None and sibling is None and place.level > 1 and "." not in need:
            said = f"{asked.task.id} names {need}, which is none of its siblings: task {need}"
            self.draft.guessed(asked.task.line, "not-a-sibling", said)
        return found

    def _phase(self, key: str, title: str, line: int) -> None:
        self.draft.phases.append(DraftPhase(key=key, title=one_line(title), line=line))

    def _tag(self, table: Table, place: _Place) -> None:
        entry = Entry(table, self.draft)
        value = entry.value("tasks") or []
        tasks = tables_in(value, file=self._file, line=entry.line, what="a task")
        about = entry.table("metadata", "meta")
        inner = Entry(about or Table(line=entry.line), self.draft)
        self.draft.name = name_of(self._file, inner.title("projectName", "name"))
        for name, kept in (entry.rest() | inner.rest()).items():
            self.draft.left(entry.line, "document-field", f"{name}: {kept[:200]}")
        for number, task in enumerate(tasks, start=1):
            self._task(task, place, number)

    def _task(self, table: Table, place: _Place, number: int) -> list[DraftTask]:
        """Read a task and what is below it. Returns the tasks that are work."""
        if place.level > MAX_LEVELS:
            refuse(self._file, table.line, f"subtasks are nested more than {MAX_LEVELS} deep")
        entry = Entry(table, self.draft)
        children = tables_in(
            entry.value("subtasks") or [], file=self._file, line=entry.line, what="a subtask"
        )
        asked = self._fields(entry, place, number)
        asked.stays = not children or any(table.get(name) for name in _WORK)
        task = asked.task
        if asked.stays:
            add_task(self.draft, task, file=self._file)
        elif place.phase is None:
            self._phase(task.id, f"{task.id} {task.title}", task.line)
            place = msgspec.structs.replace(place, phase=task.id)
        inner = _Place(place.tag, f"{task.id}.", place.phase, place.level + 1)
        for at, child in enumerate(children, start=1):
            asked.below += self._task(child, inner, at)
        self._asked.setdefault(task.id, asked)
        if asked.below:
            self._above(asked)
        return [*asked.below, task] if asked.stays else asked.below

    def _fields(self, entry: Entry, place: _Place, number: int) -> _Asked:
        draft = self.draft
        written = entry.text("id")
        if not written:
            written = str(number)
            draft.guessed(entry.line, "id-by-position", f"a task without an id is {written}")
        own = written.removeprefix(place.before) if place.level > 1 else written
        title = entry.title("title", "name")
        task = DraftTask(title=title, line=entry.line, id=f"{place.before}{own}", phase=place.phase)
        _amounts(entry, task)
        task.labels = entry.texts("tags", "labels")
        kind = entry.text("type")
        task.kind = kind if kind.lower() not in ("", "standard", "checkpoint") else None
        if kind.lower() == "checkpoint":
            task.human = task.allow_empty = True
            draft.guessed(task.line, "checkpoint", f"{task.id} is a checkpoint: a person does it")
        needs = entry.texts("dependencies")
        status = entry.text("status")
        task.prompt = self._prompt(entry, task)
        task.meta = entry.rest()
        set_status(task, status, draft)
        return _Asked(task, needs, place)

    def _prompt(self, entry: Entry, task: DraftTask) -> str:
        """The words for the agent; the files are sorted out on the way."""
        files, references = [], []
        for item in entry.value("relevantFiles") or []:
            file = Entry(item, self.draft) if isinstance(item, Table) else None
            path = file.text("path", "file") if file else plain(item) or ""
            about = file.text("description") if file else ""
            action = file.text("action").lower() if file else "modify"
            if action != "reference" and path:
                files.append(path)
            references.append(
                f"{path}{f' ({action})' if action else ''}{f': {about}' if about else ''}"
            )
        add_files(task, files, self.draft, entry.line)
        return prompt(
            ("", entry.text("description") or task.title),
            ("Details", entry.text("details")),
            ("Approach", entry.text("implementationApproach")),
            ("Files", references),
            ("Scope", spoken(entry.value("scopeBoundaries"))),
            ("Acceptance criteria", entry.lines("acceptanceCriteria")),
            ("How it is tested", entry.text("testStrategy")),
        )

    def _above(self, asked: _Asked) -> None:
        """What a task with subtasks is, and what follows from its state for them."""
        task, below = asked.task, asked.below
        if asked.stays:
            titles = [f"{each.id} {each.title}" for each in below[:MAX_LISTED]]
            task.prompt = prompt(
                ("", task.prompt), ("Done before this as tasks of their own", titles)
            )
            task.allow_empty = True
            said = f"{task.id} has work of its own, so it is a task that waits for its subtasks"
        else:
            said = f"{task.id} only holds its subtasks, so it is a group and no task"
        self.draft.guessed(task.line, "task-with-subtasks", said)
        for each in below:
            if task.done and not each.done:
                each.done = True
                said = f"{each.id} is done, because {task.id} is"
                self.draft.guessed(each.line, "done-above", said)
            elif task.defer and not each.done:
                each.defer = each.defer or task.defer


def _amounts(entry: Entry, task: DraftTask) -> None:
    """Priority, complexity and effort; a word that none of them knows is kept."""
    for name, take in (
        ("priority", priority_of),
        ("complexity", complexity_in),
        ("effort", seconds_in),
    ):
        written = entry.text(name)
        found = take(written) if written else None
        if written and found is None:
            entry.put_back(name, written)
        elif name == "priority":
            task.priority = int(found or 0)
        elif name == "complexity":
            task.complexity = str(found) if found else None
        elif found:
            task.estimate_s = float(found)


def _is_tag(value: Any) -> bool:
    return isinstance(value, Table) and isinstance(value.get("tasks"), list)
