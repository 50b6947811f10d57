"""Is a sandbox shut? It is entered and tried before an agent begins in it; and its log afterwards.

Rules:
- The same command line is entered that the agent gets, with a program of ours in its place that
  tries to make a file in the person's home and checkout, in another worktree, among the refs,
  beside the settings of git, and in the folder of the run.
- What counts is what is there afterwards, seen from outside. A file in a folder that nobody else
  sees (bubblewrap hides some) was not written; one that is there is removed, and its place is open.
- A place that is open though neither adapter nor plan say so is a fault: the agent does not begin.
- Denials themselves are told to nobody but who is denied: the kernel writes them into its audit log
  at most, which needs root. So what an agent's log says of them is kept as its own words.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from agentdeck.agents.refusals import Refusals, refusals_in
from agentdeck.core.adapter import Sandbox
from agentdeck.core.containment import Confined, Containment
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.ids import TaskId
from agentdeck.engine.linked_tree import LinkedTree
from agentdeck.engine.plain_files import open_plain
from agentdeck.engine.sandbox import Room, enter
from agentdeck.engine.setting import Setting

TRY_S: Final = 60.0  # takes 0.1 s; on a machine at its limits a process may start late
READ: Final = 2 * 1024 * 1024  # bytes from the beginning of a log, and as many from its end
_PROBE: Final = str(Path(__file__).with_name("write_probe.py"))


class Place(NamedTuple):
    """Where an agent in a sandbox must not write."""

    name: str  # as it is said to a person
    folder: str


def places_of(at: Setting, task: TaskId, tree: LinkedTree) -> list[Place]:
    """The places that are tried for an attempt at `task` in `tree`; those that exist."""
    common = tree.git.common
    possible = (
        Place("your home", os.path.expanduser("~")),  # noqa: PTH111 - may be anything
        Place("your checkout", str(at.git.checkout)),
        Place("other worktrees", next(_others(at, task, tree), str(tree.path.parent))),
        Place("refs", str(common / "refs" / "heads")),
        Place("git's settings", str(common)),
        Place("the run's journal", str(at.folder.path)),
    )
    return [place for place in possible if Path(place.folder).is_dir()]


def try_out(kind: Sandbox, room: Room, places: Sequence[Place], box: Containment) -> Confined:
    """Enter the sandbox and try to write in these places.

    Raises:
        EnvironmentFault: it cannot be entered, or a place is open that nobody has left open.
    """
    name = f".agentdeck-{secrets.token_hex(8)}"
    program = (sys.executable, "-I", "-S", _PROBE, name, *(place.folder for place in places))
    argv = enter(kind, room, program, network=box.network)
    answers = _answers(argv, room.cwd)
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
    return Confined(
        tuple(place.name for place in places if place not in found),
        tuple(place.name for place in found),
        box.writable,
    )


def own_words(log: Path) -> Refusals:
    """What a log says of things that were refused; of a long one, its beginning and its end."""
    try:
        with os.fdopen(open_plain(log), "rb") as file:
            head = file.read(READ)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(len(head), size - READ))
            return refusals_in(head + b"\n" + file.read(READ))
    except OSError:
        return Refusals(0)


def _others(at: Setting, task: TaskId, tree: LinkedTree) -> Iterator[str]:
    """Worktrees in which other tasks work, or have worked."""
    for other in at.state.tasks.values():
        path = other.attempt.path if other.attempt is not None else None
        theirs = other.id != task and path is not None and Path(path) != tree.path
        if path is not None and theirs and Path(path).is_dir():
            yield path


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
