"""From what `host` of a pool says to the link that goes there."""

from __future__ import annotations

from typing import assert_never

from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.hosts import HostAddress, HostKind
from agentdeck.core.state import RunState
from agentdeck.engine.remote.link import Link


def link_to(address: HostAddress, state: RunState) -> Link:
    """The link. Nothing is connected yet.

    Raises:
        EnvironmentFault: what it needs is not installed.
    """
    match address.kind:
        case HostKind.CLUSTER:
            try:
                from agentdeck.engine.remote.dask_link import DaskLink
            except ImportError as fault:
                raise missing("cluster", fault) from fault
            return DaskLink(address.scheduler, state.run)
        case HostKind.SSH:
            try:
                from agentdeck.engine.remote.ssh_link import SshLink
            except ImportError as fault:
                raise missing("ssh", fault) from fault
            return SshLink(address, state)
        case _ as never:
            assert_never(never)


def missing(extra: str, fault: ImportError) -> EnvironmentFault:
    """The error for an extra that is not installed."""
    return EnvironmentFault(
        f"{fault.name or 'a part'} is not installed, which pools on other machines need",
        hint=f'pip install "agentdeck[{extra}]"',
    )


__all__ = ["link_to", "missing"]
