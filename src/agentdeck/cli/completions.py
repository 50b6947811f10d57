"""`completions`: what a shell needs to complete lines of agentdeck.

Rules:
- A script holds every verb and option, so only a value (a run, a task, an agent) starts Python, and
  that by `completion_values`, without typer. A script is of the version that printed it.
- What a word may be is told by its metavar and type; what nothing is known of has no completion.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, get_args, get_type_hints

import typer

from agentdeck.core.errors import EXIT_OK


class Shell(StrEnum):
    """Shells that a script can be printed for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


class VerbWords(NamedTuple):
    """What may stand in a line of one verb."""

    name: str  # with its group: `plan add`
    sentence: str
    flags: tuple[str, ...]  # options without a value
    valued: tuple[tuple[str, str], ...]  # options with one, each with its kind
    arguments: tuple[str, ...]  # kinds in order; the last repeats where it ends in +


# By metavar, without brackets and dots; a kind is a name of `completion_values`, `files`, `dirs`,
# `words:A,B`, or `-`: nothing is known.
_BY_METAVAR: Final = {
    **dict.fromkeys(("RUN", "RUN_A", "RUN_B"), "runs"),
    "TASK": "tasks",
    "SCOPE": "scopes",
    **dict.fromkeys(("PLAN", "FILE", "FOLDER"), "files"),
    "DIR": "dirs",
}
_AGENTS: Final = frozenset({"agents show", "agents test", "run --agent"})


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(rich_help_panel="Other")(completions)


def completions(
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> int:
    """Print completion for your shell.

    bash: `agentdeck completions bash > ~/.local/share/bash-completion/completions/agentdeck`.
    zsh: into a file `_agentdeck` in a folder of `$fpath`. fish: into
    `~/.config/fish/completions/agentdeck.fish`. Print it again after an update.
    """
    print(script(shell), end="")
    return EXIT_OK


def script(shell: Shell) -> str:
    """The whole script for a shell."""
    from agentdeck.cli import completion_scripts as scripts

    write = {Shell.BASH: scripts.bash, Shell.ZSH: scripts.zsh, Shell.FISH: scripts.fish}
    return write[shell](all_words())


def all_words() -> list[VerbWords]:
    """Every verb, groups included."""
    from agentdeck.cli.line import command_line

    return list(_words(typer.main.get_command(command_line()), ""))


def _words(command: Any, before: str) -> Iterator[VerbWords]:
    for name, verb in command.commands.items():
        whole = before + name
        yield _of_verb(whole, verb)
        if hasattr(verb, "commands"):
            yield from _words(verb, f"{whole} ")


def _of_verb(name: str, verb: Any) -> VerbWords:
    flags, valued, arguments = ["--help"], list[tuple[str, str]](), list[str]()
    types = get_type_hints(verb.callback) if verb.callback is not None else {}
    for param in verb.params:
        of = types.get(param.name, str)
        if param.param_type_name == "argument":
            arguments.append(_kind(name, param, of) + ("+" if param.nargs == -1 else ""))
        elif param.is_flag:
            flags += [*param.opts, *param.secondary_opts]
        else:
            kind = _kind(f"{name} {param.opts[0]}", param, of)
            valued += [(option, kind) for option in param.opts]
    said = (verb.callback.__doc__ or "") if hasattr(verb, "commands") else verb.help
    first = (getattr(verb, "help", "") or said or "").strip().split("\n")[0].rstrip(".")
    return VerbWords(name, first, tuple(dict.fromkeys(flags)), tuple(valued), tuple(arguments))


def _kind(place: str, param: Any, of: Any) -> str:
    plain = [kind for kind in (*get_args(of), of) if isinstance(kind, type)]
    words = next((kind for kind in plain if issubclass(kind, StrEnum)), None)
    if words is not None:
        return f"words:{','.join(words)}"
    metavar = (param.metavar or param.name.upper()).strip("[].").rstrip(".").strip("[]")
    if place in _AGENTS:
        return "agents"
    if place == "config edit":
        return "config"
    if place == "doctor":
        return "files"
    return _BY_METAVAR.get(metavar, "files" if Path in plain else "-")


__all__ = ["Shell", "VerbWords", "all_words", "register", "script"]
