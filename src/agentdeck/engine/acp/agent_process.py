"""The agent as a child of the bridge: its pipes, and its end.

Rules:
- It stays in the bridge's process group, so that whoever stops or freezes the attempt reaches it.
- Its stderr goes to the log line by line, its stdout is for messages.
- It is asked to end by closing its input, then by SIGTERM, then killed, with those of its children
  that were seen before. Tools in sessions of their own are the engine's to sweep.
- Its end is noticed by its exit as well as by the end of its output: a tool may hold that open.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentdeck.core.events import FailureClass
from agentdeck.engine.acp.lines import LineSplitter
from agentdeck.engine.acp.outcome import Failed, failure
from agentdeck.engine.acp.patience import exited, settles
from agentdeck.engine.acp.raw_log import FOREIGN_BYTES, RawLog

MAX_MESSAGE_BYTES: Final = 64 << 20  # one message; the largest ones seen carry 2 MB
CHUNK: Final = 256 * 1024  # bytes read at once
EOF_GRACE_S: Final = 1.0  # for output that is still in the pipe when the agent has ended


@dataclass(frozen=True, slots=True)
class Grace:
    """How long an agent may take to end, in seconds."""

    after_close_s: float
    after_term_s: float


AT_THE_END: Final = Grace(3.0, 2.0)  # after a turn; agents that end by themselves need under 1 s
WHEN_STOPPED: Final = Grace(1.0, 1.0)  # the engine sends the next signal after 5 s


class AgentProcess:
    """One agent and its pipes."""

    def __init__(self, process: asyncio.subprocess.Process, log: RawLog) -> None:
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise ValueError("an agent needs three pipes")
        self._process = process
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._log = log
        self._lines: deque[bytes] = deque()
        self._splitter = LineSplitter(MAX_MESSAGE_BYTES)
        self.gone = asyncio.ensure_future(exited(process))
        self._forwarding = asyncio.ensure_future(self._forward_stderr())
        self.last_words = ""  # the latest line on its stderr

    @property
    def cut(self) -> bool:
        """Whether a message was too long to be read."""
        return self._splitter.cut > 0

    async def send(self, data: bytes) -> None:
        """Write to the agent, and wait while its pipe is full.

        Raises:
            ConnectionError: it no longer reads.
        """
        self._stdin.write(data)
        await self._stdin.drain()

    async def read_line(self) -> bytes | None:
        """The next line of its output; None when there will be no more."""
        while not self._lines:
            chunk = await self._chunk()
            self._lines.extend(self._splitter.feed(chunk) if chunk else self._splitter.finish())
            if not chunk and not self._lines:
                return None
        return self._lines.popleft()

    async def end(self, grace: Grace) -> int:
        """Make sure that it has ended, and return its exit status."""
        with suppress(OSError):
            self._stdin.close()
        if not await settles(grace.after_close_s, self.gone):
            self._log.note("the agent did not end when its input was closed: SIGTERM")
            await self._force(grace.after_term_s)
        await settles(EOF_GRACE_S, self._forwarding)
        self._forwarding.cancel()
        return await self.gone

    async def _force(self, patience_s: float) -> None:
        import psutil

        family: list[psutil.Process] = []
        with suppress(psutil.Error):
            family = psutil.Process(self._process.pid).children(recursive=True)
        with suppress(ProcessLookupError):
            self._process.terminate()
        if not await settles(patience_s, self.gone):
            self._log.note("the agent did not end on SIGTERM: SIGKILL")
            with suppress(ProcessLookupError):
                self._process.kill()
        for process in family:  # of a wrapper that did not take its child along
            with suppress(psutil.Error):
                process.kill()

    async def _chunk(self) -> bytes:
        """The next piece of output; empty at its end."""
        reading = asyncio.ensure_future(self._stdout.read(CHUNK))
        try:
            await asyncio.wait({reading, self.gone}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                await asyncio.wait({reading}, timeout=EOF_GRACE_S)
            return reading.result() if reading.done() else b""
        finally:
            reading.cancel()

    async def _forward_stderr(self) -> None:
        splitter = LineSplitter(FOREIGN_BYTES)
        while chunk := await self._stderr.read(CHUNK):
            self._forward(splitter.feed(chunk))
        self._forward(splitter.finish())

    def _forward(self, lines: list[bytes]) -> None:
        for line in lines:
            self._log.foreign(line)
            if line.strip():
                self.last_words = line.decode("utf-8", "replace")


async def start(argv: Sequence[str], cwd: Path, log: RawLog) -> AgentProcess:
    """Start an agent in `cwd`.

    Raises:
        Failed: its program or folder cannot be used.
    """
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, cwd=cwd, stdin=pipe, stdout=pipe, stderr=pipe, limit=CHUNK
        )
    except (OSError, ValueError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else str(fault)
        raise Failed(failure(FailureClass.SETUP, f"cannot start {argv[0]}: {reason}")) from fault
    return AgentProcess(process, log)
