"""Batches: `PARALLEL_BATCH_1: [...]`, `Task(prompt="…")`, lists of agents and tasks, groups.

Rules:
- A call with a real id (`TASK-0034`) is a task: recognised when the plan has it, else a new one. A
  list of names (`Agent 1: Session CLI tool`) only recognises; it makes nothing.
- A batch with a number belongs to the phase of that number, for tasks that have no phase.
- The items of a group that says `Sequential` come one after the other.
- What the author left open (`[ID]`, `...`) is no task, see `placeholders`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Final

import msgspec

from agentdeck.plans.imports.draft import MAX_TASKS, Draft, DraftTask
from agentdeck.plans.imports.markdown.blocks import (
    Fence,
    Item,
    Listing,
    Paragraph,
    Section,
)
from agentdeck.plans.imports.markdown.introductions import take_introduction
from agentdeck.plans.imports.markdown.page import Page, parts_of
from agentdeck.plans.imports.markdown.phases import Phases, ordinal_of
from agentdeck.plans.imports.markdown.placeholders import is_placeholder
from agentdeck.plans.imports.words import agent_of, model_of, risk_of, without_remark

MAX_LINE: Final = 2000  # characters of a line that is looked at
MAX_TITLE: Final = 200  # characters of a title

TASK_ID: Final = re.compile(r"\b[A-Z][A-Z0-9]{0,31}(?:-[A-Z0-9]{1,32}){0,8}-\d{1,9}[A-Za-z]?\b")
_BATCH: Final = re.compile(
    r"[#/\s*_-]{0,8}(?:(?:tasks|run)\s+(?:for|of)\s+)?(?:parallel|sequential)?[\s_-]{0,3}"
    r"(batch|wave|phase|group|stage)[\s_-]{0,3}(\d{1,4})([A-Z])?\b",
    re.IGNORECASE,
)
_PAIR: Final = re.compile(r"\b([A-Za-z_]{1,40})\s?[:=]\s?[\"']([^\"']{0,400})[\"']")
_NUMBERED: Final = re.compile(
    r"(?:agent|terminal|worker)?\s?\d{1,3}\s?[.):]\s+(\S.*)", re.IGNORECASE
)
_GROUP: Final = re.compile(
    r"(?:sequential|serial|in order|one (?:at a time|by one|after)|parallel|(?:parallel )?batch)\b"
    r"[^:]{0,100}:",
    re.IGNORECASE,
)
_ENTRY: Final = re.compile(
    r"[*`]{0,3}([A-Z][A-Z0-9]{0,31}(?:-[A-Z0-9]{1,32}){0,8}-\d{1,9}[A-Za-z]?)[*`]{0,3}\s*[:–—-]?\s*(.*)",
    re.DOTALL,
)
_WHO: Final = re.compile(r"\b(?:agent|model|assigned to|owner)\s?:\s*(.{1,80})", re.IGNORECASE)


class Call(msgspec.Struct, frozen=True):
    """One agent is sent to one task. The line is an offset in the code block."""

    line: int
    id: str = ""
    text: str = ""  # what it should do, when there is more than the id
    model: str = ""
    agent: str = ""
    batch: int | None = None
    sort: str = ""  # `batch`, `wave`, `phase`
    named: bool = False  # from a list of names, not from a call


def read_calls(lines: Sequence[str]) -> list[Call]:
    """Who is sent to which task, in a code block. Linear in the text."""
    batch: tuple[int | None, str] = (None, "")
    found: list[Call] = []
    for at, line in enumerate(lines):
        text = line[:MAX_LINE].strip()
        head = _BATCH.match(text)
        if head is not None:
            batch = (int(head[2]), head[1].lower())
        found += _calls_of(text, at, batch, headed=head is not None)
    return found


def _calls_of(text: str, at: int, batch: tuple[int | None, str], *, headed: bool) -> Iterator[Call]:
    pairs = {key.lower(): value for key, value in _PAIR.findall(text)}
    prompt = next((pairs[key] for key in ("task", "prompt", "description") if pairs.get(key)), "")
    agent = next(
        (pairs[key] for key in ("agent", "subagent_type", "agent_type") if key in pairs), ""
    )
    if prompt and (agent or "model" in pairs):
        ids = TASK_ID.findall(prompt)
        said = "" if ids else prompt
        yield Call(at, ids[0] if ids else "", said, pairs.get("model", ""), agent, *batch)
        return
    if headed or "=" in text or "(" in text.split(" ", 1)[0]:
        return
    ids = TASK_ID.findall(text)
    if ids and not TASK_ID.sub("", text).strip(" ,;#-*•and&"):
        yield from (Call(at, task_id, batch=batch[0], sort=batch[1]) for task_id in ids)
        return
    named = _NUMBERED.fullmatch(text)
    if named is not None:
        yield Call(at, ids[0] if ids else "", named[1], batch=batch[0], sort=batch[1], named=True)


class _Tasks:
    """The tasks of a draft, by every name that they are written with. Indexed when first asked."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    @cached_property
    def _by_name(self) -> dict[str, DraftTask]:
        found: dict[str, DraftTask] = {}
        for task in self._draft.tasks:
            _index(found, task)
        return found

    @cached_property
    def phases(self) -> Phases:
        """The phases of the draft, looked up once."""
        return Phases(self._draft)

    def find(self, name: str) -> DraftTask | None:
        return self._by_name.get(name.strip(" .,;:`*").casefold())

    def add(self, task: DraftTask) -> DraftTask | None:
        if len(self._draft.tasks) >= MAX_TASKS:
            self._draft.left(task.line, "too-many-tasks", task.title)
            return None
        _index(self._by_name, task)
        self._draft.tasks.append(task)
        return task


def _index(found: dict[str, DraftTask], task: DraftTask) -> None:
    for name in (task.id, task.title, *task.aliases):
        if name:
            found.setdefault(name.casefold(), task)


def read_groups(page: Page, draft: Draft) -> None:
    """Groups that say how their tasks are run. For before the readers of ordinary lists."""
    tasks = _Tasks(draft)
    for section in page.sections():
        for at, block in enumerate(section.blocks):
            if isinstance(block, Paragraph) and page.free(block.lines[-1][0]):
                _read_group(page, draft, tasks, (section, at))


def read_batches(page: Page, draft: Draft) -> None:
    """Calls of agents and lists of names. For after the readers of tasks."""
    tasks = _Tasks(draft)
    for section in page.sections():
        for at, block in enumerate(section.blocks):
            if isinstance(block, Fence | Paragraph) and page.open_parts(block):
                _read_calls(page, draft, tasks, (section, at), block)


def _read_calls(
    page: Page, draft: Draft, tasks: _Tasks, place: tuple[Section, int], block: Fence | Paragraph
) -> None:
    section, at = place
    head = _head(section, at)
    parts = list(block.lines) if isinstance(block, Paragraph) else _numbered(block)
    calls = read_calls([head[1], *(text for _, text in parts)])
    if isinstance(block, Paragraph):
        calls = [call for call in calls if not call.named]
    if not any(_is_sent(call, tasks) for call in calls if call.line):
        return
    take_introduction(page, section, at)
    if _BATCH.match(head[1]):
        page.take(head[0])
    sent = [(call, parts[call.line - 1][0]) for call in calls if call.line]
    sent = [(call, line) for call, line in sent if page.free(line)]
    for call, line in sent:  # several may stand in one line
        _read_call(draft, tasks, call, line)
        page.take(line)
    for line, text in parts_of(block):
        if page.free(line) and _is_syntax(text):
            page.take(line)
        elif page.free(line) and is_placeholder(text.strip(", ")):
            page.take(line)
            draft.left(line, "placeholder", text)


def _head(section: Section, at: int) -> tuple[int, str]:
    """The line above block `at` when it names a batch, else the heading."""
    above = section.blocks[at - 1] if at else None
    if isinstance(above, Paragraph) and _BATCH.match(above.lines[-1][1]):
        return above.lines[-1]
    return section.line, section.title


def _is_sent(call: Call, tasks: _Tasks) -> bool:
    """Names that nobody has are no reason to look at a list."""
    return bool(call.id) or not call.named or tasks.find(_bare(call.text)) is not None


def _numbered(fence: Fence) -> list[tuple[int, str]]:
    return [(fence.line + at, text) for at, text in enumerate(fence.lines)]


def _is_syntax(text: str) -> bool:
    """A batch's head, a comment, an assignment that opens a list."""
    if not re.search(r"\w|\.\.\.|…", text):
        return True
    return (
        bool(_BATCH.match(text)) or text.startswith("#") or text.rstrip().endswith(("[", "{", "("))
    )


def _bare(text: str) -> str:
    return without_remark(text)[0]


def _read_call(draft: Draft, tasks: _Tasks, call: Call, line: int) -> None:
    name = call.id or _bare(call.text)
    task = tasks.find(name)
    if task is not None:
        draft.read(line, "known-again", f"{name} is task {task.title!r} again")
    elif call.named and not call.id:
        draft.left(line, "unknown-name", f"no task is called {name!r}")
        return
    else:
        task = tasks.add(DraftTask(title=name[:MAX_TITLE], line=line, id=call.id))
        if task is None:
            return
        draft.guessed(line, "batch-call", f"{name} is a task: an agent is sent to it")
    model = model_of(call.model) or model_of(call.agent)
    if model is not None and task.model is None:
        task.model = model
    elif call.agent and model_of(call.agent) is None:
        task.meta.setdefault("agent type", call.agent)
    if call.batch is not None and task.phase is None:
        task.meta.setdefault("batch", str(call.batch))


def _read_group(page: Page, draft: Draft, tasks: _Tasks, place: tuple[Section, int]) -> None:
    """`Sequential (File conflicts):` or `Parallel Batch 1A:` above a list of tasks with ids."""
    section, at = place
    following = section.blocks[at + 1] if at + 1 < len(section.blocks) else None
    block = section.blocks[at]
    line, text = block.lines[-1] if isinstance(block, Paragraph) else (0, "")
    group = _GROUP.fullmatch(text.strip("*_ ")[:MAX_TITLE])
    if group is None or not isinstance(following, Listing):
        return
    page.take(line)
    items = [item for item in following.items if page.free(item.line)]
    found = [task for item in items if (task := _read_item(draft, tasks, item, group[0], page))]
    phase = tasks.phases.of(section) if found else None
    for task in found:
        task.phase = task.phase or phase
    if re.match(r"(?:sequential|serial|in order|one)", group[0], re.IGNORECASE):
        _chain(draft, line, found)


def _read_item(draft: Draft, tasks: _Tasks, item: Item, group: str, page: Page) -> DraftTask | None:
    match = _ENTRY.match(item.text)
    if match is None:
        return None
    page.take(item.line)
    said, _, tail = match[2].rpartition(" - ") if _WHO.search(match[2]) else (match[2], "", "")
    title = _bare(said or match[2]).strip("*` -:") or match[1]
    task = tasks.find(match[1])
    if task is None:
        task = tasks.add(DraftTask(title=title[:MAX_TITLE], line=item.line, id=match[1]))
        draft.read(item.line, "batch-item", f"task {match[1]}: {title}")
    elif task.title == task.id:
        task.title = title[:MAX_TITLE]
    if task is None:
        return None
    who = _WHO.search(tail)
    if who is not None:
        task.model = task.model or model_of(who[1])
        if model_of(who[1]) is None:
            task.agent = task.agent or agent_of(who[1])
    task.risk = task.risk or risk_of(" ".join(re.findall(r"(\w+) risk", group, re.IGNORECASE)[:1]))
    task.meta.setdefault("group", group.strip(": "))
    return task


def _chain(draft: Draft, line: int, found: Sequence[DraftTask]) -> None:
    for before, after in pairwise(found):
        name = before.id or before.title
        if name not in after.after:
            after.after.append(name)
    if len(found) > 1:
        names = ", ".join(task.id or task.title for task in found)
        draft.read(line, "sequential-group", f"one after the other: {names}")


def finish_batches(page: Page, draft: Draft) -> None:
    """`PARALLEL_BATCH_1` is the phase, wave or batch that a heading gives the number 1.

    For after every reader of tasks.
    """
    waiting = [task for task in draft.tasks if task.phase is None and "batch" in task.meta]
    if not waiting:
        return
    phases = Phases(draft)
    numbered: dict[str, Section] = {}
    for section in page.sections():
        ordinal = ordinal_of(section.title) if section.heading else None
        if ordinal is not None:
            numbered.setdefault(ordinal.number, section)
    for task in waiting:
        number = task.meta["batch"]
        task.phase = phases.of(numbered[number]) if number in numbered else None
        if task.phase is not None:
            page.take(numbered[number].line)
            said = f"{task.id or task.title}: batch {number} is phase {task.phase!r}"
            draft.guessed(task.line, "batch-phase", said)
