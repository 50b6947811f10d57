"""Building, landing and promoting: exact commits, compare-and-swap, and a user left in peace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agentdeck.engine.collect import collect
from agentdeck.engine.git import Git, GitError
from agentdeck.engine.joining import Style, join
from agentdeck.engine.landing import (
    Built,
    Conflict,
    Diverged,
    Landed,
    LandRefused,
    Moved,
    Promoted,
    Waiting,
    keep_ref,
    land,
    landed_already,
    promote,
)
from agentdeck.engine.worktrees import Worktrees

Sh = Callable[..., str]
CommitOn = Callable[..., str]
Look = Callable[[Path], dict[str, object]]
TARGET = "refs/heads/deck/plan"
TRAILERS = {"Agentdeck-Run": "r1", "Agentdeck-Task": "T1", "Agentdeck-Attempt": "2"}


@pytest.fixture
def first(git: Git) -> str:
    """The tip of main; the target starts there."""
    tip = git.resolve("main")
    git.update_ref(TARGET, tip, None)
    return tip


def build(
    git: Git, tip: str, head: str, *, message: str, trailers: dict[str, str]
) -> Built | Conflict:
    ends = "".join(f"{key}: {value}\n" for key, value in trailers.items())
    return join(git, tip, head, f"{message.strip()}\n\n{ends}", Style())


def built(git: Git, tip: str, head: str) -> Built:
    made = build(git, tip, head, message="Complete T1: x", trailers=TRAILERS)
    assert isinstance(made, Built)
    return made


def target_with(git: Git, commit_on: CommitOn, first: str, files: dict[str, str]) -> str:
    """Land a commit with these files; returns the new target."""
    tip = git.ref_tip(TARGET) or first
    made = built(git, tip, commit_on("", files, first))
    assert land(git, TARGET, made.commit, tip) == Landed(made.commit)
    return made.commit


# --- build --------------------------------------------------------------------------------------


def test_a_build_is_a_merge_commit_with_its_trailers(
    git: Git, first: str, commit_on: CommitOn, repo: Path, sh: Sh
) -> None:
    tip = commit_on("", {"README": "tip\n"}, first)
    head = commit_on("", {"new.txt": "head\n"}, first)
    made = build(git, tip, head, message='Complete T1: "ü"\n\nWhy.\0', trailers=TRAILERS)
    assert isinstance(made, Built)
    assert sh(repo, "log", "-1", "--format=%P", made.commit) == f"{tip} {head}"
    assert git.tree_of(made.commit) == made.tree
    assert sh(repo, "log", "-1", "--format=%s|%b|", made.commit).startswith('Complete T1: "ü"|Why.')
    form = "--format=%(trailers:only,unfold)"
    assert sh(repo, "log", "-1", form, made.commit).splitlines() == [
        f"{key}: {value}" for key, value in TRAILERS.items()
    ]
    assert sh(repo, "show", f"{made.commit}:README") == "tip"
    assert sh(repo, "show", f"{made.commit}:new.txt") == "head"


def test_a_conflict_names_its_files(git: Git, first: str, commit_on: CommitOn) -> None:
    odd = 'a "b"\tü.txt'
    tip = commit_on("", {"README": "tip\n", odd: "tip\n", "d1/f1.txt": "fine\n"}, first)
    head = commit_on("", {"README": "head\n", odd: "head\n", "d2/f2.txt": "fine\n"}, first)
    found = build(git, tip, head, message="x", trailers={})
    assert isinstance(found, Conflict)
    assert set(found.files) == {"README", odd}
    assert len(found.messages) == 2
    assert all(text.startswith("CONFLICT (") for text in found.messages)


def test_a_deleted_and_edited_file_and_a_moved_folder_conflict(
    git: Git, first: str, repo: Path, commit_on: CommitOn, sh: Sh
) -> None:
    sh(repo, "checkout", "-q", "-b", "tip")
    sh(repo, "mv", "d1", "moved")
    sh(repo, "rm", "-q", "README")
    sh(repo, "commit", "-qm", "move")
    head = commit_on("", {"README": "edited\n", "d1/added.txt": "x\n"}, first)
    found = build(git, git.resolve("tip"), head, message="x", trailers={})
    assert isinstance(found, Conflict)
    assert "README" in found.files
    assert any("added.txt" in path for path in found.files)


def test_union_merges_of_the_repository_are_honoured(
    git: Git, repo: Path, commit_on: CommitOn, sh: Sh
) -> None:
    """A change log that both sides add to does not conflict where .gitattributes says so."""
    (repo / ".gitattributes").write_text("CHANGES merge=union\n")
    (repo / "CHANGES").write_text("start\n")
    sh(repo, "add", "--all")
    sh(repo, "commit", "-qm", "log")
    base = git.resolve("main")
    one, two = (commit_on("", {"CHANGES": f"start\n{word}\n"}, base) for word in ("one", "two"))
    made = built(git, one, two)
    assert sh(repo, "show", f"{made.commit}:CHANGES").split() == ["start", "one", "two"]


def test_an_unknown_commit_is_an_error_and_no_conflict(git: Git, first: str) -> None:
    """The exit status is 1 for both."""
    with pytest.raises(GitError):
        build(git, first, "f" * 40, message="x", trailers={})


# --- land ---------------------------------------------------------------------------------------


def test_landing_moves_the_target_once(git: Git, first: str, commit_on: CommitOn) -> None:
    made = built(git, first, commit_on("", {"a": "a\n"}, first))
    assert not landed_already(git, TARGET, made.commit)
    assert land(git, TARGET, made.commit, first) == Landed(made.commit)
    assert land(git, TARGET, made.commit, first) == Landed(made.commit)
    assert landed_already(git, TARGET, made.commit)
    target_with(git, commit_on, first, {"b": "b\n"})
    assert landed_already(git, TARGET, made.commit)


def test_a_target_that_moved_is_left_where_it_is(
    git: Git, first: str, commit_on: CommitOn, repo: Path, sh: Sh
) -> None:
    made = built(git, first, commit_on("", {"a": "a\n"}, first))
    other = commit_on("deck/plan", {"b": "b\n"}, first)
    assert land(git, TARGET, made.commit, first) == Moved(other)
    assert git.ref_tip(TARGET) == other
    sh(repo, "update-ref", "-d", TARGET)
    assert land(git, TARGET, made.commit, first) == Moved(None)


def test_only_a_child_of_the_tip_lands(git: Git, first: str, commit_on: CommitOn) -> None:
    """Not even a descendant through the second parent: first-parent history is what was gated."""
    head = commit_on("", {"a": "a\n"}, first)
    tip = target_with(git, commit_on, first, {"b": "b\n"})
    backwards = built(git, head, tip)
    with pytest.raises(LandRefused, match="was not built on"):
        land(git, TARGET, backwards.commit, tip)
    assert git.ref_tip(TARGET) == tip


def test_a_target_that_is_checked_out_is_not_moved(
    git: Git, first: str, commit_on: CommitOn, repo: Path, sh: Sh, tmp_path: Path
) -> None:
    made = built(git, first, commit_on("", {"a": "a\n"}, first))
    sh(repo, "worktree", "add", "-q", str(tmp_path / "look"), "deck/plan")
    with pytest.raises(LandRefused, match=f"checked out at {tmp_path / 'look'}"):
        land(git, TARGET, made.commit, first)
    assert git.ref_tip(TARGET) == first


def test_pinned_heads_are_held_under_the_attempt(git: Git, commit_on: CommitOn, first: str) -> None:
    head = commit_on("", {"a": "a\n"}, first)
    assert keep_ref(git, "r1", "T1", 2, head) == "refs/agentdeck/keep/r1/T1.2"
    assert keep_ref(git, "r1", "T1", 2, head) == "refs/agentdeck/keep/r1/T1.2"
    assert git.ref_tip("refs/agentdeck/keep/r1/T1.2") == head


# --- promote ------------------------------------------------------------------------------------


def test_a_base_that_nobody_has_checked_out_moves_as_a_ref(
    git: Git, first: str, commit_on: CommitOn, repo: Path, sh: Sh
) -> None:
    sh(repo, "checkout", "-q", "-b", "elsewhere")
    tip = target_with(git, commit_on, first, {"a": "a\n"})
    assert promote(git, TARGET, "main") == Promoted(tip, "ref")
    assert git.resolve("main") == tip
    assert promote(git, TARGET, "main") == Promoted(tip, "already")
    assert git.current_branch() == "elsewhere"


def test_a_clean_checkout_goes_forward_with_its_files(
    git: Git, first: str, commit_on: CommitOn, repo: Path, sh: Sh
) -> None:
    tip = target_with(git, commit_on, first, {"a/b": "a\n", "README": "new\n"})
    assert promote(git, TARGET, "main") == Promoted(tip, "merge")
    assert git.resolve("HEAD") == tip
    assert git.current_branch() == "main"
    assert (repo / "a" / "b").read_text() == "a\n"
    assert sh(repo, "status", "--porcelain") == ""


def test_unrelated_local_changes_stay_bit_for_bit(
    git: Git, first: str, commit_on: CommitOn, repo: Path, sh: Sh
) -> None:
    """Staged, unstaged, untracked, ignored and stashed; even where a merge would autostash."""
    sh(repo, "config", "merge.autoStash", "true")
    sh(repo, "config", "branch.main.mergeOptions", "--no-ff --squash")
    (repo / "d1" / "f1.txt").write_text("stashed\n")
    sh(repo, "stash")
    (repo / "d1" / "f1.txt").write_text("staged\n")
    sh(repo, "add", "d1/f1.txt")
    (repo / "d1" / "f1.txt").write_text("staged, then edited\n")
    (repo / "d2" / "f2.txt").unlink()
    (repo / "new.txt").write_text("untracked\n")
    (repo / "x.log").write_text("ignored\n")
    mine = ("d1/f1.txt", "new.txt", "x.log")

    def see() -> list[object]:
        return [
            [(repo / name).read_bytes() for name in mine],
            [(repo / name).stat().st_mtime_ns for name in mine],
            sh(repo, "status", "--porcelain", "--ignored", "-uall"),
            sh(repo, "ls-files", "-s", "d1/f1.txt", "d2"),
            sh(repo, "stash", "list", "--format=%H"),
        ]

    before = see()
    tip = target_with(git, commit_on, first, {"README": "new\n", "d1/more.txt": "x\n"})
    assert promote(git, TARGET, "main") == Promoted(tip, "merge")
    assert see() == before
    assert (repo / "README").read_text() == "new\n"


@pytest.mark.parametrize(
    ("mine", "theirs", "named"),
    [
        ("README", "README", "README"),  # tracked, edited
        ("new.txt", "new.txt", "new.txt"),  # untracked
        ("x.log", "x.log", "x.log"),  # ignored: git alone would overwrite it
        ("build/out", "build", "build/out"),  # an ignored folder where a file should be
        ("build", "build/out", "build"),  # an ignored file where a folder should be
        ("dir/mine", "dir", "dir/mine"),  # an untracked folder where a file should be
        ("dir", "dir/theirs", "dir"),
    ],
)
def test_local_changes_in_the_way_are_named_and_kept(
    git: Git,
    first: str,
    commit_on: CommitOn,
    repo: Path,
    look: Look,
    mine: str,
    theirs: str,
    named: str,
) -> None:
    (repo / mine).parent.mkdir(exist_ok=True)
    (repo / mine).write_text("mine\n")
    target_with(git, commit_on, first, {theirs: "theirs\n"})
    before = look(repo)
    found = promote(git, TARGET, "main")
    assert isinstance(found, Waiting)
    assert found.reason.startswith(f"{named} ")
    assert look(repo) == before
    assert git.resolve("main") == first


def test_a_staged_deletion_in_the_way_is_named(
    git: Git, first: str, commit_on: CommitOn, repo: Path, sh: Sh, look: Look
) -> None:
    sh(repo, "rm", "-q", "d1/f1.txt")
    target_with(git, commit_on, first, {"d1/f1.txt": "theirs\n"})
    before = look(repo)
    found = promote(git, TARGET, "main")
    assert isinstance(found, Waiting)
    assert "d1/f1.txt" in found.reason
    assert look(repo) == before


def test_a_folder_that_becomes_a_file_is_no_obstacle_when_all_of_it_is_tracked(
    git: Git, first: str, repo: Path, sh: Sh
) -> None:
    sh(repo, "checkout", "-q", "-b", "work")
    sh(repo, "rm", "-rq", "d1")
    (repo / "d1").write_text("a file now\n")
    sh(repo, "add", "d1")
    sh(repo, "commit", "-qm", "x")
    sh(repo, "checkout", "-q", "main")
    made = built(git, first, git.resolve("work"))
    land(git, TARGET, made.commit, first)
    assert promote(git, TARGET, "main") == Promoted(made.commit, "merge")
    assert (repo / "d1").read_text() == "a file now\n"


@pytest.mark.parametrize("what", ["merge", "cherry-pick", "revert", "bisect", "index.lock"])
def test_work_in_progress_in_the_checkout_is_waited_for(
    git: Git, first: str, commit_on: CommitOn, repo: Path, sh: Sh, look: Look, what: str
) -> None:
    side = commit_on("", {"README": "side\n"}, first)
    target_with(git, commit_on, first, {"a": "a\n"})
    if what == "index.lock":
        (repo / ".git" / "index.lock").touch()
    elif what == "bisect":
        sh(repo, "bisect", "start")
    elif what == "merge":
        sh(repo, "merge", "--no-commit", "--no-ff", side)
    else:
        sh(repo, what, "--no-commit", side, ok=False)
        (repo / ".git" / f"{what.upper().replace('-', '_')}_HEAD").write_text(f"{side}\n")
    before = look(repo)
    found = promote(git, TARGET, "main")
    assert isinstance(found, Waiting)
    assert what in found.reason
    assert look(repo) == before


def test_a_rebase_of_the_base_is_waited_for(
    git: Git, first: str, commit_on: CommitOn, repo: Path, sh: Sh
) -> None:
    """HEAD is detached then: the branch looks free, and is not."""
    sh(repo, "rebase", "--quiet", "--force-rebase", "--exec", "false", "--root", "main", ok=False)
    assert git.current_branch() is None
    target_with(git, commit_on, first, {"a": "a\n"})
    found = promote(git, TARGET, "main")
    assert isinstance(found, Waiting)
    assert "being rebased" in found.reason
    assert git.resolve("main") == first


def test_commits_made_to_the_base_meanwhile_are_told(
    git: Git, first: str, commit_on: CommitOn, repo: Path, sh: Sh, look: Look
) -> None:
    target_with(git, commit_on, first, {"a": "a\n"})
    (repo / "README").write_text("by the user\n")
    sh(repo, "commit", "-qam", "by the user")
    before = look(repo)
    base = git.resolve("main")
    assert promote(git, TARGET, "main") == Diverged(base)
    assert look(repo) == before
    tip = git.ref_tip(TARGET) or ""
    made = built(git, tip, base)
    assert land(git, TARGET, made.commit, tip) == Landed(made.commit)
    assert promote(git, TARGET, "main") == Promoted(made.commit, "merge")


def test_the_base_in_another_worktree_goes_forward_there(
    git: Git, first: str, commit_on: CommitOn, repo: Path, sh: Sh, look: Look, tmp_path: Path
) -> None:
    sh(repo, "checkout", "-q", "-b", "elsewhere")
    sh(repo, "worktree", "add", "-q", str(tmp_path / "other"), "main")
    tip = target_with(git, commit_on, first, {"a": "a\n"})
    before = look(repo)
    assert promote(git, TARGET, "main") == Promoted(tip, "merge")
    assert (tmp_path / "other" / "a").read_text() == "a\n"
    assert look(repo) == before


def test_a_base_that_is_gone_is_named(git: Git, first: str) -> None:
    assert promote(git, TARGET, "gone") == Waiting("there is no branch gone to bring the work into")


# --- all of it ----------------------------------------------------------------------------------


def test_a_whole_task_leaves_the_users_checkout_as_it_was(
    git: Git, first: str, repo: Path, tmp_path: Path, sh: Sh, look: Look
) -> None:
    """Prepare, work, collect, build, land, release, recycle: nothing of the user's has changed."""
    (repo / "README").write_text("stashed\n")
    sh(repo, "stash")
    (repo / "README").write_text("staged\n")
    sh(repo, "add", "README")
    for name in ("post-checkout", "post-commit", "post-index-change", "reference-transaction"):
        hook = git.common / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch '{tmp_path}/a-hook-ran'\n")
        hook.chmod(0o755)
    (repo / "untracked").write_text("x\n")
    before = look(repo)
    trees = Worktrees(git, tmp_path / "slots", run="r1")
    for number in (1, 2):
        tip = git.ref_tip(TARGET) or ""
        got = trees.prepare(f"T{number}", f"deck/r1/T{number}", tip)
        (got.path / f"new{number}").write_text("work\n")
        work = collect(git, got.path, got.branch, got.base, message="left")
        keep_ref(git, "r1", f"T{number}", 1, work.head)
        made = built(git, tip, work.head)
        assert land(git, TARGET, made.commit, tip) == Landed(made.commit)
        trees.release(f"T{number}")
    assert trees.remove_all() == ()
    assert not (tmp_path / "a-hook-ran").exists()
    assert look(repo) == before
    assert sh(repo, "ls-tree", "--name-only", TARGET).split()[-2:] == ["new1", "new2"]
    assert sh(repo, "fsck", "--strict", "--no-dangling", "--no-progress") == ""
