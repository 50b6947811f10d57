"""Commands that a document wants to see succeed, made into gates.

Rules:
- A command becomes a list of arguments, split as a shell would and never given to one. What only a
  shell can do (`a && b`, `$HOME`, `*.py`, `X=1 cmd`, `cd x`) makes no command here: such a check is
  kept in words, and that is remarked.
- One command is one gate, however many tasks name it. A task runs only the gates that it names.
"""

from __future__ import annotations

import shlex
from typing import Final

from agentdeck.core.ids import slug
from agentdeck.core.plan import GateWhen
from agentdeck.plans.fields import one_line
from agentdeck.plans.imports.draft import Draft, DraftGate
from agentdeck.plans.problems import shown

MAX_COMMAND: Final = 4_000  # characters; a longer one is a script
MAX_WORDS: Final = 200  # characters of a check in words

_SHELL_ONLY: Final = frozenset(";&|<>()$`*?{}\n\r")
_IN_DOUBLE_QUOTES: Final = frozenset("$`")
_BUILTINS: Final = frozenset("cd export source . eval exec alias set unset if for while !".split())


def argv_of(command: str) -> list[str] | None:
    """The arguments of a command, or None when it needs a shell or is none."""
    if len(command) > MAX_COMMAND or _needs_shell(command):
        return None
    try:
        words = shlex.split(command)
    except ValueError:  # a quotation mark is open
        return None
    if not words or not words[0] or "=" in words[0] or words[0] in _BUILTINS:
        return None
    return words


def _needs_shell(command: str) -> bool:
    quote = ""
    skip = False
    before = " "
    for char in command:
        if skip:
            skip = False
        elif char == "\\" and quote != "'":
            skip = True
        elif quote:
            if char == quote:
                quote = ""
            elif quote == '"' and char in _IN_DOUBLE_QUOTES:
                return True
        elif char in "\"'":
            quote = char
        elif char in _SHELL_ONLY or (char in "~#" and before.isspace()):
            return True
        before = char
    return False


class GateBook:
    """Collects the gates of one document.

    Args:
        draft: takes the gates and the remarks.
    """

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._names: dict[str, str] = {}  # by command or words
        self._taken: set[str] = set()

    def command(self, written: str, line: int, check: str = "") -> str:
        """The name of the gate for a command."""
        argv = argv_of(written)
        if argv is None:
            said = f"{shown(written)} needs a shell, so it is a check in words only"
            self._draft.left(line, "needs-a-shell", said)
        return self._gate(written, line, check or written, argv or [])

    def words(self, check: str, line: int) -> str:
        """The name of the gate for a check that no command proves."""
        return self._gate(check, line, check, [])

    def settle(self) -> None:
        """Where some tasks name gates, the others have none."""
        if self._names:
            for task in self._draft.tasks:
                task.gates = task.gates or []

    def _gate(self, key: str, line: int, check: str, argv: list[str]) -> str:
        if key not in self._names:
            name = self._free(slug(key))
            self._names[key] = name
            words = one_line(check)[:MAX_WORDS]
            gate = DraftGate(name=name, check=words, when=[GateWhen.TASK], line=line, run=argv)
            self._draft.gates.append(gate)
            self._draft.read(line, "gate", f"{name}: {words}")
        return self._names[key]

    def _free(self, base: str) -> str:
        name, number = base, 1
        while name in self._taken:
            number += 1
            name = f"{base}-{number}"
        self._taken.add(name)
        return name
