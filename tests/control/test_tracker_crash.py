"""`kill -9` of the engine around what is written to issues: each comment is there once."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from agentdeck.control.creating import create_run
from agentdeck.control.runs import fold_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.control.start import ensure_engine
from agentdeck.core.errors import DeckError
from agentdeck.core.events import Outcome
from agentdeck.core.hooks import is_waiting
from agentdeck.engine.folders import RunFolder
from agentdeck.plans.reader import read_plan
from agentdeck.testing.scripted_tracker import install, now_in
from agentdeck.testing.settling import settle

PLAN = """\
version = 1
[plan]
name = "tracked"
[agents.sh]
command = ["sh", "-c", "echo {task} > {task}.txt"]
[defaults]
agent = "sh"
[tracker]
kind = "github"
claim = "in-progress"
comment = ["task.claimed", "task.landed"]
""" + "".join(f'[[task]]\nid = "T{n}"\ntitle = "t"\nissue = {n}\n' for n in range(1, 4))


@pytest.mark.parametrize("kill", ["known:hook.delivered@1", "known:hook.delivered@4"])
def test_an_engine_that_dies_before_it_has_noted_a_comment_writes_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill: str
) -> None:
    """The next engine offers the event again; what has been written is found by its mark."""
    issues = [{"number": n, "title": "t"} for n in range(1, 4)]
    bin_folder = install(tmp_path / "tracker", issues)
    monkeypatch.setenv("PATH", f"{bin_folder}:/usr/bin:/bin")
    repo = tmp_path / "repo"
    repo.mkdir()
    make_repo(repo, {"README.md": "hello\n"})
    folder = create_run(repo, read_plan(PLAN, file="tracked.toml"), PLAN)
    monkeypatch.setenv("AGENTDECK_FAILPOINTS", kill)
    with suppress(DeckError):
        ensure_engine(folder)
    settle(lambda: not lives(folder), "the end of the engine")
    monkeypatch.delenv("AGENTDECK_FAILPOINTS")
    ensure_engine(folder)
    settle(lambda: is_told(folder), "all events")
    assert fold_run(folder).outcome is Outcome.COMPLETE
    for issue in now_in(tmp_path / "tracker")["issues"].values():
        marks = [comment["body"].splitlines()[-1] for comment in issue["comments"]]
        assert len(marks) == len(set(marks)) == 2
        assert (issue["state"], issue["labels"]) == ("closed", [])


def is_told(folder: RunFolder) -> bool:
    state = fold_run(folder)
    return state.outcome is not None and not any(map(is_waiting, state.hooks.values()))


def lives(folder: RunFolder) -> bool:
    try:
        pid = int(folder.lock.read_text())
    except (OSError, ValueError):
        return True
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
