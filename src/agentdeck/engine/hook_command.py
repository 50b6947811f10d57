"""Runs the command of a hook: told on its input, bounded in time and output, ended as a tree.

Rules:
- It is a list of arguments and no shell. It works in the checkout and in a session of its own.
- What it is told stands in a file that it has as its input: it reads all of it also where the
  engine is killed, and never the half of a message.
- Its output is read and thrown away; the last of it is kept for the reason of a failure.
- What an engine that was killed has left running of the same hook is ended first, and so is what
  it leaves behind itself. After its time it gets SIGTERM, and a little later SIGKILL.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentdeck.core.errors import DeckError
from agentdeck.core.ids import ProcessIdentity
from agentdeck.engine.process_tree import ProcessTable
from agentdeck.engine.redaction import redacted
from agentdeck.engine.stop import sweep

GRACE_S: Final = 2.0  # between SIGTERM and SIGKILL
LOOK_S: Final = 0.05  # between two looks at whether it still should go on
KEPT_BYTES: Final = 2_000  # of its output
SAID_CHARS: Final = 300  # of its last line, in the reason of a failure
READ_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of telling a hook."""

    status: int
    fault: str = ""  # why it was not told; "" = it was
    wait_s: float | None = None  # the receiver wants no other try before so many seconds
    final: bool = False  # it wants no other try at all


def run_command(
    argv: Sequence[str],
    told: bytes,
    *,
    cwd: Path,
    env: Mapping[str, str],
    tag: str,
    timeout_s: float,
    ended: threading.Event,
) -> Answer:
    """Run a command to its end, or until its time is up.

    Args:
        argv: the command.
        told: what it reads on its input.
        cwd: where it works.
        env: its environment, complete; `tag` in it marks what it starts.
        tag: unique to the hook.
        timeout_s: how long it may take.
        ended: set when nobody wants it to go on.
    """
    try:
        sweep(tag)
        with tempfile.TemporaryFile() as message:
            message.write(told)
            message.seek(0)
            process = subprocess.Popen(
                argv,
                cwd=cwd,
                env=dict(env),
                stdin=message,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except (OSError, ValueError, DeckError) as fault:
        return Answer(-1, f"{argv[0]} could not be run: {fault}")
    talk = _Talk(process)
    seen: set[ProcessIdentity] = set()
    try:
        in_time = talk.until(time.monotonic() + timeout_s, ended)
        if not in_time:
            seen = terminate(process)
            talk.until(time.monotonic() + GRACE_S, threading.Event())
    finally:
        if process.poll() is None:
            process.kill()
        code = process.wait()
        talk.close()
        with suppress(DeckError):  # what cannot be ended now is met again by the next sweep
            sweep(tag, seen)
    return _answer(argv[0], code, talk.tail, None if in_time else timeout_s)


def terminate(process: subprocess.Popen[bytes]) -> set[ProcessIdentity]:
    """Ask the whole session to end; who was in it. Its leader lives, so its number is its own."""
    seen = {row.identity for row in ProcessTable.now().session(process.pid)}
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    return seen


def _answer(program: str, code: int, tail: bytes, timeout_s: float | None) -> Answer:
    lines = redacted(tail.decode(errors="replace"), os.environ).strip().splitlines()
    said = f": {lines[-1][:SAID_CHARS]}" if lines else ""
    if timeout_s is not None:
        return Answer(code, f"{program} was ended after {timeout_s:g} s{said}")
    if code == 0:
        return Answer(0)
    how = f"was killed by signal {-code}" if code < 0 else f"exited with {code}"
    return Answer(code, f"{program} {how}{said}")


class _Talk:
    """The output of a process, which never makes us wait."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        self._process, self._out, self.tail = process, process.stdout, b""
        self._selector = selectors.DefaultSelector()
        os.set_blocking(self._out.fileno(), False)
        self._selector.register(self._out, selectors.EVENT_READ)

    def until(self, deadline: float, ended: threading.Event) -> bool:
        """Listen until the process has ended; False: not by then, or nobody waits any more."""
        while time.monotonic() < deadline and not ended.is_set():
            over = self._process.poll() is not None
            if self._selector.select(0 if over else LOOK_S):
                self._read()
            if over:
                return True
            if not self._selector.get_map():
                time.sleep(LOOK_S)
        return self._process.poll() is not None

    def _read(self) -> None:
        try:
            data = os.read(self._out.fileno(), READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._selector.unregister(self._out)
        self.tail = (self.tail + data)[-KEPT_BYTES:]

    def close(self) -> None:
        """Let go of it, whoever still holds the other end."""
        self._selector.close()
        with suppress(OSError):
            self._out.close()


__all__ = ["Answer", "run_command", "terminate"]
