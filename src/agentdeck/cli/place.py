"""Where a command line acts: the folder of `-C`, and the run that is meant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from agentdeck.control.runs import RunFolder, resolve_run, runs_root


@dataclass(frozen=True, slots=True)
class Place:
    """What the options before the verb say."""

    folder: Path


def folder_of(context: typer.Context) -> Path:
    """The folder that the verb acts in."""
    place = context.obj
    return place.folder if isinstance(place, Place) else Path.cwd()


def chosen_run(context: typer.Context, name: str | None) -> RunFolder:
    """The run that was named, or the newest of this repository. Raises NotFoundError."""
    return resolve_run(name, folder_of(context))


def complete_run(incomplete: str) -> list[str]:
    """Ids of runs that begin so, for the shell."""
    folder = runs_root()
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.name.startswith(incomplete))


RunOption = Annotated[
    str | None,
    typer.Option(
        "--run",
        metavar="RUN",
        help="Which run: its id, or how that begins. Without it: the newest of this repository.",
        autocompletion=complete_run,
    ),
]
RunArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[RUN]",
        help="A run's id, or how that begins. Without it: the newest of this repository.",
        autocompletion=complete_run,
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
