"""The manual page `docs/agentdeck.1`, made from the command line itself.

Rules: `python -m agentdeck.cli.man_page > docs/agentdeck.1` writes it anew, and a test compares. It
travels in the wheel, so that `man agentdeck` finds it where pip puts data of programs. It names no
date: the same code makes the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import typer

from agentdeck import __version__
from agentdeck.cli.line import command_line
from agentdeck.cli.reference import EXIT_CODES, whole_verbs

_HEAD: Final = """\
.\\" Made by `python -m agentdeck.cli.man_page`; change the code, not this page.
.TH AGENTDECK 1 "" "agentdeck {version}" "User Commands"
.SH NAME
agentdeck \\- a control room for many coding agents working on one plan
.SH SYNOPSIS
.B agentdeck
.RB [ \\-C
.IR DIR ]
.I VERB
.RI [ ARGUMENT \\&...]
.SH DESCRIPTION
A plan is a dependency graph of coding tasks. agentdeck runs every task that may run, each in a
process and a git worktree of its own, with any agent that has a command line. Finished work is
proven, gated on the exact commit that would land, and landed without touching your checkout.
.PP
Where a run can be named, it is by its id or how that begins; without it the newest run of the
repository you are in is meant. Results go to stdout, everything else to stderr.
.SH OPTIONS
"""
_ENVIRONMENT: Final = {
    "AGENTDECK_PLAIN": "1: lines in place of the control room, always.",
    "AGENTDECK_ASCII": "1: draw with signs of ASCII alone.",
    "AGENTDECK_LOG": "debug, info, warning or error: how much an engine writes down.",
    "AGENTDECK_NO_TOUR": "1: the first control room begins without its tour.",
    "NO_COLOR, FORCE_COLOR": "No colours; colours in plain mode.",
    "VISUAL, EDITOR": "Your editor.",
    "XDG_STATE_HOME, XDG_CONFIG_HOME": "Where runs are kept; where your own files are.",
}
_FILES: Final = {
    "plan.toml": "A plan; `agentdeck init` writes one.",
    "~/.config/agentdeck/": "deck.toml, keys.toml, themes/, agents/; `agentdeck config path`.",
    "~/.local/state/agentdeck/runs/": "A folder for each run; `agentdeck clean` empties it.",
}
_SIGNS: Final = str.maketrans({"\\": "\\e", "-": "\\-", "`": "\\(ga", '"': "\\(dq"})
_FOOT: Final = """\
.SH SEE ALSO
.BR git (1),
.BR git\\-worktree (1)
"""


def as_roff() -> str:
    """The whole page."""
    command: Any = typer.main.get_command(command_line())
    parts = [_HEAD.format(version=__version__), *_options(command), ".SH VERBS\n"]
    for name, verb in whole_verbs(command):
        parts += _verb(name, verb)
    parts.append(".SH EXIT STATUS\n")
    parts += [_row(str(code), meaning) for code, meaning in sorted(EXIT_CODES.items())]
    for title, rows in (("ENVIRONMENT", _ENVIRONMENT), ("FILES", _FILES)):
        parts.append(f".SH {title}\n")
        parts += [_row(name, meaning) for name, meaning in rows.items()]
    return "".join([*parts, _FOOT])


def _verb(name: str, verb: Any) -> Iterator[str]:
    arguments = [p for p in verb.params if p.param_type_name == "argument"]
    words = " ".join(str(p.metavar or p.name.upper()) for p in arguments)
    yield f'.SS "agentdeck {_text(f"{name} {words}".strip())}"\n'
    told = verb.callback.__doc__ if hasattr(verb, "commands") else verb.help
    for number, paragraph in enumerate(re.split(r"\n\s*\n", (told or "").strip())):
        yield (".PP\n" if number else "") + _text(" ".join(paragraph.split())) + "\n"
    for argument in arguments:
        yield _row(str(argument.metavar or argument.name.upper()), argument.help or "")
    yield from _options(verb)


def _options(verb: Any) -> Iterator[str]:
    for param in verb.params:
        if param.param_type_name != "argument":
            value = "" if param.is_flag else f" {param.metavar or param.name.upper()}"
            names = ", ".join(f"{option}{value}" for option in (*param.opts, *param.secondary_opts))
            yield _row(names, param.help or "")


def _row(name: str, meaning: str) -> str:
    return f".TP\n.B {_text(name)}\n{_text(meaning)}\n"


def _text(text: str) -> str:
    """Text as roff reads it: nothing of it is a request, and a hyphen can be copied."""
    found = text.translate(_SIGNS)
    return f"\\&{found}" if found.startswith((".", "'")) else found


__all__ = ["as_roff"]


if __name__ == "__main__":
    print(as_roff(), end="")
