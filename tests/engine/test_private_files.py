"""Folders and files for their owner alone: whatever the umask says, whoever was there before."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentdeck.core.errors import EnvironmentFault
from agentdeck.engine.folders import RunFolder, runs_root, state_root
from agentdeck.engine.private_files import make_private, write_private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def _careless() -> Iterator[None]:
    """A umask that lets everybody do everything."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_folder_and_its_missing_parents_are_private(tmp_path: Path) -> None:
    make_private(tmp_path / "a" / "b" / "c")
    assert {mode(tmp_path / "a"), mode(tmp_path / "a/b"), mode(tmp_path / "a/b/c")} == {0o700}


def test_a_folder_that_others_could_write_is_mended(tmp_path: Path) -> None:
    """What is in it stays; nobody else gets in any more."""
    place = tmp_path / "open"
    place.mkdir(0o777)
    (place / "file").write_text("kept")
    make_private(place)
    assert mode(place) == 0o700
    assert (place / "file").read_text() == "kept"


def test_a_folder_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its owner could replace what is in it; the message says whose it is."""
    (tmp_path / "theirs").mkdir(0o700)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(EnvironmentFault, match="somebody else"):
        make_private(tmp_path / "theirs")


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFault, match="cannot be made"):
        make_private(tmp_path / "file")


def test_a_state_folder_on_another_disk_may_be_a_link(tmp_path: Path) -> None:
    """A person's own link to a folder of theirs is followed."""
    (tmp_path / "disk").mkdir(0o755)
    (tmp_path / "state").symlink_to(tmp_path / "disk")
    make_private(tmp_path / "state")
    assert mode(tmp_path / "disk") == 0o700


def test_where_others_can_make_links_none_is_followed(tmp_path: Path) -> None:
    """In /tmp a link to a folder of ours would be somebody's trick: its mode stays."""
    (tmp_path / "mine").mkdir(0o755)
    (tmp_path / "sockets").symlink_to(tmp_path / "mine")
    with pytest.raises(EnvironmentFault):
        make_private(tmp_path / "sockets", linked=False)
    assert mode(tmp_path / "mine") == 0o755


def test_a_file_is_private_and_follows_no_link(tmp_path: Path) -> None:
    """One that was there for all is taken back; a link is not written through."""
    file, outside = tmp_path / "file", tmp_path / "outside"
    write_private(file, "text")
    assert (mode(file), file.read_text()) == (0o600, "text")
    file.chmod(0o666)
    write_private(file, b"more")
    assert (mode(file), file.read_text()) == (0o600, "more")
    (tmp_path / "link").symlink_to(outside)
    with pytest.raises(OSError, match="symbolic link"):
        write_private(tmp_path / "link", "text")
    assert not outside.exists()


def test_all_that_holds_runs_is_private() -> None:
    """Also the folder above, made by an earlier version or by somebody else's umask."""
    state_root().mkdir(0o777, parents=True)
    folder = RunFolder(runs_root() / "a-run")
    folder.create()
    assert {mode(state_root()), mode(runs_root()), mode(folder.path)} == {0o700}
    folder.path.chmod(0o755)
    folder.secure()
    assert mode(folder.path) == 0o700
