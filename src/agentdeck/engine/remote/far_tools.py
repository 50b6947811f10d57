"""What agents on other machines are given beside a prompt; tools of agentdeck, and their calls.

Rules:
- Files that the plan names for an agent are read here and sent along. What they start, they start
  there.
- The pass of an attempt is the same as here, with its secret; only the way of a call is another:
  polls name calls that wait, each is asked for, and its answer sent back (see `mail`).
- Only calls of attempts that count are asked for: what is given up is not listened to. Each proves
  by its secret of which attempt it is, and the core decides what that attempt may want.
- A call that is being carried out is not begun again; one whose answer got lost is. That changes
  nothing, for its key is the same.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from agentdeck.agents.launching import Place
from agentdeck.core.attempt_tools import OFFERED, PROPOSES, WAITS, instructions_for, reply_of
from agentdeck.core.errors import DeckError, EnvironmentFault
from agentdeck.core.offered import Reply
from agentdeck.core.plan import Agent
from agentdeck.core.refused import Refused
from agentdeck.core.unreadable import UNREADABLE
from agentdeck.engine.agent_place import file_of
from agentdeck.engine.attempt_host import Whose
from agentdeck.engine.enginelog import log
from agentdeck.engine.plain_files import read_plain
from agentdeck.engine.remote.link import LinkDown, OutpostFault
from agentdeck.engine.remote.mail import KEY, MAX_WAITING
from agentdeck.engine.remote.mail_server import far_pass
from agentdeck.engine.remote.tenancy import Tenancy
from agentdeck.engine.setting import Setting
from agentdeck.engine.tool_desk import Call, ToolDesk
from agentdeck.engine.tool_pass import (
    MCP_VARIABLE,
    PASS,
    SERVERS,
    note_pass,
    servers_text,
    with_tools,
)

if TYPE_CHECKING:
    from agentdeck.engine.remote.outreach import Outreach

AGAIN_S: Final = 1.0  # until a call that could not be read or answered is looked at again
DOOR: Final = "mcp/attempt.py"  # below the package there
MAX_FILE: Final = 4 * 1024 * 1024  # bytes of a file that the plan names for an agent
_SUFFIX: Final = re.compile(r"\.[a-z]{1,8}\Z")  # some agents go by it


class Given(msgspec.Struct, frozen=True):
    """What an agent there is given, and where it finds that."""

    place: Place
    env: dict[str, str]
    files: dict[str, bytes]  # below the folder of its tenancy


class _Asked(msgspec.Struct, frozen=True):
    """A call, as the far side has written it."""

    tool: str
    arguments: msgspec.Raw
    secret: str


def given_to(at: Setting, of: Whose, agent: Agent, place: Place, folder: str) -> Given:
    """Give an agent there what the plan names for it: settings, MCP servers, our tools. Blocking.

    Args:
        place: where it works, as paths there.
        folder: of its tenancy there, in which the files will be.

    Raises:
        EnvironmentFault: a file that the plan names is not there, or cannot be read as one.
    """
    files: dict[str, bytes] = {}
    if named := file_of(at.git.checkout, agent, "settings", agent.settings):
        suffix = Path(named).suffix
        name = f"settings{suffix if _SUFFIX.match(suffix) else ''}"
        files[name] = _read(named)
        place = msgspec.structs.replace(place, settings=f"{folder}/{name}")
    servers = file_of(at.git.checkout, agent, "mcp", agent.mcp)
    if at.state.plan.tools.given:
        given = _tools_for(at, of, agent, place, folder, servers)
        return Given(given.place, given.env, files | given.files)
    if servers is not None:
        files[SERVERS] = _read(servers)
        place = msgspec.structs.replace(place, mcp=f"{folder}/{SERVERS}")
    return Given(place, {}, files)


def _read(named: str) -> bytes:
    try:
        return read_plain(Path(named).resolve(), MAX_FILE)
    except OSError as error:
        raise EnvironmentFault(
            f"{named} cannot be sent to another machine: {error.strerror}",
            hint=f"a plain file of at most {MAX_FILE // 1024 // 1024} MiB is",
        ) from error


def _tools_for(
    at: Setting, of: Whose, agent: Agent, place: Place, folder: str, named: str | None
) -> Given:
    own = note_pass(at.folder, at.state.plan, of.task, of.attempt, of.folder)
    args = ["-I", "-S", f"{place.package}/{DOOR}", f"{folder}/{PASS}"]
    told = [OFFERED[name].told for name in own.tools if name in OFFERED]
    files = {
        PASS: far_pass(folder, own.secret, own.wait_s, instructions_for(of.task), told),
        SERVERS: servers_text(named, place.python, args).encode(),
    }
    env = {MCP_VARIABLE: f"{folder}/{SERVERS}"}
    given = with_tools(place, agent.driver, folder) if agent.driver is not None else place
    return Given(given, env, files)


class Calls:
    """Calls of the agents on the workers of one host."""

    def __init__(self, reach: Outreach) -> None:
        self._reach = reach
        self._desk = ToolDesk(reach.at.engine, reach.at.folder)
        self._flights: dict[tuple[str, str], asyncio.Task[None]] = {}  # by tenancy and key

    def heard(self, tenancy: Tenancy, keys: Iterable[Any]) -> None:
        """These calls of an attempt wait there."""
        held = sum(name == tenancy.name for name, _ in self._flights)
        for key in keys:
            flight = (tenancy.name, str(key))
            if held >= MAX_WAITING or flight in self._flights or not KEY.match(str(key)):
                continue
            held += 1
            doing = asyncio.create_task(self._carry_out(tenancy, str(key)), name=f"call {flight}")
            self._flights[flight] = doing
            doing.add_done_callback(partial(self._done, flight))

    def _done(self, flight: tuple[str, str], _: asyncio.Task[None]) -> None:
        self._flights.pop(flight, None)

    async def close(self) -> None:
        """Carry out no more; the next engine finds what has no answer."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    async def _carry_out(self, tenancy: Tenancy, key: str) -> None:
        try:
            _, data = await self._reach.ask(tenancy, "call", key=key)
            if tenancy.over.is_set():
                return
            reply = await self._reply(tenancy, key, data)
            await self._reach.ask(tenancy, "answer", msgspec.json.encode(reply), key=key)
        except (LinkDown, OutpostFault) as fault:
            log.info("a call of %s on %s waits: %s", tenancy.name, tenancy.worker, fault)
            await asyncio.sleep(AGAIN_S)

    async def _reply(self, tenancy: Tenancy, key: str, data: bytes) -> Reply:
        try:
            asked = msgspec.json.decode(data, type=_Asked)
        except UNREADABLE:
            return Reply("this is no call of a tool", ok=False)
        try:
            if not self._desk.proves(tenancy.task, tenancy.attempt, asked.secret):
                raise Refused("the call does not prove of which attempt it is")
            wait_s = self._reach.at.engine.state.plan.tools.wait_s
            arguments = bytes(asked.arguments)
            call = Call(tenancy.task, tenancy.attempt, asked.tool, arguments, key, wait_s)
            found = await self._desk.carry_out(call)
        except DeckError as error:
            hint = f" ({error.hint})" if error.hint else ""
            return Reply(f"{error.message}{hint}", ok=False)
        about = key
        if asked.tool == WAITS:
            about = str(msgspec.json.decode(arguments)["id"])
        return reply_of(found, about, proposes=asked.tool == PROPOSES)


__all__ = ["Calls", "Given", "given_to"]
