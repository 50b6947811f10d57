"""What was set for an attempt beyond what it inherits, kept beside its log.

Rules: for its owner alone (0600), because a plan may set a key. It is there for a person who takes
the attempt over: they work with the same ports, folders and settings as its agent did.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.core.unreadable import UNREADABLE
from agentdeck.engine.plain_files import NotPlainError, read_plain

NAME: Final = "environment"
PRIVATE: Final = 0o600
MAX_BYTES: Final = 16 * 1024 * 1024  # Linux starts no program with more than 6 MiB of variables


def note_environment(folder: Path, added: dict[str, str]) -> None:
    """Keep the variables that were set for the attempt of `folder`."""
    fd = os.open(folder / NAME, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    with os.fdopen(fd, "wb") as file:
        file.write(msgspec.json.encode(added))


def given_environment(folder: Path) -> dict[str, str]:
    """The variables that were set for the attempt of `folder`; none where nobody kept them."""
    try:
        return msgspec.json.decode(read_plain(folder / NAME, MAX_BYTES), type=dict[str, str])
    except (FileNotFoundError, NotPlainError, *UNREADABLE):
        return {}
