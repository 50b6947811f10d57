"""The collision forecast on real git: it sees what a merge would do, and leaves no trace."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentdeck.core.errors import EnvironmentFault
from agentdeck.engine import collisions, live_work
from agentdeck.engine.collisions import Collision, CollisionWatch, Look
from agentdeck.engine.git import Git
from agentdeck.engine.live_work import Live, ScratchStore
from agentdeck.engine.pair_merges import Asking, Merges

CommitOn = Callable[..., str]
ODD = ["tab\there", 'quo"te', "new\nline", " edge ", os.fsdecode(b"not-utf8-\xff")]


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the scratch stores are made."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def watch(git: Git) -> Iterator[CollisionWatch]:
    with CollisionWatch(git) as made:
        yield made


@pytest.fixture
def first(repo: Path) -> str:
    """The commit that every branch starts from."""
    return run_git(repo, "rev-parse", "main")


@pytest.fixture
def at_work(repo: Path) -> Callable[[str], Path]:
    """`at_work("a")`: the worktree of an agent, on a branch of its own from `main`."""

    def make(name: str) -> Path:
        place = repo.parent / f"tree-{name}"
        run_git(repo, "worktree", "add", "--quiet", "-b", f"deck/r/{name}", str(place), "main")
        return place

    return make


def look_once(git: Git, tip: str, lives: list[Live]) -> Look:
    """A look by somebody who has never looked before."""
    with CollisionWatch(git) as watch:
        return watch.look(tip, lives)


def run_git(where: Path, *args: str, ok: bool = True) -> str:
    """Run git as an agent would."""
    done = subprocess.run(["git", *args], cwd=where, capture_output=True, text=True, check=False)
    assert not ok or done.returncode == 0, f"git {args}: {done.stderr}"
    return done.stdout.strip()


def objects(repo: Path) -> set[str]:
    """Every file among the objects of the repository."""
    top = repo / ".git" / "objects"
    return {str(file.relative_to(top)) for file in top.rglob("*") if file.is_file()}


def git_files(repo: Path) -> dict[str, tuple[int, bytes]]:
    """Every file of the repository's git folder, linked worktrees' too: time and content.

    The time of an object may change: git marks what it meets again as young, so nobody prunes it.
    """
    found = (file for file in (repo / ".git").rglob("*") if file.is_file())
    timed = {file: "objects" not in file.parts for file in found}
    return {str(f): (f.stat().st_mtime_ns if t else 0, f.read_bytes()) for f, t in timed.items()}


def commit_in(place: Path, changes: dict[str, bytes | None], *, start: str = "") -> str:
    """Commit changes of an agent in its worktree; None deletes."""
    if start:
        run_git(place, "checkout", "--quiet", "--detach", start)
    for name, content in changes.items():
        if content is None:
            (place / name).unlink()
            continue
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    run_git(place, "add", "--all")
    run_git(place, "commit", "--quiet", "-m", "work")
    return run_git(place, "rev-parse", "HEAD")


def test_a_pair_that_does_not_merge_is_named_with_its_files(
    git: Git, first: str, commit_on: CommitOn
) -> None:
    """Two who change the same lines collide with each other, and not with a third."""
    a = commit_on("a", {"d0/f0.txt": "of a\n", "d1/f1.txt": "of a\n", "A": "a\n"}, first)
    b = commit_on("b", {"d0/f0.txt": "of b\n", "d1/f1.txt": "of b\n"}, first)
    c = commit_on("c", {"d2/f2.txt": "of c\n"}, first)
    look = look_once(git, first, [Live("a", a), Live("b", b), Live("c", c)])
    assert look.collisions == (Collision("a", "b", ("d0/f0.txt", "d1/f1.txt")),)
    assert (look.asked, look.unknown, look.fault) == (6, 0, "")


def test_a_branch_that_does_not_merge_with_the_target_is_named(
    git: Git, first: str, commit_on: CommitOn
) -> None:
    """What has landed since is in the way of one branch, and not of the other."""
    tip = commit_on("target", {"d0/f0.txt": "landed\n"}, first)
    a = commit_on("a", {"d0/f0.txt": "of a\n"}, first)
    b = commit_on("b", {"d1/f1.txt": "of b\n"}, first)
    look = look_once(git, tip, [Live("a", a), Live("b", b)])
    assert look.collisions == (Collision("a", None, ("d0/f0.txt",)),)


def test_a_branch_with_nothing_of_its_own_collides_with_nobody(
    git: Git, first: str, commit_on: CommitOn
) -> None:
    """It stands at the target: a collision would be the target's, and is told once."""
    tip = commit_on("target", {"d0/f0.txt": "landed\n"}, first)
    a = commit_on("a", {"d0/f0.txt": "of a\n"}, first)
    look = look_once(git, tip, [Live("idle", tip), Live("a", a), Live("twin", a)])
    assert [(c.one, c.other) for c in look.collisions] == [("a", None), ("twin", None)]


def test_a_new_file_in_a_renamed_folder_is_a_collision(
    git: Git, first: str, at_work: Callable[[str], Path]
) -> None:
    """One moves a folder, another adds to it at its old place: git asks where it should be."""
    mover, adder = at_work("mover"), at_work("adder")
    run_git(mover, "mv", "d0", "moved")
    moved = commit_in(mover, {})
    added = commit_in(adder, {"d0/new.txt": b"new\n"})
    look = look_once(git, first, [Live("mover", moved), Live("adder", added)])
    assert look.collisions == (Collision("mover", "adder", ("moved/new.txt",)),)


def test_a_folder_that_was_split_is_a_collision_with_the_files_of_its_message(
    git: Git, first: str, at_work: Callable[[str], Path]
) -> None:
    """Half of a folder went here, half there: git knows no file that is in conflict."""
    splitter, adder = at_work("splitter"), at_work("adder")
    for number, file in enumerate(sorted((splitter / "d0").iterdir())[:8]):
        target = splitter / f"half{number % 2}"
        target.mkdir(exist_ok=True)
        file.rename(target / file.name)
    for file in (splitter / "d0").iterdir():
        file.unlink()
    split = commit_in(splitter, {})
    added = commit_in(adder, {"d0/new.txt": b"new\n"})
    [found] = look_once(git, first, [Live("s", split), Live("a", added)]).collisions
    assert (found.one, found.other, found.files) == ("s", "a", ("d0",))


def test_binary_files_collide(git: Git, first: str, at_work: Callable[[str], Path]) -> None:
    """There is nothing to merge line by line."""
    one = commit_in(at_work("one"), {"logo.png": b"\x89PNG\0one" * 99})
    two = commit_in(at_work("two"), {"logo.png": b"\x89PNG\0two" * 99})
    look = look_once(git, first, [Live("one", one), Live("two", two)])
    assert look.collisions == (Collision("one", "two", ("logo.png",)),)


@pytest.mark.parametrize("committed", [True, False])
def test_file_names_come_back_as_they_are(
    git: Git, first: str, at_work: Callable[[str], Path], committed: bool
) -> None:
    """Tabs, quotes, line breaks and bytes that are no text, in commits or still uncommitted."""
    one, two = at_work("one"), at_work("two")
    for place in (one, two):
        content = {name: place.name.encode() for name in ODD}
        if committed:
            commit_in(place, dict(content))
        else:
            for name in ODD:
                (place / name).write_bytes(content[name])
    lives = [Live("one", worktree=one), Live("two", worktree=two)]
    [found] = look_once(git, first, lives).collisions
    assert sorted(found.files) == sorted(ODD)


def test_uncommitted_work_is_seen_and_nothing_of_the_agent_is_touched(
    git: Git, repo: Path, first: str, at_work: Callable[[str], Path]
) -> None:
    """Changed, staged, deleted and new files count; index and git folder stay, to the byte."""
    one, two = at_work("one"), at_work("two")
    commit_in(one, {"d1/f1.txt": b"committed by one\n"})
    (one / "d0/f0.txt").write_text("changed by one\n")
    (one / "staged").write_text("staged by one\n")
    run_git(one, "add", "staged")
    (one / "staged").write_text("and changed on top\n")
    (one / "d2/f2.txt").unlink()
    (one / "ignored.log").write_text("of one\n")
    for name in ("d0/f0.txt", "d1/f1.txt", "d2/f2.txt", "staged", "new", "ignored.log"):
        (two / name).write_text("of two\n")
    (one / "new").write_text("of one\n")
    before = git_files(repo)
    lives = [Live("one", worktree=one), Live("two", worktree=two)]
    look = look_once(git, first, lives)
    assert git_files(repo) == before
    [found] = look.collisions
    assert found.files == ("d0/f0.txt", "d1/f1.txt", "d2/f2.txt", "new", "staged")
    assert [(s.uncommitted, s.note) for s in look.branches] == [(4, ""), (5, "")]


def test_a_file_that_changed_right_after_it_was_staged_is_seen(
    git: Git, first: str, at_work: Callable[[str], Path]
) -> None:
    """Same size, and changed within the tick of the clock in which git saw it: still a change."""
    one, two = at_work("one"), at_work("two")
    for place, word in ((one, "aaa"), (two, "bbb")):
        (place / "racy").write_text("xxx\n")
        os.utime(place / "racy", ns=(10**18, 10**18))
        run_git(place, "add", "racy")
        (place / "racy").write_text(f"{word}\n")
        os.utime(place / "racy", ns=(10**18, 10**18))
        index = Path(run_git(place, "rev-parse", "--absolute-git-dir"), "index")
        os.utime(index, ns=(10**18, 10**18))
    run_git(one, "config", "core.trustctime", "false")
    lives = [Live("one", worktree=one), Live("two", worktree=two)]
    [found] = look_once(git, first, lives).collisions
    assert found.files == ("racy",)


@pytest.mark.parametrize("young_s", [live_work.YOUNG_S, 0.0])
def test_later_changes_of_every_kind_are_seen(
    git: Git,
    watch: CollisionWatch,
    first: str,
    at_work: Callable[[str], Path],
    repo: Path,
    monkeypatch: pytest.MonkeyPatch,
    young_s: float,
) -> None:
    """What is remembered of a worktree makes no look differ from that of a newcomer.

    With 0 seconds every file counts as old: what was read of it is used again.
    """
    monkeypatch.setattr(live_work, "YOUNG_S", young_s)
    run_git(repo, "config", "core.fileMode", "false")  # else the mode in the index is not kept
    place, other = at_work("one"), at_work("two")
    for name in ("d0/f0.txt", "d1/f1.txt", "new", "d2/f2.txt"):
        (other / name).write_text("of two\n")
    steps: list[Callable[[], object]] = [
        lambda: (place / "new").write_text("of one\n"),
        lambda: (place / "d0/f0.txt").write_text("of one\n"),
        lambda: (place / "d0/f0.txt").write_text("of two\n"),
        lambda: run_git(place, "add", "--all"),
        lambda: run_git(place, "update-index", "--chmod=+x", "d0/f0.txt"),
        (place / "new").unlink,
        (place / "d2/f2.txt").unlink,
        lambda: run_git(place, "commit", "--quiet", "--all", "-m", "work"),
        lambda: (place / "d1/f1.txt").write_text("of one\n"),
        lambda: run_git(place, "checkout", "--quiet", "--", "."),
        lambda: run_git(place, "reset", "--quiet", "--hard", "HEAD~"),
    ]
    lives = [Live("one", worktree=place), Live("two", worktree=other)]
    seen = []
    for step in steps:
        step()
        before = git_files(repo)
        look = watch.look(first, lives)
        assert git_files(repo) == before
        fresh = look_once(git, first, lives)
        assert (look.collisions, look.branches) == (fresh.collisions, fresh.branches)
        seen.append([file for collision in look.collisions for file in collision.files])
    assert seen == [
        ["new"],
        ["d0/f0.txt", "new"],
        ["new"],
        ["new"],
        ["new"],
        [],
        ["d2/f2.txt"],
        ["d2/f2.txt"],
        ["d1/f1.txt", "d2/f2.txt"],
        ["d2/f2.txt"],
        [],
    ]


def test_a_scratch_store_that_has_become_large_is_made_anew(
    watch: CollisionWatch,
    first: str,
    at_work: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    scratch: Path,
) -> None:
    """Many looks at work that changes do not fill the disk; every one of them sees all of it."""
    monkeypatch.setattr(live_work, "STORE_BYTES", 2**18)
    monkeypatch.setattr(live_work, "YOUNG_S", 0.0)  # what stays as it was is in the store only once
    one, two = at_work("one"), at_work("two")
    lives = [Live("one", worktree=one), Live("two", worktree=two)]
    (two / "big").write_bytes(b"two")
    for number in range(8):
        (one / "big").write_bytes(random.Random(number).randbytes(2**16))
        assert watch.look(first, lives).collisions == (Collision("one", "two", ("big",)),)
    kept = sum(file.stat().st_size for file in scratch.rglob("*") if file.is_file())
    assert kept < 2**18 + 2**16


def test_one_look_writes_no_more_than_the_store_may_hold(
    watch: CollisionWatch,
    first: str,
    at_work: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who comes last is looked at without what is uncommitted, and that is said."""
    monkeypatch.setattr(live_work, "STORE_BYTES", 2**20)
    trees = [at_work(name) for name in ("one", "two", "three")]
    for tree in trees:
        (tree / "big").write_bytes(tree.name[:4].encode() * 2**17)
    look = watch.look(first, [Live(tree.name, worktree=tree) for tree in trees])
    assert [stand.uncommitted for stand in look.branches] == [1, 1, 0]
    assert look.branches[2].note == "without what is uncommitted: others have more than 1 MiB"


def test_two_changes_that_a_coarse_clock_does_not_tell_apart_are_both_seen(
    watch: CollisionWatch,
    first: str,
    at_work: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Same size, same second: what is so young is read again."""

    def coarse(file: Path) -> tuple[int, ...]:
        mtime, ctime, *rest = real(file)
        second = 10**9
        return (mtime // second * second, ctime // second * second, *rest)

    real = live_work.mark_of
    monkeypatch.setattr(live_work, "mark_of", coarse)
    place = at_work("one")
    commits = set()
    for word in ("aaa", "bbb", "ccc"):
        (place / "new").write_text(word)
        [stand] = watch.look(first, [Live("one", worktree=place)]).branches
        commits.add(stand.commit)
    assert len(commits) == 3


def test_no_object_reaches_the_repository_and_the_scratch_store_is_gone(
    git: Git, repo: Path, first: str, at_work: Callable[[str], Path], scratch: Path
) -> None:
    """Merged trees, uncommitted files and their commits were written, and not there."""
    one, two = at_work("one"), at_work("two")
    (one / "d0/f0.txt").write_text("of one\n")
    (two / "d0/f0.txt").write_text("of two\n")
    (two / "d1/f1.txt").write_text("of two\n")
    before = objects(repo)
    lives = [Live("one", worktree=one), Live("two", worktree=two)]
    with CollisionWatch(git) as watch:
        assert watch.look(first, lives).collisions == (Collision("one", "two", ("d0/f0.txt",)),)
        assert list(scratch.rglob("work"))
        assert not list(scratch.rglob("merged")), "what merges write is removed at once"
    assert objects(repo) == before
    assert list(scratch.iterdir()) == []


def test_only_pairs_of_what_has_changed_are_asked_again(
    watch: CollisionWatch, first: str, commit_on: CommitOn, at_work: Callable[[str], Path]
) -> None:
    """Also uncommitted work that stays as it is, is the same commit in the next look."""
    one = at_work("one")
    (one / "d0/f0.txt").write_text("of one\n")
    a = commit_on("a", {"d0/f0.txt": "of a\n"}, first)
    b = commit_on("b", {"d1/f1.txt": "of b\n"}, first)
    lives = [Live("one", worktree=one), Live("a", a), Live("b", b)]
    looks = [watch.look(first, lives), watch.look(first, lives)]
    assert [look.asked for look in looks] == [6, 0]
    assert looks[0].collisions == looks[1].collisions == (Collision("one", "a", ("d0/f0.txt",)),)
    (one / "d1/f1.txt").write_text("of one\n")
    third = watch.look(first, lives)
    assert third.asked == 3, "it with the target, with a and with b"
    assert third.collisions[1:] == (Collision("one", "b", ("d1/f1.txt",)),)
    watch.look(first, lives[1:])
    assert watch.look(first, lives).asked == 3, "what is no longer live is forgotten"


def test_the_same_work_is_the_same_commit_at_any_time(
    git: Git, first: str, at_work: Callable[[str], Path]
) -> None:
    """Neither the clock nor who looks is in it, so a pair is known again minutes later."""
    place = at_work("one")
    (place / "new").write_text("of one\n")
    [stand] = look_once(git, first, [Live("one", worktree=place)]).branches
    run_git(place, "add", "--all")
    tree = run_git(place, "write-tree")
    who = "agentdeck <agentdeck@localhost> 0 +0000"
    text = f"tree {tree}\nparent {first}\nauthor {who}\ncommitter {who}\n\nUncommitted\n"
    whole = f"commit {len(text)}\0{text}".encode()
    assert stand.commit == hashlib.sha1(whole, usedforsecurity=False).hexdigest()


def test_a_branch_that_was_deleted_in_between_is_no_conflict(
    git: Git, repo: Path, first: str, commit_on: CommitOn
) -> None:
    """Its commit is looked at as long as it is there, and then said to be gone."""
    a = commit_on("a", {"d0/f0.txt": "of a\n"}, first)
    b = commit_on("b", {"d0/f0.txt": "of b\n"}, first)
    lives = [Live("a", a), Live("b", b)]
    run_git(repo, "branch", "-D", "b")
    assert len(look_once(git, first, lives).collisions) == 1
    run_git(repo, "-c", "gc.pruneExpire=now", "prune", "--expire=now")
    look = look_once(git, first, lives)
    assert look.collisions == ()
    assert [stand.commit for stand in look.branches] == [a, None]
    assert look.branches[1].note == f"there is no commit {b!r} any more"


@pytest.mark.parametrize("name", ["1" * 40, "no-such-branch", "", "--help", "main"])
def test_what_is_no_commit_is_no_conflict(
    git: Git, first: str, commit_on: CommitOn, name: str
) -> None:
    """An unknown name looks like a conflict to git; only whole names of commits are asked about."""
    a = commit_on("a", {"d0/f0.txt": "of a\n"}, first)
    b = commit_on("b", {"d0/f0.txt": "of b\n"}, first)
    look = look_once(git, first, [Live("x", name), Live("a", a), Live("b", b)])
    assert look.collisions == (Collision("a", "b", ("d0/f0.txt",)),)
    assert look.branches[0].commit is None
    assert "there is no commit" in look.branches[0].note
    with pytest.raises(EnvironmentFault, match="where the target should be"):
        look_once(git, name, [Live("a", a)])


def test_a_worktree_that_is_gone_does_not_hide_the_others(
    git: Git, first: str, commit_on: CommitOn, at_work: Callable[[str], Path]
) -> None:
    """Also one that has lost its `.git` file: git would go on to whatever is above."""
    gone, lost = at_work("gone"), at_work("lost")
    shutil.rmtree(gone)
    (lost / ".git").unlink()
    a = commit_on("a", {"d0/f0.txt": "of a\n"}, first)
    lives = [Live("gone", worktree=gone), Live("lost", worktree=lost), Live("a", a)]
    look = look_once(git, first, lives)
    assert [stand.commit for stand in look.branches] == [None, None, a]
    assert all("has lost its .git file" in stand.note for stand in look.branches[:2])


def test_a_history_of_its_own_is_set_apart_and_the_rest_is_told(
    git: Git, first: str, commit_on: CommitOn, at_work: Callable[[str], Path]
) -> None:
    """Git refuses to merge it and ends; the pairs behind it are asked all the same."""
    place = at_work("orphan")
    run_git(place, "checkout", "--quiet", "--orphan", "elsewhere")
    orphan = commit_in(place, {"d0/f0.txt": b"of nobody\n"})
    a = commit_on("a", {"d0/f0.txt": "of a\n"}, first)
    b = commit_on("b", {"d0/f0.txt": "of b\n"}, first)
    look = look_once(git, first, [Live("orphan", orphan), Live("a", a), Live("b", b)])
    assert look.collisions == (Collision("a", "b", ("d0/f0.txt",)),)
    assert (look.unknown, look.fault) == (3, "fatal: refusing to merge unrelated histories")
    assert look.branches[0].note == "it shares no history with the target"


def test_a_merge_in_progress_is_looked_at_without_its_half_merged_files(
    git: Git, first: str, commit_on: CommitOn, at_work: Callable[[str], Path]
) -> None:
    """Files full of conflict marks are nobody's work; its commits count."""
    place = at_work("one")
    mine = commit_in(place, {"d0/f0.txt": b"of one\n"})
    other = commit_on("other", {"d0/f0.txt": "of other\n"}, first)
    run_git(place, "merge", other, ok=False)
    look = look_once(git, first, [Live("one", worktree=place), Live("other", other)])
    assert look.branches[0].commit == mine
    assert look.branches[0].note == "without what is uncommitted: a merge is in progress"
    assert look.collisions == (Collision("one", "other", ("d0/f0.txt",)),)


@pytest.mark.parametrize(("bound", "value"), [("MAX_BYTES", 2**20), ("MAX_FILES", 2)])
def test_more_than_is_worth_reading_is_left_out_and_said(
    git: Git,
    first: str,
    at_work: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    bound: str,
    value: int,
) -> None:
    """A build that nobody ignores does not fill the disk a second time."""
    monkeypatch.setattr(live_work, bound, value)
    place = at_work("one")
    for number in range(3):
        (place / f"built{number}").write_bytes(b"x" * 2**19)
    [stand] = look_once(git, first, [Live("one", worktree=place)]).branches
    assert (stand.commit, stand.uncommitted) == (first, 0)
    assert stand.note.startswith("without what is uncommitted: more than ")


def test_branches_beyond_the_bound_are_named(
    git: Git, first: str, commit_on: CommitOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not compared, and not called clean."""
    monkeypatch.setattr(collisions, "MAX_BRANCHES", 2)
    a = commit_on("a", {"d0/f0.txt": "of a\n"}, first)
    b = commit_on("b", {"d0/f0.txt": "of b\n"}, first)
    look = look_once(git, first, [Live("a", a), Live("b", b), Live("c", b)])
    assert [(c.one, c.other) for c in look.collisions] == [("a", "b")]
    assert look.branches[2].note == "only 2 branches are compared"


def test_pairs_for_which_there_was_no_time_are_counted(
    watch: CollisionWatch, first: str, commit_on: CommitOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is known of them, and the next look asks."""
    a = commit_on("a", {"d0/f0.txt": "of a\n"}, first)
    b = commit_on("b", {"d0/f0.txt": "of b\n"}, first)
    with monkeypatch.context() as patch:
        patch.setattr(watch, "_look_s", 0.0)
        look = watch.look(first, [Live("a", a), Live("b", b)])
    assert (look.collisions, look.asked) == ((), 0)
    assert [stand.note for stand in look.branches] == ["there was no time to look at it"] * 2
    assert watch.look(first, [Live("a", a), Live("b", b)]).collisions


def test_git_is_not_asked_when_the_time_is_up(
    git: Git, first: str, commit_on: CommitOn, tmp_path: Path
) -> None:
    """Looking at the worktrees may have taken all of it."""
    a = commit_on("a", {"d0/f0.txt": "of a\n"}, first)
    store = ScratchStore(tmp_path / "late" / "work", git.common / "objects")
    asking, known = Asking(git, first, store, time.monotonic()), Merges()
    asking.ask([(first, a)], known)
    assert (asking.asked, known.files) == (0, {})
