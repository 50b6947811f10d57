"""Targets of several repositories move together, or not at all: each row of the stated recovery."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agentdeck.core.ids import RepoName
from agentdeck.engine.git import Git, GitError, RefMoved
from agentdeck.engine.group_landing import Target, land_together
from agentdeck.engine.landing import commit_of

Sh = Callable[..., str]
OURS, WEB = RepoName(""), RepoName("web")


def child(git: Git, parent: str, message: str = "work") -> str:
    """A commit on top of another one, which no ref holds."""
    return commit_of(git, git.tree_of(parent), [parent], message).commit


@pytest.fixture
def targets(repo: Path, tmp_path: Path, sh: Sh) -> list[Target]:
    """Two repositories, each with a target that is to move by one commit."""
    sh(tmp_path, "clone", "--quiet", str(repo), "web")
    found = []
    for name, top in ((OURS, repo), (WEB, tmp_path / "web")):
        git = Git.discover(top)
        old = git.resolve("HEAD")
        git.update_ref("refs/heads/deck/p", old, None)
        found.append(Target(name, git, "deck/p", child(git, old, f"work of {name}"), old))
    return found


def tips(targets: list[Target]) -> list[str | None]:
    return [target.git.ref_tip(target.ref) for target in targets]


def move(target: Target, old: str, new: str) -> None:
    """As somebody does who knows nothing of our lock."""
    target.git.run("update-ref", target.ref, new, old, write=True)


def olds(targets: list[Target]) -> list[str]:
    return [target.old for target in targets]


def news(targets: list[Target]) -> list[str]:
    return [target.new for target in targets]


def test_all_move(targets: list[Target]) -> None:
    assert land_together(targets) is None
    assert tips(targets) == news(targets)


def test_what_a_killed_engine_has_begun_is_finished(targets: list[Target]) -> None:
    """`kill -9` between the two moves: the next engine moves the rest, and a third one nothing."""
    move(targets[0], targets[0].old, targets[0].new)
    assert land_together(targets) is None
    assert tips(targets) == news(targets)
    assert land_together(targets) is None
    assert tips(targets) == news(targets)


def test_a_target_that_somebody_moved_on_keeps_all_where_they_are(targets: list[Target]) -> None:
    theirs = child(targets[1].git, targets[1].old, "by somebody")
    move(targets[1], targets[1].old, theirs)
    found = land_together(targets)
    assert found is not None
    assert (found.target, found.found, found.taken_back) == (targets[1], theirs, ())
    assert tips(targets) == [targets[0].old, theirs]


def test_what_had_moved_is_taken_back_where_the_other_cannot_follow(
    targets: list[Target],
) -> None:
    """An engine was killed between the moves, and somebody moved the second one meanwhile."""
    move(targets[0], targets[0].old, targets[0].new)
    theirs = child(targets[1].git, targets[1].old, "by somebody")
    move(targets[1], targets[1].old, theirs)
    found = land_together(targets)
    assert found is not None
    assert (found.found, found.taken_back, found.stays) == (theirs, (targets[0],), ())
    assert tips(targets) == [targets[0].old, theirs]


def test_what_somebody_has_gone_on_from_stays(targets: list[Target]) -> None:
    """Nothing that a person has built on is taken away from below it."""
    move(targets[0], targets[0].old, targets[0].new)
    on_top = child(targets[0].git, targets[0].new, "on top")
    move(targets[0], targets[0].new, on_top)
    theirs = child(targets[1].git, targets[1].old, "by somebody")
    move(targets[1], targets[1].old, theirs)
    found = land_together(targets)
    assert found is not None
    assert (found.found, found.taken_back, found.stays) == (theirs, (), (targets[0],))
    assert tips(targets) == [on_top, theirs]


def test_a_target_that_is_checked_out_is_not_moved_under_anybodys_feet(
    targets: list[Target], tmp_path: Path, sh: Sh
) -> None:
    """The other one had moved before the engine was killed: it goes back, and waits too."""
    move(targets[0], targets[0].old, targets[0].new)
    sh(tmp_path / "web", "checkout", "--quiet", "deck/p")
    found = land_together(targets)
    assert found is not None
    assert found.found is None
    assert found.reason == f"deck/p of web is checked out at {tmp_path / 'web'}"
    assert tips(targets) == olds(targets)
    sh(tmp_path / "web", "checkout", "--quiet", "main")
    assert land_together(targets) is None
    assert tips(targets) == news(targets)


def test_a_target_that_went_back_waits_for_a_person(targets: list[Target]) -> None:
    """Going on from there would drop what has landed."""
    unrelated = commit_of(targets[1].git, targets[1].git.tree_of("HEAD"), [], "unrelated").commit
    move(targets[1], targets[1].old, unrelated)
    found = land_together(targets)
    assert found is not None
    assert found.found is None
    assert "was moved by hand to" in found.reason
    assert tips(targets)[0] == targets[0].old


def test_a_build_that_was_pruned_is_built_again(targets: list[Target]) -> None:
    gone = Target(WEB, targets[1].git, "deck/p", "0123456789" * 4, targets[1].old)
    found = land_together([targets[0], gone])
    assert found is not None
    assert found.found == targets[1].old
    assert tips(targets) == olds(targets)


def test_somebody_who_moves_a_target_between_our_look_and_our_move(
    targets: list[Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The compare-and-swap of the second one fails: the first, which has moved, goes back."""
    theirs = child(targets[1].git, targets[1].old, "by somebody")
    real = Git.update_ref

    def late(git: Git, ref: str, new: str, old: str | None, *, message: str = "") -> None:
        if new == targets[1].new:
            move(targets[1], targets[1].old, theirs)
            raise RefMoved(ref, old, theirs)
        real(git, ref, new, old, message=message)

    monkeypatch.setattr(Git, "update_ref", late)
    found = land_together(targets)
    assert found is not None
    assert (found.found, found.taken_back) == (theirs, (targets[0],))
    assert tips(targets) == [targets[0].old, theirs]


def test_git_that_cannot_move_the_second_one_takes_the_first_one_back(
    targets: list[Target],
) -> None:
    """A lock that somebody holds, a full disk: nothing is half landed while that lasts."""
    lock = targets[1].git.common / f"{targets[1].ref}.lock"
    lock.touch()
    with pytest.raises(GitError, match="lock"):
        land_together(targets)
    assert tips(targets) == olds(targets)
    lock.unlink()
    assert land_together(targets) is None
    assert tips(targets) == news(targets)
