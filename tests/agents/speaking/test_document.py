"""What the document says of the scripted agent's language is true and complete."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdeck.testing.scripted.doing import action
from agentdeck.testing.scripted.main import FORMATS
from agentdeck.testing.scripted.script import INSTRUCTIONS, NEEDS_ARGUMENT, NOT_REPEATED

PAGE = (Path(__file__).parents[3] / "docs" / "scripted-agent.md").read_text(encoding="utf-8")


def rows(head: str) -> list[list[str]]:
    """The cells of a table, by the first cell of its head."""
    lines = PAGE.partition(f"| {head} |")[2].splitlines()[2:]
    table = lines[: next(n for n, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_every_instruction_stands_in_the_document() -> None:
    assert {name.strip("`"): meaning for name, meaning in rows("instruction")} == INSTRUCTIONS


def test_every_format_stands_in_the_document() -> None:
    assert [row[0].strip("`") for row in rows("format")] == list(FORMATS)


@pytest.mark.parametrize("word", INSTRUCTIONS)
def test_every_instruction_can_be_done(word: str) -> None:
    assert callable(action(word))


def test_what_is_said_of_instructions_is_of_known_ones() -> None:
    assert set(INSTRUCTIONS) >= NEEDS_ARGUMENT | NOT_REPEATED
