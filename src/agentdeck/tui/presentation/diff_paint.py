"""Draws rows of a diff: only those that are asked for, each once for as long as it is near.

Rules:
- Code is coloured by the file's language where one is known, in pieces of `BLOCK` lines, the old
  and the new lines each by themselves. A piece of more than `BLOCK_CHARS` is not coloured.
- Nothing of a line vanishes: what a terminal would obey or not show is written out and marked,
  because a person decides by what they see here. A line is cut at `DISPLAY_CHARS`.
- Tabs go to the next multiple of `TAB_CELLS`, counted in cells.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from agentdeck.control.sanitize import DISPLAY_CHARS, revealed
from agentdeck.tui.presentation.diff import REST, Diff
from agentdeck.tui.presentation.diff_rows import DiffRow
from agentdeck.tui.presentation.diff_words import Range, Ranges, changed_words
from agentdeck.tui.presentation.line import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.syntax import Syntax

BLOCK: Final = 60  # lines that are coloured together; a few milliseconds
BLOCK_CHARS: Final = 16_000  # of them; beyond, colouring would keep a key waiting
MAX_DRAWN: Final = 2_000  # lines that are kept as they were drawn; some thirty screens
NUMBER_CELLS: Final = 5
GUTTER: Final = NUMBER_CELLS + 2  # cells before the code: the number, a blank, the sign
TAB_CELLS: Final = 4
WARM: Final = 60  # rows that are drawn ahead, beside the screen
INDENT: Final = 2  # cells a step of the tree


class DiffColours(NamedTuple):
    """Styles; the ones of lines lie below all of the line, those of words below the words."""

    added: Style
    removed: Style
    hunk: Style
    file: Style
    muted: Style
    added_line: Style = Style.null()
    removed_line: Style = Style.null()
    added_word: Style = Style(bold=True)
    removed_word: Style = Style(bold=True)
    unseen: Style = Style(reverse=True)
    dark: bool = True


class Cell(NamedTuple):
    """One side of a row, or all of it."""

    gutter: Text
    code: Text
    ground: Style


EMPTY: Final = Cell(Text(), Text(), Style.null())


class DiffPainter:
    """Draws one diff."""

    def __init__(self, diff: Diff, colours: DiffColours) -> None:
        self.diff = diff
        self._colours = colours
        self._drawn: dict[int, Text] = {}
        self._blocks: dict[tuple[int, str], list[Text]] = {}
        self._syntaxes: dict[str, Syntax | None] = {}
        self._first = self._first_lines()
        tree = diff.tree
        self._name_cells = max(
            (INDENT * x.depth + cell_len(plain(x.name)) for x in tree), default=0
        )
        self._added_cells = len(str(max((leaf.added for leaf in tree), default=0))) + 1
        self._removed_cells = len(str(max((leaf.removed for leaf in tree), default=0))) + 1

    def warm(self) -> None:
        """Draw what will be seen first, and get the languages ready; for a thread."""
        for row in (*self.diff.one[:WARM], *self.diff.two[:WARM]):
            for at in (row.left, row.right):
                if row.kind in ("line", "gone") and at >= 0:
                    self.code(at)

    def sides(self, row: DiffRow) -> tuple[Cell, Cell]:
        """The old and the new side of a row with lines."""
        return self._side(row.left, old=True), self._side(row.right, old=False)

    def whole(self, row: DiffRow, width: int) -> Cell:
        """A row in one column."""
        colours = self._colours
        match row.kind:
            case "line":
                return self._side(row.right, old=False)
            case "gone":
                cell = self._side(row.left, old=True)
                return cell._replace(gutter=self._gutter(0, "-"))
            case "hunk":
                shown, _ = shown_text(self.diff.lines[row.left].text)
                return Cell(Text(" " * GUTTER), Text(shown, colours.hunk), Style.null())
            case "said":
                shown, _ = shown_text(self.diff.lines[row.left].text)
                return Cell(Text(" " * GUTTER), Text(shown, colours.muted), Style.null())
            case "file":
                return Cell(Text(), self._head(row.left), Style.null())
            case "summary":
                return Cell(Text(), self._summary(), Style.null())
            case "tree" | "folder":
                return Cell(Text(), self._leaf(row.left, width), Style.null())
            case "rest":
                return Cell(Text(), Text(REST, colours.muted), Style.null())
            case _:
                return Cell(Text(), row.text or Text(), Style.null())

    # --- lines -----------------------------------------------------------------------------------

    def code(self, at: int) -> Text:
        """The code of a line, coloured, with the words that changed."""
        found = self._drawn.get(at)
        if found is None:
            if len(self._drawn) >= MAX_DRAWN:
                self._drawn.clear()
                self._blocks.clear()
            found = self._drawn[at] = self._draw(at)
        return found

    def _draw(self, at: int) -> Text:
        line, colours = self.diff.lines[at], self._colours
        shown, unseen = shown_text(line.text, ended=line.sign == " ")
        coloured = self._coloured(at)
        text = coloured.copy() if coloured is not None else Text(shown)
        if text.plain != shown:  # a language that swallows characters has no say
            text = Text(shown)
        text.style = {"+": colours.added, "-": colours.removed}.get(line.sign, "")
        word = colours.added_word if line.sign == "+" else colours.removed_word
        for start, end in self._changed(at):
            text.stylize(word, start, end)
        for start, end in unseen:
            text.stylize(colours.unseen, start, end)
        return text

    def _changed(self, at: int) -> Ranges:
        line = self.diff.lines[at]
        mate = self.diff.mates.get(at)
        if mate is None:
            return ()
        mine, other = shown_text(line.text)[0], shown_text(self.diff.lines[mate].text)[0]
        old, new = (other, mine) if line.sign == "+" else (mine, other)
        found = changed_words(old, new)
        return () if found is None else found[line.sign == "+"]

    def _side(self, at: int, *, old: bool) -> Cell:
        if at < 0:
            return EMPTY
        line, colours = self.diff.lines[at], self._colours
        ground = {"+": colours.added_line, "-": colours.removed_line}.get(line.sign, Style.null())
        return Cell(self._gutter(line.old if old else line.new, line.sign), self.code(at), ground)

    def _gutter(self, number: int, sign: str) -> Text:
        text = Text((str(number) if number else "").rjust(NUMBER_CELLS) + " ", self._colours.muted)
        text.append(sign, {"+": self._colours.added, "-": self._colours.removed}.get(sign, ""))
        return text

    # --- colours of a language -------------------------------------------------------------------

    def _first_lines(self) -> list[int]:
        """Where the lines of each file begin."""
        found, at = [], 0
        for file in self.diff.files:
            found.append(at)
            at += len(file.lines)
        return found

    def _coloured(self, at: int) -> Text | None:
        line = self.diff.lines[at]
        syntax = self._syntax(self.diff.files[line.file].path)
        if syntax is None:
            return None
        first = self._first[line.file]
        start = first + (at - first) // BLOCK * BLOCK
        end = min(start + BLOCK, first + len(self.diff.files[line.file].lines))
        side = "-" if line.sign == "-" else "+"
        places = [n for n in range(start, end) if self.diff.lines[n].sign in (side, " ")]
        key = (start, side)
        if key not in self._blocks:
            self._blocks[key] = self._highlight(syntax, places)
        block = self._blocks[key]
        number = places.index(at)
        return block[number] if number < len(block) else None

    def _highlight(self, syntax: Syntax, places: Sequence[int]) -> list[Text]:
        lines = self.diff.lines
        shown = [shown_text(lines[n].text, ended=lines[n].sign == " ")[0] for n in places]
        if sum(map(len, shown)) > BLOCK_CHARS:
            return []
        return list(syntax.highlight("\n".join(shown)).split("\n", allow_blank=True))

    def _syntax(self, path: str) -> Syntax | None:
        from rich.syntax import Syntax

        name = path.rpartition("/")[2]
        suffix = name.rpartition(".")[1:] if "." in name else name
        key = "".join(suffix)
        if key not in self._syntaxes:
            language = Syntax.guess_lexer(path)
            theme = "ansi_dark" if self._colours.dark else "ansi_light"
            known = language not in ("default", "text")
            self._syntaxes[key] = Syntax("", language, theme=theme) if known else None
        return self._syntaxes[key]

    # --- heads -----------------------------------------------------------------------------------

    def _summary(self) -> Text:
        files = self.diff.files
        word = "file" if len(files) == 1 else "files"
        return Text.assemble(
            (f"{len(files)} {word} ", "bold"),
            *self._size(sum(file.sizes[0] for file in files), sum(f.sizes[1] for f in files)),
        )

    def _size(self, added: int, removed: int) -> list[tuple[str, Style | str]]:
        return [
            (f"+{added}", self._colours.added),
            (" ", ""),
            (f"−{removed}", self._colours.removed),
        ]

    def _head(self, number: int) -> Text:
        file = self.diff.files[number]
        note = f"  {plain(file.note)}" if file.note else ""
        head = Text.assemble((plain(file.path), self._colours.file), (note, self._colours.muted))
        if file.lines:
            head.append("  ").append_text(Text.assemble(*self._size(*file.sizes)))
        return head

    def _leaf(self, number: int, width: int) -> Text:
        """A row of the tree: the name, and its size at the right of a column."""
        leaf, colours = self.diff.tree[number], self._colours
        name = " " * (INDENT * leaf.depth) + plain(leaf.name)
        room = max(8, min(self._name_cells, width - 16))
        if cell_len(name) > room:
            name = _ending(name, room, INDENT * leaf.depth)
        text = Text(name, "" if leaf.file is not None else colours.muted)
        text.append(" " * (room - cell_len(name) + 2))
        if leaf.file is None or self.diff.files[leaf.file].lines:
            text.append(f"+{leaf.added}".rjust(self._added_cells) + " ", colours.added)
            text.append(f"−{leaf.removed}".rjust(self._removed_cells) + "  ", colours.removed)
        if leaf.file is not None:
            text.append(plain(self.diff.files[leaf.file].note), colours.muted)
        return text


def _ending(name: str, room: int, indent: int) -> str:
    """The end of a name, which tells files apart, behind `…`."""
    lead = min(indent, room // 2)
    kept = name[indent:]
    while kept and cell_len(kept) > room - lead - 1:
        kept = kept[1:]
    return " " * lead + "…" + kept


@lru_cache(maxsize=4_096)
def shown_text(line: str, *, ended: bool = False) -> tuple[str, tuple[Range, ...]]:
    r"""A line as it is shown, and the parts of it that stand in for what would not be seen.

    Args:
        ended: a return at its end is how its file ends lines, and is not shown.
    """
    if ended:
        line = line.removesuffix("\r")
    cut = line[:DISPLAY_CHARS]
    found: list[str] = []
    unseen: list[Range] = []
    chars = cells = 0
    for number, piece in enumerate(cut.split("\t")):
        if number:
            blanks = TAB_CELLS - cells % TAB_CELLS
            found.append(" " * blanks)
            chars, cells = chars + blanks, cells + blanks
        for part, instead in revealed(piece):
            if instead:
                unseen.append((chars, chars + len(part)))
            found.append(part)
            chars, cells = chars + len(part), cells + cell_len(part)
    if len(line) > DISPLAY_CHARS:
        found.append("…")
    return "".join(found), tuple(unseen)
