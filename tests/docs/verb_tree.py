"""Does the command line have such a verb, with such options and arguments?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import typer

from agentdeck.cli.line import command_line


class UnknownError(Exception):
    """The command line has nothing like that."""


@cache
def _tree() -> Any:
    return typer.main.get_command(command_line())


def parse(words: Sequence[str], *, whole: bool) -> str:
    """The name of the verb of a line, such as `plan add`.

    Args:
        words: what stands behind `agentdeck`.
        whole: the line is to be typed as it is; else arguments may be missing.

    Raises:
        UnknownError: verb, option, or number of arguments.
    """
    command, name, rest = _tree(), "", list(words)
    if rest[:1] == ["-C"]:
        rest = rest[2:]
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        if rest[0] not in command.commands:
            raise UnknownError(f"there is no verb `{name}{rest[0]}`")
        name += f"{rest[0]} "
        command = command.commands[rest.pop(0)]
    if whole and hasattr(command, "commands") and not (command.invoke_without_command or rest):
        raise UnknownError(f"`{name}` wants a verb behind it")
    context = command.context_class(command, info_name=name, resilient_parsing=True)
    try:
        found, left, _ = command.make_parser(context).parse_args(rest)
    except Exception as error:
        raise UnknownError(f"{name}: {error}") from error
    if left:
        raise UnknownError(f"{name}: nothing takes {left}")
    missing = [p.name for p in command.params if p.required and found.get(p.name) in (None, ())]
    if whole and missing and "help" not in found:
        raise UnknownError(f"{name}: {', '.join(missing)} is missing")
    return name.strip()
