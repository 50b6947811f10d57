"""The JavaScript that docs/bridge.md shows, as it stands there, in a real engine for it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
from tests.control.bridged import TOKEN, serving
from tests.control.conftest import RecordingEngine, begin
from tests.docs.blocks import blocks_of, text_of

from agentdeck.core.events import RunPaused
from agentdeck.engine.folders import RunFolder

PAGE: Final = "docs/bridge.md"
PORT: Final = ":8750/"  # the page's
BEFORE: Final = "const token = process.env.TOKEN; const show = (event) => console.log(event.seq);\n"
HAS_SOCKETS: Final = "process.exit(typeof WebSocket === 'function' ? 0 : 1)"
PATIENCE_S: Final = 40.0  # two of the page's pauses, and programs that begin


def node() -> list[str]:
    """How to run JavaScript with WebSockets; older ones have to be told."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("needs node: nothing else here runs JavaScript")
    for words in ([program], [program, "--experimental-websocket"]):
        tried = subprocess.run([*words, "-e", HAS_SOCKETS], check=False, stderr=subprocess.DEVNULL)
        if tried.returncode == 0:
            return words
    pytest.skip("needs a node that has WebSockets (20.10 or later)")


def script(port: int) -> str:
    """What the page shows, begun; with a token, something that shows, and the port of the test."""
    blocks = [block.text for block in blocks_of(PAGE, text_of(PAGE)) if "WebSocket(" in block.text]
    assert len(blocks) == 1
    assert PORT in blocks[0]
    return BEFORE + blocks[0].replace(PORT, f":{port}/") + "follow();\n"


async def test_the_page_follows_a_run_through_all_that_ends_a_socket(
    engine: RecordingEngine, folder: RunFolder, tmp_path: Path
) -> None:
    """Each event once and in order; over a bridge that ends; from the start where it has to."""
    words = node()
    file = tmp_path / "page.cjs"
    async with asyncio.timeout(PATIENCE_S):
        async with serving(folder) as served:
            port = int(served.bridge.address.rsplit(":", 1)[1])
            file.write_text(script(port))
            page = await asyncio.create_subprocess_exec(
                *words, str(file), env={**os.environ, "TOKEN": TOKEN}, stdout=subprocess.PIPE
            )
            assert page.stdout is not None
            try:
                assert await page.stdout.readline() == b"1\n"
                await engine.record(RunPaused(by="a"), RunPaused(by="b"))
                assert [await page.stdout.readline() for _ in range(2)] == [b"2\n", b"3\n"]
                await served.runner.cleanup()  # the bridge ends
                await engine.record(RunPaused(by="c"))
                async with serving(folder, port=port) as again:
                    assert await page.stdout.readline() == b"4\n"
                    await again.runner.cleanup()
                async with serving(begin("shorter-0001"), port=port):  # it has no event 4
                    assert await page.stdout.readline() == b"1\n"
            finally:
                page.kill()
                await page.wait()
