"""A person's checkout with work of theirs in it, and all of it that a run must leave alone.

Rules: everything is compared, byte by byte: files with their modes and times, links, the index,
HEAD with its history, the configuration and the hooks of the repository. Only what a run is there
to write is left out: objects, its own branches, its worktrees.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from pathlib import Path
from typing import Final

from agentdeck.control.scratch_repo import make_repo

# Of the git directory; the rest is what runs are there to write.
THEIRS: Final = ("HEAD", "index", "config", "logs/HEAD", "refs/heads/main", "hooks", "info")
FILES: Final = 12  # committed ones, in three folders


def make_checkout(folder: Path) -> None:
    """A repository on `main`, with changes that are staged, not staged, unknown and ignored."""
    files = {
        f"src/part{n % 3}/module{n}.py": f"def f{n}():\n    return {n}\n" for n in range(FILES)
    }
    make_repo(folder, {"README.md": "hello\n", ".gitignore": "*.log\nbuild/\n", **files})
    (folder / "src/part0/module0.py").write_text("# staged\n", encoding="utf-8")
    subprocess.run(["git", "add", "src/part0/module0.py"], cwd=folder, check=True)
    (folder / "src/part0/module0.py").write_text("# staged, and changed again\n", encoding="utf-8")
    (folder / "src/part1/module1.py").unlink()
    (folder / "notes.txt").write_text("mine\n", encoding="utf-8")
    (folder / "debug.log").write_text("ignored\n", encoding="utf-8")
    (folder / "link").symlink_to("README.md")
    script = folder / "run.sh"
    script.write_text("#!/bin/sh\n", encoding="utf-8")
    script.chmod(0o755)


def seen_of(checkout: Path) -> dict[str, str]:
    """All that is a person's: a line for each file, and what git says of it."""
    found = {}
    for folder, folders, names in os.walk(checkout):
        here = Path(folder)
        if here == checkout:
            folders.remove(".git")
        for name in (*names, *folders):
            found[str((here / name).relative_to(checkout))] = _look(here / name)
    for name in THEIRS:
        place = checkout / ".git" / name
        inside = sorted(place.rglob("*")) if place.is_dir() else [place]
        found |= {str(each.relative_to(checkout)): _look(each) for each in inside}
    found["(status)"] = _git(checkout, "status", "--porcelain=v2", "--branch", "--ignored")
    found["(stash)"] = _git(checkout, "stash", "list")
    return found


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """A sentence for each thing that is not as it was."""
    names = sorted(before.keys() | after.keys())
    return [
        f"the person's {name} was {before.get(name, 'not there')!r}"
        f" and is {after.get(name, 'gone')!r}"
        for name in names
        if before.get(name) != after.get(name)
    ]


def _look(path: Path) -> str:
    try:
        about = path.lstat()
        if stat.S_ISDIR(about.st_mode):
            return f"{about.st_mode:o}"
        if stat.S_ISLNK(about.st_mode):
            return f"link to {path.readlink()}"
        content = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        return f"{about.st_mode:o} {about.st_size} bytes {content} {about.st_mtime_ns}"
    except FileNotFoundError:
        return "not there"


def _git(checkout: Path, *args: str) -> str:
    command = ["git", "--no-optional-locks", *args]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    return done.stdout


__all__ = ["differences", "make_checkout", "seen_of"]
