"""Runs a program that is asked one thing and answers on its output, bounded and ended as a tree.

Rules: a list of arguments and no shell, a session of its own, input from a file. What it says is
foreign text. Too much output, or too much time, ends it with all that it has started.
"""

from __future__ import annotations

import os
import selectors
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
from agentdeck.engine.hook_command import GRACE_S, LOOK_S, READ_BYTES, terminate
from agentdeck.engine.stop import sweep

MAX_OUT: Final = 32 * 1024 * 1024  # bytes; a hundred comments of 64 KiB, and JSON around them
MAX_ERR: Final = 16 * 1024  # bytes of the end of what it says besides


@dataclass(frozen=True, slots=True)
class Said:
    """What came of asking."""

    code: int
    out: bytes
    err: str
    fault: str = ""  # why there is no answer that could be read; "" = it ended by itself


def ask(
    argv: Sequence[str],
    given: bytes,
    *,
    cwd: Path,
    env: Mapping[str, str],
    tag: str,
    deadline: float,
    ended: threading.Event,
) -> Said:
    """Run a program to its end.

    Args:
        argv: the program.
        given: what it reads on its input.
        cwd: where it works.
        env: its environment, complete; `tag` in it marks what it starts.
        tag: unique to who asks.
        deadline: by when it has ended, on the monotonic clock.
        ended: set when nobody wants to know any more.
    """
    program = Path(argv[0]).name
    try:
        sweep(tag)
        with tempfile.TemporaryFile() as message:
            message.write(given)
            message.seek(0)
            process = subprocess.Popen(
                argv,
                cwd=cwd,
                env=dict(env),
                stdin=message,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
    except FileNotFoundError:
        return Said(-1, b"", "", f"{program} is not installed, or not on the PATH")
    except (OSError, ValueError, DeckError) as fault:
        return Said(-1, b"", "", f"{program} could not be run: {fault}")
    listening = _Listening(process)
    seen: set[ProcessIdentity] = set()
    fault_words = ""
    try:
        over = listening.until(deadline, ended)
        if not over:
            late = time.monotonic() >= deadline
            fault_words = "took too long" if late else "was ended with the engine"
            if listening.overfull:
                fault_words = f"said more than {MAX_OUT // 1024 // 1024} MiB"
            seen = terminate(process)
            listening.until(time.monotonic() + GRACE_S, threading.Event())
    finally:
        if process.poll() is None:
            process.kill()
        code = process.wait()
        listening.close()
        with suppress(DeckError):  # what cannot be ended now is met again by the next sweep
            sweep(tag, seen)
    fault_words = f"{program} {fault_words}" if fault_words else ""
    return Said(code, listening.out, listening.err.decode(errors="replace"), fault_words)


class _Listening:
    """Both outputs of a process, which never make us wait."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._process, self._out, self._err = process, process.stdout, process.stderr
        self._parts: list[bytes] = []
        self._size, self.err = 0, b""
        self._selector = selectors.DefaultSelector()
        for pipe in (self._out, self._err):
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_READ)

    @property
    def out(self) -> bytes:
        """All that it said."""
        return b"".join(self._parts)

    @property
    def overfull(self) -> bool:
        """Has it said too much?"""
        return self._size > MAX_OUT

    def until(self, deadline: float, ended: threading.Event) -> bool:
        """Listen until it has ended; False: not by then, too much, or nobody waits any more."""
        while time.monotonic() < deadline and not ended.is_set() and not self.overfull:
            over = self._process.poll() is not None
            ready = self._selector.select(0 if over else LOOK_S) if self._selector.get_map() else []
            for key, _ in ready:
                self._read(key.fileobj)
            if over and not ready:
                return True
            if not self._selector.get_map() and not over:
                time.sleep(LOOK_S)
        return False

    def _read(self, pipe: object) -> None:
        out = pipe is self._out
        try:
            data = os.read((self._out if out else self._err).fileno(), READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._selector.unregister(self._out if out else self._err)
        elif out:
            self._parts += [] if self.overfull else [data]
            self._size += len(data)
        else:
            self.err = (self.err + data)[-MAX_ERR:]

    def close(self) -> None:
        """Let go of it, whoever still holds the other ends."""
        self._selector.close()
        for pipe in (self._out, self._err):
            with suppress(OSError):
                pipe.close()


__all__ = ["Said", "ask"]
