"""Where the verbs that serve something listen."""

from __future__ import annotations

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
        raise EnvironmentFault(
            f"cannot listen on {host}:{port}: {fault.strerror}",
            hint="without --port a free one is chosen",
        ) from fault


__all__ = ["LOOPBACK", "HostOption", "PortOption", "listen"]
