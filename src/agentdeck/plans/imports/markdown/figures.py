"""Figures that a document states about itself: counts, totals, times, savings, costs, chains.

Rules:
- They become claims, which `agentdeck analyze` sets beside what the plan gives; they never change
  the plan.
- The lines of tasks are no claims: a task's own time is its estimate.
- A table of totals is read cell by cell, see `figure_tables`; what a code block draws, see
  `figure_drawings`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from agentdeck.core.plan import ClaimKind, Strategy
from agentdeck.plans.imports.draft import Draft, DraftClaim
from agentdeck.plans.imports.markdown.amounts import Amount, Unit, amounts_in
from agentdeck.plans.imports.markdown.blocks import (
    Block,
    Fence,
    Heading,
    Listing,
    Paragraph,
    Section,
    Table,
)
from agentdeck.plans.imports.markdown.figure_drawings import drawn_claims, drawn_lines
from agentdeck.plans.imports.markdown.figure_kinds import is_total, kind_of, kind_of_words
from agentdeck.plans.imports.markdown.figure_scopes import Scope, Scopes
from agentdeck.plans.imports.markdown.figure_tables import table_claims
from agentdeck.plans.imports.markdown.page import Page

MAX_CLAIMS: Final = 500  # of one document; more figures than that are a report and no plan
HOUR_S: Final = 3600.0

_CODE: Final = frozenset(
    "bash sh shell zsh console python py js javascript ts typescript json yaml toml sql".split()
)
_LABEL: Final = re.compile(r"\W{0,6}([A-Za-z][^:*]{0,60}?)\**\s*:\**\s")
_HOURS: Final = re.compile(
    r"\(\s*(hour|day|week)s?\s+(\d{1,4}(?:\.\d{1,3})?)\s?[-–]\s?(\d{1,4}(?:\.\d{1,3})?)\s*\)",
    re.IGNORECASE,
)
_SPANS_S: Final = {"hour": HOUR_S, "day": 24 * HOUR_S, "week": 7 * 24 * HOUR_S}
_CHANGE: Final = re.compile(r"→|->")
_NO_CONFLICT: Final = re.compile(r"\bno\s+(?:file\s+)?(?:conflicts?|overlap)", re.IGNORECASE)
_OF_ALL: Final = re.compile(r"\W{0,3}(to\s|in\s(?:total|all)|total|overall)", re.IGNORECASE)
_AT_MOST: Final = re.compile(r"\b(up\sto|at\smost|max(?:imum)?)\b", re.IGNORECASE)
_INSTEAD: Final = re.compile(r"\b(potential|alternative|if\swe|instead)\b", re.IGNORECASE)
_BARS: Final = re.compile(r"[█▓▒░#=]{3}|[│┃║]")


def read_figures(page: Page, draft: Draft) -> None:
    """Add the claims of one page."""
    scopes = Scopes(draft)
    for section in page.sections():
        scope = scopes.of_batch(section) or scopes.of_section(section)
        for claim in _section(section, scope, scopes, draft):
            if len(draft.claims) >= MAX_CLAIMS:
                draft.left(claim.line, "too-many-figures", f"more than {MAX_CLAIMS} figures")
                return
            if _known(draft, claim):
                continue
            draft.claims.append(claim)
            draft.read(claim.line, "claim", f"{claim.what} is stated as {claim.stated}")
            page.take(claim.line)


def _known(draft: Draft, claim: DraftClaim) -> bool:
    return any(other == claim for other in draft.claims[-20:])


def _section(section: Section, scope: Scope, scopes: Scopes, draft: Draft) -> Iterator[DraftClaim]:
    if section.heading is not None:
        yield from _heading(section, section.heading, scope, scopes)
    if section.line in scopes.task_lines and section.heading is not None:
        return
    if _INSTEAD.search(section.title):  # figures of another plan than this one
        return
    around = [section.title, *(above.title for above in section.ancestors())]
    for block in section.blocks:
        scope = _narrowed(scope, block, scopes)
        match block:
            case Table():
                yield from table_claims(block, scope, scopes, draft)
            case Fence() if block.info.lower().split(" ")[0] not in _CODE:
                yield from drawn_claims(block, section, scope, draft)
                yield from _lines(_plain(block), scope, scopes, around, section)
            case Paragraph() if not any(line in scopes.task_lines for line, _ in block.lines):
                yield from _lines(block.lines, scope, scopes, around, section)
            case Listing():
                lines = [(i.line, i.text) for i in block.items if i.line not in scopes.task_lines]
                yield from _lines(lines, scope, scopes, around, section)
            case _:
                pass


def _narrowed(scope: Scope, block: Block, scopes: Scopes) -> Scope:
    """A sentence before a list can say which phase the list is about."""
    if scope.phases or not isinstance(block, Paragraph) or not block.lines[-1][1].endswith(":"):
        return scope
    return scopes.of_label(block.lines[-1][1]) or scope


def _plain(fence: Fence) -> list[tuple[int, str]]:
    """The lines of a code block that are sentences and no drawing."""
    drawn = drawn_lines(fence)
    return [
        (fence.line + at, text.strip())
        for at, text in enumerate(fence.lines)
        if not _BARS.search(text) and fence.line + at not in drawn
    ]


def _heading(
    section: Section, heading: Heading, scope: Scope, scopes: Scopes
) -> Iterator[DraftClaim]:
    text, line = heading.text, heading.line
    span = _HOURS.search(text)
    if span and scopes.is_phase(section):
        length = (float(span[3]) - float(span[2])) * _SPANS_S[span[1].lower()]
        if length > 0:
            yield _claim(ClaimKind.ELAPSED, span[0].strip("() "), length, length, line, scope)
    if _NO_CONFLICT.search(text):
        yield _claim(ClaimKind.NO_CONFLICT, "no conflicts", 0, 0, line, scope)
    amounts = amounts_in(text)
    times = [amount for amount in amounts if amount.unit is Unit.SECONDS]
    if len(times) == 2 and _CHANGE.search(text[times[0].end : times[1].start]):
        yield _of(ClaimKind.WORK, times[0], line, scope)
        yield _of(ClaimKind.ELAPSED, times[1], line, scope)
    for amount in amounts:
        if amount.unit is Unit.TASKS or (
            amount.unit in (Unit.AGENTS, Unit.CONCURRENT) and scopes.is_phase(section)
        ):
            kind = kind_of(amount, text, ())
            if kind is not None:
                yield _of(kind, amount, line, scope)


def _lines(
    lines: Iterable[tuple[int, str]],
    scope: Scope,
    scopes: Scopes,
    around: list[str],
    section: Section,
) -> Iterator[DraftClaim]:
    for line, text in lines:
        label = _label(text)
        here = (scopes.of_label(label) or scopes.of_label(text) if label else None) or scope
        # Without a label the headings alone do not say what a figure is.
        words = [label, *_around(label, around, section)] if label else []
        for amount in _with_labelled_count(text, label):
            kind = kind_of(amount, text, words)
            if kind is not None and _is_meant(kind, amount, text, here):
                yield _of(kind, amount, line, here)


def _is_meant(kind: ClaimKind, amount: Amount, text: str, here: Scope) -> bool:
    """Is a count in a sentence about the whole of its scope, and not just mentioned?"""
    match kind:
        case ClaimKind.AGENTS:
            return bool(here.phases)
        case ClaimKind.TASKS:
            return _OF_ALL.match(text, amount.end) is not None
        case ClaimKind.PARALLELISM:
            return bool(here.phases) or _AT_MOST.search(text[: amount.start]) is not None
        case _:
            return True


def _around(label: str, around: list[str], section: Section) -> list[str]:
    """Where the words for a figure may stand: for a total also in the rest of its section."""
    if not is_total(label):
        return around
    return [*around[:1], " ".join(_words_of(section)), *around[1:]]


def _words_of(section: Section) -> Iterator[str]:
    for block in section.blocks:
        match block:
            case Paragraph():
                yield from (text for _, text in block.lines)
            case Listing():
                yield from (item.text for item in block.items)
            case _:
                pass


def _label(text: str) -> str:
    match = _LABEL.match(text)
    return match[1].strip() if match else ""


def _with_labelled_count(text: str, label: str) -> list[Amount]:
    """Amounts of a line; a bare number behind a label that says what is counted is one too."""
    found = amounts_in(text)
    counts = kind_of_words(label) is ClaimKind.ELAPSED or "agents" in label.lower()
    if found or not label or not counts:
        return found
    number = re.search(r":\W{0,4}(\d{1,4})\b(?!\s?[-./%\w])", text)
    if number is None:
        return []
    value = float(number[1])
    unit = Unit.CONCURRENT
    return [Amount(unit, value, value, False, number.start(1), number.end(1), number[1])]


def _of(kind: ClaimKind, amount: Amount, line: int, scope: Scope) -> DraftClaim:
    return _claim(kind, amount.text, amount.low, amount.high, line, scope, approx=amount.approx)


def _claim(
    kind: ClaimKind,
    stated: str,
    low: float,
    high: float,
    line: int,
    scope: Scope,
    *,
    approx: bool = False,
) -> DraftClaim:
    timed = kind in (ClaimKind.ELAPSED, ClaimKind.SAVING, ClaimKind.SAVING_SHARE)
    return DraftClaim(
        kind,
        stated,
        low,
        high,
        line,
        approx=approx,
        strategy=Strategy.WAVES if timed and not scope.phases else None,
        phases=list(scope.phases),
        match=scope.match,
        model=scope.model,
        tasks=list(scope.tasks),
    )
