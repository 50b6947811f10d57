"""Headings that group tasks: phases, waves, batches, weeks, and what they say about their tasks.

Rules:
- A heading with an ordinal (`Phase 2: API`, `WAVE 1`, `Week 3-4`) is a phase. The same ordinal
  further down is the same phase again; one inside another makes a phase with both titles.
- A phase exists once a task is put into it. Without an ordinal, the heading a task stands under is
  its phase when it says more than "Tasks": a guess.
- `DEFERRED`, `Backlog`, `Out of scope` in front: its tasks are deferred, with the stated reason.
- `If we split …:`, `Alternative`: its tasks are another way to do the same, so they are deferred.
- `SEQUENTIAL`, "cannot parallelize": each task waits for the one before.
- `COMPLETE`, `DONE` behind a heading: its tasks are done. A bare sign (✅) is a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from agentdeck.plans.imports.draft import Draft, DraftPhase
from agentdeck.plans.imports.markdown.blocks import Paragraph, Section
from agentdeck.plans.imports.markdown.page import Page

MAX_TITLE: Final = 200  # characters of a title
MAX_HEADING: Final = 1000  # characters of a heading that are looked at

_KINDS: Final = (
    "phase wave batch sprint week stage iteration milestone step day cycle round group part layer "
    "tier increment release"
).split(" ")
_WORDS: Final = {
    word: str(number)
    for number, word in enumerate("zero one two three four five six seven eight nine ten".split())
}
_ORDINAL: Final = re.compile(
    rf"({'|'.join(_KINDS)})s?\s*[#_-]?\s*"
    rf"(\d{{1,4}}(?:\.\d{{1,3}}){{0,3}}[A-Z]?(?:\s*[-–—]\s*\d{{1,4}})?|(?<![A-Za-z])(?-i:[A-Z])(?![\w'])|"
    rf"(?<![A-Z])(?:{'|'.join(_WORDS)}))(?![\w])\s*(?P<mark>[:.)\]–—-]*)\s*(?P<rest>.*)",
    re.IGNORECASE,
)
_LEAD: Final = re.compile(r"(?:[\W_]|\d{1,3}(?:\.\d{1,3})*[.)]\s)*", re.ASCII)
_NUMBERING: Final = re.compile(r"\d{1,3}(?:\.\d{1,3})*[.)]\s+")
_SIGN: Final = re.compile("[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff\ufe0f]")
_ROUND: Final = re.compile(r"\s*\([^()]{0,200}\)\s*$")
_FIGURE: Final = re.compile(
    r"\d|parallel|sequential|concurrent|independent|agent|optional", re.IGNORECASE
)
_DEFERRED: Final = re.compile(
    r"(?:deferred|defer|skipped|skip|postponed|on hold|backlog|icebox|parked|out[ -]of[ -]scope|"
    r"not in scope|future(?: work| tasks| phases)?|later|won'?t do|nice[ -]to[ -]have)\b"
    r"(?!\s+\w+ing)",
    re.IGNORECASE,
)
_REASON: Final = re.compile(r"\W*(?:reason|because|why)\W*:\W*(.+)", re.IGNORECASE)
_OTHERWISE: Final = re.compile(
    r"(?:if (?:we|you)\b|alternatives?\b|alternatively\b|what if\b|option [B-Z]\b)", re.IGNORECASE
)
_IN_ORDER: Final = re.compile(r"\b(?:sequential(?:ly)?|in (?:this|strict) order)\b", re.IGNORECASE)
_TOGETHER: Final = re.compile(r"\bparallel|\bconcurrent|\bvs\b|\bor\b", re.IGNORECASE)
_ONE_BY_ONE: Final = re.compile(
    r"\W*(?:cannot|can't|can not|do not|don't|must not)\s(?:be\s)?(?:run\sin\s)?parallel"
    r"|\b(?:must|should|to)\s(?:be\sdone|be\srun|run|stay)\s(?:sequential|in\s(?:this\s)?order)"
    r"|\b(?:these|all|them|tasks)\s(?:run\s)?sequentially\b|\bone after (?:the other|another)\b",
    re.IGNORECASE,
)
_DONE: Final = re.compile(
    r"(?:^|[\W_])(?:complete|completed|done|finished|shipped|merged)\W*$", re.IGNORECASE
)
_STATUS: Final = re.compile(
    r"\W*status\W*:\W*(?:complete|completed|done|finished)\b", re.IGNORECASE
)
_VAGUE: Final = re.compile(
    r"(?:the\s)?(?:(?:implementation|execution|project|all|detailed|proposed|action|work)\s)*"
    r"(?:tasks?|task (?:list|table|breakdown|overview|inventory|details)|todos?|to-?dos?|plan|"
    r"items?|backlog|breakdown|work items|stories|user stories|tickets|issues|steps|list|overview|"
    r"checklist|"
    r"summary|dependencies|streams?|assignments?)",
    re.IGNORECASE,
)


class Ordinal(msgspec.Struct, frozen=True):
    """What numbers a heading."""

    kind: str  # `phase`, `wave`, …
    number: str  # as written, `1-2` for a range
    title: str  # what follows
    marked: bool  # a colon or a dash stands between, or nothing follows

    @property
    def name(self) -> str:
        """What people call it: `Phase 2`."""
        return f"{self.kind.capitalize()} {self.number}"

    @property
    def identity(self) -> tuple[str, str]:
        """The same for every heading of the same phase."""
        return (self.kind, self.number)


class Traits(msgspec.Struct):
    """What a section and those around it say about the tasks in it."""

    defer: str | None = None  # the reason
    rule: str = ""  # why they are deferred: `deferred-section` or `alternative`
    done: bool = False
    sequential: bool = False


def ordinal_of(title: str) -> Ordinal | None:
    """The ordinal that a heading begins with, or None. `DEFERRED:` in front is looked over."""
    bare = _without_lead(title)
    deferred = _DEFERRED.match(bare)
    if deferred:
        bare = bare[deferred.end() :].lstrip(" :–—-*")
    found = _ORDINAL.match(bare)
    if found is None:
        return None
    number = re.sub(r"\s*[-–—]\s*", "-", found[2])
    number = _WORDS.get(number.lower(), number.upper())
    rest = found["rest"]
    marked = bool(found["mark"]) or not rest or not rest[0].isalnum()
    return Ordinal(found[1].lower(), number, title_of(rest), marked)


def _without_lead(title: str) -> str:
    """A heading without the signs and numbers in front."""
    lead = _LEAD.match(title[:MAX_HEADING])
    return title[lead.end() if lead else 0 : MAX_HEADING]


def title_of(heading: str) -> str:
    """A heading without signs, what follows a sign, and figures in parentheses at its end."""
    text = heading[:MAX_HEADING].replace("**", "").replace("`", "").strip()
    sign = _SIGN.search(text, 1)
    if sign and re.search(r"\w", text[: sign.start()]):
        text = text[: sign.start()]
    text = _SIGN.sub("", text).strip()
    if text.startswith("(") and text.endswith(")") and text.count("(") == 1:
        text = text[1:-1]
    while (figure := _ROUND.search(text)) and _FIGURE.search(figure[0]):
        text = text[: figure.start()]
    return " ".join(text.strip(" :–—-*#_").split())[:MAX_TITLE]


class Phases:
    """The phases of a draft, found by section. Made anew by each reader; O(phases)."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._keys: set[str] = set()
        self._by_line: dict[int, str] = {}
        self._by_identity: dict[tuple[str, str], str] = {}
        self._traits: dict[int, Traits] = {}
        for phase in draft.phases:
            self._index(phase)

    def _index(self, phase: DraftPhase) -> None:
        self._keys.add(phase.key)
        self._by_line.setdefault(phase.line, phase.key)
        ordinal = ordinal_of(phase.title)
        if ordinal is not None:
            self._by_identity.setdefault(ordinal.identity, phase.key)

    def of(self, section: Section) -> str | None:
        """The key of the phase that tasks of a section belong to; it is made when it is new."""
        if section.heading is None:
            return None
        if section.line not in self._by_line:
            key = self._find(section)
            if key is None:
                return None
            self._by_line[section.line] = key
        return self._by_line[section.line]

    def named(self, title: str, line: int) -> str:
        """The key of the phase with this title or ordinal; it is made when it is new."""
        ordinal = ordinal_of(title)
        if ordinal is not None and ordinal.identity in self._by_identity:
            return self._by_identity[ordinal.identity]
        plain = title_of(title) or title[:MAX_TITLE]
        if plain not in self._keys:
            phase = DraftPhase(plain, plain, line)
            self._draft.phases.append(phase)
            self._index(phase)
            self._draft.read(line, "phase-column", f"phase {plain!r}")
        return plain

    def _find(self, section: Section) -> str | None:
        for around in (section, *section.ancestors()):
            if around.heading is None:
                break
            if around is not section and around.line in self._by_line:
                return self._by_line[around.line]
            ordinal = ordinal_of(around.title)
            if ordinal is not None:
                return self._numbered(around, ordinal)
            if _is_deferred(around):
                return self._add(around, title_of(around.title), "deferred-section")
        return self._unnumbered(section)

    def _numbered(self, section: Section, ordinal: Ordinal) -> str:
        outer = _outer(section)
        if outer is not None and outer[1].identity == ordinal.identity:
            return self.of(outer[0]) or ""
        known = self._by_identity.get(ordinal.identity)
        if known is not None and (outer is None or not ordinal.marked):
            return known
        title = f"{ordinal.name}: {ordinal.title}" if ordinal.title else ordinal.name
        if _is_deferred(section):
            title = f"Deferred: {title}"
        if outer is not None:
            over = outer[1]
            title = (
                f"{over.name}: {over.title} / {title}" if over.title else f"{over.name} / {title}"
            )
        key = self._add(section, title, "heading")
        self._by_identity.setdefault(ordinal.identity, key)
        return key

    def _unnumbered(self, section: Section) -> str | None:
        """The nearest heading that says something; a title of the document groups nothing."""
        for around in (section, *section.ancestors()):
            level_of_all = around.parent is None or (
                around.parent.heading is None and len(around.parent.parts) == 1
            )
            if around.heading is None or level_of_all:
                return None
            title = _NUMBERING.sub("", title_of(around.title), count=1)
            if title and not _VAGUE.fullmatch(title):
                known = self._by_line.get(around.line)
                return known or self._add(around, title, "heading-as-phase")
        return None

    def _add(self, section: Section, title: str, rule: str) -> str:
        key = title if title and title not in self._keys else f"{title} (line {section.line})"
        phase = DraftPhase(key, title[:MAX_TITLE], section.line)
        self._draft.phases.append(phase)
        self._index(phase)
        say = self._draft.guessed if rule == "heading-as-phase" else self._draft.read
        say(section.line, rule, f"phase {title!r}")
        return key

    def traits(self, section: Section) -> Traits:
        """What this section and those around it say about their tasks."""
        found = Traits()
        for around in (section, *section.ancestors()):
            own = self._traits.get(around.line if around.heading else 0)
            if own is None:
                own = self._traits[around.line if around.heading else 0] = _own_traits(around)
            if own.defer is not None and found.defer is None:
                found.defer, found.rule = own.defer, own.rule
            found.done = found.done or own.done
            found.sequential = found.sequential or own.sequential
        return found


def _outer(section: Section) -> tuple[Section, Ordinal] | None:
    for around in section.ancestors():
        ordinal = ordinal_of(around.title) if around.heading else None
        if ordinal is not None:
            return around, ordinal
    return None


def _is_deferred(section: Section) -> bool:
    return _DEFERRED.match(_without_lead(section.title)) is not None


def lines_in(section: Section) -> Iterator[tuple[int, str]]:
    """The lines of the paragraphs of a section itself."""
    for block in section.blocks:
        if isinstance(block, Paragraph):
            yield from block.lines


def _own_traits(section: Section) -> Traits:
    title = section.title
    bare = _without_lead(title)
    traits = Traits(done=is_done(title))
    traits.sequential = bool(_IN_ORDER.search(title)) and not _TOGETHER.search(title)
    deferred = _is_deferred(section)
    if deferred:
        traits.defer, traits.rule = title_of(title), "deferred-section"
    elif _OTHERWISE.match(bare):
        traits.defer, traits.rule = f"an alternative: {title_of(title)}", "alternative"
    for _, raw in lines_in(section) if section.heading else ():
        text = raw.replace("**", "").replace("*", "").strip()
        reason = _REASON.match(text) if deferred else None
        if reason is not None:
            traits.defer = reason[1].strip(" *_")
        elif traits.defer is None and text.endswith(":") and _OTHERWISE.match(text):
            traits.defer, traits.rule = f"an alternative: {text.rstrip(':')}", "alternative"
        traits.sequential = traits.sequential or bool(_ONE_BY_ONE.search(text[:MAX_TITLE]))
        traits.done = traits.done or bool(_STATUS.match(text))
    return traits


def is_done(heading: str) -> bool:
    """Does a heading say that all below it is finished?"""
    return bool(_DONE.search(heading)) or heading.rstrip(" \ufe0f").endswith(("✅", "✓", "✔", "☑"))


def read_finished(page: Page, draft: Draft) -> None:
    """Numbered phases that are done and hold no task: a remark."""
    used = {task.phase for task in draft.tasks}
    held = {phase.line for phase in draft.phases if phase.key in used}
    for section in page.sections():
        ordinal = ordinal_of(section.title) if section.heading else None
        if ordinal is not None and is_done(section.title) and section.line not in held:
            draft.read(section.line, "phase-done", f"{ordinal.name} is done, says its heading")
