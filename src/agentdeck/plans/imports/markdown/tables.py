"""Tables of tasks: every row a task, whatever its columns are called.

Rules:
- A table is one of tasks by its columns and by the place it stands in, not by words in its rows.
- A column called `Task` holds ids or titles, whichever its cells look like.
- A row in which only one cell is filled names the phase of the rows below it.
- A later table with the same tasks adds only what was missing.
- Columns without a meaning here are kept in `meta` under their own name. Totals are no tasks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from agentdeck.plans.imports.draft import Draft, DraftTask
from agentdeck.plans.imports.markdown.blocks import Row, Section, Table
from agentdeck.plans.imports.markdown.book import MAX_PROMPT, Book, is_id, split_id, title_key
from agentdeck.plans.imports.markdown.columns import (
    Columns,
    Role,
    plain_name,
    task_columns,
)
from agentdeck.plans.imports.markdown.page import Page
from agentdeck.plans.imports.markdown.phases import MAX_TITLE, ordinal_of
from agentdeck.plans.imports.markdown.placeholders import is_placeholder
from agentdeck.plans.imports.markdown.values import is_all_above, is_previous, name_of
from agentdeck.plans.imports.words import Status, clean, is_nobody, names_in, split_status

MAX_SHORT: Final = 120  # characters of a description that can be a title
MAX_EARLIER: Final = 500  # rows that "all above" may mean

_STRONG: Final = frozenset(
    "task|id|task id|task name|task title|story|user story|story id|ticket|ticket id|todo|item|"
    "issue|work item|action item|subtask|sub task|work package|job|task no|task number|"
    "task #".split("|")
)
_COUNTS: Final = re.compile(r"(?:task |item )?count|(?:total|avg|average)(?: \w+)?|sum")
_NO_PLACE: Final = re.compile(
    r"\b(?:glossary|changelog|change log|revision|version history|legend|template|example|"
    r"contacts?|"
    r"stakeholders?|definitions?|questions?|decisions?|metrics?|kpis?|requirements|references|"
    r"appendix|comparison|alternatives considered)\b",
    re.IGNORECASE,
)
_TOTALS: Final = frozenset({"total", "totals", "sum", "subtotal", "grand total", "overall", "all"})
_NEEDS: Final = re.compile(
    r"\W*(?:depends on|blocked by|needs|requires|after)\b\s*:?\s*(.+)", re.IGNORECASE
)
_STRUCK: Final = re.compile(r"\s*~~.+~~\s*")


def read_tables(page: Page, draft: Draft) -> None:
    """The tables of tasks of a page."""
    book: Book | None = None
    for section, block in page.blocks():
        if not isinstance(block, Table) or not page.free(block.line):
            continue
        columns = task_columns(block.heads)
        if columns is not None and _has_tasks(section, block, columns):
            book = book or Book(draft)
            _Rows(page, book, section, block, columns).read()
    if book is not None:
        book.close(page)


def _has_tasks(section: Section, table: Table, columns: Columns) -> bool:
    """Do the columns and the place say that the rows are tasks?"""
    heads = [plain_name(head) for head in table.heads]
    if not table.rows or any(_COUNTS.fullmatch(head) for head in heads):
        return False
    proving = len(list(columns.proving()))
    titles = [section.title, *(around.title for around in section.ancestors() if around.level > 1)]
    if any(_NO_PLACE.search(title) for title in titles):
        return False
    subjects = {head for head in heads if head in _STRONG}
    if not subjects:
        return proving >= 2
    more = len(columns.at) > 1 or bool(columns.others)
    numbered = any(ordinal_of(title) for title in titles)
    named = any(re.search(r"\btasks?\b|\bplan\b", title, re.IGNORECASE) for title in titles)
    return proving >= 1 or (more and (numbered or named or _ids_in(table, columns)))


def _ids_in(table: Table, columns: Columns) -> bool:
    role = Role.ID if Role.ID in columns.at else Role.NAME
    cells = [clean(columns.cell(row.cells, role)) for row in table.rows[:20]]
    return bool(cells) and 2 * sum(is_id(cell) for cell in cells) > len(cells)


class _Rows:
    """One table of tasks."""

    def __init__(
        self, page: Page, book: Book, section: Section, table: Table, columns: Columns
    ) -> None:
        self.page, self.book, self.section, self.table = page, book, section, table
        self.columns = columns
        self.all: list[DraftTask] = []
        self.ids: set[str] = set()  # of the rows so far
        self.group: str | None = None  # key of the phase that a row of its own names
        self.name_is_id = Role.NAME in columns.at and _ids_in_column(table, columns, Role.NAME)

    def read(self) -> None:
        self.page.take(self.table.line)
        for row in self.table.rows:
            self._row(row)
        kinds = [
            f"{self.columns.heads[at]!r} is {role.value}" for role, at in self.columns.at.items()
        ]
        said = f"{len(self.all)} tasks; {', '.join(kinds)}"
        self.book.draft.read(self.table.line, "column-synonym", said)

    def _row(self, row: Row) -> None:
        cells = [cell for cell in row.cells if clean(cell)]
        if not cells or clean(cells[0]).lower().strip(": ") in _TOTALS:
            return
        if any(is_placeholder(cell) for cell in cells[:2]):
            self.page.take(row.line)
            self.book.draft.left(row.line, "placeholder", " | ".join(row.cells)[:MAX_TITLE])
            return
        if len(cells) == 1 and len(self.table.heads) > 1 and self._is_group(cells[0]):
            self.page.take(row.line)
            self.group = self.book.phases.named(clean(cells[0]), row.line)
            return
        written_id, title, text = self._names(row)
        if not written_id and (not title or is_nobody(title)):
            return
        self.page.take(row.line)
        self._task(row, written_id, title, text)

    def _is_group(self, cell: str) -> bool:
        return ordinal_of(cell) is not None or cell.strip().startswith(("**", "__"))

    def _names(self, row: Row) -> tuple[str, str, str]:
        """Id, title, and what else describes the task."""
        cell = self.columns.cell
        name, title = cell(row.cells, Role.NAME), cell(row.cells, Role.TITLE)
        written_id = clean(cell(row.cells, Role.ID)).strip("#[]")
        if is_nobody(written_id):
            written_id = ""
        if not written_id and self.name_is_id and is_id(clean(name)):
            written_id, name = clean(name), ""
        text = title if name and title else ""
        title = name or title
        if not written_id:
            written_id, title = split_id(title)
        if not title and not {Role.NAME, Role.TITLE} & set(self.columns.at):
            title = self._words(row)
        return written_id, title, text

    def _words(self, row: Row) -> str:
        """A title from a table that has ids and no titles: a short description, or other words."""
        said = self.columns.cell(row.cells, Role.DESCRIPTION)
        if not said and self.columns.others and self.columns.others[0] < len(row.cells):
            said = row.cells[self.columns.others[0]]
        return said if len(said) <= MAX_SHORT else ""

    def _task(self, row: Row, written_id: str, title: str, text: str) -> None:
        struck = _STRUCK.fullmatch(title) is not None
        bare, status = split_status(title)
        bare = bare[:MAX_TITLE]
        task = self.book.find(written_id, bare, self.section)
        known = task is not None
        if task is None:
            task = DraftTask(title=bare, line=row.line, id=written_id)
            if not self.book.add(task, self.section, phase=self._phase(row)):
                return
        elif bare and not task.title:
            task.title = bare
        elif bare and title_key(bare) != title_key(task.title):
            said = f"{name_of(task)} is {task.title!r} in line {task.line}, here {bare!r}"
            self.book.draft.left(row.line, "other-title", said)
        task.done = task.done or status is Status.DONE
        if struck:
            task.defer = task.defer or "struck out in the document"
        earlier = set(task.after) if known else set()
        self._fill(task, row, text)
        self.all.append(task)
        self.ids.add(task.id)
        rule = "known-again" if known else "task-row"
        self.book.draft.read(row.line, rule, f"task {name_of(task)}")
        if known and set(task.after) != earlier and earlier:
            more = ", ".join(sorted(set(task.after) - earlier))
            self.book.draft.read(row.line, "more-dependencies", f"{name_of(task)}: also {more}")

    def _phase(self, row: Row) -> str | None:
        said = clean(self.columns.cell(row.cells, Role.PHASE))
        if not said or is_nobody(said):
            return self.group
        head = plain_name(self.columns.unit(Role.PHASE)).capitalize()
        title = f"{head} {said}" if re.fullmatch(r"\d{1,4}[A-Z]?(?:-\d{1,4})?", said) else said
        return self.book.phases.named(title, row.line)

    def _fill(self, task: DraftTask, row: Row, text: str) -> None:
        parts = [clean(text)] if text else []
        for role, at in self.columns.at.items():
            said = row.cells[at] if at < len(row.cells) else ""
            head = self.columns.heads[at]
            if role in (Role.ID, Role.NAME, Role.TITLE, Role.PHASE):
                continue
            if role is Role.DESCRIPTION and not is_nobody(said):
                parts.append(clean(said))
            elif role is Role.CRITERIA and not is_nobody(said):
                parts.append(f"{head}: {clean(said)}")
            elif role is Role.WHY:
                self._why(task, said, head, row)
            elif not (role is Role.AFTER and self._relative(task, said, row)):
                self.book.values.put(task, role, said, row.line, head)
        for at in (*self.columns.others, *range(len(self.table.heads), len(row.cells))):
            if at < len(row.cells):
                head = self.columns.heads[at] if at < len(self.columns.heads) else "remark"
                self.book.values.keep(task, head, row.cells[at])
        parts = [part for part in parts if part and part != task.title]
        if parts and not task.prompt:
            task.prompt = "\n\n".join([task.title or task.id, *parts])[:MAX_PROMPT]

    def _why(self, task: DraftTask, said: str, head: str, row: Row) -> None:
        """A reason may name what a task needs; names are those of the rows above, else prose."""
        self.book.values.keep(task, head, said)
        needs = _NEEDS.match(clean(said)) if Role.AFTER not in self.columns.at else None
        if needs is None or self._sequential():
            return
        if not self._relative(task, needs[1], row):
            known = self.ids
            names = [name for name in names_in(needs[1]) if name in known]
            self.book.values.wait_for(task, names, row.line)

    def _sequential(self) -> bool:
        return self.book.phases.traits(self.section).sequential

    def _relative(self, task: DraftTask, said: str, row: Row) -> bool:
        """`all above`, `previous`: the rows before this one."""
        if is_all_above(said):
            needed: Sequence[DraftTask] = self.all[-MAX_EARLIER:]
        elif is_previous(said):
            needed = self.all[-1:]
        else:
            return False
        names = [other.id or other.title for other in needed if other is not task]
        self.book.values.wait_for(task, names, row.line)
        return True


def _ids_in_column(table: Table, columns: Columns, role: Role) -> bool:
    cells = [clean(columns.cell(row.cells, role)) for row in table.rows]
    filled = [cell for cell in cells if cell]
    with_id = sum(is_id(cell) or bool(split_id(cell)[0]) for cell in filled)
    return bool(filled) and 2 * with_id >= len(filled)
