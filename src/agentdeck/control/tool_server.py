"""The socket on which agents call tools of agentdeck: the engine's side.

Rules:
- It answers `hello` and `tool` alone: who may call tools may not command the run.
- Each call proves whose it is by the secret of its attempt's pass; what the attempt may want is
  decided by the core, as any command.
- A call waits for its answer at most `MAX_TOOL_WAIT_S`, and is made again with the same key.
- Progress is taken once in `PROGRESS_S` of an attempt; what comes faster is passed over.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from agentdeck.control import protocol as rpc
from agentdeck.control.protocol import Code
from agentdeck.control.server import ControlServer, EnginePort
from agentdeck.control.session import Fault
from agentdeck.core import commands as c
from agentdeck.core import tool_calls as t
from agentdeck.core.commands import AnyCommand
from agentdeck.core.ids import TaskId, id_fault
from agentdeck.core.plan import Task
from agentdeck.core.refused import Refused
from agentdeck.core.tool_calls import ARGUMENTS, Came, Outcome
from agentdeck.core.unreadable import UNREADABLE
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.tool_pass import read_pass

PROGRESS_S: Final = 1.0  # between two reports of an attempt: each is an event for ever
LAUNCH_S: Final = 10.0  # an agent may call before it is written down that it was launched
NOTED: Final = Outcome(Came.DONE, "Noted.")


class ToolServer(ControlServer):
    """Answers the agents of one run until it is closed."""

    def __init__(self, engine: EnginePort, folder: RunFolder) -> None:
        """It listens at the socket for tools of `folder`."""
        super().__init__(engine, folder, path=folder.tool_socket)
        self._reported: dict[tuple[TaskId, int], float] = {}  # when; one for each live attempt

    async def close(self) -> None:
        """Stop listening, end every connection, and take socket and folder away."""
        await super().close()
        with contextlib.suppress(OSError):
            self._folder.tool_socket.parent.rmdir()

    def _methods(self) -> dict[str, tuple[Any, Callable[[Any], Awaitable[Any]]]]:
        return {"hello": (rpc.HelloParams, self._hello), "tool": (rpc.ToolParams, self._tool)}

    async def _tool(self, params: rpc.ToolParams) -> Outcome:
        self._check_caller(params)
        if not 0 <= params.wait_s <= rpc.MAX_TOOL_WAIT_S:
            raise Fault(Code.PARAMS, f"tool: wait_s must be 0 to {rpc.MAX_TOOL_WAIT_S:g}")
        wanted = ARGUMENTS.get(params.tool)
        if wanted is None:
            raise Refused(f"there is no tool {params.tool[:60]!r}")
        try:
            arguments = msgspec.json.decode(params.arguments, type=wanted)
        except UNREADABLE as error:
            raise Refused(f"{params.tool}: {error}", hint="see the schema of the tool") from error
        await self._launched(params)
        if isinstance(arguments, t.WaitForAnswer):
            found = await self._come(params, arguments.id)
            if found.came is Came.UNKNOWN:
                raise Refused(f"this attempt has asked nothing with the id {arguments.id!r}")
            return found
        if isinstance(arguments, t.ReportProgress) and self._too_soon(params):
            return NOTED
        await self._engine.submit(_command(params, arguments))
        if isinstance(arguments, t.ReportProgress):
            return NOTED
        files = arguments.files if isinstance(arguments, t.RequestFiles) else ()
        if files and t.has_files(self._engine.state, params.task, tuple(map(str.strip, files))):
            return Outcome(Came.DONE, f"You may touch {', '.join(files)} now.")
        if isinstance(arguments, t.ProposeTask):
            return t.outcome(self._engine.state, params.task, params.attempt, params.key)
        return await self._come(params, params.key)

    def _check_caller(self, params: rpc.ToolParams) -> None:
        """Raise `Fault` unless the call is of the attempt that it names."""
        known = None
        if id_fault(params.task) is None and params.attempt > 0:
            known = read_pass(self._folder.attempt(params.task, params.attempt))
        secret = known.secret if known is not None else ""
        if not secret or not hmac.compare_digest(secret.encode(), params.secret.encode()):
            raise Fault(Code.FORBIDDEN, "the call does not prove of which attempt it is")

    async def _launched(self, params: rpc.ToolParams) -> None:
        """Until it is known that the agent runs; what it may want is asked afterwards."""
        waited_until = _now() + LAUNCH_S
        while (left := waited_until - _now()) > 0:
            state = self._engine.state
            task = state.tasks.get(params.task)
            attempt = task.attempt if task is not None else None
            if attempt is None or attempt.number != params.attempt or attempt.launched_at:
                return
            await self._engine.wait_past(state.seq, left)

    async def _come(self, params: rpc.ToolParams, key: str) -> Outcome:
        """What has come of a key, once that is an answer or the wait is over."""
        until = _now() + params.wait_s
        while True:
            state = self._engine.state
            found = t.outcome(state, params.task, params.attempt, key)
            left = until - _now()
            if found.came is not Came.WAITS or left <= 0:
                return found
            await self._engine.wait_past(state.seq, left)

    def _too_soon(self, params: rpc.ToolParams) -> bool:
        of, now = (params.task, params.attempt), _now()
        if now - self._reported.get(of, 0.0) < PROGRESS_S:
            return True
        self._reported = {each: at for each, at in self._reported.items() if now - at < PROGRESS_S}
        self._reported[of] = now
        return False


def _now() -> float:
    return asyncio.get_running_loop().time()


def _command(params: rpc.ToolParams, arguments: t.Arguments) -> AnyCommand:
    of = (params.task, params.attempt)
    match arguments:
        case t.AskPerson(question, options):
            return c.AskPerson(*of, params.key, question, options)
        case t.ReportProgress(text, percent):
            return c.ReportProgress(*of, text, percent)
        case t.RequestFiles(files, why):
            return c.RequestFiles(*of, params.key, files, why)
        case t.ProposeTask():
            return c.MakeRequest(params.key, arguments.why, task_of(arguments), (), *of)
        case _:
            raise TypeError(f"{type(arguments).__name__} is no wish")


def task_of(arguments: t.ProposeTask) -> Task:
    """The task that is proposed."""
    return Task(
        TaskId(arguments.id.strip()),
        " ".join(arguments.title.split()),
        arguments.prompt,
        tuple(TaskId(name) for name in arguments.after),
        files=arguments.files,
    )


__all__ = ["ToolServer", "task_of"]
