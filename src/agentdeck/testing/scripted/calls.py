"""A tool call: what the model wants, and what came of it. Voices say it in their own words."""
# Importing pathlib would take as long as the rest of the start:
# ruff: noqa: PTH117, PTH118

from __future__ import annotations

import os

from agentdeck.testing.scripted.endings import SCRIPT, Trouble

WRITE, EDIT, REMOVE, SHELL, READ, SEARCH, OTHER = range(7)  # kinds
_KINDS = {"Read": READ, "Bash": SHELL, "Write": WRITE, "Edit": EDIT, "Grep": SEARCH, "Glob": SEARCH}


class Call:
    """One call of a tool. `text` is what it puts into the file at `target`, or at its end."""

    def __init__(self, kind: int, name: str, target: str, text: str = "") -> None:
        self.kind, self.name, self.target, self.text = kind, name, target, text
        self.id = ""  # as the voice names it
        self.new = False  # the file was not there before
        self.output = ""
        self.denied: str | None = None  # why it was not done

    @property
    def path(self) -> str:
        """The absolute path that it is about."""
        return os.path.join(os.getcwd(), self.target)  # noqa: PTH109

    @property
    def command(self) -> str:
        """The command line that it is, or that would do the same."""
        if self.kind == REMOVE:
            return f"rm {self.target}"
        if self.kind == SHELL:
            return self.target
        if self.kind == READ:
            return f"cat {self.target}"
        if self.kind == SEARCH:
            return f"grep -rn '{self.target}'"
        if self.kind in (WRITE, EDIT):
            into = ">" if self.kind == WRITE else ">>"
            return f"cat {into} '{self.target}' <<'EOF'\n{self.text}EOF"
        return f"{self.name} {self.target}"


def claimed(words: str) -> Call:
    """The call that `NAME TARGET` says; it does nothing."""
    name, _, target = words.partition(" ")
    return Call(_KINDS.get(name, OTHER), name, target)


def inside_path(path: str) -> str:
    """`path` if it is below the working folder.

    Raises:
        Trouble: it is not.
    """
    plain = os.path.normpath(path)
    if os.path.isabs(plain) or plain == ".." or plain.startswith("../"):
        raise Trouble(SCRIPT, f"{path} is outside of the worktree", code=2)
    return plain
