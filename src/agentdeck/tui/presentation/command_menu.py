"""Rows of the menu above the typed line: a word and its sentence, in columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agentdeck.control.verb_completion import Candidate
from agentdeck.tui.presentation.line import Line, Span, cut, fit, plain

WORD_CELLS: Final = 18  # of a word, at most; longer ones push their sentence on
GAP: Final = "  "
REFUSED: Final = "not now:"  # begins the sentence of what cannot be done


def word_cells(candidates: Sequence[Candidate]) -> int:
    """Cells of the column of words."""
    return min(WORD_CELLS, max((len(plain(each.word)) for each in candidates), default=0))


def candidate_line(candidate: Candidate, wide: int, width: int) -> Line:
    """One row.

    Args:
        wide: cells of the column of words.
        width: cells of the row.
    """
    word = plain(candidate.word)
    sentence = plain(candidate.sentence)
    refused = sentence.startswith(REFUSED)
    shown = word if len(word) > wide else fit(word, wide)
    room = width - len(shown) - len(GAP) - 1
    return (
        Span(" "),
        Span(shown, "faint" if refused else "key bold"),
        Span(GAP),
        Span(cut(sentence, room), "state-paused" if refused else "muted"),
    )


__all__ = ["candidate_line", "word_cells"]
