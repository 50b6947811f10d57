"""One engine's dealings with the workers of one host: who is there, what they say, who is given up.

Rules:
- What a worker says comes with polls, a few times a second for all its attempts at once. Logs come
  by offset and are appended to `raw.log` here; who reads it need not know where it comes from.
- A worker that is silent for longer than the lease has lost its attempts. Each is made anew, by
  another attempt, and nothing of the old one is taken any more: polls name the attempts that count,
  and a worker that comes back ends all others (see `outpost`).
- The engine may die at any moment. What was begun where is noted (`note`), and the next engine
  counts on that from its first poll on.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from agentdeck.core import events as e
from agentdeck.core.hosts import LEASE_S, Worker
from agentdeck.core.ids import id_fault
from agentdeck.core.state import HOLDS_SLOT
from agentdeck.engine.attempt_host import Whose
from agentdeck.engine.enginelog import log
from agentdeck.engine.remote.far_tools import Calls
from agentdeck.engine.remote.homing import bring
from agentdeck.engine.remote.link import ANSWER_S, Link, LinkDown, OutpostFault, asked
from agentdeck.engine.remote.note import read_note
from agentdeck.engine.remote.tenancy import Tenancy
from agentdeck.engine.setting import Setting

LOOK_S: Final = 0.5  # between two looks at who has joined, and at leases
POLL_S: Final = 0.2  # between two polls of a worker that has attempts; as readers of logs look
IDLE_POLL_S: Final = 1.0  # of one that has none: it may have come back with old ones
POLL_ANSWER_S: Final = 5.0  # for an answer to a poll; who takes longer gets nothing new meanwhile
GONE_S: Final = 60 * 60.0  # an agent may work for so long beyond its time limit unheard


def name_there(at: Setting) -> str:
    """The name of a run on workers, which may work for engines of several machines."""
    text = f"{socket.gethostname()}\n{at.folder.path.resolve()}\n{at.engine.state.started_at}"
    digest = hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:8]
    return f"{at.engine.state.run}.{digest}"


class Outreach:
    """The workers of one host, for one engine."""

    def __init__(self, at: Setting, host: str, link: Link, every: dict[str, Tenancy]) -> None:
        """`every` are the tenancies of the run on all of its hosts, which they share."""
        self.at = at
        self.host = host
        self.run = name_there(at)
        self.link = link
        self.tenancies: dict[str, Tenancy] = {}  # of this host
        self._every = every  # of the run
        self.hello: dict[str, dict[str, Any]] = {}  # what a worker said of itself
        self.looked = asyncio.Event()  # the first look is done
        self.stir = asyncio.Event()  # there is something to poll for at once
        self._joined: Mapping[str, Mapping[str, int]] = {}
        self._fault = ""
        self._unfit: dict[str, str] = {}  # why a worker is not used
        self._answers: set[str] = set()  # who has answered the latest poll
        self._pollers: dict[str, asyncio.Task[None]] = {}
        self._number = 0
        self._calls = Calls(self)
        self._adopt_all()

    def _adopt_all(self) -> None:
        """Count on what earlier engines have begun, before the first poll."""
        for task in self.at.engine.state.in_state(*HOLDS_SLOT):
            attempt = task.attempt
            if attempt is not None and attempt.exited_at is None:
                of = self.at.whose(task.id, attempt.number)
                note = read_note(of.folder)
                if note is not None and note.host == self.host:
                    self.count_on(of, note.worker, launched=attempt.launched_at is not None)

    def count_on(self, of: Whose, worker: str, *, launched: bool = False) -> Tenancy:
        """From now on polls name it, so that it is not fenced."""
        at = self.at.of_task(of.task)
        pool = at.attempt(of.task, of.attempt).pool
        config = at.state.plan.pool_by_name.get(pool) if pool is not None else None
        lease_s = config.lease_s if config is not None else LEASE_S
        left_s = at.state.settings(of.task).timeout_s + GONE_S
        tenancy = Tenancy(of.task, of.attempt, of.folder, worker, lease_s, left_s)
        tenancy.launched = launched
        self.tenancies[tenancy.name] = self._every[tenancy.name] = tenancy
        self.stir.set()
        return tenancy

    def tenancy_of(self, of: Whose) -> Tenancy | None:
        """What is known of an attempt, if it was begun here."""
        return self.tenancies.get(f"{of.task}.{of.attempt}")

    async def keep(self) -> None:
        """Look who is there, poll them, and give up whose lease is over, until cancelled."""
        last = time.monotonic()
        try:
            while True:
                await self._look()
                now = time.monotonic()
                await self._count_silence(min(now - last, 2 * LOOK_S))
                last = now
                self.looked.set()
                await asyncio.sleep(LOOK_S)
        finally:
            for poller in self._pollers.values():
                poller.cancel()
            await asyncio.gather(*self._pollers.values(), return_exceptions=True)
            self._pollers.clear()

    async def close(self) -> None:
        """Let go. Agents live on."""
        for tenancy in self.tenancies.values():
            if tenancy.homing is not None:
                tenancy.homing.cancel()
        await self._calls.close()
        with suppress(LinkDown):
            await self.link.close()

    async def _look(self) -> None:
        try:
            self._joined = await self.link.workers()
            self._fault = ""
        except LinkDown as fault:
            self._joined, self._fault = {}, fault.message
        for name in self._joined:
            poller = self._pollers.get(name)
            if poller is None or poller.done():
                self._pollers[name] = asyncio.create_task(self._poll_on(name), name=f"poll {name}")
        await self._tell_capacity()

    async def _tell_capacity(self) -> None:
        state = self.at.engine.state
        for pool in state.plan.pools:
            if pool.host != self.host:
                continue
            able = sorted(self.able(pool.name))
            found = tuple(Worker(name, self._joined[name][pool.name]) for name in able)
            fault = self._fault or ("" if found else next(iter(self._unfit.values()), ""))
            known = state.workers.get(pool.name)
            if known is None or (known.joined, known.fault) != (found, fault):
                if known is None and not found and not fault and not self.looked.is_set():
                    continue  # the first polls are under way
                await self.at.record(e.WorkersChanged(pool.name, found, fault))

    async def _count_silence(self, passed_s: float) -> None:
        """Give up whose worker was silent for longer than the lease."""
        overdue = []
        for tenancy in self.tenancies.values():
            if not tenancy.over.is_set():
                tenancy.silent_s += passed_s
                if tenancy.silent_s > tenancy.lease_s:
                    overdue.append(tenancy)
                    self._answers.discard(tenancy.worker)
        if overdue:
            await self._tell_capacity()  # first: what follows must not begin there again
        for tenancy in overdue:
            log.warning("%s on %s is given up", tenancy.name, tenancy.worker)
            tenancy.lose(f"worker {tenancy.worker} was not heard of for {tenancy.lease_s:.0f} s")

    # --- polls ------------------------------------------------------------------------------------

    async def _poll_on(self, worker: str) -> None:
        """Poll a worker for as long as it is joined."""
        try:
            while worker in self._joined:
                try:
                    if worker not in self.hello:
                        await self._meet(worker)
                    behind = await self._poll(worker)
                    self._answers.add(worker)
                except (LinkDown, OutpostFault) as fault:
                    log.info("%s does not answer: %s", worker, fault)
                    self._answers.discard(worker)
                    behind = False
                pause = POLL_S if self._mine(worker) else IDLE_POLL_S
                if not behind:
                    self.stir.clear()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self.stir.wait(), pause)
        finally:
            self._answers.discard(worker)
            self.hello.pop(worker, None)

    def _mine(self, worker: str) -> list[Tenancy]:
        return [
            tenancy
            for tenancy in self.tenancies.values()
            if tenancy.worker == worker and not tenancy.over.is_set()
        ]

    async def _meet(self, worker: str) -> None:
        """Is it one that can work for us?"""
        if id_fault(worker) is not None:
            raise OutpostFault(f"{worker!r} is no name of a worker")
        hello, _ = await asked(self.link, worker, "hello", timeout_s=POLL_ANSWER_S)
        lacks = [what for what in ("linux", "git") if not hello[what]]
        if lacks:
            why = f"worker {worker} has no {' and no '.join(lacks)}"
            self._unfit[worker] = why
            raise OutpostFault(why)
        self._unfit.pop(worker, None)
        self.hello[worker] = hello

    async def _poll(self, worker: str) -> bool:
        """One poll. True when there is more to read already."""
        mine = self._mine(worker)
        wanted = {one.name: (one.log_size, one.left_s) for one in mine}
        answer, logs = await asked(
            self.link,
            worker,
            "poll",
            run=self.run,
            number=self._next_number(),
            tenancies=wanted,
            spared=[name for name, one in self._every.items() if not one.over.is_set()],
            timeout_s=POLL_ANSWER_S,
        )
        for name in answer["fenced"]:
            log.warning("%s: %s was fenced", worker, name)
        behind, start = False, 0
        for tenancy in mine:
            about = answer["tenancies"][tenancy.name]
            piece = logs[start : start + int(about["log"])]
            start += len(piece)
            if not tenancy.over.is_set():
                behind = self._heard(tenancy, about, piece) or behind
        return behind

    def _next_number(self) -> int:
        """Larger than any that this engine, or one before it, has used."""
        self._number = max(self._number + 1, time.time_ns())
        return self._number

    def _heard(self, tenancy: Tenancy, about: dict[str, Any], log_piece: bytes) -> bool:
        behind = tenancy.heard(about, log_piece)
        self._calls.heard(tenancy, about.get("calls", ()))
        if tenancy.state == "unknown" and tenancy.launched:
            tenancy.lose(f"worker {tenancy.worker} knows nothing of it any more")
        elif tenancy.state in ("ended", "lost") and not behind:
            tenancy.launched = True
            if tenancy.homing is None or tenancy.homing.done():
                tenancy.homing = asyncio.create_task(bring(self, tenancy, dict(about)))
        return behind

    def able(self, pool: str) -> list[str]:
        """Workers of a pool that answer."""
        return [
            name
            for name, slots in self._joined.items()
            if name in self._answers and slots.get(pool)
        ]

    def tag(self, tenancy: Tenancy) -> str:
        """What marks its processes there; that of no other try, also on the same machine."""
        return f"{self.run}/{tenancy.name}@{tenancy.worker}"

    async def ask(
        self,
        tenancy: Tenancy,
        verb: str,
        body: bytes = b"",
        *,
        timeout_s: float = ANSWER_S,
        **more: Any,
    ) -> tuple[dict[str, Any], bytes]:
        """Ask the worker of an attempt something about it. Raises what `asked` does."""
        return await asked(
            self.link,
            tenancy.worker,
            verb,
            body,
            timeout_s=timeout_s,
            run=self.run,
            tenancy=tenancy.name,
            number=self._next_number(),
            **more,
        )


__all__ = ["LOOK_S", "POLL_S", "Outreach"]
