"""Where the verbs that serve something listen."""

from __future__ import annotations

import errno
import os
import socket
from typing import Annotated, Final, TypeAlias

import typer

from agentdeck.core.errors import EnvironmentFault, UsageError

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
WAITING: Final = 16  # browsers that knock at the same moment

HostOption: TypeAlias = Annotated[
    str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")
]
PortOption: TypeAlias = Annotated[
    int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 = a free one.")
]


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        UsageError: the host is no address.
        EnvironmentFault: somebody else listens there, or it may not be.
    """
    address = "127.0.0.1" if host == "localhost" else host
    try:
        family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((address, port), family=family, backlog=WAITING)
    except socket.gaierror as fault:
        raise UsageError(
            f"--host {host} is no address: {fault.strerror}", hint="127.0.0.1, or ::1"
        ) from fault
    except OSError as fault:
        where = f"{host}:{port}" if port else host
        raise EnvironmentFault(
            f"cannot listen on {where}: {os.strerror(fault.errno or 0)}", hint=_way_out(fault, port)
        ) from fault


def _way_out(fault: OSError, port: int) -> str:
    if fault.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address; `--host 0.0.0.0` listens on all that it has"
    return "without --port a free one is chosen" if port else ""


__all__ = ["LOOPBACK", "HostOption", "PortOption", "listen"]
