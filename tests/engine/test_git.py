"""How the engine runs git: bound to one repository, moving refs by compare-and-swap, locked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agentdeck.core.errors import EnvironmentFault, NotFoundError, UsageError
from agentdeck.engine.git import Git, GitError, RefMoved, hold_flock

Sh = Callable[..., str]


def test_a_repository_is_found_from_a_subfolder_and_from_a_linked_worktree(
    repo: Path, tmp_path: Path, sh: Sh
) -> None:
    """Both lead to the same common directory; the checkout is the one the person stands in."""
    sh(repo, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    below, beside = Git.discover(repo / "d1"), Git.discover(tmp_path / "side" / "d2")
    assert below.common == beside.common == repo / ".git"
    assert (below.checkout, beside.checkout) == (repo, tmp_path / "side")
    assert (below.current_branch(), beside.current_branch()) == ("main", "side")


def test_what_is_no_checkout_is_refused_with_a_reason(tmp_path: Path, sh: Sh) -> None:
    with pytest.raises(UsageError, match="no git checkout"):
        Git.discover(tmp_path)
    sh(tmp_path, "init", "-q", "--bare", "bare.git")
    with pytest.raises(UsageError, match="bare"):
        Git.discover(tmp_path / "bare.git")


def test_names_resolve_to_commits_and_unknown_ones_say_so(git: Git, repo: Path, sh: Sh) -> None:
    head = sh(repo, "rev-parse", "HEAD")
    assert git.resolve("main") == git.resolve("HEAD") == git.ref_tip("refs/heads/main") == head
    assert git.tree_of(head) == sh(repo, "rev-parse", "HEAD^{tree}")
    assert git.ref_tip("refs/heads/none") is None
    for bad in ("none", "--all", ""):
        with pytest.raises(NotFoundError) as fault:
            git.resolve(bad)
        assert fault.value.hint == "see git branch -a"


def test_a_repository_without_a_commit_says_that_it_needs_one(tmp_path: Path, sh: Sh) -> None:
    """Its branch has a name already, and that there is no such commit helps nobody."""
    sh(tmp_path, "init", "-q", "-b", "main")
    with pytest.raises(NotFoundError) as fault:
        Git.discover(tmp_path).resolve("main")
    assert fault.value.hint == "a repository needs a first commit"


def test_compare_and_swap_loses_to_whoever_moved_the_ref(
    git: Git, commit_on: Callable[..., str]
) -> None:
    """The loser learns where the ref is, and the ref stays there."""
    first = git.resolve("main")
    mine, theirs = (commit_on("", {"a": text}, first) for text in ("mine", "theirs"))
    git.update_ref("refs/heads/deck/x", first, None)
    git.update_ref("refs/heads/deck/x", theirs, first)
    with pytest.raises(RefMoved) as lost:
        git.update_ref("refs/heads/deck/x", mine, first)
    assert lost.value.found == git.ref_tip("refs/heads/deck/x") == theirs
    with pytest.raises(RefMoved):
        git.update_ref("refs/heads/deck/x", mine, None)
    with pytest.raises(RefMoved) as gone:
        git.update_ref("refs/heads/never", mine, first)
    assert gone.value.found is None


def test_keeping_another_commit_under_one_name_keeps_both(
    git: Git, commit_on: Callable[..., str], repo: Path, sh: Sh
) -> None:
    first = git.resolve("main")
    one, two = (commit_on("", {"a": text}, first) for text in ("one", "two"))
    for commit in (one, two, two, one):
        git.keep("refs/agentdeck/keep/r/T.1", commit)
    held = sh(repo, "for-each-ref", "--format=%(objectname)", "refs/agentdeck").split()
    assert {one, two} == set(held)
    assert git.ref_tip("refs/agentdeck/keep/r/T.1") == one


def test_ancestors_and_an_unknown_commit(git: Git, commit_on: Callable[..., str]) -> None:
    first = git.resolve("main")
    second = commit_on("", {"a": "x"}, first)
    assert git.is_ancestor(first, second)
    assert git.is_ancestor(first, first)
    assert not git.is_ancestor(second, first)
    with pytest.raises(GitError):
        git.is_ancestor("0" * 40, first)


def test_a_branch_in_a_rebase_counts_as_checked_out(git: Git, repo: Path, sh: Sh) -> None:
    """HEAD is detached then, yet git will move the branch when the rebase ends."""
    assert git.branch_checked_out_at("main") == repo
    sh(repo, "checkout", "-q", "-b", "topic")
    (repo / "README").write_text("topic\n")
    sh(repo, "commit", "-qam", "topic")
    sh(repo, "checkout", "-q", "main")
    (repo / "README").write_text("main\n")
    sh(repo, "commit", "-qam", "main")
    sh(repo, "rebase", "main", "topic", ok=False)
    assert git.branch_state("topic")[1] is None
    assert git.branch_checked_out_at("topic") == repo
    assert git.branch_checked_out_at("main") is None


def test_foreign_variables_do_not_lead_git_astray(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sh: Sh
) -> None:
    """A hook that starts agentdeck sets GIT_DIR and GIT_INDEX_FILE of another repository."""
    sh(tmp_path, "init", "-q", "other")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert Git.discover(repo).common == repo / ".git"


def test_commits_are_possible_where_nobody_said_who_they_are(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    git = Git.discover(repo)
    made = git.run("commit-tree", git.tree_of("HEAD"), stdin="x", write=True).text
    who = git.run("log", "-1", "--format=%an <%ae> %cn", made).text
    assert who == "agentdeck <agentdeck@localhost> agentdeck"


def test_half_an_identity_is_completed_and_the_known_half_kept(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cfg").write_text("[user]\n\tname = Ada\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "cfg"))
    git = Git.discover(repo)
    made = git.run("commit-tree", git.tree_of("HEAD"), stdin="x", write=True).text
    assert git.run("log", "-1", "--format=%an <%ae>", made).text == "Ada <agentdeck@localhost>"


def test_an_error_names_the_command_and_gits_last_words(git: Git) -> None:
    with pytest.raises(GitError, match=r"git rev-parse --verify nope failed with exit 128: fatal"):
        git.run("rev-parse", "--verify", "nope")
    with pytest.raises(GitError, match="did not end in time"):
        git.run("cat-file", "--batch", stdin=None, timeout_s=0.0)


def test_diffstat_counts_lines_binaries_and_odd_names(
    git: Git, commit_on: Callable[..., str], repo: Path
) -> None:
    first = git.resolve("main")
    odd = 'ta\tb "ü".txt'
    head = commit_on("", {odd: "1\n2\n", "README": "other\nmore\n", "bin": "\0\0"}, first)
    found = {file.path: (file.added, file.removed) for file in git.diffstat(first, head)}
    assert found == {odd: (2, 0), "README": (2, 1), "bin": (-1, -1)}


def test_threads_write_one_after_the_other_and_one_may_enter_again(git: Git) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(5):
            with git.writing(), git.writing():
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.001)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(most) == 40
    assert max(most) == 1


ENGINE = """
import sys
from pathlib import Path
from agentdeck.engine.git import Git
git = Git.discover(Path(sys.argv[1]))
alias = f"alias.long=!touch '{sys.argv[2]}'; exec cat '{sys.argv[3]}'"
git.run("-c", alias, "long", write=True)
"""


def test_the_lock_waits_for_a_git_whose_engine_was_killed(git: Git, tmp_path: Path) -> None:
    """A real engine dies by SIGKILL while its git runs; the lock is free only after that git."""
    began, gate = tmp_path / "began", tmp_path / "gate"
    os.mkfifo(gate)
    engine = subprocess.Popen([sys.executable, "-c", ENGINE, git.checkout, began, gate])
    deadline = time.monotonic() + 30
    while not began.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    with pytest.raises(EnvironmentFault, match="locked by another process"):
        git.writing(timeout_s=0.3).__enter__()
    with gate.open("w"):
        pass  # the orphan reads the end of the file and exits
    with git.writing(timeout_s=20):
        git.run("update-ref", "refs/agentdeck/test", "HEAD", write=True)


def test_an_unlocked_file_is_taken_without_patience(tmp_path: Path) -> None:
    """Not a moment is allowed for waiting, and it is held all the same."""
    with (
        hold_flock(tmp_path / "lock", 0.0),
        pytest.raises(EnvironmentFault, match="locked by another process"),
    ):
        hold_flock(tmp_path / "lock", 0.0).__enter__()
