"""`compare`: two runs side by side, task by task.

Rules: both are read from their journals; nothing is started. Better and worse have a colour, and
the figures say it too.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from agentdeck.cli.output import GAP, in_terminal, note, paint, safe, say, say_json, width
from agentdeck.cli.place import JsonOption, chosen_run
from agentdeck.core.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from agentdeck.plans.reporting.compare import Comparison
    from agentdeck.plans.reporting.compare_words import Cell

_COLOURS: Final = {"better": "green", "worse": "red", "other": "yellow"}


class CompareAs(StrEnum):
    """The forms of a comparison."""

    TABLE = "table"
    MARKDOWN = "markdown"
    CSV = "csv"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(rich_help_panel="Look")(compare)


def compare(
    context: typer.Context,
    first: Annotated[
        str,
        typer.Argument(metavar="RUN_A", help="A run's id, or how that begins."),
    ],
    second: Annotated[
        str,
        typer.Argument(metavar="RUN_B", help="The run beside it, likewise."),
    ],
    form: Annotated[
        CompareAs | None,
        typer.Option("--as", help="Without it: a table for people.", show_default=False),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also the tasks that are the same in both.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """What a second run did beside a first: each task's end, tries, time, tokens and cost."""
    from agentdeck.control.comparing import compare_runs

    if as_json and form is not None:
        raise UsageError("--json and --as exclude each other", hint="choose one")
    found = compare_runs(chosen_run(context, first), chosen_run(context, second))
    if as_json:
        say_json(found)
    elif form is CompareAs.MARKDOWN:
        from agentdeck.plans.reporting.compare_words import as_markdown

        for line in as_markdown(found, everything=everything).splitlines():
            say(safe(line) if in_terminal() else line)
    elif form is CompareAs.CSV:
        _print_csv(found)
    else:
        _print(found, everything=everything)
    return EXIT_OK


def _print(found: Comparison, *, everything: bool) -> None:
    from agentdeck.plans.reporting.compare_words import (
        HEADS,
        cells_of,
        change,
        figure,
        head_words,
        remarks,
        sections,
    )

    for name, head in (("A", found.first), ("B", found.second)):
        say(f"{paint(name, 'bold')}  {safe(head.run)}: {safe(head_words(head))}")
    say()
    _grid(
        ("", "A", "B", "CHANGE"),
        [
            [
                (one.name, ""),
                (figure(one.first, one.unit), ""),
                (figure(one.second, one.unit), ""),
                (change(one), _COLOURS.get(one.trend, "")),
            ]
            for one in found.totals
        ],
        right=(1, 2),
    )
    for title, rows in sections(found, everything=everything):
        say()
        say(paint(safe(title), "bold"))
        _grid(HEADS, [_coloured(row) for row in cells_of(rows)])
    for sentence in remarks(found, everything=everything):
        note(safe(sentence))


def _coloured(row: Sequence[Cell]) -> list[tuple[str, str]]:
    return [(cell.text, _COLOURS.get(cell.trend, "")) for cell in row]


def _grid(
    heads: Sequence[str], rows: list[list[tuple[str, str]]], *, right: Sequence[int] = ()
) -> None:
    """Columns of texts with their colours; those in `right` stand at the right."""
    cells = [[(safe(text), colour) for text, colour in row] for row in rows]
    widths = [
        max(width(head), *(width(row[i][0]) for row in cells)) for i, head in enumerate(heads)
    ]

    def padded(text: str, column: int, colour: str = "") -> str:
        blank = " " * (widths[column] - width(text))
        shown = paint(text, colour) if colour else text
        return blank + shown if column in right else shown + blank

    head = GAP.join(padded(text, column) for column, text in enumerate(heads)).rstrip()
    say(paint(head, "dim"))
    for row in cells:
        say(GAP.join(padded(text, n, colour) for n, (text, colour) in enumerate(row)).rstrip())


def _print_csv(found: Comparison) -> None:
    """Every task with the figures of both sides, for a spreadsheet."""
    from agentdeck.plans.reporting.compare import Side

    fields = Side.__struct_fields__
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(
        ["task", "brief_changed", *(f"a_{name}" for name in fields), *(f"b_{n}" for n in fields)]
    )
    for row in (*found.tasks, *found.only_first, *found.only_second):
        sides = [
            "" if side is None else _cell(getattr(side, name))
            for side in (row.first, row.second)
            for name in fields
        ]
        lines.writerow([_cell(row.task), str(row.brief_changed).lower(), *sides])


def _cell(value: object) -> str:
    """A value for a spreadsheet, which must not take a text for a formula."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return str(value)
    shown = safe(value)
    return f"'{shown}" if shown[:1] in "=+-@" and shown else shown


__all__ = ["register"]
