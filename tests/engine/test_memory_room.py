"""What memory a container has, of files like those of the kernel."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from agentdeck.engine import memory_room, pool_watch
from agentdeck.engine.memory_room import Room, limits

MIB = 1024 * 1024
MACHINE = 64 * 1024 * MIB
NAMES = {
    2: ("memory.max", "memory.current", "inactive_file"),
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
NO_LIMIT = {2: "max", 1: "9223372036854771712"}


def group(folder: Path, version: int, limit: int | str, used: int = 0, droppable: int = 0) -> None:
    """A control group as the kernel shows it; sizes in MiB."""
    folder.mkdir(parents=True, exist_ok=True)
    limit_file, usage_file, field = NAMES[version]
    (folder / limit_file).write_text(f"{limit if isinstance(limit, str) else limit * MIB}\n")
    (folder / usage_file).write_text(f"{used * MIB}\n")
    stat = f"anon 1\n{field} {droppable * MIB}\nunevictable 0\n"
    (folder / "memory.stat").write_text(stat)


@pytest.fixture(params=[2, 1])
def version(request: pytest.FixtureRequest, tmp_path: Path) -> int:
    """Of the control groups below `tmp_path / "cg"`."""
    found = int(request.param)
    (tmp_path / "cg").mkdir()
    if found == 2:
        (tmp_path / "cg" / "cgroup.controllers").write_text("cpu memory\n")
    return found


def top(tmp_path: Path, version: int) -> Path:
    return tmp_path / "cg" if version == 2 else tmp_path / "cg" / "memory"


def found(tmp_path: Path, version: int, path: str, machine: int = MACHINE) -> list[Room]:
    own = tmp_path / "own"
    line = f"0::{path}" if version == 2 else f"3:cpu,cpuacct:/x\n4:memory:{path}"
    own.write_text(f"{line}\n")
    return list(limits(machine, own, tmp_path / "cg"))


def test_the_limit_of_a_container_counts_without_what_the_kernel_can_drop(
    tmp_path: Path, version: int
) -> None:
    """In a container its own group is mounted at the top, whatever it is called outside."""
    group(top(tmp_path, version), version, 1000, used=950, droppable=450)
    for path in ("/", "/docker/0a1b", "/../../other"):
        assert found(tmp_path, version, path) == [Room(1000 * MIB, 500 * MIB)]


def test_every_group_around_a_process_counts(tmp_path: Path, version: int) -> None:
    """A service in a slice: the slice may be the shorter one."""
    group(top(tmp_path, version), version, NO_LIMIT[version])
    group(top(tmp_path, version) / "user", version, 2000, used=1900)
    group(top(tmp_path, version) / "user" / "work", version, 1000, used=100)
    seen = found(tmp_path, version, "/user/work")
    assert seen == [Room(1000 * MIB, 100 * MIB), Room(2000 * MIB, 1900 * MIB)]
    assert max(one.share for one in seen) == 0.95


@pytest.mark.parametrize("limit", ["max", "9223372036854771712", "0", "-1", "much", "", "9" * 40])
def test_a_limit_that_is_none_says_nothing(tmp_path: Path, version: int, limit: str) -> None:
    group(top(tmp_path, version), version, limit, used=10)
    assert found(tmp_path, version, "/") == []


def test_a_limit_above_the_machine_says_nothing(tmp_path: Path, version: int) -> None:
    group(top(tmp_path, version), version, 1000, used=10)
    assert found(tmp_path, version, "/", machine=1000 * MIB) == []


def test_files_that_are_not_there_or_never_end_hold_nobody_up(tmp_path: Path, version: int) -> None:
    place = top(tmp_path, version)
    assert found(tmp_path, version, "/nowhere/" + "x/" * 500) == []
    group(place, version, 1000, used=500)
    (place / "memory.stat").unlink()
    assert found(tmp_path, version, "/") == [Room(1000 * MIB, 500 * MIB)]
    os.mkfifo(place / "memory.stat")
    assert found(tmp_path, version, "/") == [Room(1000 * MIB, 500 * MIB)]
    assert list(limits(MACHINE, Path("/dev/zero"), tmp_path / "cg")) == []


def test_the_shortest_of_all_is_what_pools_go_by(
    tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the machine itself has plenty left."""
    whole = psutil.virtual_memory().total
    group(top(tmp_path, version), version, 100, used=97)
    assert whole > 100 * MIB
    found(tmp_path, version, "/")
    places = (whole, tmp_path / "own", tmp_path / "cg")
    monkeypatch.setattr(memory_room, "limits", lambda _: limits(*places))
    seen = pool_watch.look()
    assert seen.memory == pytest.approx(0.97)
    assert seen.short == "memory 97 % used"
