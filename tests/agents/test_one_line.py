"""Foreign text made harmless: nothing acts on a terminal, whichever way the text is looked at."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.agents.one_line import _UNSAFE, one_line, plain_piece, plain_text

risky = st.text(
    st.sampled_from("ab \n\r\t\x1b[]0;m\x07\x9b\u202e\u00a0\u2028\ud83d…é"), max_size=40
)


def test_no_printable_character_is_unsafe() -> None:
    """Printable text is taken as it is, without being searched."""
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        if char.isprintable():
            assert _UNSAFE.match(char) is None
            assert char == " " or not char.isspace()


@given(text=risky, limit=st.integers(1, 30))
def test_whatever_comes_in_nothing_that_acts_comes_out(text: str, limit: int) -> None:
    for made in (one_line(text, limit), plain_text(text, limit), plain_piece(text, limit)):
        assert _UNSAFE.search(made) is None
        assert len(made) <= limit
    assert "\n" not in one_line(text, limit)


@pytest.mark.parametrize(
    ("text", "line", "piece"),
    [
        ("  two  words ", "two words", "  two  words "),
        ("a\nb\r\n", "a b", "a\nb\n"),
        ("\x1b[31mred\x1b[0m\n", "red", "red\n"),
        ("naïve\u00a0text", "naïve text", "naïve\u00a0text"),
        ("a\u202eb", "ab", "ab"),
    ],
)
def test_text_on_a_line_and_a_piece_of_text(text: str, line: str, piece: str) -> None:
    assert one_line(text, 40) == line
    assert plain_piece(text, 40) == piece
    assert plain_text(text, 40) == piece.strip()


@given(st.text(st.sampled_from(" a\u00a0\u3000\t\x1b\u200bé…"), max_size=12), st.integers(4, 12))
def test_a_line_that_needs_no_cleaning_is_what_cleaning_makes_of_it(text: str, limit: int) -> None:
    """With a line break at its end it is looked at more closely, and nothing else comes out."""
    assert one_line(text, limit) == one_line(text + "\n", limit)
