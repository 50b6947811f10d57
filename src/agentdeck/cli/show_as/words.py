"""Figures of a plan as a person reads them."""

from __future__ import annotations

import textwrap
from typing import Final

from agentdeck.cli.output import width
from agentdeck.cli.show_as.canvas import WIDTH
from agentdeck.core.plan import ClaimKind

_LENGTHS: Final = frozenset(
    {
        ClaimKind.WORK,
        ClaimKind.ELAPSED,
        ClaimKind.CRITICAL_PATH,
        ClaimKind.LONGEST,
        ClaimKind.SAVING,
    }
)


def span(seconds: float) -> str:
    """A duration in one unit, so that columns of them compare: `30 min`, `23.5 h`, `140 d`."""
    if seconds < 0:
        return f"-{span(-seconds)}"
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    if round(seconds / 60) < 60:
        return f"{seconds / 60:.0f} min"
    hours = seconds / 3600
    return f"{round(hours, 2):,g} h" if hours < 240 else f"{round(hours / 24, 1):,.7g} d"


def share(part: float) -> str:
    """A share of one: `85 %`."""
    return f"{100 * part:.0f} %"


def usd(amount: float | None) -> str:
    """Money: `$1.60`; empty = not known."""
    if amount is None:
        return ""
    return f"${amount:,.2f}" if amount >= 0.01 or not amount else "under $0.01"


def tokens(count: int) -> str:
    """Tokens: `15,000`; empty = none are stated."""
    return f"{count:,}" if count else ""


def counted(count: int, word: str, words: str = "") -> str:
    """`1 task`, `47 tasks`."""
    return f"{count:,} {word if count == 1 else words or word + 's'}"


def listed(names: list[str], most: int) -> str:
    """The first names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def figure(kind: ClaimKind, low: float, high: float, *, like: str = "") -> str:
    """The value of a claim in the words of its kind.

    Args:
        like: as it was stated; weeks and days are told as such, to be compared.
    """
    unit = next((unit for unit in ("week", "day") if unit in like.lower()), "")
    if low != high:
        return f"{_one(kind, low, unit)} to {_one(kind, high, unit)}"
    return _one(kind, low, unit)


def fitted(text: str, cells: int, *, to_right: bool = False) -> str:
    """`text` in exactly so many columns; what is too long ends in `…`."""
    while width(text) > cells:
        text = text[:-2] + "…"
    blank = " " * (cells - width(text))
    return blank + text if to_right else text + blank


def indented(text: str, by: int = 2) -> str:
    """Lines of at most `WIDTH` columns, with a margin."""
    margin = " " * by
    return textwrap.fill(text, WIDTH - 2, initial_indent=margin, subsequent_indent=margin)


def _one(kind: ClaimKind, value: float, unit: str) -> str:
    if kind in _LENGTHS and unit:
        count = value / (604_800 if unit == "week" else 86_400)
        return f"{round(count, 1):,g} {unit}{'' if count == 1 else 's'}"
    if kind in _LENGTHS:
        return span(value)
    if kind is ClaimKind.SAVING_SHARE:
        return share(value)
    if kind is ClaimKind.COST:
        return usd(value)
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"
