"""The cluster of this machine: its scheduler as a process, who has joined it, and joining one.

Rules: the scheduler is detached, as an engine is, and there is one. It keeps nothing, so ending it
costs nothing: agents work on, and all come back to the next one at the same address.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentdeck.core.errors import DeckError, EnvironmentFault, NotFoundError
from agentdeck.core.hosts import HostKind, host_address
from agentdeck.core.ids import ProcessIdentity
from agentdeck.core.plan import Pool
from agentdeck.engine.folders import state_root
from agentdeck.engine.identity import boot_id, is_alive, send
from agentdeck.engine.private_files import make_private
from agentdeck.engine.remote.reaching import missing
from agentdeck.engine.remote.scheduler_note import (
    SchedulerNote,
    Tls,
    address_and_tls,
    note_file,
    read_scheduler,
)

if TYPE_CHECKING:
    from distributed import Client

START_S: Final = 30.0  # for a scheduler to listen; two seconds on an idle machine
STOP_S: Final = 10.0
LOOK_S: Final = 0.05
PORT: Final = 8786  # as Dask has it
ANSWER_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Joined:
    """A worker as the scheduler knows it."""

    name: str
    address: str
    slots: Mapping[str, int]
    seen_s: float  # seconds since the scheduler heard of it


def start(address: str, tls: Tls, *, insecure: bool) -> SchedulerNote:
    """Start the scheduler of this machine, detached; returns when it listens.

    Raises:
        EnvironmentFault: one is there already, or it cannot listen.
    """
    _need_dask()
    from agentdeck.engine.remote.dask_setting import check_address

    check_address(address, tls, insecure=insecure)
    before = read_scheduler()
    if before is not None and before.alive:
        raise EnvironmentFault(
            f"the scheduler of this machine runs already, at {before.address}",
            hint="agentdeck cluster stop",
        )
    make_private(note_file().parent)
    out = note_file().with_name("scheduler.out")
    words = [address, *((tls.ca, tls.cert, tls.key) if tls.given else ())]
    words += ["--insecure"] if insecure else []
    with out.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "agentdeck.engine.remote.dask_scheduler", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=note_file().parent,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_S
    while True:
        found = read_scheduler()
        if found is not None and found.pid == process.pid:
            return found
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            lines = out.read_text(errors="replace").strip().splitlines()
            raise EnvironmentFault(
                f"the scheduler did not start: {lines[-1] if lines else 'it said nothing'}",
                hint=f"{out} has the rest",
            )
        time.sleep(LOOK_S)


def stop() -> SchedulerNote:
    """End the scheduler of this machine. Workers and agents live on.

    Raises:
        NotFoundError: there is none.
    """
    found = read_scheduler()
    if found is None or not found.alive:
        raise NotFoundError(
            "no scheduler of this machine is running", hint="agentdeck cluster start"
        )
    identity = ProcessIdentity(found.pid, found.start_ticks, boot_id())
    send(identity, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    while is_alive(identity):
        if time.monotonic() > deadline:
            send(identity, signal.SIGKILL)
        time.sleep(LOOK_S)
    return found


def joined(named: str = "") -> tuple[str, list[Joined]]:
    """The address of a scheduler, and who has joined it.

    Raises:
        EnvironmentFault: it does not answer.
    """
    _need_dask()
    from distributed import Client

    from agentdeck.engine.remote.dask_setting import security_of, set_dask

    set_dask()
    address, tls = address_and_tls(named, os.environ)
    try:
        with Client(
            address, security=security_of(tls), timeout=ANSWER_S, set_as_default=False
        ) as client:
            return address, _joined(client)
    except (OSError, TimeoutError, RuntimeError, ValueError) as fault:
        raise EnvironmentFault(
            f"the scheduler {address} does not answer",
            hint="agentdeck cluster start" if not named else "is it running, and TLS the same?",
        ) from fault


def _joined(client: Client) -> list[Joined]:
    workers = client.scheduler_info(n_workers=-1)["workers"]
    now = time.time()
    return sorted(
        (
            Joined(
                str(about["name"]),
                str(address),
                {str(pool): int(slots) for pool, slots in (about["resources"] or {}).items()},
                max(0.0, now - float(about["last_seen"])),
            )
            for address, about in workers.items()
        ),
        key=lambda one: one.name,
    )


def pool_health(pool: Pool) -> tuple[str, str, str]:
    """Of a pool on other machines: `ok`, `warn` or `fail`, what was found, and what to do."""
    address = host_address(pool.host or "")
    extra = "ssh" if address.kind is HostKind.SSH else "cluster"
    if find_spec("asyncssh" if extra == "ssh" else "distributed") is None:
        return (
            "fail",
            f"{pool.host} needs what is not installed",
            f'pip install "agentdeck[{extra}]"',
        )
    if address.kind is HostKind.SSH:
        return "ok", f"{pool.host}, {pool.size} at once", ""
    try:
        where, found = joined(address.scheduler)
    except DeckError as fault:
        return "warn", fault.message, fault.hint
    slots = {one.name: one.slots.get(pool.name, 0) for one in found}
    names = ", ".join(f"{name} ({count})" for name, count in slots.items() if count)
    if not names:
        todo = f"agentdeck worker join {where} --pool {pool.name}=SLOTS"
        return "warn", f"no worker has joined {where} for it", todo
    return "ok", f"workers {names}", ""


def join(
    address: str,
    name: str,
    slots: Mapping[str, int],
    tls: Tls,
    *,
    insecure: bool,
    root: Path | None,
    tell: Callable[[str], None],
) -> None:
    """Work for a cluster until SIGINT or SIGTERM. Agents outlive that.

    Raises:
        UsageError: the way there is not safe.
        EnvironmentFault: this machine cannot work, or another worker has its folder.
    """
    _need_dask()
    if not Path("/proc/self/stat").exists():
        raise EnvironmentFault(
            "this machine has no /proc, by which a worker knows its processes",
            hint="workers need Linux; the engine does not",
        )
    from agentdeck.engine.remote.dask_setting import check_address
    from agentdeck.engine.remote.dask_worker import work

    check_address(address, tls, insecure=insecure)
    work(address, name, slots, root or worker_root(name), tls, tell=tell)


def worker_root(name: str) -> Path:
    """Where a worker of this name keeps mirrors and attempts."""
    return state_root() / "workers" / name


def _need_dask() -> None:
    try:
        import distributed  # noqa: F401 - only whether it is there
    except ImportError as fault:
        raise missing("cluster", fault) from fault


__all__ = ["PORT", "Joined", "Tls", "join", "joined", "pool_health", "start", "stop", "worker_root"]
