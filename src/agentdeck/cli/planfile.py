"""Reading the plan file that a command line names, or the document that a plan can be made of."""

from __future__ import annotations

from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentdeck.cli.output import note, safe
from agentdeck.core.errors import NotFoundError, UsageError
from agentdeck.core.plan import ARCHIVE, Plan

if TYPE_CHECKING:
    from agentdeck.plans.imports.draft import Imported

MAX_BYTES: Final = 64 * 1024 * 1024  # of a plan or prompt file; 100,000 tasks have 28 million
MAX_LISTED: Final = 1_000  # files of a folder that a misspelt name is compared with
ENDINGS: Final = (".toml", ".md", ".markdown", ".json", ".jsonl", ".yaml", ".yml", ".txt")


def load_plan(named: Path, folder: Path) -> tuple[Plan, str]:
    """The plan and its text. Files of agents that cannot be read are named on stderr.

    A document in another format is imported; a line on stderr says so, and the text is that of
    the plan that was made of it.

    Args:
        named: as it was typed.
        folder: what it is relative to.

    Raises:
        NotFoundError: no such file.
        PlanProblems: every problem with its line.
        UsageError: it is no file that a plan can be read from.
    """
    from agentdeck.control.catalog import load_catalog
    from agentdeck.plans.imports.detect import import_text, is_own, plan_text
    from agentdeck.plans.reader import read_plan

    path = folder / named
    text = read_text(path, named)

    def read_file(name: str) -> str:
        there = path.parent / name
        moved = there.parent / ARCHIVE / there.name
        if not there.exists() and moved.is_file():  # its task has landed in a run before
            there = moved
        return read_text(there, Path(name))

    catalog = load_catalog()
    for problem in catalog.problems:
        note(f"{safe(str(problem))}; this agent is left out")
    if is_own(str(named), text):
        names = catalog.names
        return read_plan(text, file=str(named), read_file=read_file, adapters=names), text
    imported = import_text(text, file=str(named))
    note(_made_of(named, imported))
    return imported.plan, plan_text(imported)


def _made_of(named: Path, imported: Imported) -> str:
    from agentdeck.cli.importing import Tally, counted

    tally = Tally(imported)
    guesses = counted(tally.guesses, "guess", "guesses")
    return (
        f"{safe(str(named))}: read as {imported.format}:"
        f" {counted(len(imported.plan.tasks), 'task')}; {guesses},"
        f" {counted(tally.lines_left, 'line')} left;"
        f" `agentdeck import {safe(str(named))}` tells them"
    )


def read_text(path: Path, named: Path) -> str:
    """The text of a file. Raises NotFoundError, UsageError."""
    try:
        if path.is_dir():
            raise UsageError(f"{named} is a folder", hint="name the plan file in it")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {named}", hint=_near(path)) from None
    except OSError as error:
        raise UsageError(f"{named} cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise UsageError(f"{named} has more than {MAX_BYTES // 1024 // 1024} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{named}:{line}: not UTF-8", hint="save it as UTF-8") from None


def _near(path: Path) -> str:
    try:
        files = islice(path.parent.iterdir(), MAX_LISTED)
        names = [found.name for found in files if found.suffix.lower() in ENDINGS]
    except OSError:
        names = []
    near = get_close_matches(path.name, names, n=1, cutoff=0.75)
    if near:
        return f"did you mean {near[0]}?"
    return "`agentdeck init` writes a plan to start from"
