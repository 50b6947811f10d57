"""The control room in a browser: who is let in, and that a page is a deck."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import psutil
import pytest
from tests.tui.chromium import PROGRAM, chromium
from tests.tui.live_run import end_run, made_run, put_claude_on_path

from agentdeck.control.door import MAX_BROWSERS, Door, is_everywhere, names_of
from agentdeck.control.runs import RunFolder, fold_run, runs_root

PATIENCE_S = 60.0
LOOK_S = 0.05


# --- the door ------------------------------------------------------------------------------------


def test_a_token_opens_one_browser_and_then_another_one_is_good() -> None:
    door = Door(["127.0.0.1:1"])
    token = door.token
    secret = door.enter(token)
    assert secret is not None
    assert door.knows(secret)
    assert door.enter(token) is None
    assert door.enter("") is None
    assert door.enter(door.token) not in (None, secret)


def test_the_browser_that_came_first_is_forgotten_when_there_are_too_many() -> None:
    door = Door([])
    secrets = [door.enter(door.token) or "" for _ in range(MAX_BROWSERS + 1)]
    assert [door.knows(secret) for secret in secrets] == [False] + [True] * MAX_BROWSERS
    assert not door.knows("")


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "https://127.0.0.1:80", "null", "", "http://127.0.0.1:80.evil.example"],
)
def test_only_pages_of_this_server_are_its_own(origin: str) -> None:
    door = Door(["127.0.0.1:80"])
    assert door.is_origin("http://127.0.0.1:80", "127.0.0.1:80")
    assert not door.is_origin(origin, "127.0.0.1:80")


def test_a_server_that_listens_everywhere_answers_to_every_number_and_to_no_other_name() -> None:
    """Whatever port led there; a name could be led there by who owns it."""
    door = Door(names_of("0.0.0.0", 80), everywhere=is_everywhere("0.0.0.0"))
    for host in ("192.0.2.7:80", "10.0.0.1:9000", "[::1]:80", "localhost:9000", "203.0.113.1"):
        assert door.is_host(host)
        assert door.is_origin(f"http://{host}", host)
        assert not door.is_origin("http://198.51.100.1:80", host)
    for host in ("evil.example:80", "192.0.2.7.evil.example:80", "evil.example", "", "[evil]:80"):
        assert not door.is_host(host)
        assert not door.is_origin(f"http://{host}", host)
    assert not Door(names_of("192.0.2.7", 80)).is_host("192.0.2.8:80")


# --- a server ------------------------------------------------------------------------------------


def is_deck(process: psutil.Process) -> bool:
    try:
        return "agentdeck.tui.browser" in process.cmdline()
    except psutil.Error:  # it ends this moment
        return False


class Served:
    """`agentdeck serve` in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, folder: RunFolder) -> None:
        self.process, self.folder = process, folder

    async def link(self) -> str:
        """The next link that it prints."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            return (await self.process.stdout.readline()).decode().strip()

    def decks(self) -> list[psutil.Process]:
        """The processes of its pages."""
        children = psutil.Process(self.process.pid).children()  # its engine is one of them
        return [each for each in children if is_deck(each)]

    async def until_decks(self, count: int) -> None:
        """Wait for so many pages to have a deck."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.decks()) != count:
                await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def served(folder: RunFolder) -> AsyncIterator[Served]:
    """Serve a run; afterwards nothing of it is left."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "agentdeck",
        "-C",
        fold_run(folder).checkout,
        "serve",
        folder.run,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield Served(process, folder)
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        async with asyncio.timeout(PATIENCE_S):
            await process.wait()
        await asyncio.to_thread(end_run, folder)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run of one task whose agent works for long."""
    put_claude_on_path(tmp_path, monkeypatch)
    return made_run(tmp_path, "! sleep 300", root=runs_root())


async def test_nobody_comes_in_without_the_link_and_the_link_is_good_once(
    folder: RunFolder,
) -> None:
    """Without cookie, with a used token, under another name, from another page: 403 each time."""
    async with served(folder) as it, aiohttp.ClientSession() as no:
        link = await it.link()
        root = link.partition("?")[0]
        for refused in (root, f"{root}ws", f"{root}static/js/textual.js", f"{root}?token=guess"):
            async with no.get(refused) as answer:
                assert answer.status == 403, refused
        known_jar = aiohttp.CookieJar(unsafe=True)  # an address of numbers has cookies too
        async with aiohttp.ClientSession(cookie_jar=known_jar) as known:
            async with known.get(link) as answer:
                page = await answer.text()
                assert (answer.status, answer.url.query_string) == (200, "")
                assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert "googleapis" not in page
            assert folder.run in page
            async with no.get(link) as answer:
                assert answer.status == 403
                assert "used already" in await answer.text()
            for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {}):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
                    await known.ws_connect(f"{root}ws", headers=headers)
                assert refusal.value.status == 403
            assert it.decks() == []


async def test_a_page_is_a_deck_that_ends_with_it(folder: RunFolder) -> None:
    """Two pages, two decks; one is closed and its deck ends; Ctrl-C ends the other, not the run."""
    async with served(folder) as it:
        link = await it.link()
        root = link.partition("?")[0]
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as browser:
            async with browser.get(link) as answer:
                assert answer.status == 200
            assert (await it.link()) != link
            own = {"Origin": root.rstrip("/")}
            async with browser.ws_connect(f"{root}ws?width=90&height=30", headers=own) as one:
                async with asyncio.timeout(PATIENCE_S):
                    drawn = b""
                    while b"agentdeck" not in drawn:
                        drawn += (await one.receive()).data
                two = await browser.ws_connect(f"{root}ws", headers=own)
                await it.until_decks(2)
                await two.close()
                await it.until_decks(1)
                (deck,) = it.decks()
                it.process.send_signal(signal.SIGINT)
                async with asyncio.timeout(PATIENCE_S):
                    assert await it.process.wait() == 0
                assert not deck.is_running()
        assert fold_run(folder).outcome is None


@pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed")
async def test_keys_in_a_browser_reach_the_run(folder: RunFolder, tmp_path: Path) -> None:
    """Chromium opens the link, `+` allows one more agent, `q` closes the deck and is told so."""
    async with served(folder) as it, chromium(tmp_path / "profile") as page:
        before = fold_run(folder).agents_limit
        await page.go(await it.link())
        await page.until("document.body?.classList.contains('-first-byte')")
        await it.until_decks(1)
        async with asyncio.timeout(PATIENCE_S):
            while fold_run(folder).agents_limit == before:
                await page.press("+")  # again, until the deck is there to hear it
                await asyncio.sleep(LOOK_S)
        assert (await page.picture()).startswith(b"\x89PNG")
        await page.press("q")
        await page.until("document.body.classList.contains('-closed')")
        assert "The run does not need it" in await page.ask("document.body.innerText")
        await it.until_decks(0)
        link = await it.link()  # for the next browser
        it.process.send_signal(signal.SIGINT)
        assert it.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            said = (await it.process.stdout.read()).decode()
        assert (link[:7], said) == ("http://", "")  # nothing of a deck is among the links
