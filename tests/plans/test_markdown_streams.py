"""Tasks in prose: headings and lines in bold, with fields below them."""

from __future__ import annotations

import pytest

from agentdeck.plans.imports.build import build
from agentdeck.plans.imports.draft import Draft
from agentdeck.plans.imports.markdown.columns import Role
from agentdeck.plans.imports.markdown.document import read_markdown
from agentdeck.plans.imports.markdown.phases import is_done, ordinal_of, title_of
from agentdeck.plans.imports.markdown.streams import field_of


def read(text: str) -> Draft:
    return read_markdown(text, file="p.md")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("**Time**: 2 hours", ("Time", Role.TIME, "2 hours")),
        ("**Files:** `a.py`", ("Files", Role.FILES, "`a.py`")),
        ("Depends on: A, B", ("Depends on", Role.AFTER, "A, B")),
        ("**Files**:", ("Files", Role.FILES, "")),
        ("**Branch**: x", ("Branch", None, "x")),
        ("**Effort (hours)**: 3", ("Effort (hours)", Role.TIME, "3")),
        ("Note that: this is prose", None),
        ("**Bold** words", None),
        ("a" * 3000, None),
    ],
)
def test_fields(text: str, field: tuple[str, Role | None, str] | None) -> None:
    """Bold ones may have any name, plain ones only known names."""
    assert field_of(text) == field


@pytest.mark.parametrize(
    ("heading", "name", "title"),
    [
        ("Phase 1: Setup ⛔ SEQUENTIAL", "Phase 1", "Setup"),
        ("WAVE 10 - Last one (6 agents)", "Wave 10", "Last one"),
        ("2. Phase Two: API", "Phase 2", "API"),
        ("Week 1–2: Start", "Week 1-2", "Start"),
        ("DEFERRED: Phase 4B (Go-Powered)", "Phase 4B", "Go-Powered"),
        ("Sprint 3", "Sprint 3", ""),
        ("**Stage A**", "Stage A", ""),
    ],
)
def test_numbered_headings(heading: str, name: str, title: str) -> None:
    """The kind and number name a phase; signs and figures are no part of its title."""
    ordinal = ordinal_of(heading)
    assert ordinal is not None
    assert (ordinal.name, ordinal.title) == (name, title)


@pytest.mark.parametrize("heading", ["Phases", "Overview", "Phase-by-phase", "1. Intro", ""])
def test_headings_without_an_ordinal(heading: str) -> None:
    """They number nothing."""
    assert ordinal_of(heading) is None


def test_titles_and_what_is_done() -> None:
    """A sign behind a title is about it, and only some words mean that it is finished."""
    assert title_of("✅ Core `x` (2 hours)") == "Core x"
    assert is_done("Phase 0: Base ✅ COMPLETE")
    assert is_done("Phase 0 ✅")
    assert not is_done("Phase 2 ✅ HIGHLY PARALLELIZABLE")


def test_headings_of_tasks() -> None:
    """`Task N`, ids and numbers of streams; the text, the list and the code are the prompt."""
    draft = read(
        "# P\n\n### Task 1: Parser\n**Files:** `a.py`\n**Depends on:** none\n\nWrite it.\n\n"
        "- quotes\n\n```py\nx = 1\n```\n\n### AUTH-2 — Login\n- **Effort**: 45min\n"
        "- **Depends on**: Task 1\n- **Acceptance criteria**:\n  - works\n"
    )
    parser, login = draft.tasks
    assert (parser.title, parser.files, parser.after) == ("Parser", ["a.py"], [])
    assert parser.prompt == "Parser\n\nWrite it.\n\n- quotes\n\n```py\nx = 1\n```"
    assert (login.id, login.title, login.estimate_s) == ("AUTH-2", "Login", 2700)
    assert "- works" in login.prompt
    plan = build(draft, file="p.md").plan
    assert plan.tasks[1].after == ("parser",)


def test_any_heading_with_two_fields_is_a_task() -> None:
    """One is not enough, and a numbered phase never is."""
    fields = "**Files**: a.py\n**Time**: 2h\n\n"
    draft = read(f"## Login\n{fields}## Notes\n**Time**: 3h\n\n## Phase 1: X\n{fields}- a (1h)\n")
    assert [task.title for task in draft.tasks] == ["Login", "a"]


def test_a_heading_around_tasks_is_no_task() -> None:
    """It groups them."""
    draft = read(
        "# P\n\n## Backend\n**Agent**: Codex\n**Time**: 4h\n\n### Task 1: A\n**Time**: 1h\n\n"
        "### Task 2: B\n**Time**: 1h\n"
    )
    assert [(task.title, task.phase) for task in draft.tasks] == [
        ("A", "Backend"), ("B", "Backend"),
    ]  # fmt: skip


def test_lines_in_bold_head_tasks_too() -> None:
    """When they name a stream and its fields follow; other text ends it."""
    draft = read(
        "## Phase 1\n\n**Stream 1: Spawn**\n**Time**: 3h\n**Task**:\n- a\n- b\n\n"
        "**Stream 2: Claim**\n**Time**: 2h\n\nThen merge them.\n"
    )
    assert [(task.title, task.estimate_s) for task in draft.tasks] == [
        ("Spawn", 10_800), ("Claim", 7200),
    ]  # fmt: skip
    assert draft.tasks[0].prompt == "Spawn\n\n- a\n- b"
    assert draft.tasks[1].aliases == ["Stream 2", "Phase 1 Stream 2"]


def test_parts_of_a_task_belong_to_it() -> None:
    """Headings below a task are fields, or parts of its prompt."""
    draft = read(
        "### Task 1: A\n**Time**: 1h\n\n#### Files\n- a.py\n- b.py\n\n#### Steps\n1. one\n"
        "#### Hints\nmind the gap\n"
    )
    (task,) = draft.tasks
    assert task.files == ["a.py", "b.py"]
    assert task.prompt == "A\n\n\nSteps:\n- one\n\nHints:\nmind the gap".replace("\n\n\n", "\n\n")


def test_blockers_and_remarks() -> None:
    """`None if …` is nobody, with a remark; unknown fields are kept."""
    draft = read(
        "### Task 1: A\n**Time**: 1h\n**Blockers**: None if we agree first\n**Branch**: x/y\n"
        "**Dependencies**: None (schema is there)\n"
    )
    (task,) = draft.tasks
    assert task.after == []
    assert task.meta == {
        "blockers": "None if we agree first",
        "branch": "x/y",
        "dependencies": "None (schema is there)",
    }


@pytest.mark.parametrize("said", ["API (can mock)", "API, optional", "ideally the API"])
def test_soft_dependencies_are_no_edges(said: str) -> None:
    """They are kept and remarked."""
    draft = read(f"### Task 1: A\n**Time**: 1h\n**Needs**: {said}\n")
    assert draft.tasks[0].after == []
    assert draft.tasks[0].meta == {"soft dependency": said}
    assert "soft-dependency" in {remark.rule for remark in draft.remarks}


def test_phases_have_the_order_of_the_document() -> None:
    """Whichever reader found them: a list, a table, a heading."""
    draft = read(
        "## Phase 1: L\n1. **One** (1h)\n\n## Phase 2: T\n\n| Task | Time |\n|-|-|\n"
        "| Two | 1h |\n\n## Phase 3: H\n\n### Stream A: Three\n**Time**: 1h\n"
    )
    assert [phase.title for phase in draft.phases] == ["Phase 1: L", "Phase 2: T", "Phase 3: H"]
    assert [task.title for task in draft.tasks] == ["One", "Two", "Three"]


def test_headings_without_numbers_keep_their_order_too() -> None:
    """Tables are read before headings and lists, and still come where they stand."""
    draft = read(
        "# P\n\n## Zoo\n- X-1: One\n\n## Farm\n\n### Stream A: Two\n**Time**: 1h\n\n"
        "## Barn\n\n| Task | Time |\n|-|-|\n| Three | 1h |\n"
    )
    assert [phase.title for phase in draft.phases] == ["Zoo", "Farm", "Barn"]
    assert [task.title for task in draft.tasks] == ["One", "Two", "Three"]


def test_phases_in_phases_carry_both_titles() -> None:
    """The inner one is the phase; a later mention of it is the same one."""
    draft = read(
        "## Phase 1: Core\n### Week 1: Base\n- [ ] a\n### Week 2: API\n- [ ] b\n"
        "## Notes on Week 1\ntext\n"
    )
    assert [phase.title for phase in draft.phases] == [
        "Phase 1: Core / Week 1: Base", "Phase 1: Core / Week 2: API",
    ]  # fmt: skip


def test_without_numbers_headings_group() -> None:
    """Unless they only say "Tasks"."""
    draft = read(
        "# P\n\n## 1. Backend\n\n### T-1: A\n**Time**: 1h\n\n## Tasks\n\n### T-2: B\n**Time**: 1h\n"
    )
    assert [task.phase for task in draft.tasks] == ["Backend", None]
    assert "heading-as-phase" in {remark.rule for remark in draft.remarks}
