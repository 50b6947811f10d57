"""No document, however odd or large, makes an importer crash, hang, or give a plan that is none."""

from __future__ import annotations

import contextlib
import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.errors import UsageError
from agentdeck.plans.imports.detect import detect, import_text
from agentdeck.plans.imports.draft import Imported
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

FILES: Final = {
    "taskmaster": "tasks.json",
    "beads": "issues.jsonl",
    "prd": "prd.json",
    "claudectl": "tasks.json",
    "gastown": "x.formula.toml",
    "bernstein": "plan.yaml",
    "yardlet": "work-queue.yaml",
    "speckit": "tasks.md",
    "kiro": "tasks.md",
    "openspec": "tasks.md",
}
FIELDS: Final = {
    "taskmaster": """id title description status priority dependencies details testStrategy subtasks
        type acceptanceCriteria relevantFiles scopeBoundaries complexity effort assignee tags
        metadata other""",
    "beads": """id title description design acceptance_criteria notes status priority issue_type
        assignee estimated_minutes labels dependencies comments metadata other""",
    "prd": """id title description acceptanceCriteria priority passes labels dependsOn notes affects
        status other""",
    "claudectl": "name cwd prompt depends_on resume retries peer model other",
    "gastown": "id title description needs other",
    "bernstein": """title goal description role priority scope complexity estimated_minutes model
        effort cli mode files completion_signals depends_on repo other""",
    "yardlet": """id title state priority risk kind preferred_worker model effort depends_on skills
        allowed_scope acceptance goal validation approval other""",
}
WORDS: Final = """1 2 3 1.1 2.1 a b c done pending deferred epic task blocks parent-child
    conditional-blocks high low 4h src/a.py ../b /c * T001 {{a.stdout}} pytest checkpoint""".split()

word = st.one_of(st.sampled_from(WORDS), st.text(max_size=6))
leaf = st.one_of(st.none(), st.booleans(), st.integers(-3, 12), st.floats(), word)
link = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        "depends_on_id id type issue_id path action value command contains run".split(), word
    ),
)
value = st.one_of(
    leaf, st.lists(st.one_of(word, leaf), max_size=4), st.lists(link, max_size=3), link
)


def entries(name: str) -> st.SearchStrategy[list[Any]]:
    """Tasks of a format, near to what it wants and full of mistakes."""
    fields = FIELDS[name].split()
    entry = st.dictionaries(st.sampled_from(fields), value, max_size=8)
    named = st.builds(lambda one, key: {"id": key, "name": key, **one}, entry, word)
    return st.lists(st.one_of(named, named, entry, leaf), max_size=6)


@st.composite
def soups(draw: st.DrawFn, name: str) -> str:
    """A whole document in the format's own language."""
    tasks = draw(entries(name))
    extra = draw(st.dictionaries(word, value, max_size=2))
    match name:
        case "beads":
            return "\n".join(json.dumps(task) for task in tasks)
        case "prd":
            return json.dumps({"userStories": tasks, **extra})
        case "taskmaster":
            below = draw(entries(name))
            if tasks and isinstance(tasks[0], dict):
                tasks[0]["subtasks"] = below
            legacy = draw(st.booleans())
            return json.dumps(
                {"tasks": tasks, **extra} if legacy else {"a": {"tasks": tasks}, **extra}
            )
        case "bernstein":
            stages = [
                {"name": draw(word), "depends_on": draw(st.lists(word, max_size=2)), "steps": tasks}
                for _ in range(draw(st.integers(0, 3)))
            ]
            return json.dumps({"stages": stages, **extra})  # JSON is YAML too
        case "gastown":
            steps = [task for task in tasks if isinstance(task, dict)]
            lines = ["formula = 'x'", "[vars]", *(f"{key} = 1" for key in "ab")]
            for step in steps:
                lines.append("[[steps]]")
                lines += [f"{key} = {json.dumps(item)}" for key, item in step.items() if item]
            return "\n".join(lines)
        case _:
            return json.dumps({"tasks": tasks, **extra})


LINES: Final = """# Tasks: x|# Implementation Plan|## Phase 1: Setup|## Phase 2: User Story 1|
    ## Phase 3: Polish|## 1. Database|## Dependencies|## Task Dependency Graph|## Notes|
    - [ ] T001 [P] [US1] Do a in src/a.py (depends on T002)|- [x] T002 b|- [ ] T003 c|
    T001 blocks T003|T1-T3 before T2|**Checkpoint**: ok|**Independent Test**: try|
    - [ ] 1. One|- [ ] 1.1 One one|- [ ]* 1.2 One two|- [-] 2. Two|* [ ] 2.1 Two one|- [ ] free|
    - a bullet `src/b.py`|_Requirements: 1.1_|```|```json|T1 --> T2 --> T1.1|Task 1 + Task 2|
    → Task 2|{"waves": [{"id": 0, "tasks": ["1.1", "2"]}, {"id": 1, "tasks": ["1"]}]}|
    {"waves": [["1"], ["2", 3]]}|{"waves": [{"wave": 1, "tasks": ["1"], "depends_on": [1]}]}|
    {"waves": 3}|words|---|"""
markdown_line = st.one_of(
    st.sampled_from([line.strip() for line in LINES.split("|")]), st.text(max_size=12)
)
indented = st.builds(lambda space, line: " " * space + line, st.integers(0, 5), markdown_line)
markdown = st.lists(indented, max_size=25).map("\n".join)

yaml_line = st.one_of(
    st.sampled_from(
        """stages:|tasks:|  - name: a|    steps:|      - title: x|  - id: a|    depends_on: [a, b]|
        &a|*a|<<: *a|? x|: y|!!python/object:x|- - -|{a: [b|'|"|---|...|%YAML 1.1|a: |""".split("|")
    ),
    st.text(max_size=10),
)
yaml_soup = st.lists(yaml_line, max_size=15).map("\n".join)


def attempt(text: str, name: str) -> Imported | str:
    """What comes of a document: a plan, or the words of the error for a person."""
    try:
        return import_text(text, file=FILES[name], format=name)
    except UsageError as error:  # PlanProblems is one
        return str(error)


def holds(text: str, name: str) -> None:
    """Either one clear error, or a plan that can be written and read again."""
    found = attempt(text, name)
    if isinstance(found, str):
        assert found
        return
    assert found.plan.tasks
    assert read_plan(write_plan(found.plan), file="plan.toml") == found.plan
    assert all(remark.line >= 1 and remark.rule for remark in found.remarks)


def structured(name: str) -> st.SearchStrategy[str]:
    return st.one_of(soups(name), st.text(max_size=60))


@given(structured("taskmaster"))
def test_taskmaster_takes_anything(text: str) -> None:
    holds(text, "taskmaster")


@given(structured("beads"))
def test_beads_takes_anything(text: str) -> None:
    holds(text, "beads")


@given(structured("prd"))
def test_prd_takes_anything(text: str) -> None:
    holds(text, "prd")


@given(structured("claudectl"))
def test_claudectl_takes_anything(text: str) -> None:
    holds(text, "claudectl")


@given(structured("gastown"))
def test_gastown_takes_anything(text: str) -> None:
    holds(text, "gastown")


@given(st.one_of(structured("bernstein"), yaml_soup))
def test_bernstein_takes_anything(text: str) -> None:
    holds(text, "bernstein")


@given(st.one_of(structured("yardlet"), yaml_soup))
def test_yardlet_takes_anything(text: str) -> None:
    holds(text, "yardlet")


@given(st.one_of(markdown, st.text(max_size=60)))
def test_speckit_takes_anything(text: str) -> None:
    holds(text, "speckit")


@given(st.one_of(markdown, st.text(max_size=60)))
def test_kiro_takes_anything(text: str) -> None:
    holds(text, "kiro")


@given(st.one_of(markdown, st.text(max_size=60)))
def test_openspec_takes_anything(text: str) -> None:
    holds(text, "openspec")


@given(st.one_of(markdown, yaml_soup, st.text(max_size=60)), st.sampled_from(sorted(FILES)))
def test_every_format_says_whether_it_wants_anything(text: str, name: str) -> None:
    """Looking at a document never fails with anything but the list of the formats."""
    with contextlib.suppress(UsageError):
        assert detect(FILES[name], text)


def many_tasks(count: int) -> list[dict[str, Any]]:
    """Tasks that each wait for the two before them."""
    return [
        {"id": f"t{n}", "name": f"t{n}", "title": f"Task {n}", "prompt": "do", "passes": False}
        | {key: [f"t{n - 1}", f"t{n - 2}"][: min(n, 2)] for key in ("depends_on", "dependencies")}
        for n in range(count)
    ]


HUGE: Final = {
    "deep": "[" * 250_000,
    "brackets": "{" * 250_000,
    "quotes": '"\\' * 250_000,
    "dashes": "- [ ] " * 75_000,
    "boxes": "- [ ] x\n" * 5_000,
    "same number": "- [ ] 1. a\n" * 5_000,
    "details": "- [ ] T001 a\n" + "  - b in src/c.py\n" * 12_500,
    "headings": "## Phase 1: User Story\n" * 10_000,
    "arrows": "## Graph\n" + "T1 --> T2 --> " * 35_000,
    "one wave": '## Graph\n```\n{"waves": [' + '["1"],' * 15_000 + '["1"]]}\n```\n- [ ] 1. a',
    "fences": "```\n" * 50_000,
    "spaces": " " * 500_000,
    "underscores": "- [ ] 1. a\n" + "  _R: " + "_" * 450_000,
    "keys": "a: " * 150_000,
    "yaml lists": "- " * 200_000,
    "yaml aliases": "&a " * 150_000,
    "dots": "a" + ".a" * 200_000 + " = 1",
    "empty objects": "{}\n" * 40_000,
    "stars": "**" * 250_000,
    "path": "- [ ] T001 " + "a/" * 200_000,
    "suffixes": "- [ ] T001 in " + "a." * 200_000,
    "depends": "- [ ] T001 a (depends on " * 20_000,
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_much_of_anything_takes_seconds(name: str) -> None:
    """Anything quadratic would take many minutes here."""
    for text in HUGE.values():
        found = attempt(text, name)
        assert not isinstance(found, str) or len(found) < 100_000


@pytest.mark.parametrize("name", ["taskmaster", "beads", "prd", "claudectl"])
def test_thousands_of_tasks_are_read_in_seconds(name: str) -> None:
    tasks = many_tasks(4_000)
    text = {
        "beads": "\n".join(json.dumps({"id": t["id"], "title": t["title"]}) for t in tasks),
        "prd": json.dumps({"userStories": tasks}),
    }.get(name, json.dumps({"tasks": tasks}))
    assert len(import_text(text, file=FILES[name], format=name).plan.tasks) == 4_000
