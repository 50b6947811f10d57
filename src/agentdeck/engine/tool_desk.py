"""Where calls of tools are carried out, whichever way they came.

Rules:
- Each call proves whose it is by the secret of its attempt's pass; what the attempt may want is
  decided by the core, as any command.
- The same key is the same wish: a call may be made again.
- Progress is taken once in `PROGRESS_S` of an attempt; what comes faster is passed over.
"""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from agentdeck.core import commands as c
from agentdeck.core import tool_calls as t
from agentdeck.core.commands import AnyCommand
from agentdeck.core.ids import TaskId, id_fault
from agentdeck.core.plan import Task
from agentdeck.core.refused import Refused
from agentdeck.core.state import RunState
from agentdeck.core.tool_calls import ARGUMENTS, Came, Outcome
from agentdeck.core.unreadable import UNREADABLE
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.tool_pass import read_pass

PROGRESS_S: Final = 1.0  # between two reports of an attempt: each is an event for ever
LAUNCH_S: Final = 10.0  # an agent may call before it is written down that it was launched
NOTED: Final = Outcome(Came.DONE, "Noted.")


class Turning(Protocol):
    """What is needed of an engine."""

    @property
    def state(self) -> RunState:
        """The live state, to be read only."""

    async def wait_past(self, seq: int, timeout_s: float) -> int:
        """Wait for an event behind `seq`; the latest number."""

    async def submit(self, command: AnyCommand) -> int:
        """Carry out a command; raises Refused."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool."""

    task: TaskId
    attempt: int
    tool: str
    arguments: bytes  # JSON
    key: str
    wait_s: float  # for an answer, at most


class ToolDesk:
    """Carries out the calls of one run."""

    def __init__(self, engine: Turning, folder: RunFolder) -> None:
        self._engine = engine
        self._folder = folder
        self._reported: dict[tuple[TaskId, int], float] = {}  # when; one for each live attempt

    def proves(self, task: TaskId, attempt: int, secret: str) -> bool:
        """Is this the secret of that attempt?"""
        known = None
        if id_fault(task) is None and attempt > 0:
            known = read_pass(self._folder.attempt(task, attempt))
        expected = known.secret if known is not None else ""
        return bool(expected) and hmac.compare_digest(expected.encode(), secret.encode())

    async def carry_out(self, call: Call) -> Outcome:
        """Do what is called, and wait for what it comes to.

        Raises:
            Refused: it cannot be, and why.
        """
        wanted = ARGUMENTS.get(call.tool)
        if wanted is None:
            raise Refused(f"there is no tool {call.tool[:60]!r}")
        try:
            arguments = msgspec.json.decode(call.arguments, type=wanted)
        except UNREADABLE as error:
            raise Refused(f"{call.tool}: {error}", hint="see the schema of the tool") from error
        await self._launched(call)
        if isinstance(arguments, t.WaitForAnswer):
            found = await self._come(call, arguments.id)
            if found.came is Came.UNKNOWN:
                raise Refused(f"this attempt has asked nothing with the id {arguments.id!r}")
            return found
        if isinstance(arguments, t.ReportProgress) and self._too_soon(call):
            return NOTED
        await self._engine.submit(_command(call, arguments))
        if isinstance(arguments, t.ReportProgress):
            return NOTED
        files = arguments.files if isinstance(arguments, t.RequestFiles) else ()
        if files and t.has_files(self._engine.state, call.task, tuple(map(str.strip, files))):
            return Outcome(Came.DONE, f"You may touch {', '.join(files)} now.")
        if isinstance(arguments, t.ProposeTask):
            return t.outcome(self._engine.state, call.task, call.attempt, call.key)
        return await self._come(call, call.key)

    async def _launched(self, call: Call) -> None:
        """Until it is known that the agent runs; what it may want is asked afterwards."""
        waited_until = _now() + LAUNCH_S
        while (left := waited_until - _now()) > 0:
            state = self._engine.state
            task = state.tasks.get(call.task)
            attempt = task.attempt if task is not None else None
            if attempt is None or attempt.number != call.attempt or attempt.launched_at:
                return
            await self._engine.wait_past(state.seq, left)

    async def _come(self, call: Call, key: str) -> Outcome:
        """What has come of a key, once that is an answer or the wait is over."""
        until = _now() + call.wait_s
        while True:
            state = self._engine.state
            found = t.outcome(state, call.task, call.attempt, key)
            left = until - _now()
            if found.came is not Came.WAITS or left <= 0:
                return found
            await self._engine.wait_past(state.seq, left)

    def _too_soon(self, call: Call) -> bool:
        of, now = (call.task, call.attempt), _now()
        if now - self._reported.get(of, 0.0) < PROGRESS_S:
            return True
        self._reported = {each: at for each, at in self._reported.items() if now - at < PROGRESS_S}
        self._reported[of] = now
        return False


def _now() -> float:
    return asyncio.get_running_loop().time()


def _command(call: Call, arguments: t.Arguments) -> AnyCommand:
    of = (call.task, call.attempt)
    match arguments:
        case t.AskPerson(question, options):
            return c.AskPerson(*of, call.key, question, options)
        case t.ReportProgress(text, percent):
            return c.ReportProgress(*of, text, percent)
        case t.RequestFiles(files, why):
            return c.RequestFiles(*of, call.key, files, why)
        case t.ProposeTask():
            return c.MakeRequest(call.key, arguments.why, task_of(arguments), (), *of)
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


__all__ = ["Call", "ToolDesk", "task_of"]
