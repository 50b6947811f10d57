"""Cleaning: what landed goes, what did not is named and kept."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from agentdeck.control.cleaning import clean, litter_of
from agentdeck.control.creating import create_run
from agentdeck.control.host import host
from agentdeck.control.runs import fold_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.core import commands as c
from agentdeck.core.errors import RefusedError
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.folders import RunFolder
from agentdeck.plans.reader import read_plan

PLAN = """\
version = 1
[agents.good]
command = ["sh", "-c", "echo good > good.txt", "{task}"]
[agents.bad]
command = ["sh", "-c", "echo bad > bad.txt; exit 3", "{task}"]
[[task]]
id = "GOOD"
title = "Lands"
prompt = "x"
agent = "good"
[[task]]
id = "BAD"
title = "Fails"
prompt = "x"
agent = "bad"
retries = 0
"""


def git(place: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=place, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def top(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    make_repo(folder, {"README.md": "hello\n"})
    return folder


@pytest.fixture
def ended(top: Path) -> RunFolder:
    """A run that was ended after one task had landed and one had failed."""
    folder = create_run(top, read_plan(PLAN, file="p.toml"), PLAN)

    def wishes(state: RunState) -> list[c.AnyCommand]:
        good, bad = state.tasks[TaskId("GOOD")].state, state.tasks[TaskId("BAD")].state
        over = good is TaskState.LANDED and bad is TaskState.FAILED
        return [c.EndRun()] if over and not state.ending else []

    host(folder, until=lambda s: "over" if s.outcome else None, wishes=wishes)
    return folder


def test_unlanded_work_is_named_and_kept(top: Path, ended: RunFolder) -> None:
    """The landed branch and the worktrees go; the failed work stays reachable, and the folder."""
    litter = litter_of(ended)
    assert [left.ref.rsplit("/", 1)[1] for left in litter.refs if left.landed] == ["GOOD"]
    assert any("BAD" in words for words in litter.unlanded)
    lost = next(left.commit for left in litter.refs if not left.landed)
    kept = clean(ended, litter, unlanded=False)
    assert kept
    assert ended.path.is_dir()
    refs = git(top, "for-each-ref", "--format=%(refname)", "--contains", lost)
    assert ended.run in refs
    assert f"refs/heads/deck/{ended.run}/GOOD" not in git(top, "for-each-ref")
    assert git(top, "status", "--porcelain") == ""


def test_what_only_a_detached_worktree_holds_is_kept(top: Path, ended: RunFolder) -> None:
    """An agent may leave a loose HEAD: its commit and its changes are nowhere else."""
    path = fold_run(ended).tasks[TaskId("BAD")].attempts[-1].path
    assert path is not None
    tree = Path(path)
    git(tree, "checkout", "--quiet", "--detach")
    git(tree, "commit", "--quiet", "--allow-empty", "-m", "loose")
    loose = git(tree, "rev-parse", "HEAD")
    assert any(str(tree) in words for words in clean(ended, litter_of(ended), unlanded=False))
    assert git(tree, "rev-parse", "HEAD") == loose
    (tree / "more.txt").write_text("not committed\n")
    assert any(str(tree) in words for words in litter_of(ended).unlanded)
    clean(ended, litter_of(ended), unlanded=False)
    assert (tree / "more.txt").read_text() == "not committed\n"


def test_all_of_it_goes_when_that_was_asked_for(top: Path, ended: RunFolder) -> None:
    """Nothing of the run is left but what landed."""
    target = git(top, "rev-parse", "deck/p")
    assert clean(ended, litter_of(ended), unlanded=True) == []
    assert not ended.path.exists()
    assert ended.run not in git(top, "for-each-ref")
    assert len(git(top, "worktree", "list").splitlines()) == 1
    assert git(top, "rev-parse", "deck/p") == target


def test_a_ref_that_has_moved_stays(top: Path, ended: RunFolder) -> None:
    """Only what was listed is deleted."""
    litter = litter_of(ended)
    branch = f"refs/heads/deck/{ended.run}/GOOD"
    other = git(top, "commit-tree", "HEAD^{tree}", "-m", "new")
    git(top, "update-ref", branch, other)
    assert f"{branch} (it has moved)" in clean(ended, litter, unlanded=True)
    assert git(top, "rev-parse", branch) == other


def test_a_run_that_has_not_ended_is_refused(top: Path) -> None:
    folder = create_run(top, read_plan(PLAN, file="p.toml"), PLAN)
    with pytest.raises(RefusedError, match="has not ended"):
        litter_of(folder)


def test_a_run_whose_repository_is_gone_can_still_go(top: Path, ended: RunFolder) -> None:
    top.rename(top.with_name("moved"))
    litter = litter_of(ended)
    assert litter.gone == ("",)
    assert clean(ended, litter, unlanded=False) == []
    assert not ended.path.exists()
