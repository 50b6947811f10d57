"""The token of a bridge in a file: for its owner alone, made where there is none.

Rules: a file that others may read, that belongs to somebody else, or that is no plain file is
refused. Folders that are missing are made, for the owner alone. The token is never an argument, and
never printed when it stands in a file.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Final

from agentdeck.control.door import new_secret
from agentdeck.core.errors import EnvironmentFault, UsageError
from agentdeck.engine.plain_files import NotPlainError, open_plain
from agentdeck.engine.private_files import PRIVATE

MAX_BYTES: Final = 4096  # of the file
# Letters that may stand in a header and in a WebSocket's subprotocol; 16 of them are 80 bits.
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~-]{16,256}")


def token_in(path: Path) -> str:
    """The token of a file; a new one is written where there is no such file.

    Raises:
        UsageError: others may read the file, or what it holds is no token.
        EnvironmentFault: it cannot be read or made.
    """
    try:
        fd = open_plain(path)
    except FileNotFoundError:
        return _made(path)
    except NotPlainError as error:
        raise UsageError(f"the token file {path} is no plain file") from error
    except OSError as error:
        raise _fault(path, error) from error
    with os.fdopen(fd, "rb") as file:
        found = os.fstat(file.fileno())
        if found.st_uid != os.geteuid():
            raise UsageError(f"the token file {path} belongs to somebody else")
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise UsageError(f"others can get at the token file {path}", hint=f"`chmod 600 {path}`")
        text = file.read(MAX_BYTES).decode(errors="replace").strip()
    if not _TOKEN.fullmatch(text):
        raise UsageError(
            f"what {path} holds is no token",
            hint="16 to 256 letters, digits and . _ ~ -; without the file one is made",
        )
    return text


def _made(path: Path) -> str:
    token = new_secret()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, flags, PRIVATE), "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), PRIVATE)  # whatever the umask says
            file.write(token + "\n")
    except OSError as error:
        raise _fault(path, error) from error
    return token


def _fault(path: Path, error: OSError) -> EnvironmentFault:
    return EnvironmentFault(
        f"the token file {path}: {error.strerror or error}",
        hint="name a file that you may read, or a folder in which one can be made",
    )


__all__ = ["token_in"]
