"""Hostile clients of the control socket: no bytes, slowness or number of them harms the engine."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.control import protocol as rpc
from agentdeck.control import server as server_module
from agentdeck.control import session
from agentdeck.control.protocol import Code
from agentdeck.control.server import ControlServer
from agentdeck.core import commands as c
from agentdeck.core.decide import MAX_MESSAGE, refusal
from agentdeck.core.errors import DeckError
from agentdeck.core.ids import AgentName, PhaseId, TaskId
from agentdeck.core.plan import Agent, Phase, Task
from agentdeck.core.replan import PlanChange
from agentdeck.core.unreadable import UNREADABLE
from agentdeck.engine.folders import RunFolder

SPOKEN = [
    json.dumps({"id": number, "method": method, "params": params}).encode()
    for number, (method, params) in enumerate(
        [
            ("hello", {"protocol": 1, "client": "x"}),
            ("command", {"command": {"do": "pause", "task": "A"}}),
            ("command", {"command": {"do": "edit_plan", "change": {"dropped": ["B"]}}}),
            ("events.since", {"after": 0, "limit": 10, "wait_s": 0}),
            ("explain", {"task": "A"}),
            ("status", {}),
        ]
    )
]
PATIENCE_S = 60.0  # for what takes milliseconds, on a machine that is busy with other tests
DEEP = b"[" * 100_000


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
        self.writer.transport.abort()

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            line = await self.reader.readline()
        return json.loads(line) if line else None

    async def call(self, method: str, **params: Any) -> Any:
        await self.raw(json.dumps({"id": 1, "method": method, "params": params}).encode() + b"\n")
        return await self.answer()

    async def until_dropped(self, data: bytes, pause_s: float = 0.0) -> None:
        """Send the same again and again until the engine hangs up."""
        async with asyncio.timeout(PATIENCE_S):
            with suppress(OSError):
                while True:
                    await self.raw(data)
                    await asyncio.sleep(pause_s)

    async def ended(self) -> bool:
        """Has the engine hung up? Waits for it."""
        async with asyncio.timeout(PATIENCE_S):
            try:
                while await self.reader.read(65_536):
                    pass
            except OSError:
                pass
        return True


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await asyncio.sleep(0.005)


def nested(depth: int) -> bytes:
    return b'{"zz":' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'{"id":1,"method":"status","params":' + DEEP, Code.PARSE),
        (b'{"id":1,"method":"status","zz":' + nested(50_000) + b"}", Code.PARSE),
        (b'{"id":1,"method":"\xff"}', Code.PARSE),
        (b'{"id":1,"method":"\\ud800"}', Code.PARSE),
        (b'{"id":' + b"9" * 5_000 + b',"method":"status"}', Code.INVALID),
        (b"\x00\x1b]52;c;aGk=\x07", Code.PARSE),
    ],
    ids=["never-closed", "deep", "not-utf8", "half-a-pair", "huge-number", "control"],
)
async def test_bytes_that_are_no_request_end_the_connection_and_nothing_else(
    server: ControlServer, folder: RunFolder, line: bytes, code: Code
) -> None:
    """The fault is told, on one line without a control character, and the next one is served."""
    async with Wire(folder) as wire:
        await wire.raw(line + b"\n")
        async with asyncio.timeout(PATIENCE_S):
            said = await wire.reader.readline()
        assert json.loads(said)["error"]["code"] == code
        assert not any(byte < 0x20 for byte in said[:-1])
        assert await wire.answer() is None
    async with Wire(folder) as wire:
        assert "result" in await wire.call("hello")


async def test_params_nested_too_deep_are_answered(
    server: ControlServer, folder: RunFolder
) -> None:
    """They are the client's fault, not the engine's, and the connection goes on."""
    async with Wire(folder) as wire:
        params = b'{"command": {"do": "pause", "task": "A", "zz": ' + nested(400) + b"}}"
        await wire.raw(b'{"id":1,"method":"command","params":' + params + b"}\n")
        assert (await wire.answer())["id"] == 1
        assert "result" in await wire.call("status")


@pytest.mark.parametrize("sent", [b"", b"\n\n", b'{"id": 1, "met'])
async def test_a_connection_that_says_nothing_whole_loses_its_place(
    server: ControlServer, folder: RunFolder, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """Silence, empty lines, half a request: who only holds a place is hung up on."""
    monkeypatch.setattr(session, "FIRST_WORD_S", 0.05)
    monkeypatch.setattr(session, "LINE_S", 0.05)
    async with Wire(folder) as wire:
        await wire.raw(sent)
        assert await wire.ended()


async def test_a_line_that_comes_a_byte_at_a_time_is_not_waited_for_for_ever(
    server: ControlServer, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte is no new patience: the line has to end in time."""
    monkeypatch.setattr(session, "LINE_S", 0.2)
    async with Wire(folder) as wire:
        await wire.until_dropped(b"x", 0.01)
    async with Wire(folder) as wire:
        assert "result" in await wire.call("hello")


async def test_who_has_been_silent_for_long_makes_room(
    server: ControlServer, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Idle connections cannot lock a person out; who waits for an answer keeps the place."""
    monkeypatch.setattr(server_module, "MAX_CLIENTS", 2)
    async with Wire(folder) as polling, Wire(folder) as idle:
        poll = {"id": 1, "method": "events.since", "params": {"after": 1, "wait_s": 30}}
        await polling.raw(json.dumps(poll).encode() + b"\n")
        await idle.call("hello")
        await until(lambda: server.client_count == 2)
        async with Wire(folder) as turned_away:
            assert (await turned_away.answer())["error"]["code"] == Code.BUSY
        monkeypatch.setattr(server_module, "IDLE_S", 0.0)
        async with Wire(folder) as person:
            assert "result" in await person.call("command", command={"do": "pause"})
            assert (await polling.answer())["result"]["events"]
            assert await idle.ended()


async def test_what_all_clients_hold_together_is_bounded(
    server: ControlServer, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that holds the most is hung up on; one that holds little is served."""
    monkeypatch.setattr(session, "HELD_BYTES", 1_000_000)
    async with Wire(folder) as small, Wire(folder) as greedy:
        await small.call("hello")
        await greedy.until_dropped(b"x" * 100_000)
        assert "result" in await small.call("status")


async def test_answers_that_nobody_reads_do_not_pile_up(
    server: ControlServer, engine: Any, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that asks for large answers and reads none of them is hung up on."""
    monkeypatch.setattr(session, "HELD_BYTES", 3_000_000)
    for number in range(12):
        await engine.submit(c.Pause(by="x" * 100_000) if number % 2 == 0 else c.Resume())
    async with Wire(folder) as deaf, Wire(folder) as other:
        await other.call("hello")
        asks = b'{"id": 1, "method": "events.since", "params": {"after": 0}}\n'
        await deaf.until_dropped(asks)
        assert "result" in await other.call("status")
    await until(lambda: server.client_count == 0)


async def test_a_thousand_connections_leave_room_for_a_person(
    server: ControlServer, folder: RunFolder
) -> None:
    """Connections that come and go, half of them closed for writing, take no place for good."""
    for _ in range(20):
        many = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(50)]
        for each in many:
            each.setblocking(False)
            await asyncio.get_running_loop().sock_connect(each, str(folder.socket))
        for each in many[::2]:
            each.shutdown(socket.SHUT_WR)
        for each in many:
            each.close()
    await until(lambda: not server._sessions)
    async with Wire(folder) as wire:
        assert "result" in await wire.call("hello")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ({"do": "pause", "by": "x" * 10_000}, "`by` has 10,000 characters"),
        ({"do": "stop", "task": "../" * 5_000}, "`task` has 15,000 characters"),
        ({"do": "retry", "task": "A", "feedback": "x" * (MAX_MESSAGE + 1)}, "`feedback` has"),
        ({"do": "stop", "task": "../../etc/passwd"}, "there is no task"),
        ({"do": "set_budget", "scope": "\x1b]0;x\x07", "usd": 1}, "there is no"),
        ({"do": "drop_permission", "rule": "x\x1b[2J"}, "no rule"),
    ],
)
async def test_texts_of_a_command_are_bounded(
    server: ControlServer, folder: RunFolder, command: dict[str, Any], says: str
) -> None:
    """What no person means is refused in a sentence, before it is decided or stored."""
    async with Wire(folder) as wire:
        error = (await wire.call("command", command=command))["error"]
    assert error["code"] == Code.REFUSED
    assert says in error["message"]
    assert len(error["message"]) < session.MAX_TOLD + 2


@pytest.mark.parametrize(
    "change",
    [
        PlanChange(put=(Task(id=TaskId("../x"), title="x"),)),
        PlanChange(agents=(Agent(name=AgentName("../../home"), command=("true",)),)),
        PlanChange(agents=(Agent(name=AgentName("\x1b]0;x"), command=("true",)),)),
        PlanChange(phases=(Phase(id=PhaseId("a/b")),)),
        PlanChange(put=(Task(id=TaskId("x" * 5_000_000), title="x"),)),
    ],
    ids=["task", "agent", "escape", "phase", "long"],
)
async def test_names_in_a_change_of_the_plan_are_checked(
    server: ControlServer, engine: Any, folder: RunFolder, change: PlanChange
) -> None:
    """They become folders and branches: what a plan file may not say, no client may say either."""
    assert refusal(engine.state, c.EditPlan(change, 0))
    params = json.loads(rpc.request_line("command", rpc.CommandParams(c.EditPlan(change, 0)), 1))
    async with Wire(folder) as wire:
        error = (await wire.call("command", **params["params"]))["error"]
    assert error["code"] == Code.REFUSED
    assert "cannot" in error["message"]
    assert len(error["message"]) < session.MAX_TOLD + 2


_bytes = st.binary(max_size=400)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
_methods = st.sampled_from(["hello", "command", "events.since", "explain", "status", "stop", ""])
_doings = st.sampled_from(["pause", "retry", "edit_plan", "answer", "set_permission", "revert"])
_commands = st.builds(
    lambda do, rest: {**rest, "do": do},
    _doings,
    st.dictionaries(
        st.sampled_from(["task", "by", "change", "until", "scope", "option", "seen"]), _json
    ),
)
_requests = st.builds(
    lambda method, params, number: json.dumps(
        {"method": method, "params": params, "id": number}
    ).encode(),
    _methods | st.text(max_size=20),
    _json | st.builds(lambda x: {"command": x}, _commands),
    _json,
)


@given(lines=st.lists(_bytes | _requests, max_size=4), cut=st.integers(0, 50))
def test_no_line_makes_the_protocol_fail(lines: list[bytes], cut: int) -> None:
    """Whatever comes is a request or one of the faults that are answered; answers likewise."""
    for line in lines:
        for each in (line, line[:-cut] if cut else line):
            try:
                request = rpc.read_request(each)
            except UNREADABLE as error:
                code, words = rpc.misread(error)
                assert json.loads(rpc.error_line(None, code, words))["error"]["code"] == code
            else:
                for wanted in (rpc.CommandParams, rpc.EventsParams, rpc.StopParams):
                    try:
                        rpc.read_params(request.params, wanted)
                    except UNREADABLE:
                        continue
            try:
                rpc.read_result(rpc.read_answer(each), rpc.Status)
            except DeckError:
                continue


async def streams(folder: RunFolder, seed: int, count: int) -> None:
    """Send `count` mangled conversations, each on a connection of its own."""
    rng = random.Random(seed)
    for _ in range(count):
        words = b"".join(rng.choice(SPOKEN) + b"\n" for _ in range(rng.randrange(1, 5)))
        data = bytearray(words)
        for _ in range(rng.randrange(6)):
            at = rng.randrange(len(data))
            data[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(4))
        async with Wire(folder) as wire:
            with suppress(OSError):  # it may have been hung up on
                for piece in (data[: len(data) // 2], data[len(data) // 2 :]):
                    await wire.raw(bytes(piece))
                if rng.random() < 0.5:
                    wire.writer.write_eof()
                    assert await wire.ended()


async def test_no_stream_of_bytes_stops_the_server(
    server: ControlServer, engine: Any, folder: RunFolder
) -> None:
    """After a hundred mangled conversations, cut anywhere, a person is answered."""
    await streams(folder, 1, 100)
    async with Wire(folder) as wire:
        assert "result" in await wire.call("status")
    await until(lambda: not server._sessions)


@pytest.mark.soak
async def test_no_stream_of_bytes_stops_the_server_for_long(
    server: ControlServer, engine: Any, folder: RunFolder
) -> None:
    """The same with thousands of them."""
    await streams(folder, 2, 10_000)
    async with Wire(folder) as wire:
        assert "result" in await wire.call("status")
    await until(lambda: not server._sessions)
