"""The commands of plain mode: the command line's own verbs, in front of one run.

Rules:
- A verb here is the verb of the shell with the same name, options and errors; only the run need not
  be named. What starts, makes or ends something else than this run is for the shell.
- The last words of a verb that ends with a text (`steer`, `answer`) are that text, quoted or not.
- In a replay only what tells of a moment is answered; everything else says why not.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterator, Sequence
from typing import Any, Final

import typer

from agentdeck.cli.app import answered
from agentdeck.cli.output import say
from agentdeck.cli.place import Place
from agentdeck.core.errors import NotFoundError, RefusedError, UsageError

PANELS: Final = ("Look", "Act")
FOR_THE_SHELL: Final = frozenset({"replay", "snapshot", "bisect", "take-over"})
OF_A_MOMENT: Final = ("status", "tasks", "task", "queue", "inbox", "why")
ALIASES: Final = {"log": "logs"}


class Verbs:
    """The verbs that can be typed."""

    def __init__(self) -> None:
        """All of the command line that is about one run."""
        from agentdeck.cli.line import command_line

        group: Any = typer.main.get_command(command_line())
        self._all = group.commands
        self._mine = {
            name: verb
            for name, verb in self._all.items()
            if verb.rich_help_panel in PANELS and name not in FOR_THE_SHELL
        }

    def carry_out(self, place: Place, words: Sequence[str]) -> int:
        """Do what a line says; the exit status that a shell would have got.

        Args:
            place: names the run, and in a replay the moment of it.
            words: the verb, and what it takes.
        """
        return answered(lambda: self._carry_out(place, list(words)))

    def help(self, words: Sequence[str]) -> int:
        """Every verb, or all of one; as plain lines."""
        return answered(lambda: self._help(words))

    def _carry_out(self, place: Place, words: list[str]) -> object:
        name, verb, rest = self._found(words)
        if place.moment is not None and name not in OF_A_MOMENT:
            raise RefusedError(
                f"{name}: this is the past of the run",
                hint=f"`agentdeck {name}` in a shell, or `agentdeck attach --plain`",
            )
        if {"--help", "-h"} & set(rest):
            return self._help([name])
        return verb.main(_with_text(verb, rest), prog_name=name, standalone_mode=False, obj=place)

    def _found(self, words: list[str]) -> tuple[str, Any, list[str]]:
        name = ALIASES.get(words[0], words[0])
        if name in self._mine:
            return name, self._mine[name], words[1:]
        if name in self._all:
            raise UsageError(f"{name} is not for here", hint=f"`agentdeck {name}` in a shell")
        near = difflib.get_close_matches(name, self._mine, n=1)
        hint = f"`{near[0]}`, or `help` for all" if near else "`help` lists the commands"
        raise NotFoundError(f"there is no command {name!r}", hint=hint)

    def _help(self, words: Sequence[str]) -> object:
        if words:
            name, verb, _ = self._found(list(words))
            for line in _page(name, verb):
                say(line)
            return None
        for panel in PANELS:
            for name, verb in self._mine.items():
                if verb.rich_help_panel == panel:
                    say(f"{name}: {_first_line(verb)}")
        return None


def split(line: str) -> list[str]:
    """The words of a line as a shell would part them; an apostrophe in a text is only that."""
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _with_text(verb: Any, words: list[str]) -> list[str]:
    """The words, with what stands at the end made one where the verb ends with a text."""
    last = [param.name for param in verb.params if param.param_type_name == "argument"][-1:]
    if last != ["text"]:
        return words
    count = sum(param.param_type_name == "argument" for param in verb.params)
    if len(words) <= count or any(word.startswith("-") for word in words[: count - 1]):
        return words
    options = next((at for at, word in enumerate(words) if word.startswith("--")), len(words))
    if options < count:
        return words
    return [*words[: count - 1], " ".join(words[count - 1 : options]), *words[options:]]


def _first_line(verb: Any) -> str:
    told = verb.help or verb.callback.__doc__ or ""
    return str(told).strip().split("\n", maxsplit=1)[0]


def _page(name: str, verb: Any) -> Iterator[str]:
    arguments = [p for p in verb.params if p.param_type_name == "argument"]
    words = " ".join(str(p.metavar or p.name.upper()) for p in arguments)
    yield f"{name} {words}".rstrip()
    yield _first_line(verb)
    for param in verb.params:
        if param.name == "run":
            continue  # it is this one
        shown = str(param.metavar or param.name.upper())
        if param.param_type_name != "argument":
            value = "" if param.is_flag else f" {shown}"
            shown = ", ".join(f"{opt}{value}" for opt in param.opts)
        yield f"  {shown}: {param.help}"
    for below, each in getattr(verb, "commands", {}).items():
        yield f"  {name} {below}: {_first_line(each)}"


__all__ = ["Verbs", "split"]
