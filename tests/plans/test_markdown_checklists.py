"""Lists of checks become gates without a command; lists of work do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.plan import GateWhen, NoteKind
from agentdeck.plans.imports.draft import Draft, Heard
from agentdeck.plans.imports.markdown.checklists import Purpose, moment_of, purpose_of
from agentdeck.plans.imports.markdown.document import read_markdown


def imported(text: str) -> Draft:
    return read_markdown(text, file="plan.md")


@pytest.mark.parametrize(
    ("heading", "when"),
    [
        ("Pre-Execution Checklist", GateWhen.PREFLIGHT),
        ("Preflight checks", GateWhen.PREFLIGHT),
        ("Per-Task Validation", GateWhen.TASK),
        ("Verification Checklist (Per Task)", GateWhen.TASK),
        ("Pre-merge checks", GateWhen.MERGE),
        ("Phase Validation", GateWhen.PHASE),
        ("Checks after each wave", GateWhen.PHASE),
        ("Final Validation", GateWhen.FINAL),
        ("Review Checklist", GateWhen.FINAL),
    ],
)
def test_the_heading_says_when(heading: str, when: GateWhen) -> None:
    """One gate for each entry, ticked, numbered or plain; never with a command."""
    for marks in (("- [ ]", "- [x]"), ("1.", "2."), ("-", "-")):
        draft = imported(
            f"# P\n\n## {heading}\n\n{marks[0]} Tests pass\n{marks[1]} `make` is quiet\n"
        )
        assert [(gate.check, gate.when, gate.run, gate.line) for gate in draft.gates] == [
            ("Tests pass", [when], [], 5),
            ("make is quiet", [when], [], 6),
        ]
        assert draft.tasks == []


def test_the_nearest_words_win() -> None:
    """The label, then the sentence, then the line above, then the headings."""
    draft = imported(
        "# P\n\n## Quality Gates\n\nAfter each phase:\n- **Pre-execution**: tree is clean\n"
        "- Run the tests after each task\n- Look around\n\n### Final Validation\n\n"
        "- **Task-level**: x\n- y\n"
    )
    assert [(gate.check, gate.when) for gate in draft.gates] == [
        ("tree is clean", [GateWhen.PREFLIGHT]),
        ("Run the tests after each task", [GateWhen.TASK]),
        ("Look around", [GateWhen.PHASE]),
        ("x", [GateWhen.TASK]),
        ("y", [GateWhen.FINAL]),
    ]


def test_a_check_that_does_not_say_when_is_made_for_each_task() -> None:
    """That is a guess, and told as one."""
    draft = imported("# P\n\n## Quality Gates\n\n- Tests pass\n")
    assert draft.gates[0].when == [GateWhen.TASK]
    assert ("check-per-task", Heard.GUESSED) in {(r.rule, r.heard) for r in draft.remarks}


def test_names_of_gates_differ() -> None:
    """The same words in two lists are two gates; what is nested belongs to its entry."""
    draft = imported(
        "# P\n\n## Phase Validation\n- Tests pass\n- Tests pass\n  - on Linux\n  - on macOS\n\n"
        "## Final Validation\n- Tests pass\n"
    )
    names = [gate.name for gate in draft.gates]
    assert names == ["tests-pass", "phase-tests-pass", "final-tests-pass"]
    assert draft.gates[1].check == "Tests pass; on Linux; on macOS"


def test_criteria_are_notes() -> None:
    """When the whole is a success is nothing that a task is checked for."""
    draft = imported("# P\n\n## Success Criteria\n\n- [ ] It is fast\n- It is **small**\n")
    assert [(note.kind, note.text, note.line) for note in draft.notes] == [
        (NoteKind.CRITERION, "It is fast", 5),
        (NoteKind.CRITERION, "It is small", 6),
    ]
    assert draft.gates == []


@pytest.mark.parametrize(
    "headings",
    [
        ["Tasks"],
        ["Implementation Checklist"],
        ["Phase 4: Quality Gates"],
        ["Phase 1: Infrastructure Validation", "Quality Gates"],
        ["Code Review Preparation"],
    ],
)
def test_a_list_of_work_is_no_list_of_checks(headings: list[str]) -> None:
    """A numbered phase holds work, whatever it is called."""
    assert purpose_of(headings) is Purpose.WORK
    text = "".join(f"{'#' * (at + 2)} {one}\n\n" for at, one in enumerate(reversed(headings)))
    assert imported(f"# P\n\n{text}- build the thing\n").gates == []


def test_ticked_review_lists_are_checks() -> None:
    """`Review` alone is a weak word: only boxes to tick make it a list of checks."""
    assert purpose_of(["Review"], ticked=True) is Purpose.CHECKS
    assert purpose_of(["Review"]) is Purpose.WORK
    assert moment_of("Phase 2: Final Review") is None


@given(st.text(alphabet="-*#[]x 1.:\nQualityGesPrFnvdio", max_size=300))
def test_no_soup_of_lists_crashes(soup: str) -> None:
    """Whatever is read as a check has words and a name of its own."""
    draft = imported(f"# P\n\n## Quality Gates\n\n{soup}")
    assert all(gate.check and gate.name for gate in draft.gates)
    assert len({gate.name for gate in draft.gates}) == len(draft.gates)
