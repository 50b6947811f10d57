"""Folders of an agent in a sandbox: its own, a temporary one, and what is left open besides.

Rules: what may be written has to exist before the sandbox is entered. The standard library alone:
this is sent to machines that have nothing else.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from agentdeck.engine.private_files import PRIVATE_DIR, SHORT_ROOT, make_private

OWN: Final = "own"  # below an attempt's folder: files that its agent writes beside its output
_XDG: Final = {
    "~/.config/": "XDG_CONFIG_HOME",
    "~/.cache/": "XDG_CACHE_HOME",
    "~/.local/share/": "XDG_DATA_HOME",
    "~/.local/state/": "XDG_STATE_HOME",
}
_TEMPORARY: Final = ("TMPDIR", "TMP", "TEMP")


def make_folders(folder: Path) -> tuple[Path, Path, Path]:
    """Make what every agent in a sandbox may write beside its worktree; again does no harm.

    Args:
        folder: of the attempt.

    Returns:
        A folder of its own, its log, a temporary folder.

    Raises:
        EnvironmentFault: the temporary one is somebody else's, or cannot be made.
    """
    own, temporary = folder / OWN, temporary_of(folder)
    own.mkdir(mode=PRIVATE_DIR, exist_ok=True)
    for each in (temporary.parent, temporary):  # others may have made one of that name before us
        make_private(each, linked=False, hint="look who made it, and remove it")
    log = folder / "raw.log"
    log.touch(mode=0o600)
    return own, log, temporary


def temporary_variables(folder: Path) -> dict[str, str]:
    """What leads programs to the temporary folder of the attempt of `folder`."""
    return dict.fromkeys(_TEMPORARY, str(temporary_of(folder)))


def temporary_of(folder: Path) -> Path:
    """Its temporary folder. The path is short: sockets in it may have 108 bytes."""
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return SHORT_ROOT / f"agentdeck-{os.getuid()}" / f"t-{digest}"


def forget_temporary(folder: Path) -> None:
    """Remove its temporary folder; nothing of it lives any more."""
    shutil.rmtree(temporary_of(folder), ignore_errors=True)


def granted(names: Iterable[str], checkout: Path) -> Iterator[str]:
    """What is left open outside of the worktree, as real paths; a folder is made if it is missing.

    Args:
        names: as the plan has them: absolute, with a `~`, or below `checkout`.
    """
    for name in names:
        path = checkout / _at_home(name)
        if name.endswith("/"):
            with suppress(OSError):  # then it is not writable inside, and the agent says so
                path.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
        if path.exists():
            yield real(path)


def _at_home(name: str) -> Path:
    """A path with its `~`; the XDG folders stand where the environment says."""
    for usual, variable in _XDG.items():
        if name.startswith(usual) and os.environ.get(variable):
            return Path(os.environ[variable], name.removeprefix(usual))
    return Path(name).expanduser()


def real(path: Path) -> str:
    """The path without links."""
    return os.path.realpath(path)


__all__ = [
    "OWN",
    "forget_temporary",
    "granted",
    "make_folders",
    "real",
    "temporary_of",
    "temporary_variables",
]
