"""The way to one machine over ssh that has nothing but Python 3.11 or newer, and git.

Rules:
- Host keys, identities and names are those of your OpenSSH configuration; an unknown host is
  refused, as ssh does it. `AGENTDECK_SSH_CONFIG` names another configuration file.
- The far side is sent there once for each version, and answers on a channel of its own. What takes
  long has another channel, so that polls go on meanwhile.
- Nothing of a plan, an agent or a log is part of a command line there: questions are data.
- A connection that is lost costs nothing: agents are no children of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import shlex
import zipfile
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import asyncssh

import agentdeck
from agentdeck.core.hosts import HostAddress, host_address
from agentdeck.core.ids import slug
from agentdeck.core.state import RunState
from agentdeck.engine.remote.link import ANSWER_S, Answer, LinkDown

CONFIG: Final = "AGENTDECK_SSH_CONFIG"
ROOT: Final = "~/.local/state/agentdeck/workers/ssh"
CONNECT_S: Final = 15.0
ENDS_S: Final = 2.0  # for a far side that has nothing more to answer
KEEPALIVE_S: Final = 5  # three that are not answered end a connection
SLOW: Final = frozenset({"prepare", "collect", "stop", "say"})
MAX_BODY: Final = 64 * 1024 * 1024  # of its body; chunks and logs have at most 8 MiB
ERRORS: Final = (OSError, asyncssh.Error, asyncio.IncompleteReadError, ValueError, TimeoutError)
# What is sent: the far side, and all of agentdeck that it imports. A test sees that it suffices.
MODULES: Final = (
    *("__init__", "core/__init__", "core/errors", "core/ids", "core/sandbox_kind"),
    *(
        "engine/__init__",
        "engine/agent_stdin",
        "engine/cloning",
        "engine/environment",
        "engine/failpoint_places",
    ),
    *("engine/furnishing", "engine/identity", "engine/launcher", "engine/plain_files"),
    *("engine/ports", "engine/private_files", "engine/process_tree"),
    *("engine/processes", "engine/said", "engine/stop", "engine/waiting"),
    *("engine/landlock", "engine/room_folders", "engine/sandbox", "engine/trying"),
    *("engine/write_probe", "engine/remote/outpost_room"),
    *("engine/remote/__init__", "engine/remote/mail", "engine/remote/mail_server"),
    *("engine/remote/outpost", "engine/remote/outpost_git", "engine/remote/parcel"),
    *("mcp/__init__", "mcp/attempt"),
)
FIND: Final = (
    "for p in python3.14 python3.13 python3.12 python3.11 python3; do "
    '"$p" -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null '
    '&& { command -v "$p"; exit 0; }; done; exit 1'
)
BEGIN: Final = """
import io, os, shutil, sys, zipfile
root, digest = os.path.expanduser(sys.argv[1]), sys.argv[2]
there = os.path.join(root, "bin", digest)
size = int(sys.stdin.buffer.readline())
data = sys.stdin.buffer.read(size)
if not os.path.isdir(there):
    aside = there + "." + str(os.getpid())
    os.makedirs(aside, 0o700)
    zipfile.ZipFile(io.BytesIO(data)).extractall(aside)
    try:
        os.rename(aside, there)
    except OSError:
        shutil.rmtree(aside)
sys.path.insert(0, there)
sys.argv = ["outpost", root]
from agentdeck.engine.remote.outpost import answer_lines
answer_lines()
"""


def packed() -> bytes:
    """The far side as a zip file, the same bytes each time."""
    package = Path(agentdeck.__file__).parent
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as whole:
        for module in MODULES:
            about = zipfile.ZipInfo(f"agentdeck/{module}.py", (1980, 1, 1, 0, 0, 0))
            about.external_attr = 0o600 << 16
            whole.writestr(about, (package / f"{module}.py").read_bytes())
    return made.getvalue()


class _Channel:
    """One far side that answers questions, one after the other."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes]) -> None:
        self._process = process
        self._turn = asyncio.Lock()

    async def ask(self, ask: Mapping[str, Any], body: bytes) -> tuple[Answer, bytes]:
        async with self._turn:
            head = json.dumps({**ask, "body": len(body)}).encode()
            self._process.stdin.write(head + b"\n" + body)
            await self._process.stdin.drain()
            line = await self._process.stdout.readuntil(b"\n")
            answer = json.loads(line)
            size = int(answer.pop("body"))
            if not 0 <= size <= MAX_BODY:
                raise ValueError(f"an answer of {size} bytes")
            return answer, await self._process.stdout.readexactly(size)

    async def end(self) -> None:
        """Let the far side end by itself; some servers drop the connection over a rude end."""
        with suppress(*ERRORS):
            self._process.stdin.write_eof()
            await asyncio.wait_for(self._process.wait_closed(), ENDS_S)
        self._process.close()


class SshLink:
    """To one machine, which is one worker."""

    def __init__(self, address: HostAddress, state: RunState) -> None:
        self._address = address
        self._pools = {
            str(pool.name): pool.size
            for pool in state.plan.pools
            if pool.host is not None and host_address(pool.host) == address
        }
        name = address.machine if address.port == 22 else f"{address.machine}-{address.port}"
        self.name = slug(name.replace(".", "-").replace(":", "-"))
        self._connection: asyncssh.SSHClientConnection | None = None
        self._python = ""
        self._main: _Channel | None = None
        self._zip = packed()
        self._digest = hashlib.sha256(self._zip).hexdigest()[:16]
        self._connecting = asyncio.Lock()

    async def workers(self) -> Mapping[str, Mapping[str, int]]:
        """The machine, if it can be reached."""
        await self._channel()
        return {self.name: dict(self._pools)}

    async def reserve(self, pool: str, run: str, tenancy: str, among: Collection[str]) -> str:  # noqa: ARG002
        """It has as many slots as its pool has places, and the scheduler counts them."""
        return self.name

    async def ask(
        self,
        worker: str,  # noqa: ARG002 - there is one
        ask: Mapping[str, Any],
        body: bytes = b"",
        *,
        timeout_s: float = ANSWER_S,
    ) -> tuple[Answer, bytes]:
        """One question and its answer."""
        main = await self._channel()
        try:
            async with asyncio.timeout(timeout_s):
                if ask["verb"] not in SLOW:
                    return await main.ask(ask, body)
                other = await self._begin()
                try:
                    return await other.ask(ask, body)
                finally:
                    await other.end()
        except ERRORS as fault:
            if self._main is main:
                await self._drop()  # half a question may be under way
            raise LinkDown(f"{self._address.machine} does not answer: {fault}") from fault

    async def _channel(self) -> _Channel:
        async with self._connecting:
            lost = self._connection is None or self._connection.is_closed()
            if self._main is not None and not lost:
                return self._main
            await self._drop()
            try:
                async with asyncio.timeout(CONNECT_S):
                    await self._connect()
                    self._main = await self._begin(send=True)
            except ERRORS as fault:
                await self._drop()
                said = str(fault) or type(fault).__name__
                raise LinkDown(f"{self._address.machine} cannot be reached: {said}") from fault
            return self._main

    async def _connect(self) -> None:
        where = self._address
        config = os.environ.get(CONFIG)
        self._connection = await asyncssh.connect(
            where.machine,
            where.port,
            username=where.user or (),
            config=[config] if config else (),
            keepalive_interval=KEEPALIVE_S,
            connect_timeout=CONNECT_S,
        )
        found = await self._connection.run(FIND, encoding="utf-8")
        self._python = str(found.stdout or "").strip()
        if found.exit_status != 0 or not self._python:
            raise OSError("it has no Python 3.11 or newer")

    async def _begin(self, *, send: bool = False) -> _Channel:
        if self._connection is None:
            raise OSError("the connection is gone")
        words = [self._python, "-I", "-S", "-c", BEGIN, ROOT, self._digest]
        process = await self._connection.create_process(shlex.join(words), encoding=None)
        data = self._zip if send else b""
        process.stdin.write(str(len(data)).encode() + b"\n" + data)
        return _Channel(process)

    async def _drop(self) -> None:
        connection, self._connection, self._main = self._connection, None, None
        if connection is not None:
            connection.abort()
            with suppress(*ERRORS):
                await asyncio.wait_for(connection.wait_closed(), 1)

    async def close(self) -> None:
        """Let go. Agents live on."""
        await self._drop()


__all__ = ["CONFIG", "MODULES", "ROOT", "SshLink", "packed"]
