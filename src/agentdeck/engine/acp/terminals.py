"""Commands that an agent runs through us, in its worktree.

Rules:
- A command is an argument list. No shell sees it unless the agent asks for that shell by name.
- Each runs in a session of its own, so that it can be ended with its children, and carries the
  attempt's mark, so that the engine finds what escapes. The agent cannot change the mark.
- The number of open ones and the output kept of each are bounded; all are ended at the end.
- A group is signalled only while its number is provably its own.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentdeck.core.ids import ProcessIdentity
from agentdeck.engine.acp.output_tail import OutputTail
from agentdeck.engine.acp.paths import Refused, shown
from agentdeck.engine.acp.patience import exited, settles
from agentdeck.engine.acp.text_files import resolve
from agentdeck.engine.environment import TAG_VARIABLE
from agentdeck.engine.identity import send
from agentdeck.engine.process_tree import ProcessTable

MAX_OPEN: Final = 32  # commands not yet released; agents use a handful
DEFAULT_OUTPUT_BYTES: Final = 1 << 20  # kept of a command whose agent sets no limit
MAX_OUTPUT_BYTES: Final = 4 << 20  # kept of any; it has to fit in a message
CHUNK: Final = 64 * 1024  # bytes read at once
TERM_GRACE_S: Final = 1.0  # between SIGTERM and SIGKILL
PIPE_GRACE_S: Final = 0.5  # for output that is still in the pipe when the command has ended


@dataclass(frozen=True, slots=True)
class Exit:
    """How a command ended: by itself, or by a signal."""

    code: int | None
    signal: str | None


class Terminal:
    """One command."""

    def __init__(self, process: asyncio.subprocess.Process, limit: int) -> None:
        self.tail = OutputTail(limit)
        self._process = process
        self._gone = asyncio.ensure_future(exited(process))
        self._reading = asyncio.ensure_future(self._read())

    @property
    def exit(self) -> Exit | None:
        """How it ended, if it has."""
        code = self._process.returncode
        if code is None:
            return None
        return Exit(code, None) if code >= 0 else Exit(None, _signal_name(-code))

    async def wait(self) -> Exit:
        """Wait for its end, and for what it has printed until then."""
        await asyncio.wait({self._gone})
        await asyncio.wait({self._reading}, timeout=PIPE_GRACE_S)
        return self.exit or Exit(None, None)

    async def kill(self) -> None:
        """End it and its children."""
        self._signal_all(signal.SIGTERM)
        if not await settles(TERM_GRACE_S, self._gone) or self._family():
            self._signal_all(signal.SIGKILL)
        await asyncio.wait({self._gone})

    async def close(self) -> None:
        """End it and forget its output."""
        await self.kill()
        self._reading.cancel()

    async def _read(self) -> None:
        stdout = self._process.stdout
        while stdout is not None and (chunk := await stdout.read(CHUNK)):
            self.tail.add(chunk)

    def _signal_all(self, number: signal.Signals) -> None:
        for identity in self._family():
            with suppress(PermissionError):
                send(identity, number)

    def _family(self) -> list[ProcessIdentity]:
        """Who lives in its session. The session's number may be another's once it has ended."""
        table = ProcessTable.now()
        tag = os.environ.get(TAG_VARIABLE)
        marked = {row.identity for row in table.tagged(tag)} if tag else None
        leads = self._process.returncode is None
        return [
            row.identity
            for row in table.session(self._process.pid)
            if leads or (marked is not None and row.identity in marked)
        ]


class Terminals:
    """All commands of one conversation."""

    def __init__(self, root: Path) -> None:
        self._root = root  # the worktree
        self._open: dict[str, Terminal] = {}
        self._starting = 0
        self._made = 0

    async def create(
        self,
        command: str,
        args: Sequence[str],
        env: Mapping[str, str],
        cwd: str | None,
        limit: int | None,
    ) -> str:
        """Start a command and return its id.

        Args:
            command: a program, looked up on PATH.
            args: its arguments.
            env: added to our environment.
            cwd: a folder in the worktree; None = the worktree.
            limit: bytes of output to keep.

        Raises:
            Refused: the folder lies elsewhere, or too many commands are open.
            OSError: it cannot be started.
        """
        folder = self._folder(cwd)
        if len(self._open) + self._starting >= MAX_OPEN:
            raise Refused(f"{MAX_OPEN} terminals are open; release some")
        self._starting += 1
        try:
            process = await asyncio.create_subprocess_exec(
                command,
                *args,
                cwd=folder,
                env=_environment(env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        except ValueError as fault:
            raise Refused(f"{shown(command)} cannot be started: {fault}") from fault
        finally:
            self._starting -= 1
        self._made += 1
        name = f"terminal-{self._made}"
        kept = DEFAULT_OUTPUT_BYTES if limit is None else min(limit, MAX_OUTPUT_BYTES)
        self._open[name] = Terminal(process, kept)
        return name

    def get(self, name: str) -> Terminal:
        """An open terminal.

        Raises:
            Refused: there is none of that name.
        """
        if name not in self._open:
            raise Refused(f"there is no terminal {shown(name)}")
        return self._open[name]

    async def release(self, name: str) -> None:
        """End a command and forget it."""
        terminal = self.get(name)
        del self._open[name]
        await terminal.close()

    async def close(self) -> None:
        """End all commands."""
        terminals = list(self._open.values())
        self._open.clear()
        await asyncio.gather(*(terminal.close() for terminal in terminals))

    def _folder(self, cwd: str | None) -> Path:
        folder = Path(os.path.realpath(self._root), *(resolve(self._root, cwd) if cwd else ()))
        if not folder.is_dir():
            raise Refused(f"{shown(cwd or '')} is no folder")
        return folder


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    env = {**os.environ, **extra}
    env.pop(TAG_VARIABLE, None)
    if TAG_VARIABLE in os.environ:
        env[TAG_VARIABLE] = os.environ[TAG_VARIABLE]
    return env


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
