"""Typed lines are kept for one person, bounded, in one file."""

from __future__ import annotations

import stat
from pathlib import Path

from agentdeck.control.line_history import MAX_LINES, LineHistory


def kept(file: Path) -> tuple[str, ...]:
    history = LineHistory(file)
    history.load()
    return history.lines


def put(history: LineHistory, line: str) -> None:
    if history.add(line):
        history.keep(line)


def test_lines_come_back_and_nobody_else_may_read_them(tmp_path: Path) -> None:
    """The last one last, each once; the file has mode 0600 whatever the umask says."""
    file = tmp_path / "state" / "command-history"
    history = LineHistory(file)
    for line in ("pause", "retry A", "pause"):
        put(history, line)
    assert history.lines == kept(file) == ("retry A", "pause")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file], "nothing is left beside it"


def test_decks_beside_each_other_keep_each_others_lines(tmp_path: Path) -> None:
    file = tmp_path / "history"
    one, other = LineHistory(file), LineHistory(file)
    put(one, "pause")
    put(other, "resume")
    assert kept(file) == ("pause", "resume")


def test_there_is_a_bound_and_blanks_keep_a_line_secret(tmp_path: Path) -> None:
    """Only the newest lines stay; one that begins with a blank is never kept."""
    file = tmp_path / "history"
    file.write_text("".join(f"limit {n}\n" for n in range(2 * MAX_LINES)), encoding="utf-8")
    history = LineHistory(file)
    history.load()
    put(history, "  steer A the password is …")
    put(history, "pause")
    assert len(kept(file)) == MAX_LINES
    assert kept(file)[-2:] == (f"limit {2 * MAX_LINES - 1}", "pause")


def test_what_cannot_be_kept_is_still_remembered_here(tmp_path: Path) -> None:
    """A file in the place of the folder: the deck goes on with what it has."""
    (tmp_path / "state").write_text("", encoding="utf-8")
    history = LineHistory(tmp_path / "state" / "history")
    history.load()
    put(history, "pause")
    assert history.lines == ("pause",)
    assert history.problem
