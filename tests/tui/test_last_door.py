"""Whatever a pane forgot to clean, no row of the deck acts on the terminal."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from rich.style import Style

from agentdeck.tui.presentation.line import Span
from agentdeck.tui.roles import Roles

ACTS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")

LETTERS = "ab é漢\n\t\r\x1b[]0;m\x07\x9b\x9c\x00\u202e\u2066\u200b\u200d👩"


@given(
    texts=st.lists(
        st.text(st.sampled_from(LETTERS), max_size=30),
        max_size=4,
    ),
    width=st.integers(1, 60),
    signs=st.booleans(),
)  # fmt: skip
def test_a_row_has_its_width_and_nothing_in_it_acts(
    texts: list[str], width: int, signs: bool
) -> None:
    """Escapes, line ends and overrides of direction vanish; the row is as wide as it should be."""
    line = tuple(Span(text) for text in texts)
    strip = Roles({}, ascii_only=signs).strip(line, width, Style.null())
    drawn = "".join(segment.text for segment in strip)
    assert not ACTS.search(drawn)
    assert strip.cell_length == width
