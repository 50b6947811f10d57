"""The MCP server that is sent to other machines, with a real client; the engine is played here."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import agentdeck
from agentdeck.core.attempt_tools import OFFERED
from agentdeck.core.errors import RefusedError
from agentdeck.engine.remote import mail
from agentdeck.engine.remote.mail_server import far_pass

pytest.importorskip("mcp")
from mcp import Client, MCPError, StdioServerParameters

DOOR = Path(agentdeck.__file__).parent / "mcp" / "attempt.py"
PATIENCE_S = 30.0
Engine = Callable[[dict[str, Any]], dict[str, Any] | None]


def argv_of(folder: Path, wait_s: float) -> list[str]:
    folder.mkdir(exist_ok=True, mode=0o700)
    tools = [each.told for each in OFFERED.values()]
    (folder / "tools.json").write_bytes(far_pass(str(folder), "s3cret", wait_s, "Be brief.", tools))
    return ["-I", "-S", str(DOOR), str(folder / "tools.json")]


@asynccontextmanager
async def served(folder: Path, engine: Engine, *, mode: Any = "auto") -> AsyncIterator[Client]:
    """A client of the server, and what answers the calls that it lays down."""
    params = StdioServerParameters(command=sys.executable, args=argv_of(folder, PATIENCE_S))

    async def turn() -> None:
        while True:
            for key in mail.waiting(folder / mail.FOLDER):
                said = engine(json.loads(mail.read_call(folder / mail.FOLDER, key)))
                if said is not None:
                    mail.answer(folder / mail.FOLDER, key, json.dumps(said).encode())
            await asyncio.sleep(0.02)

    turning = asyncio.create_task(turn())
    try:
        async with asyncio.timeout(PATIENCE_S), Client(params, mode=mode) as client:
            yield client
    finally:
        turning.cancel()


def says(text: str) -> Engine:
    return lambda _: {"text": text, "ok": True, "data": {"state": "done", "answer": text}}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_tools_are_told_as_they_are_here_and_a_call_is_answered(
    tmp_path: Path, mode: str
) -> None:
    heard: list[dict[str, Any]] = []

    def engine(call: dict[str, Any]) -> dict[str, Any]:
        heard.append(call)
        return {"text": "red", "ok": True, "data": {"state": "done", "answer": "red"}}

    async with served(tmp_path / "far", engine, mode=mode) as client:
        told = (await client.list_tools()).tools
        assert [each.name for each in told] == list(OFFERED)
        assert [each.input_schema for each in told] == json.loads(
            json.dumps([each.schema for each in OFFERED.values()])
        )
        assert client.instructions == "Be brief."
        found = await client.call_tool("ask_person", {"question": "Which?"})
    assert (found.is_error, found.content[0].text) == (False, "red")  # type: ignore[union-attr]
    assert found.structured_content == {"state": "done", "answer": "red"}
    asked = {"tool": "ask_person", "arguments": {"question": "Which?"}, "secret": "s3cret"}
    assert heard == [asked]
    assert list((tmp_path / "far" / mail.FOLDER).iterdir()) == []


async def test_a_refusal_is_an_answer_and_an_unknown_tool_an_error(tmp_path: Path) -> None:
    def engine(_: dict[str, Any]) -> dict[str, Any]:
        return {"text": "not now", "ok": False, "data": None}

    async with served(tmp_path / "far", engine) as client:
        found = await client.call_tool("ask_person", {"question": "Which?"})
        assert (found.is_error, found.content[0].text) == (True, "not now")  # type: ignore[union-attr]
        with pytest.raises(MCPError, match="there is no tool 'end'"):
            await client.call_tool("end", {})


async def test_calls_side_by_side_do_not_wait_for_each_other(tmp_path: Path) -> None:
    """One has no answer; those behind it have theirs, and the one above the bound is refused."""

    def engine(call: dict[str, Any]) -> dict[str, Any] | None:
        return says("Noted.")(call) if call["tool"] == "report_progress" else None

    async with served(tmp_path / "far", engine) as client:
        asks = {"question": "Which?"}
        slow = [
            asyncio.create_task(client.call_tool("ask_person", asks))
            for _ in range(mail.MAX_WAITING - 1)
        ]
        found = await client.call_tool("report_progress", {"percent": 1})
        assert not found.is_error
        slow.append(asyncio.create_task(client.call_tool("ask_person", asks)))
        while len(mail.waiting(tmp_path / "far" / mail.FOLDER)) < mail.MAX_WAITING:
            await asyncio.sleep(0.02)
        found = await client.call_tool("report_progress", {"percent": 2})
        assert "16 calls wait for an answer already" in found.content[0].text  # type: ignore[union-attr]
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)


def spoken(folder: Path, *messages: dict[str, Any] | bytes, wait_s: float = 0.0) -> list[Any]:
    """What the server says to these lines, which are all that it hears."""
    lines = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in messages]
    done = subprocess.run(
        [sys.executable, *argv_of(folder, wait_s)],
        input=b"\n".join(lines) + b"\n",
        capture_output=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_is_no_message_is_an_error_and_the_next_one_is_answered(tmp_path: Path) -> None:
    ping = {"jsonrpc": "2.0", "id": 7, "method": "ping"}
    said = spoken(
        tmp_path / "far",
        b"nonsense",
        b"[1, 2]",
        b"[" * 100_000,
        {"jsonrpc": "2.0", "id": "x", "method": "resources/list"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": ["x"]}},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": [1]}},
        ping,
    )
    codes = [each["error"]["code"] for each in said[:-1]]
    assert codes == [-32700, -32600, -32700, -32601, -32602]
    assert said[-1] == {"jsonrpc": "2.0", "id": 7, "result": {}}


def test_a_client_that_hangs_up_takes_its_calls_back(tmp_path: Path) -> None:
    """Nobody would be there for the answer."""
    call = {"name": "ask_person", "arguments": {"question": "Which?"}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    assert spoken(tmp_path / "far", request, wait_s=60.0) == []
    assert list((tmp_path / "far" / mail.FOLDER).iterdir()) == []


def test_what_agents_lay_down_themselves_is_not_believed(tmp_path: Path) -> None:
    """Links, pipes, folders, wrong names and too many: none is read, none is waited for."""
    mail.post(tmp_path, "c-1", b"{}")
    (tmp_path / "c-2.call").symlink_to("/etc/passwd")
    (tmp_path / "c-3.call").mkdir()
    os.mkfifo(tmp_path / "c-4.call")
    (tmp_path / "..call").touch()
    (tmp_path / "a b.call").touch()
    assert mail.waiting(tmp_path) == ["c-1"]
    for key in ("c-2", "c-3", "c-4"):
        with pytest.raises(OSError, match="plain"):
            mail.read_call(tmp_path, key)
    (tmp_path / "c-5.call").write_bytes(b"x" * (mail.MAX_CALL + 1))
    with pytest.raises(OSError, match="more than"):
        mail.read_call(tmp_path, "c-5")
    with pytest.raises(RefusedError, match="at most"):
        mail.post(tmp_path, "c-6", b"x" * (mail.MAX_CALL + 1))
    for number in range(100, 140):
        (tmp_path / f"c-{number}.call").touch()
    assert len(mail.waiting(tmp_path)) == mail.MAX_WAITING
    mail.answer(tmp_path, "c-99", b"nobody asked")
    assert mail.take_answer(tmp_path, "c-99") is None
