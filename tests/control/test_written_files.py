"""Files that are written for a person: a link that an agent has left leads them nowhere."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from agentdeck.control.repo import _as_new_file
from agentdeck.control.report_file import write_report
from agentdeck.control.rewrite import write_file
from agentdeck.core.errors import EnvironmentFault


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    place = tmp_path / "repo"
    place.mkdir()
    subprocess.run(["git", "init", "--quiet", str(place)], check=True)
    return place


@pytest.mark.parametrize("there", [True, False])
def test_a_link_out_of_the_repository_is_not_written_through(
    checkout: Path, tmp_path: Path, there: bool
) -> None:
    """Neither a file outside is replaced, nor is one made where a link to nothing leads."""
    outside = tmp_path / "authorized_keys"
    if there:
        outside.write_text("mine")
    (checkout / "PROGRESS.md").symlink_to(outside)
    with pytest.raises(EnvironmentFault, match="leads out of"):
        write_file(checkout / "PROGRESS.md", b"text")
    if not there:
        with pytest.raises(EnvironmentFault, match="leads out of"):
            write_report(checkout / "PROGRESS.md", "text")
    assert outside.exists() == there
    assert not there or outside.read_text() == "mine"


def test_a_link_within_the_repository_stays_a_link(checkout: Path) -> None:
    (checkout / "docs").mkdir()
    (checkout / "PROGRESS.md").symlink_to("docs/PROGRESS.md")
    write_file(checkout / "PROGRESS.md", b"text")
    assert (checkout / "PROGRESS.md").is_symlink()
    assert (checkout / "docs" / "PROGRESS.md").read_bytes() == b"text"


@pytest.mark.parametrize("name", ["a\n+++ b/other", 'quo"te', "back\\slash", "\x1b]0;x\x07", "é ü"])
def test_a_name_of_an_untracked_file_cannot_begin_a_line(name: str) -> None:
    """A diff shows it on its own two lines, quoted as git would."""
    lines = _as_new_file(name).split("\n")
    assert lines[1:] == ["new file, untracked", ""]
    assert not any(char < " " for char in lines[0])
    if name == "é ü":
        assert lines[0] == "diff --git a/é ü b/é ü"
