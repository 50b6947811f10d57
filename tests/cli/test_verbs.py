"""The verbs on real runs: what they print, what they change, how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentdeck.cli.reference import markdown
from agentdeck.control.runs import RunFolder, fold_run, newest_run, runs_of
from agentdeck.core.ids import TaskId
from agentdeck.core.state import TaskState
from agentdeck.engine.identity import is_alive
from agentdeck.plans.reader import read_plan
from agentdeck.testing.settling import settle

Deck = Callable[..., Any]  # the fixture: words to code, out and err
ROOT = Path(__file__).parents[2]


def git(place: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=place, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def state_of(repo: Path, task: str) -> TaskState:
    return fold_run(newest_run(repo)).tasks[TaskId(task)].state


def test_the_page_about_the_command_line_is_up_to_date() -> None:
    """docs/cli.md is what `python -m agentdeck.cli.reference` prints."""
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == markdown()


def test_a_promotion_that_waits_says_so_in_the_status(deck: Deck, repo: Path) -> None:
    """It names the file in the way, and goes on by itself when that is gone."""
    assert deck("run", "quick.toml", "--headless").code == 0
    (repo / "B.txt").write_text("mine\n")
    waits = deck("promote")
    assert waits.code == 6
    assert "promotion waits: B.txt has local changes" in waits.out
    assert "promotion waits: B.txt has local changes" in deck("status").out
    assert "B.txt has local changes" in json.loads(deck("status", "--json").out)["promotion"]
    (repo / "B.txt").unlink()
    settle(lambda: bool(fold_run(newest_run(repo)).promoted), "the promotion")
    assert "promotion" not in deck("status").out
    assert (repo / "B.txt").read_text() == "B\n"
    settle(lambda: not json.loads(deck("runs", "--json").out)["runs"][0]["engine"], "its end")


def test_a_headless_run_from_start_to_promotion(deck: Deck, repo: Path) -> None:
    """Run, look at it in every way, promote, clean: the story of the first ten minutes."""
    said = deck("run", "quick.toml", "--headless")
    assert said.code == 0, said.err
    assert "A  working (attempt 1, writer)" in said.out
    assert "2 of 2 tasks have landed on deck/quick" in said.out
    run = newest_run(repo).run

    listed = json.loads(deck("runs", "--json").out)["runs"]
    assert {k: listed[0][k] for k in ("id", "plan", "state", "landed", "tasks")} == {
        "id": run,
        "plan": "quick",
        "state": "complete",
        "landed": 2,
        "tasks": 2,
    }
    assert run in deck("runs").out

    status = json.loads(deck("status", "--json").out)
    assert [task["state"] for task in status["tasks"]] == ["landed", "landed"]
    assert "complete" in deck("status").out
    assert "has landed" in deck("why", "B").out
    assert json.loads(deck("why", "B", "--json").out)["state"] == "landed"

    assert "I write red\n" in deck("logs", "A").out
    said = [json.loads(line) for line in deck("logs", "A", "--json").out.splitlines()]
    assert "I write red" in [line["text"] for line in said]
    changed = json.loads(deck("diff", "A", "--json").out)
    assert [file["path"] for file in changed["files"]] == ["A.txt"]
    assert "+A" in changed["diff"]
    assert "+A\n" in deck("diff", "A").out
    assert "A.txt" in deck("diff", "A", "--stat").out
    files = json.loads(deck("diff", "A", "--stat", "--json").out)["files"]
    assert files == [{"path": "A.txt", "added": 1, "removed": 0}]

    refused = deck("pause", "A")
    assert (refused.code, refused.out) == (4, "")
    assert "the run has ended (complete)" in refused.err
    assert deck("diff", "NO").code == 3
    assert deck("logs", "A", "--attempt", "9").code == 3

    said = deck("promote").out
    assert "promoted: " in said
    assert "(fast-forward, its checkout too)" in said
    assert git(repo, "show", "main:B.txt") == "B"
    assert deck("promote").code == 4

    settle(lambda: not json.loads(deck("runs", "--json").out)["runs"][0]["engine"], "its end")
    nobody = deck("clean", run)
    assert nobody.code == 2
    assert "refs/heads/deck/" in nobody.out
    assert deck("clean", run, "--yes").code == 0
    assert json.loads(deck("runs", "--json").out) == {"runs": []}


def test_commands_reach_a_live_run(deck: Deck, repo: Path) -> None:
    """Each is carried out or refused by itself, and the status says whether one was refused."""
    started = deck("run", "waits.toml", "--no-attach", "--agents", "1")
    assert started.code == 0, started.err
    assert started.out.strip() == newest_run(repo).run
    settle(lambda: state_of(repo, "A") is TaskState.WORKING, "A at work")

    assert "A works for" in deck("why", "A").out
    both = deck("pause", "A", "NO")
    assert (both.code, both.out) == (4, "A: paused\n")
    assert "there is no task NO" in both.err
    settle(lambda: state_of(repo, "A") is TaskState.PAUSED, "A paused")
    assert deck("resume", "A").code == 0
    assert deck("steer", "A", "hello").out == "A: queued for its next turn\n"
    assert deck("limit", "3").out.endswith("agents at once: 3\n")
    assert deck("limit", "0").code == 4
    assert deck("hold").code == 0
    assert deck("hold").code == 4
    assert deck("release").code == 0
    assert deck("skip", "B").out == "B: skipped\n"
    assert deck("unskip", "B").code == 0
    assert deck("approve").code == 4
    assert deck("merge", "A").code == 4
    assert deck("retry", "A").code == 4
    (repo.parent / "go").touch()
    settle(lambda: state_of(repo, "B") is TaskState.LANDED, "B landed")


def test_a_task_is_stopped_and_the_run_ended(deck: Deck, repo: Path) -> None:
    assert deck("run", "waits.toml", "--no-attach").code == 0
    settle(lambda: state_of(repo, "A") is TaskState.WORKING, "A at work")
    assert deck("stop", "A").out == "A: stopping\n"
    settle(lambda: state_of(repo, "A") is TaskState.CANCELLED, "A cancelled")
    assert json.loads(deck("status", "--json").out)["run"]["state"] == "needs you"
    assert deck("end", "--yes").code == 0
    settle(lambda: fold_run(newest_run(repo)).outcome is not None, "the end")
    assert json.loads(deck("status", "--json").out)["run"]["state"] == "stopped"


def agentdeck(repo: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "agentdeck", *words],
        cwd=repo,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_leaves_the_agents_at_work_and_resume_goes_on(deck: Deck, repo: Path) -> None:
    """130, how to come back, one attempt only: nothing was lost."""
    first = agentdeck(repo, "run", "waits.toml")
    settle(lambda: bool(list_runs_of(repo)), "the run")
    settle(lambda: state_of(repo, "A") is TaskState.WORKING, "A at work")
    first.send_signal(signal.SIGINT)
    out, err = first.communicate(timeout=30)
    assert first.returncode == 130, err
    assert "stdout is no terminal: running as with --headless" in err
    run = newest_run(repo).run
    assert f"agentdeck attach {run}" in err
    assert "not finished: 0 of 2" in out
    agent = fold_run(newest_run(repo)).tasks[TaskId("A")].attempts[0].process
    assert agent is not None
    os.kill(agent.pid, 0)
    assert json.loads(deck("status", "--json").out)["run"]["state"] == "left"
    gone = deck("pause")
    assert gone.code == 5
    assert f"agentdeck attach {run}" in gone.err
    (repo.parent / "go").touch()
    other = agentdeck(repo, "run", "waits.toml", "--resume", "--agent", "claude", "--headless")
    _, err = other.communicate(timeout=60)
    assert (other.returncode, "not started with --agent claude" in err) == (2, True)
    same = ("run", "waits.toml", "--resume", "--agent", "writer", "--headless")
    again = agentdeck(repo, "run", "--resume", "--headless")  # the plan need not be named
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    assert "2 of 2 tasks have landed" in out
    assert [r.run for r in list_runs_of(repo)] == [run]
    assert len(fold_run(newest_run(repo)).tasks[TaskId("A")].attempts) == 1
    once_more = agentdeck(repo, *same)  # a script may not know that it is done
    out, err = once_more.communicate(timeout=60)
    assert (once_more.returncode, "2 of 2 tasks have landed" in out) == (0, True), err


def list_runs_of(repo: Path) -> list[RunFolder]:
    return [folder for folder, _ in runs_of(repo)]


def test_a_run_that_was_left_can_be_ended(deck: Deck, repo: Path) -> None:
    """`end` needs no engine to be there: what was left at work is stopped all the same."""
    left = agentdeck(repo, "run", "waits.toml", "--headless")
    settle(lambda: bool(list_runs_of(repo)), "the run")
    settle(lambda: state_of(repo, "A") is TaskState.WORKING, "A at work")
    left.send_signal(signal.SIGINT)
    left.communicate(timeout=30)
    agent = fold_run(newest_run(repo)).tasks[TaskId("A")].attempts[0].process
    assert agent is not None
    assert is_alive(agent)
    refused = deck("clean", newest_run(repo).run, "--yes")
    assert refused.code == 4
    assert "agentdeck end --run" in refused.err
    assert deck("end", "--yes").code == 0
    settle(lambda: fold_run(newest_run(repo)).outcome is not None, "the end")
    assert not is_alive(agent)
    settle(lambda: not json.loads(deck("runs", "--json").out)["runs"][0]["engine"], "its end")
    assert deck("clean", newest_run(repo).run, "--yes").code == 0


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        (("printf", "exit 3; printf"), 1, "A needs you"),
        (('name = "quick"', 'name = "quick"\nland = "approve"'), 6, "waits for an approval"),
    ],
)
def test_a_headless_run_that_stands_still_says_why(
    deck: Deck, repo: Path, change: tuple[str, str], code: int, says: str
) -> None:
    """1 when something failed, 6 when a person is needed; each with the task's own sentence."""
    text = (repo / "quick.toml").read_text().replace(*change)
    (repo / "stuck.toml").write_text(text.replace("[defaults]", "[defaults]\nretries = 0"))
    said = deck("run", "stuck.toml", "--headless")
    assert says in said.out
    assert said.code == code


def test_a_plan_is_checked_and_shown(deck: Deck, repo: Path) -> None:
    """Every problem at once, each on its line; and the longest path of a good one."""
    assert (
        deck("check", "quick.toml").out
        == "quick.toml: ok: plan quick, 2 tasks, 0 phases, 0 gates\n"
    )
    assert json.loads(deck("check", "quick.toml", "--json").out)["tasks"] == 2
    (repo / "bad.toml").write_text(
        'version = 1\n[[task]]\nid = "A"\nprompt = "x"\nafter = "Z"\n[[task]]\nid = "A"\n'
    )
    said = deck("check", "bad.toml")
    assert said.code == 2
    assert "bad.toml:5:" in said.err
    assert "bad.toml:7:" in said.err or "bad.toml:6:" in said.err
    problems = json.loads(deck("check", "bad.toml", "--json").out)["problems"]
    assert len(problems) >= 2
    assert problems[0]["line"] == 5
    shown = deck("show", "quick.toml").out
    assert "longest path 15 min" in shown
    data = json.loads(deck("show", "quick.toml", "--json").out)
    assert data["critical_path"] == ["A", "B"]
    assert data["critical_path_s"] == 900


def test_a_prompt_file_is_read_beside_the_plan(deck: Deck, repo: Path) -> None:
    (repo / "plans").mkdir()
    (repo / "plans" / "brief.md").write_text("do it")
    (repo / "plans" / "p.toml").write_text(
        'version = 1\n[[task]]\nid = "A"\nprompt_file = "brief.md"\n'
    )
    assert deck("check", "plans/p.toml").code == 0
    (repo / "plans" / "brief.md").unlink()
    said = deck("check", "plans/p.toml")
    assert said.code == 2
    assert "brief.md" in said.err


@pytest.mark.parametrize(
    ("files", "gates"),
    [
        ({}, []),
        ({"pyproject.toml": "[tool.pytest.ini_options]\n"}, ["python -m pytest -q"]),
        ({"tests/test_x.py": ""}, ["python -m pytest -q"]),
        ({"package.json": '{"scripts": {"test": "jest"}}'}, ["npm test"]),
        ({"package.json": '{"scripts": {"test": "echo no test specified"}}'}, []),
        ({"package.json": "not json"}, []),
        ({"Makefile": "all:\ntest: all\n\ttrue\n"}, ["make test"]),
        ({"Makefile": "test := 3\n"}, []),
        ({"Cargo.toml": "", "go.mod": ""}, ["cargo test", "go test ./..."]),
    ],
)
def test_init_writes_a_plan_that_can_be_read(
    deck: Deck, repo: Path, files: dict[str, str], gates: list[str]
) -> None:
    """With the gates that the files point to, the branch, and never over another file."""
    for name, text in files.items():
        (repo / name).parent.mkdir(exist_ok=True)
        (repo / name).write_text(text)
    assert deck("init", "new.toml").code == 0
    plan = read_plan((repo / "new.toml").read_text(), file="new.toml")
    assert [gate.run[-1] for gate in plan.gates] == gates
    assert plan.base == "main"
    assert deck("init", "new.toml").code == 2


def test_the_doctor_says_what_is_missing(
    deck: Deck, repo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """5 when something needed is missing, with what to do; an unused agent is only a warning."""
    good = deck("doctor", "--json")
    checks = {row["what"]: row for row in json.loads(good.out)["checks"]}
    assert good.code == 0
    assert checks["git"]["state"] == "ok"
    needs = repo / "needs.toml"
    needs.write_text(
        'version = 1\n[agents.x]\ncommand = ["no-such-agent", "{prompt}"]\n'
        '[[task]]\nid = "A"\nprompt = "x"\nagent = "x"\n'
    )
    assert deck("doctor", "needs.toml").code == 5
    assert "no-such-agent" in deck("doctor", "needs.toml").out
    monkeypatch.setenv("PATH", str(tmp_path))
    bad = deck("doctor", "--json")
    assert bad.code == 5
    rows = {row["what"]: row for row in json.loads(bad.out)["checks"]}
    assert rows["git"]["state"] == "fail"
    assert rows["git"]["todo"]


def test_a_doctor_does_not_wait_for_ever(
    deck: Deck, repo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An agent CLI that hangs at --version costs a bounded time."""
    from agentdeck.control import machine

    monkeypatch.setattr(machine, "PROGRAM_S", 0.3)
    slow = tmp_path / "slow-agent"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    found = machine.program(str(slow))
    assert found.fault == "no answer in 0 s"


def test_output_of_agents_cannot_drive_the_terminal(deck: Deck, repo: Path) -> None:
    """The agent of this plan prints colours; no report hands them on."""
    raw = deck("run", "quick.toml", "--headless")
    assert "\x1b" not in raw.out
    assert "\x1b" not in deck("logs", "A").out
