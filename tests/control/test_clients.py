"""Clients and sources: what a face gets, from a live engine or from the journal alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from agentdeck.control import blocking
from agentdeck.control.client import EngineGone, RunClient
from agentdeck.control.server import ControlServer
from agentdeck.control.source import JournalSource, LiveSource, open_source
from agentdeck.core import commands as c
from agentdeck.core.decide import Refused
from agentdeck.core.errors import NotFoundError
from agentdeck.core.events import Recorded, RunPaused, RunResumed
from agentdeck.core.ids import TaskId
from agentdeck.engine.folders import RunFolder


async def take(batches: AsyncIterator[list[Recorded]], until_seq: int) -> list[int]:
    """Numbers of events until `until_seq` has come."""
    found: list[int] = []
    async with asyncio.timeout(10):
        async for batch in batches:
            found += [recorded.seq for recorded in batch]
            if found[-1] >= until_seq:
                return found
    return found


async def test_a_command_and_its_refusal(server: ControlServer, folder: RunFolder) -> None:
    """A refusal is the same error with the same reason as if the core were asked directly."""
    client = await RunClient.open(folder)
    assert await client.send(c.Pause()) == 2
    with pytest.raises(Refused, match="the run is paused already"):
        await client.send(c.Pause())
    assert [type(r.event) for r in await client.events(1)] == [RunPaused]
    assert "waits" in await client.explain(TaskId("B"))
    with pytest.raises(NotFoundError, match="no task 'NO'"):
        await client.explain(TaskId("NO"))
    assert (await client.status()).state == "paused"
    await client.close()


async def test_calls_overlap(server: ControlServer, folder: RunFolder) -> None:
    """A long poll does not hold up a command of the same client."""
    client = await RunClient.open(folder)
    poll = asyncio.create_task(client.events(1, wait_s=20))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await client.send(c.Pause())
        assert [r.seq for r in await poll] == [2]
    await client.close()


async def test_calls_fail_when_the_engine_goes(server: ControlServer, folder: RunFolder) -> None:
    """Nobody waits for an answer that cannot come."""
    client = await RunClient.open(folder)
    poll = asyncio.create_task(client.events(1, wait_s=20))
    await asyncio.sleep(0.05)
    await server.close()
    async with asyncio.timeout(5):
        with pytest.raises(EngineGone):
            await poll
        with pytest.raises(EngineGone):
            await client.send(c.Pause())
    await client.close()


async def test_without_an_engine_opening_fails_with_a_next_step(folder: RunFolder) -> None:
    with pytest.raises(EngineGone) as caught:
        await RunClient.open(folder)
    assert "agentdeck attach two-tasks-0001" in caught.value.hint
    with pytest.raises(EngineGone):
        blocking.connect(folder)


async def test_the_blocking_client_says_the_same(server: ControlServer, folder: RunFolder) -> None:
    """Same methods, same errors, without an event loop of its own."""

    def talk() -> list[int]:
        with blocking.connect(folder) as client:
            client.send(c.Pause())
            with pytest.raises(Refused, match="paused already"):
                client.send(c.Pause())
            with pytest.raises(NotFoundError):
                client.explain(TaskId("NO"))
            assert client.status().state == "paused"
            return [recorded.seq for recorded in client.events(0, wait_s=1)]

    assert await asyncio.to_thread(talk) == [1, 2]


async def test_the_blocking_client_waits_no_longer_than_it_said(
    server: ControlServer, engine: Any, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that hangs costs a bounded time and gives a clear error."""
    monkeypatch.setattr(blocking, "ANSWER_S", 0.2)
    engine.slow = asyncio.Event()

    def talk() -> None:
        with blocking.connect(folder) as client:
            client._call("command", {"command": {"do": "pause"}}, object, 0.2)

    with pytest.raises(EngineGone):
        await asyncio.to_thread(talk)


@pytest.mark.parametrize("live", [True, False])
async def test_a_source_yields_every_event_once_in_order(
    server: ControlServer, engine: Any, folder: RunFolder, live: bool
) -> None:
    """Faces do not care whether an engine or a journal feeds them."""
    source = open_source(folder, live=live)
    async with aclosing(source.follow()) as batches:
        assert await take(batches, 1) == [1]
        await engine.submit(c.Pause())
        await engine.submit(c.Resume())
        assert await take(batches, 3) == [2, 3]
    assert "waits" in await source.explain(TaskId("B"))
    with pytest.raises(NotFoundError):
        await source.explain(TaskId("NO"))
    await source.close()


async def test_a_live_source_comes_back_to_a_restarted_engine(
    engine: Any, folder: RunFolder
) -> None:
    """Events go on where they stopped: none is lost, none comes twice."""
    first = ControlServer(engine, folder)
    await first.start()
    source = LiveSource(folder)
    async with aclosing(source.follow()) as batches:
        assert await take(batches, 1) == [1]
        assert source.connected
        await first.close()
        await engine.record(RunPaused("x"))
        second = ControlServer(engine, folder)
        await second.start()
        assert await take(batches, 2) == [2]
        await engine.record(RunResumed("x"))
        assert await take(batches, 3) == [3]
        assert await source.send(c.Pause()) == 4
    await source.close()
    await second.close()


async def test_a_journal_source_takes_no_commands(folder: RunFolder) -> None:
    source = JournalSource(folder)
    assert not source.connected
    with pytest.raises(EngineGone):
        await source.send(c.Pause())
    await source.close()
