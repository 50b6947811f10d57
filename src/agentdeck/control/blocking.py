"""A face's side of the control socket, for the command line: one call at a time, no event loop.

Rules: the same methods and errors as `client.RunClient`. It imports nothing that is slow to import.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from agentdeck import __version__
from agentdeck.control import protocol as rpc
from agentdeck.control import socketfile
from agentdeck.control.handshake import EngineGone, check_hello, gone, no_answer
from agentdeck.core.codec import decode_recorded
from agentdeck.core.commands import AnyCommand
from agentdeck.core.events import Recorded
from agentdeck.core.ids import TaskId
from agentdeck.engine.folders import RunFolder

ANSWER_S: Final = 30.0  # for an answer that does not wait
CHUNK: Final = 256 * 1024  # bytes read at once

Result = TypeVar("Result")


def connect(folder: RunFolder, answer_s: float | None = None) -> BlockingClient:
    """Connect, and make sure that both sides speak the same protocol.

    Args:
        answer_s: how long to wait for an answer; None = `ANSWER_S`.

    Raises:
        EngineGone: nobody answers.
        EnvironmentFault: the engine speaks another protocol, or refuses this user.
    """
    try:
        connection = socketfile.connect(folder.socket)
    except OSError as error:
        raise gone(folder) from error
    client = BlockingClient(folder, connection, answer_s)
    try:
        client.hello()
    except BaseException:
        client.close()
        raise
    return client


class BlockingClient:
    """A connection to the engine of one run."""

    def __init__(
        self, folder: RunFolder, connection: socket.socket, answer_s: float | None = None
    ) -> None:
        """Use `connect`."""
        self._answer_s = ANSWER_S if answer_s is None else answer_s
        self.folder = folder
        self._connection = connection
        self._buffer = bytearray()
        self._number = 0

    @property
    def hung_up(self) -> bool:
        """Has the other end gone, between two calls?"""
        return bool(select.select([self._connection], [], [], 0)[0])

    def hello(self) -> rpc.Hello:
        """Who answers."""
        hello = self._call("hello", rpc.HelloParams(client=f"cli {__version__}"), rpc.Hello)
        return check_hello(hello, self.folder)

    def send(self, command: AnyCommand) -> int:
        """Carry out a command; the number of its last event, which is durable.

        Raises:
            Refused: it cannot be done now; the message says why.
            EngineGone: there is no answer. It may have been done: the journal knows.
        """
        return self._call("command", rpc.CommandParams(command), rpc.Seq).seq

    def events(
        self, after: int, *, limit: int = rpc.MAX_EVENTS, wait_s: float = 0.0
    ) -> list[Recorded]:
        """Events behind number `after`; waits up to `wait_s` seconds for the first of them."""
        found = self.raw_events(after, limit=limit, wait_s=wait_s)
        return [decode_recorded(bytes(raw)) for raw in found.events]

    def raw_events(
        self, after: int, *, limit: int = rpc.MAX_EVENTS, wait_s: float = 0.0
    ) -> rpc.Events:
        """The same, as they are sent, with the number of the latest one."""
        params = rpc.EventsParams(after, limit, min(wait_s, rpc.MAX_WAIT_S))
        return self._call("events.since", params, rpc.Events, self._answer_s + wait_s)

    def explain(self, task: TaskId) -> str:
        """Why the task stands where it stands. Raises NotFoundError."""
        return self._call("explain", rpc.ExplainParams(task), rpc.Sentence).sentence

    def status(self) -> rpc.Status:
        """The run in a few numbers."""
        return self._call("status", rpc.Nothing(), rpc.Status)

    def plan(self) -> rpc.PlanNow:
        """The plan as it is now."""
        return self._call("plan", rpc.Nothing(), rpc.PlanNow)

    def tasks(self, only: Sequence[TaskId] = ()) -> rpc.Tasks:
        """These tasks, or all of them. Raises NotFoundError."""
        return self._call("tasks", rpc.TasksParams(list(only)), rpc.Tasks)

    def queue(self) -> rpc.Queue:
        """The merge queue, in the order in which it lands."""
        return self._call("queue", rpc.Nothing(), rpc.Queue)

    def inbox(self) -> rpc.Inbox:
        """What waits for a person, the most urgent first."""
        return self._call("inbox", rpc.Nothing(), rpc.Inbox)

    def stop(self, reason: str) -> None:
        """End the engine in good order; agents live on."""
        self._call("stop", rpc.StopParams(reason), rpc.Nothing)

    def call(self, method: str, params: Mapping[str, Any], timeout_s: float | None = None) -> Any:
        """Any method, with params and result as JSON has them.

        Raises:
            CallError: there is no such method, or the params do not fit it.
        """
        return self._call(method, params, object, timeout_s)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _call(
        self, method: str, params: Any, wanted: type[Result], timeout_s: float | None = None
    ) -> Result:
        self._number += 1
        timeout_s = self._answer_s if timeout_s is None else timeout_s
        deadline = time.monotonic() + timeout_s
        try:
            self._connection.settimeout(timeout_s)
            self._connection.sendall(rpc.request_line(method, params, self._number))
            while True:
                answer = rpc.read_answer(self._line(deadline))
                if answer.id in (self._number, None):
                    return rpc.read_result(answer, wanted)
        except TimeoutError as error:
            raise no_answer(self.folder, timeout_s) from error
        except OSError as error:
            raise gone(self.folder) from error

    def _line(self, deadline: float) -> bytes:
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > rpc.MAX_ANSWER:
                raise rpc.ProtocolError(f"an answer has more than {rpc.MAX_ANSWER:,} bytes")
            self._connection.settimeout(max(0.001, deadline - time.monotonic()))
            chunk = self._connection.recv(CHUNK)
            if not chunk:
                raise ConnectionResetError
            self._buffer += chunk
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line


__all__ = ["BlockingClient", "EngineGone", "connect"]
