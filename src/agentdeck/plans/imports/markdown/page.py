"""A Markdown document on its way into a draft: its sections, and which lines are dealt with.

Rules:
- A reader takes the lines it has understood, and looks only at those that are free. What nobody
  has taken at the end gets a remark.
- A code block that is Markdown with headings is a page of its own. Its lines are those of the
  whole document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from agentdeck.plans.imports.markdown.blocks import (
    Block,
    Fence,
    Heading,
    Listing,
    Paragraph,
    Section,
    Table,
    outline,
    read_blocks,
)

MAX_DEPTH: Final = 3  # pages in pages
MAX_PAGES: Final = 20  # of one document; further ones stay code blocks

_MARKDOWN: Final = frozenset({"markdown", "md", "mdx"})
_WORD: Final = re.compile(r"\w")


class Page:
    """One document, or a document in a code block of another."""

    def __init__(self, text: str, *, first_line: int = 1, outer: Page | None = None) -> None:
        self.root: Section = outline(read_blocks(text, first_line=first_line))
        self.outer = outer
        self.taken: set[int] = outer.taken if outer else set()  # lines

    @property
    def depth(self) -> int:
        """How many pages are around this one."""
        return self.outer.depth + 1 if self.outer else 0

    def sections(self) -> Iterator[Section]:
        """The whole document as a section, then every section in it, in order."""
        return self.root.walk()

    def blocks(self) -> Iterator[tuple[Section, Block]]:
        """Every block with its section, in order."""
        for section in self.sections():
            for block in section.blocks:
                yield section, block

    def take(self, line: int, last_line: int | None = None) -> None:
        """Say that a line, or every line of a stretch, is dealt with."""
        self.taken.update(range(line, (last_line or line) + 1))

    def free(self, line: int) -> bool:
        """Has nobody dealt with this line yet?"""
        return line not in self.taken

    def take_block(self, block: Block) -> None:
        """Say that every line of a block is dealt with."""
        self.taken.update(line for line, _ in parts_of(block))

    def open_parts(self, block: Block) -> list[tuple[int, str]]:
        """The lines of a block that nobody has dealt with, and what they say."""
        return [(line, text) for line, text in parts_of(block) if line not in self.taken]


def parts_of(block: Block) -> Iterator[tuple[int, str]]:
    """What a block is made of, line by line: rows, entries, lines of text. Drawn lines are none."""
    match block:
        case Heading():
            yield block.line, block.text
        case Table():
            yield block.line, " | ".join(block.heads)
            for row in block.rows:
                yield row.line, " | ".join(row.cells)
        case Listing():
            for item in block.items:
                yield item.line, item.text
        case Fence():
            for at, text in enumerate(block.lines):
                if _WORD.search(text):
                    yield block.line + at, text.strip()
        case Paragraph():
            yield from block.lines


def pages_of(text: str) -> list[Page]:
    """The page of a text, and the pages in it, outer ones first."""
    pages = [Page(text)]
    for page in pages:  # grows while it is walked
        if page.depth < MAX_DEPTH:
            pages += islice(_inner(page), MAX_PAGES - len(pages))
    return pages


def _inner(page: Page) -> Iterator[Page]:
    for section, block in page.blocks():
        if not isinstance(block, Fence) or block.info.lower().split(" ")[0] not in _MARKDOWN:
            continue
        inner = Page("\n".join(block.lines), first_line=block.line, outer=page)
        if inner.root.parts:
            section.blocks = [other for other in section.blocks if other is not block]
            yield inner
