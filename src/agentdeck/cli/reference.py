"""The page `docs/cli.md`, made from the command line itself: `python -m agentdeck.cli.reference`.

A test compares the page with this, so it cannot go stale.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import typer

from agentdeck.cli.app import EXIT_CRASH
from agentdeck.cli.line import command_line
from agentdeck.core import errors

EXIT_CODES: Final = {
    errors.EXIT_OK: "done; for `run --headless`: all that should land has landed",
    errors.EXIT_FAILED: "something failed, or the run was ended before all had landed",
    errors.EXIT_USAGE: "a bad plan, argument or configuration",
    errors.EXIT_NOT_FOUND: "no such run, task, attempt, log or file",
    errors.EXIT_REFUSED: "the command cannot be carried out in the present state",
    errors.EXIT_ENVIRONMENT: "the machine is at fault: git, disk, rights, no engine or another one",
    errors.EXIT_NEEDS_PERSON: "a headless run, or a promotion, waits for a person",
    errors.EXIT_DAMAGED: "the journal of the run is damaged; `agentdeck runs repair` mends it",
    EXIT_CRASH: "a fault of agentdeck itself; a crash log was written and is named",
    errors.EXIT_INTERRUPTED: "interrupted (Ctrl-C); agents live on",
}

_HEAD: Final = """\
# The command line

<!-- Made by `python -m agentdeck.cli.reference`; change the code, not this page. -->

`agentdeck VERB …`. Where a run can be named, it is by its id or how that begins; without it the
newest run of the repository you are in is meant. Results go to stdout, everything else to stderr.
An error is one message with what to do next. `NO_COLOR` is honoured.

In the deck, `:` takes the verbs that act on a run, in the same words and without `--run`; there `.`
is the selected task and `marked` are the marked ones.

`agentdeck --install-completion` installs completion for your shell.
"""


def markdown() -> str:
    """The whole page."""
    command: Any = typer.main.get_command(command_line())
    parts = [_HEAD, "## Before the verb\n", _options(command), "## Exit status\n", _exit_codes()]
    parts.append("## Verbs\n")
    parts += [_verb(name, verb) for name, verb in _verbs(command)]
    return "\n".join(parts).rstrip() + "\n"


def verb_names() -> list[str]:
    """Every verb with its whole name, such as `agentdeck plan add`."""
    command: Any = typer.main.get_command(command_line())
    return [f"agentdeck {name}" for name, _ in _verbs(command)]


def _verbs(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every verb with its whole name, those of a group one by one."""
    for name, verb in group.commands.items():
        if hasattr(verb, "commands"):
            if verb.invoke_without_command:
                yield before + name, verb
            yield from _verbs(verb, f"{name} ")
        else:
            yield before + name, verb


def _exit_codes() -> str:
    rows = [f"| {code} | {meaning} |" for code, meaning in sorted(EXIT_CODES.items())]
    return "\n".join(["| status | means |", "| --- | --- |", *rows, ""])


def _verb(name: str, verb: Any) -> str:
    arguments = [p for p in verb.params if p.param_type_name == "argument"]
    words = " ".join(_metavar(argument) for argument in arguments)
    usage = f"agentdeck {name} {words}".rstrip()
    told = verb.callback.__doc__ if hasattr(verb, "commands") else verb.help
    return f"### `{usage}`\n\n{told}\n\n{_options(verb)}"


def _options(verb: Any) -> str:
    rows = []
    for param in verb.params:
        if param.param_type_name == "argument":
            rows.append(f"- `{_metavar(param)}`: {param.help}")
        elif param.name not in ("install_completion", "show_completion"):
            value = "" if param.is_flag else f" {param.metavar or param.name.upper()}"
            names = ", ".join(f"`{opt}{value}`" for opt in (*param.opts, *param.secondary_opts))
            rows.append(f"- {names}: {param.help}")
    return "\n".join([*rows, ""]) if rows else ""


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


if __name__ == "__main__":
    print(markdown(), end="")
