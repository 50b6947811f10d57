"""The tasks of a draft while it is read: who is known, and what a section says of its tasks.

Rules:
- An id that was read before is the same task again, and so is a title in the same phase. A title in
  a group of another kind (`Batch 1` after `Phase 2`) is too, if only one task has it. The later
  mention adds only what was missing.
- A task gets its phase, its deferral and its order from the section it stands in.
- `(3 hours total)` below tasks without estimates is divided among them: a guess.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from agentdeck.plans.imports.draft import MAX_TASKS, Draft, DraftTask
from agentdeck.plans.imports.markdown.blocks import Section
from agentdeck.plans.imports.markdown.page import Page
from agentdeck.plans.imports.markdown.phases import (
    MAX_TITLE,
    Phases,
    lines_in,
    ordinal_of,
    title_of,
)
from agentdeck.plans.imports.markdown.values import Values, name_of
from agentdeck.plans.imports.words import clean, duration_of

MAX_ID: Final = 60  # characters of an id as people write it
MAX_PROMPT: Final = 20_000  # characters of a prompt that is put together from a section

_ID: Final = re.compile(
    r"#?[A-Za-z]{1,16}\d{0,4}(?:[-_./][A-Za-z0-9]{1,24}){0,8}|\d{1,4}(?:\.\d{1,4}){0,4}[a-z]?"
)
_ID_THEN: Final = re.compile(
    r"\W{0,4}?\[?(?P<id>[A-Z][A-Za-z]{0,15}\d{0,4}(?:[-_.][A-Za-z0-9]{1,24}){0,8}|#\d{1,5}|"
    r"\d{1,3}(?:\.\d{1,3}){1,4})\]?[*_`]{0,3}\s*"
    r"(?P<between>[:–—]|\s-\s|-\s|\.\s|\)\s|\s(?=[A-Z]))[*_`]{0,3}\s*(?P<title>\S.*)",
    re.DOTALL,
)
# names of standards that look like ids, and ids that are told from words without a colon behind
_STANDARD: Final = re.compile(
    r"(?:UTF|SHA|AES|ISO|RFC|GPT|HTTP|PEP|TLS|ES|IPv|Python|Node)[-.]?\d", re.IGNORECASE
)
_SURE: Final = re.compile(r"(?:T|US|ST|TASK)\d{1,4}|#\d{1,5}|.*[-_.]\d{1,5}[a-z]?", re.IGNORECASE)
_TOTAL: Final = re.compile(
    r"\(([^()]{1,40}?)\s+total\)|\btotal(?:\stime)?\s*:\s*([^.;,()]{1,40})", re.IGNORECASE
)
_BY_HAND: Final = re.compile(
    r"\b(?:human|person|manual(?:ly)?)\b.{0,20}\b(?:do|does|these|task)", re.IGNORECASE
)
_ALL_OF_THEM: Final = re.compile(
    r"\bsequential|\bin order\b|\ball\b|\bthese\b|\btogether\b", re.IGNORECASE
)

Place = tuple[str, str]  # sort of group and which one


class Book:
    """The tasks of a draft, found by id and title. Made anew by each reader; O(tasks)."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.phases = Phases(draft)
        self.values = Values(draft)
        self._by_id: dict[str, DraftTask] = {}
        self._by_title: dict[str, list[tuple[Place, DraftTask]]] = {}
        self._new: dict[int, tuple[Section, list[DraftTask]]] = {}  # by line of the section
        titles = {phase.key: phase.title for phase in draft.phases}
        for task in draft.tasks:
            self._index(task, _place_of(titles.get(task.phase or "", "")))

    def _index(self, task: DraftTask, place: Place) -> None:
        if task.id:
            self._by_id.setdefault(task.id.casefold(), task)
        same = self._by_title.setdefault(title_key(task.title), [])
        if len(same) < 64:  # more with one title can never be told apart
            same.append((place, task))

    def find(self, written_id: str, title: str, section: Section) -> DraftTask | None:
        """The task that is mentioned again, or None."""
        if written_id:
            return self._by_id.get(written_id.casefold())
        same = self._by_title.get(title_key(title), [])
        place = _place_at(section)
        here = next((task for other, task in same if other == place), None)
        if here is not None:
            return here
        elsewhere = [task for (sort, _), task in same if sort != place[0]]
        return elsewhere[0] if len(elsewhere) == len(same) == 1 else None

    def add(self, task: DraftTask, section: Section, *, phase: str | None = None) -> bool:
        """Add a task that stands in a section. False, with a remark, when there are too many."""
        if len(self.draft.tasks) >= MAX_TASKS:
            self.draft.left(task.line, "too-many-tasks", task.title)
            return False
        task.phase = phase or self.phases.of(section)
        traits = self.phases.traits(section)
        if traits.defer is not None and task.defer is None:
            task.defer = traits.defer
            self.draft.read(task.line, traits.rule, f"{name_of(task)} is deferred: {traits.defer}")
        if traits.done:
            task.done = True
        self.draft.tasks.append(task)
        self._index(task, _place_at(section))
        place = section.line if section.heading else 0
        self._new.setdefault(place, (section, []))[1].append(task)
        return True

    def close(self, page: Page) -> None:
        """What sections say of the new tasks in them, once all of them are there."""
        for section, tasks in self._new.values():
            self._finish(section, tasks, page)

    def _finish(self, section: Section, tasks: Sequence[DraftTask], page: Page) -> None:
        """The order of the tasks of a section, their total, who does them."""
        if self.phases.traits(section).sequential and not any(task.after for task in tasks):
            self.chain(tasks, section.line, "sequential-section")
        for line, text in lines_in(section):
            if len(text) < 500:  # a sentence
                self._total(tasks, line, text, page)

    def chain(self, tasks: Sequence[DraftTask], line: int, rule: str) -> None:
        """Each of these waits for the one before."""
        waiting = [task for task in tasks if task.defer is None]
        for before, after in pairwise(waiting):
            self.values.wait_for(after, [before.id or before.title], line)
        if len(waiting) > 1:
            names = ", ".join(name_of(task) for task in waiting[:20])
            self.draft.guessed(line, rule, f"one after the other: {names}")

    def _total(self, tasks: Sequence[DraftTask], line: int, text: str, page: Page) -> None:
        if _BY_HAND.search(text):
            for task in tasks:
                task.human = task.human or task.agent is None
            page.take(line)
        total = _TOTAL.search(text)
        amount = duration_of(total[1] or total[2]) if total and _ALL_OF_THEM.search(text) else None
        without = [task for task in tasks if task.estimate_s is None]
        if amount is None or len(without) < len(tasks):
            return
        share = round((amount.low + amount.high) / 2 / len(tasks))
        for task in tasks:
            task.estimate_s = float(share)
        page.take(line)
        said = f"{clean(total[0]) if total else ''} is divided among {len(tasks)} tasks"
        self.draft.guessed(line, "total-divided", said)


def is_id(text: str) -> bool:
    """Could this be an id: short, without spaces, with a digit?"""
    if len(text) > MAX_ID or _ID.fullmatch(text) is None:
        return False
    return any(char.isdigit() for char in text)


def split_id(text: str) -> tuple[str, str]:
    """`AUTH-001: Log in` into id and title; the id is empty when there is none."""
    found = _ID_THEN.match(text[: 4 * MAX_TITLE])
    if found is None or not is_id(found["id"]) or _STANDARD.match(found["id"]):
        return "", text
    if found["between"].isspace() and not _SURE.fullmatch(found["id"]):
        return "", text
    return found["id"].lstrip("#"), found["title"].strip("*_` ")


def title_key(title: str) -> str:
    """The same for titles that differ in case, markup and signs only."""
    return " ".join(re.findall(r"\w+", clean(title[:MAX_TITLE]).casefold()))


def _place_of(title: str) -> Place:
    ordinal = ordinal_of(title)
    return ordinal.identity if ordinal else ("", title)


def _place_at(section: Section) -> Place:
    for around in (section, *section.ancestors()):
        ordinal = ordinal_of(around.title) if around.heading else None
        if ordinal is not None:
            return ordinal.identity
    return "", title_of(section.title)
