"""Two runs side by side on a page of the deck: sums first, then tasks by how much they differ.

Rules: pure. States are the deck's own signs; better is the colour of what landed, worse of what
failed, and the sign of the change says it too. Columns that do not fit give way from the right,
but never the id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final

from agentdeck.plans.reporting.compare import Comparison, Figure, Row, Side, Trend, trend_of
from agentdeck.plans.reporting.compare_words import (
    change,
    figure,
    head_words,
    remarks,
    sections,
)
from agentdeck.tui.presentation.figures import UNKNOWN, count, duration, money
from agentdeck.tui.presentation.line import (
    EMPTY,
    Line,
    Span,
    cells,
    cut,
    cut_line,
    plain,
    wrapped,
)
from agentdeck.tui.presentation.status import SIGNS, Status

ROLES: Final = {
    Trend.SAME: "muted",
    Trend.OTHER: "accent",
    Trend.BETTER: "state-landed",
    Trend.WORSE: "state-failed",
}
LEAST_CELLS: Final = 16  # of a result, below which it is left out
STATE_CELLS: Final = 7  # two signs with an arrow between them, and a gap
GAP_CELLS: Final = 4  # between two columns of sums
ALWAYS: Final = frozenset({"landed", "failed", "makespan", "cost"})  # shown where room is short
MAX_ID: Final = 40  # cells; an id that is longer pushes its own row

Say = Callable[[Side], str]
_COLUMNS: Final[tuple[tuple[str, str, Say], ...]] = (
    ("attempts", "tries", lambda side: str(side.attempts)),
    ("seconds", "worked", lambda side: duration(side.seconds) if side.seconds else UNKNOWN),
    ("usd", "cost", lambda side: UNKNOWN if side.usd is None else money(side.usd)),
    ("tokens", "tokens", lambda side: count(side.tokens)),
    ("gates_red", "red", lambda side: str(side.gates_red)),
)


def compare_lines(found: Comparison, width: int) -> list[Line]:
    """The whole page."""
    lines: list[Line] = []
    for name, head in (("A", found.first), ("B", found.second)):
        words = f"{plain(head.run)}: {plain(head_words(head))}"
        lines.append(cut_line((Span(f"{name}  ", "accent bold"), Span(words)), width))
    lines += [EMPTY, *_totals(found.totals, width)]
    parts = list(sections(found, everything=False))
    drawn = _rows([row for _, rows in parts for row in rows], width)
    for number, (title, rows) in enumerate(parts):
        lines += [EMPTY, (Span(plain(title), "accent bold"),)]
        lines += islice(drawn, len(rows) + (number == 0))  # the heads stand above the first part
    for sentence in remarks(found, everything=False):
        lines += [EMPTY, *wrapped(plain(sentence), width, "muted")]
    return lines


def _totals(totals: Sequence[Figure], width: int) -> Iterator[Line]:
    """Sums, in two columns where there is room; else those that matter or differ."""
    rows = _aligned_totals(totals)
    size = max(map(cells, rows)) + GAP_CELLS
    if 2 * size - GAP_CELLS > width:
        rows = _aligned_totals([one for one in totals if one.name in ALWAYS or change(one)])
        yield from (cut_line(row, width) for row in rows)
        return
    half = (len(rows) + 1) // 2
    for number in range(half):
        left = rows[number]
        right = rows[half + number] if half + number < len(rows) else EMPTY
        yield (*left, Span(" " * (size - cells(left))), *right)


def _aligned_totals(totals: Sequence[Figure]) -> list[Line]:
    names = max(len(one.name) for one in totals)
    before = [figure(one.first, one.unit) for one in totals]
    after = [figure(one.second, one.unit) for one in totals]
    left, right = max(map(len, before)), max(map(len, after))
    return [
        (
            Span(one.name.ljust(names + 2), "muted"),
            Span(first.rjust(left)),
            Span(" → ", "faint"),
            Span(second.ljust(right + 2)),
            Span(change(one), ROLES[one.trend]),
        )
        for one, first, second in zip(totals, before, after, strict=True)
    ]


def _rows(rows: Sequence[Row], width: int) -> Iterator[Line]:
    """The heads, and each task; all cells of a column are equally wide."""
    if not rows:
        return
    ids = min(MAX_ID, max(4, *(len(row.task) + 2 * row.brief_changed for row in rows)))
    room = width - ids - 2 - STATE_CELLS
    shown: list[tuple[str, str, list[str], int]] = []
    for field, head, say in _COLUMNS:
        aligned = _aligned([_pair(row, say) for row in rows])
        size = max(len(head), *map(len, aligned)) + 2
        if size <= room:
            shown.append((field, head, aligned, size))
            room -= size
    heads = "".join(head.ljust(size) for _, head, _, size in shown)
    tail = "result" if room >= LEAST_CELLS else ""
    yield (Span("task".ljust(ids + 2) + "state".ljust(STATE_CELLS) + heads + tail, "faint"),)
    for number, row in enumerate(rows):
        name = f"{row.task} ≠" if row.brief_changed else row.task
        line = [Span(name.ljust(ids + 2), "bold"), *_signs(row)]
        for field, _, aligned, size in shown:
            line.append(Span(aligned[number].ljust(size), ROLES[trend_of(row, field)]))
        if tail:
            line.append(Span(cut(_result(row), room), "muted"))
        yield cut_line(tuple(line), width)


def _pair(row: Row, say: Say) -> tuple[str, str]:
    one, other = (say(side) if side is not None else "" for side in (row.first, row.second))
    return ("", one or other) if one == other or not (one and other) else (one, other)


def _aligned(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Before and after, with the arrows below each other; what is the same stands after them."""
    left = max((len(one) for one, _ in pairs), default=0)
    return [
        (f"{one.rjust(left)} → {other}" if one else f"{'':{left + 3 if left else 0}}{other}")
        for one, other in pairs
    ]


def _signs(row: Row) -> Iterator[Span]:
    """How it stands in both, in `STATE_CELLS`."""
    one, other = (side.state if side is not None else "" for side in (row.first, row.second))
    if one == other or not (one and other):
        yield from (Span("    "), _sign(one or other), Span("  "))
    else:
        yield from (_sign(one), Span(" → ", "faint"), _sign(other), Span("  "))


def _sign(state: str) -> Span:
    sign = SIGNS[Status(state)]
    return Span(sign.glyph, sign.role)


def _result(row: Row) -> str:
    sides = [plain(side.result) for side in (row.first, row.second) if side is not None]
    return " → ".join(dict.fromkeys(side for side in sides if side))


def waiting_lines(first: str, second: str, width: int) -> list[Line]:
    """While both journals are read."""
    return list(wrapped(f"The journals of {first} and {second} are being read …", width, "muted"))
