"""A git that is killed while it brings the target into a checkout: no person has to clear up.

The kill is exact: a filter of the repository, which git runs for one file of many, kills the git
above it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from agentdeck.engine.git import STALE_LOCK_S, Git
from agentdeck.engine.half_promotion import NOTE, noted
from agentdeck.engine.landing import Promoted, Waiting, promote

Sh = Callable[..., str]
PATIENCE_S = 30.0
TARGET = "refs/heads/deck/plan"
FILTER = """#!/bin/sh
if test -e {armed} && test "$1" = m.txt
then
  printf half
  rm {armed}
  kill -9 $PPID
  exit 1
fi
cat
"""


@pytest.fixture
def target(repo: Path, sh: Sh, tmp_path: Path) -> str:
    """The target, with files changed, added and deleted; its checkout into `main` is cut short."""
    kill = tmp_path / "filter"
    kill.write_text(FILTER.format(armed=tmp_path / "armed"))
    kill.chmod(0o755)
    (repo / ".gitattributes").write_text("*.txt filter=cut\n")
    for name in ("a", "m", "x", "gone"):
        (repo / f"{name}.txt").write_text(f"{name} of the base\n")
    (repo / "folder").write_text("a file of the base\n")
    sh(repo, "add", "--all")
    sh(repo, "commit", "--quiet", "-m", "base")
    sh(repo, "checkout", "--quiet", "-b", "deck/plan")
    for name in ("a", "b", "m", "n", "x"):
        (repo / f"{name}.txt").write_text(f"{name} of the target\n")
    (repo / "gone.txt").unlink()
    (repo / "folder").unlink()
    (repo / "folder").mkdir()
    (repo / "folder" / "inner").write_text("a file of the target\n")
    (repo / "kept.log").write_text("ignored, and tracked all the same\n")
    sh(repo, "add", "--all")
    sh(repo, "add", "--force", "kept.log")
    sh(repo, "commit", "--quiet", "-m", "target")
    sh(repo, "checkout", "--quiet", "main")
    sh(repo, "config", "filter.cut.smudge", f"exec {kill} %f")
    return sh(repo, "rev-parse", "deck/plan")


@pytest.fixture
def killed(repo: Path, git: Git, target: str, tmp_path: Path) -> Path:
    """The checkout as that git has left it."""
    (tmp_path / "armed").touch()
    assert isinstance(promote(git, TARGET, "main"), Waiting)
    assert (repo / ".git" / "index.lock").exists()
    assert (repo / "a.txt").read_text() == "a of the target\n", "it was at work"
    return repo


def age(repo: Path) -> None:
    """As if it had been killed some time ago."""
    then = time.time() - 2 * STALE_LOCK_S
    for name in ("index.lock", NOTE, "refs/heads/main.lock"):
        if (repo / ".git" / name).exists():
            os.utime(repo / ".git" / name, (then, then))


def is_whole(repo: Path, sh: Sh, target: str) -> None:
    assert sh(repo, "rev-parse", "main") == target
    assert sh(repo, "status", "--porcelain") == ""
    assert list((repo / ".git").glob("*.lock")) == [repo / ".git" / "agentdeck.lock"]
    assert not (repo / ".git" / NOTE).exists()


def test_the_next_engine_puts_it_right_and_promotes(killed: Path, sh: Sh, target: str) -> None:
    """Nobody is asked to remove a lock or to restore files."""
    age(killed)
    assert promote(Git.discover(killed), TARGET, "main") == Promoted(target, "merge")
    is_whole(killed, sh, target)


def test_a_young_lock_is_waited_for(killed: Path, git: Git) -> None:
    """Another git may have begun just now."""
    found = promote(git, TARGET, "main")
    assert isinstance(found, Waiting)
    assert "was left by a git that was killed" in found.reason
    assert (killed / ".git" / "index.lock").exists()


def test_a_lock_under_which_a_git_works_is_left(killed: Path, git: Git, tmp_path: Path) -> None:
    """Such as a commit whose message a person writes just now."""
    age(killed)
    begun = tmp_path / "begun"
    shell = f"git -c 'alias.wait=!touch {begun}; sleep 60' wait & wait"  # no child of this process
    with subprocess.Popen(("sh", "-c", shell), cwd=killed, start_new_session=True) as theirs:
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not begun.exists():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            found = promote(git, TARGET, "main")
        finally:
            os.killpg(theirs.pid, signal.SIGKILL)
    assert isinstance(found, Waiting)
    assert "a git is at work" in found.reason


def test_what_a_person_wrote_meanwhile_stays(killed: Path, sh: Sh, git: Git, target: str) -> None:
    """It is named as what is in the way; once it is committed elsewhere, the rest follows."""
    age(killed)
    (killed / "x.txt").write_text("mine\n")
    (killed / "n.txt").write_text("mine too\n")
    assert promote(git, TARGET, "main") == Waiting(f"x.txt has local changes at {killed}")
    assert (killed / "x.txt").read_text() == "mine\n"
    assert sh(killed, "status", "--porcelain").splitlines() == ["M x.txt", "?? n.txt"]
    sh(killed, "checkout", "--quiet", "x.txt")
    (killed / "n.txt").unlink()
    assert promote(git, TARGET, "main") == Promoted(target, "merge")
    is_whole(killed, sh, target)


def test_a_lock_of_somebody_else_is_never_taken_away(repo: Path, git: Git, target: str) -> None:
    """However old it is: no git of ours was killed there."""
    lock = repo / ".git" / "index.lock"
    lock.touch()
    age(repo)
    found = promote(git, TARGET, "main")
    assert isinstance(found, Waiting)
    assert "index.lock exists" in found.reason
    assert lock.exists()


def test_the_lock_of_a_base_that_nobody_has_checked_out(
    repo: Path, sh: Sh, git: Git, target: str
) -> None:
    """The same for the ref alone."""
    sh(repo, "checkout", "--quiet", "--detach")
    lock = repo / ".git" / "refs" / "heads" / "main.lock"
    with suppress(KeyboardInterrupt), git.writing(), noted(git, "main", "", target):
        lock.touch()
        raise KeyboardInterrupt  # as near to a kill as a process comes that goes on
    age(repo)
    assert promote(git, TARGET, "main") == Promoted(target, "ref")
    assert not lock.exists()
    assert not (repo / ".git" / NOTE).exists()
