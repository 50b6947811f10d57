"""Is a sandbox shut? It is entered and tried before an agent begins in it.

Rules:
- The same command line is entered that the agent gets, with a program of ours in its place that
  tries to make a file in the person's home and checkout, in another worktree, among the refs,
  beside the settings of git, and in the folder of the run.
- What counts is what is there afterwards, seen from outside. A file in a folder that nobody else
  sees (bubblewrap hides some) was not written; one that is there is removed, and its place is open.
- A place that is open though neither adapter nor plan say so is a fault: the agent does not begin.
- The standard library alone: this is sent to machines that have nothing else.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.engine.sandbox import Room, enter

TRY_S: Final = 60.0  # takes 0.1 s; on a machine at its limits a process may start late
_PROBE: Final = str(Path(__file__).with_name("write_probe.py"))


class Place(NamedTuple):
    """Where an agent in a sandbox must not write."""

    name: str  # as it is said to a person
    folder: str


def tried(
    kind: Sandbox, room: Room, places: Sequence[Place], *, network: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Enter the sandbox and try to write in these places: those that are closed, and are open.

    Raises:
        EnvironmentFault: it cannot be entered, or a place is open that nobody has left open.
    """
    name = f".agentdeck-{secrets.token_hex(8)}"
    program = (sys.executable, "-I", "-S", _PROBE, name, *(place.folder for place in places))
    answers = _answers(enter(kind, room, program, network=network), room.cwd)
    found = [place for place in places if _was_made(Path(place.folder) / name)]
    if len(answers) != len(places):
        raise EnvironmentFault(
            f"sandbox {kind} cannot be tried: {answers[-1] if answers else 'it said nothing'}",
            hint="`agentdeck doctor` says which sandboxes work on this machine",
        )
    leaks = [place for place in found if not _left_open(place.folder, room)]
    if leaks:
        raise EnvironmentFault(
            f"sandbox {kind} does not hold: {leaks[0].name} can be written from inside"
            f" ({leaks[0].folder})",
            hint="another sandbox may: `agentdeck doctor`",
        )
    closed = tuple(place.name for place in places if place not in found)
    return closed, tuple(place.name for place in found)


def _answers(argv: Sequence[str], cwd: str) -> list[str]:
    """The lines it prints; what went wrong instead, if it did."""
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TRY_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [f"it gave no answer in {TRY_S:.0f} s"]
    except OSError as error:
        return [error.strerror or str(error)]
    return done.stdout.splitlines() if done.returncode == 0 else done.stderr.splitlines()[-1:]


def _was_made(file: Path) -> bool:
    """Is it there, for all to see? It is not any more after this."""
    if not os.path.lexists(file):
        return False
    file.unlink(missing_ok=True)
    return True


def _left_open(folder: str, room: Room) -> bool:
    real = Path(os.path.realpath(folder))
    return any(real.is_relative_to(path) for path in (*room.writable, *room.granted))


__all__ = ["Place", "tried"]
