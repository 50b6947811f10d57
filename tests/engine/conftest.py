"""Real git repositories for the tests of the engine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.engine.git import Git
from agentdeck.engine.sandbox import SANDBOXES, fault_of

FILES = 40


def run_git(where: Path, *args: str, ok: bool = True) -> str:
    """Run git as a person or an agent would, with hooks, prompts and all."""
    done = subprocess.run(["git", *args], cwd=where, capture_output=True, text=True, check=False)
    assert not ok or done.returncode == 0, f"git {args}: {done.stderr}"
    return done.stdout.strip()


@pytest.fixture
def sh() -> Callable[..., str]:
    """`sh(folder, "commit", "-m", "x")`: a git command, and what it printed."""
    return run_git


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A checkout on `main` with one commit of `FILES` small files in four folders."""
    top = tmp_path / "project"
    top.mkdir()
    run_git(top, "init", "--quiet", "--initial-branch=main")
    for number in range(FILES):
        file = top / f"d{number % 4}" / f"f{number}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"file {number}\n" * 5)
    (top / "README").write_text("readme\n")
    (top / ".gitignore").write_text("*.log\nbuild/\n.env\n")
    run_git(top, "add", "--all")
    run_git(top, "commit", "--quiet", "-m", "first")
    return top


@pytest.fixture(params=SANDBOXES, ids=str)
def box(request: pytest.FixtureRequest) -> Sandbox:
    """A sandbox that works here, without a network, too."""
    kind: Sandbox = request.param
    if fault := fault_of(kind, network=False):
        pytest.skip(fault)
    return kind


@pytest.fixture
def git(repo: Path) -> Git:
    return Git.discover(repo)


@pytest.fixture
def commit_on(repo: Path) -> Callable[..., str]:
    """`commit_on(branch, {path: text}, start)`: a commit, made in a clone of the repo."""

    def make(branch: str, files: dict[str, str], start: str) -> str:
        clone = repo.parent / f"clone-{branch.replace('/', '-')}"
        if not clone.exists():
            run_git(repo.parent, "clone", "--quiet", str(repo), str(clone))
        run_git(clone, "fetch", "--quiet", "origin", "+refs/*:refs/remotes/all/*")
        run_git(clone, "checkout", "--quiet", "--detach", start)
        for path, text in files.items():
            file = clone / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        run_git(clone, "add", "--all", "--force")
        run_git(clone, "commit", "--quiet", "-m", f"work on {branch}")
        made = run_git(clone, "rev-parse", "HEAD")
        run_git(repo, "fetch", "--quiet", str(clone), made)
        if branch:
            run_git(repo, "update-ref", f"refs/heads/{branch}", made)
        (repo / ".git" / "FETCH_HEAD").unlink(missing_ok=True)
        return made

    return make


@pytest.fixture
def look() -> Callable[[Path], dict[str, object]]:
    """Everything of a checkout that is the user's: index bytes, HEAD, stash, status, files."""

    def see(top: Path) -> dict[str, object]:
        found: dict[str, object] = {
            "index": (top / ".git" / "index").read_bytes(),
            "HEAD": (top / ".git" / "HEAD").read_bytes(),
            "reflog": (top / ".git" / "logs" / "HEAD").read_bytes(),
            "config": (top / ".git" / "config").read_bytes(),
            "branch": run_git(top, "rev-parse", "HEAD"),
            "stash": run_git(top, "rev-parse", "--quiet", "--verify", "refs/stash", ok=False),
            "status": run_git(
                top, "--no-optional-locks", "status", "--porcelain", "--ignored", "-uall"
            ),
        }
        for folder, folders, files in os.walk(top):
            if ".git" in folders:
                folders.remove(".git")
            for name in files:
                file = Path(folder, name)
                found[str(file)] = (file.stat().st_mode, file.read_bytes())
        return found

    return see
