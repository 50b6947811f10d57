"""Rows of CSV that no spreadsheet takes for anything but text and numbers.

Rules: RFC 4180, lines ending in a line feed. Texts are foreign: one that a spreadsheet would take
for a formula gets an apostrophe in front, which it shows as text. Numbers and what is not there
(None) are ours and stand as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from agentdeck.plans.reporting import plain

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "|", "%", "＝", "＋", "－", "＠")
_QUOTED: Final = frozenset(',"\n\r;')

Cell = str | int | float | None


def csv_line(cells: Iterable[Cell]) -> str:
    """One row, with its line feed."""
    return ",".join(_cell(cell) for cell in cells) + "\n"


def _cell(cell: Cell) -> str:
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return f"{cell:.15g}"
    text = plain.one_line(cell)
    if text.startswith(_FORMULA):
        text = f"'{text}"
    if text != text.strip() or not _QUOTED.isdisjoint(text):
        return '"' + text.replace('"', '""') + '"'
    return text


__all__ = ["Cell", "csv_line"]
