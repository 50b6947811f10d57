"""Where an engine lives: a process `python -m agentdeck.control.host RUN_DIR`, or the foreground.

Rules:
- SIGTERM, SIGINT and a terminal that goes away (SIGHUP) end the engine in good order: agents live
  on and are found again. A second signal ends it as it is.
- Detached, it ends by itself when the run has finished, no step is in flight and no client has been
  connected for `IDLE_S`. A run that waits for a person keeps its engine.
- In the foreground it ends with the run, or when `until` has named an end for `SETTLE_S`.
- Hooks that are due then are waited for at most `HOOKS_S`; the rest is told when an engine of the
  run begins again, or by `agentdeck hooks deliver`.
- Beside the engine it keeps the plan's source document true, if the plan names one.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentdeck.control.server import ControlServer
from agentdeck.control.tool_server import ToolServer
from agentdeck.core import hooks
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import Refused
from agentdeck.core.errors import EXIT_FAILED, EXIT_OK, DeckError
from agentdeck.core.events import Recorded
from agentdeck.core.state import RunState
from agentdeck.engine import failpoints
from agentdeck.engine.create import open_engine, run_engine
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal
from agentdeck.engine.loop import Engine

if TYPE_CHECKING:
    from agentdeck.control.kept_files import FilesKeeper
    from agentdeck.control.write_back import SourceKeeper

IDLE_S: Final = 3.0  # without a client: a deck that reconnects needs under 1 s
SETTLE_S: Final = 1.0  # an end must hold this long: decisions follow each other within milliseconds
PATIENCE_S: Final = 10.0  # for steps in flight at an end; a promotion may wait for ever
HOOKS_S: Final = 10.0  # for hooks that are due: that the run has ended should be told, too
GLANCE_S: Final = 0.25  # between two looks at what only time changes
READ_EVENTS: Final = 1_000  # at once, for an onlooker

Until = Callable[[RunState], str | None]
Saw = Callable[[Sequence[Recorded], RunState], None]
Wishes = Callable[[RunState], Sequence[AnyCommand]]


@dataclass(frozen=True, slots=True)
class Ended:
    """How an engine in the foreground ended."""

    state: RunState
    reason: str
    interrupted: bool  # by a signal


def host(
    folder: RunFolder,
    *,
    until: Until | None = None,
    saw: Saw | None = None,
    wishes: Wishes | None = None,
) -> Ended:
    """Run the engine of `folder` in this process until it ends.

    Args:
        until: says why the engine should end in this state, or None to go on. Without it: the idle
            rule.
        saw: is shown every new event, in order.
        wishes: what a person in this process wants in this state; refusals are passed over.

    Raises:
        EnvironmentFault: another engine has the run, its journal or repository is gone, or its
            folder belongs to somebody else.
        UsageError: a failpoint is armed that there is not.
    """
    failpoints.arm(os.environ)
    folder.secure()
    return asyncio.run(_Host(folder, until, saw, wishes).run())


class _Host:
    def __init__(
        self, folder: RunFolder, until: Until | None, saw: Saw | None, wishes: Wishes | None
    ) -> None:
        self._folder = folder
        self._journal = Journal(folder.journal)  # of its own: the engine closes its one at the end
        self._until, self._saw, self._wishes = until, saw, wishes
        self._reason = ""
        self._interrupted = False
        self._since: float | None = None  # when the present end was first seen

    async def run(self) -> Ended:
        engine = open_engine(self._folder)
        seen = engine.state.seq
        servers = [ControlServer(engine, self._folder)]
        if engine.state.plan.tools.given:
            servers.append(ToolServer(engine, self._folder))
        self._take_signals(engine)
        keeper = _keeper_of(engine.state)
        ring = asyncio.create_task(run_engine(engine), name="ring")
        keeping = asyncio.create_task(_keep(keeper, engine), name="write back")
        files = _files_keeper_of(self._folder, engine.state)
        filing = asyncio.create_task(_keep(files, engine), name="kept files")
        try:
            for server in servers:
                await server.start()
            seen = await self._watch(engine, servers[0], ring, seen)
        except BaseException:
            engine.stop("its host failed")
            await asyncio.wait({ring})
            raise
        finally:
            await asyncio.wait({ring})
            for server in servers:
                await server.close()
            self._show(engine, seen)
            self._journal.close()
            for each in (keeper, files):
                if each is not None:
                    each.end()
            await asyncio.wait({keeping, filing})
        ring.result()
        return Ended(engine.state, self._reason, self._interrupted)

    def _take_signals(self, engine: Engine) -> None:
        loop = asyncio.get_running_loop()
        taken = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` and `main` set it
            taken.append(signal.SIGHUP)

        def end(number: signal.Signals) -> None:
            self._interrupted, self._reason = True, f"{number.name} received"
            engine.stop(self._reason)
            for other in taken:
                loop.remove_signal_handler(other)  # a second one ends it as it is

        for number in taken:
            loop.add_signal_handler(number, end, number)

    async def _watch(
        self, engine: Engine, server: ControlServer, ring: asyncio.Task[None], seen: int
    ) -> int:
        """Until the engine stops; the number of the last event that was shown."""
        while not ring.done() and not engine.stopping:
            await engine.wait_past(seen, GLANCE_S)
            seen = self._show(engine, seen)
            await self._wish(engine)
            reason = self._end_of(engine, server)
            if reason is not None and not engine.stopping:
                self._reason = reason
                engine.stop(reason)
        return seen

    def _show(self, engine: Engine, seen: int) -> int:
        while batch := self._journal.read(seen, READ_EVENTS):
            seen = batch[-1].seq
            if self._saw is not None:
                self._saw(batch, engine.state)
        return seen

    async def _wish(self, engine: Engine) -> None:
        for command in self._wishes(engine.state) if self._wishes is not None else ():
            try:
                async with asyncio.timeout(IDLE_S):
                    await engine.submit(command)
            except (Refused, TimeoutError):
                pass  # the state has moved on, or the engine ends

    def _end_of(self, engine: Engine, server: ControlServer) -> str | None:
        """Why the engine should end now, once that has held long enough."""
        if self._until is not None:
            reason, wait = self._until(engine.state), SETTLE_S
        else:
            idle = engine.state.outcome is not None and server.client_count == 0
            reason, wait = ("the run has ended" if idle else None), IDLE_S
        now = time.monotonic()
        if reason is None:
            self._since = None
            return None
        self._since = now if self._since is None else self._since
        held = now - self._since
        if self._until is not None and engine.state.outcome is not None:
            wait = 0.0  # a run that has ended does not go on by itself
        if self._until is None and hooks.are_quiet(engine.state, engine.clock()):
            return None  # somebody wants to hear in the morning how it has ended
        patient = PATIENCE_S if engine.busy() else wait
        if hooks.are_due(engine.state, engine.clock() + HOOKS_S - held):
            patient = max(patient, HOOKS_S)
        return reason if held >= patient and (self._until or not engine.busy()) else None


def _keeper_of(state: RunState) -> SourceKeeper | None:
    if state.plan.source is None:
        return None
    from agentdeck.control.write_back import keeper_of  # the importers: few runs need them

    return keeper_of(state)


def _files_keeper_of(folder: RunFolder, state: RunState) -> FilesKeeper | None:
    if state.plan.keep is None:
        return None
    from agentdeck.control.kept_files import files_keeper_of

    return files_keeper_of(folder, state)


async def _keep(keeper: SourceKeeper | FilesKeeper | None, engine: Engine) -> None:
    if keeper is not None:
        await keeper.run(lambda: engine.state)


def main(argv: Sequence[str]) -> int:
    """Run the engine of the run folder that is named; the exit status."""
    if len(argv) != 1:
        print("usage: python -m agentdeck.control.host RUN_DIR", file=sys.stderr)
        return 2
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the terminal it came from may go
    try:
        host(RunFolder(Path(argv[0]).resolve()))
    except DeckError as error:
        with suppress(OSError):  # on a full disk there is no room for it in engine.out
            print(error.message, file=sys.stderr)
            if error.hint:
                print(f"hint: {error.hint}", file=sys.stderr)
            sys.stderr.flush()
        return error.exit_code or EXIT_FAILED
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
