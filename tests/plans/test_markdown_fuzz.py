"""No text makes the Markdown importer crash, hang, or take more than linear time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdeck.plans.imports.build import build
from agentdeck.plans.imports.draft import MAX_REMARKS, MAX_TASKS, Draft
from agentdeck.plans.imports.markdown.document import read_markdown
from agentdeck.plans.problems import PlanProblems
from agentdeck.testing.counted_calls import calls_of

FAR: int = 13  # times the work that ten times the text may take; ten would be exactly linear

PIECES = [
    "# ", "## ", "### ", "- ", "1. ", "- [ ] ", "- [x] ", "> ", "| ", " | ", "|---|---|", "```",
    "```markdown", "**", "*", "`", "~~", "<a>", "</a>", "<!--", "-->", "---", "===", "\n",
    "\n\n", "  ", "    ", "\t", "Phase 1: ", "Wave 2", "Week 3-4", "DEFERRED: ", "Task ",
    "Task 1: A", "Stream 1: B", "A-1", "A-2", "A-1 through A-9", "T001 ", "Depends on: ",
    "**Time**: ", "**Files**:", "**Agent**: ", "2h", "15K", "Sonnet", "None", "all above",
    "| Task | Time | Deps |", "| ID | Title | Model |", "(1 hour)", "(3 hours total)", "FIRST",
    "SEQUENTIAL", "✅", "(depends on A-1)", "Risk", "Mitigation", "Each task is 5K tokens",
    "[ID]", "...", "INFRA-*", "┌───┬───┐", "│ a │ b │", "└───┴───┘", "WEEK 1", "Agent 1: x",
    "\x00", "\x96", "\u200b", "\u2028", "é", "\\|", "()", "(((", "]]]", "\r\n",
]  # fmt: skip
soups = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=80).map("".join)


def check(text: str) -> Draft:
    """Read and build; what a document may get wrong is one error with lines."""
    draft = read_markdown(text, file="p.md")
    lines = text.count("\n") + text.count("\r") + 1
    assert len(draft.tasks) <= MAX_TASKS
    assert all(0 < remark.line <= lines for remark in draft.remarks)
    assert all(0 < task.line <= lines and task.title and task.prompt for task in draft.tasks)
    keys = [phase.key for phase in draft.phases]
    assert len(keys) == len(set(keys))
    assert all(task.phase is None or task.phase in keys for task in draft.tasks)
    try:
        plan = build(draft, file="p.md").plan
    except PlanProblems:
        return draft
    assert len(plan.tasks) == len(draft.tasks)
    return draft


@settings(max_examples=4 * settings().max_examples, deadline=None)
@given(soups)
def test_markdown_soup_is_read(text: str) -> None:
    """Any mixture of what plans are made of."""
    check(text)


@settings(max_examples=2 * settings().max_examples, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    """Also one that is no Markdown at all."""
    check(text)


SHAPES = {
    "rows": ("| Task | Time | Deps | Files |\n|-|-|-|-|\n", "| A-{n} | 1h | A-{m} | {n}.py |\n"),
    "titles": ("| Task | Time |\n|-|-|\n", "| Do thing {n} | 2h |\n"),
    "all above": ("| Task | Deps |\n|-|-|\n", "| a{n} | all above |\n"),
    "tables": ("", "| Task | Time |\n|-|-|\n| a{n} | 1h |\n\n"),
    "groups": ("| Task | Time |\n|-|-|\n", "| **Phase {n}** | |\n| a{n} | 1h |\n"),
    "phases": ("", "## Phase {n}: x\n\n- [ ] a{n} (1h)\n\n"),
    "nested phases": ("", "## Phase {n}\n### Week {n}\n- [ ] T{n} a\n"),
    "lists": ("## Phase 1\n\n", "- [ ] a{n}\n\nsome text (3 hours total), all\n\n"),
    "ordered": ("## Phase 1\n\n", "{n}. **a{n}** (1h) - FIRST\n"),
    "ranges": ("## DEFERRED\n\n", "- A{n}-1 through A{n}-9\n"),
    "fields": ("### Task 1: x\n", "**Files**: a{n}.py\n**Needs**: b{n}\n"),
    "streams": ("", "### Stream {n}: x{n}\n**Time**: 1h\n**Needs**: Stream {m}\n\n"),
    "bold streams": ("## Phase 1\n\n", "**Stream {n}: x{n}**\n**Time**: 1h\n\n"),
    "headings": ("", "# a{n}\n"),
    "paragraphs": ("## Overview\n\n", "word {n}:\n\n"),
    "rationales": ("## Phase 1\n", "**Why {n}**: x\n\n- y\n\n"),
    "risks": ("| Risk | Mitigation |\n|-|-|\n", "| r{n} | m |\n"),
    "globs": ("- A-1: x\n\n| Category | Model |\n|-|-|\n", "| c (A{n}*) | haiku |\n"),
    "series": ("- A-1: x\n\n| Series | Count | Size |\n|-|-|-|\n", "| Phase {n} | 1 | L |\n"),
    "code": ("", "```\nAgent {n}: x\n```\n"),
    "pages": ("", "```markdown\n# a\n- A-{n}: b\n```\n"),
    "tags": ("", "<a{n}>\n# x\n"),
    "quotes": ("", "> > > a{n}\n"),
}  # fmt: skip


def work(text: str) -> int:
    """How many Python and C functions are called while a text is read."""
    return calls_of(lambda: read_markdown(text, file="p.md"))


def shaped(name: str, times: int) -> str:
    head, piece = SHAPES[name]
    return head + "".join(piece.format(n=n, m=max(1, n - 1)) for n in range(1, times + 1))


@pytest.mark.parametrize("name", SHAPES)
def test_ten_times_the_text_is_ten_times_the_work(name: str) -> None:
    """Counted in calls, so no busy machine can make it fail."""
    work(shaped(name, 5))  # what is only done once
    small, large = work(shaped(name, 60)), work(shaped(name, 600))
    assert large < FAR * small


LONG = 8_000  # characters


def lines(line: str, count: int) -> str:
    return "".join(line.format(n=n) for n in range(count))


def walls(long: int) -> dict[str, str]:
    """Texts made to be slow, each of about so many characters."""
    return {
        "bars": "|" * long,
        "bars and dashes": "|" * long + "\n" + "|-" * (long // 2),
        "dashes": "-" * long,
        "stars": "*" * long,
        "quotes": ">" * long,
        "nested lists": "- " * (long // 2) + "a",
        "spaces": "a" + " " * long + "b",
        "spaces in a field": "**a" + " " * long + "**: b",
        "open brackets": "## Phase 1\n- a " + "(" * long,
        "brackets": "## Phase 1 " + "(1)" * (long // 3),
        "square brackets": "- [" * (long // 3),
        "signs": "## " + "✅" * long,
        "ids": "## Phase 1\n- " + "A-1, " * (long // 5),
        "ranges": "## Phase 1\n" + "- A-1 through A-199\n" * (long // 20),
        "wide ranges": "## Phase 1\n" + lines("- A{n}-1 through A{n}-199\n", long // 66),
        "many needs": "| Task | Deps |\n|-|-|\n" + lines("| a{n} | T1–T999 |\n", long // 50),
        "paths": "| Task | Files |\n|-|-|\n| a | " + "a/b.py, " * (long // 8) + "|",
        "cells": "| Task | Time |\n|-|-|\n| a |" + " x |" * (long // 4),
        "one heading": "# " + "risk (" * (long // 6) + "\n" + "- a\n\n" * (long // 100),
        "comments": "<!--\n" * (long // 5),
        "tags": "<a " * (long // 3),
        "boxes": "```\n" + "┌─┐│" * (long // 4) + "\n```",
        "backticks": "`" * long,
        "code in code": "```markdown\n# a\n" * (long // 16),
    }  # fmt: skip


@pytest.mark.parametrize("name", walls(0))
def test_walls_of_signs_are_read(name: str) -> None:
    """With eight times the text, less than sixteen times the work; a square would be sixty-four."""
    draft = read_markdown(walls(LONG)[name], file="p.md")
    assert len(draft.remarks) <= MAX_REMARKS
    small, large = work(walls(250)[name]), work(walls(2_000)[name])
    assert large < 16 * small
