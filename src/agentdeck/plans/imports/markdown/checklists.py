"""Checks that a document asks for, as gates without a command, and criteria of success as notes.

Rules:
- The words of the section decide what a list is, see `purpose_of`: checks, criteria, or work. An
  ordinary list of work is not for this reader.
- When a check is made, the nearest words say: its own label (`**Per-task**: …`), words in it
  (`after each layer`), the line above the list (`After each phase:`), the headings. When nothing
  does, it is made for each task, which is a guess.
- No command is made from prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

from agentdeck.core.plan import GateWhen, NoteKind
from agentdeck.plans.imports.draft import Draft, DraftGate, DraftNote
from agentdeck.plans.imports.markdown.blocks import Item, Listing, Section
from agentdeck.plans.imports.markdown.introductions import introduction_of, take_introduction
from agentdeck.plans.imports.markdown.page import Page

MAX_GATES: Final = 500  # of one document; longer lists of checks are test reports
MAX_CHECK: Final = 1000  # characters of a check
NAME_WORDS: Final = 6  # of a check, that name its gate


class Purpose(StrEnum):
    """What the items of a list are."""

    CHECKS = "checks"
    CRITERIA = "criteria"
    WORK = "work"


_I: Final = re.IGNORECASE
# `Phase 4: Quality Gates` is a phase with work in it, not a list of checks
_NUMBERED_PHASE: Final = re.compile(
    r"\W{0,4}(?:phase|wave|week|sprint|milestone|stage|batch|step|epic|day|task)s?\s?\d", _I
)
_CRITERIA: Final = re.compile(
    r"\b(?:success|acceptance|completion|exit)\s+(?:criteri|metric)|\bdefinition of done\b", _I
)
_CHECKS: Final = re.compile(
    r"\bquality gates?\b|\bvalidation\b|\bverification\b|\bpre-?flight\b|\bsanity checks?\b"
    r"|\bpre-?execution\b|\bgates?\b|\bvalidate\b|\bverify\b",
    _I,
)
_LIST_OF_CHECKS: Final = re.compile(r"\bcheck-?lists?\b|\bchecks\b|\bcheckpoints?\b", _I)
_PART: Final = r"(?:phase|layer|wave|batch|week|stage)"
_MOMENTS: Final = (
    (GateWhen.PREFLIGHT, r"\bpre-?\s?(?:flight|execution|start)\b"),
    (GateWhen.PREFLIGHT, r"\bbefore (?:(?:you )?start|execution\b)"),
    (GateWhen.TASK, r"\b(?:per[- ]|each |every )task\b"),
    (GateWhen.TASK, r"\btask[- ](?:level|validation|verification|checks?)\b"),
    (GateWhen.MERGE, r"\b(?:pre-?|before (?:each |every |the )?)(?:merge|commit|landing)\b"),
    (GateWhen.PHASE, rf"\b(?:per[- ]|each |every ){_PART}\b"),
    (GateWhen.PHASE, rf"\b{_PART}[- ](?:level|validation|verification|checks?|gates?|end)\b"),
    (GateWhen.FINAL, r"\bfinal\b|\breview\b|\brelease\b|\bpost-?execution\b|\bsign-?off\b"),
    (GateWhen.FINAL, r"\bcompletion\b"),
)
_MOMENT: Final = tuple((moment, re.compile(words, _I)) for moment, words in _MOMENTS)
_IN_A_SENTENCE: Final = re.compile(
    r"\bafter (?:each|every) (task|phase|layer|wave|batch|week|stage)\b", _I
)


def moment_of(words: str) -> GateWhen | None:
    """When checks with these words above them are made, or None when they do not say."""
    if _NUMBERED_PHASE.match(words):
        return None
    return next((moment for moment, pattern in _MOMENT if pattern.search(words)), None)


def purpose_of(headings: Sequence[str], *, ticked: bool = False) -> Purpose:
    """What a list below these headings holds.

    Args:
        headings: from the nearest outwards; the line above the list may be the first.
        ticked: does the list have boxes to tick?
    """
    for words in headings:
        if _NUMBERED_PHASE.match(words):
            return Purpose.WORK
        if _CRITERIA.search(words):
            return Purpose.CRITERIA
        if _CHECKS.search(words):
            return Purpose.CHECKS
        if _LIST_OF_CHECKS.search(words) and moment_of(words) is not None:
            return Purpose.CHECKS
        if ticked and re.search(r"\breview\b", words, _I):
            return Purpose.CHECKS
    return Purpose.WORK


def when_of(label: str, text: str, above: Iterable[str]) -> GateWhen | None:
    """When one check is made. See the rules above.

    Args:
        label: the bold words before its colon, or nothing.
        text: the check.
        above: the line above its list and the headings, from the nearest outwards.
    """
    said = _IN_A_SENTENCE.search(text)
    if label and (moment := moment_of(label)) is not None:
        return moment
    if said is not None:
        return GateWhen.TASK if said[1].lower() == "task" else GateWhen.PHASE
    return next((moment for words in above if (moment := moment_of(words)) is not None), None)


_LABELLED: Final = re.compile(r"\*\*([^*]{1,80}?)\s*:?\*\*\s*[:–—-]?\s*(.*)", re.DOTALL)


def read_checklists(page: Page, draft: Draft) -> None:
    """Lists of checks and of criteria. Lists of work are left alone."""
    names = {gate.name for gate in draft.gates}
    for section in page.sections():
        for at, block in enumerate(section.blocks):
            if not isinstance(block, Listing) or not page.open_parts(block):
                continue
            above = words_above(section, at)
            ticked = any(item.checked is not None for item in block.items)
            purpose = purpose_of(above, ticked=ticked)
            if purpose is Purpose.WORK:
                continue
            take_introduction(page, section, at)
            if purpose is Purpose.CHECKS:
                _read_checks(page, draft, block, above, names)
            else:
                _read_criteria(page, draft, block)


def words_above(section: Section, at: int) -> list[str]:
    """What stands above block `at` of a section, from the nearest outwards: the line before it when
    that announces it, the heading, the headings around it. The title of the document is no heading.
    """
    before = introduction_of(section, at)
    around = [one.title for one in section.ancestors() if one.level > 1]
    return [text for text in (before[1] if before else "", section.title, *around) if text]


def _read_checks(
    page: Page, draft: Draft, listing: Listing, above: Sequence[str], names: set[str]
) -> None:
    for item, details in _with_details([one for one in listing.items if page.free(one.line)]):
        page.take(item.line)
        for detail in details:
            page.take(detail.line)
        match = _LABELLED.fullmatch(item.text)
        label, text = (match[1], match[2]) if match is not None else ("", item.text)
        text = "; ".join([_plain(text) or _plain(label), *(_plain(one.text) for one in details)])
        _add_check(draft, item.line, when_of(label, text, above), text[:MAX_CHECK], names)


def _with_details(items: Sequence[Item]) -> list[tuple[Item, list[Item]]]:
    """Entries, each with those nested in it."""
    found: list[tuple[Item, list[Item]]] = []
    for item in items:
        if item.depth and found:
            found[-1][1].append(item)
        else:
            found.append((item, []))
    return found


def _plain(text: str) -> str:
    return " ".join(text.replace("**", "").replace("`", "").split())


def _add_check(draft: Draft, line: int, when: GateWhen | None, check: str, names: set[str]) -> None:
    if not check:
        return
    if len(draft.gates) >= MAX_GATES:
        draft.left(line, "too-many-checks", check)
        return
    moment = when or GateWhen.TASK
    name = _name(check.partition(";")[0], moment, names)
    names.add(name)
    draft.gates.append(DraftGate(name, check, [moment], line))
    said = f"{moment.value} check without a command: {check}"
    if when is None:
        draft.guessed(line, "check-per-task", said)
    else:
        draft.read(line, "check", said)


def _name(check: str, moment: GateWhen, names: set[str]) -> str:
    words = re.findall(r"[^\W_]+", check.lower())[:NAME_WORDS]
    name = "-".join(words) or "check"
    if name in names:
        name = f"{moment.value}-{name}"
    number = 2
    base = name
    while name in names:  # at most MAX_GATES times
        name = f"{base}-{number}"
        number += 1
    return name


def _read_criteria(page: Page, draft: Draft, listing: Listing) -> None:
    for item in listing.items:
        if page.free(item.line) and item.text:
            page.take(item.line)
            text = _plain(item.text)[:MAX_CHECK]
            draft.notes.append(DraftNote(NoteKind.CRITERION, text, item.line))
            draft.read(item.line, "criterion", f"criterion: {text}")
