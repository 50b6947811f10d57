"""Engines that start within milliseconds: forked from a process that has imported everything.

`python -m agentdeck.testing.forked_engines` reads lines of JSON, `[run folder, failpoints]`, runs
an engine for each in a process of its own, and answers each with two lines: the engine's process id
when it begins, and its exit status when it has ended, negative where a signal ended it.

Rules: an engine is what `python -m agentdeck.control.host` would be: its own session, no terminal,
the same file for what it says. There is one at a time. It ends with its forker.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, NoReturn, Self

from agentdeck.control import host
from agentdeck.control.start import engine_out
from agentdeck.engine.failpoints import VARIABLE
from agentdeck.engine.folders import RunFolder

STARTS_S: Final = 30.0  # for the forker to import everything, on a busy machine
POLL_S: Final = 0.1  # between two looks of `meanwhile`; an end is seen at once


class ForkedEngines:
    """Starts engines of runs, one after the other."""

    def __init__(self) -> None:
        """Start the process that forks."""
        self._forker = subprocess.Popen(
            [sys.executable, "-P", "-m", "agentdeck.testing.forked_engines"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    def live(
        self, folder: RunFolder, failpoints: str, meanwhile: Callable[[], bool], patience_s: float
    ) -> int:
        """One life of an engine: its exit status, negative where a signal ended it.

        Args:
            folder: of the run.
            failpoints: as `AGENTDECK_FAILPOINTS` has them.
            meanwhile: called again and again; the engine is told to end once it says True.
            patience_s: seconds until the engine must have ended by itself or by `meanwhile`.

        Raises:
            TimeoutError: it has not; the engine is killed.
        """
        assert self._forker.stdin is not None
        self._forker.stdin.write(json.dumps([str(folder.path), failpoints]).encode() + b"\n")
        engine = self._answer(STARTS_S)
        assert engine is not None
        deadline, told = time.monotonic() + patience_s, False
        while (status := self._answer(POLL_S)) is None:
            if time.monotonic() > deadline:
                os.kill(engine, signal.SIGKILL)
                self._answer(STARTS_S)
                raise TimeoutError(f"the engine of {folder.run} did not end: {folder.engine_log}")
            if not told and meanwhile():
                told = True
                os.kill(engine, signal.SIGTERM)
        return status

    def _answer(self, timeout_s: float) -> int | None:
        """The next line of the forker, a number."""
        out = self._forker.stdout
        assert out is not None
        ready, _, _ = select.select([out], [], [], timeout_s)
        return int(out.readline()) if ready else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._forker.stdin is not None
        assert self._forker.stdout is not None
        self._forker.stdin.close()
        self._forker.wait()
        self._forker.stdout.close()


def _serve() -> None:
    for line in sys.stdin:
        folder, failpoints = json.loads(line)
        engine = os.fork()
        if not engine:
            _become_engine(RunFolder(Path(folder)), failpoints)
        print(engine, flush=True)
        _, status = os.waitpid(engine, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become_engine(folder: RunFolder, failpoints: str) -> NoReturn:
    status = 1
    try:
        os.setsid()
        os.chdir(folder.path)
        for number, file, flags in (
            (0, Path(os.devnull), os.O_RDONLY),
            (1, engine_out(folder), os.O_WRONLY | os.O_CREAT | os.O_APPEND),
        ):
            fd = os.open(file, flags, 0o600)
            os.dup2(fd, number)
            os.close(fd)
        os.dup2(1, 2)
        os.environ[VARIABLE] = failpoints
        status = host.main([str(folder.path)])
    finally:
        os._exit(status)


if __name__ == "__main__":
    _serve()


__all__ = ["ForkedEngines"]
