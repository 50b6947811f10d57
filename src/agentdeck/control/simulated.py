"""A simulated run as a face sees it: events of a virtual ring, at many times the speed of life.

Rules:
- Nothing outside a temporary folder is touched: it holds the plan's text and the logs of the
  simulated agents, and is deleted by `close`.
- Virtual time passes only while somebody follows, `speed` seconds for each real one. It stands
  still while nothing can happen by itself: a run that waits for its person does not grow old.
- Commands are carried out at the virtual moment at which they come, and refused as the engine
  would refuse them. What needs a repository is refused as well.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Final

from agentdeck.control import protocol as rpc
from agentdeck.core import events as e
from agentdeck.core.commands import AnyCommand, Promote
from agentdeck.core.decide import Refused
from agentdeck.core.errors import EnvironmentFault, NotFoundError
from agentdeck.core.events import Recorded
from agentdeck.core.explain import explain
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan, Strategy
from agentdeck.core.times import TaskTimes
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.private_files import write_private
from agentdeck.plans.forecast.ring import RUN, VirtualRing
from agentdeck.plans.forecast.ring_log import MARK

TICK_S: Final = 0.05  # real seconds between two looks; faster than the deck draws
MAX_TICK_S: Final = 0.5  # of real time that counts at once; a laptop that slept must not jump
MAX_MOMENTS: Final = 50  # a tick; where more happens time passes slower, and the screen stays alive
WHOLE_RUN_S: Final = 60.0  # real seconds that a whole run takes at the default speed
MIN_SPEED: Final = 0.1  # virtual seconds for each real one
MAX_SPEED: Final = 1_000_000.0  # eleven days a second; above it nothing can be seen
REPORTS: Final = 8  # of each attempt on its way; enough for its log to move
PRIVATE_DIR: Final = 0o700


def fitting_speed(makespan_s: float) -> float:
    """The speed at which a run of so many virtual seconds takes about a minute, a round number."""
    speed = max(1.0, makespan_s / WHOLE_RUN_S)
    digits = 1 - math.floor(math.log10(speed))
    return min(MAX_SPEED, round(speed, max(digits, -12)))


class SimulatedSource:
    """A run that is only played. It is its own clock: see `now`."""

    def __init__(
        self,
        plan: Plan,
        times: Mapping[TaskId, TaskTimes] | None = None,
        *,
        text: str = "",
        speed: float,
        agents_limit: int | None = None,
        strategy: Strategy | None = None,
        started_at: float | None = None,
        real: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the run; its time stands until it is followed.

        Args:
            times: how long things take; a task that is not in it takes its estimate.
            text: of the plan file, for the folder.
            speed: virtual seconds for each real one, `MIN_SPEED` to `MAX_SPEED`.
            started_at: seconds since the epoch; None = now.
            real: real seconds, for tests.

        Raises:
            EnvironmentFault: there is no room for temporary files.
        """
        self.speed = speed
        self._real = real
        self._ring = VirtualRing(
            plan,
            times,
            started_at=time.time() if started_at is None else started_at,
            agents_limit=agents_limit,
            strategy=strategy,
            reports=REPORTS,
        )
        self._logged = 0  # events whose log lines are written
        self._looked_at: float | None = None
        try:
            self._temporary = tempfile.TemporaryDirectory(prefix="agentdeck-simulate-")
            self.folder = RunFolder(Path(self._temporary.name) / RUN)
            self.folder.path.mkdir(mode=PRIVATE_DIR)
            write_private(self.folder.plan, text)
        except OSError as error:
            raise _no_room(error) from error

    # --- its time ---------------------------------------------------------------------------------

    @property
    def label(self) -> str:
        """What a face must say of it: `simulated, 600x`."""
        return (
            f"simulated, {self.speed:,.6g}x" if self.speed < 1 else f"simulated, {self.speed:,.0f}x"
        )

    def now(self) -> float:
        """The virtual time, seconds since the epoch."""
        return self._ring.now

    def change_speed(self, factor: float) -> None:
        """Let time pass `factor` times as fast as now, within bounds."""
        self.speed = min(MAX_SPEED, max(MIN_SPEED, self.speed * factor))

    # --- as any source ----------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Always: the run is here."""
        return True

    async def follow(self, after: int = 0) -> AsyncGenerator[list[Recorded], None]:
        """Events behind number `after`, as virtual time passes.

        Raises:
            EnvironmentFault: the logs cannot be written.
        """
        self._looked_at = self._real()
        while True:
            self._pass_time()
            while fresh := self._ring.events_after(after)[: rpc.MAX_EVENTS]:
                after = fresh[-1].seq
                yield list(fresh)
            await asyncio.sleep(TICK_S)

    async def send(self, command: AnyCommand) -> int:
        """Carry out a command now; the number of its last event. Raises Refused."""
        if isinstance(command, Promote):
            raise Refused(f"the run is simulated: nothing is brought into {self._ring.state.base}")
        seq = self._ring.command(command)
        self._write_logs()
        return seq

    async def explain(self, task: TaskId) -> str:
        """Why the task stands where it stands. Raises NotFoundError."""
        if task not in self._ring.state.tasks:
            raise NotFoundError(f"there is no task {task!r}")
        return explain(self._ring.state, task, self._ring.now)

    async def close(self) -> None:
        """Delete the folder."""
        self._temporary.cleanup()

    # --- what happens -----------------------------------------------------------------------------

    def _pass_time(self) -> None:
        real, before = self._real(), self._looked_at
        self._looked_at = real
        passed = min(MAX_TICK_S, max(0.0, real - before)) if before is not None else 0.0
        until = self._ring.now + passed * self.speed
        for _ in range(MAX_MOMENTS):
            at = self._ring.next_at()
            if at is None:
                break
            self._ring.advance(min(at, until))
            if at > until:
                break
        self._write_logs()

    def _write_logs(self) -> None:
        fresh = self._ring.events_after(self._logged)
        self._logged += len(fresh)
        try:
            for recorded in fresh:
                self._write_log(recorded.event)
        except OSError as error:
            raise _no_room(error) from error

    def _write_log(self, event: e.AnyEvent) -> None:
        if not isinstance(event, e.AttemptLaunched | e.AttemptProgressed | e.AttemptExited):
            return
        folder = self.folder.attempt(event.task, event.attempt)
        log = folder / "raw.log"
        match event:
            case e.AttemptLaunched():
                folder.mkdir(parents=True)
                log.touch()
            case e.AttemptProgressed():
                _grow(log, self._text_of(event.task)[: event.offset])
            case e.AttemptExited() if event.ok is not True:
                with log.open("ab") as file:
                    file.write(f"{MARK}{event.detail or 'ended by you'}\n".encode())

    def _text_of(self, task: TaskId) -> bytes:
        return "".join(f"{line}\n" for line in self._ring.log_lines(task)).encode()


def _grow(log: Path, text: bytes) -> None:
    """Make a log as long as `text`, of which it has the beginning."""
    with log.open("ab") as file:
        file.write(text[file.tell() :])


def _no_room(error: OSError) -> EnvironmentFault:
    return EnvironmentFault(
        f"the simulation cannot write its logs: {error.strerror}",
        hint="set TMPDIR to a folder that you can write to",
    )
