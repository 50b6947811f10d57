"""A report on its way into a file.

Rules: the file is written whole, or not at all. What is there and is no report of ours stays,
unless it is said that it may go; what somebody changes meanwhile stays too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from agentdeck.control.rewrite import replace_file, write_file
from agentdeck.core.errors import EnvironmentFault, RefusedError, UsageError
from agentdeck.plans.reporting.pictures import Picture
from agentdeck.plans.reporting.report import KIND

HEAD_BYTES: Final = 200  # every form of a report names itself within its first 40


def write_report(path: Path, text: str, *, force: bool = False) -> None:
    """Write a report, in the place of an older one if there is one.

    Raises:
        UsageError: it is a folder.
        RefusedError: another file is there, and nobody has said that it may go.
        EnvironmentFault: it cannot be read or written.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder", hint="name a file in it")
    data = text.encode(errors="replace")
    try:
        before = path.read_bytes()
    except FileNotFoundError:
        write_file(path, data)
        return
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be read: {error.strerror}") from error
    if before and KIND.encode() not in before[:HEAD_BYTES] and not force:
        raise RefusedError(
            f"{path} is there and is no report of agentdeck",
            hint="--force writes over it; -o names another file",
        )
    replace_file(path, before, data)


def write_picture(path: Path, picture: Picture) -> None:
    """Write a picture beside a report, in the place of an older one. Raises as `write_report`."""
    if path.exists() and not path.read_bytes()[:HEAD_BYTES].startswith(b"<svg "):
        raise RefusedError(f"{path} is there and is no picture", hint="-o names another file")
    write_file(path, picture.svg.encode())
