"""A cluster of real processes on this machine: a scheduler, workers, engines, all of them killable.

Rules: each is started by the command line, as a person would, with its state below one folder, so
that whatever outlives a test is found by that folder.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.core.ids import PoolName
from agentdeck.core.plan import Plan, Pool, Route, RouteMatch
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.private_files import make_private

POOL: Final = PoolName("big")
STARTS_S: Final = 60.0  # for a process of a cluster on a busy machine; two seconds on an idle one
LOOK_S: Final = 0.05
ENDS_S: Final = 15.0


def routed(plan: Plan, host: str, size: int, lease_s: float) -> Plan:
    """The plan with all of its tasks in one pool on this host; nothing else is changed."""
    pool = Pool(name=POOL, size=size, host=host, lease_s=lease_s)
    tasks = tuple(msgspec.structs.replace(task, pool=None) for task in plan.tasks)
    route = Route(RouteMatch(), pool=POOL)
    routes = tuple(msgspec.structs.replace(one, pool=None) for one in plan.routes)
    routes = tuple(one for one in routes if one.agent or one.model)
    return msgspec.structs.replace(plan, pools=(pool,), tasks=tasks, routes=(*routes, route))


@dataclass(slots=True)
class Cluster:
    """One scheduler and its workers."""

    place: Path
    address: str = ""  # of its scheduler, the same one after it was started again
    scheduler: subprocess.Popen[bytes] | None = None
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    slots: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        make_private(self.place)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.address = self.address or f"tcp://127.0.0.1:{probe.getsockname()[1]}"

    @property
    def env(self) -> Mapping[str, str]:
        """Of all that is started."""
        return {**os.environ, "XDG_STATE_HOME": str(self.place / "state")}

    def start_scheduler(self) -> None:
        """Start it, and wait until it listens."""
        words = ("-m", "agentdeck.engine.remote.dask_scheduler", self.address)
        self.scheduler = self._start("scheduler", words)
        self._until(lambda: self._said("scheduler", "listens"), "the scheduler does not listen")

    def start_worker(self, name: str, slots: int, *options: str) -> None:
        """Start one, and wait until it has joined."""
        self.slots[name] = slots
        words = ("-m", "agentdeck", "worker", "join", self.address, "--name", name)
        more = ("--pool", f"{POOL}={slots}", "--root", str(self.place / name))
        self.workers[name] = self._start(name, (*words, *more, *options))
        self._until(lambda: self._said(name, "joined"), f"{name} does not join")

    def start_engine(self, folder: RunFolder) -> subprocess.Popen[bytes]:
        """An engine of a run, which ends by itself soon after the run has."""
        words = ("-P", "-m", "agentdeck.control.host", str(folder.path))
        return self._start("engine", words)

    def kill(self, name: str) -> None:
        """SIGKILL to the scheduler or a worker."""
        process = self.scheduler if name == "scheduler" else self.workers[name]
        assert process is not None
        process.kill()
        process.wait(ENDS_S)

    def suspend(self, name: str) -> None:
        """SIGSTOP to a worker. Its agents go on."""
        self.workers[name].send_signal(signal.SIGSTOP)

    def wake(self, name: str) -> None:
        """SIGCONT to a worker."""
        self.workers[name].send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End all of it."""
        for process in (*self.workers.values(), self.scheduler):
            if process is None or process.poll() is not None:
                continue
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.terminate()
            try:
                process.wait(ENDS_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(ENDS_S)

    def _start(self, name: str, words: tuple[str, ...]) -> subprocess.Popen[bytes]:
        with (self.place / f"{name}.out").open("wb") as out:
            return subprocess.Popen(
                [sys.executable, *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self.place,
                env=self.env,
                start_new_session=True,
            )

    def _said(self, name: str, word: str) -> bool:
        return word in (self.place / f"{name}.out").read_text(errors="replace")

    def _until(self, condition: Callable[[], bool], why: str) -> None:
        deadline = time.monotonic() + STARTS_S
        while not condition():
            if time.monotonic() > deadline:
                said = [
                    file.read_text(errors="replace")[-800:] for file in self.place.glob("*.out")
                ]
                raise AssertionError(f"{why} within {STARTS_S:.0f} s: {said}")
            time.sleep(LOOK_S)


__all__ = ["POOL", "Cluster", "routed"]
