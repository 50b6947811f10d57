"""A real template of a plan, with a document in a document. All counts were made by hand."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

from agentdeck.core.plan import GateWhen, NoteKind
from agentdeck.plans.imports.build import build
from agentdeck.plans.imports.draft import Draft, Heard
from agentdeck.plans.imports.markdown.document import read_markdown
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

DOCUMENT = Path(__file__).parent / "documents" / "prompt-engineering-task-execution.md"
PROMPT = """\
Task TASK-0034

1. Read task file
2. Implement changes
3. Run specified tests
4. Archive task to /tasks/archive/
5. Commit with message: "Complete TASK-0034: [summary]\""""


@cache
def imported() -> Draft:
    return read_markdown(DOCUMENT.read_text(encoding="utf-8"), file=DOCUMENT.name)


def lines_of(heard: Heard, rule: str) -> list[int]:
    return sorted(r.line for r in imported().remarks if r.heard is heard and r.rule == rule)


def test_only_real_ids_are_tasks() -> None:
    """Two ids are real; `TASK-[ID]` is none."""
    draft = imported()
    assert [(task.id, task.model, task.line) for task in draft.tasks] == [
        ("TASK-0034", "haiku", 52),
        ("TASK-0035", "haiku", 53),
    ]
    assert lines_of(Heard.GUESSED, "batch-call") == [52, 53]
    assert lines_of(Heard.READ, "known-again") == [105, 106]
    assert [task.after for task in draft.tasks] == [[], []]


def test_the_batch_is_the_first_phase() -> None:
    """`PARALLEL_BATCH_1` is Phase 1 of the document in the document."""
    draft = imported()
    assert [(phase.title, phase.line) for phase in draft.phases] == [
        ("Phase 1: Foundation Tasks", 78)
    ]
    assert {task.phase for task in draft.tasks} == {draft.phases[0].key}


def test_the_template_is_the_prompt() -> None:
    """Five steps, with the id filled in."""
    assert imported().tasks[0].prompt == PROMPT
    assert imported().tasks[1].prompt == PROMPT.replace("0034", "0035")


def test_checklists_are_gates() -> None:
    """Four requirements and four lists of four; none has a command."""
    gates = imported().gates
    assert Counter(when for gate in gates for when in gate.when) == {
        GateWhen.PREFLIGHT: 5,
        GateWhen.TASK: 5,
        GateWhen.PHASE: 5,
        GateWhen.FINAL: 5,
    }
    assert [gate.line for gate in gates] == [
        *(30, 31, 32, 33),
        *(121, 122, 123, 124),
        *(129, 130, 131, 132),
        *(138, 139, 140, 141),
        *(162, 163, 164, 165),
    ]
    assert all(gate.run == [] for gate in gates)
    assert len({gate.name for gate in gates}) == 20
    assert gates[0].check == "Verify clean working tree, all tests passing"
    assert gates[-1].check == "Commits organized"


def test_metadata_and_criteria_are_notes() -> None:
    """Three dependencies, three assumptions, eight criteria; the confidence was not filled in."""
    notes = {
        kind: [note.line for note in imported().notes if note.kind is kind]
        for kind in (NoteKind.CONSTRAINT, NoteKind.ASSUMPTION, NoteKind.CRITERION)
    }
    assert [line for line in notes[NoteKind.CONSTRAINT] if line > 176] == [179, 180, 181]
    assert notes[NoteKind.ASSUMPTION] == [187, 188, 189]
    assert notes[NoteKind.CRITERION] == list(range(195, 203))
    kinds = {note.kind for note in imported().notes}
    assert not kinds & {NoteKind.CONFIDENCE, NoteKind.QUESTION}


def test_what_is_left_open_is_told_line_by_line() -> None:
    """Every bracket, choice and ellipsis of the document in the document."""
    assert lines_of(Heard.LEFT, "placeholder") == [
        *(74, 81, 82, 83, 86, 87, 89, 94, 97, 107, 114, 149, 155, 171, 172, 173, 177, 184),
    ]


def test_the_draft_becomes_a_plan_that_can_be_read_back() -> None:
    """All 2 tasks, with what they wait for; written and read again it is the same plan."""
    draft = read_markdown(DOCUMENT.read_text(encoding="utf-8"), file=DOCUMENT.name)
    plan = build(draft, file=DOCUMENT.name).plan
    assert len(plan.tasks) == 2
    assert sum(len(task.after) for task in plan.tasks) == 0
    assert read_plan(write_plan(plan), file="plan.toml") == plan
