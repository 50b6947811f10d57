"""The whole command line as typer knows it: what comes before the verb, and every verb.

Rules: `cli.app` imports this only when there is something to parse; nothing slow is imported here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentdeck import __version__
from agentdeck.cli import (
    accounts,
    adding,
    agents,
    analyze,
    answering,
    budget,
    commands,
    comparing,
    conflicts,
    demo,
    doctor,
    exporting,
    finding,
    forecasting,
    hands,
    importing,
    init,
    inspect,
    looking,
    plan_edit,
    replaying,
    reporting,
    run,
    runs,
    serving,
    simulate,
    taking_back,
)
from agentdeck.cli.place import Place
from agentdeck.core.errors import UsageError

app = typer.Typer(
    name="agentdeck",
    help="A terminal control room for many coding agents working on one plan.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"agentdeck {__version__}")
        raise typer.Exit


@app.callback()
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


for _group in (
    init,
    importing,
    inspect,
    looking,
    conflicts,
    plan_edit,
    analyze,
    forecasting,
    simulate,
    agents,
    run,
    serving,
    commands,
    adding,
    answering,
    hands,
    taking_back,
    budget,
    accounts,
    runs,
    replaying,
    finding,
    exporting,
    reporting,
    comparing,
    demo,
    doctor,
):
    _group.register(app)
