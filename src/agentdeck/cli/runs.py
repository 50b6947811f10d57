"""Verbs about runs as a whole: list, picture, clean."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from agentdeck.cli.output import in_terminal, note, print_error, safe, say, say_json, table
from agentdeck.cli.place import JsonOption, RunArgument, chosen_run
from agentdeck.cli.templates import FormatOption, exclusive, print_rows
from agentdeck.control.runs import RunFolder, RunSummary, list_runs, runs_root
from agentdeck.core.errors import EXIT_FAILED, EXIT_OK, DeckError, RefusedError, UsageError

SMALLEST: Final = (40, 10)  # cells of a picture
LARGEST: Final = (1_000, 1_000)


about_runs = typer.Typer(
    name="runs",
    help="List the runs on this machine; mend the journal of one.",
    invoke_without_command=True,
    no_args_is_help=False,
)


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    from agentdeck.cli.repairing import repair

    about_runs.callback()(runs)
    about_runs.command()(repair)
    app.add_typer(about_runs, rich_help_panel="Runs")
    app.command(rich_help_panel="Runs")(clean)
    app.command(rich_help_panel="Look")(snapshot)


def runs(context: typer.Context, template: FormatOption = None, as_json: JsonOption = False) -> int:
    """List the runs on this machine, the newest first."""
    if context.invoked_subcommand is not None:
        return EXIT_OK
    exclusive(template, as_json)
    found = list_runs()
    if as_json:
        say_json({"runs": found})
        return EXIT_OK
    if template is not None:
        print_rows(template, RunSummary.__struct_fields__, found)
        return EXIT_OK
    if not found:
        say("there is no run yet; `agentdeck run PLAN` starts one")
        return EXIT_OK
    rows = [
        (
            run.id,
            run.state,
            f"{run.landed}/{run.tasks}",
            time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started)) if run.started else "",
            run.plan,
            run.checkout or run.problem,
        )
        for run in found
    ]
    table(("RUN", "STATE", "LANDED", "STARTED", "PLAN", "WHERE"), rows, state=1)
    return EXIT_OK


def snapshot(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="Where to: .svg or .txt.")
    ],
    size: Annotated[
        str, typer.Option("--size", metavar="WxH", help="Columns and rows.")
    ] = "120x36",
    at: Annotated[
        int | None,
        typer.Option("--at", metavar="SEQ", min=1, help="After this event; without it the last."),
    ] = None,
    screen: Annotated[str, typer.Option("--screen", help="Which screen.")] = "main",
) -> int:
    """A picture of the control room, made without a terminal."""
    columns, rows = parse_size(size)
    folder = chosen_run(context, run)
    from agentdeck.tui.snapshot import write_snapshot

    write_snapshot(folder, size=(columns, rows), out=out, at=at, screen=screen)
    note(f"written: {out}")
    return EXIT_OK


def parse_size(text: str) -> tuple[int, int]:
    """`120x36` as columns and rows. Raises UsageError."""
    found = re.fullmatch(r"(\d{1,4})[xX×](\d{1,4})", text.strip())
    if found is None:
        raise UsageError(f"--size {text!r} is no size", hint="expected COLUMNSxROWS, as 120x36")
    columns, rows = int(found[1]), int(found[2])
    if not (SMALLEST[0] <= columns <= LARGEST[0] and SMALLEST[1] <= rows <= LARGEST[1]):
        raise UsageError(
            f"--size {columns}x{rows} cannot be drawn",
            hint=f"from {SMALLEST[0]}x{SMALLEST[1]} to {LARGEST[0]}x{LARGEST[1]}",
        )
    return columns, rows


def clean(
    context: typer.Context,
    run: RunArgument = None,
    every: Annotated[bool, typer.Option("--all", help="Every run that has ended.")] = False,
    unlanded: Annotated[
        bool, typer.Option("--unlanded", help="Also work that never landed. It is lost then.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Delete what ended runs left behind, after listing it."""
    if every == (run is not None):
        raise UsageError("name one run, or say --all", hint="`agentdeck runs` lists them")
    folders = (
        [RunFolder(runs_root() / summary.id) for summary in list_runs()]
        if every
        else [chosen_run(context, run)]
    )
    code = EXIT_OK
    for folder in folders:
        try:
            _clean_one(folder, unlanded=unlanded, yes=yes)
        except RefusedError as error:
            if not every:
                raise
            note(f"{folder.run}: {error.message}: left alone")
        except DeckError as error:
            if not every:
                raise
            print_error(f"{folder.run}: {error.message}", error.hint)
            code = EXIT_FAILED
    return code


def _clean_one(folder: RunFolder, *, unlanded: bool, yes: bool) -> None:
    from agentdeck.control import cleaning

    litter = cleaning.litter_of(folder)
    say(f"run {litter.run}:")
    for path in litter.worktrees:
        say(f"  worktree {safe(path)}")
    for left in litter.refs:
        where = f" of {safe(left.repo)}" if left.repo else ""
        say(f"  {'' if left.landed else 'UNLANDED '}{safe(left.ref)}{where} {left.commit[:10]}")
    say(f"  folder {safe(litter.folder)}")
    if litter.unlanded:
        said = "will be LOST" if unlanded else "is kept, and so is the folder"
        say(f"  work that has not landed {said}:")
        for words in litter.unlanded:
            say(f"    {safe(words)}")
    if not yes:
        if not in_terminal(sys.stdin):
            raise UsageError("nothing was deleted: there is nobody to ask", hint="say --yes")
        if not typer.confirm("Delete this?"):
            note("nothing was deleted")
            return
    kept = cleaning.clean(folder, litter, unlanded=unlanded)
    if kept:
        say(f"cleaned, but kept {len(kept)} (--unlanded deletes them too)")
    else:
        say("cleaned")
