"""A program in a terminal of its own, as a person has it: keys in, screens out, each with its time.

Rules:
- The terminal is a real pty. What the program asks of a terminal (who are you, where is the cursor)
  is answered as xterm would: some programs wait for it before they draw.
- While a program is measured its output is only kept, with the time at which it came. What it
  looks like is found afterwards, by a terminal emulator (pyte): looking costs the program nothing.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

try:
    import pyte
except ImportError:
    raise SystemExit("this benchmark needs a terminal emulator: pip install pyte") from None

READ: Final = 65_536  # bytes; a pty hands out 4 KiB at once
PATIENCE_S: Final = 60.0  # for what has to be seen
END_S: Final = 10.0  # for a program to go when it is told to
ANSWERS: Final = {b"\x1b[c": b"\x1b[?62;22c", b"\x1b[6n": b"\x1b[1;1R"}
# What pyte would print as text: private modes' reports, kitty's keyboard, synchronized updates.
Seen = Callable[[Sequence[str]], bool]


@dataclass
class Terminal:
    """One program in one terminal."""

    argv: Sequence[str]
    size: tuple[int, int] = (120, 36)  # columns, rows
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    pieces: list[tuple[float, bytes]] = field(default_factory=list)  # when, what
    began: float = 0.0

    def __enter__(self) -> Terminal:
        """Start the program."""
        self.began = time.perf_counter()
        self.pid, self._end = pty.fork()
        if self.pid == 0:
            if self.cwd is not None:
                os.chdir(self.cwd)
            # Until it has a size a terminal has none; the program may ask at once.
            fcntl.ioctl(0, termios.TIOCSWINSZ, self._winsize())
            os.execvpe(self.argv[0], list(self.argv), {**os.environ, **self.env, **TERM})
        fcntl.ioctl(self._end, termios.TIOCSWINSZ, self._winsize())
        return self

    def __exit__(self, *_: object) -> None:
        """End it, whatever it does."""
        for sign in (signal.SIGHUP, signal.SIGKILL):
            deadline = time.perf_counter() + END_S
            try:
                os.kill(self.pid, sign)
                while time.perf_counter() < deadline:
                    if os.waitpid(self.pid, os.WNOHANG)[0]:
                        os.close(self._end)
                        return
                    self.run(0.02)
            except (ProcessLookupError, ChildProcessError):
                break
        os.close(self._end)

    def _winsize(self) -> bytes:
        return struct.pack("HHHH", self.size[1], self.size[0], 0, 0)

    def run(self, seconds: float) -> None:
        """Let it run, and keep what it says."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            if not select.select([self._end], [], [], left)[0]:
                return
            try:
                data = os.read(self._end, READ)
            except OSError:  # nobody has the other end any more
                time.sleep(left)
                return
            self.pieces.append((time.perf_counter(), data))
            for asked, answer in ANSWERS.items():
                if asked in data:
                    os.write(self._end, answer)

    def press(self, keys: bytes) -> float:
        """Type; when that was."""
        at = time.perf_counter()
        os.write(self._end, keys)
        return at

    def wait_for(self, text: bytes, within_s: float = PATIENCE_S) -> bool:
        """Let it run until it has written this; False = it has not. Only for getting somewhere."""
        seen, until = len(self.pieces), time.perf_counter() + within_s
        while time.perf_counter() < until:
            self.run(0.02)
            if text in b"".join(data for _, data in self.pieces[max(0, seen - 1) :]):
                return True
        return False

    def screens(self, after: float = 0.0) -> Iterator[tuple[float, Sequence[str]]]:
        """What stood on the screen after each piece that came later than `after`."""
        screen = pyte.Screen(*self.size)
        stream = pyte.ByteStream(screen)
        for at, data in self.pieces:
            stream.feed(data)
            if at > after:
                yield at, screen.display

    def first(self, seen: Seen, after: float = 0.0) -> float | None:
        """When the screen first was so, after `after`; None = never."""
        return next((at for at, shown in self.screens(after) if seen(shown)), None)

    @property
    def program(self) -> psutil.Process:
        """The program itself, where a wrapper of npm stands before it."""
        named = Path(self.argv[0]).name
        return next((each for each in self.tree if each.name() == named), self.tree[0])

    @property
    def tree(self) -> list[psutil.Process]:
        """The program and what it has started."""
        top = psutil.Process(self.pid)
        return [top, *top.children(recursive=True)]


TERM: Final = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}


def cpu_s(process: psutil.Process) -> float:
    """Seconds of CPU that a process has had by itself."""
    used = process.cpu_times()
    return float(used.user + used.system)
