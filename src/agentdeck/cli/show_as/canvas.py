"""Where a view is drawn: on the terminal, as plain text, or as an SVG file.

Rules:
- Colour only where `cli.output` allows it, from the terminal's own palette; never the only sign.
- A view is at most `WIDTH` columns wide where nobody says how wide the place is.
- Foreign text passes `safe` before it is drawn, and is never read as markup.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console, RenderableType
from rich.table import Table
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from agentdeck.cli.output import colours, in_terminal, safe
from agentdeck.core.errors import EnvironmentFault

WIDTH: Final = 80  # columns; what every terminal has
WIDEST: Final = 120  # columns; longer lines are hard to follow
FILE_WIDTH: Final = 100  # columns of a file
MAX_ROWS: Final = 400  # lines of one table or time line; more is for `--json`
SLATE: Final = TerminalTheme(  # the colours of the deck at night
    (18, 21, 27),
    (214, 219, 228),
    [
        (24, 28, 36),
        (255, 95, 90),
        (133, 179, 138),
        (255, 184, 51),
        (123, 167, 212),
        (179, 160, 214),
        (118, 194, 189),
        (214, 219, 228),
    ],
)
# Rich's own frame has the buttons of a window, for which it leaves the space at the top that is cut
# here, and it fetches its font from a server.
SVG: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" class="rich-terminal" viewBox="0 24 {width} {height}">
<style>
.{unique_id}-matrix {{
  font-family: "Fira Code", "DejaVu Sans Mono", Menlo, Consolas, monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
  font-variant-east-asian: full-width;
}}
{styles}
</style>
<defs>
{lines}
</defs>
<rect y="24" width="{width}" height="{height}" rx="6" fill="#12151b"/>
<g transform="translate({terminal_x}, {terminal_y})">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def columns() -> int:
    """How wide a view may be here."""
    return min(Console().width, WIDEST) if in_terminal() else WIDTH


def draw(parts: Iterable[RenderableType]) -> None:
    """Print a view."""
    if not colours():
        sys.stdout.write(as_text(parts, columns()))
        return
    console = Console(
        file=sys.stdout,
        width=columns(),
        force_terminal=True,
        color_system="standard",
        highlight=False,
        markup=False,
        emoji=False,
    )
    _print(console, parts)


def as_text(parts: Iterable[RenderableType], width: int = FILE_WIDTH) -> str:
    """A view as plain text, without blanks at the ends of lines."""
    file = io.StringIO()
    console = Console(
        file=file, width=width, color_system=None, highlight=False, markup=False, emoji=False
    )
    _print(console, parts)
    return "".join(f"{line.rstrip()}\n" for line in file.getvalue().splitlines())


def as_svg(parts: Iterable[RenderableType], title: str) -> str:
    """A view as a picture that needs nothing but itself."""
    console = Console(
        file=io.StringIO(),
        record=True,
        width=FILE_WIDTH,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        markup=False,
        emoji=False,
    )
    _print(console, parts)
    return console.export_svg(title=title, theme=SLATE, code_format=SVG, unique_id="plan")


def write(path: Path, text: str) -> None:
    """Write a file whole. Raises EnvironmentFault."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise EnvironmentFault(f"{path} cannot be written: {error.strerror}") from error


def _print(console: Console, parts: Iterable[RenderableType]) -> None:
    for part in parts:
        if isinstance(part, Text) and part.no_wrap:  # a line of its own: rich forgets that it is
            console.print(part, no_wrap=True, overflow="ellipsis")
        else:
            console.print(part)


def heading(text: str, beside: str = "") -> Text:
    """A line above a part of a view."""
    found = Text(safe(text), style="bold")
    if beside:
        found.append(f"  {safe(beside)}", style="not bold")
    return found


def remark(text: str) -> Text:
    """A quiet line."""
    return Text(safe(text), style="dim")


def grid(
    heads: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    *,
    right: Iterable[int] = (),
    wide: Iterable[int] = (),
) -> Table:
    """Aligned columns; those that hold nothing are left out.

    Args:
        right: columns of figures.
        wide: columns that may be broken over lines; the others are kept whole where possible.
    """
    cells = [[c if isinstance(c, Text) else Text(safe(c)) for c in row] for row in rows[:MAX_ROWS]]
    kept = [i for i, head in enumerate(heads) if i == 0 or any(row[i].plain for row in cells)]
    table = Table(
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        header_style="dim",
        show_header=any(heads),
    )
    figures, broken = set(right), set(wide)
    for index in kept:
        table.add_column(
            heads[index],
            justify="right" if index in figures else "left",
            no_wrap=index not in broken,
            overflow="fold" if index in broken else "ellipsis",
        )
    for row in cells:
        table.add_row(*(row[index] for index in kept))
    return table


def cut(total: int, word: str) -> list[RenderableType]:
    """The line below a table that was cut, if it was."""
    more = total - MAX_ROWS
    return [remark(f"and {more:,} more {word}; --json has them all")] if more > 0 else []
