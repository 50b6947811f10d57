"""Tables that speak of many tasks at once: categories with globs, series with a complexity.

Rules:
- `Setup (CORE-001, INFRA-*)` with a model is a route for each id and glob that some task matches.
- `4B (Go services)` is the tasks with `4B` as a part of their id, `Phase 3` those with `3` or `3A`.
  A series gives its complexity, and its model where a task has none: a guess.
- A series that is skipped for now defers its tasks.
- What a row says beside is kept as a note.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from typing import Final

from agentdeck.core.plan import NoteKind
from agentdeck.plans.imports.draft import Draft, DraftNote, DraftRoute, DraftTask
from agentdeck.plans.imports.markdown.blocks import Row, Table
from agentdeck.plans.imports.markdown.columns import Role, plain_name, role_of
from agentdeck.plans.imports.markdown.page import Page
from agentdeck.plans.imports.words import (
    agent_of,
    clean,
    complexity_of,
    is_nobody,
    model_of,
    names_in,
    status_of,
    without_remark,
)

MAX_GLOBS: Final = 200  # globs and series of one document; each is compared with every id
MAX_NOTE: Final = 1000  # characters of a note

_GROUPS: Final = frozenset(
    "category|series|type|task type|kind|group|task category|task group|area|tasks|task|pattern|"
    "task pattern|ids|task ids|prefix|complexity|task complexity|feature area|epic|track".split("|")
)
_COUNT: Final = re.compile(r"count|number|tasks|#|total|qty|quantity")
_GLOB: Final = re.compile(r"(?=[^\s]{0,100}(?:\*|\d))[A-Za-z][\w*.-]{1,100}")
_PART: Final = re.compile(r"[-_.]")
_PHASE: Final = re.compile(r"(?:phase|wave|series|group|stage)\s+(\w{1,8})", re.IGNORECASE)
_SKIP: Final = re.compile(r"skip|defer|postpone|not now|later", re.IGNORECASE)


def read_routes(page: Page, draft: Draft) -> None:
    """The tables of categories and series. For after every reader of tasks."""
    known: _Known | None = None
    for _, block in page.blocks():
        if not isinstance(block, Table) or not page.free(block.line) or len(block.heads) < 2:
            continue
        heads = [plain_name(head) for head in block.heads]
        roles = {*(role_of(head) for head in block.heads[1:]), *_agent_types(heads[1:])}
        if heads[0] not in _GROUPS or not {Role.MODEL, Role.AGENT, Role.COMPLEXITY} & roles:
            continue
        known = known or _Known(draft)
        if any(_COUNT.fullmatch(head) for head in heads[1:]):
            _Series(page, draft, block, known).read()
        else:
            _Categories(page, draft, block, known).read()


class _Known:
    """The tasks by id and by the parts of their ids, and how much was looked up already."""

    def __init__(self, draft: Draft) -> None:
        self._ids = [task.id for task in draft.tasks if task.id]
        self._known = set(self._ids)
        self._by_part: dict[str, list[DraftTask]] = {}
        self._looked_up = 0
        for task in draft.tasks:
            for part in dict.fromkeys(_PART.split(task.id.casefold())[:-1]):
                self._by_part.setdefault(part, []).append(task)

    def matches(self, glob: str) -> bool:
        """Is there a task with this id, or one like this?"""
        if "*" not in glob:
            return glob in self._known
        self._looked_up += 1
        if self._looked_up > MAX_GLOBS:
            return False
        pattern = re.compile(fnmatch.translate(glob)).match
        return any(pattern(one) for one in self._ids)

    def series(self, name: str) -> list[DraftTask]:
        """The tasks whose id has the first word of the series as a part; each series once."""
        bare = without_remark(name)[0].casefold()
        phase = _PHASE.match(bare)
        words = bare.split()
        self._looked_up += 1
        if not words or is_nobody(bare) or self._looked_up > MAX_GLOBS:
            return []
        if phase is None:
            return self._by_part.get(words[0], [])
        number = re.compile(rf"{re.escape(phase[1])}[a-z]?")
        parts = [part for part in self._by_part if number.fullmatch(part)]
        return [task for part in parts for task in self._by_part[part]]


def _agent_types(heads: Sequence[str]) -> list[Role | None]:
    return [Role.AGENT if head.endswith("agent type") else None for head in heads]


def _told(table: Table, row: Row, *, but: Sequence[int] = ()) -> str:
    """The cells of a row with their heads."""
    pairs = zip(table.heads, row.cells, strict=False)
    said = [
        f"{clean(head)}: {clean(cell)}"
        for at, (head, cell) in enumerate(pairs)
        if at not in but and clean(cell)
    ]
    return "; ".join(said)[:MAX_NOTE]


class _Categories:
    """A table of categories: which tasks, and which agent and model they should have."""

    def __init__(self, page: Page, draft: Draft, table: Table, known: _Known) -> None:
        self.page, self.draft, self.table, self.known = page, draft, table, known
        roles = [role_of(head) for head in table.heads]
        self.at = {role: at for at, role in reversed(list(enumerate(roles))) if role and at}

    def read(self) -> None:
        self.page.take(self.table.line)
        for row in self.table.rows:
            self.page.take(row.line)
            self._row(row)

    def _row(self, row: Row) -> None:
        name, remark = without_remark(clean(row.cells[0]))
        names = [one for one in names_in(remark or name) if _GLOB.fullmatch(one)]
        model = model_of(self._cell(row, Role.MODEL))
        agent = agent_of(self._cell(row, Role.AGENT))
        by_complexity = plain_name(self.table.heads[0]).endswith("complexity")
        complexity = complexity_of(name) if by_complexity else None
        said = _told(self.table, row)
        self.draft.notes.append(DraftNote(NoteKind.REMARK, said, row.line))
        if not (model or agent):
            self.draft.left(row.line, "category", f"no model and no agent: {said}")
        elif complexity is not None:
            self.draft.routes.append(
                DraftRoute(row.line, complexity=complexity, model=model, agent=agent)
            )
            self.draft.read(row.line, "category-route", f"{complexity}: {model or agent}")
        elif not names:
            self.draft.left(row.line, "category", f"no ids of tasks, kept as a note: {said}")
        for one in names if model or agent else ():
            self._route(row, one, model, agent)

    def _route(self, row: Row, name: str, model: str | None, agent: str | None) -> None:
        if len(self.draft.routes) >= MAX_GLOBS or not self.known.matches(name):
            self.draft.left(row.line, "glob-matches-nothing", f"{name} is no task of this plan")
            return
        self.draft.routes.append(DraftRoute(row.line, id=name, model=model, agent=agent))
        self.draft.read(row.line, "category-route", f"{name}: {model or agent}")

    def _cell(self, row: Row, role: Role) -> str:
        at = self.at.get(role)
        return row.cells[at] if at is not None and at < len(row.cells) else ""


class _Series:
    """An inventory: series of tasks with their number and complexity."""

    def __init__(self, page: Page, draft: Draft, table: Table, known: _Known) -> None:
        self.page, self.draft, self.table, self.known = page, draft, table, known
        roles = [role_of(head) for head in table.heads]
        self.at = {role: at for at, role in reversed(list(enumerate(roles))) if role and at}

    def read(self) -> None:
        for row in self.table.rows:
            if clean(row.cells[0]).lower() not in ("total", "totals", "sum"):
                self.page.take(row.line)
                self._row(row)
        self.page.take(self.table.line)

    def _row(self, row: Row) -> None:
        said = _told(self.table, row)
        self.draft.notes.append(DraftNote(NoteKind.REMARK, said, row.line))
        tasks = self.known.series(clean(row.cells[0]))
        name = clean(row.cells[0])
        if not tasks:
            self.draft.left(row.line, "series", f"no task is of the series {name!r}: {said}")
            return
        complexity = complexity_of(self._cell(row, Role.COMPLEXITY))
        model = model_of(self._cell(row, Role.MODEL))
        words = self._cell(row, Role.MODEL)
        for task in tasks:
            task.complexity = task.complexity or complexity
            task.model = task.model or (None if task.human else model)
            task.meta.setdefault("series", name)
        text = f"{name!r} are {len(tasks)} tasks, from {tasks[0].id} to {tasks[-1].id}"
        text = f"{text}: complexity {complexity or 'not said'}"
        self.draft.guessed(row.line, "series-by-id", text)
        if _SKIP.match(clean(words)) or (status_of(words) or "") == "deferred":
            self._skip(row, tasks, clean(words))

    def _skip(self, row: Row, tasks: Sequence[DraftTask], reason: str) -> None:
        for task in tasks:
            task.defer = task.defer or reason
        self.draft.read(row.line, "series-skipped", f"{len(tasks)} tasks are deferred: {reason}")

    def _cell(self, row: Row, role: Role) -> str:
        at = self.at.get(role)
        return row.cells[at] if at is not None and at < len(row.cells) else ""
