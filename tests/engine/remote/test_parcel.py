"""Files that are in no commit, on their way to another machine."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from agentdeck.core.errors import EnvironmentFault
from agentdeck.engine.remote import parcel
from agentdeck.engine.remote.parcel import pack, unpack


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    top = tmp_path / "checkout"
    (top / "conf").mkdir(parents=True)
    (top / ".env").write_text("KEY=1\n")
    (top / "conf" / "run.sh").write_text("#!/bin/sh\n")
    (top / "conf" / "run.sh").chmod(0o755)
    (top / "here").symlink_to("conf/run.sh")
    os.mkfifo(top / "pipe")
    return top


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "tree"
    top.mkdir()
    return top


def mode(file: Path) -> int:
    return stat.S_IMODE(file.lstat().st_mode)


def test_files_arrive_for_their_owner_alone(checkout: Path, tree: Path, tmp_path: Path) -> None:
    """A link stays a link, what runs runs; a pipe, a folder and what went away stay behind."""
    names = [".env", "conf/run.sh", "here", "pipe", "conf/", "gone"]
    assert pack(checkout, names, tmp_path / "p")
    assert mode(tmp_path / "p") == 0o600
    assert unpack(tmp_path / "p", tree) == [".env", "conf/run.sh", "here"]
    assert (tree / ".env").read_text() == "KEY=1\n"
    assert (mode(tree / ".env"), mode(tree / "conf/run.sh")) == (0o600, 0o700)
    assert (tree / "here").readlink() == Path("conf/run.sh")


def test_nothing_is_packed_of_nothing(checkout: Path, tmp_path: Path) -> None:
    assert not pack(checkout, ["gone"], tmp_path / "p")
    assert not (tmp_path / "p").exists()


def test_what_is_more_than_the_bound_is_refused_with_its_size(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (checkout / "large").open("wb") as file:
        file.truncate(parcel.MAX_PARCEL + 1)
    with pytest.raises(EnvironmentFault, match=r"1 files with 64 MiB; at most 10,000 with 64 are"):
        pack(checkout, ["large"], tmp_path / "p")
    monkeypatch.setattr(parcel, "MAX_FILES", 1)
    with pytest.raises(EnvironmentFault, match="2 files with 0 MiB"):
        pack(checkout, [".env", "here"], tmp_path / "p")


def test_nothing_is_overwritten_and_nothing_is_written_outside(tree: Path, tmp_path: Path) -> None:
    """Neither by a name, nor through a link that is in the worktree, or came along."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (tree / "there").write_text("mine")
    (tree / "out").symlink_to(outside)
    with tarfile.open(tmp_path / "p", "w") as packed:
        for name in ("../up", f"{outside}/abs", "there", "out/x", "fine"):
            about = tarfile.TarInfo(name)
            about.size = 3
            packed.addfile(about, io.BytesIO(b"new"))
        link = tarfile.TarInfo("way")
        link.type, link.linkname = tarfile.SYMTYPE, str(outside)
        packed.addfile(link)
        through = tarfile.TarInfo("way/y")
        packed.addfile(through, io.BytesIO(b""))
        device = tarfile.TarInfo("device")
        device.type = tarfile.CHRTYPE
        packed.addfile(device)
    assert unpack(tmp_path / "p", tree) == ["fine", "way"]
    assert (tree / "there").read_text() == "mine"
    assert list(outside.iterdir()) == []
    assert not (tmp_path / "up").exists()
