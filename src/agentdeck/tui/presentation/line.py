"""A line of the screen as pieces of text with roles: what presentation makes and widgets draw.

Rules:
- A role says what a piece is (`state-failed`, `muted`, `bold`), never a colour: themes decide that.
- Widths are terminal cells. Text is cut with `…` at its end; ids are never handed to `cut`.
- Text from plans, agents and gates goes through `plain` first: one line, nothing that can act.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

from rich.cells import cell_len, chop_cells, set_cell_size

from agentdeck.control.sanitize import clean

# Joiners and selectors whose width terminals disagree about: without them borders stay whole.
_UNSURE: Final = dict.fromkeys((0x200C, 0x200D, 0x20E3, *range(0xFE00, 0xFE10)))
PLAIN_CHARS: Final = 4_000  # of one text shown on one line; far wider than any screen


class Span(NamedTuple):
    """A piece of text and what it is; roles are parted by spaces (`state-asks bold`)."""

    text: str
    role: str = ""


Line: TypeAlias = tuple[Span, ...]
EMPTY: Final[Line] = ()


@lru_cache(maxsize=8_192)
def plain(text: str) -> str:
    """`text` as one harmless line."""
    one_line = " ".join(text[:PLAIN_CHARS].split("\n"))
    return clean(one_line.encode("utf-8", "replace")).translate(_UNSURE).strip()


def cells(line: Iterable[Span]) -> int:
    """The width of a line."""
    return sum(cell_len(span.text) for span in line)


def cut(text: str, width: int) -> str:
    """`text` in at most `width` cells; `…` says that something is missing."""
    if cell_len(text) <= width:
        return text
    return "" if width <= 0 else set_cell_size(text, width - 1).rstrip() + "…"


def fit(text: str, width: int, align: Literal["left", "right"] = "left") -> str:
    """`text` in exactly `width` cells."""
    short = cut(text, width)
    space = " " * (width - cell_len(short))
    return space + short if align == "right" else short + space


def cut_line(line: Line, width: int) -> Line:
    """A line in at most `width` cells."""
    if cells(line) <= width:
        return line
    found: list[Span] = []
    room = width
    for span in line:
        size = cell_len(span.text)
        if size >= room:
            # what follows is lost, so the sign stands even where this piece would just fit
            found.append(Span(cut(span.text + "  ", room), span.role))
            break
        found.append(span)
        room -= size
    return tuple(found)


def spread(left: Line, right: Line, width: int, *, gap: int = 1) -> Line:
    """`left` at the start and `right` at the end of `width` cells; `left` gives way."""
    size = cells(right)
    if not size:
        return cut_line(left, width)
    room = width - size - gap
    if room < 0:
        return cut_line(right, width)
    shown = cut_line(left, room)
    return (*shown, Span(" " * (width - size - cells(shown))), *right)


def joined(parts: Iterable[Line], between: Span) -> Line:
    """Lines after each other, with `between` where both sides have text; empty ones vanish."""
    found: list[Span] = []
    for part in parts:
        if not part:
            continue
        if found:
            found.append(between)
        found.extend(part)
    return tuple(found)


def wrapped(text: str, width: int, role: str = "", *, indent: str = "") -> Iterator[Line]:
    """A text of several lines, wrapped at words to `width` cells; long words are broken."""
    room = max(8, width - cell_len(indent))
    for paragraph in text.split("\n"):
        if len(paragraph) <= room and paragraph.isascii() and paragraph.isprintable():
            # Nearly every line of a log: nothing to clean or to break, and a cell a character.
            words = paragraph.strip(" ")
            blanks = len(paragraph) - len(paragraph.lstrip(" "))
            if words and "  " not in words and blanks <= room // 2:
                yield (Span(indent + " " * blanks + words, role),)
                continue
        kept = clean(paragraph[:PLAIN_CHARS].encode("utf-8", "replace")).translate(_UNSURE)
        lead = kept[: len(kept) - len(kept.lstrip())][: room // 2]
        shown = lead
        for word in kept.split():
            for part in chop_cells(word, room - cell_len(lead)):
                space = "" if shown == lead else " "
                if shown != lead and cell_len(shown + space + part) > room:
                    yield (Span(indent + shown, role),)
                    shown, space = lead, ""
                shown += space + part
        yield (Span(indent + shown.rstrip(), role),)


def text_of(line: Line) -> str:
    """The characters of a line."""
    return "".join(span.text for span in line)
