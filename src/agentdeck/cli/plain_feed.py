"""Where plain mode gets events from: a journal that grows, or a run that is seen again.

Rules: the journal is followed in a thread, and read by whoever waits for `fileno`; at most
`MAX_BATCHES` wait for them. A replay has no thread: it is looked at a few times a second.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from agentdeck.control.runs import RunFolder
from agentdeck.core.errors import DeckError, UsageError
from agentdeck.core.events import Recorded

if TYPE_CHECKING:
    from agentdeck.tui.replay import Replay

MAX_BATCHES: Final = 64  # read and not yet told
GLANCE_S: Final = 0.1  # between two looks at a replay
IDLE_S: Final = 60.0  # a live run wakes its reader by itself
END_S: Final = 5.0  # for the thread to let go of the journal


class LiveFeed:
    """The events of a run as they are written, by whoever has its engine."""

    def __init__(self, folder: RunFolder, after: int) -> None:
        """Events behind number `after`."""
        self._folder, self._after = folder, after
        self._batches: queue.Queue[list[Recorded] | DeckError] = queue.Queue(MAX_BATCHES)
        self._ready, self._wake = os.pipe()
        for end in (self._ready, self._wake):
            os.set_blocking(end, False)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="plain feed", daemon=True)
        self._thread.start()

    tick_s = IDLE_S
    stands_still = False

    def fileno(self) -> int | None:
        """Readable when there is something to take."""
        return self._ready

    def take(self) -> list[Recorded]:
        """What has happened. Raises DeckError when the journal cannot be read any more."""
        with suppress(BlockingIOError):
            os.read(self._ready, MAX_BATCHES)
        found: list[Recorded] = []
        for _ in range(MAX_BATCHES):
            try:
                batch = self._batches.get_nowait()
            except queue.Empty:
                break
            if isinstance(batch, DeckError):
                raise batch
            found += batch
        return found

    def obey(self, words: Sequence[str]) -> str | None:  # noqa: ARG002 - the present obeys nobody
        """There is nothing to command."""
        return None

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        self._thread.join(END_S)
        os.close(self._ready)
        os.close(self._wake)

    def _work(self) -> None:
        try:
            asyncio.run(self._follow())
        except DeckError as error:
            while not self._put(error) and not self._closing.wait(GLANCE_S):
                pass

    async def _follow(self) -> None:
        from agentdeck.control.source import JournalSource

        source = JournalSource(self._folder)
        following = asyncio.create_task(self._pass_on(source.follow(self._after)))
        while not self._closing.is_set() and not following.done():
            await asyncio.wait({following}, timeout=GLANCE_S)
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        await source.close()

    async def _pass_on(self, batches: AsyncIterator[list[Recorded]]) -> None:
        async for batch in batches:
            while not self._put(batch):
                if self._closing.is_set():
                    return
                await asyncio.sleep(GLANCE_S)

    def _put(self, batch: list[Recorded] | DeckError) -> bool:
        try:
            self._batches.put_nowait(batch)
        except queue.Full:
            return False
        with suppress(BlockingIOError):
            os.write(self._wake, b".")
        return True


class ReplayFeed:
    """A run seen again; time stands still and goes on by command."""

    def __init__(self, replay: Replay) -> None:
        """Begins where `replay` stands."""
        self._replay = replay
        self._taken = replay.count

    tick_s = GLANCE_S

    @property
    def stands_still(self) -> bool:
        """It is paused, or at its end."""
        return not self._replay.playing

    def fileno(self) -> int | None:
        """Only time brings something."""
        return None

    def take(self) -> list[Recorded]:
        """What has happened in the replay since the last look."""
        self._replay.tick()
        found = self._replay.events[self._taken : self._replay.count]
        self._taken = max(self._taken, self._replay.count)
        return found

    def obey(self, words: Sequence[str]) -> str | None:
        """`pause`, `resume`, `speed N`: of the replay. Raises UsageError."""
        match words:
            case ["pause"]:
                self._replay.playing = False
                return "the replay stands still; `resume` goes on"
            case ["resume"]:
                self._replay.tick()
                self._replay.playing = self._taken < len(self._replay.events)
                return "the replay goes on" if self._replay.playing else "this is the end of it"
            case ["speed", number]:
                return self._speed(number)
            case _:
                return None

    def _speed(self, number: str) -> str:
        from agentdeck.tui.replay import MAX_SPEED, MIN_SPEED

        try:
            wished = float(number)
        except ValueError:
            wished = 0.0
        if not MIN_SPEED <= wished <= MAX_SPEED:
            limits = f"{MIN_SPEED:g} to {MAX_SPEED:,.0f}"
            raise UsageError(f"speed {number}: seconds of the run in one second, {limits}")
        self._replay.change_speed(wished / self._replay.speed)
        return f"the replay goes {wished:g} times as fast as the run did"

    def close(self) -> None:
        """There is nothing to let go of."""


__all__ = ["LiveFeed", "ReplayFeed"]
