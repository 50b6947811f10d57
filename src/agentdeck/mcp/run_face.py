"""The MCP server of a run, for editors and agents outside of it: `agentdeck mcp`.

Rules:
- What may be sent is settled when it starts: what the plan's `[mcp]` says, and what the person who
  starts it adds. A tool that is not offered cannot be called.
- Commands, questions and proposals go to the run's engine over its socket, as those of any face;
  each call has a key, so that one that is repeated asks nobody twice.
- A call waits at most `WAIT_S`; then its answer is asked for by its id.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from agentdeck.control.client import RunClient
from agentdeck.control.verb_table import verb_named
from agentdeck.core import commands as c
from agentdeck.core import tool_calls as t
from agentdeck.core.commands import AnyCommand
from agentdeck.core.errors import NotFoundError
from agentdeck.core.ids import TaskId
from agentdeck.core.offered import Offered, Reply, Resource
from agentdeck.core.plan import DEFAULT_TOOL_WAIT_S
from agentdeck.core.refused import Refused
from agentdeck.core.state import Request, RunState
from agentdeck.core.tool_calls import Came
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.tool_desk import task_of
from agentdeck.mcp import run_tools as r
from agentdeck.mcp.reading import Data, Reader

WAIT_S: Final = DEFAULT_TOOL_WAIT_S
LOOK_S: Final = 0.5  # between two looks whether something has come; a fold of the journal each
BY: Final = "mcp"  # who says so, in the journal
LOG_LINES: Final = 200  # of a log that is read as a resource


class RunFace:
    """What is served of one run."""

    def __init__(self, folder: RunFolder, allowed: Iterable[str]) -> None:
        """`allowed`: the commands that its client may send."""
        self._folder = folder
        self._reader = Reader(folder)
        commands = r.commands_of(allowed)
        self._commands = {tool.name for tool in commands}
        self.tools: Sequence[Offered] = (*r.READING, *r.ASKING, *commands)
        self.resources: Sequence[Resource] = r.RESOURCES
        self.templates: Sequence[Resource] = r.TEMPLATES
        may = ", ".join(tool.name for tool in commands) or "none"
        self.instructions = (
            f"Run {folder.run} of agentdeck: coding agents work on a plan of tasks. Read with "
            "run_status, list_tasks, explain, read_log, inbox, events; what you ask or propose "
            f"waits for a person. Commands that you may send: {may}."
        )

    async def call(self, name: str, arguments: msgspec.Struct) -> Reply:
        """Carry out one call."""
        if name in self._commands:
            return await self._command(name, arguments)
        match arguments:
            case r.Events(after, limit, wait_s):
                return _told(await self._events(after, limit, wait_s))
            case t.ProposeTask():
                return await self._request(arguments.why, put=arguments)
            case r.AskPerson(question, options):
                return await self._request(question, options)
            case t.WaitForAnswer(wanted):
                return await self._come(wanted)
            case _:
                return _told(await asyncio.to_thread(_READS[name], self._reader, arguments))

    async def read(self, uri: str) -> str | None:
        """The text of a resource."""
        if not uri.startswith(r.SCHEME):
            return None
        what, _, task = uri.removeprefix(r.SCHEME).partition("/")
        return await asyncio.to_thread(self._read, what, unquote(task))

    def _read(self, what: str, task: str) -> str | None:
        reader = self._reader
        match what, task:
            case "plan", "":
                return reader.plan_text()
            case (("status" | "queue" | "inbox"), ""):
                return _json(getattr(reader, what)())
            case "task", _ if task:
                return _json(reader.task(task))
            case "evidence", _ if task:
                return _json(reader.evidence(task))
            case "log", _ if task:
                return "\n".join(reader.log(task, None, LOG_LINES)["lines"]) + "\n"
            case _:
                return None

    # --- what goes to the engine ---------------------------------------------------------------

    async def _command(self, name: str, arguments: msgspec.Struct) -> Reply:
        said = []
        client = await RunClient.open(self._folder)
        try:
            for command in _commands(name, arguments):
                about = getattr(command, "task", None) or self._folder.run
                try:
                    seq = await client.send(msgspec.structs.replace(command, by=BY))
                except Refused as refused:
                    said.append({"about": about, "done": False, "why": refused.message})
                else:
                    said.append({"about": about, "done": True, "event": seq})
        finally:
            await client.close()
        return _told({"command": name, "results": said}, ok=all(each["done"] for each in said))

    async def _request(
        self, text: str, options: tuple[str, ...] = (), put: t.ProposeTask | None = None
    ) -> Reply:
        key = f"c-{secrets.token_hex(6)}"
        task = None if put is None else task_of(put)
        client = await RunClient.open(self._folder)
        try:
            seq = await client.send(c.MakeRequest(key, text, task, options, by=BY))
        finally:
            await client.close()
        request = await asyncio.to_thread(self._made, key, seq)
        waits = "It stands in the inbox of the person who leads the run; wait_for_answer waits."
        return _told({"state": "waits", "id": request.id, "said": waits})

    def _made(self, key: str, seq: int) -> Request:
        state = self._reader.state()
        found = next((each for each in state.requests.values() if each.key == key), None)
        if found is None:
            raise NotFoundError(f"event {seq} is not in the journal of run {self._folder.run}")
        return found

    async def _come(self, wanted: str) -> Reply:
        """Wait for the answer to a request of any client."""

        def look() -> tuple[RunState, Request | None]:
            state = self._reader.state()
            return state, state.requests.get(wanted)

        until = _now() + WAIT_S
        while True:
            state, request = await asyncio.to_thread(look)
            if request is None:
                raise NotFoundError(f"there is no request {wanted!r} in run {self._folder.run}")
            found = t.of_request(request)
            if found.came is Came.DONE:
                return _told({"state": "done", "id": wanted, "yes": found.ok, "answer": found.text})
            if state.outcome is not None:
                said = f"The run has ended ({state.outcome}); nobody will answer."
                return _told({"state": "over", "id": wanted, "said": said})
            if _now() >= until:
                said = "Nobody has answered yet: wait_for_answer waits on."
                return _told({"state": "waits", "id": wanted, "said": said})
            await asyncio.sleep(LOOK_S)

    async def _events(self, after: int, limit: int, wait_s: float) -> Data:
        until = _now() + wait_s
        while True:
            found = await asyncio.to_thread(self._reader.events, after, limit)
            if found["events"] or _now() >= until:
                return found
            await asyncio.sleep(LOOK_S)


_READS: Final[Mapping[str, Callable[[Reader, Any], Data]]] = {
    "run_status": lambda reader, _: reader.status(),
    "list_tasks": lambda reader, said: reader.tasks(said.state, said.offset, said.limit),
    "get_task": lambda reader, said: reader.task(said.task),
    "read_plan": lambda reader, _: {"plan": reader.plan_text()},
    "read_log": lambda reader, said: reader.log(said.task, said.attempt, said.lines),
    "explain": lambda reader, said: reader.why(said.task),
    "evidence": lambda reader, said: reader.evidence(said.task),
    "queue": lambda reader, _: reader.queue(),
    "inbox": lambda reader, _: reader.inbox(),
}


def _commands(name: str, arguments: msgspec.Struct) -> list[AnyCommand]:
    """What a call means. Raises UsageError where its words exclude each other."""
    if isinstance(arguments, r.Answer):
        said = arguments
        return [c.Answer(TaskId(said.task), said.option, said.text, said.question)]
    verb = verb_named(name)
    return verb.build(verb.unsaid() | msgspec.structs.asdict(arguments))


def _told(data: Data, *, ok: bool = True) -> Reply:
    return Reply(_json(data), ok=ok, data=data)


def _json(data: Data) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1)


def _now() -> float:
    return asyncio.get_running_loop().time()


__all__ = ["RunFace"]
