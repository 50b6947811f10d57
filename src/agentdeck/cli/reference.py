"""The pages `docs/cli.md` and `docs/exit-codes.md`, made from the command line itself.

`python -m agentdeck.cli.reference` writes the first, with `exit-codes` behind it the second. Tests
compare the pages with this, so they cannot go stale.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Final

import typer

from agentdeck.cli.app import EXIT_CRASH, EXIT_PIPE
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
    EXIT_PIPE: "who read the output went away, as `head` does; nothing is wrong",
}
# What a script, or somebody in front of it, does next.
_NEXT: Final = {
    errors.EXIT_OK: "go on",
    errors.EXIT_FAILED: "`agentdeck status` names what failed and why; `retry`, `skip` or `end`",
    errors.EXIT_USAGE: "mend the line or the file that is named, with the hint below it",
    errors.EXIT_NOT_FOUND: "`agentdeck runs` and `agentdeck tasks` list what there is",
    errors.EXIT_REFUSED: "the message says what has to hold first; `agentdeck why TASK`",
    errors.EXIT_ENVIRONMENT: "`agentdeck doctor`; the same line again when it is mended",
    errors.EXIT_NEEDS_PERSON: "`agentdeck inbox`; then `agentdeck run --resume --headless`",
    errors.EXIT_DAMAGED: "`agentdeck runs repair RUN`, see [runbooks](runbooks.md)",
    EXIT_CRASH: "report it, with the crash log; a run goes on without the command line",
    errors.EXIT_INTERRUPTED: "`agentdeck attach` comes back to the run",
    EXIT_PIPE: "nothing",
}
_EXIT_HEAD: Final = """\
# Exit statuses

<!-- Made by `python -m agentdeck.cli.reference exit-codes`; change the code, not this page. -->

Every verb ends with one of these. They are part of what scripts may count on: a number does not
change its meaning within a major version ([versions](versions.md)).

| status | means | next |
| --- | --- | --- |
"""
_EXIT_FOOT: Final = """
`agentdeck run --headless` ends with 0 when all that should land has landed, with 1 when something
failed or the run was ended before, and with 6 when nothing can go on without a person. An engine
that is not there is 5, a line that a run of this state does not take is 4.

What the gates and hooks of a plan end with is theirs: a gate is green with 0 and red with anything
else; one that was killed by signal 9 (137) has judged nothing and runs again.
"""

_HEAD: Final = """\
# The command line

<!-- Made by `python -m agentdeck.cli.reference`; change the code, not this page. -->

`agentdeck VERB …`. Where a run can be named, it is by its id or how that begins; without it the
newest run of the repository you are in is meant. Results go to stdout, everything else to stderr.
An error is one message with what to do next. `NO_COLOR` is honoured.

In the deck, `:` takes the verbs that act on a run, in the same words and without `--run`; there `.`
is the selected task and `marked` are the marked ones.

`agentdeck completions bash` (or zsh, fish) prints completion for your shell; `man agentdeck` has
this page. A word of your own for a line that you type often is an [alias](settings.md#aliases).
"""


def markdown() -> str:
    """The whole page."""
    command: Any = typer.main.get_command(command_line())
    parts = [_HEAD, "## Before the verb\n", _options(command), "## Exit status\n", _exit_codes()]
    parts.append("## Verbs\n")
    parts += [_verb(name, verb) for name, verb in whole_verbs(command)]
    return "\n".join(parts).rstrip() + "\n"


def exit_codes_page() -> str:
    """The page of exit statuses."""
    rows = [f"| {code} | {EXIT_CODES[code]} | {_NEXT[code]} |\n" for code in sorted(EXIT_CODES)]
    return _EXIT_HEAD + "".join(rows) + _EXIT_FOOT


def verb_names() -> list[str]:
    """Every verb with its whole name, such as `agentdeck plan add`."""
    command: Any = typer.main.get_command(command_line())
    return [f"agentdeck {name}" for name, _ in whole_verbs(command)]


def whole_verbs(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every verb of a command line with its whole name, those of a group one by one."""
    for name, verb in group.commands.items():
        if hasattr(verb, "commands"):
            if verb.invoke_without_command:
                yield before + name, verb
            yield from whole_verbs(verb, f"{name} ")
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
        else:
            value = "" if param.is_flag else f" {param.metavar or param.name.upper()}"
            names = ", ".join(f"`{opt}{value}`" for opt in (*param.opts, *param.secondary_opts))
            rows.append(f"- {names}: {param.help}")
    return "\n".join([*rows, ""]) if rows else ""


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


if __name__ == "__main__":
    print(exit_codes_page() if sys.argv[1:] == ["exit-codes"] else markdown(), end="")
