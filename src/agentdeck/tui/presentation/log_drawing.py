"""Rows of a log as styled text: what the view shows of a passage, folds and filters included.

Rules: the rows are those of `log_rows`, numbered alike, so that what was found in them by their
numbers can be coloured. Rows that are unfolded have numbers of their own behind these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from rich.style import Style
from rich.text import Text

from agentdeck.control.logtail import LogLine
from agentdeck.tui.presentation.line import Line
from agentdeck.tui.presentation.log_rows import OPEN_FROM, LogLook, LogRow, log_rows
from agentdeck.tui.presentation.log_source import Place
from agentdeck.tui.presentation.log_unfold import call_rows, pretty_rows
from agentdeck.tui.presentation.rendered_source import DrawnRow
from agentdeck.tui.presentation.status import ascii_signs
from agentdeck.tui.roles import Roles

LEAD_CELLS: Final = 1  # left of a row
ROWS_BELOW: Final = 1_000  # numbers for what is unfolded below one row


def as_text(line: Line, roles: Roles) -> Text:
    """A line for a log view."""
    text = Text(" " * LEAD_CELLS)
    for span in line:
        shown = ascii_signs(span.text) if roles.ascii_only else span.text
        text.append(shown, roles.style(span.role))
    return text


class LogDrawing:
    """Draws passages for one look at one log."""

    def __init__(
        self,
        look: LogLook,
        roles: Roles,
        *,
        opened: Callable[[Place], bool] = lambda _: False,
        later: Callable[[int], Iterable[bytes]] = lambda _: (),
        kept: Callable[[int], Iterable[range]] | None = None,
    ) -> None:
        """A drawing.

        Args:
            look: how the log is looked at.
            roles: of the theme.
            opened: is this row unfolded?
            later: the lines of the log from an offset on.
            kept: which rows of the passage at an offset are shown; None = all.
        """
        self.look, self._roles = look, roles
        self._opened, self._later, self._kept = opened, later, kept

    def __call__(self, passage: Sequence[LogLine]) -> list[DrawnRow]:
        """The rows of a passage."""
        data = [part for line in passage for part in line.data.split(b"\n")]
        offset, end = passage[0].offset, passage[-1].end
        rows = log_rows(self.look, data)
        shown = None
        if self._kept is not None:
            shown = {number for some in self._kept(offset) for number in some}
        found: list[DrawnRow] = []
        tools = -1  # of rows that fold, the one at hand
        for number, row in enumerate(rows):
            first = not row.joins
            tools += row.folds and first
            if shown is None or number in shown:
                opened = row.folds and first and self._opened(Place(offset, number))
                found.append(DrawnRow(self._text(row, opened=opened), number, row.folds, first))
                last = number + 1 == len(rows) or not rows[number + 1].joins
                if last and row.folds and self._opened(Place(offset, _first(rows, number))):
                    found += self._below(data, end, number, tools)
        return found

    def _below(self, data: Sequence[bytes], end: int, number: int, which: int) -> list[DrawnRow]:
        """What is unfolded; the row above it is the last of its line."""
        if self.look.raw:
            rows = pretty_rows(self.look, data[0])
        else:
            rows = call_rows(self.look, data, which, self._later(end))
        base = OPEN_FROM + number * ROWS_BELOW
        return [DrawnRow(as_text(row.line, self._roles), base + at) for at, row in enumerate(rows)]

    def _text(self, row: LogRow, *, opened: bool) -> Text:
        if row.kind == "raw":
            text = Text(" " * LEAD_CELLS)
            for span in row.line:
                text.append(span.text, Style.parse(span.role) if span.role else None)
            return text
        line = row.line
        if opened:
            line = tuple(span._replace(text=span.text.replace("▸", "▾", 1)) for span in line)
        return as_text(line, self._roles)


def _first(rows: Sequence[LogRow], number: int) -> int:
    """The first row of the line that a row is of."""
    while number and rows[number].joins:
        number -= 1
    return number
