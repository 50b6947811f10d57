"""`agentdeck.Client`: one call at a time, without an event loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from agentdeck.client.following import (
    AFTER_END_S,
    ANSWER_S,
    FIRST_PAUSE_S,
    MAX_PAUSE_S,
    PATIENCE_S,
    TRIES,
    WAIT_S,
    EngineGone,
    Event,
    as_events,
    folder_of,
    stored_events,
)
from agentdeck.client.wishes import Wishes
from agentdeck.control import protocol as rpc
from agentdeck.control import readings
from agentdeck.control.blocking import BlockingClient, connect
from agentdeck.control.run_lines import EntryLine, TaskLine
from agentdeck.control.runs import RunFolder, fold_run, has_ended
from agentdeck.control.waiting_lines import WaitingLine
from agentdeck.core.commands import AnyCommand
from agentdeck.core.errors import DeckError
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.state import RunState

Read = TypeVar("Read")


class Client(Wishes[int]):
    """A run. Use `of`, as a context manager; for one thread at a time."""

    def __init__(self, folder: RunFolder, timeout_s: float, patience_s: float | None) -> None:
        """Use `of`."""
        self._folder, self._timeout_s, self._patience_s = folder, timeout_s, patience_s
        self._engine: BlockingClient | None = None

    @classmethod
    def of(
        cls,
        where: str | Path | None = None,
        *,
        timeout_s: float = ANSWER_S,
        patience_s: float | None = PATIENCE_S,
    ) -> Self:
        """A client of a run. It connects when it is first asked something.

        Args:
            where: a run's id, or how that begins; the folder of a run; a folder of a repository,
                whose newest run is meant; None = the folder one is in.
            timeout_s: how long to wait for an answer.
            patience_s: how long `events` waits for an engine that has gone before the run had
                finished; None = for ever.

        Raises:
            NotFoundError: there is no such run.
        """
        return cls(folder_of(where), timeout_s, patience_s)

    @property
    def run(self) -> str:
        """The run's id."""
        return self._folder.run

    @property
    def folder(self) -> Path:
        """Where its journal, logs and worktrees are."""
        return self._folder.path

    def send(self, command: AnyCommand) -> int:
        """Carry out a command; the number of its last event.

        Raises:
            RefusedError: it cannot be done now; the message says why.
            NoAnswer: not in time. It may have been done.
            EngineGone: there is no engine, or it went. It may have been done.
        """
        with self._hanging_up():
            return self._connected().send(command)

    def status(self) -> rpc.Status:
        """The run in a few numbers."""
        return self._read(
            lambda engine: engine.status(), lambda state: readings.status_of(state, alive=False)
        )

    def plan(self) -> Plan:
        """The plan as it is now."""
        return self._read(lambda engine: engine.plan(), readings.plan_of).plan

    def tasks(self, *only: str) -> list[TaskLine]:
        """These tasks, or all of them, in the order of the plan. Raises NotFoundError."""
        params = rpc.TasksParams([TaskId(name) for name in only])
        return self._read(
            lambda engine: engine.tasks(params.tasks),
            lambda state: readings.tasks_of(state, params, state.at),
        ).tasks

    def task(self, name: str) -> TaskLine:
        """One task. Raises NotFoundError."""
        return self.tasks(name)[0]

    def queue(self) -> list[EntryLine]:
        """The merge queue, in the order in which it lands."""
        return self._read(
            lambda engine: engine.queue(), lambda state: readings.queue_of(state, state.at)
        ).queue

    def inbox(self) -> list[WaitingLine]:
        """What waits for a person, the most urgent first."""
        return self._read(
            lambda engine: engine.inbox(), lambda state: readings.inbox_of(state, state.at)
        ).waiting

    def explain(self, task: str) -> str:
        """Why a task stands where it stands. Raises NotFoundError."""
        params = rpc.ExplainParams(TaskId(task))
        return self._read(
            lambda engine: engine.explain(params.task),
            lambda state: readings.sentence_of(self._folder, state, params, state.at).sentence,
        )

    def events(self, after: int = 0, *, follow: bool = True) -> Iterator[Event]:
        """Events behind number `after`, each once, in order.

        It ends when the run has finished and nothing more comes; with `follow=False` where there is
        no later event yet. An engine that restarts is found again, and nothing is missed.

        Raises:
            EngineGone: the engine has gone before the run had finished, and has not come back.
            CursorLost: there is no event `after`.
        """
        ended = has_ended(self._folder)
        while True:
            wait_s = 0.0 if not follow else AFTER_END_S if ended else WAIT_S
            batch, alive = self._more(after, wait_s)
            for event in batch:
                after, ended = event.seq, ended or event.kind == "run.finished"
                yield event
            if batch:
                continue
            if not follow or (ended and not (alive and self.status().busy)):
                return
            if not alive:
                self._wait_for_engine()

    def close(self) -> None:
        """Hang up. The client can be used again: it connects anew."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _more(self, after: int, wait_s: float) -> tuple[list[Event], bool]:
        """The next events, and whether there is an engine."""
        try:
            with self._hanging_up():
                return as_events(self._connected().raw_events(after, wait_s=wait_s), after), True
        except rpc.NoAnswer:
            raise
        except EngineGone:
            return stored_events(self._folder, after), False

    def _wait_for_engine(self) -> None:
        """Until one answers, or the run has finished without it."""
        patience_s, pause_s = self._patience_s, FIRST_PAUSE_S
        deadline = None if patience_s is None else time.monotonic() + patience_s
        while True:
            try:
                self._connected()
                return
            except EngineGone:
                if has_ended(self._folder):
                    return
                if deadline is not None and time.monotonic() + pause_s > deadline:
                    raise
            time.sleep(pause_s)
            pause_s = min(MAX_PAUSE_S, 2 * pause_s)

    def _read(
        self, ask: Callable[[BlockingClient], Read], fold: Callable[[RunState], Read]
    ) -> Read:
        """From the engine; where there is none, from the journal."""
        for _ in range(TRIES):
            try:
                with self._hanging_up():
                    return ask(self._connected())
            except rpc.NoAnswer:
                raise
            except EngineGone:
                continue
        return fold(fold_run(self._folder))

    def _connected(self) -> BlockingClient:
        if self._engine is not None and self._engine.hung_up:
            self.close()
        if self._engine is None:
            self._engine = connect(self._folder, self._timeout_s)
        return self._engine

    @contextmanager
    def _hanging_up(self) -> Iterator[None]:
        """Let go of a connection that has failed, so that the next call gets a new one."""
        try:
            yield
        except (EngineGone, rpc.ProtocolError):
            self.close()
            raise
        except DeckError:
            raise  # an answer, so the connection is sound
        except BaseException:  # Ctrl-C: an answer may be half read
            self.close()
            raise


__all__ = ["Client"]
