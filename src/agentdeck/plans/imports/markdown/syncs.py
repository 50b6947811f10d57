"""Sync points: tables of weeks or phases with what must be ready, and `**Sync Point**:` lines.

Rules:
- A sync point in week 2 belongs to the phase whose last week is 2. One that lies inside a phase is
  no barrier between phases; it is remarked and kept as a note.
- A line belongs to the week or phase that it names, else to the section that it stands in.
- What a sync point says is kept as a note, however it is understood.
- `Phase 1 complete` before the last week of Phase 1, or `X can begin` long before X does, is
  another order than that of the phases. The phases hold; the difference is remarked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from agentdeck.core.plan import NoteKind
from agentdeck.plans.imports.draft import Draft, DraftNote, DraftPhase
from agentdeck.plans.imports.markdown.agents_named import plain
from agentdeck.plans.imports.markdown.blocks import Fence, Paragraph, Section, Table
from agentdeck.plans.imports.markdown.grids import read_grid
from agentdeck.plans.imports.markdown.page import Page
from agentdeck.plans.imports.markdown.spans import Span, span_of

MAX_TEXT: Final = 500  # characters of a sync point
MAX_SPANS: Final = 500  # phases that are looked through for one that a sync point lies inside

_HEAD: Final = re.compile(
    r"sync(?:hroni[sz]ation)?[ -]?points?|sync|checkpoints?|barriers?|integration points?",
    re.IGNORECASE,
)
_LINE: Final = re.compile(
    r"\W{0,6}(?:sync(?:hroni[sz]ation)?[ -]?point|checkpoint|barrier)s?\b[*_]{0,3}:[*_]{0,3}"
    r"\s*(\S.*)",
    re.IGNORECASE,
)
_WHEN: Final = ("week", "weeks", "day", "days", "phase", "wave", "when", "after", "end of", "point")
_PHASE: Final = re.compile(
    r"\b(?:phase|wave|stage)\s?(\d{1,4}(?:\s?[-–]\s?\d{1,4})?)", re.IGNORECASE
)
_BEGINS: Final = re.compile(
    r"\s(?:can |may )?(?:begins?|starts?|proceeds?|ready)\b.*$", re.IGNORECASE
)


class _Phases:
    """The phases of a draft by what sync points call them."""

    def __init__(self, draft: Draft) -> None:
        self.by_line = {phase.line: phase for phase in draft.phases}
        self.by_end: dict[tuple[str, int], DraftPhase] = {}
        self.by_number: dict[str, list[DraftPhase]] = {}
        self.spans: list[tuple[Span, DraftPhase]] = []
        self.titles: dict[str, tuple[Span, DraftPhase]] = {}
        for phase in draft.phases:
            span = span_of(phase.title) or span_of(phase.key)
            for number in _PHASE.findall(phase.title):
                self.by_number.setdefault(_number(number), []).append(phase)
            if span is None:
                continue
            if len(self.spans) < MAX_SPANS:
                self.spans.append((span, phase))
            self.by_end[span.unit, span.last] = phase
            for part in re.split(r"[/:]", phase.title):
                self.titles.setdefault(part.strip().casefold(), (span, phase))

    def around(self, section: Section) -> DraftPhase | None:
        """The phase of the heading above, or of one around it."""
        for one in (section, *section.ancestors()):
            if one.heading and one.line in self.by_line:
                return self.by_line[one.line]
        return None

    def last_of(self, number: str) -> tuple[Span | None, DraftPhase | None]:
        """The last group of a numbered phase."""
        found = self.by_number.get(_number(number), [])
        if not found:
            return None, None
        phase = found[-1]
        return span_of(phase.title) or span_of(phase.key), phase


def _number(text: str) -> str:
    return re.sub(r"\s", "", text.replace("–", "-"))


def read_syncs(page: Page, draft: Draft) -> None:
    """Sync points. For after the readers of phases and boxes."""
    phases: _Phases | None = None
    for section, block in page.blocks():
        for when, text, line in _points(page, block):
            phases = phases or _Phases(draft)
            page.take(line)
            _read_point(draft, phases, section, (when, text[:MAX_TEXT]), line)


def _points(page: Page, block: object) -> Iterator[tuple[str, str, int]]:
    """When, what, and the line of each sync point in a block."""
    if isinstance(block, Paragraph):
        for line, text in block.lines:
            match = _LINE.match(text) if page.free(line) else None
            if match is not None:
                yield "", plain(match[1]), line
    elif isinstance(block, Table) and page.free(block.line):
        rows = ((row.cells, row.line) for row in block.rows)
        yield from _rows(page, block.line, block.heads, rows)
    elif isinstance(block, Fence) and block.lines and page.free(block.line):
        grid = read_grid(block.lines)
        if grid is not None:
            rows = ((row.texts, block.line + row.line) for row in grid.rows)
            yield from _rows(page, block.line + grid.heads.line, grid.heads.texts, rows)


def _rows(
    page: Page, line: int, heads: Sequence[str], rows: Iterator[tuple[Sequence[str], int]]
) -> Iterator[tuple[str, str, int]]:
    names = [plain(head).lower() for head in heads]
    at = next((index for index, name in enumerate(names) if _HEAD.fullmatch(name)), None)
    if at is None or names[0] not in (*_WHEN, names[at]):
        return
    page.take(line)
    unit = "" if at == 0 else names[0].removesuffix("s")
    for cells, row_line in rows:
        texts = [plain(cell) for cell in cells]
        when = texts[0] if at else ""
        if len(texts) <= at or not texts[at]:
            continue
        others = [text for index, text in enumerate(texts) if index not in (0, at) and text]
        prefix = (
            f"{unit} " if unit in ("week", "day", "phase", "wave") and when[:1].isdigit() else ""
        )
        yield f"{prefix}{when}", "; ".join([texts[at], *others]), row_line


def _read_point(
    draft: Draft, phases: _Phases, section: Section, said: tuple[str, str], line: int
) -> None:
    when, text = said
    span = span_of(when or text)
    phase = _phase_of(phases, section, span, when, text)
    name = span.name if span else when or (phase.key if phase else "")
    note = f"Sync point, {name}: {text}" if name else f"Sync point: {text}"
    draft.notes.append(DraftNote(NoteKind.PROTOCOL, note, line))
    if phase is not None:
        phase.sync = True
        draft.read(line, "sync-point", f"{phase.key} ends in a sync point: {text}")
    else:
        inside = _inside(phases, span)
        where = f"lies inside {inside.key}" if inside else "is the end of no phase"
        draft.left(line, "sync-point", f"{name or 'this sync point'} {where}: {text}")
    if span is not None:
        _check_order(draft, phases, span, text, line)


def _phase_of(
    phases: _Phases, section: Section, span: Span | None, when: str, text: str
) -> DraftPhase | None:
    if span is not None:
        return phases.by_end.get((span.unit, span.last))
    number = _PHASE.search(when or text)
    if number is not None:
        return phases.last_of(number[1])[1]
    return phases.around(section)


def _inside(phases: _Phases, span: Span | None) -> DraftPhase | None:
    if span is None:
        return None
    return next(
        (
            phase
            for other, phase in phases.spans
            if other.unit == span.unit and other.first <= span.last < other.last
        ),
        None,
    )


def _check_order(draft: Draft, phases: _Phases, span: Span, text: str, line: int) -> None:
    before, arrow, then = text.partition("→")
    number = _PHASE.search(before)
    end = phases.last_of(number[1])[0] if number is not None else None
    if end is not None and end.unit == span.unit and end.last > span.last:
        said = f"{before.strip()!r} in {span.name}, but its last group is {end.name}"
        draft.left(line, "sync-order", said)
    if not arrow:
        return
    name = _BEGINS.sub("", then.strip())
    found = phases.titles.get(name.strip().casefold())
    if found is not None and found[0].unit == span.unit and found[0].first > span.last + 1:
        said = f"{name!r} could begin after {span.name}, but its group is {found[0].name}"
        draft.left(line, "sync-order", said)
