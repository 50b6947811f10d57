"""Slots for attempts and scratch worktrees for gates: clean when given, nothing lost when taken."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from agentdeck.core.errors import EnvironmentFault, RefusedError, UsageError
from agentdeck.engine.git import Git, GitResult, hold_flock
from agentdeck.engine.linked_tree import linked
from agentdeck.engine.worktrees import Prepared, ScratchTrees, Worktrees

Sh = Callable[..., str]
Look = Callable[[Path], dict[str, object]]


@pytest.fixture
def trees(git: Git, tmp_path: Path) -> Worktrees:
    return Worktrees(git, tmp_path / "slots", run="r1")


def again(git: Git, tmp_path: Path) -> Worktrees:
    """What a new engine knows of the same run."""
    return Worktrees(git, tmp_path / "slots", run="r1")


def content(top: Path) -> dict[str, bytes]:
    files = (file for file in top.rglob("*") if file.is_file() and file != top / ".git")
    return {str(file.relative_to(top)): file.read_bytes() for file in files}


def kept_tree(repo: Path, sh: Sh) -> set[str]:
    """Every path of every commit under the keep refs."""
    refs = sh(repo, "for-each-ref", "--format=%(refname)", "refs/agentdeck/keep").split()
    return {path for ref in refs for path in sh(repo, "ls-tree", "-r", "--name-only", ref).split()}


def test_a_worktree_stands_on_its_branch_and_the_user_sees_nothing(
    git: Git, repo: Path, trees: Worktrees, sh: Sh, look: Look
) -> None:
    (repo / "README").write_text("my own edit\n")
    (repo / "notes.txt").write_text("untracked\n")
    before = look(repo)
    got = trees.prepare("T1", "deck/r1/T1", "main")
    assert look(repo) == before
    assert sh(got.path, "rev-parse", "--abbrev-ref", "HEAD") == got.branch == "deck/r1/T1"
    assert sh(got.path, "rev-parse", "HEAD") == got.base == git.resolve("main")
    assert sh(got.path, "status", "--porcelain", "--ignored") == ""
    assert (got.path / "README").read_text() == "readme\n"
    assert sh(repo, "config", "--get-regexp", "^branch", ok=False) == ""


def test_sixteen_at_once_all_succeed(git: Git, trees: Worktrees, sh: Sh) -> None:
    with ThreadPoolExecutor(16) as pool:
        jobs = [pool.submit(trees.prepare, f"T{n}", f"deck/r1/T{n}", "main") for n in range(16)]
        got = [job.result(60) for job in jobs]
    assert len({one.path for one in got}) == 16
    assert all(sh(one.path, "status", "--porcelain", "-b") == f"## {one.branch}" for one in got)


def test_one_task_prepared_by_two_threads_gets_one_worktree(trees: Worktrees) -> None:
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(trees.prepare, "T1", "deck/r1/T1", "main") for _ in range(4)]
        assert len({job.result(60).path for job in jobs}) == 1


def litter(got: Prepared, sh: Sh) -> str:
    """Leave behind all that an agent can; returns a commit that only the reflog knows."""
    top = got.path
    sh(top, "commit", "-q", "--allow-empty", "-m", "amended away")
    (top / "lost.txt").write_text("in a commit that was reset away\n")
    sh(top, "add", "-A")
    sh(top, "commit", "-q", "-m", "reset away")
    lost = sh(top, "rev-parse", "HEAD")
    sh(top, "reset", "-q", "--hard", "HEAD~1")
    (top / "build").mkdir()
    (top / "build" / "out").write_text("ignored\n")
    (top / "new.txt").write_text("untracked\n")
    (top / "README").write_text("edited\n")
    (top / "d1" / "f1.txt").unlink()
    (top / "d2" / "f2.txt").chmod(0o755)
    sh(top, "update-index", "--assume-unchanged", "d3/f3.txt")
    (top / "d3" / "f3.txt").write_text("hidden edit\n")
    sh(top, "init", "-q", "inner")
    (top / "inner" / "x").write_text("x")
    (top / "link").symlink_to("/")
    return lost


def test_a_used_slot_has_nothing_of_the_task_before_and_nothing_is_lost(
    git: Git, repo: Path, trees: Worktrees, sh: Sh
) -> None:
    """Files, modes, hidden edits and ignored files are gone; every commit and edit is on a ref."""
    first = trees.prepare("T1", "deck/r1/T1", "main")
    clean, mode = content(first.path), (first.path / "d2" / "f2.txt").stat().st_mode
    lost = litter(first, sh)
    trees.release("T1")
    second = trees.prepare("T2", "deck/r1/T2", "main")
    assert second.path == first.path
    assert content(second.path) == clean
    assert (second.path / "d2" / "f2.txt").stat().st_mode == mode
    assert not os.path.lexists(second.path / "link")
    assert sh(second.path, "ls-files", "-v").count("\nh ") == 0
    assert {"lost.txt", "new.txt"} <= kept_tree(repo, sh)
    kept = sh(repo, "for-each-ref", "--format=%(refname)", "refs/agentdeck/keep/r1/").split()
    assert "hidden edit" in "".join(sh(repo, "show", f"{ref}:d3/f3.txt") for ref in kept)
    assert sh(repo, "for-each-ref", "--contains", lost) != ""
    assert git.branch_state("deck/r1/T1")[1] is None


def test_a_merge_rebase_or_detached_head_left_in_a_slot_does_no_harm(
    git: Git, repo: Path, trees: Worktrees, sh: Sh
) -> None:
    for number, leave in enumerate(("merge", "rebase", "bisect", "detached", "orphan")):
        got = trees.prepare(f"T{number}", f"deck/r1/T{number}", "main")
        (got.path / "README").write_text(f"{leave} one\n")
        sh(got.path, "commit", "-qam", "one")
        if leave == "bisect":
            sh(got.path, "bisect", "start", "HEAD", "main")
        elif leave == "orphan":
            sh(got.path, "checkout", "-q", "--orphan", "nothing")
        else:
            sh(got.path, "checkout", "-q", "--detach", "main")
            (got.path / "README").write_text(f"{leave} two\n")
            sh(got.path, "commit", "-qam", "two")
            if leave != "detached":
                sh(got.path, leave, got.branch, ok=False)
        held = sh(got.path, "log", "-1", "--format=%H", "HEAD@{0}", ok=False)
        trees.release(f"T{number}")
        if held:
            assert sh(repo, "for-each-ref", "--contains", held) != "", leave
        after = trees.prepare("next", "deck/r1/next", "main")
        assert sh(after.path, "status").startswith("On branch deck/r1/next\nnothing to commit")
        assert after.path == got.path
        trees.release("next")


def test_what_a_rebase_put_aside_is_kept(repo: Path, trees: Worktrees, sh: Sh) -> None:
    got = trees.prepare("T1", "deck/r1/T1", "main")
    (got.path / "README").write_text("one\n")
    sh(got.path, "commit", "-qam", "one")
    sh(got.path, "branch", "mine")
    sh(got.path, "reset", "-q", "--hard", "HEAD~1")
    (got.path / "README").write_text("two\n")
    sh(got.path, "commit", "-qam", "two")
    (got.path / "d1" / "f1.txt").write_text("put aside\n")
    sh(got.path, "rebase", "--autostash", "mine", ok=False)
    trees.release("T1")
    kept = sh(repo, "for-each-ref", "--format=%(refname)", "refs/agentdeck/keep").split()
    assert any("put aside" in sh(repo, "show", f"{ref}:d1/f1.txt") for ref in kept)


def test_a_retry_starts_clean_and_the_commits_before_it_are_kept(
    git: Git, repo: Path, trees: Worktrees, sh: Sh
) -> None:
    got = trees.prepare("T1", "deck/r1/T1", "main")
    (got.path / "a.txt").write_text("first try\n")
    sh(got.path, "add", "-A")
    sh(got.path, "commit", "-q", "-m", "first try")
    tried = sh(got.path, "rev-parse", "HEAD")
    fresh = trees.prepare("T1", "deck/r1/T1", "main")
    assert fresh.path == got.path
    assert not (fresh.path / "a.txt").exists()
    assert sh(fresh.path, "rev-parse", "HEAD") == git.resolve("main")
    assert sh(repo, "for-each-ref", "--contains", tried, "refs/agentdeck") != ""


def test_going_on_keeps_every_file_and_survives_a_new_engine_and_a_lost_folder(
    git: Git, tmp_path: Path, trees: Worktrees, sh: Sh
) -> None:
    got = trees.prepare("T1", "deck/r1/T1", "main")
    (got.path / "a.txt").write_text("committed\n")
    sh(got.path, "add", "-A")
    sh(got.path, "commit", "-q", "-m", "a")
    (got.path / "b.txt").write_text("half done\n")
    on = again(git, tmp_path).prepare("T1", "deck/r1/T1", "main", fresh=False)
    assert on == got
    assert (on.path / "b.txt").exists()
    shutil.rmtree(got.path)
    for slot in (tmp_path / "slots").glob("*.json"):
        slot.unlink()
    back = again(git, tmp_path).prepare("T1", "deck/r1/T1", "main", fresh=False)
    assert (back.path / "a.txt").read_text() == "committed\n"
    assert back.base == git.resolve("main")


def test_an_engine_that_died_half_way_is_gone_on_with(
    git: Git, tmp_path: Path, trees: Worktrees, sh: Sh
) -> None:
    """Whatever is half there: an unreadable record, a stale lock, an entry without files."""
    got = trees.prepare("T1", "deck/r1/T1", "main")
    (tmp_path / "slots" / "w01.json").write_text("{")
    (linked(git, got.path).git_dir / "index.lock").touch()
    (git.common / "refs/heads/deck/r1/T1.lock").touch()
    sh(git.checkout, "worktree", "add", "-q", "--no-checkout", "--detach", got.path.parent / "w04")
    shutil.rmtree(got.path.parent / "w04")
    half = git.common / "worktrees" / "w03"  # as a killed `worktree add` leaves it
    half.mkdir()
    (half / "gitdir").write_text(f"{got.path.parent / 'w03' / '.git'}\n")
    (half / "commondir").write_text("../..\n")
    (half / "HEAD").write_text("0" * 40 + "\n")
    (got.path.parent / "w03").mkdir()
    (got.path.parent / "w03" / ".git").write_text(f"gitdir: {half}\n")
    new = again(git, tmp_path)
    paths = {new.prepare(name, f"deck/r1/{name}", "main").path for name in ("T1", "T2", "T3")}
    assert {path.name for path in paths} == {"w01", "w03", "w04"}


def test_a_slot_without_its_git_file_is_mended_and_its_files_are_kept(
    git: Git, repo: Path, trees: Worktrees, sh: Sh
) -> None:
    got = trees.prepare("T1", "deck/r1/T1", "main")
    (got.path / "work.txt").write_text("work\n")
    (got.path / ".git").unlink()
    sh(got.path, "init", "-q")
    trees.release("T1")
    assert "work.txt" in kept_tree(repo, sh)
    assert (got.path.parent / "w01.foreign-1").is_dir()
    assert trees.prepare("T2", "deck/r1/T2", "main").path == got.path


def test_a_folder_that_git_forgot_is_put_aside_whole(git: Git, trees: Worktrees, sh: Sh) -> None:
    got = trees.prepare("T1", "deck/r1/T1", "main")
    (got.path / "work.txt").write_text("work\n")
    shutil.rmtree(linked(git, got.path).git_dir)
    after = trees.prepare("T1", "deck/r1/T1", "main")
    assert (got.path.parent / "w01.lost-1" / "work.txt").exists()
    assert sh(after.path, "status", "--porcelain") == ""


def test_a_branch_that_a_person_has_checked_out_is_refused(
    git: Git, repo: Path, tmp_path: Path, trees: Worktrees, sh: Sh
) -> None:
    sh(repo, "worktree", "add", "-q", "-b", "mine", str(tmp_path / "mine"))
    before = git.resolve("mine")
    with pytest.raises(RefusedError, match=f"mine is checked out at {tmp_path / 'mine'}"):
        trees.prepare("T1", "mine", "main")
    assert git.resolve("mine") == before


def test_warm_slots_are_used_before_new_ones_are_made(trees: Worktrees) -> None:
    assert trees.fill(2, "main") == 2
    assert trees.fill(2, "main") == 0
    names = [trees.prepare(f"T{n}", f"deck/r1/T{n}", "main").path.name for n in range(3)]
    assert names == ["w01", "w02", "w03"]


def test_recycling_takes_at_most_four_git_calls(
    git: Git, trees: Worktrees, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = git.resolve("main")
    trees.prepare("T1", "deck/r1/T1", base)
    calls: list[Any] = []
    start: Callable[..., GitResult] = git._start

    def counted(*args: Any) -> GitResult:
        calls.append(args[0])
        return start(*args)

    monkeypatch.setattr(git, "_start", counted)
    trees.release("T1")
    assert len(calls) <= 4, calls
    calls.clear()
    trees.prepare("T2", "deck/r1/T2", base)
    assert len(calls) <= 4, calls


def test_copies_keep_their_mode_and_stay_out_of_commits(
    git: Git, repo: Path, trees: Worktrees, sh: Sh
) -> None:
    """Untracked files by glob and by `.worktreeinclude`, and links; tracked files do not change."""
    (repo / ".env").write_text("KEY=1\n")
    (repo / ".env").chmod(0o600)
    (repo / "conf").mkdir()
    (repo / "conf" / "a b[1].local").write_text("local\n")
    (repo / "conf" / "other").write_text("not asked for\n")
    (repo / "README").write_text("edited by the user\n")
    (repo / "secret.txt").write_text("s\n")
    (repo / "node_modules").mkdir()
    (repo / ".worktreeinclude").write_text("secret*\n!secret.md\n")
    (repo / "secret.md").write_text("no\n")
    got = trees.prepare(
        "T1",
        "deck/r1/T1",
        "main",
        copy=(".env", "**/*.local", "README", "none"),
        link=("node_modules", "absent"),
    )
    assert set(got.private) == {".env", "conf/a b[1].local", "secret.txt", "node_modules"}
    assert (got.path / ".env").stat().st_mode & 0o777 == 0o600
    assert (got.path / "README").read_text() == "readme\n"
    assert (got.path / "node_modules").readlink() == repo / "node_modules"
    assert not (got.path / "conf" / "other").exists()
    flag = f"core.excludesFile={got.excludes}"
    assert sh(got.path, "-c", flag, "status", "--porcelain", "-uall") == ""
    trees.release("T1")
    assert sh(repo, "for-each-ref", "refs/agentdeck") == ""
    assert not (trees.prepare("T2", "deck/r1/T2", "main").path / ".env").exists()


@pytest.mark.parametrize("bad", ["../x", "/etc/passwd", "a/../../x", ""])
def test_copies_and_links_cannot_leave_the_checkout(trees: Worktrees, bad: str) -> None:
    with pytest.raises(UsageError, match="leads out"):
        trees.prepare("T1", "deck/r1/T1", "main", copy=(bad,))
    with pytest.raises(UsageError, match="leads out"):
        trees.prepare("T1", "deck/r1/T1", "main", link=(bad,))


def test_dependencies_are_cloned_and_stay_out_of_commits(
    git: Git, repo: Path, tmp_path: Path, trees: Worktrees, sh: Sh
) -> None:
    """What a worktree changes in its clone is seen nowhere else; links in it stay links."""
    (repo / "web" / "node_modules" / ".bin").mkdir(parents=True)
    (repo / "web" / "node_modules" / "lib.js").write_text("old\n")
    (repo / "web" / "node_modules" / "lib.js").chmod(0o755)
    (repo / "web" / "node_modules" / ".bin" / "lib").symlink_to("../lib.js")
    (tmp_path / "shared" / "vendor").mkdir(parents=True)
    (tmp_path / "shared" / "vendor" / "a").write_text("a\n")
    got = trees.prepare(
        "T1",
        "deck/r1/T1",
        "main",
        cache=("web/node_modules/", str(tmp_path / "shared" / "vendor"), "absent", "README"),
    )
    assert set(got.private) == {"web/node_modules", "vendor"}
    cloned = got.path / "web" / "node_modules"
    assert (cloned / ".bin" / "lib").readlink() == Path("../lib.js")
    assert (cloned / "lib.js").stat().st_mode & 0o777 == 0o755
    (cloned / "lib.js").write_text("new\n")
    (got.path / "vendor" / "a").write_text("b\n")
    assert (repo / "web" / "node_modules" / "lib.js").read_text() == "old\n"
    assert (tmp_path / "shared" / "vendor" / "a").read_text() == "a\n"
    flag = f"core.excludesFile={got.excludes}"
    assert sh(got.path, "-c", flag, "status", "--porcelain", "-uall") == ""


def test_what_a_clone_cannot_read_is_left_out_and_the_rest_is_there(
    repo: Path, trees: Worktrees
) -> None:
    """A socket of a build server in the folder must not keep a task from starting."""
    (repo / "cache").mkdir()
    os.mkfifo(repo / "cache" / "pipe")
    (repo / "cache" / "gone").symlink_to("nowhere")
    (repo / "cache" / "a").write_text("a")
    got = trees.prepare("T1", "deck/r1/T1", "main", cache=("cache",))
    assert sorted(each.name for each in (got.path / "cache").iterdir()) == ["a", "gone"]


@pytest.mark.parametrize("bad", ["../x", "a/../../x", "/", ""])
def test_a_clone_cannot_leave_the_worktree(trees: Worktrees, bad: str) -> None:
    with pytest.raises(UsageError, match="leads nowhere"):
        trees.prepare("T1", "deck/r1/T1", "main", cache=(bad,))


def test_a_tracked_link_does_not_lead_a_copy_outside(
    repo: Path, tmp_path: Path, trees: Worktrees, commit_on: Callable[..., str], sh: Sh
) -> None:
    """The base has `conf` as a link to elsewhere; the user's checkout has it as a folder."""
    (tmp_path / "elsewhere").mkdir()
    sh(repo, "checkout", "-q", "-b", "linked")
    (repo / "conf").symlink_to(tmp_path / "elsewhere")
    sh(repo, "add", "conf")
    sh(repo, "commit", "-qm", "link")
    sh(repo, "checkout", "-q", "main")
    (repo / "conf").mkdir()
    (repo / "conf" / "a.local").write_text("x")
    got = trees.prepare("T1", "deck/r1/T1", "linked", copy=("conf/*",))
    assert got.private == ()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_clean_removes_what_is_safe_and_names_what_is_not(
    git: Git, tmp_path: Path, trees: Worktrees, sh: Sh
) -> None:
    safe = trees.prepare("T1", "deck/r1/T1", "main")
    dirty = trees.prepare("T2", "deck/r1/T2", "main")
    loose = trees.prepare("T3", "deck/r1/T3", "main")
    (dirty.path / "new.txt").write_text("x")
    sh(loose.path, "checkout", "-q", "--detach")
    sh(loose.path, "commit", "-q", "--allow-empty", "-m", "held by HEAD only")
    stayed = {left.path.name: left.reason for left in trees.remove_all()}
    assert set(stayed) == {"w02", "w03"}
    assert "new.txt" in stayed["w02"]
    assert "no ref holds" in stayed["w03"]
    assert not safe.path.exists()
    for name in ("T2", "T3"):
        trees.release(name)
    assert trees.remove_all() == ()
    assert list((tmp_path / "slots").glob("*")) == []
    assert sh(git.checkout, "worktree", "list").count("\n") == 0


def test_a_slot_is_waited_for_while_an_orphaned_git_is_at_work_in_it(
    git: Git, trees: Worktrees
) -> None:
    got = trees.prepare("T1", "deck/r1/T1", "main")
    tree = linked(git, got.path)
    with (
        hold_flock(tree.git_dir / "agentdeck.lock"),
        pytest.raises(EnvironmentFault, match="locked by another process"),
        tree.hold(timeout_s=0.1),
    ):
        pass


def test_a_gate_gets_exactly_the_files_of_its_commit(
    git: Git, tmp_path: Path, commit_on: Callable[..., str], repo: Path, look: Look, sh: Sh
) -> None:
    first = git.resolve("main")
    second = commit_on("", {"README": "second\n", "added/x": "x\n"}, first)
    before = look(repo)
    scratch = ScratchTrees(git, tmp_path / "gates", 2)
    top = scratch.checkout("g1", second)
    wanted = content(top)
    assert wanted["README"] == b"second\n"
    for name in ("build/out", "new", "added/x", "a.log"):
        (top / name).parent.mkdir(exist_ok=True)
        (top / name).write_text("left by the gate")
    assert set(content(scratch.checkout("g1", first))) == set(wanted) - {"added/x"}
    assert content(scratch.checkout("g1", second)) == wanted
    shutil.rmtree(top)
    assert content(scratch.checkout("g1", second)) == wanted
    scratch.checkout("g2", first)
    with pytest.raises(RefusedError, match="all 2"):
        scratch.checkout("g3", first)
    scratch.remove_all()
    assert sh(repo, "worktree", "list").count("\n") == 0
    assert look(repo) == before
