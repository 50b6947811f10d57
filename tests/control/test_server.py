"""The control socket: who may come in, what is bounded, what bad input costs."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentdeck.control import protocol as rpc
from agentdeck.control import server as server_module
from agentdeck.control import socketfile
from agentdeck.control.protocol import Code
from agentdeck.control.server import ControlServer
from agentdeck.core.errors import EnvironmentFault
from agentdeck.engine.folders import RunFolder


async def until(true: Callable[[], bool], timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not true():
            await asyncio.sleep(0.005)


class Wire:
    """A client that says exactly what it is told to."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    async def __aenter__(self) -> Wire:
        self.reader, self.writer = await asyncio.open_unix_connection(
            str(self._folder.socket), limit=rpc.MAX_ANSWER
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def raw(self, line: bytes) -> None:
        self.writer.write(line)
        await self.writer.drain()

    async def answer(self) -> Any:
        async with asyncio.timeout(5):
            line = await self.reader.readline()
        return json.loads(line) if line else None

    async def call(self, method: str, number: int = 1, **params: Any) -> Any:
        call = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        await self.raw(json.dumps(call).encode() + b"\n")
        return await self.answer()


async def test_socket_is_for_its_owner_alone(server: ControlServer, folder: RunFolder) -> None:
    """Nobody else can open the socket, or get through the folder it is in."""
    assert stat.S_IMODE(folder.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.socket.parent.stat().st_mode) == 0o700


async def test_answers_are_json_rpc(server: ControlServer, folder: RunFolder) -> None:
    """An answer carries version, the request's id, and either a result or an error."""
    async with Wire(folder) as wire:
        answer = await wire.call("hello", 7)
        assert answer["jsonrpc"] == "2.0"
        assert answer["id"] == 7
        assert answer["result"]["run"] == "two-tasks-0001"
        assert answer["result"]["pid"] == os.getpid()
        assert "error" not in answer
        refused = await wire.call("command", 8, command={"do": "pause", "task": "NO"})
        assert refused["error"]["code"] == Code.REFUSED
        assert refused["error"]["message"] == "there is no task NO"
        assert "result" not in refused


async def test_a_command_is_carried_out_and_its_number_comes_back(
    server: ControlServer, folder: RunFolder
) -> None:
    """What `command` answers is the number of the event that `events.since` then shows."""
    async with Wire(folder) as wire:
        seq = (await wire.call("command", command={"do": "pause"}))["result"]["seq"]
        found = (await wire.call("events.since", after=seq - 1))["result"]
        assert found["events"][0]["event"]["kind"] == "run.paused"
        assert found["last"] == seq


async def test_a_long_poll_ends_when_something_happens(
    server: ControlServer, folder: RunFolder
) -> None:
    """Two requests of one client overlap: the poll waits while the command is carried out."""
    async with Wire(folder) as wire:
        poll = {"id": 1, "method": "events.since", "params": {"after": 1, "wait_s": 20}}
        await wire.raw(json.dumps(poll).encode() + b"\n")
        assert (await wire.call("command", 2, command={"do": "pause"}))["id"] in (1, 2)
        assert (await wire.answer())["id"] in (1, 2)


@pytest.mark.parametrize(
    ("line", "code", "ends"),
    [
        (b"hello\n", Code.PARSE, True),
        (b'{"id": 1}\n', Code.INVALID, True),
        (b"[1, 2]\n", Code.INVALID, True),
        (b'{"id": 1, "method": "no.such"}\n', Code.METHOD, False),
        (b'{"id": 1, "method": "command", "params": {"command": {"do": "fly"}}}\n', Code.PARAMS, 0),
        (b'{"id": 1, "method": "command"}\n', Code.PARAMS, False),
        (b'{"id": 1, "method": "events.since", "params": {"limit": 0}}\n', Code.PARAMS, False),
        (b'{"id": 1, "method": "events.since", "params": {"wait_s": 1e9}}\n', Code.PARAMS, False),
        (b'{"id": 1, "method": "events.since", "params": {"after": -1}}\n', Code.PARAMS, False),
        (b'{"id": 1, "method": "explain", "params": {"task": "NO"}}\n', Code.NOT_FOUND, False),
        (b'{"id": 1, "method": "hello", "params": {"protocol": 0}}\n', Code.VERSION, False),
    ],
)
async def test_a_bad_request_is_answered_and_costs_nobody_else(
    server: ControlServer, folder: RunFolder, line: bytes, code: Code, ends: bool
) -> None:
    """The error names the fault; who cannot speak is hung up on; the next one is served."""
    async with Wire(folder) as wire:
        await wire.raw(line)
        assert (await wire.answer())["error"]["code"] == code
        if ends:
            assert await wire.answer() is None
        else:
            assert "result" in await wire.call("status")
    async with Wire(folder) as wire:
        assert "result" in await wire.call("hello")


async def test_a_line_without_an_end_is_cut_off(server: ControlServer, folder: RunFolder) -> None:
    """More than MAX_REQUEST bytes are never kept for one request."""
    async with Wire(folder) as wire:
        await wire.raw(b"x" * (rpc.MAX_REQUEST + 2) + b"\n")
        assert (await wire.answer())["error"]["code"] == Code.INVALID
        assert await wire.answer() is None


async def test_a_client_has_a_bounded_number_of_requests_in_flight(
    server: ControlServer, folder: RunFolder
) -> None:
    """The one too many is refused at once; the others still get their answers."""
    async with Wire(folder) as wire:
        for number in range(server_module.MAX_IN_FLIGHT + 1):
            poll = {"id": number, "method": "events.since", "params": {"after": 1, "wait_s": 20}}
            await wire.raw(json.dumps(poll).encode() + b"\n")
        refused = await wire.answer()
        assert refused["error"]["code"] == Code.BUSY
        assert refused["id"] == server_module.MAX_IN_FLIGHT


async def test_clients_are_bounded(
    server: ControlServer, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one too many is told so, and a place that is given up is given again."""
    monkeypatch.setattr(server_module, "MAX_CLIENTS", 2)
    async with Wire(folder) as first, Wire(folder) as second:
        await first.call("hello")
        await second.call("hello")
        assert server.client_count == 2
        async with Wire(folder) as third:
            assert (await third.answer())["error"]["code"] == Code.BUSY
            assert await third.answer() is None
    await until(lambda: server.client_count == 0)
    async with Wire(folder) as again:
        assert "result" in await again.call("hello")


async def test_a_probe_is_no_client(server: ControlServer, folder: RunFolder) -> None:
    """Asking whether anybody answers does not keep an engine from its end."""
    assert socketfile.answers(folder.socket)
    async with Wire(folder) as wire:
        await wire.call("hello")
        assert server.client_count == 1


async def test_another_user_is_turned_away(engine: Any, folder: RunFolder) -> None:
    """The kernel's word on who is there counts, not the file's mode alone."""
    server = ControlServer(engine, folder, peer_uid=lambda _: os.getuid() + 1)
    await server.start()
    try:
        async with Wire(folder) as wire:
            assert (await wire.answer())["error"]["code"] == Code.FORBIDDEN
            assert await wire.answer() is None
        assert server.client_count == 0
    finally:
        await server.close()


def test_the_kernel_knows_the_other_end() -> None:
    """Both ends of a pair belong to this user."""
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert socketfile.peer_uid(one) == os.getuid()


async def test_a_stale_socket_file_is_replaced(engine: Any, folder: RunFolder) -> None:
    """A killed engine leaves its socket file; the next one takes its place."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(folder.socket))
    assert not socketfile.answers(folder.socket)
    server = ControlServer(engine, folder)
    await server.start()
    assert socketfile.answers(folder.socket)
    await server.close()
    assert not folder.socket.exists()


async def test_a_socket_somebody_answers_on_is_left_alone(
    server: ControlServer, engine: Any, folder: RunFolder
) -> None:
    """Two engines of one run: the second is refused, the first still answers."""
    second = ControlServer(engine, folder)
    with pytest.raises(EnvironmentFault, match="answers"):
        await second.start()
    async with Wire(folder) as wire:
        assert "result" in await wire.call("hello")


async def test_a_file_in_the_way_is_not_deleted(engine: Any, folder: RunFolder) -> None:
    """Only sockets are taken for leftovers."""
    folder.socket.write_text("mine")
    with pytest.raises(EnvironmentFault, match="in the way"):
        await ControlServer(engine, folder).start()
    assert folder.socket.read_text() == "mine"


async def test_a_private_folder_is_made_for_a_long_path(engine: Any, tmp_path: Path) -> None:
    """Where the run's own path is too long, the socket's other home is 0700 as well."""
    path = tmp_path / ("x" * 90)
    path.mkdir()
    far = RunFolder(path)
    server = ControlServer(engine, far)
    await server.start()
    try:
        assert far.socket.parent != path
        assert far.socket.parent.stat().st_uid == os.getuid()
        assert stat.S_IMODE(far.socket.parent.stat().st_mode) == 0o700
    finally:
        await server.close()


async def test_a_broken_engine_is_an_answer_too(
    server: ControlServer, engine: Any, folder: RunFolder
) -> None:
    """A fault in the engine is told; the connection and the server live on."""
    engine.fails = RuntimeError("secret detail")
    async with Wire(folder) as wire:
        fault = (await wire.call("command", command={"do": "pause"}))["error"]
        assert fault["code"] == Code.INTERNAL
        assert "secret" not in fault["message"]
        engine.fails = EnvironmentFault("the disk is full", hint="free some")
        fault = (await wire.call("command", command={"do": "pause"}))["error"]
        assert (fault["code"], fault["data"]["hint"]) == (Code.ENVIRONMENT, "free some")


async def test_stop_reaches_the_engine(
    server: ControlServer, engine: Any, folder: RunFolder
) -> None:
    async with Wire(folder) as wire:
        assert "result" in await wire.call("stop", reason="enough")
    assert engine.stopped == "enough"


async def test_a_large_history_comes_in_bounded_batches(
    server: ControlServer, engine: Any, folder: RunFolder
) -> None:
    """No answer is much longer than BATCH_BYTES, and nothing is left out."""
    from agentdeck.core import commands as c

    for number in range(40):
        await engine.submit(c.Pause(by="x" * 100_000) if number % 2 == 0 else c.Resume())
    after, sizes = 0, []
    async with Wire(folder) as wire:
        while True:
            found = (await wire.call("events.since", after=after))["result"]
            if not found["events"]:
                break
            sizes.append(len(json.dumps(found)))
            numbers = [event["seq"] for event in found["events"]]
            assert numbers == list(range(after + 1, after + 1 + len(numbers)))
            after = numbers[-1]
    assert after == 41
    assert max(sizes) < rpc.BATCH_BYTES + 200_000
