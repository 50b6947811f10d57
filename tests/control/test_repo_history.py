"""What a repository tells the analysis: its files, and what each commit changed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from agentdeck.control import repo_history
from agentdeck.control.repo_history import changed_together, tracked_files
from agentdeck.core.errors import EnvironmentFault


def git(place: Path, *args: str) -> None:
    subprocess.run(["git", *args], cwd=place, capture_output=True, check=True)


def commit(place: Path, *names: str) -> None:
    for name in names:
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{file.read_text() if file.exists() else ''}x\n")
    git(place, "add", ".")
    git(place, "commit", "-qm", "\x01 a message\n\nwith lines")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    commit(tmp_path, "a.py", "deep/b é.md")
    commit(tmp_path, "a.py")
    commit(tmp_path, "with\nline.txt", "c")
    return tmp_path


def test_tracked_files_are_named_from_the_top_whatever_their_names(place: Path) -> None:
    """From a folder below as well; untracked files are not among them."""
    (place / "untracked").touch()
    expected = {"a.py", "deep/b é.md", "with\nline.txt", "c"}
    assert set(tracked_files(place) or ()) == expected
    assert set(tracked_files(place / "deep") or ()) == expected


def test_every_commit_tells_its_files_the_newest_first(place: Path) -> None:
    """Whatever stands in messages and names; no more commits than were asked for."""
    found = [set(names) for names in changed_together(place)]
    assert found == [{"with\nline.txt", "c"}, {"a.py"}, {"a.py", "deep/b é.md"}]
    assert len(changed_together(place, commits=2)) == 2


def test_merges_count_once(place: Path) -> None:
    """The merge itself changes nothing of its own."""
    git(place, "checkout", "-qb", "side", "HEAD~1")
    commit(place, "side.txt")
    git(place, "checkout", "-q", "-")
    git(place, "merge", "-q", "--no-ff", "-m", "merge", "side")
    assert sum("side.txt" in names for names in changed_together(place)) == 1
    assert len(changed_together(place)) == 4


def test_no_repository_and_no_commit_are_told_apart(tmp_path: Path) -> None:
    assert tracked_files(tmp_path) is None
    with pytest.raises(EnvironmentFault, match="is in no git repository"):
        changed_together(tmp_path)
    git(tmp_path, "init", "-q")
    assert tracked_files(tmp_path) == ()
    assert changed_together(tmp_path) == []


def test_a_huge_listing_is_cut_at_a_whole_name(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repo_history, "MAX_OUTPUT", 10)
    monkeypatch.setattr(repo_history, "CHUNK", 4)
    assert tracked_files(place) == ("a.py", "c")
