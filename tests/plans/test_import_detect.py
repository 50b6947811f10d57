"""Which format a document is in, and what comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.errors import UsageError
from agentdeck.plans.imports.detect import (
    FORMATS,
    detect,
    import_text,
    is_own,
    plan_text,
)
from agentdeck.plans.imports.draft import Imported
from agentdeck.plans.reader import read_plan

MARKDOWN = "# Plan\n\n- one thing\n\n| a |\n|---|\n| b |\n"
TASKMASTER = '{"tasks": [{"id": 1, "title": "A", "dependencies": [], "details": "x"}]}'
BEAD = '{"id": "b-1", "title": "A", "status": "open", "issue_type": "task", "priority": 1}\n'
QUEUE = "schema_version: 1\nqueue_id: q\ntasks:\n  - id: A\n    title: a\n    state: queued\n"
FORMULA = 'formula = "f"\nversion = 1\n[[steps]]\nid = "a"\ntitle = "A"\n'
DOCUMENTS = sorted((Path(__file__).parent / "documents").glob("*.md"))
OWN = 'version = 1\n[[task]]\nid = "A"\nprompt = "x"\n'


@pytest.mark.parametrize(
    ("file", "text", "wanted"),
    [
        ("plan.md", MARKDOWN, "markdown"),
        ("notes", MARKDOWN, "markdown"),
        ("PLAN.MD", MARKDOWN, "markdown"),
        ("tasks.json", TASKMASTER, "taskmaster"),
        ("a/.taskmaster/tasks/tasks.json", TASKMASTER, "taskmaster"),
        ("tasks.json", '{"tasks": [{"name": "a", "prompt": "x"}]}', "claudectl"),
        ("specs/001-x/tasks.md", "- [ ] T001 Make it\n- [ ] T002 [P] Test it\n", "speckit"),
        ("openspec/changes/x/tasks.md", "## 1. A\n- [ ] 1.1 Make it\n", "openspec"),
        (".kiro/specs/x/tasks.md", "- [ ] 1. Make it\n  - _Requirements: 1.1_\n", "kiro"),
        (".beads/issues.jsonl", BEAD, "beads"),
        ("prd.json", '{"userStories": [{"id": "U-1", "title": "a", "passes": false}]}', "prd"),
        ("plan.yaml", "name: x\nstages:\n  - name: a\n    steps:\n      - goal: b\n", "bernstein"),
        ("work-queue.yaml", QUEUE, "yardlet"),
        ("x.formula.toml", FORMULA, "gastown"),
    ],
)
def test_a_format_is_found(file: str, text: str, wanted: str) -> None:
    """By what the text says, and the name."""
    assert detect(file, text) == wanted


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_plans_in_free_markdown_are_nobody_elses(path: Path) -> None:
    """No format with rules of its own takes them."""
    assert detect(path.name, path.read_text(encoding="utf-8")) == "markdown"


@pytest.mark.parametrize(
    ("file", "text"), [("x.json", "{}"), ("x.yaml", "a: 1"), ("x.bin", "# a\n"), ("x.md", "words")]
)
def test_no_format_is_one_error_that_lists_them(file: str, text: str) -> None:
    """And says how to name one."""
    with pytest.raises(UsageError) as fault:
        detect(file, text)
    assert file in fault.value.message
    assert all(known.name in fault.value.hint for known in FORMATS)


def test_an_empty_file_is_said_to_be_empty() -> None:
    """It is in no format because there is nothing."""
    with pytest.raises(UsageError, match=r"x\.md is empty"):
        detect("x.md", " \n")


def test_an_unknown_format_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(UsageError, match="there is no format 'word'"):
        import_text(MARKDOWN, file="x.md", format="word")


@pytest.mark.parametrize(
    ("file", "text", "own"),
    [
        ("plan.toml", OWN, True),
        ("plan.toml", "broken", True),
        ("x.formula.toml", FORMULA, False),
        ("formula.toml", 'formula = "f"\n' + OWN, True),
        ("plan.txt", "# mine\n\n" + OWN, True),
        ("plan.md", "# Plan\n\n```toml\n" + OWN + "```\n", False),
        ("plan.md", MARKDOWN, False),
        ("tasks.json", TASKMASTER, False),
    ],
)
def test_own_plans_are_told_from_documents(file: str, text: str, own: bool) -> None:
    """Any `.toml`, and what begins like one."""
    assert is_own(file, text) is own


def test_a_document_becomes_a_plan_that_can_be_stored() -> None:
    """The text that goes with a run gives the same plan."""
    found = import_text(TASKMASTER, file="tasks.json")
    assert found.format == "taskmaster"
    assert found.plan.document == "tasks.json"
    assert read_plan(plan_text(found), file="p.toml") == found.plan


def outcome(text: str, file: str, name: str | None = None) -> Imported | str:
    try:
        return import_text(text, file=file, format=name)
    except UsageError as refused:  # PlanProblems is one
        return refused.message


@pytest.mark.parametrize("name", [known.name for known in FORMATS])
@pytest.mark.parametrize(
    "text", ["", "nonsense", "{}", "[]", "\x00", "a: [1", "\ufeff", '"', "---"]
)
def test_every_format_refuses_what_is_none_of_its_own(name: str, text: str) -> None:
    """With words and the file; each has a reader."""
    found = outcome(text, "odd.x", name)
    assert isinstance(found, str)
    assert "odd.x" in found


@given(st.text(max_size=80), st.sampled_from(["x.md", "x.json", "x.toml", "x.jsonl", "x", "x.yml"]))
def test_any_text_is_read_or_refused(text: str, file: str) -> None:
    """Never another error."""
    found = outcome(text, file)
    if isinstance(found, str):
        assert file in found
    else:
        assert read_plan(plan_text(found), file="p.toml") == found.plan
