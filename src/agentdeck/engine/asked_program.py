"""Runs a program that is told one thing, or asked one, bounded and ended as a tree.

Rules:
- It is a list of arguments and no shell, in a session of its own. What it says is foreign text.
- What it is given stands in a file that it has as its input: it reads all of it also where the
  engine is killed, and never the half of a message.
- After its time it gets SIGTERM with all that it has started, and a little later SIGKILL; so also
  when it says more than is read whole. What it leaves behind is ended, and so is, first, what an
  engine that was killed has left of it.
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
from agentdeck.engine.stop import sweep

GRACE_S: Final = 2.0  # between SIGTERM and SIGKILL
LOOK_S: Final = 0.05  # between two looks at whether it still should go on
READ_BYTES: Final = 64 * 1024
MAX_OUT: Final = 32 * 1024 * 1024  # bytes; a hundred comments of 64 KiB, and JSON around them
MAX_END: Final = 16 * 1024  # bytes of the end of what nobody reads whole


@dataclass(frozen=True, slots=True)
class Said:
    """What came of it."""

    code: int  # -1: it could not be run
    out: bytes
    err: str
    fault: str = ""  # why it did not end by itself; "" = it did
    late: bool = False  # it was ended, as its time was up, or nobody waited for it any more


def ask(
    argv: Sequence[str],
    given: bytes,
    *,
    cwd: Path,
    env: Mapping[str, str],
    tag: str,
    deadline: float,
    ended: threading.Event,
    whole: bool = True,
) -> Said:
    """Run a program to its end; blocks until then.

    Args:
        argv: the program.
        given: what it reads on its input.
        cwd: where it works.
        env: its environment, complete; `tag` in it marks what it starts.
        tag: unique to who asks.
        deadline: by when it has ended, on the monotonic clock.
        ended: set when nobody wants to know any more.
        whole: is all that it says wanted? Else the end of it is kept, and it may say what it wants.
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
        missing = "is not installed, or not on the PATH"
        why = "could not be run: it is not there" if "/" in argv[0] else missing
        return Said(-1, b"", "", f"{argv[0]} {why}")
    except (OSError, ValueError, DeckError) as fault:
        return Said(-1, b"", "", f"{program} could not be run: {fault}")
    listening = _Listening(process, whole=whole)
    seen: set[ProcessIdentity] = set()
    why, late = "", False
    try:
        if not listening.until(deadline, ended):
            late = not listening.overfull
            why = "took too long" if time.monotonic() >= deadline else "was ended with the engine"
            if listening.overfull:
                why = f"said more than {MAX_OUT // 1024 // 1024} MiB"
            seen = _terminate(process)
            listening.until(time.monotonic() + GRACE_S, threading.Event())
    finally:
        if process.poll() is None:
            process.kill()
        code = process.wait()
        listening.close()
        with suppress(DeckError):  # what cannot be ended now is met again by the next sweep
            sweep(tag, seen)
    err = listening.err.decode(errors="replace")
    return Said(code, listening.out, err, f"{program} {why}" if why else "", late)


def _terminate(process: subprocess.Popen[bytes]) -> set[ProcessIdentity]:
    """Ask the whole session to end; who was in it. Its leader lives, so its number is its own."""
    seen = {row.identity for row in ProcessTable.now().session(process.pid)}
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    return seen


class _Listening:
    """Both outputs of a process, which never make us wait."""

    def __init__(self, process: subprocess.Popen[bytes], *, whole: bool) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._process, self._out, self._err = process, process.stdout, process.stderr
        self._whole, self._parts = whole, list[bytes]()
        self._size, self.err = 0, b""
        self._selector = selectors.DefaultSelector()
        for pipe in (self._out, self._err):
            os.set_blocking(pipe.fileno(), False)
            self._selector.register(pipe, selectors.EVENT_READ)

    @property
    def out(self) -> bytes:
        """All that it said, or the end of it."""
        return b"".join(self._parts)

    @property
    def overfull(self) -> bool:
        """Has it said too much?"""
        return self._whole and self._size > MAX_OUT

    def until(self, deadline: float, ended: threading.Event) -> bool:
        """Listen until it has ended; False: not by then, too much, or nobody waits any more."""
        while time.monotonic() < deadline and not ended.is_set() and not self.overfull:
            over = self._process.poll() is not None
            ready = self._selector.select(0 if over else LOOK_S) if self._selector.get_map() else []
            for key, _ in ready:
                self._read(key.fileobj)
            if over and not ready:  # what a child of it writes on is not waited for
                return True
            if not over and not self._selector.get_map():
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
        elif not out:
            self.err = (self.err + data)[-MAX_END:]
        elif self._whole:
            self._parts += [] if self.overfull else [data]
            self._size += len(data)
        else:
            self._parts = [(self.out + data)[-MAX_END:]]

    def close(self) -> None:
        """Let go of it, whoever still holds the other ends."""
        self._selector.close()
        for pipe in (self._out, self._err):
            with suppress(OSError):
                pipe.close()


__all__ = ["Said", "ask"]
