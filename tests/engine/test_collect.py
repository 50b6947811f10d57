"""Taking an agent's work: whatever state it left the worktree in, nothing is lost or guessed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agentdeck.engine.collect import Collected, collect
from agentdeck.engine.git import Git
from agentdeck.engine.linked_tree import linked
from agentdeck.engine.worktrees import Prepared, Worktrees

Sh = Callable[..., str]
BRANCH = "deck/r1/T1"


@pytest.fixture
def got(git: Git, tmp_path: Path) -> Prepared:
    return Worktrees(git, tmp_path / "slots", run="r1").prepare("T1", BRANCH, "main")


def take(git: Git, got: Prepared) -> Collected:
    found = collect(git, got.path, got.branch, got.base, message="left by T1")
    assert collect(git, got.path, got.branch, got.base, message="x").head == found.head
    if found.fault is None:
        assert git.ref_tip(f"refs/heads/{got.branch}") == found.head
        assert git.tree_of(found.head) == found.tree
        here = linked(git, got.path).status()
        assert (here.oid, here.branch, here.dirty) == (found.head, got.branch, ())
    return found


def edit(got: Prepared, sh: Sh, text: str = "work\n", *, commit: bool = True) -> None:
    (got.path / "work.txt").write_text(text)
    if commit:
        sh(got.path, "add", "-A")
        sh(got.path, "commit", "-q", "-m", text.strip())


def test_commits_on_the_branch_are_counted_with_their_files(
    git: Git, got: Prepared, sh: Sh
) -> None:
    edit(got, sh, "one\n")
    edit(got, sh, "one\ntwo\n")
    sh(got.path, "mv", "README", "READ.me")
    sh(got.path, "commit", "-q", "-m", "rename")
    found = take(git, got)
    assert (found.commits, found.left_uncommitted, found.fault) == (3, 0, None)
    touched = {file.path: (file.added, file.removed) for file in found.files}
    assert touched == {"work.txt": (2, 0), "README": (0, 1), "READ.me": (1, 0)}


def test_nothing_done_is_nothing_and_no_fault(git: Git, got: Prepared) -> None:
    assert take(git, got) == Collected(got.base, git.tree_of(got.base), 0, ())


def test_what_was_left_is_committed_without_hooks(git: Git, got: Prepared, sh: Sh) -> None:
    """A hook that refuses every commit does not lose the work; a nested repository stays out."""
    hook = git.common / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    (got.path / "README").unlink()
    (got.path / "sub").mkdir()
    (got.path / "sub" / "new file").write_text("x\n")
    (got.path / "d1" / "f1.txt").write_text("staged\n")
    sh(got.path, "add", "d1/f1.txt")
    (got.path / "debug.log").write_text("ignored\n")
    sh(got.path, "init", "-q", "vendor")
    sh(got.path / "vendor", "commit", "-q", "--allow-empty", "-m", "x")
    found = collect(git, got.path, BRANCH, got.base, message="left by T1")
    assert (found.commits, found.left_uncommitted, found.fault) == (1, 3, None)
    assert {file.path for file in found.files} == {"README", "sub/new file", "d1/f1.txt"}
    assert sh(got.path, "log", "-1", "--format=%s") == "left by T1"


def test_copied_and_linked_files_are_never_collected(
    git: Git, repo: Path, tmp_path: Path, sh: Sh
) -> None:
    """Though the repository does not ignore them, and the user has ignores of their own."""
    (tmp_path / "global").write_text("*.swp\n")
    sh(repo, "config", "core.excludesFile", str(tmp_path / "global"))
    (repo / "key.pem").write_text("secret\n")
    (repo / "node_modules").mkdir()
    slots = Worktrees(git, tmp_path / "slots", run="r1")
    got = slots.prepare("T1", BRANCH, "main", copy=("*.pem",), link=("node_modules",))
    (got.path / "x.swp").write_text("x")
    edit(got, sh, commit=False)
    assert [file.path for file in take(git, got).files] == ["work.txt"]


def test_a_detached_head_is_brought_home(git: Git, got: Prepared, sh: Sh) -> None:
    sh(got.path, "checkout", "-q", "--detach")
    edit(got, sh)
    edit(got, sh, "more\n", commit=False)
    assert (take(git, got).commits, sh(got.path, "show", "HEAD:work.txt")) == (2, "more")


def test_commits_on_another_branch_are_brought_home_and_that_branch_stays(
    git: Git, got: Prepared, repo: Path, sh: Sh
) -> None:
    sh(got.path, "checkout", "-q", "-b", "feature")
    edit(got, sh)
    at = git.resolve("feature")
    edit(got, sh, "uncommitted\n", commit=False)
    assert take(git, got).commits == 2
    assert git.resolve("feature") == at


def test_a_head_that_was_only_moved_back_does_not_hide_the_work(
    git: Git, got: Prepared, sh: Sh
) -> None:
    edit(got, sh)
    sh(got.path, "checkout", "-q", "--detach", "HEAD~1")
    assert take(git, got).commits == 1


def test_a_branch_the_agent_deleted_or_renamed_is_made_again(
    git: Git, got: Prepared, sh: Sh
) -> None:
    edit(got, sh)
    sh(got.path, "branch", "-m", "my-own-name")
    assert take(git, got).commits == 1
    assert git.resolve("my-own-name")


def test_two_lines_of_work_are_a_fault_that_names_both(git: Git, got: Prepared, sh: Sh) -> None:
    edit(got, sh)
    sh(got.path, "checkout", "-q", "-b", "other", "main")
    edit(got, sh, "different\n")
    found = take(git, got)
    assert found.fault is not None
    assert "both deck/r1/T1" in found.fault
    assert git.resolve(BRANCH) != git.resolve("other") == sh(got.path, "rev-parse", "HEAD")


@pytest.mark.parametrize("what", ["merge", "rebase", "cherry-pick"])
def test_what_is_in_progress_is_a_fault_with_its_name(
    git: Git, got: Prepared, sh: Sh, what: str
) -> None:
    edit(got, sh)
    sh(got.path, "checkout", "-q", "-b", "other", "main")
    edit(got, sh, "different\n")
    sh(got.path, "checkout", "-q", BRANCH)
    sh(got.path, what, "other", ok=False)
    found = take(git, got)
    assert found.fault is not None
    assert f"{what} in progress, with conflicts in work.txt" in found.fault


def test_a_branch_that_left_its_base_is_a_fault(
    git: Git, got: Prepared, repo: Path, sh: Sh
) -> None:
    (repo / "README").write_text("second\n")
    sh(repo, "commit", "-qam", "second")
    base = git.resolve("main")
    old = got.base
    got = Worktrees(git, got.path.parent, run="r1").prepare("T1", BRANCH, "main")
    assert got.base == base
    sh(got.path, "reset", "-q", "--hard", old)
    assert "moved off its base" in (take(git, got).fault or "")
    edit(got, sh)
    assert "moved off its base" in (take(git, got).fault or "")


@pytest.mark.parametrize("instead", ["nothing", "repository", "pointer"])
def test_without_its_git_file_nothing_else_is_touched(
    git: Git, repo: Path, sh: Sh, look: Callable[[Path], dict[str, object]], instead: str
) -> None:
    """The worktree lies inside the user's checkout here: git itself would find that one."""
    sh(repo, "config", "core.excludesFile", "/dev/null")
    slots = Worktrees(git, repo / "build" / "slots", run="r1")
    got = slots.prepare("T1", BRANCH, "main")
    edit(got, sh)
    head = sh(got.path, "rev-parse", "HEAD")
    (got.path / ".git").unlink()
    if instead == "repository":
        sh(got.path, "init", "-q")
    elif instead == "pointer":
        (got.path / ".git").write_text(f"gitdir: {git.common}\n")
    (got.path / "more.txt").write_text("x")
    before = look(repo)
    found = take(git, got)
    assert found.fault is not None
    assert "worktree" in found.fault
    assert found.head == head
    assert look(repo) == before


def test_a_lock_of_a_killed_git_does_not_stop_the_collection(
    git: Git, got: Prepared, sh: Sh
) -> None:
    edit(got, sh, commit=False)
    (linked(git, got.path).git_dir / "index.lock").touch()
    (git.common / "refs" / "heads" / f"{BRANCH}.lock").touch()
    assert take(git, got).commits == 1


def test_an_orphan_branch_is_a_fault(git: Git, got: Prepared, sh: Sh) -> None:
    sh(got.path, "checkout", "-q", "--orphan", "none")
    assert "without a commit" in (take(git, got).fault or "")


def test_a_stash_is_no_work_and_is_said_to_be_there(git: Git, got: Prepared, sh: Sh) -> None:
    """That of somebody else is not taken for it."""
    sh(git.checkout, "stash", "push", "--include-untracked", "--quiet", ok=False)
    assert take(git, got).fault is None
    edit(got, sh, commit=False)
    sh(got.path, "add", "--all")
    sh(got.path, "stash", "--quiet")
    assert "git's stash" in (take(git, got).fault or "")


def test_a_link_to_a_repository_that_nobody_has_is_a_fault(git: Git, got: Prepared, sh: Sh) -> None:
    """A submodule that `.gitmodules` knows is taken: its commits are elsewhere."""
    sh(got.path, "init", "--quiet", "inner")
    sh(got.path / "inner", "commit", "--quiet", "--allow-empty", "-m", "inner")
    sh(got.path, "add", "--all")
    sh(got.path, "commit", "--quiet", "-m", "a link")
    assert (take(git, got).fault or "").startswith("inner is a repository of its own")
    (got.path / ".gitmodules").write_text('[submodule "in"]\n\tpath = inner\n\turl = /x\n')
    assert take(git, got).fault is None


# --- work that has taken in the target ------------------------------------------------------------


def taken_in(git: Git, got: Prepared, target: str) -> Collected:
    return collect(git, got.path, got.branch, got.base, message="left by T1", target=target)


@pytest.mark.parametrize("how", ["merge", "rebase"])
def test_what_came_from_the_target_is_not_counted_as_the_work(
    git: Git, got: Prepared, sh: Sh, commit_on: Callable[..., str], how: str
) -> None:
    """Its diff begins at the commit of the target that it holds, though that has gone on since."""
    edit(got, sh)
    tip = commit_on("", {"other.txt": "theirs\n"}, "main")
    later = commit_on("", {"later.txt": "more\n"}, tip)
    sh(got.path, "fetch", "--quiet", str(git.checkout.parent / "clone-"), tip)
    sh(
        got.path,
        *{"merge": ("merge", "-q", "--no-edit", tip), "rebase": ("rebase", "-q", tip)}[how],
    )
    found = taken_in(git, got, later)
    assert (found.fault, found.merged) == (None, tip)
    assert [file.path for file in found.files] == ["work.txt"]
    assert found.commits == (2 if how == "merge" else 1)


def test_who_has_not_taken_the_target_in_is_measured_from_the_base(
    git: Git, got: Prepared, sh: Sh, commit_on: Callable[..., str]
) -> None:
    edit(got, sh)
    found = taken_in(git, got, commit_on("", {"other.txt": "theirs\n"}, "main"))
    assert (found.merged, found.commits) == ("", 1)


def test_a_merge_that_keeps_nothing_of_the_work_is_no_work(
    git: Git, got: Prepared, sh: Sh, commit_on: Callable[..., str]
) -> None:
    edit(got, sh)
    tip = commit_on("", {"work.txt": "theirs\n"}, "main")
    sh(got.path, "reset", "-q", "--hard", tip)
    sh(got.path, "commit", "-q", "--allow-empty", "-m", "resolved")
    found = taken_in(git, got, tip)
    assert (found.fault, found.commits, found.files) == (None, 0, ())


def test_work_that_the_target_holds_already_is_measured_from_the_base(
    git: Git, got: Prepared, sh: Sh
) -> None:
    """Somebody has merged the branch by hand."""
    edit(got, sh)
    head = sh(got.path, "rev-parse", "HEAD")
    assert taken_in(git, got, head).commits == 1
