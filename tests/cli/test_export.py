"""`run --write-back` and `export`, by the command line and real runs."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentdeck.control.catalog import load_catalog
from agentdeck.control.runs import fold_run, newest_run
from agentdeck.core.state import TaskState
from agentdeck.engine.folders import RunFolder, runs_root
from agentdeck.plans.equipping import equip
from agentdeck.plans.imports.detect import import_text
from agentdeck.plans.reader import read_plan

Deck = Callable[..., Any]  # the fixture: words to code, out and err

TASKS = """{
  "tasks": [
    {"id": 1, "title": "Ünï", "description": "! write one.txt", "status": "pending"},
    {"id": 2, "title": "Fails", "description": "! fail 3 no", "status": "pending"},
    {
      "id": 3,
      "title": "Group",
      "subtasks": [
        {"id": 1, "title": "a", "description": "! write a.txt", "status": "todo"},
        {"id": 2, "title": "b", "description": "! write b.txt", "dependencies": [1]}
      ]
    },
    {"id": 4, "title": "Never", "description": "x", "dependencies": [2], "status": "pending"},
    {"id": 5, "title": "Was done", "description": "x", "status": "done"}
  ]
}
"""
LIST = """# Tasks: Shop

## Phase 1: Setup

- [ ] T001 Make it
  ! write t1.txt
- [x] T002 [P] Is made
- [ ] T003 Make it again
  ! write t3.txt
- [ ] T004 [P] Make more
  ! write t4.txt
"""


def commit(repo: Path, name: str, text: str) -> Path:
    path = repo / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    for words in (["add", "-A"], ["commit", "-q", "-m", "Plan"]):
        subprocess.run(["git", *words], cwd=repo, check=True)
    return path


def status(repo: Path) -> list[str]:
    done = subprocess.run(
        ["git", "status", "--porcelain"], cwd=repo, check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


def states(repo: Path) -> dict[str, TaskState]:
    return {task.id: task.state for task in fold_run(newest_run(repo)).tasks.values()}


def test_a_tasks_json_is_true_at_the_end_of_the_run_of_a_plan_that_names_it(
    deck: Deck, repo: Path
) -> None:
    """Done is what landed, blocked is what failed, and no other file of the checkout changed.

    `[plan] source` is meant beside the plan file, not beside the shell.
    """
    name = ".taskmaster/tasks/tasks.json"
    document = commit(repo, name, TASKS)
    assert deck("import", name, "-o", ".taskmaster/plan.toml", "--write-back").code == 0
    assert deck("plan", "set", ".taskmaster/plan.toml", "defaults.retries=0").code == 0
    plan = read_plan((repo / ".taskmaster/plan.toml").read_text(), file="plan.toml")
    assert plan.source == "tasks/tasks.json"
    commit(repo, "more.txt", "x")
    said = deck("run", ".taskmaster/plan.toml", "--agent", "scripted", "--headless")
    assert said.code == 1, said.err
    assert fold_run(newest_run(repo)).plan.source == name
    assert status(repo) == [f" M {name}"]
    found = json.loads(document.read_text())["tasks"]
    flat = {str(task["id"]): task for task in found}
    flat |= {f"3.{task['id']}": task for task in flat["3"]["subtasks"]}
    landed = {name for name, state in states(repo).items() if state is TaskState.LANDED}
    assert landed == {"1", "3.1", "3.2"}
    assert {n for n, t in flat.items() if t.get("status") == "done"} == landed | {"3", "5"}
    assert flat["2"]["status"] == "blocked"
    assert (flat["4"]["status"], "agent_id" in flat["4"]) == ("pending", False)
    assert {n for n, t in flat.items() if "completed_at" in t} == landed | {"3"}
    assert document.read_text().startswith('{\n  "tasks": [\n    {"id": 1, "title": "Ünï", ')


def test_a_list_is_true_at_the_end_of_its_run(deck: Deck, repo: Path) -> None:
    """`run LIST --write-back`: three boxes are ticked, every other byte stays as it was."""
    text = "\ufeff" + LIST.replace("\n", "\r\n")
    document = commit(repo, "specs/001/tasks.md", text)
    said = deck("run", "specs/001/tasks.md", "--agent", "scripted", "--headless", "--write-back")
    assert said.code == 0, said.err
    assert document.read_bytes().decode() == text.replace("[ ]", "[x]")
    assert states(repo)["T002"] is TaskState.DEFERRED
    assert status(repo) == [" M specs/001/tasks.md"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("quick.toml", "--write-back"), "is a plan file"),
        (("quick.toml", "--resume", "--write-back"), "--resume goes on"),
        (("out.toml",), "not in the checkout"),
        (("gone.toml",), "there is no file"),
        (("other.toml",), "none of the plan's tasks"),
    ],
)
def test_a_source_that_cannot_be_kept_is_an_error_before_the_run(
    deck: Deck, repo: Path, words: tuple[str, ...], message: str
) -> None:
    quick = (repo / "quick.toml").read_text()
    (repo.parent / "t.md").write_text(LIST)
    (repo / "t.md").write_text(LIST)
    for name, source in (("out", "../t.md"), ("gone", "nothing.md"), ("other", "t.md")):
        text = quick.replace("[plan]", f'[plan]\nsource = "{source}"')
        (repo / f"{name}.toml").write_text(text)
    said = deck("run", *words, "--headless")
    assert said.code in (2, 3)
    assert message in said.err
    assert not list(runs_root().glob("*"))


# --- export --------------------------------------------------------------------------------------


@pytest.fixture
def ended(deck: Deck, repo: Path) -> RunFolder:
    """A run of `TASKS` that has come to its end."""
    commit(repo, "tasks.json", TASKS)
    assert deck("import", "tasks.json", "-o", "tasks.toml").code == 0
    assert deck("plan", "set", "tasks.toml", "defaults.retries=0").code == 0
    assert deck("run", "tasks.toml", "--agent", "scripted", "--headless").code == 1
    return newest_run(repo)


def test_an_exported_tasks_json_is_the_same_plan_again(
    deck: Deck, ended: RunFolder, repo: Path
) -> None:
    """The same ids and edges; what landed is done, and the rest is to do."""
    said = deck("export", "--as", "tasks-json")
    assert said.code == 0
    assert deck("export", ended.run, "--as", "tasks-json", "-o", "out.json").code == 0
    assert (repo / "out.json").read_text() == said.out
    state = fold_run(ended)
    again = import_text(said.out, file="tasks.json")
    assert again.format == "taskmaster"
    written = {task["id"]: task for task in json.loads(said.out)["tasks"]}
    assert {n: t["dependencies"] for n, t in written.items()} == {
        task.id: list(task.after) for task in state.plan.tasks
    }
    assert [task.id for task in again.plan.tasks] == [task.id for task in state.plan.tasks]
    done = {task.id for task in again.plan.tasks if task.defer == "done, says the document"}
    assert done == {"1", "3.1", "3.2", "5"}
    for task in again.plan.tasks:
        before = set(state.plan.by_id[task.id].after)
        assert set(task.after) in (before, before - done)
    assert {n: t["status"] for n, t in written.items() if n not in done} == {
        "2": "blocked",
        "4": "pending",
    }


def test_a_page_of_progress(deck: Deck, ended: RunFolder) -> None:
    """You should see what landed with its commit, what failed and why, and what waits for it."""
    state = fold_run(ended)
    commits = {name: (task.landed_commit or "")[:10] for name, task in state.tasks.items()}
    said = deck("export", "--as", "progress")
    lines = [line.split(" in ")[0] for line in said.out.splitlines()]
    first = f"Run `{ended.run}` on `{state.target}`: 3 of 5 tasks have landed, "
    assert lines[0] == f"# {state.plan.name}"
    assert said.out.splitlines()[2].startswith(first)
    for name, title in (("1", "Ünï"), ("3.1", "a"), ("3.2", "b")):
        assert f"- [x] `{name}` {title}: landed as {commits[name]}" in lines  # type: ignore[index]
    assert "- [x] `5` Was done: done, says the document" in lines
    failed = [line for line in lines if line.startswith("- `2` Fails: ")]
    assert len(failed) == 1
    assert lines.index("## Needs a person") < lines.index(failed[0])
    assert any(line.startswith("- [ ] `4` Never: ") for line in lines)
    assert deck("export").out == said.out, "it is the usual form, and the same bytes each time"


def test_the_plan_of_a_run_is_a_plan_again(deck: Deck, ended: RunFolder, repo: Path) -> None:
    (repo / "sub").mkdir()
    assert deck("export", "--as", "plan", "-o", "sub/again.toml").code == 0
    plan = read_plan((repo / "sub" / "again.toml").read_text(), file="again.toml")
    assert equip(plan, load_catalog().adapters) == fold_run(ended).plan


def test_an_export_that_cannot_be_written_is_one_error(
    deck: Deck, ended: RunFolder, repo: Path
) -> None:
    assert deck("export", "-o", ".").code == 2
    said = deck("export", "-o", "no/such/folder.md")
    assert (said.code, said.out) == (5, "")
    assert deck("export", "nothing-like-it").code == 3


def test_the_attempts_are_rows_of_csv(deck: Deck, repo: Path, ended: RunFolder) -> None:
    """`-o` writes the same bytes; four attempts, of which one has failed."""
    said = deck("export", "--as", "csv")
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert [(row["task"], row["attempt"], row["agent"], row["state"]) for row in rows] == [
        ("1", "1", "scripted", "landed"),
        ("2", "1", "scripted", "failed"),
        ("3.1", "1", "scripted", "landed"),
        ("3.2", "1", "scripted", "landed"),
    ]
    assert rows[1]["exit_code"] == "3"
    assert rows[1]["cause"]
    assert deck("export", "--as", "csv", "-o", "attempts.csv").code == 0
    assert (repo / "attempts.csv").read_text() == said.out
