"""Lines that others have landed, looked up in real commits; and where two commits do not merge."""

from __future__ import annotations

from collections.abc import Callable

from agentdeck.core.events import Loss
from agentdeck.engine import conflict_hunks
from agentdeck.engine.conflict_hunks import hunks_of
from agentdeck.engine.git import Git
from agentdeck.engine.landing import Conflict, merged_tree
from agentdeck.engine.lost_lines import losses

CommitOn = Callable[..., str]


def lost(git: Git, earlier: str, merged: str, head: str) -> tuple[Loss, ...]:
    paths = [file.path for file in git.diffstat(merged, head)]
    return losses(git, earlier, merged, head, paths)


def test_a_line_of_the_target_that_the_work_takes_away_is_found(
    git: Git, commit_on: CommitOn
) -> None:
    """`d0/f0.txt` has gained a line, and the work puts its own in the place."""
    root = git.resolve("main")
    old = "file 0\n" * 5
    mine = commit_on("", {"d0/f0.txt": f"{old}mine\n"}, root)
    tip = commit_on("", {"d0/f0.txt": f"{old}theirs\n", "other.txt": "x y\n"}, root)
    kept = commit_on("", {"d0/f0.txt": f"{old}theirs\nmine\n"}, tip)
    gone = commit_on("", {"d0/f0.txt": f"{old}mine\n"}, tip)
    assert lost(git, mine, tip, kept) == ()
    assert lost(git, mine, tip, gone) == (Loss("d0/f0.txt", ("theirs",), 1),)


def test_what_the_target_had_before_the_work_began_is_not_looked_at(
    git: Git, commit_on: CommitOn
) -> None:
    root = git.resolve("main")
    tip = commit_on("", {"other.txt": "theirs\n"}, root)
    head = commit_on("", {"d0/f0.txt": "all mine\n"}, tip)
    assert lost(git, root, tip, head) == ()


def test_a_binary_file_of_others_that_is_changed_is_a_loss(git: Git, commit_on: CommitOn) -> None:
    root = git.resolve("main")
    tip = commit_on("", {"a.bin": "\0theirs"}, root)
    head = commit_on("", {"a.bin": "\0mine"}, tip)
    [loss] = lost(git, root, tip, head)
    assert (loss.path, loss.count) == ("a.bin", 1)


def conflict(git: Git, one: str, two: str) -> Conflict:
    found = merged_tree(git, one, two)
    assert isinstance(found, Conflict)
    return found


def test_each_conflict_is_shown_with_the_lines_around_it(git: Git, commit_on: CommitOn) -> None:
    """Two places far apart: what lies between is left out."""
    lines = [f"line {number}" for number in range(40)]

    def text(word: str) -> str:
        changed = [word if number in (5, 30) else line for number, line in enumerate(lines)]
        return "\n".join(changed) + "\n"

    root = commit_on("", {"long.txt": text("old")}, git.resolve("main"))
    ours, theirs = (commit_on("", {"long.txt": text(word)}, root) for word in ("landed", "mine"))
    [hunk] = hunks_of(git, conflict(git, ours, theirs))
    assert hunk.path == "long.txt"
    assert hunk.text.startswith("@@ line 3\nline 2\nline 3\nline 4\n<<<<<<< ")
    assert "\nlanded\n=======\nmine\n>>>>>>> " in hunk.text
    assert "line 15" not in hunk.text
    assert hunk.text.count("=======") == 2


def test_a_file_without_markers_is_told_in_the_words_of_git(git: Git, commit_on: CommitOn) -> None:
    root = commit_on("", {"a.bin": "\0old"}, git.resolve("main"))
    ours, theirs = (commit_on("", {"a.bin": f"\0{word}"}, root) for word in ("x", "y"))
    [hunk] = hunks_of(git, conflict(git, ours, theirs))
    assert "a.bin" in hunk.text
    assert "\0" not in hunk.text


def test_what_is_kept_of_a_conflict_is_bounded(git: Git, commit_on: CommitOn) -> None:
    root = git.resolve("main")
    names = [f"big{number}.txt" for number in range(10)]
    ours, theirs = (
        commit_on("", dict.fromkeys(names, f"{word} {'y' * 90}\n" * 900), root)
        for word in ("landed", "mine")
    )
    hunks = hunks_of(git, conflict(git, ours, theirs))
    assert len(hunks) == conflict_hunks.MAX_FILES
    longest = conflict_hunks.FILE_CHARS + len(conflict_hunks.CUT) + 1
    assert max(len(hunk.text) for hunk in hunks) <= longest
