"""Reviews by a scripted agent, on real git with real processes."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.engine.turning import work_until

import agentdeck
from agentdeck.core import events as e
from agentdeck.core.events import ReviewVerdict
from agentdeck.core.explain import needs_person
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.create import create_run, open_engine
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal
from agentdeck.plans.reader import read_plan

Sh = Callable[..., str]
T = TaskId("T")
PATIENCE_S = 60.0
SCRIPTED = 'use = "scripted"'
AGENT = Path(agentdeck.__file__).parent / "testing" / "scripted_agent.py"
APPROVE = json.dumps({"verdict": "approve", "summary": "fine"})
CHANGES = json.dumps(
    {
        "verdict": "request_changes",
        "summary": "nearly",
        "comments": [{"file": "a.txt", "line": 1, "text": "say more"}],
    }
)
PLAN = """
version = 1
[plan]
name = "reviewed"
land = "review"
[defaults]
agent = "scripted"
[review]
by = "critic"
rounds = 2
timeout = "{timeout}"
prompt = '''
{script}
'''
[agents.critic]
{critic}
[[task]]
id = "T"
files = ["a.txt"]
prompt = '''
Write a.txt.
! write a.txt 3
! on 2+: append a.txt more
'''
"""


def made(
    tmp_path: Path, repo: Path, *script: str, timeout: str = "60s", critic: str = SCRIPTED
) -> RunFolder:
    """A run whose reviewer does this script."""
    text = PLAN.format(script="\n".join(script), timeout=timeout, critic=critic)
    return create_run(repo, read_plan(text, file="p.toml"), text, root=tmp_path / "runs")


def settled(state: RunState) -> bool:
    """Has it landed, or does it need a person?"""
    return state.tasks[T].state is TaskState.LANDED or bool(needs_person(state))


def told(folder: RunFolder) -> list[e.AnyEvent]:
    journal = Journal(folder.journal)
    try:
        return [recorded.event for recorded in journal.history()]
    finally:
        journal.close()


def test_what_the_reviewer_approves_lands(tmp_path: Path, repo: Path, sh: Sh) -> None:
    """The reviewer sees brief, diff and form; its yes lands the work, and is paid for."""
    folder = made(tmp_path, repo, f"! last-word {APPROVE}")
    state = asyncio.run(work_until(open_engine(folder), settled))
    task = state.tasks[T]
    assert (task.state, task.approved_by) == (TaskState.LANDED, "critic")
    [review] = task.attempts[0].reviews
    assert (review.verdict, review.summary) == (ReviewVerdict.APPROVE, "fine")
    assert review.tokens_in > 0
    assert state.tokens > task.attempts[0].tokens_in + task.attempts[0].tokens_out
    prompt = (folder.review(T, 1, 1) / "prompt.md").read_text()
    assert "    Write a.txt.\n" in prompt
    assert "\n    +++ b/a.txt\n" in prompt
    assert '"request_changes"' in prompt
    assert (folder.path / review.log / "raw.log").stat().st_size > 0


def test_the_second_attempt_is_told_the_comments_and_the_second_review_sees_them(
    tmp_path: Path, repo: Path
) -> None:
    """Sent back, mended, approved: in one worktree, without a retry used up."""
    folder = made(tmp_path, repo, f"! on 1: last-word {CHANGES}", f"! on 2: last-word {APPROVE}")
    state = asyncio.run(work_until(open_engine(folder), settled))
    task = state.tasks[T]
    assert (task.state, len(task.attempts), task.failures) == (TaskState.LANDED, 2, 0)
    assert task.attempts[0].path == task.attempts[1].path
    prompt = (folder.attempt(T, 2) / "prompt.md").read_text()
    assert "    critic reviewed it and wants 1 change: nearly\n" in prompt
    assert "    a.txt:1: say more\n" in prompt
    second = (folder.review(T, 2, 1) / "prompt.md").read_text()
    assert "critic on attempt 1 (request changes): nearly" in second
    assert "a.txt:1: say more" in second


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("! say It looks good to me.", "no JSON object with a verdict"),
        ("! fail 3 out of luck", "out of luck"),
    ],
)
def test_a_reviewer_without_a_verdict_is_tried_twice_then_a_person_is_asked(
    tmp_path: Path, repo: Path, script: str, why: str
) -> None:
    """Garbage or a crash: the work stands, two reviews are recorded, a person is told why."""
    folder = made(tmp_path, repo, script)
    state = asyncio.run(work_until(open_engine(folder), settled))
    task = state.tasks[T]
    assert task.state is TaskState.REVIEWING
    reviews = task.attempts[0].reviews
    assert [review.verdict for review in reviews] == [ReviewVerdict.FAILED] * 2
    assert why in reviews[1].problem


def test_a_reviewer_that_does_not_end_is_ended(tmp_path: Path, repo: Path) -> None:
    """After its time it is stopped, with all its processes, and that is no verdict."""
    folder = made(tmp_path, repo, "! hang", timeout="1s")
    state = asyncio.run(work_until(open_engine(folder), settled))
    reviews = state.tasks[T].attempts[0].reviews
    assert ["longer than" in review.problem for review in reviews] == [True, True]


def test_a_reviewer_that_changes_files_and_commits_harms_nothing(
    tmp_path: Path, repo: Path, sh: Sh
) -> None:
    """What lands is what was reviewed; the next review begins at its own commit, clean."""
    folder = made(
        tmp_path,
        repo,
        "! write a.txt 50",
        "! write evil.txt",
        "! commit taken over",
        "! write left.txt",
        "! leave",
        f"! on 1: last-word {CHANGES}",
        f"! on 2: last-word {APPROVE}",
    )
    status = sh(repo, "status", "--porcelain"), sh(repo, "rev-parse", "HEAD")
    state = asyncio.run(work_until(open_engine(folder), settled))
    assert state.tasks[T].state is TaskState.LANDED
    assert (sh(repo, "status", "--porcelain"), sh(repo, "rev-parse", "HEAD")) == status
    names = sh(repo, "diff", "--name-only", "main", state.target).split()
    assert names == ["a.txt"]
    assert len(sh(repo, "show", f"{state.target}:a.txt").splitlines()) < 50


def test_an_engine_that_comes_back_goes_on_with_the_review_that_is_there(
    tmp_path: Path, repo: Path
) -> None:
    """The reviewer outlives its engine and is found again: one process, one verdict."""
    folder = made(tmp_path, repo, "! sleep 2", f"! last-word {APPROVE}")

    def reviewer_lives(state: RunState) -> bool:
        return (folder.review(T, 1, 1) / "pid").exists() and bool(state.reviewing)

    asyncio.run(work_until(open_engine(folder), reviewer_lives))
    pid = (folder.review(T, 1, 1) / "pid").read_text()
    state = asyncio.run(work_until(open_engine(folder), settled))
    assert state.tasks[T].state is TaskState.LANDED
    assert (folder.review(T, 1, 1) / "pid").read_text() == pid
    started = [event for event in told(folder) if isinstance(event, e.ReviewStarted)]
    ended = [event for event in told(folder) if isinstance(event, e.ReviewFinished)]
    assert (len(started), len(ended)) == (1, 1)


@pytest.mark.parametrize("name", ["claude", "codex", "gemini", "plain"])
def test_the_verdict_is_read_from_every_stream(
    tmp_path: Path, repo: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However an agent is prompted and whatever it speaks, a long verdict is read whole.

    It is started with its adapter's flags for only looking.
    """
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=os.pathsep)
    binary = tmp_path / "bin" / name
    binary.parent.mkdir()
    argv = f"{tmp_path}/argv"
    speaks = f'{sys.executable} {AGENT} --speak {name} "$@"'
    binary.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {argv}\nexec {speaks}\n')
    binary.chmod(0o755)
    comments = [{"file": "a.txt", "line": n, "text": f"{n} " + "x" * 300} for n in range(1, 21)]
    said = json.dumps({"verdict": "request_changes", "comments": comments})
    critic = f'use = "{name}"'
    if name == "plain":
        critic = 'command = ["plain", "--prompt-file", "{prompt_file}"]'
    folder = made(
        tmp_path, repo, f"! on 1: last-word {said}", f"! on 2: last-word {APPROVE}", critic=critic
    )
    state = asyncio.run(work_until(open_engine(folder), settled))
    assert state.tasks[T].state is TaskState.LANDED, state.tasks[T].attempts[0].reviews
    assert len(state.tasks[T].attempts[0].reviews[0].comments) == 20
    prompt = (folder.attempt(T, 2) / "prompt.md").read_text()
    assert all(f"    a.txt:{n}: {n} x" in prompt for n in range(1, 21))
    flags = {"claude": "--disallowedTools", "codex": "read-only", "gemini": "--approval-mode"}
    assert flags.get(name, "") in Path(argv).read_text()
