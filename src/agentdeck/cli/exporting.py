"""`export`: a run as other tools and people read it.

Rules: what is exported follows from the journal alone, so a run that has ended gives the same bytes
each time. A file is written whole, or not at all, and one that is there is replaced.
"""

from __future__ import annotations

import os
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from agentdeck.cli.output import note, safe, say
from agentdeck.cli.place import RunArgument, chosen_run, folder_of
from agentdeck.control.runs import fold_run, summary_of
from agentdeck.core.errors import EXIT_OK, UsageError
from agentdeck.core.state import RunState


class ExportAs(StrEnum):
    """What a run can be exported as."""

    PROGRESS = "progress"
    TASKS_JSON = "tasks-json"
    PLAN = "plan"
    CSV = "csv"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("export", rich_help_panel="Runs")(export)


def export(
    context: typer.Context,
    run: RunArgument = None,
    form: Annotated[
        ExportAs,
        typer.Option(
            "--as",
            help="A page for people, a tasks.json, the plan as it is, or a row for each attempt.",
        ),
    ] = ExportAs.PROGRESS,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write it here, not to stdout."),
    ] = None,
) -> int:
    """Write how a run stands: as PROGRESS.md, as a tasks.json, as its plan, or as CSV."""
    folder = chosen_run(context, run)
    here = folder_of(context)
    state = fold_run(folder)
    alive = summary_of(folder, state).engine
    now = time.time() if alive else state.at
    text = _text(state, form, now, here if out is None else (here / out).parent)
    if out is None:
        say(text.removesuffix("\n"))
        return EXIT_OK
    place = here / out
    if place.is_dir():
        raise UsageError(f"{out} is a folder", hint="name a file in it")
    from agentdeck.control.rewrite import write_file

    write_file(place, text.encode())
    note(f"wrote {safe(str(out))}")
    return EXIT_OK


def _text(state: RunState, form: ExportAs, now: float, folder: Path) -> str:
    from agentdeck.control.redaction import known_secrets, redacted, redacted_json
    from agentdeck.plans.writeback.exports import progress_md, tasks_json

    known = known_secrets(state.plan)
    if form is ExportAs.PROGRESS:
        return redacted(progress_md(state, now), known)
    if form is ExportAs.TASKS_JSON:
        return redacted_json(tasks_json(state), known)
    if form is ExportAs.CSV:
        from agentdeck.plans.reporting.attempts_csv import attempts_csv

        return redacted(attempts_csv(state, now), known)
    from agentdeck.plans.writer import write_plan

    plan = state.plan
    if plan.source is not None:  # a run keeps it below the checkout, a plan file beside itself
        source = os.path.relpath(Path(state.checkout) / plan.source, os.path.realpath(folder))
        plan = msgspec.structs.replace(plan, source=Path(source).as_posix())
    return write_plan(plan)
