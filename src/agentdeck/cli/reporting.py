"""`report` and `gates`: what a run has proven, for those who review it.

Rules: both follow from the journals alone; nothing is started. A page for a browser is never poured
into a terminal.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from agentdeck.cli.output import in_terminal, json_text, note, safe, say, say_json, table
from agentdeck.cli.place import JsonOption, RunOption, chosen_run, folder_of
from agentdeck.core.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from agentdeck.control.card_notes import NotesWritten
    from agentdeck.control.reporting import GatesTold
    from agentdeck.control.runs import RunFolder
    from agentdeck.plans.reporting.gate_history import GateLine
    from agentdeck.plans.reporting.pictures import Picture
    from agentdeck.plans.reporting.report import Report

PICTURE: Final = (120, 36)  # columns and rows: read on a page, and on paper
HEADS: Final = (
    *("GATE", "WHEN", "RUNS", "PASSED", "RATE", "FLAKY", "BROKEN", "MEDIAN", "P95", "LONGEST"),
    *("TIMEOUT", "LAST RED"),
)


class ReportAs(StrEnum):
    """The forms of a report."""

    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


_BY_SUFFIX: Final = {
    ".html": ReportAs.HTML,
    ".htm": ReportAs.HTML,
    ".json": ReportAs.JSON,
    ".md": ReportAs.MARKDOWN,
}


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(rich_help_panel="Look")(report)
    app.command(rich_help_panel="Look")(gates)


def report(
    context: typer.Context,
    run: RunOption = None,
    form: Annotated[
        ReportAs | None,
        typer.Option(
            "--format",
            help="Without it: as the name of FILE says, or Markdown.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write it here, not to stdout."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write over a FILE that is no report.")
    ] = False,
    pictures: Annotated[
        list[str] | None,
        typer.Option(
            "--picture",
            metavar="SCREEN",
            help="A picture of the deck in it: main, timeline, spending …; may be said again.",
        ),
    ] = None,
    notes: Annotated[
        bool,
        typer.Option("--notes", help="Write the evidence as git notes on the commits instead."),
    ] = False,
) -> int:
    """What a run has done, task by task, with what proves it and how to take it back."""
    from agentdeck.control.redaction import known_secrets, redacted_data
    from agentdeck.control.reporting import told_of
    from agentdeck.plans.reporting.report import report_of

    if notes and (form is not None or out is not None):
        raise UsageError("--notes writes git notes, and no report", hint="do one after the other")
    folder = chosen_run(context, run)
    told = told_of(folder)
    if notes:
        from agentdeck.control.card_notes import write_notes

        return _say_notes(write_notes(told))
    if pictures and (out is None or form is ReportAs.JSON or out.suffix.lower() == ".json"):
        hint = "-o report.html has them in it, -o report.md beside it"
        raise UsageError("pictures stand in a page, or beside a file of Markdown", hint=hint)
    form = form or _BY_SUFFIX.get(out.suffix.lower() if out else "", ReportAs.MARKDOWN)
    if out is None and form is ReportAs.HTML and in_terminal():
        raise UsageError("a page is for a browser", hint="-o report.html writes it into a file")
    found = redacted_data(report_of(told), known_secrets(told.state.plan))
    shown = _pictures(folder, pictures or [], known_secrets(told.state.plan))
    text = _text(found, form, shown, out)
    if out is None:
        for line in text.splitlines():
            say(safe(line) if in_terminal() else line)
        return EXIT_OK
    from agentdeck.control.report_file import write_picture, write_report

    place = folder_of(context) / out
    write_report(place, text, force=force)
    note(f"wrote {safe(str(out))}")
    if form is ReportAs.MARKDOWN:
        for picture in shown:
            beside = _beside(place, picture)
            write_picture(beside, picture)
            note(f"wrote {safe(beside.name)}")
    return EXIT_OK


def _pictures(folder: RunFolder, screens: list[str], known: Mapping[str, str]) -> list[Picture]:
    """The screens as they are at the end of the journal, without secrets."""
    if not screens:
        return []
    from agentdeck.control.redaction import redacted
    from agentdeck.plans.reporting.pictures import drawn
    from agentdeck.tui.snapshot import picture_of

    found = []
    for screen in dict.fromkeys(screens):
        svg = picture_of(folder, size=PICTURE, screen=screen)
        found.append(drawn(screen, redacted(svg, known)))
    return found


def _beside(place: Path, picture: Picture) -> Path:
    return place.with_name(f"{place.stem}-{picture.screen}.svg")


def gates(
    context: typer.Context,
    run: RunOption = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Over all runs of this repository, the newest 50.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """How each gate has done: how often it passed, how long it takes, and why it was last red."""
    from agentdeck.control.reporting import gates_of_repo, gates_of_run

    if everything and run is not None:
        raise UsageError("--run names one run, and --all means every one")
    told = gates_of_repo(folder_of(context)) if everything else None
    if told is None or not (told.runs or told.unreadable):
        told = gates_of_run(chosen_run(context, run))
    if as_json:
        say_json(told)
        return EXIT_OK
    _print_gates(told)
    return EXIT_OK


def _text(found: Report, form: ReportAs, pictures: list[Picture], out: Path | None) -> str:
    if form is ReportAs.JSON:
        return json_text(found) + "\n"
    if form is ReportAs.HTML:
        from agentdeck.plans.reporting.page import page

        return page(found, pictures)
    from agentdeck.plans.reporting.markdown import markdown

    files = {} if out is None else {each.title: _beside(out, each).name for each in pictures}
    return markdown(found, files)


def _print_gates(told: GatesTold) -> None:
    if told.gates:
        table(HEADS, [_cells(line) for line in told.gates])
    else:
        say("there is no gate in the plan")
    for line in told.gates:
        red = line.last_red
        said = [text for text in (red.limit, red.last_line) if text] if red is not None else []
        if red is not None and said:
            say(f"{safe(line.gate)}: {safe('; '.join(said))}")
            say(f"  {safe(red.log)} of run {safe(red.run)}")
    if told.left_out:
        many = "run was" if told.left_out == 1 else "runs were"
        note(f"{told.left_out} older {many} not looked at")
    for name in told.cut:
        note(f"of run {safe(name)} only the beginning was read")
    for name in told.unreadable:
        note(f"run {safe(name)} cannot be read; it is left out")


def _cells(line: GateLine) -> tuple[str, ...]:
    from agentdeck.plans.reporting import wording

    red = line.last_red
    return (
        line.gate,
        ", ".join(line.when),
        str(line.runs),
        str(line.passed),
        "" if line.pass_rate is None else f"{line.pass_rate:.0%}",
        str(line.flaky),
        str(line.broken),
        "" if line.median_s is None else wording.duration(line.median_s),
        "" if line.p95_s is None else wording.duration(line.p95_s),
        "" if line.longest_s is None else wording.duration(line.longest_s),
        f"{wording.duration(line.timeout_s)} {line.timeout_from}",
        "" if red is None else f"{wording.moment(red.at)} {red.task or 'merged'}",
    )


def _say_notes(written: NotesWritten) -> int:
    from agentdeck.control.card_notes import REF

    say(
        f"notes of refs/notes/{REF}: {len(written.written)} written, "
        f"{len(written.unchanged)} as they were"
    )
    for commit in written.foreign:
        note(f"{commit[:12]} has a note of somebody else's there, which stays")
    for commit in written.gone:
        note(f"{commit[:12]} is not in the repository any more")
    return EXIT_OK
