"""A sandbox on the machine where an agent works: what it may write there, and how it is entered.

Rules:
- Writable: its clone with all of git in it, which no other attempt shares; a folder of its own, its
  log, the folder of its calls of tools, a temporary one, its home, and what adapter and plan name.
- What the far side believes of an attempt (`pid`, `exit`, `start`, `box`) is never writable, and
  neither is the mirror. Other attempts and mirrors are hidden where the sandbox can do that.
- It is tried before an agent begins in it, as here. What cannot be had is a fault, and says where.
- What an agent leaves in the settings of its clone may run programs. So git works in the same
  sandbox when the work is taken.
- The standard library alone.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.engine.plain_files import read_plain
from agentdeck.engine.private_files import make_private, write_private
from agentdeck.engine.remote import mail
from agentdeck.engine.room_folders import granted, make_folders, real
from agentdeck.engine.sandbox import Room, enter, refuse
from agentdeck.engine.trying import Place, tried

BOX: Final = "box"  # the file with what holds, in the folder of the tenancy
CONFINED: Final = "confined"  # what was found when it was tried
MAX_NOTE: Final = 256 * 1024  # bytes of either
READ_BY_ALL: Final = ("bin", "files")  # below the root: our own program; what plans link


@dataclass(frozen=True, slots=True)
class Box:
    """In what the agent of a tenancy works."""

    kind: Sandbox
    network: bool
    writable: tuple[str, ...]  # outside of the clone, as the plan writes them
    home: str  # a state folder of its agent's own; "" = none
    mirror: str  # with the commits that the clone borrows
    files: str  # where relative paths of the plan begin
    who: str  # for sentences


def box_of(asked: Mapping[str, Any], mirror: Path, files: Path) -> Box:
    """What an engine asks for. Raises ValueError, KeyError or TypeError."""
    return Box(
        Sandbox(asked["sandbox"]),
        bool(asked["network"]),
        tuple(map(str, asked["writable"])),
        str(asked["home"] or ""),
        str(mirror),
        str(files),
        str(asked["who"]),
    )


def note_box(top: Path, box: Box) -> None:
    """Keep it for when the work is taken."""
    make_private(top)
    names = ("kind", "network", "writable", "home", "mirror", "files", "who")
    write_private(top / BOX, json.dumps({name: getattr(box, name) for name in names}))


def read_box(top: Path) -> Box | None:
    """What an agent works in; None: in no sandbox."""
    try:
        found = json.loads(read_plain(top / BOX, MAX_NOTE))
    except FileNotFoundError:
        return None
    return Box(
        **{**found, "kind": Sandbox(found["kind"]), "writable": tuple(found["writable"])},
    )


def boxed(root: Path, top: Path, box: Box, argv: Sequence[str]) -> tuple[str, ...]:
    """A command of the agent of a tenancy inside of its sandbox.

    Raises:
        EnvironmentFault: it cannot be had on this machine.
    """
    try:
        refuse(box.kind, network=box.network, who=box.who)
        return enter(box.kind, _room(root, top, box), argv, network=box.network)
    except EnvironmentFault as fault:
        raise _there(fault) from fault


def try_box(root: Path, top: Path, box: Box) -> None:
    """Try it, and keep what was found.

    Raises:
        EnvironmentFault: it cannot be had on this machine, or does not hold.
    """
    possible = (
        Place("your home", str(Path.home())),
        Place("other worktrees", str(top.parent)),
        Place("refs", str(Path(box.mirror) / "refs")),
        Place("git's settings", box.mirror),
        Place("the worker's folder", str(root)),
        Place("what is believed of it", str(top)),
    )
    places = tuple(place for place in possible if Path(place.folder).is_dir())
    try:
        refuse(box.kind, network=box.network, who=box.who)
        found = tried(box.kind, _room(root, top, box), places, network=box.network)
    except EnvironmentFault as fault:
        raise _there(fault) from fault
    write_private(top / CONFINED, json.dumps(found))


def read_confined(top: Path) -> Any:
    """Which places were found closed, and open; None: nothing was tried."""
    try:
        return json.loads(read_plain(top / CONFINED, MAX_NOTE))
    except (OSError, ValueError):
        return None


def _room(root: Path, top: Path, box: Box) -> Room:
    own, log, temporary = make_folders(top)
    make_private(top / mail.FOLDER)
    mine = [top / "tree", own, log, temporary, top / mail.FOLDER]
    shown = [top, Path(box.mirror), *(root / name for name in READ_BY_ALL)]
    return Room(
        cwd=str(top / "tree"),
        writable=tuple(real(path) for path in (*mine, *([Path(box.home)] if box.home else ()))),
        granted=tuple(granted(box.writable, Path(box.files))),
        hidden=(real(root), real(temporary.parent)),
        shown=tuple(real(path) for path in shown),
    )


def _there(fault: EnvironmentFault) -> EnvironmentFault:
    where = socket.gethostname()
    return EnvironmentFault(
        fault.message,
        hint=f"on {where}: `agentdeck doctor` there says which sandboxes it has; bwrap comes with "
        "the package bubblewrap",
    )


__all__ = ["BOX", "Box", "box_of", "boxed", "note_box", "read_box", "read_confined", "try_box"]
