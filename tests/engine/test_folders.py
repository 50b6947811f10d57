"""Where things stand on disk, and how a run is found by its name."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from agentdeck.core.errors import EXIT_NOT_FOUND, EnvironmentFault, NotFoundError
from agentdeck.core.ids import TaskId
from agentdeck.engine.folders import (
    MAX_SOCKET_PATH,
    RunFolder,
    all_runs,
    find_run,
    runs_root,
    state_root,
)

LONG = "a-long-name-for-a-folder/" * 6


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A runs folder with three runs, the last one the newest, and two things that are no run."""
    root = tmp_path / "runs"
    for number, name in enumerate(["shop-1a", "shop-1b", "shop"]):
        folder = RunFolder(root / name)
        folder.create()
        folder.journal.touch()
        os.utime(folder.journal, (1000 + number, 1000 + number))
    (root / "half-made").mkdir()
    (root / "note").touch()
    return root


def test_state_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """XDG_STATE_HOME says where runs are."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_root() == tmp_path / "agentdeck"
    assert runs_root() == tmp_path / "agentdeck" / "runs"


def test_everything_of_a_run_is_below_its_folder(tmp_path: Path) -> None:
    """So removing the folder removes the run."""
    folder = RunFolder(tmp_path / "shop-1a")
    paths = [
        folder.journal,
        folder.engine_log,
        folder.lock,
        folder.plan,
        folder.ballast,
        folder.worktrees,
        folder.scratch,
        folder.attempt(TaskId("T-1"), 2),
        folder.gate("unit", "f" * 40, 3),
    ]
    assert folder.run == "shop-1a"
    assert all(path.is_relative_to(folder.path) for path in paths)
    assert len(set(paths)) == len(paths)


def test_a_run_folder_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    """With the folders above it; a second run of the same name is refused."""
    folder = RunFolder(tmp_path / "state" / "runs" / "shop-1a")
    folder.create()
    for made in (folder.path, folder.path.parent):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
    with pytest.raises(EnvironmentFault, match="File exists") as caught:
        folder.create()
    assert "XDG_STATE_HOME" in caught.value.hint


def test_the_socket_is_in_the_run_folder_where_its_path_fits(tmp_path: Path) -> None:
    """To the byte, as the kernel counts them."""
    room = MAX_SOCKET_PATH - len(os.fsencode(Path("/r/control.sock"))) - 1
    fits = RunFolder(Path("/r") / ("x" * room))
    assert fits.socket == fits.path / "control.sock"
    assert len(os.fsencode(fits.socket)) == MAX_SOCKET_PATH
    wide = RunFolder(Path("/r") / ("é" * room))  # the same number of characters
    assert wide.socket != wide.path / "control.sock"


def test_a_long_path_gets_a_short_socket_path_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another for each run, and the same from every terminal, whatever its environment says."""
    one, two = (RunFolder(tmp_path / LONG / name) for name in ("one", "two"))
    before = one.socket
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1000")
    monkeypatch.setattr("tempfile.tempdir", "/var/tmp")
    assert one.socket == before
    assert len(os.fsencode(one.socket)) <= MAX_SOCKET_PATH
    assert one.socket.parent.name == f"agentdeck-{os.getuid()}"
    assert one.socket != two.socket


def test_the_kernel_takes_the_short_path(tmp_path: Path) -> None:
    """A real socket can be bound there."""
    path = RunFolder(tmp_path / LONG / "one").socket
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
    path.unlink()


def test_all_runs_are_those_with_a_journal_newest_first(root: Path) -> None:
    """Half-made folders and stray files are no runs."""
    assert [run.run for run in all_runs(root)] == ["shop", "shop-1b", "shop-1a"]
    assert all_runs(root / "nowhere") == []


@pytest.mark.parametrize(
    ("name", "found"), [("shop-1a", "shop-1a"), ("shop-1b", "shop-1b"), ("shop", "shop")]
)
def test_a_run_is_found_by_its_whole_id(root: Path, name: str, found: str) -> None:
    """Even where another id begins with it."""
    assert find_run(name, root).run == found


def test_a_run_is_found_by_the_beginning_that_only_it_has(root: Path) -> None:
    (root / "shop" / "journal.db").unlink()
    (root / "shop-1b" / "journal.db").unlink()
    assert find_run("sh", root).path == root / "shop-1a"


def test_a_beginning_of_several_is_refused_with_their_names(root: Path) -> None:
    """The person picks."""
    with pytest.raises(NotFoundError, match=r"fits several runs: shop-1b, shop-1a$") as caught:
        find_run("shop-", root)
    assert caught.value.hint
    assert caught.value.exit_code == EXIT_NOT_FOUND


@pytest.mark.parametrize("name", ["nope", "hop-1a", "SHOP", "half-made", "", "../runs/shop", "."])
def test_a_name_that_no_run_has_is_not_found(root: Path, name: str) -> None:
    """And nothing that could be a path is looked up, nor is a lone run found by an empty name."""
    for left in ("shop-1a", "shop-1b"):
        (root / left / "journal.db").unlink()
    with pytest.raises(NotFoundError, match="there is no run") as caught:
        find_run(name, root)
    assert "agentdeck runs" in caught.value.hint
