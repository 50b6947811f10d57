"""A line as words with their places; what stands in double quotes is one word, and only a word.

Rules: nothing is an error. A quote that is never closed is a letter like others. O(characters).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MAX_LINE: Final = 4_000  # characters of one task; what needs more is a prompt in a plan file
ENDS: Final = ",;"  # what may stand behind a word that means something
_WORD: Final = re.compile(r'"(?P<quoted>[^"]*)"(?=[\s,;.]|\Z)[,;.]?|\S+')


class Word(NamedTuple):
    """One word."""

    text: str  # without its quotes
    start: int  # characters from the start of the line
    end: int
    quoted: bool = False  # it means nothing but itself

    @property
    def bare(self) -> str:
        """Without the comma behind it."""
        return self.text.rstrip(ENDS)

    @property
    def goes_on(self) -> bool:
        """Does a comma behind it say that the list goes on?"""
        return self.text.endswith(",")


def words_of(line: str) -> list[Word]:
    """The words of a line, in order."""
    found = []
    for match in _WORD.finditer(line):
        quoted = match["quoted"]
        text = match[0] if quoted is None else quoted
        found.append(Word(text, match.start(), match.end(), quoted is not None))
    return found
