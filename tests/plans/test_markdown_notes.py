"""What an author says beside the tasks is kept as notes of the right kind."""

from __future__ import annotations

import pytest

from agentdeck.core.plan import NoteKind
from agentdeck.plans.imports.draft import Draft, DraftNote
from agentdeck.plans.imports.markdown.document import read_markdown


def read(text: str) -> Draft:
    return read_markdown(f"# P\n\n{text}\n", file="p.md")


def notes(text: str) -> list[tuple[NoteKind, str]]:
    return [(note.kind, note.text) for note in read(text).notes]


def test_tables_of_risks() -> None:
    """The mitigation is the answer; other columns are part of the text."""
    draft = read(
        "## Risks\n\n| # | Risk | Impact | Mitigation |\n|-|-|-|-|\n"
        "| 1 | **Late** | High | Start |\n"
    )
    assert draft.notes == [DraftNote(NoteKind.RISK, "Late (Impact: High)", 7, "Start")]
    assert draft.tasks == []


def test_a_conflict_with_its_solution() -> None:
    """Which may be a list."""
    draft = read("**Potential conflict**: both write a.py\n\n**Solution**:\n- wait\n- merge\n")
    assert draft.notes == [
        DraftNote(NoteKind.RISK, "Potential conflict: both write a.py", 3, "wait; merge")
    ]


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("Assumptions", NoteKind.ASSUMPTION),
        ("Open Questions", NoteKind.QUESTION),
        ("Success Criteria", NoteKind.CRITERION),
        ("References", NoteKind.REFERENCE),
        ("Constraints", NoteKind.CONSTRAINT),
        ("Execution Protocol", NoteKind.PROTOCOL),
        ("Known Risks", NoteKind.RISK),
        ("Why this order", NoteKind.RATIONALE),
        ("Overview", NoteKind.REMARK),
    ],
)
def test_headings_say_what_a_list_is(heading: str, kind: NoteKind) -> None:
    """Each entry is a note."""
    found = notes(f"## {heading}\n\n- first `a/b.md`\n- second")
    assert [one for one, _ in found] == [kind, kind]
    assert found[1][1].endswith("second")


@pytest.mark.parametrize(
    ("line", "kind", "text"),
    [
        ("**Rationale**: apart", NoteKind.RATIONALE, "Phase 1: Rationale: apart"),
        ("**Why Sequential**: one", NoteKind.RATIONALE, "Phase 1: Why Sequential: one"),
        ("*Focus: low risk*", NoteKind.REMARK, "Phase 1: Focus: low risk"),
        ("**Alternative**: split", NoteKind.REMARK, "Phase 1: Alternative: split"),
        ("**Assumption**: fast", NoteKind.ASSUMPTION, "Phase 1: Assumption: fast"),
        ("just words", NoteKind.REMARK, "Phase 1: just words"),
    ],
)
def test_fields_under_a_phase(line: str, kind: NoteKind, text: str) -> None:
    """They say what they are, and which phase they are about."""
    assert notes(f"## Phase 1: X\n\n{line}\n\n- T-1: a task") == [(kind, text)]


def test_steps_of_a_protocol_keep_what_belongs_to_them() -> None:
    """Nested entries are part of the step."""
    found = notes("## Protocol\n\n1. **Pre-flight**\n   - claim\n   - branch\n2. Go")
    assert found == [
        (NoteKind.PROTOCOL, "Protocol: Pre-flight: claim; branch"),
        (NoteKind.PROTOCOL, "Protocol: Go"),
    ]


def test_a_field_without_a_value_takes_what_follows() -> None:
    """A list or code."""
    assert notes("**Why this works:**\n- a\n- b\n") == [
        (NoteKind.RATIONALE, "Why this works: a; b")
    ]
    assert notes("**How to execute**:\n```\nmake a\nmake b\n```\n") == [
        (NoteKind.PROTOCOL, "How to execute: make a; make b")
    ]


def test_a_text_below_references_that_names_no_place_is_a_remark() -> None:
    """Footers often stand behind the last section."""
    assert notes("## References\n\n- `a.md`\n\n*Created yesterday*") == [
        (NoteKind.REFERENCE, "a.md"),
        (NoteKind.REMARK, "Created yesterday"),
    ]


def test_text_without_a_place_is_told() -> None:
    """Under a heading that says nothing."""
    draft = read("## Zebra\n\nstripes")
    assert draft.notes == []
    assert [remark.rule for remark in draft.remarks] == ["not-understood"]
