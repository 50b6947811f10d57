"""Where two lines differ: nothing that changed is left out, and hardly more is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.tui.presentation.line import Line, Span, cells
from agentdeck.tui.presentation.line_changes import changed_cells

ROW: Line = (Span("◐", "state-working"), Span(" T-001", "bold"), Span("  03:40", "muted"))


def named(before: Line, after: Line) -> str:
    """What the second line has in the cells that are named."""
    x, end = changed_cells(before, after)
    return "".join(span.text for span in after)[x:end]


@pytest.mark.parametrize(
    ("after", "cells_of_it"),
    [
        (ROW, ""),
        ((*ROW[:2], Span("  03:41", "muted")), "1"),
        ((Span("◓", "state-working"), *ROW[1:]), "◓"),
        ((Span("◓", "state-working"), ROW[1], Span("  03:41", "muted")), "◓ T-001  03:41"),
        ((ROW[0], Span(" T-001", ""), ROW[2]), " T-001"),
        ((*ROW, Span(" more")), " more"),
        (ROW[:2], ""),
        ((Span("◐", "state-working"), Span(" T-002", "bold"), Span("  03:40", "muted")), "2"),
    ],
)
def test_only_what_changed_is_named(after: Line, cells_of_it: str) -> None:
    assert named(ROW, after) == cells_of_it


def test_a_shorter_line_leaves_blanks_to_paint() -> None:
    """What stood behind its end has to go."""
    assert changed_cells(ROW, ROW[:2]) == (7, 14)


@pytest.mark.parametrize("text", ["中文", "e\u0301te", "👩 x"])
def test_a_line_with_doubtful_widths_is_painted_whole(text: str) -> None:
    """A cursor put into the middle of it could be elsewhere on another terminal."""
    before = (Span(text), Span(" 03:40"))
    after = (Span(text), Span(" 03:41"))
    assert changed_cells(before, after) == (0, cells(after))


LINES = st.lists(
    st.builds(Span, st.text("ab ◐─", max_size=6), st.sampled_from(["", "muted", "bold"])),
    max_size=5,
).map(tuple)


@given(LINES, LINES)
def test_a_line_with_the_named_cells_is_the_other_line(before: Line, after: Line) -> None:
    """Whatever the two are: painting these cells over the first makes the second."""
    old, new = ([(char, s.role) for s in line for char in s.text] for line in (before, after))
    width = max(len(old), len(new))
    blank = (" ", "none")
    old += [blank] * (width - len(old))
    new += [blank] * (width - len(new))
    x, end = changed_cells(before, after)
    assert [*old[:x], *new[x:end], *old[end:]] == new
