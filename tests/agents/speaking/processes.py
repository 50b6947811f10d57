"""One process of the scripted agent, its input and what it prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from agentdeck.testing import scripted_agent

Found = TypeVar("Found")

PROGRAM = Path(scripted_agent.__file__)
BOUND_S = 30.0  # for a condition that holds within milliseconds on an idle machine


class Run:
    """A started attempt.

    Args:
        repo: where it works.
        number: of this process in its test.
        speaks: the format.
        script: lines of its prompt.
        args: more of its command line.
        attempt: as AGENTDECK_ATTEMPT.
        talk: keep its input open; else that is empty.
        env: more of its environment.
        cwd: where it works instead.
    """

    def __init__(
        self,
        repo: Path,
        number: int,
        speaks: str,
        script: str,
        args: tuple[str, ...],
        *,
        attempt: int = 1,
        talk: bool = False,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        above = repo.parent
        self._out, self._err = above / f"out.{number}", above / f"err.{number}"
        prompt = above / f"prompt.{number}.md"
        prompt.write_text(f"# Task T1: A title\n\n{script}\n", encoding="utf-8")
        argv = [sys.executable, "-I", "-S", str(PROGRAM), "--prompt-file", str(prompt)]
        marks = {
            "AGENTDECK_TASK": "T1",
            "AGENTDECK_ATTEMPT": str(attempt),
            "AGENTDECK_SCRIPT_SECONDS": "0",
            "AGENTDECK_SCRIPTED_HOME": str(above / "sessions"),
            "CLAUDE_CODE_MAX_RETRIES": "2",
        }
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [*argv, "--speak", speaks, *args],
                cwd=cwd or repo,
                stdin=subprocess.PIPE if talk else subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=os.environ | marks | dict(env or {}),
            )

    @property
    def raw(self) -> bytes:
        """All of standard output so far."""
        return self._out.read_bytes()

    @property
    def text(self) -> str:
        """The same as text."""
        return self.raw.decode("utf-8", "replace")

    @property
    def errors(self) -> str:
        """All of standard error so far."""
        return self._err.read_text(encoding="utf-8", errors="replace")

    def lines(self) -> list[dict[str, Any]]:
        """The JSON objects that are complete so far; each line has to be one."""
        whole = self.raw.rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.split(b"\n") if line]

    @property
    def session(self) -> str:
        """The id that its first line names."""
        names = ("session", "session_id", "thread_id", "sessionID")
        return str(next(found for name in names if (found := self.lines()[0].get(name))))

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        """The lines of one type."""
        return [line for line in self.lines() if line.get("type") == kind]

    def until(self, holds: Callable[[], Found | None]) -> Found:
        """Wait until something holds, and return it."""
        deadline = time.monotonic() + BOUND_S
        while not (found := holds()):
            assert time.monotonic() < deadline, self.text[-2000:] + self.errors[-2000:]
            time.sleep(0.005)
        return found

    def send(self, line: object) -> None:
        """Write a line of JSON to its input."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(line).encode() + b"\n")
        self.process.stdin.flush()

    def close(self) -> None:
        """End its input."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def code(self) -> int:
        """Its exit code, once it has ended; negative = the signal that ended it."""
        return self.process.wait(BOUND_S)

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def end(self) -> None:
        """End it, if it lives."""
        self.process.kill()
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        self.process.wait()


Speak: TypeAlias = Callable[..., Run]


def git(repo: Path, *args: str) -> str:
    """What git says."""
    found = subprocess.run(["git", *args], cwd=repo, check=True, capture_output=True, text=True)
    return found.stdout.strip()
