"""Beads' `issues.jsonl`: one issue on each line.

Rules:
- An epic with children is a phase: what its `parent-child` links name (or ids such as `bd-1.2`)
  belongs to it. An epic without any is a task. Any other issue with children stays a task, and
  waits for them.
- `blocks` and `waits-for` are dependencies. What an epic waits for its tasks wait for; who waits
  for an epic waits for the last of its tasks. Children wait for what blocks their parent.
- `conditional-blocks` (run only if the other fails) has no counterpart: such a task is deferred,
  with that reason. Other links do not block, and are kept.
- Priority 0 is the highest, 2 the usual one: they become 20, 10, 0, -10, -20.
- `closed` is done; `tombstone` is a deleted issue, and left.
- One line that cannot be read, and nothing is imported: a plan with holes is worse than none.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from agentdeck.plans.imports.document_names import name_of
from agentdeck.plans.imports.draft import MAX_TASKS, Draft, DraftPhase, DraftTask
from agentdeck.plans.imports.json_places import read_json, remark_doubled
from agentdeck.plans.imports.prompt_text import prompt
from agentdeck.plans.imports.statuses import set_status
from agentdeck.plans.imports.tables import Entry, Table, add_task, as_json, refuse
from agentdeck.plans.imports.task_groups import GroupEdges, finish, firsts
from agentdeck.plans.problems import MAX_PRINTED, PlanProblems, Problem, shown

NAME: Final = "beads"
MAX_MINUTES: Final = 60 * 24 * 366  # a year
USUAL: Final = 2  # priority
STEP: Final = 10  # between two priorities

_BLOCKS: Final = frozenset({"blocks", "waits-for"})
_CONDITIONAL: Final = "conditional-blocks"
_CHILD: Final = "parent-child"
_HUMAN: Final = "human"


def claims(file: str, text: str) -> float:
    """How sure it is that this is a list of issues of beads: 0 to 1."""
    first = text.lstrip("\ufeff \t\r\n")[:64_000].split("\n", maxsplit=1)[0].strip()
    if not first.startswith("{") or not file.endswith((".jsonl", ".ndjson", ".json")):
        return 0.0
    if not file.endswith(".json") and '"id"' in first and '"title"' in first:
        signs = sum(f'"{name}"' in first for name in ("status", "priority", "issue_type"))
        return min(1.0, 0.55 + 0.15 * signs)
    whole = first.endswith("}") and '"issue_type"' in first
    return 0.6 if whole else 0.0


def read(text: str, *, file: str) -> Draft:
    """Read an `issues.jsonl`.

    Raises:
        PlanProblems: a line is no issue.
    """
    reading = _Reading(file)
    reading.lines(text.removeprefix("\ufeff"))
    reading.join()
    return reading.draft


class _Issue(msgspec.Struct):
    """An issue, and what it is linked to."""

    task: DraftTask
    epic: bool
    links: list[tuple[str, str]]  # sort and id
    children: list[str] = []
    parents: list[str] = []

    @property
    def is_group(self) -> bool:
        return self.epic and bool(self.children)


class _Reading:
    """From lines to the draft."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._issues: dict[str, _Issue] = {}
        self.draft = Draft(name=name_of(file), format=NAME)

    def lines(self, text: str) -> None:
        """Read every line; all bad ones are reported at once."""
        problems: list[Problem] = []
        for number, line in enumerate(text.split("\n"), start=1):
            if not line.strip():
                continue
            try:
                document = read_json(line, file=self._file, first_line=number)
                remark_doubled(document, self.draft)
                self._issue(document.value, number)
            except PlanProblems as error:
                problems += error.problems
                if len(problems) >= MAX_PRINTED:
                    break
        if not self._issues and not problems:
            refuse(self._file, 1, "found no issue")
        if problems:
            raise PlanProblems(problems)

    def _issue(self, value: Any, line: int) -> None:
        if not isinstance(value, Table):
            refuse(self._file, line, "expected an issue, found no table")
        entry = Entry(value, self.draft)
        own = entry.text("id")
        status = entry.text("status")
        if not own:
            refuse(self._file, line, 'an issue without an "id"')
        if status == "tombstone":
            self.draft.left(line, "tombstone", f"{shown(own)} is deleted")
            return
        if own in self._issues:
            said = f"{shown(own)} stands here again; the last one holds"
            self.draft.left(line, "issue-twice", said)
        if len(self._issues) >= MAX_TASKS:
            refuse(self._file, line, f"there are more than {MAX_TASKS} issues")
        task = DraftTask(title=entry.title("title"), line=line, id=own)
        kind = entry.text("issue_type", "type")
        task.kind = kind or None
        task.human = kind == _HUMAN
        links = self._links(entry, own)
        self._fields(entry, task)
        task.meta = entry.rest()
        set_status(task, status, self.draft)
        self._issues[own] = _Issue(task, kind == "epic", links)

    def _fields(self, entry: Entry, task: DraftTask) -> None:
        task.labels = entry.texts("labels")
        priority = entry.number("priority")
        if priority is not None:
            task.priority = int(max(-100, min(100, USUAL - priority)) * STEP)
        minutes = entry.number("estimated_minutes")
        if minutes is not None and 0 < minutes <= MAX_MINUTES:
            task.estimate_s = minutes * 60
        elif minutes:
            entry.put_back("estimated_minutes", minutes)
        task.prompt = prompt(
            ("", entry.text("description") or task.title),
            ("Design", entry.text("design")),
            ("Acceptance criteria", entry.text("acceptance_criteria")),
            ("Notes", entry.text("notes")),
        )

    def _links(self, entry: Entry, own: str) -> list[tuple[str, str]]:
        """What an issue is linked to. What does not block is kept as it stands."""
        links = []
        kept: list[Any] = []
        written = entry.value("dependencies")
        for link in written if isinstance(written, list) else [written] if written else []:
            if isinstance(link, str):
                links.append(("blocks", link))
                continue
            fields = Entry(link if isinstance(link, Table) else Table(), self.draft)
            sort = fields.text("type", "dependency_type") or "blocks"
            other = fields.text("depends_on_id", "id")
            about = fields.text("issue_id")
            if other and about in ("", own) and sort in (*_BLOCKS, _CONDITIONAL, _CHILD):
                links.append((sort, other))
            else:
                kept.append(link)
                said = f"{own}: the link {as_json(link)[:120]} does not block"
                self.draft.left(entry.line, "link-kept", said)
        if kept:
            entry.put_back("dependencies", kept)
        return links

    def join(self) -> None:
        """Find families, then phases, then edges."""
        for own, issue in self._issues.items():
            named = [other for sort, other in issue.links if sort == _CHILD]
            for parent in named or self._by_id(own, issue):
                if parent in self._issues and parent != own:
                    self._issues[parent].children.append(own)
                    issue.parents.append(parent)
                else:
                    said = f"{shown(own)} names the parent {shown(parent)}, which is not here"
                    self.draft.left(issue.task.line, "no-such-issue", said)
        self._phases()
        for issue in self._issues.values():
            if not issue.is_group:
                add_task(self.draft, issue.task, file=self._file)
        self._wait()
        finish(self.draft)

    def _by_id(self, own: str, issue: _Issue) -> list[str]:
        """Ids such as `bd-1.2` name their parent too."""
        parent, dot, last = own.rpartition(".")
        if not dot or not last.isdigit() or parent not in self._issues:
            return []
        said = f"{shown(own)} belongs to {shown(parent)}, as its id says"
        self.draft.guessed(issue.task.line, "parent-by-id", said)
        return [parent]

    def _phases(self) -> None:
        """Each task is in the phase of the nearest epic above it."""
        nearest: dict[str, str | None] = {}
        for own, issue in self._issues.items():
            if issue.is_group:
                phase = DraftPhase(key=own, title=issue.task.title, line=issue.task.line)
                self.draft.phases.append(phase)
                said = f"{own} is an epic with {len(issue.children)} children: a phase"
                self.draft.guessed(issue.task.line, "epic-is-phase", said)
            self._find_epic(own, nearest)
            issue.task.phase = nearest[own]

    def _find_epic(self, own: str, nearest: dict[str, str | None]) -> None:
        path: dict[str, None] = {}
        at: str | None = own
        while at is not None and at not in nearest and at not in path:
            path[at] = None
            parents = self._issues[at].parents
            if not parents or self._issues[parents[0]].is_group:
                nearest[at] = parents[0] if parents else None
            at = parents[0] if parents else None
        found = nearest.get(at) if at is not None else None
        for name in reversed(path):
            found = nearest.setdefault(name, found)

    def _wait(self) -> None:
        edges = GroupEdges(self._file)
        below = self._below(edges)
        for own, issue in self._issues.items():
            task = issue.task
            for sort, other in issue.links:
                if sort == _CONDITIONAL:
                    task.defer = task.defer or f"only if {other} fails, says the document"
                    said = f"{own} runs only if {other} fails, which a plan cannot say: deferred"
                    self.draft.guessed(task.line, "conditional", said)
                if sort == _CHILD:
                    continue
                meant = self._issues.get(other)
                if meant is None or not meant.is_group:
                    task.after.append(other)
                else:
                    edges.wait([task], below[other], task.line)
        for own, issue in self._issues.items():
            if not below[own]:
                continue
            if issue.is_group and issue.task.defer:
                for task in below[own]:
                    task.defer = task.defer or issue.task.defer
            edges.need(firsts(below[own]), issue.task.after, issue.task.line)
            if not issue.is_group:
                edges.wait([issue.task], below[own], issue.task.line)
                said = f"{own} waits for its {len(issue.children)} children"
                self.draft.guessed(issue.task.line, "task-with-children", said)

    def _below(self, edges: GroupEdges) -> dict[str, list[DraftTask]]:
        """The work below each issue: its children, theirs, and so on."""
        found: dict[str, list[DraftTask]] = {}
        for own, issue in self._issues.items():
            work: dict[str, DraftTask] = {}
            left = list(reversed(issue.children))
            while left:
                child = self._issues[left.pop()]
                edges.look(1, issue.task.line)
                if child.task.id in work or child.task.id == own:
                    continue
                work[child.task.id] = child.task
                left.extend(reversed(child.children))
            found[own] = [task for name, task in work.items() if not self._issues[name].is_group]
        return found
