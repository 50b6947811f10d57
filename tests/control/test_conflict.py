"""What two commits disagree about, as git's own merge tells it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from agentdeck.control.conflict import MAX_LINES, hunks_of, read_conflict
from agentdeck.core.errors import DeckError


def git(repo: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=repo, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(repo: Path, branch: str, files: dict[str, str | None]) -> str:
    """A commit on a branch that begins at `main`."""
    git(repo, "checkout", "-q", "-B", branch, "main")
    for name, text in files.items():
        path = repo / name
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", branch)
    return git(repo, "rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "config", "user.name", "T")
    git(tmp_path, "config", "user.email", "t@example.invalid")
    (tmp_path / "a.py").write_text("one\ntwo\nthree\nfour\nfive\n")
    (tmp_path / "b.py").write_text("b\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "first")
    return tmp_path


def test_the_lines_of_both_sides_come_with_what_stands_around_them(repo: Path) -> None:
    ours = commit(repo, "ours", {"a.py": "one\ntwo\nOURS\nfour\nfive\n"})
    theirs = commit(repo, "theirs", {"a.py": "one\ntwo\nTHEIRS\nand\nfour\nfive\n"})
    (file,) = read_conflict(repo, ours, theirs).files
    (hunk,) = file.hunks
    assert (file.path, hunk.line) == ("a.py", 3)
    assert (hunk.before, hunk.after[:2]) == (("one", "two"), ("four", "five"))
    assert (hunk.ours, hunk.theirs) == (("OURS",), ("THEIRS", "and"))


def test_the_style_of_the_users_configuration_changes_nothing(repo: Path) -> None:
    git(repo, "config", "merge.conflictStyle", "diff3")
    ours = commit(repo, "ours", {"a.py": "OURS\n"})
    theirs = commit(repo, "theirs", {"a.py": "THEIRS\n"})
    (hunk,) = read_conflict(repo, ours, theirs).files[0].hunks
    assert (hunk.ours, hunk.theirs) == (("OURS",), ("THEIRS",))


def test_a_file_that_one_side_has_removed_is_named_with_a_note(repo: Path) -> None:
    ours = commit(repo, "ours", {"b.py": None})
    theirs = commit(repo, "theirs", {"b.py": "changed\n"})
    (file,) = read_conflict(repo, ours, theirs).files
    assert (file.path, file.hunks) == ("b.py", ())
    assert file.note


def test_what_merges_has_no_files_and_nothing_is_checked_out(repo: Path) -> None:
    ours = commit(repo, "ours", {"a.py": "one\n"})
    theirs = commit(repo, "theirs", {"b.py": "two\n"})
    before = git(repo, "status", "--porcelain"), git(repo, "rev-parse", "HEAD")
    assert read_conflict(repo, ours, theirs).files == ()
    assert (git(repo, "status", "--porcelain"), git(repo, "rev-parse", "HEAD")) == before


def test_a_commit_that_is_gone_is_an_error_for_a_person(repo: Path) -> None:
    with pytest.raises(DeckError):
        read_conflict(repo, "0" * 40, git(repo, "rev-parse", "HEAD"))


def test_a_side_is_cut_and_the_rest_is_counted() -> None:
    long = [f"line {n}" for n in range(MAX_LINES + 50)]
    (hunk,) = hunks_of(["<<<<<<< a", *long, "=======", "x", ">>>>>>> b", "after"])
    assert (len(hunk.ours), hunk.left_out, hunk.after) == (MAX_LINES, 50, ("after",))


@pytest.mark.parametrize(
    "lines", [["<<<<<<< a"], ["<<<<<<< a", "======="], ["=======", ">>>>>>> b"], []]
)
def test_markers_without_their_end_are_no_hunk(lines: list[str]) -> None:
    assert list(hunks_of(lines)) == []
