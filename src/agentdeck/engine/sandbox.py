"""Sandboxes: which of them work on this machine, and the command line that enters one.

Rules:
- A sandbox is a program in front of the command. Its parent is the launcher, as without one, so an
  attempt outlives its engine in it, is found again, paused, measured and stopped from outside. For
  that reason bubblewrap is not told to die with its parent.
- Whether one works is found out by entering it, once for each process if it does: kernels,
  containers and security modules forbid parts of it in too many ways to be asked one by one.
- The standard library alone: this is sent to machines that have nothing else.
- Nothing is passed over: what a sandbox cannot give is a fault in words, never a weaker sandbox.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, assert_never

from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.engine.process_tree import BWRAP

if TYPE_CHECKING:
    from agentdeck.core.containment import Containment

PROBE_S: Final = (
    20.0  # entering one takes 0.1 s; a busy machine may take a while to start a process
)
SANDBOXES: Final = (Sandbox.BWRAP, Sandbox.LANDLOCK)
_LANDLOCK: Final = str(Path(__file__).with_name("landlock.py"))
# Of its own: users, so that nothing outside can be traced; processes, so that nothing outside can
# be signalled; shared memory.
_NAMESPACES: Final = ("--unshare-user", "--unshare-pid", "--unshare-ipc", "--cap-drop", "ALL")
# What any program may write to, and what belongs to nobody.
DEVICES: Final = (
    *("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"),
    *("/dev/tty", "/dev/ptmx", "/dev/pts", "/dev/shm"),  # noqa: S108 - the kernel's own place
)


@dataclass(frozen=True, slots=True)
class Room:
    """What can be written from inside. Paths are absolute; what is not there is passed over."""

    cwd: str
    writable: tuple[str, ...]  # of the attempt itself
    granted: tuple[str, ...] = ()  # what adapter and plan leave open besides
    kept: tuple[str, ...] = ()  # below what is writable, and still only read (not by Landlock)
    hidden: tuple[str, ...] = ()  # folders that look empty, save what is writable (not by Landlock)
    shown: tuple[str, ...] = ()  # of those: what can be read all the same


def enter(kind: Sandbox, room: Room, argv: Sequence[str], *, network: bool) -> tuple[str, ...]:
    """The command that is `argv` inside a sandbox.

    Raises:
        EnvironmentFault: this machine cannot give such a sandbox.
    """
    if kind is Sandbox.NONE:
        return tuple(argv)
    refuse(kind, network=network)
    if kind is Sandbox.BWRAP:
        return (BWRAP, *_bwrap_options(room, network=network), "--", *argv)
    writable = (*room.writable, *room.granted, *DEVICES)
    rules = [word for path in writable for word in ("--write", path)]
    off = () if network else ("--no-network",)
    return (sys.executable, "-I", "-S", _LANDLOCK, *rules, *off, "--", *argv)


def refuse(kind: Sandbox, *, network: bool, who: str = "an agent") -> None:
    """Raise EnvironmentFault where the sandbox that `who` wants cannot be had."""
    fault = fault_of(kind, network=network)
    if fault:
        off = "" if network else " and network = false"
        raise EnvironmentFault(
            f'{who} wants sandbox = "{kind}"{off}, and that cannot be had here: {fault}',
            hint="`agentdeck doctor` says which sandboxes work on this machine",
        )


def refuse_containment(containment: Containment, who: str) -> None:
    """Raise EnvironmentFault where `who` cannot be contained as the plan says."""
    refuse_without_effect(containment, who)
    refuse(containment.sandbox, network=containment.network, who=who)


def refuse_without_effect(containment: Containment, who: str) -> None:
    """Raise EnvironmentFault where `who` should have no network, and nothing would see to it."""
    if containment.without_effect:
        raise EnvironmentFault(
            f"{who} has network = false and no sandbox, so nothing would keep it off the network",
            hint='add sandbox = "bwrap" or "landlock", or take `network` out',
        )


def fault_of(kind: Sandbox, *, network: bool) -> str:
    """Why this machine cannot give such a sandbox; empty when it can. Enters it to find out."""
    if (kind, network) in _entered:
        return ""
    fault = _fault_of(kind, network=network)
    if not fault:
        _entered.add((kind, network))
    return fault


_entered: set[tuple[Sandbox, bool]] = set()  # those that have worked; few


def _fault_of(kind: Sandbox, *, network: bool) -> str:
    match kind:
        case Sandbox.NONE:
            return ""
        case Sandbox.BWRAP:
            return _bwrap_fault(network=network)
        case Sandbox.LANDLOCK:
            return _landlock_fault(network=network)
        case _ as never:
            assert_never(never)


def _bwrap_options(room: Room, *, network: bool) -> Iterator[str]:
    yield from _namespaces(network=network)
    for path in room.granted:
        yield from ("--dev-bind-try" if path.startswith("/dev/") else "--bind-try", path, path)
    for path in room.hidden:
        yield from ("--tmpfs", path)
    for path in room.shown:
        yield from ("--ro-bind-try", path, path)
    for path in room.writable:
        yield from ("--bind-try", path, path)
    for path in room.kept:
        yield from ("--ro-bind-try", path, path)
    yield from ("--chdir", room.cwd)


def _namespaces(*, network: bool) -> tuple[str, ...]:
    off = () if network else ("--unshare-net",)
    return (*_NAMESPACES, *off, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc")


def _bwrap_fault(*, network: bool) -> str:
    if sys.platform != "linux":
        return "bubblewrap needs Linux"
    if shutil.which(BWRAP) is None:
        return "bubblewrap is not installed (the program bwrap)"
    room = Room("/", writable=(), kept=("/nowhere",))  # with an option that old ones do not know
    return _tried([BWRAP, *_bwrap_options(room, network=network), "--", "true"])


def _landlock_fault(*, network: bool) -> str:
    if sys.platform != "linux":
        return "Landlock needs Linux"
    from agentdeck.engine import landlock  # its ctypes takes 10 ms, and few ask

    abi = landlock.abi()
    if abi == 0:
        return "this kernel has no Landlock, or it is switched off (the list in `lsm=`)"
    if abi < landlock.OLDEST_ABI:
        return f"its Landlock (ABI {abi}) does not keep files from being cut off: Linux 6.2 does"
    if not network and abi < landlock.NETWORK_ABI:
        return f"its Landlock (ABI {abi}) knows nothing of networks: Linux 6.7 does"
    off = [] if network else ["--no-network"]
    return _tried([sys.executable, "-I", "-S", _LANDLOCK, *off, "--", "true"])


def _tried(argv: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_S,
            check=False,
            env=os.environ | {"LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired:
        return f"{argv[0]} gave no answer in {PROBE_S:.0f} s"
    except OSError as error:
        return error.strerror or str(error)
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    if done.returncode == 0:
        return ""
    return said[-1] if said else f"{argv[0]} ended with {done.returncode}"
