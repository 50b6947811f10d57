"""A sandbox is tried before an agent begins in it: what is shut, and what is open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from agentdeck.agents.refusals import Refusals
from agentdeck.core.containment import Confined, Containment
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.engine import trying
from agentdeck.engine.confinement import READ, own_words, try_out
from agentdeck.engine.sandbox import SANDBOXES, Room, fault_of
from agentdeck.engine.trying import Place


@pytest.fixture(params=SANDBOXES, ids=str)
def kind(request: pytest.FixtureRequest) -> Sandbox:
    """A sandbox that works here."""
    found: Sandbox = request.param
    if fault := fault_of(found, network=True):
        pytest.skip(fault)
    return found


@pytest.fixture
def places(tmp_path: Path) -> list[Place]:
    """The folder of an attempt, and three that are not its own."""
    for name in ("own", "home", "hidden", "given"):
        (tmp_path / name).mkdir()
    return [Place(name, str(tmp_path / name)) for name in ("home", "hidden", "given")]


def room_of(tmp_path: Path) -> Room:
    own, given = str(tmp_path / "own"), str(tmp_path / "given")
    return Room(own, (own,), granted=(given,), hidden=(str(tmp_path / "hidden"),))


def left(tmp_path: Path) -> list[Path]:
    return list(tmp_path.rglob(".agentdeck-*"))


def test_what_is_shut_and_what_is_left_open_is_found_by_trying(
    kind: Sandbox, tmp_path: Path, places: list[Place]
) -> None:
    """A hidden folder can be written inside bubblewrap, and nobody sees it: it is shut."""
    box = Containment(kind, writable=("given/",))
    found = try_out(kind, room_of(tmp_path), places, box)
    assert found == Confined(("home", "hidden"), ("given",), ("given/",))
    assert left(tmp_path) == []


def through(program: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """A sandbox that is only a program in front of the command."""

    def enter(_kind: Sandbox, _room: Room, argv: Sequence[str], *, network: bool) -> Sequence[str]:
        return (*program, *argv)

    monkeypatch.setattr(trying, "enter", enter)


def test_a_sandbox_that_does_not_hold_starts_nothing(
    tmp_path: Path, places: list[Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it let through is named, and removed."""
    through((), monkeypatch)
    box = Containment(Sandbox.LANDLOCK)
    with pytest.raises(EnvironmentFault, match="does not hold: home can be written from inside"):
        try_out(box.sandbox, room_of(tmp_path), places, box)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (("sh", "-c", "echo no such luck >&2; exit 1"), "no such luck"),
        (("true",), "it said nothing"),
        (("/nowhere/at/all",), "No such file"),
    ],
)
def test_a_sandbox_that_cannot_be_tried_starts_nothing(
    program: tuple[str, ...],
    said: str,
    tmp_path: Path,
    places: list[Place],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Silence is no proof that it is shut."""
    through(program, monkeypatch)
    box = Containment(Sandbox.BWRAP)
    with pytest.raises(EnvironmentFault, match=f"cannot be tried: .*{said}"):
        try_out(box.sandbox, room_of(tmp_path), places, box)


def test_of_a_long_log_its_beginning_and_its_end_are_read(tmp_path: Path) -> None:
    """What stands in the middle is not looked for: a log may have a gibibyte."""
    log = tmp_path / "raw.log"
    line = b"cannot write: Permission denied\n"
    log.write_bytes(line + b"." * READ + line + b"." * READ + line)
    found = own_words(log)
    assert (found.lines, found.said[0]) == (2, "cannot write: Permission denied")
    log.write_bytes(line * 3)
    assert own_words(log).lines == 3
    assert own_words(tmp_path / "none") == Refusals(0)
