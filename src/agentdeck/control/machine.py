"""What this machine has: versions, space, rights. Facts only; a face judges them."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.engine.folders import RunFolder, runs_root, state_root
from agentdeck.engine.git import OLDEST_GIT

PROGRAM_S: Final = 20.0  # for `PROGRAM --version`; agent CLIs need up to 5 s, several at once more
MAX_SAID: Final = 4_096  # characters of a program's answer


class Program(msgspec.Struct, frozen=True):
    """A program on PATH."""

    name: str
    path: str | None  # None = not found
    version: str = ""  # the first line that it says
    fault: str = ""  # why it does not say it


def program(name: str, args: Sequence[str] = ("--version",)) -> Program:
    """Is there such a program, and what does it say of its version?"""
    path = shutil.which(name)
    if path is None:
        return Program(name, None)
    try:
        done = subprocess.run(
            [path, *args],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROGRAM_S,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        return Program(name, path, fault=f"no answer in {PROGRAM_S:.0f} s")
    except OSError as error:
        return Program(name, path, fault=error.strerror or str(error))
    said = (done.stdout.strip() or done.stderr.strip())[:MAX_SAID].splitlines()
    first = said[0] if said else ""
    if done.returncode != 0:
        return Program(name, path, first, fault=f"exit {done.returncode}")
    return Program(name, path, first)


def git_settings() -> dict[str, str]:
    """`user.name` and `user.email` as git knows them here; what is not set is missing."""
    found: dict[str, str] = {}
    for key in ("user.name", "user.email"):
        try:
            done = subprocess.run(
                ["git", "config", "--get", key],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=PROGRAM_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return found
        if done.stdout.strip():
            found[key] = done.stdout.strip()
    return found


def git_is_new_enough(version: str) -> bool:
    """Is what `git --version` says at least the oldest git that can be used?"""
    found = re.search(r"(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST_GIT


def oldest_git() -> str:
    """The oldest git that can be used."""
    return ".".join(map(str, OLDEST_GIT))


def sqlite_version() -> str:
    """Of the library that Python uses."""
    return sqlite3.sqlite_version


def python_version() -> str:
    """Of the interpreter."""
    return ".".join(map(str, sys.version_info[:3]))


def state_folder() -> Path:
    """Where runs are kept."""
    return runs_root()


def state_folder_fault() -> str:
    """Why runs cannot be kept there, or nothing."""
    folder = state_root()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        return f"{folder} is no folder"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"{folder} cannot be written to"
    return ""


def free_bytes() -> int:
    """Space left where runs are kept."""
    folder = state_root()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def socket_is_inside() -> bool:
    """Is the state folder's path short enough for a control socket of a run in it?"""
    folder = RunFolder(runs_root() / "a-plan-of-usual-length-0000")
    return folder.socket.parent == folder.path
