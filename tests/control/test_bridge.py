"""The bridge: who may come in, what is read with and without an engine, what is bounded."""

from __future__ import annotations

import asyncio
import contextlib
import json
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.control.bridged import KEY, TOKEN, Served, serving
from tests.control.conftest import RecordingEngine

from agentdeck.control import source as source_module
from agentdeck.control.bridge import feed as feed_module
from agentdeck.control.bridge import server as server_module
from agentdeck.control.bridge.server import BEARER, PROTOCOL, Rules
from agentdeck.control.bridge.token_file import token_in
from agentdeck.control.protocol import Code
from agentdeck.control.server import ControlServer
from agentdeck.core.errors import UsageError
from agentdeck.core.events import Outcome, RunFinished, RunPaused
from agentdeck.engine.folders import RunFolder


@pytest.fixture
async def served(folder: RunFolder) -> AsyncIterator[Served]:
    async with serving(folder) as found:
        yield found


async def test_nobody_comes_in_without_the_token(served: Served) -> None:
    """Not without one, with another, with its beginning, or with it in the address."""
    for path in ("/", "/status", "/events", "/metrics", "/nothing"):
        for headers in (
            {},
            {"Authorization": "Bearer other"},
            {"Authorization": f"Bearer {TOKEN[:-1]}"},
            {"Authorization": f"Basic {TOKEN}"},
            {"Authorization": "Bearer é"},
        ):
            status, text = await served.get(path, headers)
            assert status == 401, (path, headers)
            assert "token" in json.loads(text)["error"]["message"]
            assert served.headers["WWW-Authenticate"] == "Bearer"
        assert (await served.get(f"{path}?token={TOKEN}", {}))[0] == 401
    with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
        await served.follow(headers={})


async def test_other_sites_do_not_come_in_even_with_the_token(served: Served) -> None:
    """Another name for this machine (DNS rebinding), and pages of other origins."""
    assert (await served.get("/status", {**KEY, "Host": "evil.example:80"}))[0] == 403
    evil = {**KEY, "Origin": "http://evil.example"}
    assert (await served.get("/status", evil))[0] == 403
    assert "Access-Control-Allow-Origin" not in served.headers
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        await served.follow(headers=evil)
    port = served.bridge.address.rsplit(":", 1)[1]
    assert (await served.get("/status", {**KEY, "Host": f"localhost:{port}"}))[0] == 200
    assert served.headers["Cache-Control"] == "no-store"


async def test_pages_of_an_origin_that_was_named_may_use_it(folder: RunFolder) -> None:
    """A browser asks first, without the token, and is told what it may send."""
    page = {"Origin": "http://localhost:3000"}
    async with serving(folder, Rules(TOKEN, origins=("http://localhost:3000",))) as served:
        assert (await served.get("/status", page, "OPTIONS"))[0] == 204
        assert "Authorization" in served.headers["Access-Control-Allow-Headers"]
        assert (await served.get("/status", page))[0] == 401
        assert (await served.get("/status", {**KEY, **page}))[0] == 200
        assert served.headers["Access-Control-Allow-Origin"] == page["Origin"]


async def test_a_bridge_that_listens_everywhere_can_be_reached(folder: RunFolder) -> None:
    """Its address is one that leads there, from this machine."""
    async with serving(folder, host="0.0.0.0") as served:
        assert served.bridge.address.startswith("http://localhost:")
        assert (await served.get("/status"))[0] == 200
        assert (await served.get("/status", {**KEY, "Host": "192.0.2.7:8750"}))[0] == 200
        assert (await served.get("/status", {**KEY, "Host": "evil.example:8750"}))[0] == 403


async def test_a_run_without_an_engine_is_read(served: Served, folder: RunFolder) -> None:
    """What the socket would say, from the journal; a command says that nobody is there."""
    assert (await served.read("/"))["run"] == folder.run
    status = await served.read("/status")
    assert (status["state"], status["tasks"], status["seq"]) == ("left", 2, 1)
    assert [task["id"] for task in (await served.read("/tasks"))["tasks"]] == ["A", "B"]
    [second] = (await served.read("/tasks?task=B"))["tasks"]
    assert "A" in second["why"]
    assert (await served.get("/tasks?task=NO"))[0] == 404
    assert (await served.read("/queue")) == {"queue": [], "held": False, "seq": 1}
    assert (await served.read("/inbox"))["waiting"] == []
    assert (await served.read("/plan"))["plan"]["name"] == "two tasks"
    [event] = (await served.read("/events"))["events"]
    assert event["event"]["kind"] == "run.started"
    gone = await served.call("command", command={"do": "pause"})
    assert gone["error"]["code"] == Code.GONE
    assert "agentdeck attach" in gone["error"]["data"]["hint"]


async def test_calls_reach_the_engine(
    server: ControlServer, served: Served, folder: RunFolder
) -> None:
    """Results and errors come back as they are, under the number of who asked."""
    assert (await served.call("hello"))["result"]["run"] == folder.run
    seq = (await served.call("command", command={"do": "pause"}))["result"]["seq"]
    refused = await served.call("command", command={"do": "pause"})
    assert refused["error"]["code"] == Code.REFUSED
    assert (await served.call("no.such"))["error"]["code"] == Code.METHOD
    found = await served.read(f"/events?after={seq - 1}&wait_s=20")
    assert found["events"][0]["event"]["kind"] == "run.paused"
    assert (await served.read("/status"))["state"] == "paused"
    url = f"{served.bridge.address}/rpc"
    async with served.session.post(url, data=b"{", headers=KEY) as said:
        assert (await said.json())["error"]["code"] == Code.PARSE


async def test_who_commands_sees_what_came_of_it(
    server: ControlServer, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the journal is looked at seldom, because nothing happened for long."""
    monkeypatch.setattr(source_module, "POLL_S", 0.5)
    async with serving(folder) as served:
        seq = (await served.call("command", command={"do": "pause"}))["result"]["seq"]
        assert (await served.read("/inbox"))["seq"] >= seq


async def test_an_event_is_there_at_once_and_an_engine_that_has_ended_is_left(
    engine: RecordingEngine,
    server: ControlServer,
    folder: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The engine says when to look; it is asked no more once its run has ended, and may go."""
    monkeypatch.setattr(source_module, "POLL_S", 60.0)
    monkeypatch.setattr(source_module, "POLL_MAX_S", 60.0)
    async with asyncio.timeout(20), serving(folder) as served, served.follow("latest") as follower:
        while server.client_count == 0:
            await asyncio.sleep(0.01)
        await engine.record(RunPaused(by="a"))
        assert (await follower.receive_json())["seq"] == 2
        await engine.record(RunFinished(Outcome.COMPLETE))
        assert (await follower.receive_json())["seq"] == 3
        while server.client_count:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"null", b"[]", b'{"method": 1}', b'{"method": "x"}', b"\xff\xfe", b"[" * 100_000),
        b'{"method": "status", "params": [1]}',
        b'{"method": "explain", "params": {"task": 7}}',
    ],
)
async def test_whatever_is_posted_is_answered(
    server: ControlServer, served: Served, body: bytes
) -> None:
    """An error of JSON-RPC, and the next one is served."""
    url = f"{served.bridge.address}/rpc"
    async with served.session.post(url, data=body, headers=KEY) as said:
        assert said.status == 200
        assert (await said.json())["error"]["code"] < 0
    assert "result" in await served.call("status")


async def test_params_may_be_written_on_several_lines(
    server: ControlServer, served: Served
) -> None:
    """As tools indent them; the engine reads one line a request."""
    call = {"method": "tasks", "id": 7, "params": {"tasks": ["A"]}}
    url = f"{served.bridge.address}/rpc"
    async with served.session.post(url, data=json.dumps(call, indent=2), headers=KEY) as said:
        answer = await said.json()
    assert [task["id"] for task in answer["result"]["tasks"]] == ["A"]


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (f"Sec-WebSocket-Protocol: {BEARER}{TOKEN}", 101),
        (f"Authorization : Bearer {TOKEN}", 400),
        (f"Authorization: Bearer {TOKEN}\x01", 400),
    ],
)
async def test_no_log_has_the_token(
    served: Served, caplog: pytest.LogCaptureFixture, head: str, status: int
) -> None:
    """Neither where a socket asks for nothing else, nor where a request cannot be read."""
    host, port = served.bridge.address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [
        "GET /ws HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", head, "", "",
    ]  # fmt: skip
    writer.write("\r\n".join(lines).encode())
    async with asyncio.timeout(20):
        assert f" {status} ".encode() in await reader.readline()
    writer.close()
    assert TOKEN not in caplog.text


async def test_more_than_a_request_may_be_is_not_read(served: Served) -> None:
    url = f"{served.bridge.address}/rpc"
    with contextlib.suppress(aiohttp.ClientConnectionError):  # it hangs up on the rest
        async with served.session.post(url, data=b"x" * 9_000_000, headers=KEY) as said:
            assert said.status == 413
    assert (await served.get("/status"))[0] == 200


async def test_who_may_only_look_cannot_command(
    server: ControlServer, engine: RecordingEngine, folder: RunFolder
) -> None:
    """Neither a command, nor the end of the engine, nor a method that nobody here knows."""
    async with serving(folder, Rules(TOKEN, read_only=True)) as served:
        for method in ("command", "stop", "no.such"):
            answer = await served.call(method, command={"do": "pause"})
            assert answer["error"]["code"] == Code.FORBIDDEN
        assert "result" in await served.call("status")
    assert (engine.state.seq, engine.stopped) == (1, "")


@pytest.mark.parametrize(
    "query",
    [
        *("after=-1", "after=x", "after=1.5", "limit=0", "limit=1001", "wait_s=31", "limit=²"),
        *(f"after={'0' * 20}{'9' * 30}", f"after={'1' * 5000}", f"wait_s={'0' * 20}3000"),
    ],
)
async def test_a_bad_number_is_named(served: Served, query: str) -> None:
    status, text = await served.get(f"/events?{query}")
    assert status == 400
    assert query.split("=", maxsplit=1)[0] in json.loads(text)["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/nothing", 404, "/nothing"),
        ("PUT", "/rpc", 405, "POST"),
        ("GET", "/ws", 400, "WebSocket"),
    ],
)
async def test_who_asks_for_what_is_not_there_is_told_what_is(
    served: Served, method: str, path: str, status: int, said: str
) -> None:
    found, text = await served.get(path, method=method)
    assert found == status
    assert said in json.loads(text)["error"]["message"]
    assert ("Allow" in served.headers) == (status == 405)


async def test_a_socket_brings_every_event_from_its_cursor_on(
    engine: RecordingEngine, served: Served
) -> None:
    """What was, then what happens; the token comes in a subprotocol, as from a browser."""
    how = {"headers": {}, "protocols": (PROTOCOL, BEARER + TOKEN)}
    async with asyncio.timeout(20), served.follow("0", **how) as follower:
        assert follower.protocol == PROTOCOL
        assert (await follower.receive_json())["event"]["kind"] == "run.started"
        await engine.record(RunPaused(by="a"), RunPaused(by="b"))
        assert [(await follower.receive_json())["seq"] for _ in range(2)] == [2, 3]
        async with served.follow("2") as other, served.follow("latest") as late:
            assert (await other.receive_json())["seq"] == 3
            await engine.record(RunPaused(by="c"))
            assert (await other.receive_json())["seq"] == 4
            assert (await late.receive_json())["seq"] == 4


async def test_a_cursor_behind_the_end_is_told(served: Served) -> None:
    """The journal was mended: waiting in silence would be a lie."""
    async with asyncio.timeout(20), served.follow("99") as follower:
        closed = await follower.receive()
        assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, feed_module.CURSOR_LOST)
        assert "no event 99" in closed.extra
    assert (await served.read("/events?after=99"))["last"] == 1


async def test_events_that_the_bridge_itself_has_not_come_to_are_no_lost_cursor(
    engine: RecordingEngine, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A follower reads the journal as it is, which is further than what the bridge has folded."""
    monkeypatch.setattr(source_module, "POLL_S", 1.0)
    async with asyncio.timeout(20), serving(folder) as served:
        await engine.record(RunPaused(by="a"), RunPaused(by="b"))
        async with served.follow("0") as follower:
            assert [(await follower.receive_json())["seq"] for _ in range(3)] == [1, 2, 3]
            async with served.follow("3") as again:
                await engine.record(RunPaused(by="c"))
                assert (await follower.receive_json())["seq"] == 4
                assert (await again.receive_json())["seq"] == 4


async def deaf_follower(served: Served) -> asyncio.StreamWriter:
    """A socket that was opened, and from which nobody reads."""
    host, port = served.bridge.address.removeprefix("http://").split(":")
    _reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    lines = [
        "GET /ws?after=0 HTTP/1.1", f"Host: {host}:{port}", f"Authorization: Bearer {TOKEN}",
        "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", "", "",
    ]  # fmt: skip
    writer.write("\r\n".join(lines).encode())
    await writer.drain()
    return writer


async def many_events(engine: RecordingEngine) -> None:
    """16 MB of them: more than fits between two processes."""
    for number in range(400):
        await engine.record(RunPaused(by=f"{number}" + "x" * 40_000))


async def test_who_takes_nothing_is_hung_up_on_and_costs_no_memory(
    engine: RecordingEngine, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events are read as they are taken; other followers get theirs meanwhile."""
    monkeypatch.setattr(feed_module, "SEND_S", 0.5)
    await many_events(engine)
    writer = await deaf_follower(served)
    async with asyncio.timeout(60):
        async with served.follow("0") as follower:
            for seq in range(1, 402):
                assert (await follower.receive_json())["seq"] == seq
        async with asyncio.timeout(10):  # before a ping that nobody answers would end it
            while served.bridge._sockets:
                await asyncio.sleep(0.02)
    writer.close()


async def test_a_bridge_ends_soon_whoever_does_not_listen(
    engine: RecordingEngine, folder: RunFolder
) -> None:
    """Ctrl-C is for the person, not for the slowest dashboard."""
    await many_events(engine)
    async with serving(folder) as served:
        writer = await deaf_follower(served)
        async with asyncio.timeout(30), served.follow("latest") as other:
            while len(served.bridge._sockets) < 2:
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.5)  # the deaf one is filled up by then, or the test shows less
            begun = time.monotonic()
            await served.runner.cleanup()
            assert (await other.receive()).data == 1001
        assert time.monotonic() - begun < 15
    writer.close()


async def test_sockets_are_bounded(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MAX_SOCKETS", 1)
    async with asyncio.timeout(20), served.follow() as first:
        await first.receive_json()
        with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
            await served.follow()


async def test_metrics_need_the_token_unless_they_are_open(
    server: ControlServer, folder: RunFolder
) -> None:
    """They are the text that Prometheus reads, with how long the latest event took to come."""
    async with serving(folder) as served:
        assert (await served.get("/metrics", {}))[0] == 401
        await served.call("command", command={"do": "pause"})
        _ = await served.read("/events?after=1&wait_s=20")
        status, text = await served.get("/metrics")
        assert status == 200
        assert served.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        names = {family.name for family in text_string_to_metric_families(text)}
        assert {"agentdeck_paused", "agentdeck_event_delay_seconds"} <= names
    async with serving(folder, Rules(TOKEN, open_metrics=True)) as served:
        assert (await served.get("/metrics", {}))[0] == 200
        assert (await served.get("/status", {}))[0] == 401
        assert (await served.get("/metrics", {"Host": "evil.example"}))[0] == 403


def test_a_token_file_is_made_for_its_owner_alone_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "config" / "agentdeck" / "token"
    token = token_in(file)
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert len(token) >= 40
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token_in(file) == token
    file.chmod(0o640)
    with pytest.raises(UsageError, match="others can get at"):
        token_in(file)
    file.chmod(0o600)
    for bad in ("", "short", "with a blank in the middle of it", "ü" * 20):
        file.write_text(bad)
        with pytest.raises(UsageError, match="is no token"):
            token_in(file)
    link = tmp_path / "link"
    link.symlink_to(file)
    with pytest.raises(UsageError, match="no plain file"):
        token_in(link)
