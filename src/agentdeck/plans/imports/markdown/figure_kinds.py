"""What a figure claims: told by the words around it.

Rules:
- The nearest word counts. Words behind a figure count as a little further away, unless they stand
  in parentheses right behind it: `65 hours (sequential)`.
- Without a word in its own line the label, then the headings decide.
- A figure that no word explains is no claim.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from agentdeck.core.plan import ClaimKind
from agentdeck.plans.imports.markdown.amounts import Amount, Unit

BEHIND: Final = 20  # characters that words behind a figure count as further away
MAX_REACH: Final = 90  # characters between a figure and its word

_WORDS: Final = (
    (ClaimKind.CRITICAL_PATH, r"critical\s+path"),
    (ClaimKind.SAVING, r"sav(?:ed|ings?|es?)\b|reduc(?:tion|ed|es)"),
    (ClaimKind.WORK, r"sequential(?:ly)?|single-threaded|serial(?:ly)?|one\s+after"),
    (ClaimKind.LONGEST, r"\bmax(?:imum)?\b|longest"),
    (ClaimKind.ELAPSED, r"parallel\w*|elapsed|concurrent\w*|timeline|wall\s?clock|within"),
)
_PATTERNS: Final = tuple((kind, re.compile(words, re.IGNORECASE)) for kind, words in _WORDS)
_TOTAL: Final = re.compile(r"\btotal\b", re.IGNORECASE)
_EACH: Final = re.compile(r"\W{0,3}(each|per|a task|apiece)\b", re.IGNORECASE)
_OF_UNIT: Final = {
    Unit.USD: ClaimKind.COST,
    Unit.TASKS: ClaimKind.TASKS,
    Unit.AGENTS: ClaimKind.AGENTS,
    Unit.CONCURRENT: ClaimKind.PARALLELISM,
    Unit.PHASES: ClaimKind.PHASES,
}


def kind_of(amount: Amount, text: str, around: Iterable[str]) -> ClaimKind | None:
    """What an amount claims, or None.

    Args:
        text: the line it stands in.
        around: label and headings, the nearest first.
    """
    if _EACH.match(text, amount.end):
        return None
    if amount.unit in _OF_UNIT:
        return _OF_UNIT[amount.unit]
    if amount.unit is Unit.TOKENS:
        return None  # running text speaks of sizes of tasks; tables have totals
    said = _nearest(amount, text)
    for words in around:
        if said is not None:
            break
        said = kind_of_words(words)
    if amount.unit is Unit.SHARE:
        return ClaimKind.SAVING_SHARE if said is ClaimKind.SAVING else None
    return said


def kind_of_words(text: str) -> ClaimKind | None:
    """What a label or a heading is about: the first of the words in it."""
    found = [(match.start(), kind) for kind, p in _PATTERNS if (match := p.search(text[:400]))]
    return min(found)[1] if found else None


def is_total(text: str) -> bool:
    """Does a label speak of a total?"""
    return _TOTAL.search(text[:200]) is not None


def _nearest(amount: Amount, text: str) -> ClaimKind | None:
    best: tuple[int, ClaimKind] | None = None
    start = max(0, amount.start - MAX_REACH)
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text, start, amount.end + MAX_REACH):
            far = amount.start - match.end()
            if match.start() >= amount.end:
                gap = text[amount.end : match.start()]
                far = len(gap) if gap.strip() == "(" else len(gap) + BEHIND
            if far >= 0 and (best is None or far < best[0]):
                best = (far, kind)
    return best[1] if best else None
