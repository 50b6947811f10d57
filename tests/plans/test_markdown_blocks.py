"""Markdown is cut into blocks that know their lines, also where people write it loosely."""

from __future__ import annotations

import pytest

from agentdeck.plans.imports.markdown.blocks import (
    Block,
    Fence,
    Heading,
    Item,
    Listing,
    Paragraph,
    Row,
    Table,
    outline,
    read_blocks,
    split_row,
)
from agentdeck.plans.imports.markdown.document import read_markdown
from agentdeck.plans.imports.markdown.page import Page, pages_of, parts_of


def items(text: str) -> list[Item]:
    (listing,) = [block for block in read_blocks(text) if isinstance(block, Listing)]
    return list(listing.items)


def test_every_kind_of_block_with_its_line() -> None:
    """Headings, text, lists, tables and code, in order."""
    text = "# A\n\none\ntwo\n\n- x\n- y\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\ncode\n\n```\n"
    expected: list[Block] = [
        Heading(1, "A", 1),
        Paragraph(((3, "one"), (4, "two"))),
        Listing((Item("x", 6, 0), Item("y", 7, 0)), 6),
        Table(("a", "b"), (Row(("1", "2"), 11),), 9),
        Fence("py", ("code", ""), 14),
    ]
    assert read_blocks(text) == expected


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n"])
def test_line_ends_do_not_matter(end: str) -> None:
    """Windows, old and new ends give the same blocks."""
    text = "# A\n\n| a |\n|---|\n| 1 |\n\n- x\n"
    assert read_blocks(text.replace("\n", end)) == read_blocks(text)


def test_lines_start_where_they_are_told() -> None:
    """A document in a code block has the lines of the whole."""
    assert read_blocks("# A\n\nb", first_line=70) == [Heading(1, "A", 70), Paragraph(((72, "b"),))]


def test_entries_of_lists() -> None:
    """Numbers, boxes, depth; wrapped lines are joined, paragraphs stay apart."""
    text = "1. one\n   more\n\n   new\n2. two\n   - [x] in\n     - [ ] deeper\n"
    assert items(text) == [
        Item("one more\nnew", 1, 0, 1),
        Item("two", 5, 0, 2),
        Item("in", 6, 1, None, checked=True),
        Item("deeper", 7, 2, None, checked=False),
    ]


def test_code_in_a_list_does_not_cut_the_list() -> None:
    """The numbered entries stay one list; the code follows it."""
    blocks = read_blocks("1. a\n   ```sh\n   run\n   ```\n2. b\n")
    assert blocks == [
        Listing((Item("a", 1, 0, 1), Item("b", 5, 0, 2)), 1),
        Fence("sh", ("run",), 3),
    ]


def test_a_field_at_the_margin_ends_an_entry() -> None:
    """People forget the empty line before `**Time**:`."""
    blocks = read_blocks("- a\n**Time**: 2h\n")
    assert blocks == [Listing((Item("a", 1, 0),), 1), Paragraph(((2, "**Time**: 2h"),))]


def test_a_line_without_a_bar_ends_a_table() -> None:
    """It is text, and not a row with one cell."""
    table, text = read_blocks("| a | b |\n|---|---|\n| 1 | 2 |\n**Max**: 3\n")
    assert isinstance(table, Table)
    assert len(table.rows) == 1
    assert text == Paragraph(((4, "**Max**: 3"),))


def test_tables_may_lack_bars_and_cells() -> None:
    """Outer bars are optional; rows keep the cells they have, more or fewer than heads."""
    (table,) = read_blocks("a | b\n--- | ---\n1\\|2 | `x`\n3 |\n| 4 | 5 | 6 |\n")
    assert isinstance(table, Table)
    assert [row.cells for row in table.rows] == [("1|2", "`x`"), ("3",), ("4", "5", "6")]
    assert split_row(r"| a \| b | c \|") == ("a | b", "c |")
    (quoted,) = read_blocks("> | a |\n> |---|\n> | 1 |\n")
    assert quoted == Table(("a",), (Row(("1",), 3),), 1)


def test_a_rule_below_a_sentence_is_no_heading() -> None:
    """`---` makes headings of short names only."""
    assert read_blocks("A sentence.\n---\n") == [Paragraph(((1, "A sentence."),))]
    assert read_blocks("**Time**: 3h\n---\n") == [Paragraph(((1, "**Time**: 3h"),))]
    assert read_blocks("Phase 1\n-------\n") == [Heading(2, "Phase 1", 1)]
    assert read_blocks("Plan\n====\n") == [Heading(1, "Plan", 1)]


def test_tags_and_comments() -> None:
    """A tag stands alone, also behind a list; what is in comments is not there."""
    blocks = read_blocks("<phase_1>\n- a\n</phase_1>\n\n<!-- x\ny -->\nz\n")
    assert blocks == [
        Paragraph(((1, "<phase_1>"),)),
        Listing((Item("a", 2, 0),), 2),
        Paragraph(((3, "</phase_1>"),)),
        Paragraph(((7, "z"),)),
    ]


def test_indented_lines_are_text() -> None:
    """Four spaces are an accident more often than code."""
    assert read_blocks("    a\n") == [Paragraph(((1, "a"),))]


def test_sections_follow_the_levels_of_headings() -> None:
    """A skipped level changes nothing; the same level ends a section."""
    root = outline(read_blocks("x\n# A\n### B\ny\n## C\n# D\n"))
    assert [(part.title, part.level) for part in root.walk()] == [
        ("", 0), ("A", 1), ("B", 3), ("C", 2), ("D", 1),
    ]  # fmt: skip
    assert [part.title for part in root.parts] == ["A", "D"]
    (a, _) = root.parts
    assert [part.title for part in a.parts[0].ancestors()] == ["A", ""]


def test_a_remark_in_tags_ends_no_section() -> None:
    """`# Batch 1` between a tag and its end is a comment in code."""
    root = outline(read_blocks("## A\n<run>\n# Batch 1\n</run>\n### B\n"))
    assert [part.title for part in root.walk()] == ["", "A", "B"]


def test_a_document_in_a_code_block_is_a_page() -> None:
    """With the lines of the whole document; code without headings stays code."""
    text = "# A\n\n```markdown\n# B\n\n- x\n```\n\n```md\nno heading\n```\n"
    outer, inner = pages_of(text)
    assert inner.outer is outer
    assert [block for _, block in inner.blocks()] == [Listing((Item("x", 6, 0),), 6)]
    assert [type(block) for _, block in outer.blocks()] == [Fence]


def test_lines_are_taken_for_all_pages() -> None:
    """What a reader has taken is not free any more, in the inner page neither."""
    page = Page("a\nb\n")
    ((_, block),) = page.blocks()
    inner = Page("a", outer=page)
    page.take(1)
    assert page.open_parts(block) == [(2, "b")]
    assert not inner.free(1)
    page.take_block(block)
    assert page.open_parts(block) == []


def test_drawn_lines_are_no_content() -> None:
    """A line of code without a letter or digit needs no remark."""
    (block,) = read_blocks("```\n┌───┐\n│ a │\n└───┘\n```\n")
    assert list(parts_of(block)) == [(3, "│ a │")]


def test_what_nobody_understands_is_remarked_once_for_each_block() -> None:
    """With its first words, its section, and how much more there is."""
    draft = read_markdown("# P\n\n## Odd\n\n```\none\ntwo\n```\n\n## Empty\n", file="p.md")
    left = [(one.line, one.rule, one.text) for one in draft.remarks]
    assert left == [
        (6, "not-understood", "one, and 1 more line (in 'Odd')"),
        (10, "not-understood", "nothing stands below 'Empty'"),
    ]


@pytest.mark.parametrize(
    ("file", "text", "name"),
    [
        ("a/my-plan.md", "# Title", "my-plan"),
        ("a/tasks.md", "# Title", "Title"),
        ("README.md", "text", "README"),
    ],
)
def test_the_name_of_the_plan(file: str, text: str, name: str) -> None:
    """The file names the plan, unless its name says nothing."""
    assert read_markdown(text, file=file).name == name
