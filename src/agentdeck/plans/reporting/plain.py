"""Foreign text without anything that acts: titles, prompts and logs on their way into a page.

Rules: what comes out holds no control character, no escape sequence, no mark of direction and no
lone surrogate, so it can be written as UTF-8 and shown anywhere. It is not yet escaped for markup.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_SEQUENCE: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]"  # CSI
    r"|\x1b[\]PX^_][^\x07\x1b]{0,512}(?:\x07|\x1b\\)"  # OSC, DCS and the like
    r"|\x1b[ -/]*[0-~]"
)
_DROPPED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # controls, formats, line separators
_JOINER: Final = "\u200d"  # emoji and some scripts are spelt with it, and it moves nothing


def one_line(text: str) -> str:
    """`text` on one line; runs of white space become one space."""
    return " ".join(_clean(" ".join(text.split())).split())


def lines(text: str) -> str:
    """`text` with its line breaks and its indentation, without trailing white space."""
    found = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4).split("\n")
    return "\n".join(_clean(line).rstrip() for line in found).strip("\n")


def _clean(line: str) -> str:
    if line.isascii() and line.isprintable():
        return line
    return "".join(
        char
        for char in _SEQUENCE.sub("", line)
        if char == _JOINER or unicodedata.category(char) not in _DROPPED
    )
