"""Tasks in lists: entries with an id, with a checkbox, or with a time, and ranges of ids.

Rules:
- An entry is a task when it begins with an id (`AUTH-1: Log in`), when it has a checkbox and stands
  under a numbered phase or a heading about tasks, or when it is numbered or under a phase and says
  how long it takes (`**Registry** (1 hour)`).
- `API-001 through API-010` are that many tasks. What stands beside them in the same list is about
  all of them.
- `FIRST`, `SECOND`, `(depends on registry)` order the entries; a title in bold is the title.
- What is nested is a field of the task (`Files: a.py`), or part of its prompt.
- When no table, heading or list gives a task, the entries of lists under phases are tasks, and
  where there are none the phases themselves: guesses.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from agentdeck.plans.imports.draft import Draft, DraftTask
from agentdeck.plans.imports.markdown.blocks import Item, Listing, Section
from agentdeck.plans.imports.markdown.book import MAX_PROMPT, Book, is_id, split_id
from agentdeck.plans.imports.markdown.columns import Role
from agentdeck.plans.imports.markdown.page import Page
from agentdeck.plans.imports.markdown.phases import MAX_TITLE, is_done, lines_in, ordinal_of
from agentdeck.plans.imports.markdown.placeholders import is_placeholder
from agentdeck.plans.imports.markdown.streams import field_of
from agentdeck.plans.imports.markdown.values import (
    MAX_META,
    is_all_above,
    is_previous,
    name_of,
)
from agentdeck.plans.imports.words import (
    clean,
    duration_of,
    names_in,
    range_of,
    split_status,
    tokens_of,
)

MAX_ENTRY: Final = 2000  # characters of an entry that is looked at
MAX_EARLIER: Final = 500  # entries that "all above" may mean
MAX_SAID: Final = 20  # entries about all tasks of a range that are kept with each
MAX_RANGED: Final = 100_000  # tasks that ranges may name in one document

_ABOUT_TASKS: Final = re.compile(
    r"\b(?:tasks?|to-?dos?|todo list|work items|stories|backlog|implementation|steps to do|tickets|"
    r"action items)\b",
    re.IGNORECASE,
)
_NOT_TASKS: Final = re.compile(
    r"\b(?:protocol|verification|validation|checklist|criteria|risks?|mitigation|references?|"
    r"assumptions?|questions?|metrics?|approach|overview|summary|conflicts?|comparison|notes?|"
    r"requirements|constraints?|prerequisites|goals?|non-goals|principles|background|context|answer|"
    r"commands?|dependencies|timeline|rollback|recovery|coordination|strategy|objectives?)\b",
    re.IGNORECASE,
)
_BOLD: Final = re.compile(r"\s*(?:\*\*|__)(.{1,300}?)(?:\*\*|__)\s*(.*)", re.DOTALL)
_ROUND: Final = re.compile(r"\(([^()]{1,200})\)")
_TAG: Final = re.compile(r"\[([^\[\]]{1,80})\](?!\()")
_ORDER: Final = re.compile(
    r"(?:^|[\s,;–—-])(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|then|last|"
    r"finally)\W*$",
    re.IGNORECASE,
)
_NEEDS: Final = re.compile(
    r"(?:depends on|blocked by|blocked on|needs|requires|waits for|deps?:|after)\s*:?\s*(.{1,300})",
    re.IGNORECASE | re.DOTALL,
)
_EACH: Final = re.compile(
    r"\beach(?: task)?\b.{0,20}?(~?\d[\d.,]{0,12}\s?[KM]?\+?)\s*tokens", re.IGNORECASE
)


class Entry(msgspec.Struct):
    """What the line of one entry says."""

    id: str = ""
    title: str = ""
    text: str = ""  # what follows the title
    estimate_s: float | None = None
    tokens: int | None = None
    needs: list[str] = []
    ordered: bool = False  # FIRST, SECOND, …
    rest: list[str] = []  # in parentheses and not understood
    done: bool = False


def read_entry(raw: str) -> Entry:
    """What one entry says. Linear in its text, of which the first `MAX_ENTRY` characters count."""
    text, *more = raw[:MAX_ENTRY].split("\n")
    entry = Entry(text="\n".join(more))
    bare, status = split_status(text)
    entry.done = status is not None and status.value == "done"
    for said in (*_ROUND.findall(text), *_TAG.findall(text)):
        if _understand(entry, said):
            bare = bare.replace(f"({clean(said)})", " ").replace(f"[{clean(said)}]", " ")
    order = _ORDER.search(bare)
    if order is not None:
        entry.ordered = True
        bare = bare[: order.start()]
    bold = _BOLD.match(text)
    entry.id, bare = split_id(" ".join(bare.split()).strip(" -–—:"))
    entry.title = bare
    if bold is not None:
        title = clean(bold[1]).strip(" :-–—")
        written_id, title = split_id(title)
        entry.id = entry.id or written_id
        if bare.startswith(title) and title:
            rest = bare[len(title) :].strip(" -–—:.")
            entry.title, entry.text = title, "\n".join(part for part in (rest, entry.text) if part)
        elif is_id(title):
            entry.id, entry.title = title, bare.removeprefix(title).strip(" -–—:")
    entry.title = entry.title[:MAX_TITLE]
    return entry


def _understand(entry: Entry, said: str) -> bool:
    """A remark in parentheses or brackets: a time, tokens, what is needed."""
    needs = _NEEDS.match(said.strip())
    amount, tokens = duration_of(said), tokens_of(said)
    if needs is not None:
        entry.needs.append(needs[1])
    elif amount is not None and entry.estimate_s is None:
        entry.estimate_s = (amount.low + amount.high) / 2
    elif tokens is not None and entry.tokens is None and not said.strip().isdigit():
        entry.tokens = round((tokens.low + tokens.high) / 2)
    else:
        return False
    return True


def read_lists(page: Page, draft: Draft) -> None:
    """The lists of a page whose entries say that they are tasks."""
    lists = _Lists(page, draft)
    for section, block in page.blocks():
        if isinstance(block, Listing) and any(page.free(item.line) for item in block.items):
            lists.read(section, block)
    lists.book.close(page)


def read_plain_lists(page: Page, draft: Draft) -> None:
    """When nothing else gave a task: entries of any list under a phase, then the phases."""
    if draft.tasks:
        return
    lists = _Lists(page, draft)
    for section, block in page.blocks():
        if isinstance(block, Listing) and _is_place(section) and not is_done(section.title):
            lists.read(section, block, all_of_it=True)
    lists.book.close(page)
    if not draft.tasks:
        _phases_as_tasks(page, draft, lists.book)


def _phases_as_tasks(page: Page, draft: Draft, book: Book) -> None:
    for section in page.sections():
        ordinal = ordinal_of(section.title) if section.heading else None
        if ordinal is None or not section.blocks or is_placeholder(section.title):
            continue
        task = DraftTask(title=ordinal.title or ordinal.name, line=section.line)
        task.aliases.append(ordinal.name)
        if book.add(task, section):
            lines = [clean(text) for line, text in lines_in(section) if page.free(line)]
            page.take(section.line)
            for line, _ in lines_in(section):
                page.take(line)
            task.prompt = "\n".join([task.title, "", *lines])[:MAX_PROMPT].rstrip()
            draft.guessed(section.line, "phase-as-task", f"{ordinal.name} is one task")


def _is_place(section: Section) -> bool:
    """Can lists here hold tasks: is a phase or a heading about tasks the nearest that says?"""
    for around in (section, *section.ancestors()):
        if around.heading is None or (around.level == 1 and around is not section):
            return False
        if ordinal_of(around.title) is not None:
            return True
        if _NOT_TASKS.search(around.title):
            return False
        if _ABOUT_TASKS.search(around.title):
            return True
    return False


class _Lists:
    def __init__(self, page: Page, draft: Draft) -> None:
        self.page, self.draft = page, draft
        self.book = Book(draft)
        self.all_of_it = False
        self.ranged = 0  # names that ranges were written out to

    def read(self, section: Section, listing: Listing, *, all_of_it: bool = False) -> None:
        self.all_of_it = all_of_it
        place = _is_place(section)
        new: list[DraftTask] = []
        seen: list[DraftTask] = []
        ranged: list[DraftTask] = []
        ordered = False
        for item, nested in _grouped(listing.items):
            if not self.page.free(item.line) or is_placeholder(item.text):
                continue
            if self._range(section, item, ranged):
                continue
            entry = read_entry(item.text)
            if not self._is_task(entry, item, section, place=place):
                continue
            task = self._task(section, item, entry, nested, new, seen)
            if task is not None:
                ordered = ordered or entry.ordered
        if ranged:
            self._about_all(ranged, listing.items)
        if ordered:
            self._in_order(section, new)

    def _is_task(self, entry: Entry, item: Item, section: Section, *, place: bool) -> bool:
        if not entry.title and not entry.id:
            return False
        if entry.id and (any(char.isalpha() for char in entry.id) or place):
            return not _is_reference(section) and entry.id.upper() != "HTTP"
        if not place:
            return False
        timed = entry.estimate_s is not None or entry.tokens is not None
        return self.all_of_it or item.checked is not None or timed

    def _task(
        self, section: Section, item: Item, entry: Entry, nested: Sequence[Item],
        new: list[DraftTask], seen: list[DraftTask],
    ) -> DraftTask | None:  # fmt: skip
        task = self.book.find(entry.id, entry.title, section)
        known = task is not None
        if task is None:
            task = DraftTask(title=entry.title, line=item.line, id=entry.id)
            if not self.book.add(task, section):
                return None
            new.append(task)
        self.page.take(item.line)
        rule = "known-again" if known else "plain-list" if self.all_of_it else "list-entry"
        say = self.draft.guessed if rule == "plain-list" else self.draft.read
        say(item.line, rule, f"task {name_of(task)}")
        task.done = task.done or entry.done or bool(item.checked)
        task.estimate_s = entry.estimate_s if task.estimate_s is None else task.estimate_s
        task.tokens = entry.tokens if task.tokens is None else task.tokens
        for needs in entry.needs:
            self._needs(task, needs, item.line, seen)
        self._prompt(task, entry, nested)
        seen.append(task)
        return task

    def _needs(self, task: DraftTask, text: str, line: int, seen: Sequence[DraftTask]) -> None:
        if is_all_above(text):
            self._wait_for(task, seen[-MAX_EARLIER:], line)
        elif is_previous(text):
            self._wait_for(task, seen[-1:], line)
        else:
            self.book.values.put(task, Role.AFTER, text, line, "dependencies")

    def _wait_for(self, task: DraftTask, others: Sequence[DraftTask], line: int) -> None:
        self.book.values.wait_for(task, [other.id or other.title for other in others], line)

    def _prompt(self, task: DraftTask, entry: Entry, nested: Sequence[Item]) -> None:
        said = [clean(entry.text)] if entry.text else []
        role_open: tuple[str, Role] | None = None
        for item in nested:
            self.page.take(item.line)
            field = field_of(item.text)
            if item.depth <= 1:
                role_open = None
            if field is not None and field[1] not in (None, Role.DESCRIPTION, Role.CRITERIA):
                name, role, value = field
                assert role is not None
                role_open = (name, role) if not value else None
                if value and role not in (Role.NAME, Role.TITLE, Role.ID):
                    self.book.values.put(task, role, value, item.line, name)
            elif role_open is not None:
                self.book.values.put(task, role_open[1], item.text, item.line, role_open[0])
            else:
                said.append(f"{'  ' * (item.depth - 1)}- {clean(item.text)}")
        if said and not task.prompt:
            task.prompt = "\n".join([task.title or task.id, "", *said])[:MAX_PROMPT]

    def _range(self, section: Section, item: Item, ranged: list[DraftTask]) -> bool:
        """`API-001 through API-010 (10 tasks)`, `A-1, A-2 and A-3`: tasks without titles."""
        text = clean(_ROUND.sub(" ", item.text[:MAX_ENTRY])).strip(" .:")
        names = names_in(text) if any(char.isdigit() for char in text) else []
        if len(names) < 2 and range_of(text) is None:
            return False
        if not all(is_id(name) and name[0].isalpha() for name in names) or _is_reference(section):
            return False
        self.ranged += len(names)
        if self.ranged > MAX_RANGED:
            self.draft.left(item.line, "too-many-tasks", text[:MAX_TITLE])
            return True
        found = []
        for name in names:
            task = DraftTask(title="", line=item.line, id=name)
            if self.book.find(name, "", section) is None and self.book.add(task, section):
                found.append(task)
        if not found:
            return False
        self.page.take(item.line)
        said = f"{found[0].id} to {found[-1].id}: {len(found)} tasks from {text[:MAX_TITLE]!r}"
        self.draft.read(item.line, "id-range", said)
        ranged += found
        return True

    def _about_all(self, tasks: Sequence[DraftTask], items: Sequence[Item]) -> None:
        """What the other entries of the list say of every task of its ranges."""
        said: list[str] = []
        for item in items:
            if not self.page.free(item.line) or split_id(item.text[:MAX_ENTRY])[0]:
                continue
            self.page.take(item.line)
            self._each(tasks, item)
            self.draft.read(item.line, "about-all", f"about all {len(tasks)}: {clean(item.text)}")
            if len(said) < MAX_SAID:
                said.append(clean(item.text))
        for task in tasks if said else ():
            task.meta["remark"] = "; ".join(said)[:MAX_META]

    def _each(self, tasks: Sequence[DraftTask], item: Item) -> None:
        """`Each task is 50K+ tokens`: once for a list."""
        each = _EACH.search(item.text[:MAX_ENTRY])
        amount = tokens_of(each[1]) if each else None
        without = [task for task in tasks[:1] if task.tokens is None]
        if amount is None or not without:
            return
        for task in tasks:
            task.tokens = round(amount.low)
        said = f"{round(amount.low)} tokens for each of {len(tasks)}, from {clean(item.text)!r}"
        self.draft.guessed(item.line, "each-task", said)

    def _in_order(self, section: Section, new: Sequence[DraftTask]) -> None:
        """Entries that say FIRST, SECOND, …; what they need themselves stands in front."""
        self.book.chain(new, section.line, "ordinal-words")


def _is_reference(section: Section) -> bool:
    if ordinal_of(section.title) is not None:
        return False
    return bool(_NOT_TASKS.search(section.title)) and not _ABOUT_TASKS.search(section.title)


def _grouped(items: Sequence[Item]) -> list[tuple[Item, list[Item]]]:
    """Entries that are not nested, each with those nested in it."""
    found: list[tuple[Item, list[Item]]] = []
    for item in items:
        if item.depth == 0 or not found:
            found.append((item, []))
        else:
            found[-1][1].append(item)
    return found
