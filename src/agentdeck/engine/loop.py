"""The engine: turns the ring of one run.

Rules:
- One coroutine owns the state. Everybody else posts: performers post facts, faces post commands.
- A turn: take what was posted, fold it, fold the decisions that follow from it, store all of it in
  one durable transaction, then acknowledge and start steps. Nothing acts on what is not stored.
- Telemetry alone does not make a turn at once: it is gathered for a moment.
- On a full disk a turn waits for room: what it has folded is kept, and acted on once it is stored.
- It begins with the fold of the whole journal. Checkpoints are only written, for those who look.
- What is stale is dropped with a line in the log; a step that was doubled finds that out here.
- `stop` ends the engine and nothing else: agents and gates live on and are found again.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

from agentdeck import __version__
from agentdeck.core import codec, decide, fold
from agentdeck.core import events as e
from agentdeck.core.commands import AnyCommand
from agentdeck.core.errors import DeckError
from agentdeck.core.events import AnyEvent, Recorded
from agentdeck.core.ids import ProcessIdentity, TaskId
from agentdeck.core.next_steps import next_steps
from agentdeck.core.stale import StaleEvent
from agentdeck.core.steps import IOStep, Record, Steps
from agentdeck.engine import failpoints
from agentdeck.engine.ballast import give_up_ballast
from agentdeck.engine.checkpoints import Checkpoints
from agentdeck.engine.enginelog import log
from agentdeck.engine.flights import Flights
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.gate_environment import fingerprint
from agentdeck.engine.heartbeat import Heart
from agentdeck.engine.journal import Journal, JournalError, JournalFull
from agentdeck.engine.lock import EngineLock

MAX_DECISIONS: Final = 1_000  # rounds in one turn; each round takes a task a step further
MAX_POSTS: Final = 1_000  # taken in one turn, so that a turn stays short
# Telemetry waits so long for more of it: a turn costs the same for one report as for ten, and a
# hundred agents report a hundred times a second. Less than a frame of a face that shows it.
GATHER_S: Final = 0.05
TROUBLE_FIRST_S: Final = 1.0  # before a failed step is tried again; doubles
TROUBLE_MAX_S: Final = 60.0
ROOM_AGAIN_S: Final = 1.0  # until a full disk is tried again
LANDING_TIME_S: Final = 15.0  # for steps to end when the engine stops; a git call takes under 1 s


class Performer(Protocol):
    """Does the steps."""

    async def perform(self, step: IOStep) -> None:
        """Do one step and post what came of it. Idempotent."""

    def close(self) -> None:
        """Let go of what it holds."""


@dataclass(slots=True)
class _Post:
    """Something for the owner of the state."""

    events: Sequence[AnyEvent] = ()
    command: AnyCommand | None = None
    durable: bool = True
    stored: asyncio.Future[int] | None = None  # gets the latest number when all is on the disk

    @property
    def is_urgent(self) -> bool:
        """Telemetry can wait for more of its kind; everything else is taken at once."""
        return self.durable or self.command is not None or self.stored is not None


class Engine:
    """The engine of one run. See the module's rules."""

    def __init__(
        self,
        folder: RunFolder,
        journal: Journal,
        identity: ProcessIdentity,
        *,
        lock: EngineLock | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Fold the journal. `journal` is writable and this engine's alone, as is the run's `lock`.

        Raises:
            JournalFormatError: an event cannot be read.
        """
        self.folder = folder
        self.state = fold.fold(journal.history())
        self.clock = clock
        self.stopping = False
        self.waits_for_room = False  # the disk is full, and something is to be stored
        self._lock = lock  # held as long as the engine lives
        self._journal = journal
        self._identity = identity
        self._reader = Journal(journal.path)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="journal")
        # Bounded by those who post: flights, one report a second of each live attempt, and the
        # commands that `control` lets in. A bound here would make a fact wait, or lose it.
        self._posts: asyncio.Queue[_Post] = asyncio.Queue()
        self._moved = asyncio.Condition()
        self._flights: Flights | None = None
        self._performer: Performer | None = None
        self._stop_reason = ""
        self._broken = False  # the journal could not be written
        self._wake_at: float | None = None
        self._stored_seq = self.state.seq
        self._durable_seq = 0  # a power cut cannot take back what is before
        self._checkpoints = Checkpoints(folder)
        self.heart = Heart(self, identity.pid, clock)

    # --- for faces (through `control`) ------------------------------------------------------------

    def read(self, after: int, limit: int) -> list[Recorded]:
        """Stored events behind number `after`."""
        return self._reader.read(after, limit)

    async def wait_past(self, seq: int, timeout_s: float) -> int:
        """Wait until an event behind `seq` is stored, at most `timeout_s`; the latest number."""
        async with self._moved:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._moved.wait_for(lambda: self._stored_seq > seq or self.stopping)
            except TimeoutError:
                pass
        return self._stored_seq

    async def submit(self, command: AnyCommand) -> int:
        """Carry out a command; its events are durable when this returns.

        Returns:
            The number of its last event.

        Raises:
            Refused: it cannot be done now; the message says why.
        """
        stored: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._post(_Post(command=command, stored=stored))
        return await stored

    def stop(self, reason: str) -> None:
        """End the engine in good order. Agents live on."""
        self.stopping, self._stop_reason = True, self._stop_reason or reason
        self._post(_Post())

    def busy(self) -> bool:
        """Is a step in flight, other than watching a live agent or telling a hook?"""
        return self._flights is not None and self._flights.acting

    # --- for performers ---------------------------------------------------------------------------

    async def record(self, *events: AnyEvent) -> None:
        """Post facts and wait until they are stored (or found stale)."""
        failpoints.known(events)
        stored: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._post(_Post(events=events, stored=stored))
        await stored

    def tell(self, *events: AnyEvent) -> None:
        """Post facts and do not wait until they are stored."""
        self._post(_Post(events=events))

    def mention(self, *events: AnyEvent) -> None:
        """Post telemetry: stored soon, not waited for, and not held against a power cut."""
        self._post(_Post(events=events, durable=False))

    async def make_durable(self, seq: int) -> None:
        """Return once a power cut cannot take back event `seq`, which is stored.

        Raises:
            JournalError: the disk cannot say so.
        """
        if seq > self._durable_seq:
            upto = self._stored_seq
            await asyncio.get_running_loop().run_in_executor(self._writer, self._journal.sync)
            self._durable_seq = max(self._durable_seq, upto)

    # --- the ring ---------------------------------------------------------------------------------

    async def run(self, performer: Performer, *beside: Coroutine[Any, Any, None]) -> None:
        """Turn the ring until `stop`.

        Args:
            performer: does the steps.
            beside: what only looks, and mentions what it sees; cancelled when the ring stops.

        Raises:
            JournalError: the journal cannot be written any more. What is in it is whole.
        """
        self._performer = performer
        self._flights = Flights(performer.perform, self._flight_ended, self.clock)
        runs_in = fingerprint(os.environ, self.state.plan.gates)
        self._post(_Post(events=[e.EngineStarted(self._identity, __version__, runs_in)]))
        log.info("agentdeck %s runs %s from event %d", __version__, self.state.run, self.state.seq)
        watchers = [asyncio.create_task(each) for each in (self.heart.beat(), *beside)]
        try:
            while not self.stopping:
                await self._turn(await self._next_posts())
        except JournalError as error:
            # The state is ahead of the journal now: nothing more may be stored on top of it.
            self._broken = True
            log.error("the engine ends: %s", error)
            raise
        finally:
            for watcher in watchers:
                watcher.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)
            await self._end()

    async def _next_posts(self) -> list[_Post]:
        wait = None if self._wake_at is None else max(0.0, self._wake_at - self.clock())
        posts: list[_Post] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                posts.append(await self._posts.get())
            async with asyncio.timeout(GATHER_S):
                while not posts[-1].is_urgent and len(posts) < MAX_POSTS:
                    posts.append(await self._posts.get())
        while len(posts) < MAX_POSTS and not self._posts.empty():
            posts.append(self._posts.get_nowait())
        return posts

    async def _turn(self, posts: Sequence[_Post]) -> None:
        now = self.clock()
        fresh: list[Recorded] = []
        durable = False
        for post in posts:
            taken = self._take(post, now)
            fresh += taken
            durable = durable or (post.durable and bool(taken))
        steps, decided = self._decide(now)
        fresh += decided
        await self._store(fresh, durable=durable or bool(decided))
        for post in posts:
            if post.stored is not None and not post.stored.done():
                post.stored.set_result(self.state.seq)
        if fresh:
            async with self._moved:
                self._moved.notify_all()
        if not self.stopping:
            self._steer(steps)
        self._checkpoints.stored(self.state)

    def _take(self, post: _Post, now: float) -> list[Recorded]:
        """Fold one post; a refused command is answered here."""
        events = post.events
        if post.command is not None:
            try:
                events = decide.decide(self.state, post.command)
            except decide.Refused as refused:
                log.info("refused: %s: %s", type(post.command).__name__, refused)
                if post.stored is not None and not post.stored.done():
                    post.stored.set_exception(refused)
                return []
        return [recorded for event in events if (recorded := self._apply(event, now)) is not None]

    def _apply(self, event: AnyEvent, now: float) -> Recorded | None:
        recorded = Recorded(self.state.seq + 1, now, codec.storable(event))
        try:
            fold.apply(self.state, recorded)
        except StaleEvent as stale:
            log.info("dropped: %s", stale)
            return None
        return recorded

    def _decide(self, now: float) -> tuple[Steps, list[Recorded]]:
        """Fold the decisions that follow, until only steps with IO are left.

        Decisions of one answer are folded together: what an earlier one has made stale is dropped
        and decided anew.
        """
        fresh: list[Recorded] = []
        for _ in range(MAX_DECISIONS):
            steps = next_steps(self.state, now)
            decided = [event for s in steps.steps if isinstance(s, Record) for event in s.events]
            if not decided or self.stopping:
                return steps, fresh
            taken = [r for event in decided if (r := self._apply(event, now)) is not None]
            if not taken:
                raise RuntimeError(f"decisions were stale at once: {decided}")
            fresh += taken
        raise RuntimeError(f"decisions do not end: {fresh[-1].event}")

    async def _store(self, fresh: Sequence[Recorded], *, durable: bool) -> None:
        if not fresh:
            return
        loop = asyncio.get_running_loop()
        while True:
            try:
                await loop.run_in_executor(self._writer, self._write, fresh, durable)
            except JournalFull as error:
                # This batch must not be lost. Nothing is acknowledged and no step begins meanwhile.
                if give_up_ballast(self.folder):
                    continue
                if self.stopping:
                    raise
                if not self.waits_for_room:
                    log.error("waits for room to store %d events: %s", len(fresh), error)
                self.waits_for_room = True
                await asyncio.sleep(ROOM_AGAIN_S)
            else:
                self.waits_for_room = False
                break
        self._stored_seq = fresh[-1].seq
        self._durable_seq = self._stored_seq if durable else self._durable_seq

    def _write(self, fresh: Sequence[Recorded], durable: bool) -> None:
        self._journal.append(
            [recorded.event for recorded in fresh],
            fresh[0].at,
            after=fresh[0].seq - 1,
            durable=durable,
        )

    def _steer(self, steps: Steps) -> None:
        assert self._flights is not None
        wanted = [step for step in steps.steps if not isinstance(step, Record)]
        again = self._flights.steer(wanted)
        times = [moment for moment in (steps.wake_at, again) if moment is not None]
        self._wake_at = min(times, default=None)

    def _post(self, post: _Post) -> None:
        self._posts.put_nowait(post)

    def _flight_ended(self, step: IOStep, error: BaseException | None) -> None:
        if error is None:
            self._post(_Post())
            return
        expected = isinstance(error, DeckError)
        log.error("%s: %s", step.key, error, exc_info=None if expected else error)
        words = str(error) if expected else f"{type(error).__name__}: {error}"
        before = self.state.troubles.get(step.key)
        wait = min(TROUBLE_MAX_S, TROUBLE_FIRST_S * 2 ** (before.count if before else 0))
        task: TaskId | None = getattr(step, "task", None)
        trouble = e.StepFailed(step.key, task, words, self.clock() + wait)
        self._post(_Post(events=[trouble]))

    async def _end(self) -> None:
        self.stopping = True
        assert self._flights is not None
        await self._flights.land_all(LANDING_TIME_S)
        posts = []
        while not self._posts.empty():
            posts.append(self._posts.get_nowait())
        log.info("the engine ends: %s", self._stop_reason or "it failed")
        posts.append(_Post(events=[e.EngineStopped(self._stop_reason or "it failed")]))
        try:
            if not self._broken:
                await self._turn(posts)
        except (JournalError, RuntimeError) as error:
            log.error("the last events were not stored: %s", error)
        finally:
            for post in posts:
                if post.stored is not None and not post.stored.done():
                    post.stored.cancel()
            async with self._moved:
                self._moved.notify_all()
            if self._performer is not None:
                self._performer.close()
            self._writer.shutdown()
            whole = self.state.seq == self._stored_seq
            self._checkpoints.close(self.state if whole else None)
            self._reader.close()
            self._journal.close()
            if self._lock is not None:
                self._lock.release()
