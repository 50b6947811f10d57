"""The socket file of a run: made for its owner alone, replaced only when nobody answers.

Rules:
- The folder is 0700 and ours, the socket 0600; the other end's user is checked as well.
- A socket file that somebody answers on is never taken away.
"""

from __future__ import annotations

import contextlib
import socket
import stat
import struct
from pathlib import Path
from typing import Final

from agentdeck.core.errors import EnvironmentFault
from agentdeck.engine.private_files import make_private

PRIVATE_FILE: Final = 0o600
FOLDER_HINT: Final = "remove it; a shorter XDG_STATE_HOME does without it"
BACKLOG: Final = 128  # connections the kernel keeps until they are accepted
CONNECT_S: Final = 2.0  # a listening engine is connected to at once; a full backlog may take a bit
_SOL_LOCAL: Final = 0  # macOS: the level and name of the peer's credentials
_LOCAL_PEERCRED: Final = 0x001


def peer_uid(connection: socket.socket) -> int | None:
    """The user at the other end, as the kernel knows it; None where it does not say."""
    linux = getattr(socket, "SO_PEERCRED", None)
    if linux is not None:
        raw = connection.getsockopt(socket.SOL_SOCKET, linux, struct.calcsize("3i"))
        _, uid, _ = struct.unpack("3i", raw)
        return int(uid)
    with contextlib.suppress(OSError, struct.error):
        _, uid = struct.unpack("2I", connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, 8))
        return int(uid)
    return None


def connect(path: Path) -> socket.socket:
    """A connection to the engine that listens at `path`. Raises OSError when nobody does."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(CONNECT_S)
        connection.connect(str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def answers(path: Path) -> bool:
    """Does anybody listen at `path`?"""
    try:
        connect(path).close()
    except TimeoutError:
        return True  # somebody does, and is too busy to accept
    except OSError:
        return False
    return True


def listen(path: Path) -> socket.socket:
    """A listening socket at `path`, for this user alone.

    Raises:
        EnvironmentFault: somebody answers there already, or it cannot be made.
    """
    make_private(path.parent, linked=False, hint=FOLDER_HINT)
    _remove_stale(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(path))
        path.chmod(PRIVATE_FILE)  # nobody else gets through the folder in between
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise EnvironmentFault(
            f"the control socket {path} cannot be made: {error.strerror or error}",
            hint="set XDG_STATE_HOME to a short path on a local disk",
        ) from error
    listening.setblocking(False)
    return listening


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise EnvironmentFault(f"{path} is in the way of the control socket", hint="move it away")
    if answers(path):
        raise EnvironmentFault(
            f"an engine answers at {path} already", hint="`agentdeck attach` opens it"
        )
    path.unlink(missing_ok=True)
