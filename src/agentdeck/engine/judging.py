"""A gate of a plan on any commit, without an engine: for a person who looks back.

Rules: it runs in a scratch worktree of its own, as the gates of the queue do, so nobody's work is
touched and a live engine is not in the way. What it leaves running is ended. Nothing of it is
written into the journal.
"""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.plan import Gate
from agentdeck.engine.environment import child_environment
from agentdeck.engine.git import Git
from agentdeck.engine.ports import environment_of
from agentdeck.engine.private_files import make_private
from agentdeck.engine.stop import sweep
from agentdeck.engine.worktrees import ScratchTrees

SLOT: Final = "judge"
TAIL_LINES: Final = 3
TAIL_BYTES: Final = 16 * 1024  # in which they are looked for


@dataclass(frozen=True, slots=True)
class Judged:
    """What a gate said of a commit."""

    passes: bool
    seconds: float
    said: str  # the last lines of a red one


class Judge:
    """Runs one gate on commits, one after the other. Close it: its worktree is removed."""

    def __init__(self, git: Git, run: str, gate: Gate, folder: Path) -> None:
        """`folder` is for the worktree and the log."""
        make_private(folder)
        self._run, self._gate = run, gate
        self._trees = ScratchTrees(git, folder / "worktrees", 1)
        self._log = folder / "log"
        self._tag = f"{run}/judge/{os.getpid()}"

    def judge(self, commit: str) -> Judged:
        """Run the gate, and again as often as its `retries` say while it is red.

        Raises:
            EnvironmentFault: it could not be started, or the commit not be checked out.
        """
        started = time.monotonic()
        for _ in range(self._gate.retries + 1):
            if self._passes(self._trees.checkout(SLOT, commit), commit):
                return Judged(True, time.monotonic() - started, "")
        return Judged(False, time.monotonic() - started, self._end_of_log())

    def _end_of_log(self) -> str:
        with self._log.open("rb") as log:
            _ = log.seek(max(0, log.seek(0, os.SEEK_END) - TAIL_BYTES))
            lines = log.read(TAIL_BYTES).decode(errors="replace").strip().splitlines()
        return "\n".join(lines[-TAIL_LINES:])

    def _passes(self, place: Path, commit: str) -> bool:
        extra = {
            "AGENTDECK_RUN": self._run,
            "AGENTDECK_GATE": self._gate.name,
            "AGENTDECK_COMMIT": commit,
            "AGENTDECK_TASK": "",
        }
        added = environment_of(self._run, place, None) | extra
        env = child_environment(os.environ, tag=self._tag, extra=added, cwd=str(place))
        try:
            with self._log.open("wb") as log:
                child = subprocess.Popen(
                    self._gate.run,
                    cwd=place,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as fault:
            raise EnvironmentFault(
                f"gate {self._gate.name} cannot be started: {fault}", hint="see its `run`"
            ) from fault
        try:
            code = child.wait(self._gate.timeout_s)
        except subprocess.TimeoutExpired:
            code = None
        finally:  # also when a person presses Ctrl-C
            sweep(self._tag)
            child.wait()
        return code == 0

    def close(self) -> None:
        """Remove the worktree."""
        self._trees.remove_all()


__all__ = ["Judge", "Judged"]
