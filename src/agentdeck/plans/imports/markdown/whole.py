"""What holds for the whole plan: how phases follow each other, how many agents, prompts.

Rules:
- "Merge after each wave" makes each phase a barrier. So do two or more numbered phases when no
  dependency leads from one into another: the author relies on their order. Both are guesses.
  Dependencies between phases, or stated sync points, speak for themselves.
- The number of agents is the largest that the document names.
- A task without a prompt gets one that says what is known: its id, its phase, where more stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from agentdeck.core.plan import NoteKind, Strategy
from agentdeck.plans.imports.draft import Draft, DraftTask
from agentdeck.plans.imports.markdown.blocks import Fence
from agentdeck.plans.imports.markdown.page import Page, parts_of
from agentdeck.plans.imports.markdown.phases import ordinal_of
from agentdeck.plans.imports.markdown.values import name_of
from agentdeck.plans.imports.names import Resolver
from agentdeck.plans.imports.words import clean

MAX_LINE: Final = 1000  # characters of a line that is searched
MAX_AGENTS: Final = 1000  # at once

_GROUP: Final = "wave|phase|batch|stage|sprint|layer"
_BARRIER: Final = re.compile(
    rf"\b(?:after|between|before|at the end of)\s+(?:each|every)\s+(?:{_GROUP})\b"
    rf"|\b(?:{_GROUP})s?\s(?:must|have to)\s(?:be\s)?(?:complete|finish)",
    re.IGNORECASE,
)
_JOINS: Final = re.compile(
    r"\bmerge|\bwait|\bcomplete|\bbarrier|\bsync|\bintegrat|\bland\b|\bfinish", re.IGNORECASE
)
_AT_ONCE: Final = tuple(
    re.compile(words, re.IGNORECASE)
    for words in (
        (
            r"\b(?:up to|max(?:imum)?(?: of)?|at most)\s+(\d{1,4})\s+"
            r"(?:concurrent|parallel|agents?|simultaneous|workers?|at (?:once|a time))"
        ),
        r"\bmax(?:imum)?\s+(?:concurrent|parallel)\s+(?:agents?|workers?|tasks?)\W{1,6}(\d{1,4})\b",
        r"\b(?:\d{1,3}\s?[-–]\s?)?(\d{1,4})\s+(?:\w{1,20}\s)?(?:agents|workers)\b",
    )
)
_DEFINES: Final = re.compile(r"\btask|\bdefinition|\bspec|\bstor(?:y|ies)|\bdetail", re.IGNORECASE)


def read_whole(page: Page, draft: Draft) -> None:
    """Settings of the plan. For after every reader of tasks and notes."""
    if page.outer is None:
        _in_order(draft)
        _strategy(page, draft)
    _agents_limit(page, draft)


def _in_order(draft: Draft) -> None:
    """Tasks and phases in the order of the document, whichever reader found them; phases that are
    all numbered in the order of their numbers.
    """
    draft.tasks.sort(key=lambda task: task.line)
    draft.phases.sort(key=lambda phase: phase.line)
    ordinals = [ordinal_of(phase.title) for phase in draft.phases]
    numbers = [int(one.number) for one in ordinals if one and one.number.isdecimal()]
    kinds = {one.kind for one in ordinals if one}
    if len(numbers) == len(draft.phases) and len(kinds) == 1:
        ranks = {phase.key: number for phase, number in zip(draft.phases, numbers, strict=True)}
        draft.phases.sort(key=lambda phase: ranks[phase.key])


def _strategy(page: Page, draft: Draft) -> None:
    if draft.strategy is not Strategy.EAGER or any(phase.sync for phase in draft.phases):
        return
    used = {task.phase for task in draft.tasks if task.phase and task.defer is None}
    if len(used) < 2:
        return
    crossing = _crossing(draft)
    if crossing is not None:
        said = f"tasks of one phase name those of another ({crossing}): phases are no barriers"
        draft.read(draft.phases[0].line, "dependencies-decide", said)
        return
    stated = next(_barriers(page), None)
    numbered = [p for p in draft.phases if p.key in used and ordinal_of(p.title) is not None]
    if stated is not None:
        draft.strategy = Strategy.WAVES
        draft.guessed(stated[0], "stated-barrier", f"each phase is a barrier: {clean(stated[1])}")
    elif len(numbered) >= 2:
        draft.strategy = Strategy.WAVES
        said = f"the {len(numbered)} numbered phases run in order: no task says otherwise"
        draft.guessed(numbered[0].line, "phases-in-order", said)


def _crossing(draft: Draft) -> str | None:
    """A dependency from one phase into another, as `A -> B`, or None."""
    if not any(task.after for task in draft.tasks):
        return None
    resolver = Resolver(draft.tasks, draft.phases)
    for task in draft.tasks:
        if task.defer is not None or task.phase is None:
            continue
        for name in task.after:
            for match in resolver.find_all(name, phase=task.phase):
                other = draft.tasks[match.index]
                if other.phase not in (None, task.phase) and other.defer is None:
                    return f"{name_of(task)} -> {name_of(other)}"
    return None


def _barriers(page: Page) -> Iterator[tuple[int, str]]:
    """Lines that say that phases end in a barrier."""
    for _, block in page.blocks():
        if isinstance(block, Fence):
            continue
        for line, text in parts_of(block):
            cut = text[:MAX_LINE]
            if _BARRIER.search(cut) and _JOINS.search(cut):
                yield line, cut


def _agents_limit(page: Page, draft: Draft) -> None:
    """The best pattern that the document uses decides; of its numbers the largest."""
    if draft.agents_limit is not None:
        return
    found: list[list[tuple[int, int, str]]] = [[] for _ in _AT_ONCE]
    for section in page.sections():
        texts = [(section.line, section.title)] if section.heading else []
        for block in section.blocks:
            texts += [] if isinstance(block, Fence) else parts_of(block)
        for line, text in texts:
            for at, pattern in enumerate(_AT_ONCE):
                for number in pattern.findall(text[:MAX_LINE]):
                    found[at].append((int(number), line, text[:MAX_LINE]))
    best = next((numbers for numbers in found if numbers), None)
    if best is None:
        return
    number, line, text = max(best, key=lambda one: (one[0], -one[1]))
    if 1 <= number <= MAX_AGENTS:
        draft.agents_limit = number
        draft.guessed(line, "agents-at-once", f"at most {number} agents at once: {clean(text)!r}")


def write_prompts(page: Page, draft: Draft) -> None:
    """A title for every task that has only an id, and a prompt for every one without. The last."""
    if page.outer is not None:
        return
    titles = {phase.key: phase.title for phase in draft.phases}
    where = _definitions(draft)
    for task in draft.tasks:
        phase = titles.get(task.phase or "", "")
        bare = not task.title or task.title == task.id
        if bare:
            task.title = _title(task, phase)
        if not task.prompt:
            task.prompt = _prompt(task, phase, where if bare else "", bare=bare)


def _title(task: DraftTask, phase: str) -> str:
    """`CORE-001: Foundation`: the id, and what the phase is called."""
    ordinal = ordinal_of(phase)
    name = ordinal.title if ordinal and ordinal.title else phase
    return f"{task.id}: {name}" if name else task.id


def _prompt(task: DraftTask, phase: str, where: str, *, bare: bool) -> str:
    if not bare:
        return f"{task.title}\n\nThis is part of {phase}." if phase else task.title
    parts = [f"Task {task.id}, part of {phase}." if phase else f"Task {task.id}."]
    if where:
        parts.append(f"The plan names only its id. {where}")
    else:
        parts.append("The plan names only its id and says no more about it.")
    if task.meta.get("remark"):
        parts.append(task.meta["remark"])
    return "\n".join(parts)


def _definitions(draft: Draft) -> str:
    """Where the references of the document say that tasks are defined."""
    found = [
        note.text
        for note in draft.notes
        if note.kind is NoteKind.REFERENCE and _DEFINES.search(note.text)
    ]
    best = next((text for text in found if re.search(r"\btask", text, re.IGNORECASE)), None)
    return f"{best}." if best else ""
