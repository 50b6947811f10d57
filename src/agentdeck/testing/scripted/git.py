"""Git, run with what the launcher needs no library for."""

from __future__ import annotations

import os

from agentdeck.testing.scripted.endings import GIT, Trouble

MAX_OUTPUT_BYTES = 1 << 20  # of what is looked at; lists of files are the longest


def git(*args: str) -> None:
    """Run git; what it prints goes into the log as noise.

    Raises:
        Trouble: it ended with an error.
    """
    code = git_code(*args)
    if code != 0:
        raise Trouble(GIT, f"git {args[0]} ended with {code}")


def git_code(*args: str) -> int:
    """Run git and return its exit code."""
    pid = os.posix_spawnp("git", ["git", *args], os.environ)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def git_output(*args: str) -> str:
    """Run git and return what it prints."""
    end, start = os.pipe()
    try:
        put = [(os.POSIX_SPAWN_DUP2, start, 1), (os.POSIX_SPAWN_CLOSE, end)]
        pid = os.posix_spawnp("git", ["git", *args], os.environ, file_actions=put)
    finally:
        os.close(start)
    found = b""
    while data := os.read(end, MAX_OUTPUT_BYTES):
        found = (found + data)[:MAX_OUTPUT_BYTES]
    os.close(end)
    os.waitpid(pid, 0)
    return found.decode("utf-8", "replace")
