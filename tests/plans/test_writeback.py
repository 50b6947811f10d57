"""The marks of a run in the documents that plans come from: these bytes change, and no others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.errors import UsageError
from agentdeck.core.ids import TaskId
from agentdeck.plans.imports.detect import import_text
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.writeback.documents import Written, format_of, written_back
from agentdeck.plans.writeback.marks import Mark, Standing
from agentdeck.testing.counted_calls import calls_of

FORMATS = ("markdown", "speckit", "kiro", "openspec", "taskmaster", "beads", "prd", "yardlet")
WHEN = "2026-03-01T10:00:00Z"
DONE = Mark(Standing.DONE, "claude", WHEN)
WORKING = Mark(Standing.WORKING, "codex")
BLOCKED = Mark(Standing.BLOCKED, "codex")
TODO = Mark(Standing.TODO)


def write(text: str, file: str, form: str, **marks: Mark) -> Written:
    """The marks by id; `_` stands for `-` and `__` for `.`."""
    named = {
        TaskId(name.replace("__", ".").replace("_", "-").removeprefix("n")): mark
        for name, mark in marks.items()
    }
    return written_back(text, file=file, marks=named, format_name=form)


def tasks_json(text: str, **marks: Mark) -> str:
    return write(text, "tasks.json", "taskmaster", **marks).text


# --- Task Master ---------------------------------------------------------------------------------

PRETTY = """{
  "master": {
    "tasks": [
      {
        "id": 1,
        "title": "Straße \\u00fc bauen 🚧",
        "status": "pending",
        "dependencies": []
      },
      {
        "id": 5,
        "title": "Group",
        "status" : "pending",
        "dependencies": [1],
        "subtasks": [
          { "id": 1, "title": "One", "status": "pending" },
          { "id": 2, "title": "Two, which says \\"id\\": 2 {", "status": "pending", "x": {"id": 2} }
        ]
      }
    ],
    "metadata": { "created": "yesterday" }
  }
}
"""


def test_only_the_values_change_in_a_pretty_document() -> None:
    """New fields are written as the table writes its others, on lines of their own or not."""
    found = tasks_json(PRETTY, n1=DONE, n5__2=WORKING)
    expected = PRETTY.replace(
        '"status": "pending",\n        "dependencies": []',
        '"status": "done",\n        "dependencies": [],\n        "agent_id": "claude",\n'
        f'        "completed_at": "{WHEN}"',
    ).replace(
        '"status": "pending", "x": {"id": 2} }',
        '"status": "in-progress", "x": {"id": 2}, "agent_id": "codex" }',
    )
    assert found == expected


def test_a_group_is_done_with_the_last_of_its_subtasks() -> None:
    assert '"status" : "pending"' in tasks_json(PRETTY, n5__1=DONE)
    found = tasks_json(PRETTY, n5__1=DONE, n5__2=DONE)
    assert '"status" : "done"' in found
    assert json.loads(found)["master"]["tasks"][1]["completed_at"] == WHEN
    assert tasks_json(found, n5__1=DONE, n5__2=DONE) == found


def test_one_line_with_many_tables_marks_the_right_ones() -> None:
    """Task 2, subtask 2 of task 5 and subtask 2 of task 6 are three, on one line."""
    sub = '{"id":2,"title":"c","status":"pending"}'
    text = (
        '{"tasks":[{"id":2,"title":"a","status":"pending"},'
        f'{{"id":5,"title":"b","subtasks":[{sub}]}},{{"id":6,"title":"d","subtasks":[{sub}]}}]}}'
    )
    found = tasks_json(text, n5__2=DONE)
    new = f'{{"id":2,"title":"c","status":"done","agent_id":"claude","completed_at":"{WHEN}"}}'
    group = f'"subtasks":[{new}],"status":"done","completed_at":"{WHEN}"'
    assert found == text.replace(f'"subtasks":[{sub}]', group, 1)


def test_what_the_document_says_already_stays_in_its_own_words() -> None:
    """`completed` is done, `in_progress` is in progress; nothing done is taken back."""
    text = (
        '{"tasks": [{"id": 1, "title": "a", "status": "completed", "completed_at": "before"},'
        ' {"id": 2, "title": "b", "status": "in_progress", "agent_id": "codex"},'
        ' {"id": 3, "title": "c", "status": "Done"}]}'
    )
    marks = {"n2": WORKING, "n3": BLOCKED, "n1": Mark(Standing.DONE, None, WHEN)}
    assert write(text, "tasks.json", "taskmaster", **marks) == Written(text, (), ())
    # a field that is missing is added, also where the status needs no change
    assert '"completed_at": "before", "agent_id": "claude"' in tasks_json(text, n1=DONE)


def test_what_is_to_do_is_not_marked() -> None:
    assert tasks_json(PRETTY, n1=TODO, n5__1=TODO, n5__2=TODO) == PRETTY


def test_tags_are_told_apart() -> None:
    """Tasks of the same number in two tags are two, and a mark finds its own."""
    text = (
        '{"web": {"tasks": [{"id": 1, "title": "a", "status": "pending"}]},'
        ' "api": {"tasks": [{"id": 1, "title": "a", "status": "pending"}]}}'
    )
    found = json.loads(tasks_json(text, api_1=DONE))
    assert found["web"]["tasks"][0]["status"] == "pending"
    assert found["api"]["tasks"][0]["status"] == "done"


def test_an_id_that_stands_twice_is_known_by_its_place_and_title() -> None:
    """The second one is called `1-2`; if another task has come to its place, it is left alone."""
    text = (
        '{"tasks": [{"id": 1, "title": "a", "status": "pending"},'
        ' {"id": 1, "title": "b", "status": "pending"}]}'
    )
    mark = Mark(Standing.DONE, title="b")
    assert json.loads(tasks_json(text, n1_2=mark))["tasks"][1]["status"] == "done"
    other = text.replace('"b"', '"new"')
    found = write(other, "tasks.json", "taskmaster", n1_2=mark)
    assert found == Written(other, (), (TaskId("1-2"),))


def test_a_task_that_is_gone_is_missing_and_nothing_else() -> None:
    found = write(PRETTY, "tasks.json", "taskmaster", n9=DONE)
    assert found == Written(PRETTY, (), (TaskId("9"),))


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"tasks": [}', "[" * 5_000, '{"tasks": [{"id": 1, "title": "a\nb"}]}', "nothing"],
    ids=["empty", "open", "wrong bracket", "deep", "raw line end", "words"],
)
def test_a_broken_document_is_an_error_with_its_own_line(text: str) -> None:
    with pytest.raises(UsageError):
        tasks_json(text, n1=DONE)


def test_the_line_of_an_error_is_that_of_the_document() -> None:
    with pytest.raises(PlanProblems) as found:
        tasks_json('{"tasks": [\n{"id": 1},\n{"id": 2,}]}', n1=DONE)
    assert found.value.problems[0].line == 3


SPACE = st.sampled_from(["", " ", "\n", "\r\n", "\t", "\n    ", "  \r"])
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def styled(draw: st.DrawFn, value: Any) -> str:
    """JSON of a value with any white space wherever it may stand."""
    gap = draw(SPACE), draw(SPACE), draw(SPACE), draw(SPACE)
    ascii_only = draw(st.booleans())

    def text_of(part: Any) -> str:
        match part:
            case dict():
                pairs = [
                    f"{gap[0]}{json.dumps(k, ensure_ascii=ascii_only)}{gap[1]}:{gap[2]}{text_of(v)}"
                    for k, v in part.items()
                ]
                return "{" + f"{gap[3]},".join(pairs) + gap[3] + "}"
            case list():
                return "[" + f"{gap[1]},{gap[2]}".join(text_of(item) for item in part) + "]"
            case _:
                return json.dumps(part, ensure_ascii=ascii_only)

    return text_of(value)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A tasks.json in some style, with fields nobody knows."""
    tasks: list[dict[str, Any]] = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        task = {"id": number, "title": f"Task {number}", "status": "pending"}
        if draw(st.booleans()):
            del task["status"]
        if draw(st.booleans()):
            task = {"zzz": draw(JUNK), **task}
        tasks.append({**task, "extra": draw(JUNK)} if draw(st.booleans()) else task)
    value = {"tasks": tasks}
    bom = draw(st.sampled_from(["", "\ufeff"]))
    return bom + draw(styled(value)), value


@given(documents(), st.data())
def test_in_any_style_the_data_differs_by_the_marks_alone(
    document: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    """Decoded: exactly the fields that were set. As text: taking them out gives the old text."""
    text, value = document
    numbers = [task["id"] for task in value["tasks"]]
    chosen = data.draw(st.sets(st.sampled_from(numbers)))
    marks: Mapping[TaskId, Mark] = {TaskId(str(number)): DONE for number in chosen}
    found = written_back(text, file="tasks.json", marks=marks, format_name="taskmaster")
    for task in value["tasks"]:
        if task["id"] in chosen:
            task.update(status="done", agent_id="claude", completed_at=WHEN)
    assert json.loads(found.text.removeprefix("\ufeff")) == value
    assert found.missing == ()
    assert len(found.marked) == len(chosen)
    left = iter(found.text.replace('"done"', '"pending"'))
    assert all(char in left for char in text), "the old text is still there, in its order"
    again = written_back(found.text, file="tasks.json", marks=marks, format_name="taskmaster")
    assert again == Written(found.text, (), ())


def test_the_work_of_marking_grows_with_the_document() -> None:
    """Tasks on one line, all done: eight times as many, less than twelve times the calls."""

    def calls(count: int) -> int:
        tasks = [{"id": number, "title": "t", "status": "pending"} for number in range(count)]
        text = json.dumps({"tasks": tasks}, separators=(",", ":"))
        marks = {TaskId(str(number)): DONE for number in range(count)}
        found = list[Written]()
        work = calls_of(
            lambda: found.append(
                written_back(text, file="tasks.json", marks=marks, format_name="taskmaster")
            )
        )
        assert len(found[0].marked) == count
        return work

    calls(50)  # what is made once for all
    assert calls(1600) < 12 * calls(200)


# --- beads, prd.json, Yardlet --------------------------------------------------------------------


def test_issues_of_beads_are_claimed_and_closed_on_their_own_lines() -> None:
    """Who has one already keeps it."""
    text = (
        '{"id":"bd-1","title":"a","status":"open","issue_type":"task","metadata":{"id":"bd-2"}}\r\n'
        '{"id":"bd-2","title":"b","status":"open","issue_type":"task"}\r\n\r\n'
        '{"id": "bd-3", "title": "c", "assignee": "ada", "issue_type": "task"}'
    )
    found = write(text, "issues.jsonl", "beads", bd_1=WORKING, bd_2=DONE, bd_3=BLOCKED)
    assert found.text == (
        text.replace('"a","status":"open"', '"a","status":"in_progress"')
        .replace('"b","status":"open"', '"b","status":"closed"')
        .replace('"bd-2"}}', '"bd-2"},"assignee":"codex"}')
        .replace('"task"}\r\n\r\n', f'"task","assignee":"claude","closed_at":"{WHEN}"}}\r\n\r\n')
        .replace('"issue_type": "task"}', '"issue_type": "task", "status": "blocked"}')
    )


def test_stories_pass() -> None:
    text = (
        '{"name": "x", "userStories": [\n'
        '  {"id": "US-1", "title": "a", "priority": 1, "passes": false},\n'
        '  {"id": "US-2", "title": "b", "priority": 2},\n'
        '  {"id": "US-3", "title": "c", "priority": 3, "passes": false}]}'
    )
    found = write(text, "prd.json", "prd", US_1=DONE, US_2=DONE, US_3=WORKING)
    assert found.text == text.replace('1, "passes": false', '1, "passes": true').replace(
        '"priority": 2}', '"priority": 2, "passes": true}'
    )


def test_states_of_yardlet_keep_their_quotes_and_comments() -> None:
    text = (
        "queue_id: Q  # the queue\r\n"
        "intent_id: I\r\n"
        "schema_version: 1\r\n"
        "tasks:\r\n"
        "  - id: Y-1\r\n    state: queued   # now\r\n    title: Ünï 🚧 a\r\n"
        "  - {id: Y-2, title: b, state: 'queued'}\r\n"
        "  - id: Y-3\r\n    title: c\r\n"
    )
    found = write(text, "work-queue.yaml", "yardlet", Y_1=DONE, Y_2=WORKING, Y_3=DONE)
    assert found.text == text.replace("state: queued ", "state: done ").replace(
        "'queued'", "'running'"
    )
    assert found.missing == ("Y-3",)


# --- boxes ---------------------------------------------------------------------------------------

SPECKIT = """# Tasks: Themes

## Phase 1: Setup

- [ ] T001 Make the folder src/
- [X] T002 [P] Was done before, in src/a.py
* [ ] T003 [P] Links such as [ ](x) stay
- [~] T004 Is under way
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_boxes_of_spec_kit_are_ticked(end: str, bom: str) -> None:
    """One character for each; nothing for what is under way, and nothing is unticked."""
    text = bom + SPECKIT.replace("\n", end)
    found = write(text, "tasks.md", "speckit", T001=DONE, T002=WORKING, T003=BLOCKED, T004=DONE)
    assert found.text == text.replace("[ ] T001", "[x] T001").replace("[~] T004", "[x] T004")
    assert found.marked == ("T001", "T004")
    assert found.missing == ()


def test_a_group_of_kiro_is_ticked_with_the_last_of_its_tasks() -> None:
    """What is optional does not hold it up; a group above a group waits for all below."""
    text = (
        "# Implementation Plan\n\n"
        "- [ ] 1. Parse\n  - [ ] 1.1 Read the file\n  - [ ]* 1.2 More tests\n"
        "- [ ] 2. Print\n  - [ ] 2.1 Colours\n    - [ ] 2.1.1 Red\n  - [ ] 2.2 Black\n"
        "- [ ] 3. Ship it\n"
    )
    found = write(text, "tasks.md", "kiro", n1__1=DONE, n2__1__1=DONE, n3=DONE)
    expected = text
    for number in ("1. Parse", "1.1 ", "2.1 ", "2.1.1", "3. "):
        expected = expected.replace(f"[ ] {number}", f"[x] {number}")
    assert found.text == expected
    assert written_back(
        found.text, file="tasks.md", marks={TaskId("3"): DONE}, format_name="kiro"
    ) == Written(found.text, (), ())


def test_a_task_of_open_spec_without_a_number_is_known_by_its_title() -> None:
    """A line that was put before it does not get its tick."""
    text = "## 1. Core\n\n- [ ] Write it\n- [ ] Test it\n"
    mark = Mark(Standing.DONE, title="Test it")
    found = write(text, "tasks.md", "openspec", n1__2=mark)
    assert found.text == text.replace("[ ] Test", "[x] Test")
    moved = text.replace("- [ ] Test", "- [ ] New\n- [ ] Test")
    assert write(moved, "tasks.md", "openspec", n1__2=mark).text == moved


def test_lists_in_markdown_are_ticked() -> None:
    text = (
        "# Plan\r\n\r\n## Phase 1: Core\r\n\r\n"
        "- [ ] **CORE-001**: Build it\r\n- [ ] **CORE-002**: Test it (depends on CORE-001)\r\n"
    )
    plan = import_text(text, file="plan.md").plan
    assert [task.id for task in plan.tasks] == ["CORE-001", "CORE-002"]
    found = write(text, "plan.md", "markdown", CORE_001=DONE, CORE_002=WORKING)
    assert found.text == text.replace("[ ] **CORE-001", "[x] **CORE-001")


# --- status cells --------------------------------------------------------------------------------

TABLE = (
    "# Plan\n\n## Wave 1\n\n"
    "| ID | Task | Depends on | Status | Files |\n"
    "|----|:-----|-----------:|--------|-------|\n"
    "| A-1 | Parse \\| split | - |  Pending  | `src/a.py` |\n"
    "| A-2 | Print | A-1 | Pending | `src/b.py` |\n"
    "| A-3 | Ship | A-2 || `src/c.py` |\n"
    "| A-4 | Tell | A-3 | 50 % | `src/d.py` |\n"
)


def test_the_status_cell_of_a_done_task_says_so() -> None:
    """Only its words; a cell with other words than a status has no place for a mark."""
    found = write(TABLE, "p.md", "markdown", A_1=DONE, A_2=WORKING, A_3=DONE, A_4=DONE)
    assert found.text == TABLE.replace("  Pending  ", "  Done  ").replace("||", "|done|")
    assert found.missing == ("A-4",)
    assert written_back(
        found.text, file="p.md", marks={TaskId("A-1"): DONE}, format_name="markdown"
    ) == Written(found.text, (), ())


@pytest.mark.parametrize(
    ("other", "word"),
    [("✅ Complete", "✅ Complete"), ("⏳ Pending", "✅"), ("todo", "Done"), ("[x]", "[x]")],
)
def test_the_word_is_the_one_that_the_document_uses(other: str, word: str) -> None:
    text = TABLE.replace("A-1 | Pending |", f"A-1 | {other} |")
    found = write(text, "p.md", "markdown", A_1=DONE)
    assert found.text == text.replace("  Pending  ", f"  {word}  ")


# --- which format --------------------------------------------------------------------------------


def test_the_format_is_the_one_that_has_the_tasks() -> None:
    """By its path it looks like one format, but the plan was made by another."""
    text = "# Implementation Plan\n\n- [ ] 1. Parse\n- [ ] 2. Print\n"
    ids = [task.id for task in import_text(text, file="tasks.md", format="kiro").plan.tasks]
    assert import_text(text, file="openspec/x/tasks.md").format == "openspec"
    assert format_of(text, file=".kiro/tasks.md", tasks=ids) == "kiro"
    assert format_of(text, file="tasks.md", tasks=[*ids, TaskId("new")]) == "kiro"


def test_a_document_that_cannot_hold_marks_is_refused() -> None:
    with pytest.raises(UsageError, match="no marks"):
        format_of(
            '{"tasks": [{"name": "a", "prompt": "do"}]}', file="tasks.json", tasks=[TaskId("a")]
        )
    with pytest.raises(UsageError, match="none of the plan's tasks"):
        format_of(PRETTY, file="tasks.json", tasks=[TaskId("other")])


MARKS = ("{", "}", "[", "]", '"', ":", ",", "\\", "|", "-", " ", "\n", "\r\n", "\ufeff", ">", "#")
WORDY = (
    '"tasks":',
    '"status"',
    '"id":1',
    '{"tasks":[',
    "state: a",
    "[ ]",
    "[x]",
    "1.",
    "é",
    "T001",
)
WHOLE = (
    "- [ ] T001 a\n",
    '{"id":"a","title":"b"}',
    "tasks:\n- id: a\n  state: b\n",
    "|Task|Status|\n",
)
PIECES = st.sampled_from([*MARKS, *WORDY, *WHOLE])


@given(st.lists(PIECES, max_size=30).map("".join), st.sampled_from(FORMATS))
def test_any_text_gives_marks_or_an_error(text: str, form: str) -> None:
    """Nothing but a `UsageError`; and without a mark to write, the same text."""
    marks = {TaskId(name): DONE for name in ("a", "1", "T001")}
    try:
        found = written_back(text, file="x", marks=marks, format_name=form)
    except UsageError:
        return
    assert (found.text == text) == (not found.marked)
    assert written_back(text, file="x", marks={}, format_name=form).text == text
