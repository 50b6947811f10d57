"""OpenSpec's `tasks.md`: numbered sections of tasks, worked off in order.

Rules: a section is a phase. Each task waits for the one before it, over the whole document, as
OpenSpec asks of those who carry a change out. Lines below a task, with or without boxes, are part
of what its agent is told, unless they have a number of their own.
"""

from __future__ import annotations

import re
from typing import Final

from agentdeck.core.plan import NoteKind
from agentdeck.plans.imports.document_names import name_of
from agentdeck.plans.imports.draft import Draft, DraftNote, DraftPhase, DraftTask
from agentdeck.plans.imports.naming import Naming
from agentdeck.plans.imports.tables import add_task
from agentdeck.plans.imports.task_groups import finish
from agentdeck.plans.imports.task_lines import Line, Sort, Told, plain_words, read_task_lines

NAME: Final = "openspec"
START: Final = 64_000  # characters that `claims` looks at

_SECTION: Final = re.compile(r"^##[ \t]+[0-9]+\.[ \t]", re.MULTILINE)
_ITEM: Final = re.compile(r"^(?:[-*]|[0-9]+\.)[ \t]+\[[ xX]\][ \t]", re.MULTILINE)
_NUMBERED: Final = re.compile(r"^[-*][ \t]+\[[ xX]\][ \t]+[0-9]+\.[0-9]+[ \t]", re.MULTILINE)
_KIRO: Final = re.compile(r"_Requirements:|\]\*[ \t]|Task Dependency Graph")
_NUMBER: Final = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,4}){1,5})\.?[ \t]+(.*)\Z")
_HEAD: Final = re.compile(r"([0-9]{1,4})\.?[ \t]+(.*)\Z")


def claims(file: str, text: str) -> float:
    """How sure it is that this is OpenSpec's: 0 to 1."""
    start = text[:START]
    if not _ITEM.search(start) or not file.endswith(".md"):
        return 0.0
    if re.search(r"openspec[\\/]", file) and file.endswith("tasks.md"):
        return 0.95
    if not _SECTION.search(start) or _KIRO.search(start):
        return 0.0
    return 0.8 if _NUMBERED.search(start) else 0.5 if file.endswith("tasks.md") else 0.0


def read(text: str, *, file: str) -> Draft:
    """Read a `tasks.md`. Any text can be read; without a task in it, the draft is empty.

    Raises:
        PlanProblems: there are too many tasks.
    """
    reading = _Reading(file)
    for line in read_task_lines(text):
        reading.take(line)
    reading.end()
    return reading.draft


class _Reading:
    """From lines to the draft."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._phase: DraftPhase | None = None
        self._keys = Naming("section")
        self._section = "0"  # its number
        self._count = 0  # tasks of the section without a number
        self.draft = Draft(name=name_of(file), format=NAME)
        self._told = Told(self.draft)

    def take(self, line: Line) -> None:
        """Read one line."""
        if line.sort is Sort.HEADING:
            self._heading(line)
        elif line.sort is Sort.ITEM and (
            line.indent == 0 or self._told.task is None or _NUMBER.match(line.text)
        ):
            self._item(line)
        elif self._told.holds(line):
            self._told.add(line)
        else:
            words = plain_words(line.text)
            if words:
                self.draft.notes.append(DraftNote(NoteKind.REMARK, words, line.number))

    def end(self) -> None:
        """Say once that the order is a rule."""
        self._told.end()
        finish(self.draft)
        if len(self.draft.tasks) > 1:
            first = self.draft.tasks[0].line
            self.draft.guessed(first, "in-order", "each task waits for the one before it")

    def _heading(self, line: Line) -> None:
        title = plain_words(line.text)
        self._told.end()
        if line.level == 1:
            words = re.sub(r"(?i)^tasks\b[ \t:–-]*", "", title)
            self.draft.name = name_of(self._file, words)
            return
        head = _HEAD.match(title)
        self._section = head[1] if head else str(len(self.draft.phases) + 1)
        self._count = 0
        key = self._keys.take(f"section-{head[1]}" if head else "", title)
        self._phase = DraftPhase(key=key, title=title, line=line.number)
        self.draft.phases.append(self._phase)
        self.draft.read(line.number, "phase", title)

    def _item(self, line: Line) -> None:
        number = _NUMBER.match(line.text) or _HEAD.match(line.text)
        self._count += 1
        own = number[1] if number else f"{self._section}.{self._count}"
        words = number[2] if number else line.text
        task = DraftTask(title=plain_words(words), line=line.number, id=own)
        if not number:
            self.draft.guessed(line.number, "id-by-position", f"a task without a number is {own}")
        task.done = line.done
        task.phase = self._phase.key if self._phase else None
        if self.draft.tasks:
            task.after = [self.draft.tasks[-1].id]
        add_task(self.draft, task, file=self._file)
        self._told.begin(task, words, line.indent)
