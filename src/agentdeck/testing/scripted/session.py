"""What an agent remembers of its sessions, so that a later process can go on with one.

Rules:
- A session is one file below the folder that AGENTDECK_SCRIPTED_HOME names; without it, below the
  git folder of the worktree, and it goes when the worktree goes; outside of git, below TMPDIR.
- It is written before and after each instruction, whole or not at all: a kill loses nothing else.
- Formats do not share sessions.
"""
# Importing pathlib would take as long as the rest of the start:
# ruff: noqa: PTH100, PTH103, PTH105, PTH112, PTH118, PTH120, PTH123

from __future__ import annotations

import os

from agentdeck.testing.scripted.endings import CRASH, Trouble
from agentdeck.testing.scripted.tokens import Tally

VERSION = "agentdeck-scripted-session 1"
FOLDER = "agentdeck-scripted"
HOME = "AGENTDECK_SCRIPTED_HOME"


class Session:
    """One conversation, over all the processes that took part in it."""

    def __init__(self, name: str, cwd: str) -> None:
        self.id, self.cwd = name, cwd
        self.title = ""  # of the task; becomes the commit's
        self.context = 0  # tokens of all that was heard
        self.total = Tally()
        self.script: list[tuple[str, str]] = []
        self.done = 0  # instructions of it
        self.dirty = False  # something was written and not committed
        self.resumed = False


class Store:
    """The sessions of one format."""

    def __init__(self, speaks: str) -> None:
        self._speaks = speaks
        self._home = os.environ.get(HOME, "") or _beside_git() or _temporary()

    def find(self, name: str, cwd: str = "") -> Session | None:
        """The session of that id (begun in `cwd`, if it is given), or None."""
        try:
            with open(self._path(name), encoding="utf-8", newline="\n") as file:
                head, _, script = file.read().partition("\n\n")
        except OSError:
            return None
        version, *rows = head.split("\n")
        if version != VERSION or len(rows) != 5:
            return None
        where, title, numbers, done, dirty = (row.partition(" ")[2] for row in rows)
        if cwd and where != cwd:
            return None
        session = Session(name, where)
        session.title, session.resumed = title, True
        session.context, *counts = map(int, numbers.split())
        session.total = Tally(*counts)
        session.done, session.dirty = int(done), dirty == "dirty"
        pairs = (line.partition(" ") for line in script.split("\n") if line)
        session.script = [(word, argument) for word, _, argument in pairs]
        return session

    def keep(self, session: Session) -> None:
        """Remember the session as it is now.

        Raises:
            Trouble: its file cannot be written.
        """
        total = session.total
        numbers = (session.context, total.fresh, total.cached, total.out, total.replies)
        rows = [VERSION, f"cwd {session.cwd}", f"title {session.title}"]
        rows += [f"tokens {' '.join(map(str, numbers))}", f"done {session.done}"]
        rows += [f"work {'dirty' if session.dirty else 'clean'}", ""]
        rows += [f"{word} {argument}" for word, argument in session.script]
        path = self._path(session.id)
        new = f"{path}.{os.getpid()}"
        try:
            os.makedirs(self._home, exist_ok=True)
            with open(new, "w", encoding="utf-8", errors="replace", newline="\n") as file:
                file.write("\n".join(rows))
            os.replace(new, path)
        except OSError as fault:
            raise Trouble(CRASH, f"the session cannot be kept: {fault}") from None

    def _path(self, name: str) -> str:
        clean = "".join(char if char.isalnum() or char in "._-" else "_" for char in name)
        return os.path.join(self._home, f"{self._speaks}-{clean}")


def _beside_git() -> str:
    """A folder in the git folder of this worktree, or ""."""
    here = os.path.abspath(".")
    while True:
        found = os.path.join(here, ".git")
        if os.path.isdir(found):
            return os.path.join(found, FOLDER)
        try:
            with open(found, encoding="utf-8") as file:
                folder = file.read().strip().removeprefix("gitdir: ")
            return os.path.join(here, folder, FOLDER)
        except OSError:
            pass
        above = os.path.dirname(here)
        if above == here:
            return ""
        here = above


def _temporary() -> str:
    return os.path.join(os.environ.get("TMPDIR", "") or "/tmp", f"{FOLDER}-{os.getuid()}")  # noqa: S108
