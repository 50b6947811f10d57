"""The whole command line as typer knows it: what comes before the verb, and every verb.

Rules: `cli.app` imports this only when there is something to parse; nothing slow is imported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Final

import typer

from agentdeck import __version__
from agentdeck.cli.place import Place
from agentdeck.core.errors import UsageError

# Which module has which verbs, in the order of the help. A line needs only the module of its verb:
# to import all of them takes longer than most verbs do.
MODULES: Final[dict[str, tuple[str, ...]]] = {
    "init": ("init",),
    "importing": ("import",),
    "inspect": ("check", "show", "status", "why", "logs", "diff"),
    "looking": ("tasks", "task", "queue", "inbox"),
    "conflicts": ("conflicts",),
    "pools": ("pools",),
    "plan_edit": ("replan", "plan"),
    "analyze": ("analyze",),
    "forecasting": ("forecast",),
    "simulate": ("simulate",),
    "agents": ("agents",),
    "skills": ("skills",),
    "run": ("run", "attach"),
    "serving": ("serve",),
    "mcp_server": ("mcp",),
    "commands": (
        *("pause", "resume", "retry", "skip", "unskip", "approve", "merge", "hold", "release"),
        *("stop", "move", "drop", "accept", "deny", "steer", "limit", "promote", "end"),
    ),
    "adding": ("add",),
    "answering": ("answer", "permissions"),
    "hands": ("take-over", "hand-back"),
    "taking_back": ("revert", "bisect"),
    "budget": ("budget",),
    "accounts": ("accounts",),
    "hooks": ("hooks",),
    "tracker": ("tracker",),
    "runs": ("clean", "snapshot", "runs"),
    "replaying": ("replay",),
    "finding": ("find",),
    "exporting": ("export",),
    "reporting": ("report", "gates"),
    "comparing": ("compare",),
    "demo": ("demo",),
    "doctor": ("doctor",),
    "debugging": ("debug",),
    "bridging": ("bridge",),
    "metrics": ("metrics",),
    "rpc": ("rpc",),
    "tracing": ("traces",),
    "config": ("config",),
    "completions": ("completions",),
    "schema": ("schema",),
}
_MODULE_OF: Final = {verb: module for module, verbs in MODULES.items() for verb in verbs}


def command_line(words: Sequence[str] | None = None) -> typer.Typer:
    """The command line with every verb, or with what a line of these words needs of it."""
    app = typer.Typer(
        name="agentdeck",
        help="A terminal control room for many coding agents working on one plan.",
        no_args_is_help=True,
        add_completion=False,  # `completions` has faster ones
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_everything)
    module = _MODULE_OF.get(_verb_of(words)) if words is not None else None
    for name in MODULES if module is None else (module,):
        import_module(f"agentdeck.cli.{name}").register(app)
    return app


def verbs() -> frozenset[str]:
    """The first word of every verb."""
    return frozenset(_MODULE_OF)


def is_known(words: Sequence[str]) -> bool:
    """Can typer make something of the line as it is: a verb, or an option before one?"""
    verb = _verb_of(words)
    return verb in _MODULE_OF or not verb or verb.startswith("-")


def _verb_of(words: Sequence[str]) -> str:
    """The verb of a line, where it is plain to see; else empty: whoever parses it will say."""
    at = 2 if words[:1] == ["-C"] else 0
    return words[at] if at < len(words) else ""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"agentdeck {__version__}")
        raise typer.Exit


def _everything(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Option("-C", metavar="DIR", help="Act as if started in this folder.")
    ] = Path(),
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Say which version."),
    ] = False,
) -> None:
    del version  # its callback has answered
    if not folder.is_dir():
        raise UsageError(f"-C {folder}: there is no such folder")
    context.obj = Place(folder.resolve())
