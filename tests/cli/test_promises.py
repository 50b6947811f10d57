"""What a person may count on, seen from outside: whole plans, each run as a shell would run it.

Rules: every run is a process of its own in a repository of its own; what it did is read from git
and from its journal, not from what it says.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from agentdeck.control.runs import fold_run, newest_run, runs_root
from agentdeck.control.scratch_repo import make_repo
from agentdeck.core.events import AttemptClaimed, EntryLanded, EntryQueued
from agentdeck.core.explain import explain
from agentdeck.core.ids import EntryId, TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal
from agentdeck.plans.reader import read_plan

Deck = Callable[..., Any]  # the fixture: words to code, out and err
SAMPLES = Path(__file__).parents[2] / "sample_plans"
DAW = SAMPLES / "daw-agent-parallelism.toml"
MAH = SAMPLES / "mah-parallel-execution.toml"
RUN_S = 90.0  # for a whole plan; it takes 8 s on two idle cores
SETTLE_S = 30.0  # for a handful of tasks; they take 1 s
LIST_FIELDS = {
    "id": str,
    "plan": str,
    "state": str,
    "landed": int,
    "tasks": int,
    "started": float,
    "repo": str,
    "checkout": str,
    "target": str,
    "engine": bool,
    "problem": str,
}


def agentdeck(repo: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """One command line, as a process, with agents that take a twentieth of a second."""
    return subprocess.run(
        [sys.executable, "-m", "agentdeck", *words],
        cwd=repo,
        env={**os.environ, "AGENTDECK_SCRIPT_SECONDS": "0.05"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )


def git(repo: Path, *args: str) -> str:
    """What git prints. It writes nothing itself: `status` would refresh the index."""
    kept = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    done = subprocess.run(
        ["git", *args], cwd=repo, env=kept, capture_output=True, text=True, check=True
    )
    return done.stdout


def lived_in(folder: Path) -> Path:
    """A repository of 200 files with dirty, staged, deleted and untracked files, and a stash."""
    folder.mkdir()
    make_repo(folder, {f"src/part{n % 10}/file{n}.py": f"VALUE = {n}\n" for n in range(200)})
    (folder / "src/part0/file0.py").write_text("VALUE = 'stashed'\n")
    git(folder, "stash", "push", "--quiet", "-m", "for later")
    (folder / "src/part1/file1.py").write_text("VALUE = 'dirty'\n")
    (folder / "src/part2/file2.py").write_text("VALUE = 'staged'\n")
    (folder / "src/part4/added.py").write_text("VALUE = 'added'\n")
    git(folder, "add", "src/part2/file2.py", "src/part4/added.py")
    (folder / "src/part2/file2.py").write_text("VALUE = 'staged, and dirty on top'\n")
    (folder / "src/part3/file3.py").unlink()
    (folder / "notes.txt").write_text("untracked\n")
    (folder / ".env").write_text("SECRET=1\n")
    return folder


def checkout_of(repo: Path) -> dict[str, object]:
    """Everything about a checkout that is the person's own, to the byte and the nanosecond."""
    dot_git = repo / ".git"
    files = sorted(p for p in repo.rglob("*") if p.is_file() and dot_git not in p.parents)
    return {
        "files": {str(p): (p.read_bytes(), p.stat().st_mtime_ns, p.stat().st_mode) for p in files},
        "status": git(repo, "status", "--porcelain=v2", "--branch", "--show-stash"),
        "index": (dot_git / "index").read_bytes(),
        "HEAD": (dot_git / "HEAD").read_bytes(),
        "HEAD's log": (dot_git / "logs/HEAD").read_bytes(),
        "main": git(repo, "rev-parse", "main"),
        "stash": git(repo, "stash", "list", "--format=%H %gd %gs"),
        "config": (dot_git / "config").read_bytes(),
        "hooks": sorted(str(p) for p in (dot_git / "hooks").glob("*")),
    }


def landed_in_order(repo: Path, branch: str) -> list[TaskId]:
    """The tasks of a branch's first-parent line, the oldest first, by their trailers."""
    trailer = "--format=%(trailers:key=Agentdeck-Task,valueonly,separator=%x2C)"
    lines = git(repo, "log", "--first-parent", "--reverse", trailer, f"main..{branch}")
    return [TaskId(line) for line in lines.split("\n") if line]


def plan_of(path: Path) -> Plan:
    return read_plan(path.read_text(encoding="utf-8"), file=path.name)


def test_47_tasks_land_in_an_order_that_holds_and_the_checkout_is_not_touched(
    tmp_path: Path,
) -> None:
    """Each task lands once, behind all it needs; what the person had open stays as it was."""
    repo = lived_in(tmp_path / "repo")
    before = checkout_of(repo)
    said = agentdeck(repo, "run", str(DAW), "--agent", "scripted", "--headless")
    assert said.returncode == 0, said.stdout[-2000:] + said.stderr
    assert "47 of 47 tasks have landed" in said.stdout
    after = checkout_of(repo)
    for what, was in before.items():
        assert after[what] == was, f"{what} of the checkout has changed"

    plan = plan_of(DAW)
    landed = landed_in_order(repo, "deck/daw-agent-parallelism")
    assert len(landed) == 47
    assert sorted(landed) == sorted(task.id for task in plan.tasks)
    place = {task: index for index, task in enumerate(landed)}
    late = [(t.id, other) for t in plan.tasks for other in t.after if place[other] > place[t.id]]
    assert late == []

    (listed,) = json.loads(agentdeck(repo, "runs", "--json").stdout)["runs"]
    assert {name: type(value) for name, value in listed.items()} == LIST_FIELDS
    assert listed["id"] == newest_run(repo).run
    assert listed["started"] > 0
    assert {k: v for k, v in listed.items() if k not in ("id", "started")} == {
        "plan": "daw-agent-parallelism",
        "state": "complete",
        "landed": 47,
        "tasks": 47,
        "repo": str(repo / ".git"),
        "checkout": str(repo),
        "target": "deck/daw-agent-parallelism",
        "engine": False,
        "problem": "",
    }


def claims_and_landings(folder: RunFolder) -> tuple[dict[TaskId, int], dict[TaskId, int]]:
    """Of each task, the numbers of the events that first claimed it and that landed it."""
    journal = Journal(folder.journal)
    claimed: dict[TaskId, int] = {}
    landed: dict[TaskId, int] = {}
    of_entry: dict[EntryId, TaskId | None] = {}
    try:
        for recorded in journal.history():
            event = recorded.event
            if isinstance(event, AttemptClaimed):
                claimed.setdefault(event.task, recorded.seq)
            elif isinstance(event, EntryQueued):
                of_entry[event.entry] = event.task
            elif isinstance(event, EntryLanded):
                task = of_entry[event.entry]
                assert task is not None
                assert task not in landed, f"{task} landed twice"
                landed[task] = recorded.seq
    finally:
        journal.close()
    return claimed, landed


def test_waves_are_barriers(tmp_path: Path) -> None:
    """No task of a wave is begun before all of the wave in front of it has landed."""
    repo = tmp_path / "repo"
    repo.mkdir()
    make_repo(repo, {"README.md": "hello\n"})
    said = agentdeck(repo, "run", str(MAH), "--agent", "scripted", "--headless")
    assert said.returncode == 0, said.stdout[-2000:] + said.stderr
    folder = newest_run(repo)
    state = fold_run(folder)
    assert sum(1 for _ in state.in_state(TaskState.LANDED)) == 26
    assert sum(1 for _ in state.in_state(TaskState.DEFERRED)) == 10
    assert len(state.tasks) == 36

    plan = plan_of(MAH)
    claimed, landed = claims_and_landings(folder)
    assert sorted(landed) == sorted(task.id for task in plan.tasks if task.defer is None)
    assert sorted(landed) == sorted(claimed) == sorted(landed_in_order(repo, state.target))
    waves = [
        [task.id for task in plan.tasks if task.phase == phase.id and task.defer is None]
        for phase in plan.phases
    ]
    waves = [wave for wave in waves if wave]
    assert [len(wave) for wave in waves] == [6, 5, 4, 4, 4, 3]
    for wave, following in pairwise(waves):
        assert max(landed[task] for task in wave) < min(claimed[task] for task in following)


FIVE_ERRORS = """\
version = 1
[plan]
name = "five"
[[task]]
id = "A"
prompt = "x"
after = ["NOWHERE"]
[[task]]
id = "B"
prompt = "x"
after = ["C"]
[[task]]
id = "C"
prompt = "x"
after = ["B"]
[[task]]
id = "D"
promt = "x"
prompt = "x"
[[task]]
id = "../../etc"
prompt = "x"
[[task]]
id = "E"
prompt = "x"
timeout = "soon"
"""
WHERE_AND_WHAT = {  # line -> a word of the message
    7: "NOWHERE",
    11: "B -> C -> B",
    18: "promt",
    21: "../../etc",
    26: "soon",
}


def everything_below(*places: Path) -> set[str]:
    return {str(path) for place in places for path in place.rglob("*")}


def test_all_errors_of_a_plan_are_told_at_once_and_nothing_is_made(
    tmp_path: Path, isolated_home: Path
) -> None:
    """Five mistakes, five FILE:LINE:, status 2; no run, no ref, no file anywhere."""
    repo = tmp_path / "repo"
    repo.mkdir()
    make_repo(repo, {"README.md": "hello\n", "five.toml": FIVE_ERRORS})
    before = everything_below(tmp_path, isolated_home), git(repo, "for-each-ref")
    said = agentdeck(repo, "run", "five.toml", "--agent", "scripted", "--headless")
    assert (said.returncode, said.stdout) == (2, "")
    found = re.findall(r"(?m)^five\.toml:(\d+): (.*)$", said.stderr)
    assert [int(line) for line, _ in found] == list(WHERE_AND_WHAT)
    for (_, message), word in zip(found, WHERE_AND_WHAT.values(), strict=True):
        assert word in message
    assert not runs_root().exists()
    assert (everything_below(tmp_path, isolated_home), git(repo, "for-each-ref")) == before


# FIRST and SECOND take both places and ask; what could move has moved, so the run stands still.
STANDSTILL = """
version = 1
[plan]
name = "standstill"
agents = 2
[defaults]
agent = "scripted"
retries = 0
[[phase]]
id = "one"
title = "Groundwork"
sync = true
[[phase]]
id = "two"
title = "House"
[[task]]
id = "APPROVAL"
phase = "one"
prompt = "! write approval.txt"
land = "approve"
priority = 9
[[task]]
id = "FAILS"
phase = "one"
prompt = "! give-up the disk smells of smoke"
priority = 9
[[task]]
id = "FIRST"
phase = "one"
prompt = "! ask Which colour?"
files = ["src/"]
priority = 5
[[task]]
id = "SECOND"
phase = "one"
prompt = "! ask Which shape?"
priority = 5
[[task]]
id = "DEPENDENT"
phase = "one"
prompt = "! write dependent.txt"
after = "FIRST"
[[task]]
id = "FOOTPRINT"
phase = "one"
prompt = "! write src/a.txt"
files = ["src/a.txt"]
[[task]]
id = "LIMIT"
phase = "one"
prompt = "! write limit.txt"
[[task]]
id = "HOPELESS"
phase = "one"
prompt = "! write hopeless.txt"
after = "FAILS"
[[task]]
id = "PHASED"
phase = "two"
prompt = "! write phased.txt"
"""
SETTLED = {
    "APPROVAL": TaskState.PROPOSED,
    "FAILS": TaskState.FAILED,
    "FIRST": TaskState.ASKING,
    "SECOND": TaskState.ASKING,
    "LIMIT": TaskState.READY,
    "FOOTPRINT": TaskState.READY,
}
REASONS = {
    "DEPENDENT": r"DEPENDENT waits for FIRST, which is asking",
    "FOOTPRINT": r"FOOTPRINT waits: .*\bFIRST\b.*",
    "LIMIT": r"LIMIT waits: .*\b2\b.*",
    "APPROVAL": r"APPROVAL is proven and waits for an approval.*",
    "HOPELESS": r"HOPELESS waits for FAILS, which failed: .*the disk smells of smoke.*",
    "PHASED": r"PHASED waits for phase Groundwork to end: .*",
}


def standing_still(folder: RunFolder) -> RunState:
    """The run, when all that can move in it has moved."""
    deadline = time.monotonic() + SETTLE_S
    state = fold_run(folder)
    while {task: state.tasks[TaskId(task)].state for task in SETTLED} != SETTLED:
        assert time.monotonic() < deadline, {t.id: str(t.state) for t in state.tasks.values()}
        time.sleep(0.02)
        state = fold_run(folder)
    return state


def test_why_says_of_every_task_what_the_core_says(deck: Deck, repo: Path) -> None:
    """Six reasons to wait at a standstill: the sentence is the core's, and it is a true one."""
    (repo / "standstill.toml").write_text(STANDSTILL)
    said = deck("run", "standstill.toml", "--no-attach")
    assert said.code == 0, said.err
    state = standing_still(newest_run(repo))
    for task, pattern in REASONS.items():
        sentence = explain(state, TaskId(task), state.at)
        assert re.fullmatch(pattern, sentence), sentence
        assert deck("why", task).out == sentence + "\n"
        as_data = json.loads(deck("why", task, "--json").out)
        assert as_data == {
            "task": task,
            "state": str(state.tasks[TaskId(task)].state),
            "why": sentence,
            "chosen": "",
            "contained": "",
            "tried": "",
            "refused": "",
            "refs": "",
        }
