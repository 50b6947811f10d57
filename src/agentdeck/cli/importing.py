"""`import`: a plan made of somebody's document, and a report of what became of its lines.

Rules: without `-o` the plan is the result and the report goes to stderr; with `-o`, or as JSON, the
report is the result. A file that exists is only replaced when that was asked for, and never half.
"""

from __future__ import annotations

import errno
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from agentdeck.cli.output import in_terminal, note, paint, safe, say, say_json
from agentdeck.cli.place import JsonOption, folder_of
from agentdeck.core.errors import EXIT_OK, EnvironmentFault, UsageError
from agentdeck.core.plan import TrackerKind

if TYPE_CHECKING:
    from agentdeck.plans.imports.draft import Heard, Imported, Remark

MOST_IN_TERMINAL: Final = 30  # remarks of one kind; about a screen
_READABLE: Final = 0o666  # before the umask, as any file that a person makes

Tell = Callable[[str], None]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("import", rich_help_panel="Plans")(import_plan)


def import_plan(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="The document.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="PLAN", help="Write the plan here, not to stdout."),
    ] = None,
    format_name: Annotated[
        str | None,
        typer.Option("--format", metavar="NAME", help="The document's format; else it is found."),
    ] = None,
    issues: Annotated[
        str | None,
        typer.Option(
            "--issues", metavar="LABEL", help="No document: open issues that have this label."
        ),
    ] = None,
    tracker: Annotated[
        TrackerKind, typer.Option("--tracker", help="Where the issues are.")
    ] = TrackerKind.GITHUB,
    repo: Annotated[
        str | None,
        typer.Option("--repo", metavar="OWNER/NAME", help="Whose; else that of this folder."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file of -o if it exists.")
    ] = False,
    write_back: Annotated[
        bool,
        typer.Option(
            "--write-back", help="Have the document, or the issues, kept true while tasks land."
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Also list what was read without a guess.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print no report.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Make a plan of a document or of issues, and say what was guessed and what was left."""
    from agentdeck.plans.imports.detect import plan_text

    if as_json and (quiet or verbose):
        raise UsageError("--json and --quiet or --verbose exclude each other", hint="choose one")
    if force and output is None:
        raise UsageError("--force is for a file", hint="name it with -o")
    if (file is None) == (issues is None):
        hint = "agentdeck import FILE, or agentdeck import --issues LABEL"
        raise UsageError("name a document, or a label with --issues", hint=hint)
    here = folder_of(context)
    if issues is not None:
        named = f"issues labelled {issues}"
        imported = _of_issues(tracker, issues, repo, here, write_back=write_back)
    else:
        named, document = str(file), here / str(file)
        imported = _of_document(named, document, format_name)
        if write_back:
            imported = _with_source(imported, document, here / (output or "plan"))
        if output is not None and _same(document, here / output):
            raise UsageError(f"{output} is the document itself", hint="name another file")
    command = _command(context, file, output)
    text = f"{_header(named, imported, command)}\n{plan_text(imported)}"
    if output is not None:
        _write(here / output, output, text, force=force)
    elif not as_json:
        say(text.removesuffix("\n"))
    if as_json:
        say_json(_as_data(imported))
    elif not quiet:
        _report(named, imported, say if output else note, verbose=verbose)
        if output is not None:
            note(f"wrote {safe(str(output))}; next: `agentdeck check {safe(str(output))}`")
    return EXIT_OK


def _of_document(named: str, path: Path, format_name: str | None) -> Imported:
    from agentdeck.cli.planfile import read_text
    from agentdeck.plans.imports.detect import import_text

    return import_text(read_text(path, Path(named)), file=named, format=format_name)


def _of_issues(
    kind: TrackerKind, label: str, repo: str | None, here: Path, *, write_back: bool
) -> Imported:
    """A plan of issues, with the tracker in it if these are to be written."""
    import msgspec

    from agentdeck.control.issue_list import MAX_ISSUES, issues_text
    from agentdeck.core.plan import Tracker
    from agentdeck.plans.imports.detect import import_text

    text, more = issues_text(kind, label, repo=repo, folder=here)
    if more:
        note(f"there are more than {MAX_ISSUES:,} such issues; the first ones were read")
    imported = import_text(text, file=f"issues labelled {label}", format="issues")
    plan = imported.plan
    tasks = tuple(msgspec.structs.replace(task, line=None) for task in plan.tasks)
    written = Tracker(kind, repo=repo) if write_back else None
    plan = msgspec.structs.replace(plan, tasks=tasks, document=None, tracker=written)
    return msgspec.structs.replace(imported, plan=plan)


class Tally:
    """How much of a document was read, guessed and left.

    Args:
        imported: the plan with its remarks.
    """

    def __init__(self, imported: Imported) -> None:
        from agentdeck.plans.imports.draft import Heard

        self._remarks = imported.remarks
        self.lines_read = self._lines(Heard.READ)
        self.lines_left = self._lines(Heard.LEFT)
        self.guesses = sum(remark.heard is Heard.GUESSED for remark in imported.remarks)

    def _lines(self, heard: Heard) -> int:
        return len({remark.line for remark in self._remarks if remark.heard is heard})


def counted(number: int, one: str, many: str = "") -> str:
    """`1 task`, `2 tasks`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _report(file: str, imported: Imported, tell: Tell, *, verbose: bool) -> None:
    from agentdeck.plans.imports.draft import Heard

    tally = Tally(imported)
    counts = ", ".join(counted(number, word) for word, number in _counts(imported).items())
    tell(
        f"{safe(file)}: read as {imported.format}: {counts};"
        f" {counted(tally.lines_read, 'line')} read,"
        f" {counted(tally.guesses, 'guess', 'guesses')},"
        f" {counted(tally.lines_left, 'line')} left"
    )
    groups = {"guessed": Heard.GUESSED, "left": Heard.LEFT}
    if verbose:
        groups = {"read": Heard.READ, **groups}
    for title, heard in groups.items():
        remarks = [remark for remark in imported.remarks if remark.heard is heard]
        _group(file, title, remarks, tell, whole=verbose)
    if imported.remarks_dropped:
        tell(f"... and {counted(imported.remarks_dropped, 'remark')} more than are kept")


def _group(file: str, title: str, remarks: Sequence[Remark], tell: Tell, *, whole: bool) -> None:
    if not remarks:
        return
    tell(paint(f"{title}:", "bold"))
    person = in_terminal(sys.stdout if tell is say else sys.stderr)
    most = MOST_IN_TERMINAL if person and not whole else len(remarks)
    for remark in remarks[:most]:
        tell(f"  {safe(file)}:{remark.line}: {remark.rule}: {safe(remark.text)}")
    if len(remarks) > most:
        tell(f"  ... and {len(remarks) - most:,} more; -v shows all")


def _counts(imported: Imported) -> dict[str, int]:
    plan = imported.plan
    return {
        "task": len(plan.tasks),
        "phase": len(plan.phases),
        "gate": len(plan.gates),
        "note": len(plan.notes),
        "claim": len(plan.claims),
    }


def _as_data(imported: Imported) -> dict[str, object]:
    counts = {f"{word}s": number for word, number in _counts(imported).items()}
    return {
        "format": imported.format,
        "plan": {"name": imported.plan.name, **counts},
        "remarks": imported.remarks,
        "remarks_dropped": imported.remarks_dropped,
    }


def _with_source(imported: Imported, document: Path, plan: Path) -> Imported:
    """The plan with the place of its document, as the plan file's folder sees it."""
    import msgspec

    from agentdeck.plans.fields import one_line

    source = one_line(Path(os.path.relpath(document, plan.parent)).as_posix())
    kept = msgspec.structs.replace(imported.plan, source=source)
    return msgspec.structs.replace(imported, plan=kept)


def _command(context: typer.Context, file: Path | None, output: Path | None) -> str:
    """The command line again, without what is not about the plan."""
    given = context.params
    words = ["agentdeck", "import", *([str(file)] if file else [])]
    words += ["--format", given["format_name"]] if given["format_name"] else []
    if file is None:
        words += ["--issues", given["issues"], "--tracker", str(given["tracker"])]
        words += ["--repo", given["repo"]] if given["repo"] else []
    words += ["--write-back"] if given["write_back"] else []
    words += ["-o", str(output)] if output else []
    return shlex.join(words)


def _header(named: str, imported: Imported, command: str) -> str:
    """Comments that say where the plan is from."""
    return (
        f"# Made from {safe(named)} ({imported.format}). To make it again:\n#   {safe(command)}\n"
    )


def _write(path: Path, named: Path, text: str, *, force: bool) -> None:
    """Write the whole file or nothing. Raises UsageError, EnvironmentFault."""
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            "w",
            encoding="utf-8",
            newline="",
            dir=path.parent,
            prefix=f".{path.name}.",
            delete=False,
        ) as file:
            temporary = Path(file.name)
            file.write(text)
        temporary.chmod(_READABLE & ~_umask())
        if force:
            temporary.replace(path)
        else:
            _put(temporary, path)
    except FileExistsError:
        raise UsageError(
            f"{named} exists already", hint="name another file, or add --force"
        ) from None
    except OSError as error:
        raise EnvironmentFault(f"{named} cannot be written: {error.strerror}") from error
    finally:
        if temporary is not None:
            with suppress(FileNotFoundError):
                temporary.unlink()


def _same(document: Path, plan: Path) -> bool:
    try:
        return document.samefile(plan)
    except OSError:
        return False  # there is no such file yet


def _put(temporary: Path, path: Path) -> None:
    """Give a file its name, but never that of another one. Raises FileExistsError, OSError."""
    try:
        os.link(temporary, path)  # unlike a rename it refuses a name that is taken
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise
        path.touch(exist_ok=False)  # a file system without links
        temporary.replace(path)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
