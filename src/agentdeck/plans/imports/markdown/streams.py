"""Tasks in prose: a heading, or a line in bold, with fields such as `**Files**:` below it.

Rules:
- `Stream 1: Title`, `Task 3 — Title` and `AUTH-2: Title` are headings of a task when fields or text
  follow; any other heading is one when at least two fields of a task stand below it.
- A heading with such headings, or a table of tasks, below it groups them and is no task.
- A field without a value takes the list, text or code that follows it. What is no field is part of
  the prompt, lists and code too.
- Unknown fields are kept in `meta` under their own name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from agentdeck.plans.imports.draft import Draft, DraftTask
from agentdeck.plans.imports.markdown.blocks import (
    Block,
    Fence,
    Listing,
    Paragraph,
    Section,
    Table,
)
from agentdeck.plans.imports.markdown.book import MAX_PROMPT, Book, split_id
from agentdeck.plans.imports.markdown.columns import MAX_NAME, Role, role_of, task_columns
from agentdeck.plans.imports.markdown.page import Page
from agentdeck.plans.imports.markdown.phases import MAX_TITLE, ordinal_of, title_of
from agentdeck.plans.imports.markdown.placeholders import is_placeholder
from agentdeck.plans.imports.markdown.values import name_of
from agentdeck.plans.imports.words import Status, clean, split_status

MAX_LINE: Final = 2000  # characters of a line that may be a field

_STREAM: Final = re.compile(
    r"(?:\d{1,3}(?:\.\d{1,3})*[.)]?\s+)?(?:parallel\s+)?"
    r"(?P<sort>stream|track|lane|work ?stream|agent|team|worker|thread|terminal|"
    r"task|story|ticket|issue|feature|work item|work package|subtask|job)\s*"
    r"(?P<label>#?\d{1,4}(?:\.\d{1,4}){0,3}[A-Za-z]?|[A-Z])(?![\w/])\s*"
    r"(?:\([^()]{0,80}\)\s*)?[:.)–—-]*\s*(?P<title>.*)",
    re.IGNORECASE,
)
_OWN: Final = frozenset("task story ticket issue feature subtask job".split())
_FIELD: Final = re.compile(
    rf"(?:\*\*|__)?([A-Za-z][\w /&.'-]{{0,{MAX_NAME}}}?)\s*(?:\(([^()]{{0,60}})\))?\s*(?:\*\*|__)?"
    r"\s*:\s*(?:\*\*|__)?\s*(.*)",
    re.DOTALL,
)
_BOLD_LINE: Final = re.compile(r"(?:\*\*|__)(.+?)(?:\*\*|__)\s*:?\s*")
_WORK: Final = frozenset({Role.AGENT, Role.MODEL, Role.TIME, Role.TOKENS, Role.FILES})
_TELLING: Final = _WORK | {Role.AFTER, Role.BLOCKERS, Role.NAME}
_PROMPT: Final = frozenset(
    {Role.NAME, Role.TITLE, Role.DESCRIPTION, Role.CRITERIA, Role.WHY, Role.ID}
)


def field_of(text: str) -> tuple[str, Role | None, str] | None:
    """Name, role and value of a line such as `**Time**: 2h`; plain ones need a known name."""
    match = _FIELD.match(text) if len(text) <= MAX_LINE else None
    if match is None:
        return None
    name = f"{match[1].strip()} ({match[2]})" if match[2] else match[1].strip()
    role = role_of(match[1])
    if role is None and not text.startswith(("**", "__")):
        return None
    return name, role, match[3].strip()


def read_streams(page: Page, draft: Draft) -> None:
    """The tasks in prose of a page."""
    streams = _Streams(page, draft)
    for section in page.sections():
        streams.read(section)
    streams.book.close(page)


class _Streams:
    def __init__(self, page: Page, draft: Draft) -> None:
        self.page, self.draft = page, draft
        self.book = Book(draft)
        self._groups = _groups(page)
        self._inside: set[int] = set()  # lines of sections that are part of a task

    def read(self, section: Section) -> None:
        if section.heading is None or section.line in self._inside:
            return
        if section.line in self._groups or not _is_task(section, self.page):
            self._lines_in_bold(section)
            return
        heading = section.title
        self._inside.update(part.line for part in section.walk())
        self.page.take(section.line)
        blocks = list(_with_parts(section))
        self._task(heading, section.line, blocks, section.parent or section)

    def _lines_in_bold(self, section: Section) -> None:
        """Lines in bold that head a task, each with the blocks that belong to it."""
        blocks: Sequence[Block] = section.blocks
        at = 0
        while at < len(blocks):
            title = _bold_heading(blocks[at], self.page)
            at += 1
            if title is None:
                continue
            first = blocks[at - 1]
            assert isinstance(first, Paragraph)
            own: list[tuple[str, Block]] = []
            if len(first.lines) > 1:
                own.append(("", Paragraph(first.lines[1:])))
            while at < len(blocks) and _goes_on(blocks[at - 1], blocks[at]):
                own.append(("", blocks[at]))
                at += 1
            self.page.take(first.line)
            self._task(title, first.line, own, section)

    def _task(
        self, heading: str, line: int, blocks: Sequence[tuple[str, Block]], around: Section
    ) -> None:
        bare, status = split_status(heading)
        stream = _STREAM.match(bare)
        written_id, title = ("", stream["title"]) if stream else split_id(bare)
        if stream and re.fullmatch(r"\d+(?:\.\d+)+[A-Za-z]?", stream["label"]):
            written_id = stream["label"]
        if stream and not title:
            title = bare
        title = title_of(title) or title_of(bare) or bare[:MAX_TITLE]
        task = self.book.find(written_id, title, around)
        known = task is not None
        if task is None:
            task = DraftTask(title=title, line=line, id=written_id)
            if not self.book.add(task, around):
                return
        names = _aliases(stream, around)
        task.aliases += [name for name in names if name not in task.aliases]
        task.done = task.done or status is Status.DONE
        rule = "known-again" if known else "stream" if stream else "task-heading"
        self.draft.read(line, rule, f"task {name_of(task)} under {clean(heading)[:MAX_TITLE]!r}")
        _Body(self.page, self.book, task).read(blocks)


def _groups(page: Page) -> set[int]:
    """The lines of headings that group tasks: one below them is a task, or a table has some."""
    found: set[int] = set()
    for section in page.sections():
        has_table = any(
            isinstance(block, Table) and task_columns(block.heads) is not None
            for block in section.blocks
        )
        if has_table:
            found.add(section.line)
        if section.heading and (has_table or _is_task(section, page)):
            found.update(around.line for around in section.ancestors() if around.heading)
    return found


def _aliases(stream: re.Match[str] | None, around: Section) -> list[str]:
    if stream is None:
        return []
    name = f"{stream['sort'].capitalize()} {stream['label'].upper().lstrip('#')}"
    found = [name]
    for section in (around, *around.ancestors()):
        ordinal = ordinal_of(section.title) if section.heading else None
        if ordinal is not None:
            found.append(f"{ordinal.name} {name}")
            break
    return found


def _is_task(section: Section, page: Page) -> bool:
    title = clean(section.title)
    if ordinal_of(title) is not None or is_placeholder(section.title) or not title_of(title):
        return False
    if any(_bold_heading(block, page) for block in section.blocks):
        return False
    roles = _roles(section, page)
    stream = _STREAM.match(title)
    if stream is not None:
        own = stream["sort"].lower() in _OWN
        return bool(roles) if not own else bool(stream["title"] or roles)
    if split_id(title)[0]:
        return bool(roles)
    return len(roles) >= 2 and section.level > 1 and len(roles & _TELLING) >= 2


def _roles(section: Section, page: Page) -> set[Role]:
    """What the fields of a section say; the fields of its first few blocks tell enough."""
    found: set[Role] = set()
    for block in section.blocks[:12]:
        for line, text in _texts(block):
            field = field_of(text) if page.free(line) else None
            if field is not None and field[1] is not None:
                found.add(field[1])
    return found


def _texts(block: Block) -> Iterator[tuple[int, str]]:
    if isinstance(block, Paragraph):
        yield from block.lines[:40]
    elif isinstance(block, Listing):
        yield from ((item.line, item.text) for item in block.items[:40] if not item.depth)


def _bold_heading(block: Block, page: Page) -> str | None:
    """The title that a paragraph begins with, when it is a stream and its fields follow."""
    if not isinstance(block, Paragraph) or not page.free(block.line):
        return None
    first = block.lines[0][1]
    bold = _BOLD_LINE.fullmatch(first) if len(first) <= MAX_LINE else None
    if bold is None or not (_STREAM.match(bold[1]) or split_id(bold[1])[0]):
        return None
    fields = [field_of(text) for _, text in block.lines[1:]]
    return bold[1].rstrip(":") if any(field and field[1] for field in fields) else None


def _goes_on(before: Block, block: Block) -> bool:
    """Does this block belong to the task that the one before belongs to?"""
    if isinstance(block, Listing):
        return True
    if isinstance(block, Fence):
        return isinstance(before, Paragraph) and before.lines[-1][1].rstrip("*_ ").endswith(":")
    if not isinstance(block, Paragraph) or _BOLD_LINE.fullmatch(block.lines[0][1][:MAX_LINE]):
        return False
    fields = [field_of(text) for _, text in block.lines]
    return any(field and field[1] for field in fields)


def _with_parts(section: Section) -> Iterator[tuple[str, Block]]:
    """The blocks of a section and of those below it, the first of each with its heading."""
    for part in section.walk():
        heading = part.title if part is not section else ""
        for block in part.blocks:
            yield heading, block
            heading = ""


class _Body:
    """What stands below the heading of one task."""

    def __init__(self, page: Page, book: Book, task: DraftTask) -> None:
        self.page, self.values, self.task = page, book.values, task
        self.draft = book.draft
        self.said: list[str] = []  # parts of the prompt
        self.open: tuple[str, Role | None] | None = None  # a field without a value

    def read(self, blocks: Sequence[tuple[str, Block]]) -> None:
        for heading, block in blocks:
            if heading:
                self._heading(heading)
            self._block(block)
        head = self.task.title or self.task.id
        said = "\n".join(part for part in self.said if part.strip() != head).strip()
        if said and not self.task.prompt:
            self.task.prompt = f"{head}\n\n{said}"[:MAX_PROMPT]

    def _heading(self, heading: str) -> None:
        self.open = (heading, role_of(heading))
        if self.open[1] in _PROMPT or self.open[1] is None:
            self.said.append(f"\n{clean(heading)}:")

    def _block(self, block: Block) -> None:
        if isinstance(block, Paragraph):
            for line, text in block.lines:
                if self.page.free(line):
                    self._line(line, text)
        elif isinstance(block, Listing):
            self._listing(block)
        elif isinstance(block, Fence):
            self._fence(block)

    def _line(self, line: int, text: str) -> None:
        self.page.take(line)
        if is_placeholder(text):
            self.draft.left(line, "placeholder", text[:MAX_TITLE])
            return
        field = field_of(text)
        if field is None:
            if self.open is not None and self.open[1] not in (None, *_PROMPT):
                self._put(self.open[0], self.open[1], text, line)
            else:
                self.said.append(clean(text))
            return
        name, role, value = field
        self.open = None if value else (name, role)
        if value:
            self._put(name, role, value, line)
        elif role in _PROMPT and role is not Role.NAME:
            self.said.append(f"\n{clean(name)}:")

    def _put(self, name: str, role: Role | None, value: str, line: int) -> None:
        if role is None:
            self.values.keep(self.task, name, value)
        elif role in (Role.NAME, Role.TITLE, Role.DESCRIPTION):
            self.said.append(clean(value))
        elif role is Role.CRITERIA:
            self.said.append(f"{clean(name)}: {clean(value)}")
        elif role is Role.ID and not self.task.id:
            self.task.id = clean(value)
        elif role is not Role.ID:
            self.values.put(self.task, role, value, line, name)

    def _listing(self, block: Listing) -> None:
        self.said += [""] if self.said and self.open is None else []
        nested: tuple[str, Role | None] | None = None
        for item in block.items:
            if not self.page.free(item.line):
                continue
            self.page.take(item.line)
            field = field_of(item.text) if self.open is None or item.depth == 0 else None
            if item.depth == 0:
                nested = None
            if field is not None and field[1] is not None and self._is_open_prompt():
                name, role, value = field
                nested = (name, role) if not value else None
                if value:
                    self._put(name, role, value, item.line)
                elif role in _PROMPT:
                    self.said.append(f"- {clean(name)}:")
                continue
            name, role = nested or self.open or ("", None)
            if role is None or role in _PROMPT:
                self.said.append(f"{'  ' * item.depth}- {clean(item.text)}")
            else:
                self._put(name, role, item.text, item.line)
        self.open = None

    def _is_open_prompt(self) -> bool:
        """Fields are looked for in lists that do not belong to a field themselves."""
        return self.open is None or self.open[1] is None

    def _fence(self, block: Fence) -> None:
        self.page.take_block(block)
        if self.open is not None and self.open[1] not in (None, *_PROMPT):
            name, role = self.open
            for at, text in enumerate(block.lines):
                if text.strip():
                    self._put(name, role, text, block.line + at)
        else:
            self.said += ["", f"```{block.info}", *block.lines, "```"]
        self.open = None
