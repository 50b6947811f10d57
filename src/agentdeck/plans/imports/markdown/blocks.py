"""Markdown into blocks with their lines: headings, tables, lists, code blocks, paragraphs.

Rules:
- Lines count from 1. Every block knows the line of each of its parts.
- It reads what people write rather than what CommonMark says, where the two differ: an indented
  line is text and no code, a line without a bar ends a table, a cell more than there are heads is
  kept, a field (`**Time**: 2h`) at the margin ends the list entry before it, a line of nothing but
  tags (`<phase_1>`) stands alone, and `---` below a sentence is a rule and no heading.
- Between a tag and its end no heading ends the section that the tag stands in: there `# word` is a
  remark in code rather than a heading.
- More than `MAX_SPACES` spaces in a row are that many, except in code: nothing else needs a bound
  on them.
- Comments (`<!-- … -->`), rules across and link definitions are not content.
- Text nested deeper than `MAX_NESTING` is not looked at, and time and memory stay linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

import msgspec
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

MAX_NESTING: Final = 24  # of quotes and lists, in the parser's levels: a list in a list counts four
MAX_CELLS: Final = 200  # of a row; the rest stays together in the last one
MAX_TITLE: Final = 1000  # characters of a heading that are looked at
MAX_SPACES: Final = 8  # in a row
MAX_TAGS: Final = 32  # open at once; more are not looked at
MAX_HEADING: Final = 120  # characters of a line that an underline makes a heading; longer is text

_TAG: Final = re.compile(r"<(/?)([A-Za-z_][A-Za-z0-9_:.-]*)[^<>]*>$")
_TAGS: Final = re.compile(r"(?:</?[A-Za-z_][A-Za-z0-9_:.-]*(?:[ \t][^<>]*)?>[ \t]*)+$")
_CHECKBOX: Final = re.compile(r"\[([ xX]?)\](?:\s+|$)")
_FIELD: Final = re.compile(r"\*\*|__|\[|[A-Za-z][A-Za-z0-9 /-]{0,30}:(?:\s|$)")
_UNDERLINE: Final = re.compile(r" {0,3}(=+|-{3,})[ \t]*$")
_NO_HEADING: Final = re.compile(r"[*_`<|>~#\[-]|.*[.:;,!?]$")
_DASHES: Final = frozenset("|:- \t")
_BAR: Final = re.compile(r"(?<!\\)\|")
_SPACES: Final = re.compile(rf"[^\S\n]{{{MAX_SPACES + 1},}}")


class Heading(msgspec.Struct, frozen=True):
    """A heading, as written, without its `#`."""

    level: int  # from 1
    text: str
    line: int


class Row(msgspec.Struct, frozen=True):
    """A row of a table. Cells are raw Markdown without the spaces around; there may be more or
    fewer than heads.
    """

    cells: tuple[str, ...]
    line: int


class Table(msgspec.Struct, frozen=True):
    """A table with a line of heads."""

    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    line: int  # that of the heads


class Item(msgspec.Struct, frozen=True):
    """An entry of a list. Lines of one paragraph are joined by a space, paragraphs by a newline."""

    text: str
    line: int
    depth: int  # 0 = not inside another entry
    number: int | None = None  # as written, of a numbered list
    checked: bool | None = None  # None = it has no checkbox


class Listing(msgspec.Struct, frozen=True):
    """A list with all that is nested in it, flat and in order."""

    items: tuple[Item, ...]
    line: int


class Fence(msgspec.Struct, frozen=True):
    """A code block."""

    info: str  # what follows the opening fence
    lines: tuple[str, ...]
    line: int  # that of `lines[0]`


class Paragraph(msgspec.Struct, frozen=True):
    """Lines of text, raw, without the spaces before and after."""

    lines: tuple[tuple[int, str], ...]  # (line, text), at least one

    @property
    def line(self) -> int:
        """The first line."""
        return self.lines[0][0]


Block = Heading | Table | Listing | Fence | Paragraph


class Section(msgspec.Struct, eq=False):
    """A heading with what stands below it, and the sections of lower headings."""

    heading: Heading | None  # None = the whole document
    blocks: list[Block] = []
    parts: list[Section] = []
    parent: Section | None = None

    @property
    def title(self) -> str:
        """The text of the heading, of which the first `MAX_TITLE` characters count, or nothing."""
        return self.heading.text[:MAX_TITLE] if self.heading else ""

    @property
    def line(self) -> int:
        """The line of the heading; 1 for the whole document."""
        return self.heading.line if self.heading else 1

    @property
    def level(self) -> int:
        """The level of the heading; 0 for the whole document."""
        return self.heading.level if self.heading else 0

    def walk(self) -> Iterator[Section]:
        """This section and all below it, in the order of the document."""
        todo = [self]
        while todo:
            section = todo.pop()
            yield section
            todo += reversed(section.parts)

    def ancestors(self) -> Iterator[Section]:
        """The sections around this one, the nearest first."""
        around = self.parent
        while around is not None:
            yield around
            around = around.parent


def read_blocks(text: str, *, first_line: int = 1) -> list[Block]:
    """The blocks of a Markdown text, in order. Linear in the text.

    Args:
        text: with any line ends.
        first_line: the line that the text starts at.
    """
    tokens: list[Token] = []
    parser = _parser()
    parser.block.parse("\n".join(lines_of(text)), parser, {}, tokens)
    return list(_Blocks(tokens, first_line).read())


def lines_of(text: str) -> list[str]:
    """The lines of a text, whatever ends them; odd spaces become plain ones."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    return plain.replace("\u00a0", " ").replace("\u202f", " ").split("\n")


def outline(blocks: Sequence[Block]) -> Section:
    """Blocks into sections by their headings. A skipped level changes nothing."""
    root = Section(None)
    at = root
    ends = {tag[1]: index for index, block in enumerate(blocks) if (tag := _tag(block)) and tag[0]}
    open_tags: dict[str, int] = {}  # name -> level of the section it stands in
    for index, block in enumerate(blocks):
        if tag := _tag(block):
            if tag[0]:
                open_tags.pop(tag[1], None)
            elif ends.get(tag[1], -1) > index and len(open_tags) < MAX_TAGS:
                open_tags.setdefault(tag[1], at.level)
        if not isinstance(block, Heading):
            at.blocks.append(block)
            continue
        if any(block.level <= level for level in open_tags.values()):
            at.blocks.append(Paragraph(((block.line, block.text),)))
            continue
        while at.level >= block.level and at.parent is not None:
            at = at.parent
        below = Section(block, parent=at)
        at.parts.append(below)
        at = below
    return root


def _tag(block: Block) -> tuple[bool, str] | None:
    """Does this block end a tag, and which; None for a block that is no tag."""
    if not isinstance(block, Paragraph) or len(block.lines) != 1:
        return None
    found = _TAG.match(block.lines[0][1])
    return (bool(found[1]), found[2]) if found else None


def split_row(raw: str) -> tuple[str, ...]:
    """The cells of one line of a table, raw. An escaped bar is text."""
    bare = raw.strip().removeprefix("|")
    if bare.endswith("|") and not bare.endswith("\\|"):
        bare = bare[:-1]
    cells = _BAR.split(bare, maxsplit=MAX_CELLS - 1)
    return tuple(_bare(cell).replace("\\|", "|") for cell in cells)


def _bare(text: str) -> str:
    return _SPACES.sub(" " * MAX_SPACES, text.strip())


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"maxNesting": MAX_NESTING})
    parser.enable("table")
    parser.block.ruler.at("table", _table, {"alt": ["paragraph"]})
    parser.disable(["code", "html_block", "lheading", "reference"])
    interrupts = ["paragraph", "blockquote", "list"]
    for name, rule in (("comment", _comment), ("tags", _tag_line), ("field", _field_line)):
        parser.block.ruler.before("table", name, rule, {"alt": interrupts})
    parser.block.ruler.before("paragraph", "underlined", _underlined)
    return parser


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A line of heads, a line of dashes, and lines with bars. One token for all of it: a parser's
    token for each cell takes most of the time of a large table.
    """
    heads = _line(state, start)
    if start + 1 >= end or "|" not in heads or state.sCount[start + 1] < state.blkIndent:
        return False
    dashes = _line(state, start + 1)
    if "-" not in dashes or "|" not in dashes or not set(dashes) <= _DASHES:
        return False
    if silent:
        return True
    rows = [heads]
    line = start + 2
    while line < end and state.sCount[line] >= state.blkIndent and "|" in _line(state, line):
        rows.append(_line(state, line))
        line += 1
    token = state.push("table", "table", 0)
    token.map, token.content = [start, line], "\n".join(rows)
    state.line = line
    return True


def _comment(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A comment that begins a line, up to the line where it ends."""
    first = state.bMarks[start] + state.tShift[start]
    if not state.src.startswith("<!--", first):
        return False
    if silent:
        return True
    line = start
    while line < end - 1 and "-->" not in _line(state, line):
        line += 1
    state.line = line + 1
    return True


def _tag_line(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: ARG001
    """A line of nothing but tags is a paragraph of its own."""
    text = _line(state, start)
    if not text.startswith("<") or not _TAGS.match(text):
        return False
    if not silent:
        _push(state, "paragraph", "p", (start, start + 1), text.rstrip())
    return True


def _field_line(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: ARG001
    """A field further left than a list entry is no part of the entry."""
    if not silent or state.sCount[start] >= state.blkIndent:
        return False
    return _FIELD.match(_line(state, start)) is not None


def _underlined(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A heading that is underlined rather than marked."""
    if silent or start + 1 >= end or state.level:
        return False
    text = _line(state, start).rstrip()
    under = _UNDERLINE.match(_line(state, start + 1)) if len(text) <= MAX_HEADING else None
    if under is None or _NO_HEADING.match(text):
        return False
    _push(state, "heading", "h1" if under[1][0] == "=" else "h2", (start, start + 2), text)
    return True


def _push(state: StateBlock, kind: str, tag: str, lines: tuple[int, int], text: str) -> None:
    opening = state.push(f"{kind}_open", tag, 1)
    opening.map = list(lines)
    inline = state.push("inline", "", 0)
    inline.map, inline.content, inline.children = list(lines), text, []
    state.push(f"{kind}_close", tag, -1)
    state.line = lines[1]


class _Blocks:
    """From the parser's tokens to blocks."""

    def __init__(self, tokens: list[Token], first_line: int) -> None:
        self.tokens = tokens
        self.shift = first_line
        self.depth = 0  # of lists
        self.items: list[Item] = []
        self.held: list[Block] = []  # what stands in the list and is no text

    def read(self) -> Iterator[Block]:
        at = 0
        while at < len(self.tokens):
            token = self.tokens[at]
            if token.type in ("bullet_list_open", "ordered_list_open"):
                self.depth += 1
            elif token.type in ("bullet_list_close", "ordered_list_close"):
                self.depth -= 1
                if not self.depth:
                    yield from self._listing()
            elif token.type == "list_item_open":
                self._item(token)
            else:
                found = self._block(token, at)
                if self.depth:
                    self.held += found
                else:
                    yield from found
            at += 1

    def _block(self, token: Token, at: int) -> list[Block]:
        start = token.map[0] if token.map else 0
        if token.type == "fence":
            lines = tuple(token.content.removesuffix("\n").split("\n")) if token.content else ()
            return [Fence(token.info.strip(), lines, start + 1 + self.shift)]
        if token.type == "table":
            heads, *rows = (split_row(row) for row in token.content.split("\n"))
            kept = tuple(Row(row, start + at + self.shift) for at, row in enumerate(rows, 2))
            return [Table(heads, kept, start + self.shift)]
        if token.type == "inline":
            opened = self.tokens[at - 1]
            if opened.type == "heading_open" and not opened.level:
                return [Heading(int(opened.tag[1:]), _bare(token.content), start + self.shift)]
            return self._text(token, start)
        return []

    def _text(self, token: Token, start: int) -> list[Block]:
        raw = token.content.split("\n")
        if self.depth:
            self._into_item(" ".join(_bare(line) for line in raw))
            return []
        lines = tuple((start + at + self.shift, _bare(text)) for at, text in enumerate(raw))
        lines = tuple((line, text) for line, text in lines if text)
        return [Paragraph(lines)] if lines else []

    def _item(self, token: Token) -> None:
        line = (token.map[0] if token.map else 0) + self.shift
        number = int(token.info) if token.info.isdecimal() else None
        self.items.append(Item("", line, self.depth - 1, number))

    def _into_item(self, text: str) -> None:
        item = self.items[-1]
        if item.text:
            self.items[-1] = msgspec.structs.replace(item, text=f"{item.text}\n{text}")
            return
        box = _CHECKBOX.match(text)
        if box is None:
            self.items[-1] = msgspec.structs.replace(item, text=text)
            return
        checked = box[1] in ("x", "X")
        text = text[box.end() :]
        self.items[-1] = msgspec.structs.replace(item, text=text, checked=checked)

    def _listing(self) -> Iterator[Block]:
        if self.items:
            yield Listing(tuple(self.items), self.items[0].line)
        yield from self.held
        self.items, self.held = [], []
