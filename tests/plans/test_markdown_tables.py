"""Tables of tasks are told by their columns and place, whatever the columns are called."""

from __future__ import annotations

import pytest

from agentdeck.plans.imports.build import build
from agentdeck.plans.imports.draft import Draft, DraftTask
from agentdeck.plans.imports.markdown.columns import Role, role_of, task_columns
from agentdeck.plans.imports.markdown.document import read_markdown
from agentdeck.plans.imports.markdown.values import files_in
from agentdeck.plans.problems import PlanProblems


def read(text: str) -> Draft:
    return read_markdown(text, file="p.md")


def one(text: str) -> DraftTask:
    (task,) = read(text).tasks
    return task


def rules(draft: Draft) -> set[str]:
    return {remark.rule for remark in draft.remarks}


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Depends on", Role.AFTER), ("Deps", Role.AFTER), ("**Blocked By**", Role.AFTER),
        ("Needs", Role.AFTER), ("Prerequisite(s)", Role.AFTER), ("Requires", Role.AFTER),
        ("Package/Files", Role.FILES), ("Touches", Role.FILES), ("Scope", Role.FILES),
        ("Est.", Role.TIME), ("Effort (h)", Role.TIME), ("DURATION", Role.TIME),
        ("Est. Tokens", Role.TOKENS), ("Tokens (K)", Role.TOKENS), ("Assignee", Role.AGENT),
        ("Recommended Model", Role.MODEL), ("Task ID", Role.ID), ("Story", Role.NAME),
        ("Summary", Role.TITLE), ("Wave", Role.PHASE), ("Done?", Role.STATUS),
        ("Parallel Slots", None), ("Metric", None), ("", None), ("x" * 200, None),
    ],
)  # fmt: skip
def test_names_of_columns(name: str, role: Role | None) -> None:
    """Case, markup, dots, units and plurals do not matter."""
    assert role_of(name) is role


@pytest.mark.parametrize(
    "heads",
    [
        ("Metric", "Human Teams", "Agent Parallelism"),
        ("Risk", "Mitigation"),
        ("Model", "Tasks", "Avg Tokens", "Est. Cost"),
        ("Agent", "Skills Needed", "Current Status"),
        ("Pool", "Purpose", "Agent Count"),
        ("Skill", "Purpose", "Priority"),
        ("Stream", "Agent", "Model", "Skills"),
        ("Phase", "Sequential", "Parallel"),
    ],
)
def test_tables_about_something_else(heads: tuple[str, ...]) -> None:
    """Their rows begin with something that is no task."""
    assert task_columns(heads) is None


TABLES = {
    "counts": "| Task | Count | Time |\n|---|---|---|\n| API | 3 | 2h |\n",
    "parameters": "| Name | Type | Description |\n|---|---|---|\n| id | int | the id |\n",
    "parts": "| Component | Purpose |\n|---|---|\n| API | requests |\n",
    "a glossary": "## Glossary\n\n| Task | Status |\n|---|---|\n| a | done |\n",
    "no rows": "| Task | Time |\n|---|---|\n",
}


@pytest.mark.parametrize("text", TABLES.values(), ids=TABLES.keys())
def test_rows_that_are_no_tasks(text: str) -> None:
    """Parameters, parts and counts stay what they are, and are remarked."""
    assert read(f"# P\n\n{text}").tasks == []


def test_a_row_says_everything_about_its_task() -> None:
    """Each column into its field; what has none is kept under its own name."""
    task = one(
        "# P\n\n"
        "| ID | Title | Deps | Files | Est. | Tokens | Model | Owner | Priority | Risk | Size |"
        " Pool | Skills | Labels | Type | Points |\n"
        "|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|\n"
        "| A-1 | **Do** `it` | — | `a.py`, src/b/ | 1.5h | 15K | Sonnet | Codex | P1 | High | XL |"
        " gpu | go, sql | x, y | Test | 5 |\n"
    )
    assert (task.id, task.title, task.after) == ("A-1", "Do it", [])
    assert (task.files, task.estimate_s, task.tokens) == (["a.py", "src/b/"], 5400, 15_000)
    assert (task.model, task.agent, task.priority) == ("sonnet", "codex", 2)
    assert (task.risk, task.complexity, task.pool) == ("high", "very-high", "gpu")
    assert (task.skills, task.labels, task.kind) == (["go", "sql"], ["x", "y"], "test")
    assert task.meta == {"priority": "P1", "points": "5"}


def test_a_task_column_may_hold_ids_or_titles() -> None:
    """Whichever its cells look like; both in one cell are taken apart."""
    draft = read("| Task | Time |\n|-|-|\n| A-1 | 1h |\n| A-2: Second | 2h |\n| Third | 3h |\n")
    assert [(task.id, task.title[:6]) for task in draft.tasks] == [
        ("A-1", "A-1"), ("A-2", "Second"), ("", "Third"),
    ]  # fmt: skip


@pytest.mark.parametrize("title", ["UTF-8 Support", "SHA-256 Sums", "S3 Upload", "OAuth2 Login"])
def test_names_of_standards_are_no_ids(title: str) -> None:
    """They only look like ids."""
    task = one(f"| Task | Time |\n|-|-|\n| {title} | 1h |\n")
    assert (task.id, task.title) == ("", title)


def test_ids_with_a_description_and_no_title() -> None:
    """A short description is the title."""
    assert one("| ID | Description | Needs |\n|-|-|-|\n| X-1 | one | - |\n").title == "one"


@pytest.mark.parametrize(
    ("head", "cell", "seconds"),
    [
        ("Hours", "4", 14_400), ("Est. (min)", "30", 1800), ("Days", "2", 172_800),
        ("Time", "30min", 1800), ("Effort", "~2 hours", 7200), ("Est.", "1.5 weeks", 907_200),
        ("Effort (h)", "2-4", 10_800),
    ],
)  # fmt: skip
def test_times(head: str, cell: str, seconds: float) -> None:
    """A bare number has the unit of its column; of a range the middle is taken."""
    assert one(f"| Task | {head} |\n|-|-|\n| a | {cell} |\n").estimate_s == seconds


def test_a_time_that_is_none_is_kept_and_told() -> None:
    """Nothing is dropped in silence."""
    draft = read("| Task | Time |\n|-|-|\n| a | soon |\n")
    assert draft.tasks[0].meta == {"time": "soon"}
    assert "value" in rules(draft)


def test_people_and_agents() -> None:
    """`Human` is a person; `A1` numbers an agent; of several the first is taken."""
    draft = read(
        "| Task | Agent |\n|-|-|\n| a | Human |\n| b | A1 |\n| c | Claude Code or Codex |\n"
        "| d | Agent 2 |\n"
    )
    assert [task.human for task in draft.tasks] == [True, False, False, False]
    assert [task.agent for task in draft.tasks] == [None, None, "claude", None]
    assert draft.tasks[1].meta == {"agent": "A1"}


def test_all_above_and_previous() -> None:
    """They mean rows of the same table."""
    draft = read(
        "| Task | Needs |\n|-|-|\n| a | - |\n| b | previous |\n| c | all above |\n| d | b, c |\n"
    )
    assert [task.after for task in draft.tasks] == [[], ["a"], ["a", "b"], ["b", "c"]]


def test_ranges_are_written_out() -> None:
    """`1.1-1.3` and `T1–T3`; the tasks are found when the plan is built."""
    draft = read("| ID | Task | Deps |\n|-|-|-|\n| T1 | a | |\n| T2 | b | |\n| T3 | c | T1–T2 |\n")
    assert draft.tasks[2].after == ["T1", "T2"]


def test_columns_and_rows_can_name_phases() -> None:
    """A phase column, and a row of one cell."""
    draft = read("| Task | Wave | Time |\n|-|-|-|\n| a | 2 | 1h |\n| b | 1 | 1h |\n")
    assert [phase.title for phase in draft.phases] == ["Wave 1", "Wave 2"]
    draft = read(
        "| Task | Time |\n|-|-|\n| **Phase 1: X** | |\n| a | 1h |\n| **Y** |\n| b | 1h |\n"
    )
    assert [task.phase for task in draft.tasks] == ["Phase 1: X", "Y"]


def test_missing_cells_and_more_cells() -> None:
    """A short row says less; a long one is kept."""
    draft = read("| Task | Time | Deps |\n|-|-|-|\n| a |\n| b | 1h | a | odd |\n")
    assert [task.estimate_s for task in draft.tasks] == [None, 3600]
    assert draft.tasks[1].meta == {"remark": "odd"}


def test_totals_and_placeholders_are_no_tasks() -> None:
    """One is a figure, the other was left open."""
    draft = read("| Task | Time |\n|-|-|\n| a | 1h |\n| [Name] | 2h |\n| **Total** | 3h |\n")
    assert [task.title for task in draft.tasks] == ["a"]
    assert "placeholder" in rules(draft)


def test_a_later_table_adds_only_what_was_missing() -> None:
    """The same id is the same task; what it says differently is told."""
    draft = read(
        "## Phase 1\n\n| ID | Task | Time |\n|-|-|-|\n| A-1 | one | 1h |\n\n"
        "## Summary\n\n| ID | Task | Model | Time |\n|-|-|-|-|\n| a-1 | uno | haiku | 9h |\n"
    )
    (task,) = draft.tasks
    assert (task.title, task.estimate_s, task.model) == ("one", 3600, "haiku")
    assert {"known-again", "other-title"} <= rules(draft)


def test_the_same_title_in_two_phases_is_two_tasks() -> None:
    """But in groups of another kind it is the same one again."""
    table = "| Task | Time |\n|-|-|\n| Docs | 1h |\n"
    assert len(read(f"## Phase 1\n\n{table}\n## Phase 2\n\n{table}").tasks) == 2
    assert len(read(f"## Phase 1\n\n{table}\n## Batch 1\n\n{table}").tasks) == 1


def test_signs_and_words_for_what_is_done() -> None:
    """Done tasks are no part of the run; struck out ones neither."""
    draft = read(
        "| Task | Status |\n|-|-|\n| a ✅ | |\n| b | Done |\n| c | Deferred |\n"
        "| ~~d~~ | |\n| e | WIP |\n"
    )
    assert [task.done for task in draft.tasks] == [True, True, False, False, False]
    assert [bool(task.defer) for task in draft.tasks] == [False, False, True, True, False]
    assert [task.title for task in draft.tasks] == ["a", "b", "c", "d", "e"]


def test_order_of_a_sequential_section() -> None:
    """Unless the rows name their dependencies themselves."""
    head = "## Phase 1 (SEQUENTIAL)\n\n"
    draft = read(f"{head}| Task | Time |\n|-|-|\n| a | 1h |\n| b | 1h |\n")
    assert [task.after for task in draft.tasks] == [[], ["a"]]
    draft = read(f"{head}| Task | Deps |\n|-|-|\n| a | |\n| b | |\n| c | a |\n")
    assert [task.after for task in draft.tasks] == [[], [], ["a"]]


def test_a_total_is_divided() -> None:
    """When no row has a time of its own."""
    table = (
        "| Task | Owner |\n|-|-|\n| a | x |\n| b | y |\n\nDone one after the other (3 hours total)"
    )
    draft = read(f"## Phase 1\n\n{table}, in order\n")
    assert [task.estimate_s for task in draft.tasks] == [5400, 5400]
    assert "total-divided" in rules(draft)


def test_done_and_deferred_sections() -> None:
    """What the heading says holds for all rows."""
    table = "\n\n| Task | Time |\n|-|-|\n| a | 1h |\n\n"
    assert one(f"## Phase 1: X ✅ COMPLETE{table}").done
    assert not one(f"## Phase 1: X ✅ HIGHLY PARALLEL{table}").done
    assert one(f"## Backlog{table}").defer == "Backlog"
    assert one(f"## DEFERRED: Phase 9\n*Reason: no money*{table}").defer == "no money"
    assert one(f"## Alternatives\n{table}").defer == "an alternative: Alternatives"


def test_a_loop_is_refused_with_its_lines() -> None:
    """Importing cannot guess which of them is wrong."""
    draft = read("| ID | Task | Needs |\n|-|-|-|\n| X-1 | a | X-2 |\n| X-2 | b | X-1 |\n")
    with pytest.raises(PlanProblems, match=r"X-1 \(line 3\) -> X-2 \(line 4\) -> X-1"):
        build(draft, file="p.md")


@pytest.mark.parametrize(
    ("text", "paths", "rest"),
    [
        ("`a.py` (new)", ["a.py"], ""),
        ("Update `control_agent.py`", ["control_agent.py"], ""),
        ("src/a/, .github/workflows/*.yml", ["src/a/", ".github/workflows/*.yml"], ""),
        ("Create: a.py; Modify: b/c.py", ["a.py", "b/c.py"], ""),
        ("Update all client files with logging", ["client/"], ""),
        ("the parser", [], "the parser"),
        ("Makefile", ["Makefile"], ""),
        ("https://example.org/x", [], "https://example.org/x"),
        ("None", [], ""),
    ],
)
def test_paths_in_words(text: str, paths: list[str], rest: str) -> None:
    """Verbs and marks are no part of a path; what is no path is kept."""
    found, left = files_in(text)
    assert [path for path, _ in found] == paths
    assert left == rest
