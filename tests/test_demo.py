"""The demo: its plan, its repository and its scripts fit together."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from agentdeck.cli.demo_repo import demo_files
from agentdeck.core import footprint
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Land, Task
from agentdeck.plans.reader import read_plan
from agentdeck.shipped import sample_plan
from agentdeck.testing.scripted_agent import parse_script

PLAN = read_plan(sample_plan("demo"), file="demo.toml")
WRITES = {"write", "append", "remove", "write-answer"}


def run(repo: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, cwd=repo, capture_output=True, text=True, check=False)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    for path, text in demo_files().items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    run(tmp_path, "git", "init", "--quiet")
    run(tmp_path, "git", "add", "--all")
    assert run(tmp_path, "git", "commit", "--quiet", "-m", "base").returncode == 0
    return tmp_path


@pytest.mark.parametrize("task", PLAN.tasks, ids=lambda task: task.id)
def test_every_script_is_understood_and_stays_within_its_footprint(task: Task) -> None:
    for attempt in (1, 2):
        for word, argument in parse_script(task.prompt, attempt):
            path = argument.split(" ")[0]
            if word in WRITES and task.files:
                assert footprint.covers(task.files, path), path


def test_the_demo_shows_what_its_head_promises() -> None:
    assert 12 <= len(PLAN.tasks) <= 14
    assert [phase.sync for phase in PLAN.phases] == [True, False, False]
    words = {task.id: {w for w, _ in parse_script(task.prompt, 1)} for task in PLAN.tasks}
    assert "fail" in words[TaskId("ROUTER")]
    assert "fail" in words[TaskId("LOAD")]
    assert PLAN.settings(TaskId("LOAD")).retries == 0
    assert sum("ask" in found for found in words.values()) == 1
    assert sum(task.land is Land.APPROVE for task in PLAN.tasks) == 3
    both = [task for task in PLAN.tasks if not task.files and "CHANGELOG.md" in task.prompt]
    assert [task.id for task in both] == ["SEARCH", "EXPORT"]
    assert both[0].after == both[1].after


def test_gates_pass_on_the_fresh_repository_and_find_what_is_half_done(repo: Path) -> None:
    assert run(repo, "sh", "tools/check.sh").returncode == 0
    assert run(repo, "sh", "tools/test.sh").returncode == 0
    assert run(repo, "sh", "tools/smoke.sh").returncode == 1
    (repo / "src/app.py").write_text("# FIXME: later\n", encoding="utf-8")
    found = run(repo, "sh", "tools/check.sh")
    assert found.returncode == 1
    assert "src/app.py:1:# FIXME: later" in found.stdout
    (repo / "src/app.py").write_text("", encoding="utf-8")
    assert run(repo, "sh", "tools/test.sh").returncode == 1
