"""Drawings in code blocks into cells: boxes with columns, boxes side by side, tables of bars.

Rules:
- A box starts at a line with a top corner (`┌`, `╔`, `+--`) and goes on while lines start with a
  border. What stands between two rules that go across is a band.
- A row is split at its bars, in order. Only when their number is not that of the other rows do
  positions decide, and then a bar may be off by `SLACK` columns; a wide character counts two.
- The right border may be missing, a title may stand in the top border, a box may hold boxes.
- A band with one cell above a band with more is a head. Cells below each other are one column.
- Bars of a Unicode box are Unicode bars; `|` in it is text. ASCII boxes have `|`.
- Every line is looked at a bounded number of times; lines with more than `MAX_BARS` are no rows.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import msgspec

MAX_BARS: Final = 64  # of a row; a drawing with more columns is none that anybody reads
MAX_DEPTH: Final = 3  # boxes in boxes
MAX_WIDTH: Final = 2000  # characters of a line of a drawing; longer is cut
SLACK: Final = 3  # columns that a bar may be off; people draw by hand
TAB: Final = 4  # columns of a tab, where positions matter

DRAWN: Final = frozenset(chr(code) for code in range(0x2500, 0x2580))
BARS: Final = frozenset("│┃║╎╏┆┇┊┋")
DASHES: Final = frozenset("─━═╌╍┄┅┈┉╴╶╸╺╼╾")
_JOINTS: Final = DRAWN - BARS - DASHES - frozenset("╱╲╳╵╷╹╻╽╿")
_TOP: Final = frozenset("┌┍┎┏╔╒╓╭")
_BOTTOM: Final = frozenset("└┕┖┗╚╘╙╰")
_LEFT: Final = frozenset("├┝┞┟┠┡┢┣╞╟╠")
_TOP_RIGHT: Final = frozenset("┐┑┒┓╗╕╖╮")
_ASCII_RULE: Final = frozenset("+-=| :")
_RULE: Final = _JOINTS | DASHES | BARS | frozenset(" ")

_ORDINAL: Final = re.compile(r"(?:week|day|phase|wave|sprint|batch|step)s?\s*\d", re.IGNORECASE)

Text = tuple[int, str]  # offset of the line in the code block, and what it says


class Column(msgspec.Struct, frozen=True):
    """What stands in one column, from top to bottom, in parts between rules."""

    parts: tuple[tuple[Text, ...], ...]


class Drawn(msgspec.Struct, frozen=True):
    """One head with the columns below it."""

    head: tuple[Text, ...]
    columns: tuple[Column, ...]
    first: int  # offset of its first line in the code block
    last: int
    below: tuple[Text, ...] = ()  # between this box and the next, without arrows and rules


class Cells(msgspec.Struct, frozen=True):
    """A row of a table of bars."""

    texts: tuple[str, ...]
    line: int  # offset in the code block


class Grid(msgspec.Struct, frozen=True):
    """A table of bars in a code block: a line of heads, a rule, rows."""

    heads: Cells
    rows: tuple[Cells, ...]


class _Band(msgspec.Struct):
    first: int
    rows: list[Text] = []
    cells: list[list[Text]] = []


def read_drawings(lines: Sequence[str]) -> list[Drawn]:
    """The boxes of a code block, from top to bottom. Linear in the text.

    Args:
        lines: of the code block; offsets in the answer count from 0.
    """
    texts = [(offset, _cut(line)) for offset, line in enumerate(lines)]
    return _drawings(texts, depth=0)


def read_grid(lines: Sequence[str]) -> Grid | None:
    """The table of bars that a code block holds, or None. Linear in the text.

    A row whose first cell is empty goes on with the row before it, cell by cell.
    """
    cut = [_cut(line) for line in lines]
    rule = next((at for at, line in enumerate(cut) if at and _is_grid_rule(line)), None)
    if rule is None:
        return None
    bars = BARS if any(char in BARS for char in cut[rule - 1]) else frozenset("|")
    heads = _grid_cells(cut[rule - 1], rule - 1, bars, None)
    if len(heads.texts) < 2 or len(heads.texts) > MAX_BARS:
        return None
    return Grid(heads, tuple(_grid_rows(cut, rule + 1, bars, len(heads.texts))))


def is_rule(text: str) -> bool:
    """Is this nothing but a drawn line?"""
    bare = text.replace(" ", "")
    return len(bare) >= 3 and all(
        char in DASHES or char in _JOINTS or char in "-=_" for char in bare
    )


def _cut(line: str) -> str:
    return line[:MAX_WIDTH].expandtabs(TAB).rstrip()


def _drawings(texts: Sequence[Text], depth: int) -> list[Drawn]:
    found: list[Drawn] = []
    at = 0
    while at < len(texts):
        if not _is_top(texts[at][1]):
            at += 1
            continue
        end = _end_of_box(texts, at)
        after = next((i for i in range(end, len(texts)) if _is_top(texts[i][1])), len(texts))
        below = tuple(_plain(texts[end:after]))
        found += _with_below(_box(texts[at:end], depth), below)
        at = after
    return found


def _with_below(boxes: list[Drawn], below: tuple[Text, ...]) -> list[Drawn]:
    if boxes and below:
        boxes[-1] = msgspec.structs.replace(boxes[-1], below=below)
    return boxes


def _plain(texts: Iterable[Text]) -> Iterable[Text]:
    """What the lines say beside arrows and drawn lines."""
    for offset, text in texts:
        said = "".join(" " if char in _RULE or char in "▼▲►◄▶◀↓↑→←⇒⇓|" else char for char in text)
        if said.strip():
            yield offset, " ".join(said.split())


def _is_top(text: str) -> bool:
    bare = text.lstrip()
    if not bare:
        return False
    if bare[0] in _TOP:
        return sum(char in DASHES for char in bare) >= 3
    return bare.startswith(("+-", "+=")) and bare.count("+") >= 2 and set(bare) <= _ASCII_RULE


def _end_of_box(texts: Sequence[Text], start: int) -> int:
    """Index after the last line of the box that starts at `start`."""
    ascii_box = texts[start][1].lstrip().startswith("+")
    for at in range(start + 1, len(texts)):
        first = texts[at][1].lstrip()[:1]
        if ascii_box:
            if first not in ("+", "|"):
                return at
        elif first and first in _BOTTOM:
            return at + 1
        elif not first or (first not in BARS and first not in _LEFT):
            return at
    return len(texts)


def _box(texts: Sequence[Text], depth: int) -> list[Drawn]:
    top = texts[0][1].strip()
    bars = frozenset("|") if top.startswith("+") else BARS
    spans = 1 if bars != BARS else sum(char in _TOP_RIGHT for char in top)
    if bars != BARS:
        spans = len([part for part in top.split("+  ") if part.strip()])
    bands = _bands(texts, bars)
    inner = [(at, row.lstrip()[1:]) for band in bands for at, row in band.rows]
    if depth < MAX_DEPTH and spans <= 1 and any(_is_top(row) for _, row in inner):
        return _outer(bands, bars, depth)
    for band in bands:
        band.cells = _split(band.rows, bars, apart=spans > 1)
    title = _title(top) if bars == BARS else ""
    return _sections(bands, texts, title)


def _title(top: str) -> str:
    return " ".join("".join(" " if char in _RULE else char for char in top).split())


def _outer(bands: list[_Band], bars: frozenset[str], depth: int) -> list[Drawn]:
    """A box around boxes: what stands above the first inner one is the head of those without."""
    inner: list[Text] = []
    for band in bands:
        inner += [(at, _peeled(row, bars)) for at, row in band.rows]
    first = next(i for i, (_, row) in enumerate(inner) if _is_top(row))
    head = tuple((at, row.strip()) for at, row in inner[:first] if row.strip())
    found = _drawings(inner[first:], depth + 1)
    return [box if box.head else msgspec.structs.replace(box, head=head) for box in found]


def _peeled(row: str, bars: frozenset[str]) -> str:
    bare = row.strip()[1:]
    return bare[:-1] if bare[-1:] in bars else bare


def _bands(texts: Sequence[Text], bars: frozenset[str]) -> list[_Band]:
    bands = [_Band(texts[0][0])]
    for offset, text in texts[1:]:
        bare = text.strip()
        if bare[:1] not in bars and _is_across(bare):
            bands.append(_Band(offset))
        elif bare[:1] in bars:
            bands[-1].rows.append((offset, text))
    return [band for band in bands if band.rows]


def _is_across(bare: str) -> bool:
    allowed = _ASCII_RULE if bare.startswith("+") else _RULE
    return all(char in allowed for char in bare)


def _split(rows: list[Text], bars: frozenset[str], *, apart: bool) -> list[list[Text]]:
    """The cells of a band: for each column its lines."""
    marks = [_marks(row, bars) for _, row in rows]
    usual = Counter(len(mark) for mark in marks if 1 < len(mark) <= MAX_BARS).most_common()
    if not usual:
        return [[(at, _peeled(row, bars).strip()) for at, row in rows]]
    best = max(count for _, count in usual)
    wanted = max(number for number, count in usual if count == best)
    places = next(mark for mark in marks if len(mark) == wanted)
    columns: list[list[Text]] = [[] for _ in range(wanted - 1)]
    for (offset, row), mark in zip(rows, marks, strict=True):
        cuts = mark if len(mark) == wanted else _nearest(mark, places)
        for column, text in zip(columns, _between(row, cuts), strict=True):
            column.append((offset, text))
    if apart:
        columns = columns[::2]
    return columns


def _marks(row: str, bars: frozenset[str]) -> list[tuple[int, int]]:
    """Index and screen column of each bar, and of the end of the row when it has no last bar."""
    found: list[tuple[int, int]] = []
    column = 0
    for index, char in enumerate(row):
        if char in bars:
            found.append((index, column))
        column += _width(char)
    if found and found[-1][0] != len(row) - 1:
        found.append((len(row), column))
    return found


def _width(char: str) -> int:
    if char < "\u0300":
        return 1
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _nearest(marks: list[tuple[int, int]], places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """For each place the bar that is meant; where there is none, a cut at the place itself."""
    if not marks:
        return [(0, 0) for _ in places]
    start, end = marks[0], marks[-1]
    chosen = [start]
    at = 1
    for place in places[1:-1]:
        while at < len(marks) - 1 and marks[at][1] < place[1] - SLACK:
            at += 1
        if at < len(marks) - 1 and abs(marks[at][1] - place[1]) <= SLACK:
            chosen.append(marks[at])
            at += 1
        else:
            shift = place[1] - places[0][1] + start[0]
            index = min(max(shift, chosen[-1][0]), end[0])
            chosen.append((index - 1, place[1]) if index > chosen[-1][0] else chosen[-1])
    return [*chosen, end]


def _between(row: str, cuts: list[tuple[int, int]]) -> list[str]:
    return [row[a + 1 : b].strip() for (a, _), (b, _) in pairwise(cuts)]


def _sections(bands: list[_Band], texts: Sequence[Text], title: str) -> list[Drawn]:
    """Bands into heads and columns."""
    first, last = texts[0][0], texts[-1][0]
    head: list[Text] = [(first, title)] if title else []
    body: list[_Band] = []
    found: list[Drawn] = []
    several = any(len(band.cells) > 1 for band in bands)
    for index, band in enumerate(bands):
        if _is_head(band, several=several, alone=len(bands) == 1, first=index == 0 and not title):
            if body:
                found.append(_drawn(head, body, first, band.first - 1))
                head, body, first = [], [], band.first
            head += [text for text in band.cells[0] if text[1]]
        elif body and len(body[0].cells) != len(band.cells):
            found.append(_drawn(head, body, first, band.first - 1))
            body, first = [band], band.first
        else:
            body.append(band)
    if body or head:
        found.append(_drawn(head, body, first, last))
    return found


def _is_head(band: _Band, *, several: bool, alone: bool, first: bool) -> bool:
    if len(band.cells) != 1 or alone:
        return False
    texts = [text for _, text in band.cells[0] if text]
    return several or first or (len(texts) == 1 and _ORDINAL.match(texts[0]) is not None)


def _drawn(head: list[Text], body: list[_Band], first: int, last: int) -> Drawn:
    width = len(body[0].cells) if body else 0
    columns = tuple(
        Column(tuple(tuple(band.cells[index]) for band in body)) for index in range(width)
    )
    return Drawn(tuple(head), columns, first, last)


def _is_grid_rule(line: str) -> bool:
    bare = line.strip()
    crossing = sum(char in _JOINTS or char in "+|" for char in bare)
    dashes = sum(char in DASHES or char in "-=" for char in bare)
    rest = (
        len(bare)
        - crossing
        - dashes
        - bare.count(" ")
        - bare.count(":")
        - sum(c in BARS for c in bare)
    )
    return crossing >= 1 and dashes >= 3 and rest == 0 and bare[:1] not in _TOP


def _grid_cells(line: str, offset: int, bars: frozenset[str], width: int | None) -> Cells:
    marked = "".join("\0" if char in bars else char for char in line)
    bare = marked.strip()
    if width is None or bare.count("\0") > width - 1:
        bare = bare.removeprefix("\0").removesuffix("\0")
        marked = bare
    texts = [text.strip() for text in marked.split("\0", (width or MAX_BARS + 1) - 1)]
    texts += [""] * ((width or 0) - len(texts))
    return Cells(tuple(text.replace("\0", "|") for text in texts), offset)


def _grid_rows(
    lines: Sequence[str], start: int, bars: frozenset[str], width: int
) -> Iterable[Cells]:
    held: Cells | None = None
    for offset in range(start, len(lines)):
        line = lines[offset]
        if _is_grid_rule(line) or not any(char in bars for char in line):
            continue
        cells = _grid_cells(line, offset, bars, width)
        if held is not None and not cells.texts[0]:
            both = zip(held.texts, cells.texts, strict=True)
            held = Cells(tuple(" ".join(f"{a} {b}".split()) for a, b in both), held.line)
            continue
        if held is not None:
            yield held
        held = cells
    if held is not None:
        yield held
