"""A git of the engine that is killed has answered nothing: what was to be done is done again.

The git of these tests is a script in front of the real one. It dies by SIGKILL at its n-th call,
after the real git has done its work and before anybody knows, for each second n that
there is, and in `soak` for each.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, TypeVar

import pytest

from agentdeck.core.ids import TaskId
from agentdeck.engine import attempts
from agentdeck.engine.collect import Collected, collect
from agentdeck.engine.git import Git, GitError, GitKilled
from agentdeck.engine.landing import Landed, land, landed_already
from agentdeck.engine.worktrees import Prepared, ScratchTrees, Worktrees

MOST_CALLS: Final = 60  # of git for one piece of work
BRANCH: Final = "deck/r1/T1"
SCRIPT: Final = """\
#!/bin/sh
read number < {calls}
read at < {at}
echo $((number + 1)) > {calls}
if test $((number + 1)) -ne $at; then exec {git} "$@"; fi
if test {moment} != before; then {git} "$@"; fi
if test {moment} = halfway; then
  for entry in .git/worktrees/*; do echo {zeros} > $entry/HEAD; done
fi
kill -9 $$
"""
ZEROS: Final = "0" * 40  # in the HEAD of a worktree that git has not made to its end

Sh = Callable[..., str]
T = TypeVar("T")


class Killer:
    """The script, and which of its calls is the last one of its life."""

    stride = 2  # from one call that dies to the next one

    def __init__(self, place: Path, moment: str) -> None:
        real = shutil.which("git")
        assert real is not None
        self._calls, self._at = place / "calls", place / "at"
        tools = place / "bin"
        tools.mkdir()
        script = tools / "git"
        script.write_text(
            SCRIPT.format(calls=self._calls, at=self._at, git=real, moment=moment, zeros=ZEROS),
            "utf-8",
        )
        script.chmod(0o755)
        self.path = f"{tools}{os.pathsep}{os.environ['PATH']}"
        self.at(0)

    @property
    def calls(self) -> int:
        """How many gits there were since the count began."""
        return int(self._calls.read_text())

    def spare(self) -> None:
        """From now on all live."""
        self._at.write_text("0\n")

    def at(self, number: int) -> None:
        """From now on count; this one dies."""
        self._calls.write_text("0\n")
        self._at.write_text(f"{number}\n")


@pytest.fixture(params=["after"])  # for what comes next, as if the next one died before it began
def killer(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Killer:
    place = tmp_path / "killer"
    place.mkdir()
    made = Killer(place, request.param)
    monkeypatch.setenv("PATH", made.path)
    return made


@pytest.fixture(params=[2, pytest.param(1, marks=pytest.mark.soak)])
def at_many(request: pytest.FixtureRequest, killer: Killer) -> Killer:
    """One that kills at every second call of a piece of work, or for `soak` at each."""
    killer.stride = request.param
    return killer


@pytest.fixture
def mine(killer: Killer, repo: Path) -> Git:
    """A repository whose gits can be killed."""
    return Git.discover(repo)


def at_every_call(killer: Killer, begin: Callable[[int], Callable[[], T]]) -> list[T]:
    """What work comes to that is done again after a kill, for each of its gits."""
    came = []
    for number in range(1, MOST_CALLS, killer.stride):
        work = begin(number)
        killer.at(number)
        try:
            found = work()
        except GitKilled:
            killer.spare()
            came.append(work())
        else:
            killer.spare()
            came.append(found)
            if killer.calls < number:
                return came
    raise AssertionError("there are more gits than anybody thought")


@pytest.mark.parametrize("killer", ["before", "after"], indirect=True)
@pytest.mark.parametrize(
    "asked",
    [
        lambda git: git.ref_tip("refs/heads/main") is not None,
        lambda git: git.has("main"),
        lambda git: git.resolve("main") != "",
        lambda git: git.is_ancestor("main", "main"),
        lambda git: git.current_branch() == "main",
        lambda git: git.branch_state("main")[0] is not None,
        lambda git: git.first_parent("main") is None,
    ],
)
def test_no_answer_is_no_no(killer: Killer, mine: Git, asked: Callable[[Git], bool]) -> None:
    """A ref is not gone, and a commit not lost, because the git that was asked has died."""
    killer.at(1)
    with pytest.raises(GitKilled, match="ended by signal 9"):
        asked(mine)
    killer.spare()
    assert asked(mine)


def test_a_repository_is_there_though_the_git_that_looked_died(killer: Killer, repo: Path) -> None:
    """It is not called a folder without a repository."""
    killer.at(2)  # the first one says its version
    with pytest.raises(GitError, match="ended by signal 9"):
        Git.discover(repo)


def test_work_is_taken_whichever_git_died(
    at_many: Killer, mine: Git, tmp_path: Path, sh: Sh
) -> None:
    """It is no fault of the agent's: nothing of an attempt that did well is thrown away."""
    trees = Worktrees(mine, tmp_path / "slots", run="r1")

    def begin(number: int) -> Callable[[], Collected]:
        got = trees.prepare(f"T{number}", f"deck/r1/T{number}", "main")
        (got.path / "one.txt").write_text("one\n")
        sh(got.path, "add", "-A")
        sh(got.path, "commit", "-q", "-m", "one")
        (got.path / "two.txt").write_text("two\n")  # left uncommitted
        sh(got.path, "checkout", "-q", "--detach")  # and off its branch
        return lambda: collect(mine, got.path, got.branch, got.base, message="left")

    for work in at_every_call(at_many, begin):
        assert work.fault is None
        assert (work.commits, [file.path for file in work.files]) == (2, ["one.txt", "two.txt"])


def test_the_next_attempt_goes_on_where_a_git_has_left_its_locks(
    killer: Killer, mine: Git, tmp_path: Path, sh: Sh
) -> None:
    """Nobody but the engine is in that worktree: locks of the dead are none of its business."""
    killer.spare()
    got = Worktrees(mine, tmp_path / "slots", run="r1").prepare("T1", BRANCH, "main")
    (got.path / "one.txt").write_text("one\n")
    sh(got.path, "add", "-A")
    sh(got.path, "commit", "-q", "-m", "one")
    work = collect(mine, got.path, got.branch, got.base, message="left")
    assert work.fault is None
    entry = Path(sh(got.path, "rev-parse", "--absolute-git-dir"))
    for lock in (
        entry / "HEAD.lock",
        entry / "index.lock",
        mine.common / f"refs/heads/{BRANCH}.lock",
    ):
        lock.touch()
    (got.path / "made by a gate").touch()
    at: Any = SimpleNamespace(git=mine, state=SimpleNamespace(run="r1"))
    before: Any = SimpleNamespace(collected=work, path=str(got.path), branch=BRANCH, number=1)
    assert attempts._go_on(at, TaskId("T1"), before)
    assert sh(got.path, "status", "--porcelain", "--branch") == f"## {BRANCH}"


def test_worktrees_come_and_go_whichever_git_died(
    at_many: Killer, mine: Git, tmp_path: Path, sh: Sh
) -> None:
    """Given back and prepared for the next task: nothing that the first had in it is lost."""

    def begin(number: int) -> Callable[[], Prepared]:
        trees = Worktrees(mine, tmp_path / f"slots{number}", run=f"r{number}")
        got = trees.prepare("T1", f"deck/r{number}/T1", "main")
        (got.path / "mine.txt").write_text(f"mine {number}\n")

        def work() -> Prepared:
            trees.release("T1")
            return trees.prepare("T2", f"deck/r{number}/T2", "main")

        return work

    for times, got in enumerate(at_every_call(at_many, begin)):
        number = 1 + times * at_many.stride
        assert sh(got.path, "status", "--porcelain", "--branch") == f"## deck/r{number}/T2"
        kept = sh(
            mine.checkout, "for-each-ref", "--format=%(refname)", f"refs/agentdeck/keep/r{number}"
        ).splitlines()
        # What was kept before the git died is kept once more: a commit of another second.
        assert kept != []
        assert {sh(mine.checkout, "show", f"{ref}:mine.txt") for ref in kept} == {f"mine {number}"}


def test_a_gate_gets_its_commit_whichever_git_died(
    at_many: Killer, mine: Git, tmp_path: Path, sh: Sh
) -> None:
    """A scratch worktree is whole, and at the commit."""
    commit = mine.resolve("main")

    def begin(number: int) -> Callable[[], Path]:
        scratch = ScratchTrees(mine, tmp_path / f"scratch{number}", 2)
        return lambda: scratch.checkout("merge", commit)

    for place in at_every_call(at_many, begin):
        assert sh(place, "rev-parse", "HEAD") == commit
        assert sh(place, "status", "--porcelain") == ""


def test_a_target_moves_once_whichever_git_died(
    at_many: Killer, mine: Git, commit_on: Callable[..., str]
) -> None:
    """What landed is known to have landed, also where the git died that landed it."""
    base = mine.resolve("main")
    new = commit_on("work", {"new.txt": "new\n"}, "main")

    def begin(number: int) -> Callable[[], bool]:
        ref = f"refs/heads/deck/p{number}"
        mine.update_ref(ref, base, None)

        def work() -> bool:
            found = land(Git.discover(mine.checkout), ref, new, base)
            return isinstance(found, Landed) or landed_already(mine, ref, new)

        return work

    assert set(at_every_call(at_many, begin)) == {True}


@pytest.mark.parametrize("killer", ["before", "after", "halfway"], indirect=True)
def test_a_worktree_that_nobody_waits_for_is_made_by_who_needs_it(
    killer: Killer, mine: Git, tmp_path: Path, sh: Sh
) -> None:
    """Its slot is not lost with the git that died, and no `git gc` of the person fails."""
    trees = Worktrees(mine, tmp_path / "slots", run="r1")
    base = mine.resolve("main")
    killer.at(1)
    with pytest.raises(GitKilled, match="worktree add"):
        trees.fill(1, base)
    killer.spare()
    sh(mine.checkout, "gc", "--quiet")
    assert trees.prepare("T1", BRANCH, "main").path.name == "w01"


def half_made(git: Git, path: Path) -> Path:
    """The entry of a worktree as git leaves it that is killed while it adds one."""
    entry = git.common / "worktrees" / f"of-{path.parent.name}-{path.name}"
    entry.mkdir(parents=True)
    (entry / "gitdir").write_text(f"{path / '.git'}\n")
    (entry / "commondir").write_text("../..\n")
    (entry / "HEAD").write_text(f"{ZEROS}\n")
    path.mkdir(parents=True)
    (path / ".git").write_text(f"gitdir: {entry}\n")
    return entry


def test_half_made_worktrees_do_not_outlive_the_machine_that_stopped(
    git: Git, tmp_path: Path, sh: Sh
) -> None:
    """Engine and git died at once: the next engine tidies up its own, and `git gc` works again."""
    ours = [
        half_made(git, tmp_path / "slots" / "w01"),
        half_made(git, tmp_path / "gates" / "merge"),
    ]
    with pytest.raises(AssertionError, match="bad object"):
        sh(git.checkout, "gc", "--quiet")
    trees = Worktrees(git, tmp_path / "slots", run="r1")
    scratch = ScratchTrees(git, tmp_path / "gates", 2)
    assert [entry for entry in ours if entry.exists()] == []
    sh(git.checkout, "gc", "--quiet")
    assert trees.prepare("T1", BRANCH, "main").path.name == "w01"
    assert scratch.checkout("merge", git.resolve("main")).name == "merge"


def test_a_half_made_worktree_of_somebody_else_is_left(git: Git, tmp_path: Path) -> None:
    """Another run, or a person, may be making it just now."""
    theirs = half_made(git, tmp_path / "elsewhere" / "w01")
    Worktrees(git, tmp_path / "slots", run="r1")
    ScratchTrees(git, tmp_path / "gates", 2)
    assert theirs.exists()
