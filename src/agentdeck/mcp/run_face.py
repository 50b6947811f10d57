"""The MCP server of a run, for editors and agents outside of it: `agentdeck mcp`.

Rules:
- What may be sent to a run is settled: what its plan's `[mcp]` says, and what the person who starts
  the server adds. A tool that is not offered cannot be called.
- Each answer names its run. What changes something goes only to the run that the latest answer was
  of: when a newer one has begun meanwhile, nothing is sent, and that is said.
- An answer is waited for in the run where it was asked for, a cursor of events is one of its run.
- Commands, questions and proposals go to the run's engine over its socket, as those of any face;
  each call has a key, so that one that is repeated asks nobody twice.
- A call waits at most `WAIT_S`; then its answer is asked for by its id.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from agentdeck.control.client import RunClient
from agentdeck.control.verb_table import verb_named
from agentdeck.core import commands as c
from agentdeck.core import tool_calls as t
from agentdeck.core.commands import AnyCommand
from agentdeck.core.errors import DeckError, NotFoundError, UsageError
from agentdeck.core.ids import TaskId
from agentdeck.core.offered import Offered, Reply, Resource
from agentdeck.core.plan import DEFAULT_TOOL_WAIT_S
from agentdeck.core.refused import Refused
from agentdeck.core.state import Request, RunState
from agentdeck.core.tool_calls import Came
from agentdeck.engine.tool_desk import task_of
from agentdeck.mcp import run_tools as r
from agentdeck.mcp.followed import Followed, Served
from agentdeck.mcp.reading import Data, Reader

WAIT_S: Final = DEFAULT_TOOL_WAIT_S
LOOK_S: Final = 0.5  # between two looks whether something has come; a fold of the journal each
BY: Final = "mcp"  # who says so, in the journal
MAX_ASKED: Final = 1_000  # requests of which it is known in which run they stand
FOLLOWS: Final = "You see the newest run of the repository; each answer names its run."
LOG_LINES: Final = 200  # of a log that is read as a resource


class RunFace:
    """What is served of a run, named or the newest."""

    def __init__(self, followed: Followed) -> None:
        """Looks up which run is meant, to introduce it; where there is none yet, says so."""
        self._followed = followed
        self._cursor_of = ""  # the run that `next` of the latest answer with events was of
        self._asked: dict[str, Served] = {}  # by the ids that were given out: where that stands
        self.resources: Sequence[Resource] = r.RESOURCES
        self.templates: Sequence[Resource] = r.TEMPLATES
        try:
            served = followed.now()
        except NotFoundError:
            served = None
        self._last = served.run if served is not None else ""  # the run that was named last
        commands = served.commands if served is not None else followed.more
        may = ", ".join(tool.name for tool in commands) or "none"
        follows = "" if followed.named is not None else f" {FOLLOWS}"
        self.instructions = (
            f"{f'Run {self._last}' if self._last else 'No run yet'} of agentdeck: coding agents "
            f"work on a plan of tasks.{follows} Read with "
            "run_status, list_tasks, explain, read_log, inbox, events; what you ask or propose "
            f"waits for a person. Commands that you may send: {may}."
        )

    async def offered(self) -> Sequence[Offered]:
        """The tools for the run that is meant now."""
        try:
            commands = (await self._now()).commands
        except NotFoundError:
            commands = self._followed.more
        return (*r.READING, *r.ASKING, *commands)

    async def call(self, name: str, arguments: msgspec.Struct) -> Reply:
        """Carry out one call."""
        served = await self._now()
        if isinstance(arguments, t.WaitForAnswer):
            return await self._come(self._asked.get(arguments.id, served), arguments.id)
        before, self._last = self._last, served.run
        try:
            if before not in ("", served.run) and name not in _READS and name != "events":
                raise UsageError(
                    f"a newer run has begun, {served.run}, and the latest answer was of {before}:"
                    " nothing was sent",
                    hint="read how it stands, and send it again if it is meant for that one",
                )
            return await self._carried_out(served, name, arguments)
        except DeckError as error:
            about = "" if served.run in error.message else f"run {served.run}: "
            hint = f" ({error.hint})" if error.hint else ""
            return Reply(f"{about}{error.message}{hint}", ok=False, data={"run": served.run})

    async def _carried_out(self, served: Served, name: str, arguments: msgspec.Struct) -> Reply:
        match arguments:
            case r.Events():
                return await self._events(served, arguments)
            case t.ProposeTask():
                return await self._request(served, arguments.why, put=arguments)
            case r.AskPerson(question, options):
                return await self._request(served, question, options)
        if name in _READS:
            found = await asyncio.to_thread(_READS[name], served.reader, arguments)
            return _told(served, found)
        if name not in {tool.name for tool in served.commands}:  # it began a moment ago
            raise UsageError(f"{name} may not be sent to run {served.run}")
        return await self._command(served, name, arguments)

    async def read(self, uri: str) -> Reply | None:
        """The text of a resource, and of which run it is."""
        if not uri.startswith(r.SCHEME):
            return None
        what, _, task = uri.removeprefix(r.SCHEME).partition("/")
        served = await self._now()
        text = await asyncio.to_thread(_read, served, what, unquote(task))
        self._last = served.run
        return None if text is None else Reply(text, data={"run": served.run})

    async def _now(self) -> Served:
        return await asyncio.to_thread(self._followed.now)

    # --- what goes to the engine ---------------------------------------------------------------

    async def _command(self, served: Served, name: str, arguments: msgspec.Struct) -> Reply:
        said = []
        client = await RunClient.open(served.folder)
        try:
            for command in _commands(name, arguments):
                about = getattr(command, "task", None) or served.run
                try:
                    seq = await client.send(msgspec.structs.replace(command, by=BY))
                except Refused as refused:
                    said.append({"about": about, "done": False, "why": refused.message})
                else:
                    said.append({"about": about, "done": True, "event": seq})
        finally:
            await client.close()
        every = all(each["done"] for each in said)
        return _told(served, {"command": name, "results": said}, ok=every)

    async def _request(
        self,
        served: Served,
        text: str,
        options: tuple[str, ...] = (),
        put: t.ProposeTask | None = None,
    ) -> Reply:
        key = f"c-{secrets.token_hex(6)}"
        task = None if put is None else task_of(put)
        client = await RunClient.open(served.folder)
        try:
            seq = await client.send(c.MakeRequest(key, text, task, options, by=BY))
        finally:
            await client.close()
        request = await asyncio.to_thread(_made, served, key, seq)
        self._asked.pop(request.id, None)
        self._asked[request.id] = served
        while len(self._asked) > MAX_ASKED:
            del self._asked[next(iter(self._asked))]
        waits = "It stands in the inbox of the person who leads the run; wait_for_answer waits."
        return _told(served, {"state": "waits", "id": request.id, "said": waits})

    async def _come(self, served: Served, wanted: str) -> Reply:
        """Wait for the answer to a request of any client, in the run where it was made."""

        def look() -> tuple[RunState, Request | None]:
            state = served.reader.state()
            return state, state.requests.get(wanted)

        until = _now() + WAIT_S
        while True:
            state, request = await asyncio.to_thread(look)
            if request is None:
                raise NotFoundError(f"there is no request {wanted!r} in run {served.run}")
            found = t.of_request(request)
            if found.came is Came.DONE:
                answer = {"state": "done", "id": wanted, "yes": found.ok, "answer": found.text}
                return _told(served, answer)
            if state.outcome is not None:
                said = f"The run has ended ({state.outcome}); nobody will answer."
                return _told(served, {"state": "over", "id": wanted, "said": said})
            if _now() >= until:
                said = "Nobody has answered yet: wait_for_answer waits on."
                return _told(served, {"state": "waits", "id": wanted, "said": said})
            await asyncio.sleep(LOOK_S)

    async def _events(self, served: Served, asked: r.Events) -> Reply:
        """Events behind a cursor. A cursor of another run says nothing of this one."""
        until = _now() + asked.wait_s
        own = asked.run or self._cursor_of or served.run
        while True:
            after = asked.after if served.run == own else 0
            found = await asyncio.to_thread(served.reader.events, after, asked.limit)
            if found["events"] or _now() >= until:
                self._cursor_of = self._last = served.run
                return _told(served, found)
            await asyncio.sleep(LOOK_S)
            served = await self._now()


def _made(served: Served, key: str, seq: int) -> Request:
    state = served.reader.state()
    found = next((each for each in state.requests.values() if each.key == key), None)
    if found is None:
        raise NotFoundError(f"event {seq} is not in the journal of run {served.run}")
    return found


def _read(served: Served, what: str, task: str) -> str | None:
    reader = served.reader
    match what, task:
        case "plan", "":
            return reader.plan_text()
        case (("status" | "queue" | "inbox"), ""):
            return _json(_of(served, getattr(reader, what)()))
        case "task", _ if task:
            return _json(_of(served, reader.task(task)))
        case "evidence", _ if task:
            return _json(_of(served, reader.evidence(task)))
        case "log", _ if task:
            return "\n".join(reader.log(task, None, LOG_LINES)["lines"]) + "\n"
        case _:
            return None


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


def _told(served: Served, data: Data, *, ok: bool = True) -> Reply:
    of = _of(served, data)
    return Reply(_json(of), ok=ok, data=of)


def _of(served: Served, data: Data) -> Data:
    return {"run": served.run, **data}


def _json(data: Data) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1)


def _now() -> float:
    return asyncio.get_running_loop().time()


__all__ = ["RunFace"]
