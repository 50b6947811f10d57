"""Kiro's `tasks.md`: numbered tasks with boxes, `1.` above `1.1`.

Rules:
- A task with numbers below it is a group; the numbers below are the work.
- Waves of a dependency graph become phases: in a line, with sync points; or by their `depends_on`.
  Arrows (`T1 --> T2`, `Task 1 → Task 2`) become dependencies; tasks of a group that an arrow names
  follow each other. What no wave and no arrow names waits for what is listed before it.
- Without a graph each task waits for the one listed before it, as such plans are carried out.
- A star (`- [ ]* 1.2`) means optional: the task is deferred, unless it is done, and nobody waits
  for it.
- `_Requirements: 1.1_` and other words in underscores are kept by their name.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from agentdeck.core.plan import NoteKind
from agentdeck.plans.imports.document_names import name_of
from agentdeck.plans.imports.draft import Draft, DraftNote, DraftPhase, DraftTask
from agentdeck.plans.imports.kiro_graph import Arrows, Wave, read_arrows, read_waves
from agentdeck.plans.imports.naming import Naming
from agentdeck.plans.imports.tables import MAX_META, add_task, meta_name
from agentdeck.plans.imports.task_groups import GroupEdges, finish, in_a_line
from agentdeck.plans.imports.task_lines import Line, Sort, Told, plain_words, read_task_lines
from agentdeck.plans.problems import shown

NAME: Final = "kiro"
OPTIONAL: Final = "optional, says the document"
START: Final = 64_000  # characters that `claims` looks at

_ITEM: Final = re.compile(
    r"^[ \t]*[-*][ \t]+\[[ xX~-]\]\*?[ \t]+[0-9]+(?:\.[0-9]+)*\.?[ \t]", re.MULTILINE
)
_SIGNS: Final = re.compile(
    r"_Requirements?:|\[[ xX]\]\*[ \t]|Task Dependency Graph|Implementation Plan"
)
_NUMBER: Final = re.compile(
    r"(?:Task[ \t]+)?([0-9]{1,5}(?:\.[0-9]{1,5}){0,5}[a-z]?)[.:)]?[ \t]+(.*)\Z"
)
_UNDERLINED: Final = re.compile(r"_([A-Za-z][A-Za-z0-9 ]{0,40}):[ \t]*(.*?)_?\Z")
_GRAPH: Final = re.compile(r"dependenc|graph|waves?\b", re.IGNORECASE)
_NOTES: Final = {
    "overview": NoteKind.RATIONALE,
    "introduction": NoteKind.RATIONALE,
    "note": NoteKind.REMARK,
}


def claims(file: str, text: str) -> float:
    """How sure it is that this is Kiro's: 0 to 1."""
    start = text[:START]
    if not file.endswith(".md") or not _ITEM.search(start):
        return 0.0
    if re.search(r"\.kiro[\\/]", file):
        return 0.95
    signs = len({match[0].strip("_:") for match in _SIGNS.finditer(start)})
    return min(0.9, 0.4 + 0.2 * min(signs, 2) + 0.1 * file.endswith("tasks.md"))


def read(text: str, *, file: str) -> Draft:
    """Read a `tasks.md`. Any text can be read; without a task in it, the draft is empty.

    Raises:
        PlanProblems: there are too many tasks or dependencies.
    """
    reading = _Reading(file)
    for line in read_task_lines(text):
        reading.take(line)
    reading.join()
    return reading.draft


class _Item(msgspec.Struct):
    """A numbered line: a task, or a group of tasks."""

    task: DraftTask
    below: list[DraftTask] = []  # the work of a group


class _Reading:
    """From lines to the draft."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._ids = Naming("task")
        self._items: dict[str, _Item] = {}  # by number
        self._waves: list[Wave] = []
        self._arrows = Arrows([], [])
        self._in_graph = False
        self._about: NoteKind | None = None
        self._edges = GroupEdges(file)
        self.draft = Draft(name=name_of(file), format=NAME)
        self._told = Told(self.draft)

    def take(self, line: Line) -> None:
        """Read one line."""
        if line.sort is Sort.HEADING:
            self._heading(line)
        elif line.sort is Sort.ITEM:
            self._item(line)
        elif self._told.holds(line):
            self._detail(line)
        elif line.sort is Sort.FENCE or self._in_graph:
            self._graph(line)
        elif self._about is not None:
            words = plain_words(line.text)
            self.draft.notes.append(DraftNote(self._about, words, line.number))
        else:
            self._leave(line)

    def join(self) -> None:
        """Make groups, phases and edges."""
        self._told.end()
        self._group()
        for item in self._items.values():
            if not item.below:
                add_task(self.draft, item.task, file=self._file)
        if self._waves:
            self._join_waves()
        elif self._arrows.edges:
            self._join_arrows()
        else:
            self._in_order(set())
        finish(self.draft)

    def _heading(self, line: Line) -> None:
        self._told.end()
        title = plain_words(line.text)
        low = title.lower()
        self._in_graph = _GRAPH.search(low) is not None
        self._about = next((kind for word, kind in _NOTES.items() if word in low), None)
        if line.level == 1:
            words = re.sub(r"(?i)^(?:implementation plan|tasks)\b[ \t:–-]*", "", title)
            self.draft.name = name_of(self._file, words)

    def _item(self, line: Line) -> None:
        number = _NUMBER.match(line.text)
        if number is None and self._told.holds(line):
            self._told.add(line)
            return
        words = number[2] if number else line.text
        own = number[1] if number else self._ids.take("", plain_words(words))
        if number is None:
            said = f"a task without a number is {own}"
            self.draft.guessed(line.number, "id-from-title", said)
        task = DraftTask(title=plain_words(words), line=line.number, id=own, done=line.done)
        if line.active:
            said = f"{own} is under way there; here it is still to be done"
            self.draft.guessed(line.number, "in-progress", said)
        if line.starred:
            task.labels = ["optional"]
            task.defer = None if line.done else OPTIONAL
            self.draft.guessed(line.number, "optional", f"{own} is optional: deferred")
        key = own
        if key in self._items:
            key = f"{own} line {line.number}"  # the same number again: `build` finds another id
        self._items[key] = _Item(task)
        self._told.begin(task, words, line.indent)

    def _detail(self, line: Line) -> None:
        """A line below a task: `_Requirements: …_` is kept by its name, others are told."""
        found = (
            _UNDERLINED.match(line.text.strip("* ")) if line.text.startswith(("_", "*_")) else None
        )
        task = self._told.task
        if found is None or task is None:
            self._told.add(line)
            return
        name = meta_name(found[1].strip().lower())
        before = task.meta.get(name)
        words = found[2].strip()[:MAX_META]
        if before is None or len(before) + len(words) < MAX_META:
            task.meta[name] = f"{before}; {words}" if before else words

    def _graph(self, line: Line) -> None:
        waves = read_waves(line.text, self._file, line, self.draft) if "waves" in line.text else []
        if waves:
            self._waves += waves
            return
        arrows = read_arrows(line, self._arrows.last, self._file)
        if arrows.edges or arrows.last:
            self._arrows.edges.extend(arrows.edges)
            self._arrows = Arrows(self._arrows.edges, arrows.last)
        else:
            self._leave(line)

    def _group(self) -> None:
        """Numbers above others are groups. Each is a phase, unless waves are."""
        for number, item in self._items.items():
            parent = self._items.get(_above(number))
            if parent is not None:
                parent.below.append(item.task)
        for number, item in self._items.items():
            if not item.below:
                continue
            title = f"{number}. {item.task.title}"
            self.draft.guessed(item.task.line, "group", f"{title} only holds the tasks below it")
            if "\n" in item.task.prompt:
                note = DraftNote(NoteKind.REMARK, f"{number}. {item.task.prompt}", item.task.line)
                self.draft.notes.append(note)
            if not _above(number) and not self._waves:
                phase = DraftPhase(key=number, title=title, line=item.task.line)
                self.draft.phases.append(phase)
            for task in item.below:
                task.meta.setdefault("group", title)
        for number, item in self._items.items():
            top = number.split(".", maxsplit=1)[0]
            if not self._waves and top in self._items and self._items[top].below:
                item.task.phase = top

    def _work(self, number: str) -> list[DraftTask]:
        """The task of a number, or the work of a group; nothing for a number that is not there."""
        item = self._items.get(number.strip())
        if item is None:
            return []
        if not item.below:
            return [item.task]
        found = []
        left = [number]
        while left:
            name = left.pop()
            self._edges.look(1, item.task.line)
            inner = self._items[name]
            if inner.below:
                left.extend(task.id for task in reversed(inner.below) if task.id in self._items)
            else:
                found.append(inner.task)
        return found

    def _join_waves(self) -> None:
        placed: set[str] = set()
        members: dict[str, list[DraftTask]] = {}
        named = {number.strip() for wave in self._waves for number in wave.tasks}
        for wave in self._waves:
            work = members.setdefault(wave.key, [])
            for number in wave.tasks:
                found = self._work(number)
                if not found:
                    said = f"{wave.title} names {shown(number)}, which is no task"
                    self.draft.left(wave.line, "no-such-task", said)
                group = [task for task in found if len(found) == 1 or task.id not in named]
                fresh = [task for task in group if task.id not in placed]
                self._chain(fresh)
                placed |= {task.id for task in fresh}
                work += fresh
            for task in work:
                task.phase = wave.key
            phase = DraftPhase(key=wave.key, title=wave.title, line=wave.line)
            self.draft.phases.append(phase)
            self.draft.read(wave.line, "wave", f"{wave.title}: {len(work)} tasks")
        self._order_waves(members)
        self._in_order(placed)

    def _order_waves(self, members: dict[str, list[DraftTask]]) -> None:
        said = any(wave.needs for wave in self._waves)
        needs = {wave.key: wave.needs for wave in self._waves}
        if not said or in_a_line(needs):
            for phase in self.draft.phases[:-1]:
                phase.sync = True
            return
        for wave in self._waves:
            for name in wave.needs:
                if name in members:
                    self._edges.wait(members[wave.key], members[name], wave.line)
                else:
                    said_of = f"{wave.title} waits for {shown(name)}, which is no wave"
                    self.draft.left(wave.line, "no-such-wave", said_of)

    def _join_arrows(self) -> None:
        named: set[str] = set()
        unknown: set[str] = set()
        for line, left, right in self._arrows.edges:
            for number in (left, right):
                work = self._work(number)
                if not work and number not in unknown:
                    unknown.add(number)
                    said = f"the graph names {shown(number)}, which is no task"
                    self.draft.left(line, "no-such-task", said)
                if number not in named and len(work) > 1:
                    self._chain(work)
                named |= {number, *(task.id for task in work)}
            self._edges.wait(self._work(right), self._work(left), line)
        self._in_order(named)

    def _chain(self, tasks: list[DraftTask]) -> None:
        """Each waits for the one before; deferred ones hold nobody up."""
        before: DraftTask | None = None
        for task in tasks:
            if before is not None:
                task.after.append(before.id)
            before = before if task.defer else task

    def _in_order(self, placed: set[str]) -> None:
        """Who is not placed waits for all that is listed since the last one that is not."""
        since: list[str] = []
        loose = 0
        for task in self.draft.tasks:
            if task.id not in placed:
                task.after += since[-1:] if task.defer else since
                since = since if task.defer else []
                loose += 1
                if placed:
                    said = f"{task.id} is not in the graph, so it waits for what is listed before"
                    self.draft.guessed(task.line, "not-in-graph", said)
            if not task.defer:
                since.append(task.id)
        if loose > 1 and not placed:
            first = self.draft.tasks[0].line
            self.draft.guessed(first, "in-order", "each task waits for the one before it")

    def _leave(self, line: Line) -> None:
        if not line.text.strip("-*_ "):  # a rule between two sections
            return
        words = plain_words(line.text.split("\n", maxsplit=1)[0])[:80]
        self.draft.left(line.number, "not-a-task", shown(words))


def _above(number: str) -> str:
    """The number of the group: `1.2` of `1.2.3`, `1` of `1.2a`; "" for one at the top."""
    return number.partition(" ")[0].rpartition(".")[0]
