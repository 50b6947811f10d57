"""Templates, batches, groups, tags and placeholders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.plan import NoteKind
from agentdeck.plans.imports.draft import Draft, Heard
from agentdeck.plans.imports.markdown.document import read_markdown
from agentdeck.plans.imports.markdown.placeholders import is_placeholder

FILLED = """\
# Plan

## Phase 1: Foundation
<phase_1>
Parallel Batch 1A (Independent, Low Risk):
- JOB-1: Add the parser - Agent: haiku
- JOB-2: Add the writer - Model: sonnet

Sequential (File conflicts):
- JOB-3: Rename things - Agent: haiku
- JOB-4: Move things - Agent: reviewer
- JOB-5: Delete things
</phase_1>

## Phase 2: Extras

## Template
For each task, specify:
```
Task: [ID]
Agent: opus
Actions:
1. Read it
2. Commit as "Do [ID]: [Summary]"
```

## Commands
```
PARALLEL_BATCH_2: [
  {agent: "haiku", task: "JOB-8", ...},
  Task(subagent_type="general-purpose", prompt="Execute JOB-9..."),
  {agent: "haiku", task: "JOB-1"},
  ...
]
```
"""


def imported(text: str) -> Draft:
    return read_markdown(text, file="plan.md")


def rules(draft: Draft, heard: Heard) -> set[tuple[int, str]]:
    return {(remark.line, remark.rule) for remark in draft.remarks if remark.heard is heard}


def at(text: str, fragment: str) -> int:
    """The last line with a fragment in it."""
    lines = text.split("\n")
    return max(number for number, line in enumerate(lines, 1) if fragment in line)


def test_groups_say_how_their_tasks_are_run() -> None:
    """Tasks of a sequential group wait for each other, those of a parallel one do not."""
    draft = imported(FILLED)
    by_id = {task.id: task for task in draft.tasks}
    assert sorted(by_id) == ["JOB-1", "JOB-2", "JOB-3", "JOB-4", "JOB-5", "JOB-8", "JOB-9"]
    assert by_id["JOB-1"].title == "Add the parser"
    assert {name: task.after for name, task in by_id.items() if task.after} == {
        "JOB-4": ["JOB-3"],
        "JOB-5": ["JOB-4"],
    }
    assert (by_id["JOB-1"].model, by_id["JOB-2"].model) == ("haiku", "sonnet")
    assert by_id["JOB-4"].agent == "reviewer"
    assert (by_id["JOB-1"].risk, by_id["JOB-3"].risk) == ("low", None)
    assert by_id["JOB-3"].phase == "Phase 1: Foundation"


def test_calls_make_the_tasks_that_nothing_else_names() -> None:
    """A known id is recognised, an unknown one is a task of the phase with the batch's number."""
    draft = imported(FILLED)
    eight, nine = (task for task in draft.tasks if task.id in ("JOB-8", "JOB-9"))
    assert (eight.model, eight.phase, nine.phase) == ("haiku", *["Phase 2: Extras"] * 2)
    assert nine.meta["agent type"] == "general-purpose"
    assert (at(FILLED, 'JOB-1"}'), "known-again") in rules(draft, Heard.READ)
    made = {(at(FILLED, name), "batch-call") for name in ("JOB-8", "JOB-9")}
    assert made <= rules(draft, Heard.GUESSED)


def test_the_template_is_the_prompt_of_every_task() -> None:
    """`[ID]` and `[Summary]` are filled in; a summary that nobody knows stays open."""
    by_id = {task.id: task for task in imported(FILLED).tasks}
    assert by_id["JOB-1"].prompt == (
        'Task JOB-1: Add the parser\n\n1. Read it\n2. Commit as "Do JOB-1: Add the parser"'
    )
    assert by_id["JOB-8"].prompt == 'Task JOB-8\n\n1. Read it\n2. Commit as "Do JOB-8: [Summary]"'
    assert by_id["JOB-5"].model == "opus"


def test_nothing_of_a_filled_template_is_left_unread() -> None:
    """Every line that says something is in the plan or in a remark of its own."""
    left = rules(imported(FILLED), Heard.LEFT)
    assert {rule for _, rule in left} <= {"placeholder", "not-understood"}
    assert [line for line, rule in left if rule == "not-understood"] == []


def test_a_list_of_names_only_recognises() -> None:
    """`Agent 1: …` names tasks that the plan has; a name that nobody has makes no task."""
    text = FILLED + "\n## Launch\n```bash\nAgent 1: Add the parser\nAgent 2: Drink tea\n```\n"
    draft = imported(text)
    assert len(draft.tasks) == 7
    assert (at(text, "Agent 1"), "known-again") in rules(draft, Heard.READ)
    assert (at(text, "tea"), "unknown-name") in rules(draft, Heard.LEFT)


def test_a_list_of_ids_names_them_all() -> None:
    """Several ids in one line, behind a comment that names the batch."""
    draft = imported(FILLED + "\n```bash\n# Tasks for Batch 2:\nJOB-1, JOB-20 and JOB-21\n```\n")
    again = [r.text for r in draft.remarks if r.rule == "known-again"]
    assert again[-1] == "JOB-1 is task 'Add the parser' again"
    assert [(t.id, t.phase) for t in draft.tasks[-2:]] == [
        ("JOB-20", "Phase 2: Extras"),
        ("JOB-21", "Phase 2: Extras"),
    ]


def test_tags_are_structure_and_notes() -> None:
    """What stands in a known tag is a note; a choice that was not made is left."""
    draft = imported(
        "# P\n\n<metadata>\n<confidence>medium</confidence>\n<assumptions>\n- It rains\n"
        "</assumptions>\n<open_questions>\n- [Any questions]\n- Who pays?\n</open_questions>\n"
        "<dependencies>\n- A clean tree\n</dependencies>\n</metadata>\n"
    )
    assert [(note.kind, note.text, note.line) for note in draft.notes] == [
        (NoteKind.CONFIDENCE, "medium", 4),
        (NoteKind.ASSUMPTION, "It rains", 6),
        (NoteKind.QUESTION, "Who pays?", 10),
        (NoteKind.CONSTRAINT, "A clean tree", 13),
    ]
    open_choice = imported("# P\n\n<confidence>high|medium|low</confidence>\n")
    assert open_choice.notes == []
    assert (3, "placeholder") in rules(open_choice, Heard.LEFT)


@pytest.mark.parametrize(
    "text",
    [
        *("[ID]", "[Summary]", "- [Any unresolved questions]", "...", "…", "high|medium|low"),
        *("TASK-[ID]: [Summary] - Agent: haiku", "Total: [Estimated based on complexity]"),
        *("1. [Specific rollback steps]", "{TASK-ID}: do it", "Task: [ID]", "- [ ] [What to do]"),
    ],
)
def test_what_is_left_open_is_known_as_such(text: str) -> None:
    """Templates are not taken for content."""
    assert is_placeholder(text)


@pytest.mark.parametrize(
    "text",
    [
        *("[guide](docs/x.md)", "- [ ] Add a route", "- [x] done", "[API] Add a route", "a | b"),
        *("Depends on: [T1, T2]", "Labels: [backend, api]", "Create branch `task/{TASK-ID}-x`"),
        *("[T1]", "see [the guide] for more", "", "it goes on ..."),
    ],
)
def test_content_is_no_placeholder(text: str) -> None:
    """A real task is never dropped because of its brackets."""
    assert not is_placeholder(text)


@given(st.text(alphabet="<>/[]{}():=\"'|,.#-_ \nabTASK01Sequentilr", max_size=300))
def test_no_soup_of_calls_and_tags_crashes(soup: str) -> None:
    """Any text is read, inside and outside of code blocks."""
    imported(soup)
    imported(f"# P\n\n```\nBATCH_1: [\n{soup}\n```\n\nSequential:\n- A-1: x\n{soup}")
