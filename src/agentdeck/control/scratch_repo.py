"""A new git repository with one commit, for demos and trials."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from agentdeck.core.errors import EnvironmentFault

GIT_S: Final = 30.0  # for one git command on a handful of files
_IDENTITY: Final = {
    "GIT_AUTHOR_NAME": "agentdeck demo",
    "GIT_AUTHOR_EMAIL": "demo@agentdeck.invalid",
    "GIT_COMMITTER_NAME": "agentdeck demo",
    "GIT_COMMITTER_EMAIL": "demo@agentdeck.invalid",
}


def make_repo(folder: Path, files: Mapping[str, str]) -> None:
    """Make `folder` a repository on branch `main` whose first commit has `files`.

    Args:
        files: text by path below `folder`.

    Raises:
        EnvironmentFault: git is missing or refuses, or a file cannot be written.
    """
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(f"{error.filename} cannot be written: {error.strerror}") from error
    _git(folder, "init", "--quiet", "--initial-branch=main")
    # The repository's own identity, so that commits can be made on a machine without one.
    _git(folder, "config", "user.name", _IDENTITY["GIT_AUTHOR_NAME"])
    _git(folder, "config", "user.email", _IDENTITY["GIT_AUTHOR_EMAIL"])
    _git(folder, "add", "--all")
    _git(folder, "-c", "commit.gpgSign=false", "commit", "--quiet", "-m", "First commit")


def _git(folder: Path, *args: str) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_DIR")}
    try:
        done = subprocess.run(
            ["git", "-c", "core.hooksPath=/dev/null", *args],
            cwd=folder,
            env={**kept, **_IDENTITY},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=GIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentFault(f"git cannot be run: {error}", hint="`agentdeck doctor`") from error
    if done.returncode != 0:
        raise EnvironmentFault(
            f"git {args[0]} failed in {folder}: {done.stderr.strip()}", hint="`agentdeck doctor`"
        )
