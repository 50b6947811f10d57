"""`agentdeck.Client`: a run for programs, with an engine, without one, and across its restarts."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.control.conftest import RecordingEngine

import agentdeck
from agentdeck.control.server import ControlServer
from agentdeck.core import events as e
from agentdeck.core.events import Outcome, RunPaused
from agentdeck.engine.folders import RunFolder


async def in_thread(talk: Callable[[], Any]) -> Any:
    async with asyncio.timeout(30):
        return await asyncio.to_thread(talk)


def test_importing_the_package_imports_nothing_else() -> None:
    """The command line and whoever only wants the version pay nothing for the client."""
    code = (
        "import sys; before = set(sys.modules); import agentdeck; "
        "print(*sorted({m.split('.')[0] for m in set(sys.modules) - before})); "
        "print(agentdeck.Client.__name__, agentdeck.AsyncClient.__name__); "
        "print(*[n for n in agentdeck.__all__ if getattr(agentdeck, n) is None])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == ["agentdeck", "Client AsyncClient", ""]


def test_the_client_needs_no_asyncio() -> None:
    """Nor what only the deck, the analyses and the command line need."""
    code = (
        "import sys; from agentdeck import Client; "
        "print(*{'asyncio', 'networkx', 'textual', 'git', 'typer'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == ""


async def test_it_reads_and_commands(server: ControlServer, folder: RunFolder) -> None:
    """Everything that a face can ask, typed; a refusal is an error that says why."""

    def talk() -> None:
        with agentdeck.Client.of(folder.run) as deck:
            assert deck.run == folder.run
            assert deck.status().tasks == 2
            assert deck.plan().name == "two tasks"
            assert [task.id for task in deck.tasks()] == ["A", "B"]
            assert deck.task("B").needs == ("A",)
            assert "waits for A" in deck.explain("B")
            assert deck.queue() == []
            assert deck.pause() == 2
            with pytest.raises(agentdeck.RefusedError, match="paused already"):
                deck.pause()
            with pytest.raises(agentdeck.NotFoundError, match="no task 'NO'"):
                deck.task("NO")
            assert deck.inbox()[0].command == "resume"
            deck.resume()
            [first, *_, last] = deck.events(follow=False)
            assert (first.kind, first.seq) == ("run.started", 1)
            assert (last.kind, last.task) == ("run.resumed", None)

    await in_thread(talk)


async def test_an_event_is_data_and_can_be_typed(server: ControlServer, folder: RunFolder) -> None:
    """Its fields as they are sent; one of a newer agentdeck is passed on as it is."""

    def talk() -> None:
        with agentdeck.Client.of(folder.path) as deck:
            deck.pause()
            [event] = deck.events(after=1, follow=False)
            assert event.data == {"by": event.data["by"]}
            assert isinstance(event.typed(), RunPaused)

    await in_thread(talk)
    from agentdeck.client.following import as_event

    new = as_event(b'{"seq": 9, "at": 1.5, "event": {"kind": "moon.full", "task": "A"}, "v": 7}')
    assert (new.kind, new.task, new.version) == ("moon.full", "A", 7)


async def test_it_goes_on_with_its_cursor_after_the_engine_was_restarted(
    engine: RecordingEngine, folder: RunFolder
) -> None:
    """Each event once, in order: also what happened while nobody answered."""
    first = ControlServer(engine, folder)
    await first.start()
    found: list[int] = []
    three = threading.Event()

    def follow() -> None:
        with agentdeck.Client.of(folder.run) as deck:
            for event in deck.events():
                found.append(event.seq)
                if event.seq == 3:
                    three.set()

    following = asyncio.create_task(asyncio.to_thread(follow))
    await engine.record(RunPaused(by="a"), RunPaused(by="b"))
    assert await asyncio.to_thread(three.wait, 20)
    await first.close()
    await engine.record(RunPaused(by="c"))
    second = ControlServer(engine, folder)
    await second.start()
    await engine.record(e.RunFinished(outcome=Outcome.STOPPED))
    async with asyncio.timeout(30):
        await following
    assert found == [1, 2, 3, 4, 5]
    await second.close()


async def test_a_connection_that_has_ended_is_noticed_before_a_command_is_sent(
    engine: RecordingEngine, folder: RunFolder
) -> None:
    """So the command is sent once, on a new one, and nobody has to guess."""
    first = ControlServer(engine, folder)
    await first.start()
    deck = agentdeck.Client.of(folder.run)
    assert (await in_thread(deck.status)).seq == 1
    await first.close()
    second = ControlServer(engine, folder)
    await second.start()
    assert await in_thread(deck.pause) == 2
    await second.close()
    with pytest.raises(agentdeck.EngineGone):
        await in_thread(deck.resume)
    deck.close()


def test_a_run_without_an_engine_is_read_from_its_journal(folder: RunFolder) -> None:
    """Nothing can be commanded, and following gives up after its patience."""
    with agentdeck.Client.of(folder.run, patience_s=0.2) as deck:
        assert deck.status().state == "left"
        assert [task.state for task in deck.tasks()] == ["ready", "pending"]
        assert "B" in deck.explain("B")
        assert not deck.queue()
        assert not deck.inbox()
        assert [event.seq for event in deck.events(follow=False)] == [1]
        with pytest.raises(agentdeck.EngineGone):
            deck.pause()
        begun = time.monotonic()
        with pytest.raises(agentdeck.EngineGone):
            list(deck.events())
        assert time.monotonic() - begun < 10


async def test_a_cursor_that_the_journal_has_lost_is_an_error(
    server: ControlServer, folder: RunFolder
) -> None:
    """After a mended journal numbers are given anew: silence would be a lie."""

    def talk() -> None:
        with (
            agentdeck.Client.of(folder.run) as deck,
            pytest.raises(agentdeck.CursorLost, match="no event 99") as lost,
        ):
            list(deck.events(99, follow=False))
        assert lost.value.last == 1

    await in_thread(talk)
    await server.close()
    await in_thread(talk)


async def test_an_engine_that_hangs_costs_the_time_that_was_said(
    server: ControlServer, engine: RecordingEngine, folder: RunFolder
) -> None:
    engine.slow = asyncio.Event()

    def talk() -> None:
        with agentdeck.Client.of(folder.run, timeout_s=0.2) as deck:
            with pytest.raises(agentdeck.NoAnswer, match="not answered in"):
                deck.pause()
            assert deck.status().seq == 1  # on a new connection

    await in_thread(talk)


async def test_the_asynchronous_one_says_the_same(
    engine: RecordingEngine, folder: RunFolder
) -> None:
    """Calls overlap, events are followed over a restart, the journal is read without an engine."""
    first = ControlServer(engine, folder)
    await first.start()
    found: list[int] = []
    async with agentdeck.AsyncClient.of(folder.run) as deck:

        async def follow() -> None:
            found.extend([event.seq async for event in deck.events()])

        following = asyncio.create_task(follow())
        assert await deck.pause() == 2
        assert (await deck.task("B")).needs == ("A",)
        assert (await deck.inbox())[0].command == "resume"
        assert "waits for A" in await deck.explain("B")
        assert (await deck.plan()).name == "two tasks"
        assert await deck.queue() == []
        with pytest.raises(agentdeck.RefusedError, match="paused already"):
            await deck.pause()
        await first.close()
        assert (await deck.status()).state == "left"
        second = ControlServer(engine, folder)
        await second.start()
        await engine.record(e.RunFinished(outcome=Outcome.STOPPED))
        async with asyncio.timeout(30):
            await following
        assert found == [1, 2, 3]
        await second.close()


def test_a_run_is_named_by_its_id_its_folder_or_its_repository(
    folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert agentdeck.Client.of(folder.run[:6]).run == folder.run
    assert agentdeck.Client.of(str(folder.path)).folder == folder.path
    with pytest.raises(agentdeck.NotFoundError, match="no run 'other'"):
        agentdeck.Client.of("other")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(agentdeck.NotFoundError, match="no repository"):
        agentdeck.Client.of()


def test_both_clients_can_do_the_same() -> None:
    """Whoever knows one knows the other."""
    names = [
        {name for name in vars(each) if not name.startswith("_")}
        for each in (agentdeck.Client, agentdeck.AsyncClient)
    ]
    assert names[0] == names[1]
