"""spec-kit's `tasks.md`: phases of tasks `- [ ] T012 [P] [US1] Do this in src/that.py`.

Rules:
- Phases before the user stories (Setup, Foundational) end in sync points. User stories do not wait
  for each other. What follows them (Polish) waits for all of them. Without user stories each phase
  waits for the one before.
- Inside a phase, a task without `[P]` waits for the task without `[P]` before it. A task with `[P]`
  waits for nothing but its phase and what it names in `(depends on T012, T013)`.
- `T008 blocks T009`, `T004-T007 before T008-T014` and `T010 depends on T005` below a heading about
  dependencies are dependencies too.
- `[US1]` is a label. Paths in the text are the footprint.
- An independent test is a gate of its phase, in words; goals and checkpoints are notes.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from agentdeck.core.plan import GateWhen, NoteKind
from agentdeck.plans.imports.document_names import name_of
from agentdeck.plans.imports.draft import Draft, DraftGate, DraftNote, DraftPhase, DraftTask
from agentdeck.plans.imports.mentions import names_in
from agentdeck.plans.imports.naming import Naming
from agentdeck.plans.imports.tables import add_task
from agentdeck.plans.imports.task_groups import GroupEdges, finish
from agentdeck.plans.imports.task_lines import Line, Sort, Told, plain_words, read_task_lines
from agentdeck.plans.problems import shown

NAME: Final = "speckit"
MAX_CHECK: Final = 200  # characters of a check in words

_SIGN: Final = re.compile(r"^[ \t]*[-*][ \t]+\[[ xX]\][ \t]+T[0-9]{2,4}\b", re.MULTILINE)
_TASK: Final = re.compile(r"\**(T[0-9]{1,6}[a-z]?)\**[:.]?[ \t]+(.*)\Z")
_MARK: Final = re.compile(r"\[([A-Za-z][A-Za-z0-9 _-]{0,30})\](?!\()[ \t]*")
_PHASE: Final = re.compile(r"phase[ \t]+[0-9]|user stor", re.IGNORECASE)
_PHASE_NUMBER: Final = re.compile(r"phase[ \t]+([0-9]{1,4}(?:\.[0-9]{1,4})?)", re.IGNORECASE)
_STORY: Final = re.compile(r"user story|\bUS-?[0-9]", re.IGNORECASE)
_STORY_LABEL: Final = re.compile(r"US-?[0-9]+\Z", re.IGNORECASE)
_DEPENDS: Final = re.compile(r"\((?:also )?depends? (?:up)?on:? ([^()]{1,2000})\)", re.IGNORECASE)
_KEY: Final = re.compile(r"\*\*([^*:]{1,60}):?\*\*:?[ \t]*(.*)\Z")
_ID: Final = re.compile(
    r"\bT[0-9]{1,6}[a-z]?(?:[ \t]*(?:-|–|—|\.\.|to|through)[ \t]*T?[0-9]{1,6}\b)?"
)
_ORDER: Final = re.compile(r"\b(blocks?|before|depends? on|after|requires?)\b|→|-+>", re.IGNORECASE)
_BACKWARDS: Final = ("depend", "after", "require")
_NOTES: Final = {
    "dependenc": NoteKind.PROTOCOL,
    "execution order": NoteKind.PROTOCOL,
    "strategy": NoteKind.PROTOCOL,
    "note": NoteKind.REMARK,
    "convention": NoteKind.CONSTRAINT,
}


def claims(file: str, text: str) -> float:
    """How sure it is that this is spec-kit's: 0 to 1."""
    start = text[:64_000]
    signs = sum(1 for _ in _SIGN.finditer(start))
    if not signs:
        return 0.0
    named = file.endswith("tasks.md")
    return min(1.0, 0.6 + 0.1 * min(signs, 3) + 0.1 * named)


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


class _Phase(msgspec.Struct):
    """A phase and its tasks."""

    phase: DraftPhase
    tasks: list[DraftTask] = []
    last: DraftTask | None = None  # without [P]

    @property
    def story(self) -> bool:
        """Is it about a user story?"""
        labelled = sum(any(_STORY_LABEL.match(each) for each in task.labels) for task in self.tasks)
        return bool(_STORY.search(self.phase.title)) or labelled * 2 > len(self.tasks)


class _Reading:
    """From lines to the draft."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._ids = Naming("task")
        self._keys = Naming("phase")
        self._edges = GroupEdges(file)
        self._phases: list[_Phase] = []
        self._loose = _Phase(DraftPhase(key="", title="", line=1))  # before the first phase
        self._now = self._loose
        self._aside = False  # in a section that is no phase, and not about the work either
        self._about: NoteKind | None = None  # what the lines of this section are
        self._order: list[tuple[Line, str]] = []
        self.draft = Draft(name=name_of(file), format=NAME)
        self._told = Told(self.draft)

    def take(self, line: Line) -> None:
        """Read one line."""
        if line.sort is Sort.HEADING:
            self._heading(line)
        elif line.sort is Sort.ITEM:
            self._item(line)
        elif self._told.holds(line):
            self._told.add(line)
        elif not self._aside and (key := _KEY.match(line.text)):
            self._key(line, key[1].strip(" ⚠️"), key[2])
        elif self._about is not None and line.sort is not Sort.FENCE:
            self._note(self._about, line.text, line.number)
            self._order.append((line, line.text))
        else:
            self._leave(line)

    def join(self) -> None:
        """Order the phases, then finish up."""
        self._told.end()
        known = {task.id: task for task in self.draft.tasks}
        for line, text in self._order:
            self._ordered(line, text, known)
        stories = [phase for phase in self._phases if phase.story]
        first = next(
            (at for at, phase in enumerate(self._phases) if phase.story), len(self._phases)
        )
        after: list[_Phase] = []
        for index, phase in enumerate(self._phases):
            if phase.story and stories:
                phase.phase.sync = len(stories) == 1
            elif index < first:
                phase.phase.sync = True
            else:
                after.append(phase)
        for phase in after:
            phase.phase.sync = True
        if len(stories) > 1 and after:
            work = [task for story in stories for task in story.tasks]
            self._edges.wait(after[0].tasks, work, after[0].phase.line)
        if self._phases:
            self._phases[-1].phase.sync = False
            said = "phases before the user stories, and after them, are worked off in order"
            self.draft.guessed(self._phases[0].phase.line, "phases-in-order", said)
        finish(self.draft)

    def _heading(self, line: Line) -> None:
        self._told.end()
        self._about = None
        self._aside = False
        title = plain_words(line.text)
        if line.level == 1:
            self.draft.name = name_of(self._file, title.removeprefix("Tasks:").strip())
        elif line.level == 2 and _PHASE.search(title):
            number = _PHASE_NUMBER.search(title)
            key = self._keys.take(f"phase-{number[1]}" if number else "", title)
            phase = DraftPhase(key=key, title=title, line=line.number)
            self._now = _Phase(phase)
            self._phases.append(self._now)
            self.draft.phases.append(phase)
            self.draft.read(line.number, "phase", title)
        elif line.level == 2 or self._now is self._loose:
            low = title.lower()
            self._about = next((kind for word, kind in _NOTES.items() if word in low), None)
            self._aside = self._about is None
            self._now = self._loose
        else:
            self.draft.left(line.number, "heading", title)

    def _item(self, line: Line) -> None:
        found = _TASK.match(line.text)
        if found is None and self._told.holds(line):
            self._told.add(line)
            return
        if found is None and self._now is self._loose:
            self._leave(line)
            return
        written, rest = (found[1], found[2]) if found else ("", line.text)
        labels = []
        while mark := _MARK.match(rest):
            labels.append(mark[1])
            rest = rest[mark.end() :]
        task = DraftTask(title=plain_words(rest), line=line.number, id=written)
        if not written:
            task.id = self._ids.take("", task.title)
            self.draft.guessed(line.number, "id-from-title", f"a task without an id is {task.id}")
        self._settle(task, line, rest, labels)
        add_task(self.draft, task, file=self._file)
        self._told.begin(task, rest, line.indent)

    def _settle(self, task: DraftTask, line: Line, rest: str, labels: list[str]) -> None:
        task.labels = [label for label in labels if label != "P"]
        task.done = line.done
        if line.active:
            said = f"{task.id} is under way there; here it is still to be done"
            self.draft.guessed(line.number, "in-progress", said)
        for named in _DEPENDS.findall(rest):
            self._edges.need([task], self._names(named, line), line.number)
        task.title = plain_words(_DEPENDS.sub("", rest)) or task.id
        now = self._now
        if now is not self._loose:
            task.phase = now.phase.key
        if "P" not in labels:
            if now.last is not None:
                task.after.append(now.last.id)
                said = f"{task.id} has no [P], so it waits for {now.last.id}"
                self.draft.guessed(line.number, "not-parallel", said)
            now.last = task
        now.tasks.append(task)

    def _key(self, line: Line, key: str, words: str) -> None:
        """`**Goal**: …` and the like, outside of tasks."""
        about = f"{self._now.phase.title}: " if self._now is not self._loose else ""
        low = key.lower()
        if "checkpoint" in low:
            self._note(NoteKind.CRITERION, about + words, line.number)
        elif "independent test" in low and self._now is not self._loose and words:
            name = f"test-{len(self.draft.gates) + 1}"
            check = plain_words(words)[:MAX_CHECK]
            self.draft.gates.append(DraftGate(name, check, [GateWhen.PHASE], line.number))
            self._now.phase.gates.append(name)
            self.draft.read(line.number, "gate", f"{name}: {check}")
        elif "critical" in low:
            self._note(NoteKind.CONSTRAINT, about + words, line.number)
        elif low in ("input", "prerequisites"):
            self._note(NoteKind.REFERENCE, f"{key}: {words}", line.number)
        elif low in ("goal", "purpose"):
            self._note(NoteKind.RATIONALE, about + words, line.number)
        else:
            self._note(self._about or NoteKind.REMARK, f"{about}{key}: {words}", line.number)
            self._order.append((line, f"{key} {words}"))

    def _names(self, text: str, line: Line) -> list[str]:
        """The ids in a text; ranges are written out, and count."""
        found = []
        for part in _ID.findall(text):
            names = names_in(part)
            self._edges.look(len(names), line.number)
            found += names
        return found

    def _ordered(self, line: Line, text: str, known: dict[str, DraftTask]) -> None:
        """`T008 blocks T009`: only where both sides name tasks."""
        if len(text) > MAX_CHECK * 10 or not (word := _ORDER.search(text)):
            return
        left = self._names(text[: word.start()], line)
        right = self._names(text[word.end() :], line)
        if not left or not right:
            return
        if word[0].lower().startswith(_BACKWARDS):
            left, right = right, left
        waiting = [known[name] for name in dict.fromkeys(right) if name in known]
        self._edges.need(waiting, left, line.number)
        self.draft.guessed(line.number, "dependency-line", plain_words(text)[:MAX_CHECK])

    def _note(self, kind: NoteKind, words: str, line: int) -> None:
        if text := plain_words(words):
            self.draft.notes.append(DraftNote(kind, text, line))

    def _leave(self, line: Line) -> None:
        if not line.text.strip("-*_ "):  # a rule between two sections
            return
        words = plain_words(line.text.split("\n", maxsplit=1)[0])[:80]
        self.draft.left(line.number, "not-a-task", shown(words))
