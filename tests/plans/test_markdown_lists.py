"""Tasks in lists: with ids, boxes or times; ranges; and what plain lists come to."""

from __future__ import annotations

import pytest

from agentdeck.core.plan import Strategy
from agentdeck.plans.imports.build import build
from agentdeck.plans.imports.draft import Draft
from agentdeck.plans.imports.markdown.document import read_markdown
from agentdeck.plans.imports.markdown.lists import Entry, read_entry


def read(text: str) -> Draft:
    return read_markdown(text, file="p.md")


def rules(draft: Draft) -> set[str]:
    return {remark.rule for remark in draft.remarks}


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("Write docs", Entry(title="Write docs")),
        ("T003 [2h] Add service", Entry(id="T003", title="Add service", estimate_s=7200)),
        ("**T004** - Add it (~3h)", Entry(id="T004", title="Add it", estimate_s=10_800)),
        ("AUTH-1: Log in", Entry(id="AUTH-1", title="Log in")),
        ("**Registry** (1 hour) - FIRST", Entry(title="Registry", estimate_s=3600, ordered=True)),
        (
            "**Worker** (3 hours) - THIRD (depends on control agent)",
            Entry(title="Worker", estimate_s=10_800, ordered=True, needs=["control agent"]),
        ),
        ("**Login**: with a form", Entry(title="Login", text="with a form")),
        ("Build (15K tokens)", Entry(title="Build", tokens=15_000)),
        ("Ship ✅", Entry(title="Ship", done=True)),
        ("Read [the docs](http://x) (2024)", Entry(title="Read the docs (2024)")),
    ],
)
def test_entries(text: str, entry: Entry) -> None:
    """Id, title, time, order and needs are taken apart; other remarks stay in the title."""
    assert read_entry(text) == entry


def test_checkboxes_under_tasks() -> None:
    """Ticked ones are done; what is nested is a field or a step."""
    draft = read(
        "# P\n\n## Tasks\n\n- [x] T001 Repo\n- [ ] T002: Models (depends on T001)\n"
        "- [ ] T003 Service\n  - Files: a.py\n  - Depends on: T002\n  - handle errors\n"
    )
    assert [(task.id, task.title) for task in draft.tasks] == [
        ("T001", "Repo"), ("T002", "Models"), ("T003", "Service"),
    ]  # fmt: skip
    assert [task.done for task in draft.tasks] == [True, False, False]
    assert draft.tasks[1].after == ["T001"]
    assert (draft.tasks[2].files, draft.tasks[2].after) == (["a.py"], ["T002"])
    assert draft.tasks[2].prompt == "Service\n\n- handle errors"


@pytest.mark.parametrize(
    "text",
    [
        "## Risk Mitigation\n1. **Commit current state**\n2. **Create branch**",
        "## Protocol\n1. **Pre-flight**\n   - Claim tasks",
        "## Answer\n1. **Documentation tasks** - docs\n2. **CLI** - tool",
        "## References\n- T-1: the definition",
        "## Overview\n- [ ] not a task",
        "- loose entry",
    ],
)
def test_lists_that_are_no_tasks(text: str) -> None:
    """Where a list stands decides, when its entries do not."""
    assert read(f"# P\n\n{text}\n").tasks == []


def test_numbered_tasks_in_order() -> None:
    """FIRST, SECOND, THIRD: each after the one before."""
    draft = read(
        "## Phase 3\n\n1. **Registry** (1 hour) - FIRST\n2. **Control Agent** (4 hours) - SECOND\n"
        "3. **Queue Worker** (3 hours) - THIRD (depends on control agent)\n"
    )
    plan = build(draft, file="p.md").plan
    assert [task.after for task in plan.tasks] == [(), ("registry",), ("control-agent",)]
    assert "ordinal-words" in rules(draft)


@pytest.mark.parametrize(
    "text", ["API-001 through API-003", "API-001 – -003 (3 tasks)", "API-001, API-002 and API-003"]
)
def test_ranges_are_tasks(text: str) -> None:
    """With what the other entries say of all of them."""
    draft = read(
        f"### DEFERRED: Phase 9 (Later)\n*Reason: too early*\n\n- {text}\n"
        "- Each task is 50K+ tokens\n- Needs a person\n"
    )
    assert [task.id for task in draft.tasks] == ["API-001", "API-002", "API-003"]
    assert {task.tokens for task in draft.tasks} == {50_000}
    assert {task.defer for task in draft.tasks} == {"too early"}
    assert draft.tasks[0].title == "API-001: Later"
    assert "Needs a person" in draft.tasks[0].prompt


def test_plain_lists_are_tasks_when_nothing_else_is() -> None:
    """A guess, told for each."""
    text = "# P\n\n## Phase 1: Setup\n- Make folders\n\n## Phase 2: Core\n1. Engine\n   - fast\n"
    draft = read(text)
    assert [(task.title, task.phase) for task in draft.tasks] == [
        ("Make folders", "Phase 1: Setup"), ("Engine", "Phase 2: Core"),
    ]  # fmt: skip
    assert "plain-list" in rules(draft)
    with_table = read(f"{text}\n## Phase 3\n\n| Task | Time |\n|-|-|\n| a | 1h |\n")
    assert [task.title for task in with_table.tasks] == ["a"]


def test_phases_are_tasks_when_there_is_not_even_a_list() -> None:
    """Their text is the prompt."""
    draft = read("# P\n\n## Phase 1: Setup\nMake it.\n\n## Phase 2: Core\nThen this.\n")
    assert [task.title for task in draft.tasks] == ["Setup", "Core"]
    assert draft.tasks[0].prompt == "Setup\n\nMake it."
    assert "phase-as-task" in rules(draft)


def test_an_empty_document_has_no_tasks() -> None:
    """And is no error here."""
    assert read("").tasks == []


def test_phases_that_rely_on_their_order_are_barriers() -> None:
    """But not when a dependency leads from one into another, and not for a single phase."""
    text = "## Phase 1\n- [ ] A-1: a\n## Phase 2\n- [ ] A-2: b{}\n"
    assert read(text.format("")).strategy is Strategy.WAVES
    assert read(text.format(" (depends on A-1)")).strategy is Strategy.EAGER
    assert read("## Phase 1\n- [ ] A-1: a\n").strategy is Strategy.EAGER


def test_a_stated_barrier() -> None:
    """It holds for headings without numbers too."""
    draft = read("Merge all after each wave.\n\n# P\n## A\n- X-1: a\n## B\n- X-2: b\n")
    assert draft.strategy is Strategy.WAVES
    assert "stated-barrier" in rules(draft)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("Up to 8 concurrent agents. Wave 1 (3 agents).", 8),
        ("Max Concurrent Agents: 5\n\n(9 agents)", 5),
        ("with 2-3 agents", 3),
        ("no number", None),
    ],
)
def test_how_many_agents(text: str, limit: int | None) -> None:
    """The plainest statement counts; of several the largest number."""
    assert read(f"# P\n\n{text}\n").agents_limit == limit
