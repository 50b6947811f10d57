"""Foreign text made into bounded plain text that cannot act on a terminal or break a journal.

Rules:
- Escape sequences, control characters, marks of direction and lone surrogates never come through.
- What is cut ends in `…`, and the cut is made before anything slow looks at the text.
"""

from __future__ import annotations

import re
from typing import Final

SLACK: Final = 4  # characters looked at for each one kept; more than that is hardly ever escapes
CUT: Final = "…"

_SEQUENCE: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"  # CSI
    r"|\x1b[\]PX^_][^\x07\x1b]{0,512}(?:\x07|\x1b\\)"  # OSC, DCS and the like
    r"|\x1b[ -/]*[0-~]"
)
_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def plain_text(text: str, limit: int) -> str:
    """`text` with its line breaks, at most `limit` characters, without white space around it."""
    whole = len(text) <= limit * SLACK
    cleaned = _cleaned(text[: limit * SLACK]).strip()
    if len(cleaned) <= limit and whole:
        return cleaned
    return cleaned[: limit - 1].rstrip() + CUT


def plain_piece(text: str, limit: int) -> str:
    """A piece of text that others go before and after: as `plain_text`, with its outer spaces."""
    cleaned = _cleaned(text[: limit * SLACK])
    if len(cleaned) <= limit and len(text) <= limit * SLACK:
        return cleaned
    return cleaned[: limit - 1] + CUT


def one_line(text: str, limit: int) -> str:
    """`text` on one line, at most `limit` characters: runs of white space become one space."""
    if len(text) <= limit and text.isprintable() and "  " not in text and text == text.strip(" "):
        return text  # as most are: this is asked several times for each line of a stream
    whole = len(text) <= limit * SLACK
    head = text if whole else text[: limit * SLACK]
    if not head.isprintable():  # else it has no white space but spaces, and nothing unsafe
        head = _UNSAFE.sub("", _SEQUENCE.sub("", " ".join(head.split())))
    cleaned = " ".join(head.split())
    if len(cleaned) <= limit and whole:
        return cleaned
    return cleaned[: limit - 1].rstrip() + CUT


def _cleaned(text: str) -> str:
    """`text` without what acts on a terminal; most has nothing of it and is looked at once."""
    if "\n" not in text and text.isprintable():
        return text
    text = text.replace("\r\n", "\n")
    if text.replace("\n", "").isprintable():
        return text
    return _UNSAFE.sub("", _SEQUENCE.sub("", text))


def decoded_line(line: bytes, limit: int) -> str:
    """One line of raw output: what a terminal would show of it, at most `limit` characters.

    A carriage return starts the line anew, so a progress bar comes out in its last state.
    """
    text = line[-limit * SLACK * 4 :] if b"\r" in line.rstrip(b"\r") else line[: limit * SLACK * 4]
    shown = text.decode("utf-8", "replace").rstrip("\r\n").rpartition("\r")[2]
    return one_line(shown, limit)
