"""Where a command line acts: the folder of `-C`, the run that is meant, and how it stands.

Rules:
- A run is as its journal tells it now, unless a moment of it is looked at (a replay).
- Of a damaged journal what is sound is looked at, and what is wrong is said on stderr first.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import typer

from agentdeck.cli.output import print_error
from agentdeck.control.runs import (
    RunFolder,
    RunSummary,
    fold_sound,
    resolve_run,
    summary_of,
)
from agentdeck.control.words import RunWord
from agentdeck.core.errors import EXIT_OK
from agentdeck.core.state import RunState


@dataclass(frozen=True, slots=True)
class Place:
    """What the options before the verb say, or who sits in front of one run says once."""

    folder: Path
    run: RunFolder | None = None  # meant where none is named
    moment: RunState | None = None  # of that run; None = as it is now


class LookedAt(NamedTuple):
    """A run as somebody looks at it."""

    folder: RunFolder
    state: RunState
    summary: RunSummary
    now: float  # seconds since the epoch; where no engine answers, that of the last event
    code: int = EXIT_OK  # the exit status of a verb that has nothing more to say


def folder_of(context: typer.Context) -> Path:
    """The folder that the verb acts in."""
    place = context.obj
    return place.folder if isinstance(place, Place) else Path.cwd()


def chosen_run(context: typer.Context, name: str | None) -> RunFolder:
    """The run that was named, or the newest of this repository. Raises NotFoundError."""
    place = context.obj
    if name is None and isinstance(place, Place) and place.run is not None:
        return place.run
    return resolve_run(name, folder_of(context))


def looked_at(context: typer.Context, name: str | None) -> LookedAt:
    """The run that was named, or the one that is meant, and how it stands.

    Raises:
        NotFoundError: there is no such run.
        JournalError: nothing of it can be read.
    """
    folder, place = chosen_run(context, name), context.obj
    if name is None and isinstance(place, Place) and place.moment is not None:
        past = place.moment
        return LookedAt(folder, past, summary_of(folder, past, alive=past.engine_running), past.at)
    state, fault = fold_sound(folder)
    summary = summary_of(folder, state)
    if fault is not None:
        print_error(fault.message, fault.hint)
        summary = msgspec.structs.replace(summary, state=RunWord.DAMAGED, problem=fault.message)
    now = time.time() if summary.engine else state.at
    return LookedAt(folder, state, summary, now, fault.exit_code if fault is not None else EXIT_OK)


RunOption = Annotated[
    str | None,
    typer.Option(
        "--run",
        metavar="RUN",
        help="Which run: its id, or how that begins. Without it: the newest of this repository.",
    ),
]
RunArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[RUN]",
        help="A run's id, or how that begins. Without it: the newest of this repository.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
PlainOption = Annotated[
    bool,
    typer.Option(
        "--plain",
        help="Lines and commands in place of the control room: for screen readers and dumb "
        "terminals. Also with AGENTDECK_PLAIN=1.",
    ),
]
AsciiOption = Annotated[
    bool,
    typer.Option(
        "--ascii",
        help="Draw the control room with signs of ASCII alone. Also with AGENTDECK_ASCII=1.",
    ),
]
