"""Links, pipes and devices that an agent leaves where the engine goes: nothing outside is touched.

Rules: real git. What stands in the worktree itself is in `test_liars.py` and `test_collect.py`;
here it is the worktree's entry in the repository, which a sandboxed agent may write, and what is
looked at while an agent still works.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from agentdeck.agents.refusals import Refusals
from agentdeck.control.cleaning import is_changed
from agentdeck.engine import gate_environment, given_environment, half_promotion, moved_refs
from agentdeck.engine.collisions import CollisionWatch
from agentdeck.engine.confinement import own_words
from agentdeck.engine.foreseeing import marks_of
from agentdeck.engine.git import Git
from agentdeck.engine.linked_tree import LinkedTree, linked
from agentdeck.engine.live_work import Live
from agentdeck.engine.salvage import commits_of
from agentdeck.engine.worktrees import Worktrees

Sh = Callable[..., str]


@pytest.fixture
def tree(git: Git, tmp_path: Path) -> LinkedTree:
    """The worktree of a task, as an agent has it."""
    made = Worktrees(git, tmp_path / "worktrees", run="run-0001").prepare("T", "deck/r/T", "main")
    return linked(git, made.path)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file of the person; nothing of it may change, and nothing may be read of it."""
    file = tmp_path / "authorized_keys"
    file.write_text("ssh-ed25519 AAAA person\n")
    return file


@pytest.mark.parametrize("name", ["logs/HEAD", "index", "ORIG_HEAD", "agentdeck.excludes"])
def test_links_and_pipes_in_an_entry_are_gone_before_git_writes(
    tree: LinkedTree, outside: Path, name: str
) -> None:
    """Also a second name of a file outside: git would append to both."""
    before, place = outside.read_text(), tree.git_dir / name
    for trick in (place.symlink_to, place.hardlink_to, lambda _: os.mkfifo(place)):
        place.unlink(missing_ok=True)
        trick(outside)
        with tree.hold():
            there = os.path.lexists(place)
            assert not there or stat.S_ISREG(place.lstat().st_mode)
            assert not there or place.stat().st_nlink == 1
            place.unlink(missing_ok=True)
            tree.run("reset", "--quiet", "--hard")  # without an index and a log
            tree.run("update-ref", "--create-reflog", "HEAD", "HEAD")
        assert outside.read_text() == before


def test_a_folder_of_logs_that_leads_elsewhere_is_not_followed(
    tree: LinkedTree, tmp_path: Path
) -> None:
    """Giving the worktree back removes a log of the entry, never one outside."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "HEAD").write_text("kept")
    for file in (tree.git_dir / "logs").iterdir():
        file.unlink()
    (tree.git_dir / "logs").rmdir()
    (tree.git_dir / "logs").symlink_to(tmp_path / "elsewhere")
    (tree.git_dir / "rebase-merge").symlink_to(tmp_path / "elsewhere")
    Worktrees(tree.git, tree.path.parent, run="run-0001").release("T")
    assert (tmp_path / "elsewhere" / "HEAD").read_text() == "kept"


def test_a_log_of_heads_that_is_a_pipe_is_not_waited_for(tree: LinkedTree, outside: Path) -> None:
    """Nor is one read that is a link: its words would be looked up as commits."""
    log = tree.git_dir / "logs" / "HEAD"
    log.unlink()
    os.mkfifo(log)
    assert commits_of(tree.git_dir) == []
    log.unlink()
    log.symlink_to(outside)
    assert commits_of(tree.git_dir) == []


@pytest.mark.parametrize("to", ["/dev/zero", "", "pipe"])
def test_a_look_at_live_work_copies_no_index_that_is_none(
    git: Git, tree: LinkedTree, outside: Path, to: str
) -> None:
    """An index that leads to an endless file fills no disk; the branch is told as it stands."""
    index = tree.git_dir / "index"
    index.unlink()
    if to == "pipe":
        os.mkfifo(index)
    else:
        index.symlink_to(to or outside)
    live = Live("T", worktree=tree.path)
    with CollisionWatch(git) as watch:
        look = watch.look(git.resolve("main"), [live])
    assert "plain file" in str(look)


def leads_nowhere(place: Path, to: str) -> Path:
    """Something that never ends, or never begins, where a small file is looked for."""
    if to == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to(to)
    return place


@pytest.mark.parametrize("to", ["/dev/zero", "pipe"])
def test_notes_that_an_agent_put_there_are_none_of_ours(git: Git, tmp_path: Path, to: str) -> None:
    """Of a promotion, an environment, a gate, refs, a log: nobody waits, no memory is filled."""
    promotion = leads_nowhere(git.common / half_promotion.NOTE, to)
    with git.writing():
        assert half_promotion.put_right(git, "main", git.resolve("main"), None) is None
    assert not os.path.lexists(promotion)
    for name in (given_environment.NAME, gate_environment.NAME, moved_refs.BEFORE, "raw.log"):
        leads_nowhere(tmp_path / name, to)
    assert given_environment.given_environment(tmp_path) == {}
    assert gate_environment.noted_fingerprint(tmp_path) == ""
    assert moved_refs._noted(tmp_path) is None
    assert own_words(tmp_path / "raw.log") == Refusals(0)


@pytest.mark.parametrize("to", ["/dev/zero", "pipe"])
def test_a_half_promotion_leaves_what_is_no_file(tree: LinkedTree, to: str) -> None:
    """Put where git was to write one: it is somebody's, and stays."""
    file = tree.path / "README"
    file.unlink()
    leads_nowhere(file, to)
    assert not half_promotion._is_ours(tree, "main", "README")


@pytest.mark.parametrize("to", ["/dev/zero", "pipe"])
def test_where_a_worktree_leads_is_read_from_a_plain_file(tree: LinkedTree, to: str) -> None:
    """An endless `.git`, or one that is a pipe: no look waits or takes memory."""
    pointer = tree.path / ".git"
    pointer.unlink()
    if to == "pipe":
        os.mkfifo(pointer)
    else:
        pointer.symlink_to(to)
    assert marks_of(Live("T", worktree=tree.path)) == ()
    assert not is_changed(tree.git, tree.path)


def test_looking_for_litter_runs_nothing_of_a_repository_inside(
    git: Git, tree: LinkedTree, sh: Sh, tmp_path: Path
) -> None:
    """A sandboxed agent's repository in its worktree names a program; it would run out here."""
    tree.distrust()
    inner, ran = tree.path / "inner", tmp_path / "ran"
    inner.mkdir()
    sh(inner, "init", "--quiet")
    (inner / ".gitattributes").write_text("*.txt filter=mine\n")
    (inner / "file.txt").write_text("one\n")
    sh(inner, "add", "--all")
    sh(inner, "commit", "--quiet", "-m", "inner")
    commit = sh(inner, "rev-parse", "HEAD")
    sh(tree.path, "update-index", "--add", "--cacheinfo", f"160000,{commit},inner")
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\ncat\n")
    program.chmod(0o755)
    sh(inner, "config", "filter.mine.clean", str(program))
    (inner / "file.txt").write_text("two\n")
    assert is_changed(git, tree.path)
    assert not ran.exists()
