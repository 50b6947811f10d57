"""What the foot of a log says of what is looked for and of what is left out."""

from __future__ import annotations

from typing import Final

from agentdeck.tui.presentation.line import Line, Span, cut, plain
from agentdeck.tui.presentation.log_found import Hits
from agentdeck.tui.presentation.log_pattern import pattern_of

PATTERN_CELLS: Final = 30  # of a pattern that is repeated


def found_words(text: str, at: int | None, hits: Hits) -> Line:
    """`/dead 3 of 17+`; `at` is the hit at hand, counted from 0."""
    return (Span("/", "key bold"), Span(_short(text), "bold"), *_fault(text), *_count(at, hits))


def kept_words(text: str, kinds: str, hits: Hits | None) -> Line:
    """`& dead, only tools · 37 lines`."""
    said: tuple[Span, ...] = ()
    if text:
        said = (Span("&", "key bold"), Span(_short(text), "bold"), *_fault(text), Span("  "))
    if kinds:
        said = (*said, Span(f"only {kinds}  ", "bold"))
    if hits is None:
        return said
    if hits.slow:
        return (*said, Span("given up: needs too long", "state-failed"))
    lines = f"{len(hits):,}{_more(hits)} line{'s' * (len(hits) != 1)}"
    if not hits.done:
        return (*said, Span(f"{lines}, looking on", "muted"))
    return (*said, Span(lines if len(hits) else "no line", "muted" if len(hits) else "state-asks"))


def _count(at: int | None, hits: Hits) -> Line:
    if hits.slow:
        said = "given up: the expression needs too long on this log"
        return (Span(f"  {said}", "state-failed"),)
    if not len(hits):
        return (Span("  not found", "state-asks") if hits.done else Span("  looking", "muted"),)
    total = f"{len(hits):,}{_more(hits)}"
    return (Span(f"  {at + 1:,} of {total}" if at is not None else f"  {total} found", "muted"),)


def _more(hits: Hits) -> str:
    return "" if hits.whole else "+"


def _fault(text: str) -> Line:
    fault = pattern_of(text).fault
    return (Span(f"  as plain text ({cut(fault, 40)})", "state-asks"),) if fault else ()


def _short(text: str) -> str:
    return cut(plain(text), PATTERN_CELLS)
