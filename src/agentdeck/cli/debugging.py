"""`debug bundle`: what somebody else needs to understand a run, in one redacted archive."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from agentdeck.cli.output import note, safe, say, say_json, table
from agentdeck.cli.place import JsonOption, RunArgument, chosen_run, folder_of
from agentdeck.core.errors import EXIT_OK

about_debugging = typer.Typer(
    name="debug", help="For whoever has to find out what went wrong.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    about_debugging.callback()(_debugging)
    about_debugging.command()(bundle)
    app.add_typer(about_debugging, rich_help_panel="Help")


def _debugging() -> None:
    """For whoever has to find out what went wrong."""


def bundle(
    context: typer.Context,
    run: RunArgument = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Without it: RUN-debug-TIME.tar.gz."),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Put journal, logs, versions, configuration and refs of a run into one redacted archive."""
    from agentdeck.control.bundle import write_bundle

    folder = chosen_run(context, run)
    name = f"{folder.run}-debug-{time.strftime('%Y%m%d-%H%M%S')}.tar.gz"
    place = folder_of(context) / (out or name)
    parts = write_bundle(folder, place)
    if as_json:
        say_json({"run": folder.run, "file": str(place), "parts": parts})
        return EXIT_OK
    table(("IN IT", "BYTES"), [(part.name, f"{part.bytes}") for part in parts])
    say(f"written: {safe(str(place))} ({place.stat().st_size:,} bytes, for you alone)")
    note("values that look like keys were cut out; look through it before you give it away")
    return EXIT_OK


__all__ = ["register"]
