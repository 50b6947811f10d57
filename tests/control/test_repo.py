"""Facts of the repository: diffs of collected and of live work, and which repository this is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from agentdeck.control import repo as facts
from agentdeck.control.discovery import checkout_dir, common_dir
from agentdeck.control.scratch_repo import make_repo
from agentdeck.core.errors import EnvironmentFault, NotFoundError
from agentdeck.core.events import FileTouched
from agentdeck.core.ids import AgentName, RunId, TaskId
from agentdeck.core.state import Attempt, Collected, RunState, TaskRun

A = TaskId("A")


def git(place: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=place, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def top(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    make_repo(folder, {"a.txt": "one\n", "b.txt": "two\n"})
    return folder


def state_of(top: Path, attempt: Attempt) -> RunState:
    task = TaskRun(id=A, attempts=[attempt])
    return RunState(run=RunId("r"), repo=str(top / ".git"), checkout=str(top), tasks={A: task})


def live(top: Path, tree: Path) -> Attempt:
    return Attempt(
        number=1,
        agent=AgentName("x"),
        model=None,
        pool=None,
        fresh=True,
        claimed_at=0.0,
        path=str(tree),
        branch="work",
        base=git(top, "rev-parse", "HEAD"),
    )


@pytest.fixture
def tree(top: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    git(top, "worktree", "add", "-q", "-b", "work", str(folder))
    return folder


def test_live_work_is_shown_as_it_is_in_the_worktree(top: Path, tree: Path) -> None:
    """Committed, uncommitted and untracked work of a live attempt are all in the diff."""
    (tree / "a.txt").write_text("committed\n")
    git(tree, "commit", "-qam", "x")
    (tree / "b.txt").write_text("uncommitted\n")
    (tree / "neu é.txt").write_text("untracked\n")
    before = git(tree, "status", "--porcelain")
    state = state_of(top, live(top, tree))
    text = facts.diff_of(state, A)
    assert "+committed" in text
    assert "+uncommitted" in text
    assert "diff --git a/neu é.txt b/neu é.txt\nnew file, untracked" in text
    assert set(facts.diffstat(state, A)) == {
        FileTouched("a.txt", 1, 1),
        FileTouched("b.txt", 1, 1),
        FileTouched("neu é.txt", -1, -1),
    }
    assert git(tree, "status", "--porcelain") == before


def test_collected_work_is_shown_as_it_was_pinned(top: Path, tree: Path) -> None:
    """What happens in the worktree afterwards changes nothing; the worktree may even be gone."""
    attempt = live(top, tree)
    (tree / "a.txt").write_text("pinned\n")
    git(tree, "commit", "-qam", "x")
    head = git(tree, "rev-parse", "HEAD")
    touched = (FileTouched("a.txt", 1, 1),)
    attempt.collected = Collected(head, "", 1, touched, 0, "")
    (tree / "a.txt").write_text("later\n")
    git(top, "worktree", "remove", "--force", str(tree))
    state = state_of(top, attempt)
    assert "+pinned" in facts.diff_of(state, A)
    assert facts.diffstat(state, A) == touched


def test_a_huge_diff_is_cut_and_says_so(
    top: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts, "MAX_DIFF", 1024 * 1024)
    (tree / "a.txt").write_text("line\n" * 2_000_000)
    text = facts.diff_of(state_of(top, live(top, tree)), A)
    assert len(text) < 1024 * 1024 + 100
    assert "... cut after 1 MiB" in text


def test_an_external_diff_program_is_not_run(top: Path, tree: Path, tmp_path: Path) -> None:
    """A diff shows text; it never starts what the configuration names."""
    mark = tmp_path / "ran"
    git(top, "config", "diff.external", f"touch {mark} #")
    (tree / "a.txt").write_text("changed\n")
    assert "+changed" in facts.diff_of(state_of(top, live(top, tree)), A)
    assert not mark.exists()


def test_a_persons_settings_do_not_change_what_a_reader_of_the_diff_meets(
    top: Path, tree: Path
) -> None:
    """Prefixes and renames are the same for everybody; the counts know no renames."""
    (tree / "c.txt").write_text("".join(f"line {n}\n" for n in range(20)))
    git(tree, "add", "c.txt")
    git(tree, "commit", "-qm", "x")
    attempt = live(top, tree)
    attempt.base = git(tree, "rev-parse", "HEAD")
    git(tree, "mv", "c.txt", "d.txt")
    (tree / "a.txt").write_text("changed\n")
    plain = facts.diff_of(state_of(top, attempt), A)
    assert "diff --git a/a.txt b/a.txt" in plain
    assert "rename from c.txt\nrename to d.txt" in plain
    for name, value in (
        ("diff.noprefix", "true"),
        ("diff.mnemonicPrefix", "true"),
        ("diff.renames", "false"),
        ("diff.submodule", "log"),
    ):
        git(top, "config", name, value)
    assert facts.diff_of(state_of(top, attempt), A) == plain
    touched = {file.path for file in facts.diffstat(state_of(top, attempt), A)}
    assert touched == {"a.txt", "c.txt", "d.txt"}


def test_what_is_not_there_is_said(top: Path, tree: Path) -> None:
    """Unknown task, unknown attempt, no worktree yet, worktree gone: each has its own words."""
    attempt = live(top, tree)
    state = state_of(top, attempt)
    with pytest.raises(NotFoundError, match="no task 'B'"):
        facts.diff_of(state, TaskId("B"))
    with pytest.raises(NotFoundError, match="no attempt 7"):
        facts.diff_of(state, A, 7)
    attempt.path = str(tree / "gone")
    with pytest.raises(EnvironmentFault, match="no repository any more"):
        facts.diff_of(state, A)
    attempt.path = None
    with pytest.raises(NotFoundError, match="no worktree yet"):
        facts.diff_of(state, A)


def test_the_repository_around_a_folder(top: Path, tree: Path, tmp_path: Path) -> None:
    """A checkout, a folder below it and a linked worktree share one git directory."""
    (top / "deep" / "er").mkdir(parents=True)
    expected = (top / ".git").resolve()
    assert common_dir(top) == expected
    assert common_dir(top / "deep" / "er") == expected
    assert common_dir(tree) == expected
    assert common_dir(tmp_path) is None
    assert checkout_dir(top / "deep") == top
    assert facts.branch_now(tree) == "work"
    assert facts.branch_now(tmp_path) is None
    git(tree, "checkout", "-q", "--detach")
    assert facts.branch_now(tree) is None
