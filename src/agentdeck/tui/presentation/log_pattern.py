"""What is looked for in a log, and where a log's rows have it.

Rules:
- A pattern is a regular expression; one that is none is looked for as plain text, and why is said.
- Small letters find both, a capital finds capitals (smartcase).
- A text that is wrapped over several rows is found as one text. An empty match is no match.
- A pattern may need for ever on some texts. Nothing here guards against that: whoever matches does
  so where it can be called off (`tui.log_search`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from agentdeck.tui.presentation.line import text_of
from agentdeck.tui.presentation.log_rows import LogRow

PATTERN_CHARS: Final = 500  # of one pattern; longer is a paste by mistake
MARKS: Final = 100  # hits that are coloured in one line; the line counts once
_ESCAPED: Final = re.compile(r"\\.")


class Pattern(NamedTuple):
    """A compiled pattern."""

    text: str
    regex: re.Pattern[str]
    fault: str = ""  # why it is no regular expression


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """A piece of one row, in characters."""

    row: int
    start: int
    stop: int


class Match(NamedTuple):
    """A line of a passage that has what is looked for."""

    row: int  # its first one
    last: int  # its last one
    marks: tuple[Mark, ...]


def pattern_of(text: str) -> Pattern:
    """What somebody typed, as a pattern."""
    text = text[:PATTERN_CHARS]
    capital = any(char.isupper() for char in _ESCAPED.sub("", text))
    flags = re.NOFLAG if capital else re.IGNORECASE
    try:
        return Pattern(text, re.compile(text, flags))
    except (re.error, OverflowError, RecursionError) as error:
        flags = re.NOFLAG if any(char.isupper() for char in text) else re.IGNORECASE
        return Pattern(text, re.compile(re.escape(text), flags), str(error))


def matches(
    rows: Sequence[LogRow], find: Pattern | None, keep: Pattern | None = None
) -> Iterator[Match]:
    """The lines that have `find`, of those that have `keep`; None is in every line."""
    for numbers in _lines(rows):
        text, starts = _joined(rows, numbers)
        if keep is not None and not any(_spans(keep, text)):
            continue
        wanted = find or keep
        found = list(_spans(wanted, text)) if wanted is not None else []
        if find is None or found:
            marks = [mark for span in found for mark in _marks(span, numbers, starts)]
            yield Match(numbers[0], numbers[-1], tuple(marks[:MARKS]))


def _lines(rows: Sequence[LogRow]) -> Iterator[list[int]]:
    """The numbers of rows that are one text."""
    numbers: list[int] = []
    for at, row in enumerate(rows):
        if numbers and not row.joins:
            yield numbers
            numbers = []
        numbers.append(at)
    if numbers:
        yield numbers


def _joined(rows: Sequence[LogRow], numbers: Sequence[int]) -> tuple[str, list[tuple[int, int]]]:
    """One text, and for each row where it begins in it and how much of the row is left out."""
    text, starts = "", list[tuple[int, int]]()
    for number in numbers:
        row = text_of(rows[number].line)
        if starts and not rows[number].glued:
            row_text = row.lstrip()
            text += " "
        else:
            row_text = row
        starts.append((len(text), len(row) - len(row_text)))
        text += row_text
    return text, starts


def _spans(pattern: Pattern, text: str) -> Iterator[tuple[int, int]]:
    return (found.span() for found in pattern.regex.finditer(text) if found.end() > found.start())


def _marks(
    span: tuple[int, int], numbers: Sequence[int], starts: Sequence[tuple[int, int]]
) -> Iterator[Mark]:
    for at, (number, (begin, left_out)) in enumerate(zip(numbers, starts, strict=True)):
        end = starts[at + 1][0] if at + 1 < len(starts) else span[1]
        start, stop = max(span[0], begin), min(span[1], end)
        if start < stop:
            yield Mark(number, start - begin + left_out, stop - begin + left_out)
