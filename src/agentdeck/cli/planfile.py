"""Reading the plan file that a command line names."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Final

from agentdeck.core.errors import NotFoundError, UsageError
from agentdeck.core.plan import Plan

MAX_BYTES: Final = 16 * 1024 * 1024  # of a plan or prompt file; the reader's own bound


def load_plan(named: Path, folder: Path) -> tuple[Plan, str]:
    """The plan and its text.

    Args:
        named: as it was typed.
        folder: what it is relative to.

    Raises:
        NotFoundError: no such file.
        PlanProblems: every problem with its line.
    """
    from agentdeck.plans.reader import read_plan

    path = folder / named
    text = read_text(path, named)

    def read_file(name: str) -> str:
        return read_text(path.parent / name, Path(name))

    return read_plan(text, file=str(named), read_file=read_file), text


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
        names = [found.name for found in path.parent.glob("*.toml")]
    except OSError:
        names = []
    near = get_close_matches(path.name, names, n=1, cutoff=0.75)
    if near:
        return f"did you mean {near[0]}?"
    return "`agentdeck init` writes a plan to start from"
