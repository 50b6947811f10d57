"""Styles of landing: other commits, the same tree, and every first-parent commit a gated one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agentdeck.core.plan import LandingStyle
from agentdeck.engine.batch import Piece, fold
from agentdeck.engine.git import Git, GitError
from agentdeck.engine.joining import Style, join
from agentdeck.engine.landing import Built, Conflict, merged_tree

Sh = Callable[..., str]
CommitOn = Callable[..., str]
MESSAGE = "Complete T: title\n\nAgentdeck-Run: r1\nAgentdeck-Task: T\n"


def joined(git: Git, top: str, head: str, shape: LandingStyle, *, signed: bool = False) -> Built:
    made = join(git, top, head, MESSAGE, Style(shape, signed))
    assert isinstance(made, Built)
    return made


def by(sh: Sh, repo: Path, name: str, start: str, *changes: dict[str, str]) -> str:
    """Commits of another author, one for each change; returns the last."""
    sh(repo, "checkout", "-q", "--detach", start)
    for at, files in enumerate(changes):
        for path, text in files.items():
            (repo / path).write_text(text)
        sh(repo, "add", "--all")
        author = ("-c", f"user.name={name}", "-c", f"user.email={name}@there")
        sh(repo, *author, "commit", "-qm", f"{name} {at}")
    head = sh(repo, "rev-parse", "HEAD")
    sh(repo, "checkout", "-q", "main")
    return head


@pytest.mark.parametrize("shape", LandingStyle)
def test_every_style_has_the_tree_of_the_merge_and_the_target_as_first_parent(
    git: Git, repo: Path, commit_on: CommitOn, sh: Sh, shape: LandingStyle
) -> None:
    root = git.resolve("main")
    top = commit_on("", {"README": "target\n"}, root)
    head = by(sh, repo, "ada", root, {"a.txt": "1\n"}, {"a.txt": "2\n"})
    made = joined(git, top, head, shape)
    assert made.tree == merged_tree(git, top, head) == git.tree_of(made.commit)
    assert git.resolve(f"{made.commit}^1") == top
    assert sh(repo, "log", "-1", "--format=%(trailers:key=Agentdeck-Task,valueonly)", made.commit)


def test_a_squash_is_one_commit_and_names_the_authors_it_leaves_out(
    git: Git, repo: Path, commit_on: CommitOn, sh: Sh
) -> None:
    root = git.resolve("main")
    top = commit_on("", {"README": "target\n"}, root)
    head = by(sh, repo, "ada", root, {"a.txt": "1\n"}, {"a.txt": "2\n"})
    made = joined(git, top, head, LandingStyle.SQUASH)
    assert sh(repo, "log", "--format=%s", f"{top}..{made.commit}") == "Complete T: title"
    form = "--format=%(trailers:key=Co-authored-by,valueonly)"
    assert sh(repo, "log", "-1", form, made.commit) == "ada <ada@there>"
    own = commit_on("", {"b.txt": "mine\n"}, root)
    made = joined(git, top, own, LandingStyle.SQUASH)
    assert sh(repo, "log", "-1", form, made.commit) == ""


def test_a_rebase_keeps_commits_and_authors_below_a_merge(
    git: Git, repo: Path, commit_on: CommitOn, sh: Sh
) -> None:
    root = git.resolve("main")
    top = commit_on("", {"README": "target\n"}, root)
    head = by(sh, repo, "ada", root, {"a.txt": "1\n"}, {"a.txt": "2\n"})
    made = joined(git, top, head, LandingStyle.REBASE)
    assert sh(repo, "log", "--first-parent", "--format=%s", f"{top}..{made.commit}") == (
        "Complete T: title"
    )
    below = sh(repo, "log", "--format=%an %s", f"{top}..{made.commit}^2").splitlines()
    assert below == ["ada ada 1", "ada ada 0"]
    assert not git.is_ancestor(head, made.commit)
    assert git.is_ancestor(top, f"{made.commit}^2")


def test_what_cannot_be_replayed_commit_by_commit_is_squashed(
    git: Git, repo: Path, commit_on: CommitOn, sh: Sh
) -> None:
    """The first commit meets the target in README, the second takes it back: no clash."""
    root = git.resolve("main")
    before = (repo / "README").read_text()
    top = commit_on("", {"README": "target\n"}, root)
    head = by(sh, repo, "ada", root, {"README": "mine\n"}, {"README": before, "a.txt": "1\n"})
    made = joined(git, top, head, LandingStyle.REBASE)
    assert made.tree == merged_tree(git, top, head)
    assert sh(repo, "log", "--format=%s", f"{top}..{made.commit}") == "Complete T: title"


def test_a_rebase_of_work_that_merged_the_target_holds_no_commit_twice(
    git: Git, repo: Path, commit_on: CommitOn, sh: Sh
) -> None:
    root = git.resolve("main")
    top = commit_on("", {"README": "target\n"}, root)
    head = by(sh, repo, "ada", root, {"a.txt": "1\n"})
    sh(repo, "checkout", "-q", "--detach", head)
    sh(repo, "merge", "-q", "--no-edit", top)
    made = joined(git, top, sh(repo, "rev-parse", "HEAD"), LandingStyle.REBASE)
    assert sh(repo, "log", "--format=%s", f"{top}..{made.commit}^2") == "ada 0"


@pytest.mark.parametrize("shape", LandingStyle)
def test_a_batch_is_one_first_parent_commit_in_every_style(
    git: Git, repo: Path, commit_on: CommitOn, sh: Sh, shape: LandingStyle
) -> None:
    tip = git.resolve("main")
    heads = [by(sh, repo, name, tip, {name: "1\n"}, {name: "2\n"}) for name in ("ada", "bob")]
    pieces = [
        Piece(at, head, f"Complete {at}\n\nAgentdeck-Task: {at}\n") for at, head in enumerate(heads)
    ]
    made = fold(git, tip, pieces, message="Complete both", style=Style(shape)).built
    assert made is not None
    shown = sh(repo, "log", "--first-parent", "--format=%s", f"{tip}..{made.commit}")
    assert shown == "Complete both"
    chain = sh(repo, "log", "--first-parent", "--format=%s", f"{tip}..{made.commit}^2")
    assert chain.splitlines() == ["Complete 1", "Complete 0"]


def test_who_does_not_merge_is_told_so_in_every_style(git: Git, commit_on: CommitOn) -> None:
    root = git.resolve("main")
    top = commit_on("", {"README": "target\n"}, root)
    head = commit_on("", {"README": "head\n"}, root)
    for shape in LandingStyle:
        found = join(git, top, head, MESSAGE, Style(shape))
        assert isinstance(found, Conflict)
        assert found.files == ("README",)


# --- signing -------------------------------------------------------------------------------------


@pytest.fixture
def signing(repo: Path, sh: Sh, tmp_path: Path) -> Path:
    """The user signs with an SSH key; returns the file of those whose signature counts."""
    if shutil.which("ssh-keygen") is None:
        pytest.skip("OpenSSH is not installed")
    key = tmp_path / "key"
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "t", "-f", str(key)]
    subprocess.run(make, check=True)
    allowed = tmp_path / "allowed"
    allowed.write_text(f"* {key.with_suffix('.pub').read_text()}")
    settings = {
        "commit.gpgSign": "true",
        "gpg.format": "ssh",
        "user.signingKey": str(key),
        "gpg.ssh.allowedSignersFile": str(allowed),
    }
    for name, value in settings.items():
        sh(repo, "config", name, value)
    return key


@pytest.mark.parametrize("shape", LandingStyle)
def test_commits_that_land_are_signed_as_the_user_signs(
    git: Git, repo: Path, commit_on: CommitOn, sh: Sh, signing: Path, shape: LandingStyle
) -> None:
    root = git.resolve("main")
    sh(repo, "config", "commit.gpgSign", "false")
    heads = [by(sh, repo, name, root, {name: "1\n"}) for name in ("ada", "bob")]
    assert not git.signs()
    sh(repo, "config", "commit.gpgSign", "true")
    assert Git.discover(repo).signs()
    pieces = [Piece(head, head, "Complete it") for head in heads]
    made = fold(git, root, pieces, message="both", style=Style(shape, signed=True)).built
    assert made is not None
    ours = sh(repo, "log", "--format=%H", made.commit, f"^{root}", *(f"^{h}" for h in heads))
    assert len(ours.split()) >= 3
    for commit in ours.split():
        assert sh(repo, "log", "-1", "--format=%G?", commit) == "G"


def test_a_key_that_cannot_sign_makes_no_commit(
    git: Git, repo: Path, commit_on: CommitOn, sh: Sh, signing: Path
) -> None:
    root = git.resolve("main")
    sh(repo, "config", "commit.gpgSign", "false")
    head = commit_on("", {"a": "1\n"}, root)
    signing.unlink()
    with pytest.raises(GitError, match="commit-tree"):
        join(git, root, head, MESSAGE, Style(LandingStyle.SQUASH, signed=True))
