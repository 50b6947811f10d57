"""A block of ports for each worktree, so that two agents can start the same server at once.

Rules:
- A worktree keeps its block while it exists: attempts of one task, and all that they start, find
  the same ports. Blocks of worktrees that are gone are free again.
- All runs of one person share one list, under a lock. Of other people's only what listens just now
  is known: a block with such a port is passed over.
- The standard library alone: this is sent to machines that have nothing else.
- The blocks lie below the range from which systems give ports away by themselves.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from agentdeck.engine.plain_files import read_plain
from agentdeck.engine.private_files import make_private, write_private

PORT_COUNT: Final = 10  # of one worktree: a web server, its database, a debugger, some spare
MAX_BYTES: Final = 16 * 1024 * 1024  # of the list: a thousand paths, each 4 KiB at most
FIRST_PORT: Final = 20_000
LAST_PORT: Final = 29_999  # Linux gives away ports from 32768 on, macOS from 49152
BLOCKS: Final = (LAST_PORT - FIRST_PORT + 1) // PORT_COUNT


def claim(state: Path, worktree: Path) -> int | None:
    """The first port of the block that belongs to a worktree. Blocking: milliseconds.

    Args:
        state: the folder of everything that agentdeck keeps; the list lies in it.
        worktree: an absolute path.

    Returns:
        None when every block belongs to somebody, or is listened on.
    """
    name = str(worktree)
    with _locked(state):
        file = state / "ports.json"
        owners = {base: owner for base, owner in _read(file).items() if Path(owner).is_dir()}
        mine = next((base for base, owner in owners.items() if owner == name), None)
        if mine is not None:
            return mine
        for base in _blocks(name):
            if base not in owners and _free(base):
                _write(file, {**owners, base: name})
                return base
    return None


def environment_of(run: str, worktree: Path, base: int | None) -> dict[str, str]:
    """The variables by which programs in a worktree keep out of each other's way."""
    return variables(f"agentdeck-{run}-{worktree.name}", base)


def variables(name: str, base: int | None) -> dict[str, str]:
    """The same, for a worktree of this name."""
    found = {"COMPOSE_PROJECT_NAME": name.lower()}
    if base is not None:
        found |= {"PORT_BASE": str(base), "PORT_COUNT": str(PORT_COUNT)}
    return found


def _blocks(name: str) -> Iterator[int]:
    """Every block, beginning somewhere: people with lists of their own seldom meet so."""
    start = zlib.crc32(name.encode(errors="surrogateescape")) % BLOCKS
    for number in range(BLOCKS):
        yield FIRST_PORT + (start + number) % BLOCKS * PORT_COUNT


def _free(base: int) -> bool:
    return all(_can_listen(port) for port in range(base, base + PORT_COUNT))


def _can_listen(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@contextmanager
def _locked(state: Path) -> Iterator[None]:
    make_private(state)
    fd = os.open(state / "ports.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _read(file: Path) -> dict[int, str]:
    try:
        found = json.loads(read_plain(file, MAX_BYTES))
        return {int(base): str(owner) for base, owner in found.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}  # at worst two worktrees get one block, and a server of theirs says so


def _write(file: Path, owners: dict[int, str]) -> None:
    aside = file.with_suffix(".new")
    write_private(aside, json.dumps(owners))
    aside.replace(file)
