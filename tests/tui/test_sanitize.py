"""What an agent prints can colour a line and do nothing else to a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.control.sanitize import DISPLAY_CHARS, PLAIN, Sgr, clean, spans

BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
PIECES = [b"\x1b[", b"\x1b]", b"\x1bP", b"\x9b", b"\xc2\x9b", b"\x07", b"\x1b\\", b"31m", b"\t",
          b"\r", b"\xe2\x80\xae", b"ok", b"\x1b[38;2;", b"0;", b"m", b"\x00", b"\x7f"]  # fmt: skip


@given(st.one_of(st.binary(), st.lists(st.sampled_from(PIECES)).map(b"".join)))
def test_no_output_holds_a_control_character(line: bytes) -> None:
    """For any bytes at all, and for sequences that were cut or nested."""
    text = clean(line)
    assert not [char for char in text if unicodedata.category(char) in {"Cc", "Zl", "Zp"}]
    assert not BIDI & set(text)
    assert len(text) <= DISPLAY_CHARS + 1


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (b"plain", "plain"),
        (b"\x1b[2J\x1b[Hgone", "gone"),
        (b"\x1b]0;title\x07kept", "kept"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1bPq#0\x1b\\after", "after"),
        (b"\x1b]0;never closed, not hidden", "]0;never closed, not hidden"),
        (b"10%\r50%\r100%\r", "100%"),
        (b"windows\r\n", "windows"),
        (b"a\tb", "a       b"),
        ("grün 日本".encode(), "grün 日本"),
        (b"bad \xff byte", "bad \ufffd byte"),
        ("rm \u202egpj.exe".encode(), "rm gpj.exe"),
        (b"\x1b(Bcharset", "charset"),
        (b"\xc2\x9b31mC1", "C1"),
    ],
)
def test_sequences_vanish_and_text_stays(line: bytes, text: str) -> None:
    assert clean(line) == text


@pytest.mark.parametrize(
    ("sequence", "look"),
    [
        (b"\x1b[31m", Sgr(fg="red")),
        (b"\x1b[1;92m", Sgr(fg="bright_green", bold=True)),
        (b"\x1b[38;5;208m", Sgr(fg="color(208)")),
        (b"\x1b[48;2;1;2;300m", Sgr(bg="#0102ff")),
        (b"\x1b[38:2::16:32:48m", Sgr(fg="#102030")),
        (b"\x1b[1;2;3;4m\x1b[22m", Sgr(italic=True, underline=True)),
        (b"\x1b[31m\x1b[m", PLAIN),
        (b"\x1b[31;41m", Sgr(fg="red")),
        (b"\x1b[?31m", PLAIN),
        (b"\x1b[38;5m", Sgr(fg="color(0)")),
    ],
)
def test_colours_and_attributes_are_understood(sequence: bytes, look: Sgr) -> None:
    """Text of the colour of its ground would be hidden, so the ground is dropped."""
    assert spans(sequence + b"x") == [("x", look)]


def test_tabs_stop_at_columns_of_the_line_not_of_the_span() -> None:
    assert clean(b"\x1b[31mab\x1b[0m\tc") == "ab      c"


def test_a_huge_line_is_cut_and_says_so() -> None:
    text = clean(b"x" * 3_000_000)
    assert text == "x" * DISPLAY_CHARS + "…"


@pytest.mark.parametrize(
    "piece", [b"\x1b]", b"\xc2\x9d", b"\x1b[", b"\r", b"\x1b[31m", b"a\r\x1b[m", b"\r\x1b[m"]
)
def test_hostile_lines_are_cleaned_to_their_end(piece: bytes) -> None:
    """Work that grows with the square of a line of megabytes would never end."""
    clean(piece * 1_000_000)
