"""Where the agents of a pool work: `host` of a pool, and the workers that have joined it.

Rules:
- A pool without `host` is on this machine. `cluster` is the scheduler that this machine started,
  `tls://HOST:PORT` (or `tcp://` on this machine) one that is named, `ssh://[USER@]HOST[:PORT]` one
  machine that needs nothing but Python and git.
- What goes over the network unencrypted may run code on both ends: `tcp://` to another machine is
  refused unless the plan says that this will do.
- A pool on other machines has as many places as its workers have, and at most its `size`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

import msgspec

from agentdeck.core.hook_urls import is_loopback

CLUSTER: Final = "cluster"
LEASE_S: Final = 60.0  # without a word from a worker, until its attempts are given up
SSH_PORT: Final = 22
EXPECTED: Final = '"cluster", "tls://HOST:PORT" or "ssh://USER@HOST"'
_MACHINE: Final = re.compile(r"[A-Za-z0-9_.:%-]{1,255}\Z")
_USER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}\Z")


class HostKind(StrEnum):
    """How a machine is reached."""

    CLUSTER = "cluster"  # workers have dialled in to a scheduler
    SSH = "ssh"


class HostAddress(msgspec.Struct, frozen=True):
    """What `host` of a pool says."""

    kind: HostKind
    scheduler: str = ""  # "" = the one that this machine started
    user: str = ""
    machine: str = ""
    port: int = 0


class Worker(msgspec.Struct, frozen=True):
    """A machine that works for a pool."""

    name: str
    slots: int  # attempts at once


class Workers(msgspec.Struct):
    """What is known of the workers of a pool now."""

    joined: tuple[Worker, ...] = ()
    fault: str = ""  # why nobody can be reached
    # Since when nothing is heard of those on which somebody works (seconds since the epoch)
    unheard: dict[str, float] = {}

    @property
    def slots(self) -> int:
        """Attempts that all of them take at once."""
        return sum(worker.slots for worker in self.joined)


def is_machine(name: str) -> bool:
    """Is it written as the name or the number of a machine?"""
    return _MACHINE.match(name) is not None


def host_fault(text: str, *, insecure: bool = False) -> str | None:
    """Why this is no `host`, or None."""
    if text == CLUSTER:
        return None
    try:
        url = urlsplit(text)
        machine, port = url.hostname, url.port
    except ValueError:
        return "it is no address"
    if url.scheme not in ("tls", "tcp", "ssh") or not machine or not is_machine(machine):
        return f"it is none of {EXPECTED}"
    if url.path or url.query or url.fragment or url.password is not None:
        return "it has more than a user, a machine and a port"
    if url.scheme == "ssh":
        if url.username is not None and not _USER.match(url.username):
            return "its user is no name"
        return None
    if url.username is not None:
        return "a scheduler is not told who asks: its certificates say so"
    if not port:
        return "it names no port"
    if url.scheme == "tcp" and not insecure and not is_loopback(machine):
        return "it is plain tcp to another machine: whoever is on the way may run code on both"
    return None


def host_address(text: str) -> HostAddress:
    """What a `host` says that `host_fault` has let through."""
    if text == CLUSTER:
        return HostAddress(HostKind.CLUSTER)
    url = urlsplit(text)
    if url.scheme == "ssh":
        machine, user = url.hostname or "", url.username or ""
        return HostAddress(HostKind.SSH, user=user, machine=machine, port=url.port or SSH_PORT)
    return HostAddress(HostKind.CLUSTER, scheduler=text)


__all__ = [
    "CLUSTER",
    "EXPECTED",
    "LEASE_S",
    "HostAddress",
    "HostKind",
    "Worker",
    "Workers",
    "host_address",
    "host_fault",
    "is_machine",
]
