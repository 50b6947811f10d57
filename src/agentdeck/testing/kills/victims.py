"""The processes of a run that can be killed, by kind.

Rules:
- A victim is named by identity, so a process that took over a pid is never killed in its place.
- Of a run are: the engine that holds its lock; launchers and what they started, as their folders
  tell it; git as a child of that engine. Nothing is found by its name alone.
- Linux only: children are looked up in /proc, which takes microseconds. A git command lives a few
  milliseconds, so whoever wants one looks again and again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from agentdeck.core.ids import ProcessIdentity
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.identity import identity_of
from agentdeck.engine.processes import LaunchError, read_child, read_exit


class Kind(StrEnum):
    """What is killed."""

    ENGINE = "engine"
    LAUNCHER = "launcher"  # of an agent or of a gate
    AGENT = "agent"
    GATE = "gate"
    GIT = "git"  # a child of the engine
    DECK = "deck"


@dataclass(frozen=True, slots=True)
class Victim:
    """A process that is there just now."""

    process: ProcessIdentity
    what: str  # as a person would name it: `git update-ref`, `attempts/CORE-001.1`


def engine_of(folder: RunFolder) -> ProcessIdentity | None:
    """The engine of a run, or None while there is none."""
    with suppress(OSError, ValueError):
        found = identity_of(int(folder.lock.read_text(encoding="ascii")))
        if found is not None and b"agentdeck.control.host" in _arguments(found.pid):
            return found
    return None


def victims(folder: RunFolder, kind: Kind) -> list[Victim]:
    """Those of one kind that are there now, in the order of their names."""
    match kind:
        case Kind.ENGINE:
            engine = engine_of(folder)
            return [] if engine is None else [Victim(engine, "engine")]
        case Kind.AGENT:
            return [agent for _, agent in _launched(folder.path / "attempts")]
        case Kind.GATE:
            return [gate for _, gate in _launched(folder.path / "gates")]
        case Kind.LAUNCHER:
            places = (folder.path / "attempts", folder.path / "gates")
            return [launcher for place in places for launcher, _ in _launched(place)]
        case Kind.GIT:
            engine = engine_of(folder)
            return [] if engine is None else list(_gits(engine.pid))
        case Kind.DECK:
            return []  # whoever started it has it


def _launched(place: Path) -> Iterator[tuple[Victim, Victim]]:
    """Launchers that are at work in a folder, each with the process that it started."""
    for directory in sorted(place.glob("*")):
        with suppress(LaunchError):
            child = None if read_exit(directory) is not None else read_child(directory)
            if child is not None and identity_of(child.agent.pid) == child.agent:
                name = f"{place.name}/{directory.name}"
                yield Victim(child.launcher, f"launcher of {name}"), Victim(child.agent, name)


def _gits(engine: int) -> Iterator[Victim]:
    for pid in _children(engine):
        arguments = _arguments(pid).split(b"\0")
        found = identity_of(pid)
        if found is not None and arguments[0] == b"git":
            yield Victim(found, f"git {_verb(arguments[1:])}")


def _verb(arguments: list[bytes]) -> str:
    """`merge` of `-c a=b --git-dir=x merge --ff-only`."""
    at = 0
    while at < len(arguments) and arguments[at].startswith(b"-"):
        at += 2 if arguments[at] == b"-c" else 1
    return arguments[at].decode(errors="replace") if at < len(arguments) else "?"


def _children(pid: int) -> list[int]:
    """The children that any thread of a process has started."""
    found: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, file.read_bytes().split())
    return found


def _arguments(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


__all__ = ["Kind", "Victim", "engine_of", "victims"]
