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
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The document.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="PLAN", help="Write the plan here, not to stdout."),
    ] = None,
    format_name: Annotated[
        str | None,
        typer.Option("--format", metavar="NAME", help="The document's format; else it is found."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file of -o if it exists.")
    ] = False,
    write_back: Annotated[
        bool,
        typer.Option("--write-back", help="Have the document kept true while tasks land."),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Also list what was read without a guess.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print no report.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Make a plan of a document, and say what was guessed and what was left."""
    from agentdeck.cli.planfile import read_text
    from agentdeck.plans.imports.detect import import_text, plan_text

    if as_json and (quiet or verbose):
        raise UsageError("--json and --quiet or --verbose exclude each other", hint="choose one")
    if force and output is None:
        raise UsageError("--force is for a file", hint="name it with -o")
    here = folder_of(context)
    imported = import_text(read_text(here / file, file), file=str(file), format=format_name)
    if write_back:
        imported = _with_source(imported, here / file, here / output if output else here / "plan")
    command = _command(file, output, format_name, write_back=write_back)
    text = f"{_header(file, imported, command)}\n{plan_text(imported)}"
    if output is not None:
        if _same(here / file, here / output):
            raise UsageError(f"{output} is the document itself", hint="name another file")
        _write(here / output, output, text, force=force)
    elif not as_json:
        say(text.removesuffix("\n"))
    if as_json:
        say_json(_as_data(imported))
    elif not quiet:
        _report(str(file), imported, say if output else note, verbose=verbose)
        if output is not None:
            note(f"wrote {safe(str(output))}; next: `agentdeck check {safe(str(output))}`")
    return EXIT_OK


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


def _command(file: Path, output: Path | None, name: str | None, *, write_back: bool) -> str:
    words = ["agentdeck", "import", str(file)]
    words += ["--format", name] if name else []
    words += ["--write-back"] if write_back else []
    words += ["-o", str(output)] if output else []
    return shlex.join(words)


def _header(file: Path, imported: Imported, command: str) -> str:
    """Comments that say where the plan is from."""
    return (
        f"# Made from {safe(str(file))} ({imported.format}). To make it again:\n"
        f"#   {safe(command)}\n"
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
