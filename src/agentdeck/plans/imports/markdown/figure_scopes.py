"""Which tasks a figure is about: by the section it stands in, by a label, by names.

Rules:
- A section belongs to the phase whose heading is the nearest above it.
- `Phase 2` in a label means every phase of the draft that carries these words in its title or key;
  ranges (`Phase 5-6`) are one name, as written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from agentdeck.plans.imports.draft import Draft
from agentdeck.plans.imports.markdown.blocks import Block, Fence, Listing, Section
from agentdeck.plans.imports.names import Resolver

_LABEL: Final = re.compile(
    r"\b(phase|wave|stage|sprint|milestone|week)s?\s+(\d{1,3}(?:\s?[-–]\s?\d{1,3})?)\b",
    re.IGNORECASE,
)


MAX_LISTED: Final = 200  # lines of a batch that are looked at

_BATCH: Final = re.compile(r"\W{0,4}(batch|group|round)\b", re.IGNORECASE)
_NUMBERED: Final = re.compile(
    r"^\s{0,8}(?:\d{1,3}[.)]|(?:agent|terminal|stream|task)\s\d{1,3}\s?[:.-])\s+", re.IGNORECASE
)
_ASIDE: Final = re.compile(r"\s*\([^()]{0,40}\)\s*$")


class Scope(msgspec.Struct, frozen=True):
    """What a figure is about. Nothing said = the whole plan."""

    phases: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    match: str | None = None
    model: str | None = None


class Scopes:
    """The phases and tasks of a draft, ready to be asked."""

    def __init__(self, draft: Draft) -> None:
        self._resolver = Resolver(draft.tasks, draft.phases)
        self._names = [task.id or task.title for task in draft.tasks]
        self._by_line = {phase.line: phase.key for phase in draft.phases}
        self._by_label: dict[str, list[str]] = {}
        for phase in draft.phases:
            for label in {**_labels(phase.title), **_labels(phase.key)}:
                self._by_label.setdefault(label, []).append(phase.key)
        self.task_lines = {task.line for task in draft.tasks}
        self._segments = {part.lower() for t in draft.tasks for part in t.id.split("-")[:-1]}
        self.models = {task.model.lower() for task in draft.tasks if task.model}

    def of_section(self, section: Section) -> Scope:
        """The phase that a section is part of, or the whole plan."""
        for around in (section, *section.ancestors()):
            if around.heading is not None and around.line in self._by_line:
                return Scope((self._by_line[around.line],))
            named = self.of_label(around.title)
            if named is not None:
                return named
        return Scope()

    def of_batch(self, section: Section) -> Scope | None:
        """The tasks that a batch lists in code blocks or lists; None = it is no batch of tasks.

        A batch with a phase of its own is that phase.
        """
        if not _BATCH.match(section.title) or self.is_phase(section):
            return None
        found: dict[int, None] = {}
        for block in section.blocks:
            for text in _listed(block):
                match = self._resolver.find(_ASIDE.sub("", _NUMBERED.sub("", text)))
                if match is not None:
                    found[match.index] = None
        return Scope(tasks=tuple(self._names[at] for at in found)) if found else None

    def is_phase(self, section: Section) -> bool:
        """Is the heading of this section that of a phase?"""
        return section.heading is not None and section.line in self._by_line

    def of_label(self, text: str) -> Scope | None:
        """The phases that a text names, or None when it names none that is known."""
        for label in _labels(text):
            if label in self._by_label:
                return Scope(tuple(self._by_label[label]))
        return None

    def of_series(self, text: str) -> Scope | None:
        """The tasks whose ids have the first word of `text` as a part, or None."""
        word = re.match(r"[A-Za-z0-9]{1,12}\b", text)
        if word is None or word[0].lower() not in self._segments:
            return None
        return Scope(match=f"*{word[0]}-*")


def _listed(block: Block) -> Iterator[str]:
    match block:
        case Fence():
            yield from (line.strip() for line in block.lines[:MAX_LISTED] if line.strip())
        case Listing():
            yield from (item.text for item in block.items[:MAX_LISTED])
        case _:
            pass


def _labels(text: str) -> dict[str, None]:
    """`phase 2` and the like, lower case, in order."""
    return {
        f"{match[1].lower()} {re.sub(r'[^0-9]+', '-', match[2])}": None
        for match in _LABEL.finditer(text[:400])
    }
