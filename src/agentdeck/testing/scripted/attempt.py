"""The attempt at a task that this process is: what it was started with.

Rules: options stand as an agent's own command line has them; unknown ones are passed over, as a
stand-in for a command line that has a hundred of them must.
"""
# Importing pathlib would take as long as the rest of the start:
# ruff: noqa: PTH109, PTH123

from __future__ import annotations

import os

from agentdeck.testing.scripted.endings import SCRIPT, Trouble
from agentdeck.testing.scripted.script import count_in

USAGE = "usage: scripted_agent.py --prompt-file FILE [--model NAME] [--speak FORMAT] [--resume ID]"


class Attempt:
    """Task, number and footprint by AGENTDECK_TASK, …_ATTEMPT and …_FILES; the rest by options."""

    def __init__(self, argv: list[str]) -> None:
        self._argv = argv
        self.task = os.environ.get("AGENTDECK_TASK", "task")
        self.number = count_in(os.environ.get("AGENTDECK_ATTEMPT", ""), 1)
        patterns = os.environ.get("AGENTDECK_FILES", "").splitlines()
        self.files = [line for line in patterns if line]  # one pattern a line
        self.cwd = os.getcwd()
        self.model = self.option("--model", "-m") or "scripted"

    def option(self, *names: str) -> str:
        """The value of an option that has one of these names, or ""."""
        for name in names:
            if name in self._argv[:-1]:
                return self._argv[self._argv.index(name) + 1]
        for word in self._argv:
            name, given, value = word.partition("=")
            if given and name in names:
                return value
        return ""

    def has(self, *names: str) -> bool:
        """Whether an option without a value is there."""
        return any(name in self._argv for name in names)

    def prompt(self) -> str:
        """What the agent is told.

        Raises:
            Trouble: nobody said where that stands, or it cannot be read.
        """
        path = self.option("--prompt-file") or os.environ.get("AGENTDECK_PROMPT_FILE", "")
        if not path:
            raise Trouble(SCRIPT, USAGE, code=2)
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError as fault:
            raise Trouble(SCRIPT, f"the prompt cannot be read: {fault}", code=2) from None
