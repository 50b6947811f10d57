"""A comparison in words and figures, the same on every face; and as a table of Markdown.

Rules: a figure that is the same on both sides stands once, else as `first → second`, aligned at the
arrow in its column. What is not known is `–`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from agentdeck.plans.reporting.compare import (
    Comparison,
    Figure,
    Head,
    Row,
    Side,
    Trend,
    Unit,
    trend_of,
)
from agentdeck.plans.reporting.markdown import code, table, text
from agentdeck.plans.reporting.wording import UNKNOWN, duration, money, span

ARROW: Final = " → "
RESULT_CHARS: Final = 40  # of each side; the report has the rest
HEADS: Final = ("TASK", "STATE", "TRIES", "WORKED", "TOKENS", "COST", "RED GATES", "RESULT")


class Cell(NamedTuple):
    """What stands in a column, and how the second run does there."""

    text: str
    trend: Trend = Trend.SAME


Say = Callable[[Side], str]
_COLUMNS: Final[tuple[tuple[str, Say], ...]] = (
    ("state", lambda side: side.state),
    ("attempts", lambda side: str(side.attempts)),
    ("seconds", lambda side: duration(side.seconds)),
    ("tokens", lambda side: f"{side.tokens:,}"),
    ("usd", lambda side: money(side.usd)),
    ("gates_red", lambda side: str(side.gates_red)),
    ("result", lambda side: _short(side.result)),
)


def figure(value: float | None, unit: Unit) -> str:
    """A figure as it is read."""
    if value is None:
        return UNKNOWN
    match unit:
        case Unit.SECONDS:
            return duration(value)
        case Unit.USD:
            return money(value)
        case _:
            return f"{value:,.0f}"


def change(one: Figure) -> str:
    """By how much a sum changed: `+3 min (+25%)`; empty where it did not."""
    if one.first is None or one.second is None or one.first == one.second:
        return ""
    by = one.second - one.first
    sign = "+" if by > 0 else "−"
    share = f" ({sign}{abs(by) / one.first:.0%})" if one.first else ""
    return f"{sign}{figure(abs(by), one.unit)}{share}"


def head_words(head: Head) -> str:
    """Plan, how it stands, and when it was."""
    how = head.outcome or "goes on"
    return f"{head.plan}, {how}, {span(head.started_at, head.until)} UTC"


def cells_of(rows: Sequence[Row]) -> list[tuple[Cell, ...]]:
    """Each task as cells under `HEADS`; those of a column are aligned at their arrows."""
    found: list[list[Cell]] = [[Cell(_named(row))] for row in rows]
    for field, say in _COLUMNS:
        pairs = [(_said(row.first, say), _said(row.second, say)) for row in rows]
        left = max((len(a) for a, b in pairs if a and b and a != b), default=0)
        for cells, row, (one, other) in zip(found, rows, pairs, strict=True):
            both = bool(one) and bool(other) and one != other
            words = f"{one.rjust(left)}{ARROW}{other}" if both else one or other
            cells.append(Cell(words, trend_of(row, field)))
    return [tuple(cells) for cells in found]


def _short(words: str) -> str:
    return words if len(words) <= RESULT_CHARS else words[: RESULT_CHARS - 1].rstrip() + "…"


def _named(row: Row) -> str:
    return f"{row.task} ≠" if row.brief_changed else row.task


def _said(side: Side | None, say: Say) -> str:
    return "" if side is None else say(side)


def different(rows: Sequence[Row]) -> list[Row]:
    """Those that differ in anything, or were asked something else."""
    return [row for row in rows if row.differs or row.brief_changed]


def as_markdown(found: Comparison, *, everything: bool = False) -> str:
    """The comparison for a pull request or a mail. Ends in a newline."""
    return "\n".join(_markdown(found, everything=everything)) + "\n"


def _markdown(found: Comparison, *, everything: bool) -> Iterator[str]:
    yield f"# {text(found.first.run)} and {text(found.second.run)}"
    yield ""
    yield f"- A: {code(found.first.run)} {text(head_words(found.first))}"
    yield f"- B: {code(found.second.run)} {text(head_words(found.second))}"
    yield ""
    yield from table(
        ("", "A", "B", "change"),
        (
            (f.name, figure(f.first, f.unit), figure(f.second, f.unit), change(f))
            for f in found.totals
        ),
    )
    for title, rows in sections(found, everything=everything):
        yield ""
        yield f"## {text(title)}"
        yield ""
        heads = [head.capitalize() for head in HEADS]
        yield from table(heads, ([text(cell.text) for cell in row] for row in cells_of(rows)))
    for sentence in remarks(found, everything=everything):
        yield ""
        yield text(sentence)


def sections(found: Comparison, *, everything: bool) -> Iterator[tuple[str, list[Row]]]:
    """The parts that have rows, each with its title."""
    both = found.tasks if everything else different(found.tasks)
    for title, rows in (
        ("Tasks of both", both),
        (f"Only in {found.first.run}", found.only_first),
        (f"Only in {found.second.run}", found.only_second),
    ):
        if rows:
            yield title, list(rows)


def remarks(found: Comparison, *, everything: bool) -> list[str]:
    """What else there is to know."""
    shown = found.tasks if everything else different(found.tasks)
    same = len(found.tasks) - len(shown)
    many = "task is" if same == 1 else "tasks are"
    lines = [f"{same} {many} the same in both."] if same else []
    if any(row.brief_changed for row in found.tasks):
        lines.append("≠ was asked something else in the second run.")
    if not found.tasks:
        lines.append("No task is in both: these are runs of different plans.")
    return lines
