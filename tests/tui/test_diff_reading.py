"""A diff as it is read: files in words, changed words, pairs, the tree, both forms."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style

from agentdeck.core.events import ReviewComment
from agentdeck.testing.counted_calls import calls_of
from agentdeck.tui.presentation.diff import Diff, read_diff
from agentdeck.tui.presentation.diff_files import files_of
from agentdeck.tui.presentation.diff_paint import DiffColours, DiffPainter, shown_text
from agentdeck.tui.presentation.diff_rows import (
    DiffRow,
    Remark,
    on_line,
    place_of,
    put,
    seek,
    with_remarks,
)
from agentdeck.tui.presentation.diff_tree import tree_of
from agentdeck.tui.presentation.diff_words import Ranges, changed_words, pairs

WORD, GONE_WORD = Style(bgcolor="green"), Style(bgcolor="red")
COLOURS = DiffColours(
    Style(color="green"), Style(color="red"), Style(), Style(bold=True), Style(dim=True),
    added_word=WORD, removed_word=GONE_WORD,
)  # fmt: skip
DIFF = """\
diff --git a/src/a.py b/src/a.py
index 1..2 100644
--- a/src/a.py
+++ b/src/a.py
@@ -1,4 +1,5 @@ def f():
 x = 1
-y = 2
+y = "\x1b[31mtwo\x1b[0m"
+z = 3
 return x
diff --git a/pic.png b/pic.png
new file mode 100644
Binary files /dev/null and b/pic.png differ
diff --git a/notes b/notes
new file, untracked
"""


def drawn(diff: Diff, rows: Sequence[DiffRow] | None = None) -> list[str]:
    """The rows in one column, as characters."""
    painter = DiffPainter(diff, COLOURS)
    cells = [painter.whole(row, 80) for row in (diff.one if rows is None else rows)]
    return [cell.gutter.plain + cell.code.plain for cell in cells]


def sides(diff: Diff) -> list[tuple[str, str]]:
    """The lines of both columns."""
    painter = DiffPainter(diff, COLOURS)
    both = (painter.sides(row) for row in diff.two if row.kind in ("line", "gone"))
    return [(a.gutter.plain + a.code.plain, b.gutter.plain + b.code.plain) for a, b in both]


def test_a_diff_is_shown_by_file_with_numbers_and_sizes() -> None:
    """Nothing of a line vanishes: an escape is written out."""
    diff = read_diff(DIFF)
    shown = drawn(diff)
    assert shown[0] == "3 files +2 −1"
    assert "src/a.py  +2 −1" in shown
    assert "pic.png  new, binary" in shown
    assert "notes  new, not committed" in shown
    assert "    1  x = 1" in shown
    assert r'    2 +y = "\x1b[31mtwo\x1b[0m"' in shown
    assert "      -y = 2" in shown


def test_the_old_lines_stand_beside_the_new_ones() -> None:
    """A pair in one row, each with its own number; what has no counterpart stands alone."""
    assert sides(read_diff(DIFF)) == [
        ("    1  x = 1", "    1  x = 1"),
        ("    2 -y = 2", r'    2 +y = "\x1b[31mtwo\x1b[0m"'),
        ("", "    3 +z = 3"),
        ("    3  return x", "    4  return x"),
    ]


def git(repo: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=repo, check=True, capture_output=True, text=True)
    return done.stdout


def test_what_happened_to_a_file_is_said_in_words(tmp_path: Path) -> None:
    """As git itself writes it: renames, modes, links, binary and empty files, submodules."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    text = "".join(f"line {n}\n" for n in range(20))
    for name in ("old b/name.txt", "run.sh", "gone.txt", "say.txt", "kept.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name + text)
    git(tmp_path, "add", "--all")
    git(tmp_path, "update-index", "--add", "--cacheinfo", "160000," + "1" * 40 + ",module")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    (tmp_path / "old b" / "name.txt").rename(tmp_path / "old b" / "ne\tw.txt")
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "gone.txt").unlink()
    (tmp_path / "say.txt").write_bytes(b"\0\1\2")
    (tmp_path / "empty").write_text("")
    (tmp_path / "link").symlink_to("kept.txt")
    (tmp_path / "ümlaut.txt").write_text("x\n")
    git(tmp_path, "add", "--all")
    git(tmp_path, "update-index", "--add", "--cacheinfo", "160000," + "2" * 40 + ",module")
    found = files_of(git(tmp_path, "diff", "--cached", "--find-renames", "--submodule=short"))
    assert {file.path: file.note for file in found} == {
        "empty": "new, empty",
        "gone.txt": "deleted",
        "link": "new, a symbolic link",
        "module": "submodule moved from 1111111 to 2222222",
        "old b/ne\tw.txt": "renamed from old b/name.txt",
        "run.sh": "made executable",
        "say.txt": "binary",
        "ümlaut.txt": "new",
    }
    assert next(file.lines for file in found if file.path == "module") == []


def test_a_line_ends_at_a_line_feed_and_nowhere_else() -> None:
    """A form feed or a line separator of Unicode in a line does not cut it in two."""
    diff = read_diff("diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -0,0 +1,2 @@\n+a\x0cb\u2028c\n+d\n")
    assert [row.line for row in diff.one if row.kind == "line"] == [1, 2]
    assert drawn(diff)[-2:] == [r"    1 +a\x0cb\u2028c", "    2 +d"]


def marked(text: str, ranges: Ranges) -> list[str]:
    return [text[start:end] for start, end in ranges]


@pytest.mark.parametrize(
    ("old", "new", "gone", "come"),
    [
        ("return total(x)", "return total(x, y)", [], [", y"]),
        ("a = load(path)", "a = read(path)", ["load"], ["read"]),
        ("if a and b:", "if a or b:", ["and"], ["or"]),
        ("def f(one, two):", "def f(two):", ["one, "], []),
        ("x = 1", "x = 1", [], []),
        ("say('hello there you')", "say('good morning you')", ["hello there"], ["good morning"]),
    ],
)
def test_changed_words_are_marked_and_no_others(
    old: str, new: str, gone: list[str], come: list[str]
) -> None:
    """Blanks between two changed words belong to the mark."""
    found = changed_words(old, new)
    assert found is not None
    assert (marked(old, found[0]), marked(new, found[1])) == (gone, come)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("completely different", "nothing(alike, here)"),
        ("word " * 500, "word " * 499 + "end"),
        (" ".join(f"a{n}" for n in range(150)), " ".join(f"b{n}" for n in range(150))),
        ("x" * 100_000, "y" * 100_000),
    ],
)
def test_lines_that_are_too_long_or_too_different_are_marked_as_wholes(old: str, new: str) -> None:
    """No words are marked, and the work that finds that out is bounded."""
    assert changed_words(old, new) is None
    assert calls_of(lambda: changed_words(old, new)) < 20_000


@given(st.lists(st.sampled_from("ab(). \t"), max_size=40), st.data())
def test_what_is_not_marked_is_the_same_on_both_sides(old: list[str], data: st.DataObject) -> None:
    """Without the marked parts, and blanks, the old and the new line are equal."""
    new = list(old)
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(new)))
        new[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.lists(st.sampled_from("abz ,"), max_size=2)
        )
    before, after = "".join(old), "".join(new)
    found = changed_words(before, after)
    if found is None:
        return
    rest = []
    for text, ranges in ((before, found[0]), (after, found[1])):
        inside = {at for start, end in ranges for at in range(start, end)}
        left = "".join(char for at, char in enumerate(text) if at not in inside)
        rest.append("".join(left.split()))
    assert rest[0] == rest[1]


def test_the_changed_word_of_a_line_stands_out_on_the_screen() -> None:
    """Only that word has the style of words, on the old line and on the new one."""
    head = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n"
    diff = read_diff(head + "-value = load(path)\n+value = read(path)\n")
    for at, style, word in ((1, GONE_WORD, "load"), (2, WORD, "read")):
        text = DiffPainter(diff, COLOURS).code(at)
        assert [text.plain[s.start : s.end] for s in text.spans if s.style == style] == [word]


def test_lines_that_belong_together_stand_in_one_row() -> None:
    """Although a new line came before them; what it replaces is not what is at its place."""
    head = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,3 @@\n"
    body = "-alpha(one, two)\n-beta(three, four)\n+# new\n+alpha(one, 2)\n+beta(three, 4)\n"
    assert sides(read_diff(head + body)) == [
        ("", "    1 +# new"),
        ("    1 -alpha(one, two)", "    2 +alpha(one, 2)"),
        ("    2 -beta(three, four)", "    3 +beta(three, 4)"),
    ]


def test_a_line_is_paired_with_the_one_that_is_like_it() -> None:
    """Not with the one at its place; pairs do not cross; one for one is always a pair."""
    gone = ["alpha(one, two)", "beta(three, four)"]
    come = ["# all new words", "alpha(one, 2)", "beta(three, 4)"]
    assert pairs(gone, come) == [(0, 1), (1, 2)]
    assert pairs(["a"], ["b"]) == [(0, 0)]
    assert pairs(gone, list(reversed(gone))) == [(0, 1)]
    assert pairs(["x"] * 100, ["x"] * 90) == []


def test_files_stand_as_a_tree_with_sums() -> None:
    """Folders that hold one folder are one row with it; what is not new keeps the diff's order."""
    paths = ["docs/a/b/c.md", "docs/a/b/d.md", "src/x.py", "src/y/z.py", "top.txt"]
    text = "".join(
        f"diff --git a/{p} b/{p}\n--- a/{p}\n+++ b/{p}\n@@ -1 +1,2 @@\n-o\n+n\n+m\n" for p in paths
    )
    rows = tree_of(files_of(text))
    assert [(row.depth, row.name, row.added, row.removed) for row in rows] == [
        (0, "docs/a/b/", 4, 2), (1, "c.md", 2, 1), (1, "d.md", 2, 1),
        (0, "src/", 4, 2), (1, "x.py", 2, 1), (1, "y/", 2, 1), (2, "z.py", 2, 1),
        (0, "top.txt", 2, 1),
    ]  # fmt: skip
    shown = drawn(read_diff(text))
    assert shown[1:3] == ["docs/a/b/  +4 −2  ", "  c.md     +2 −1  "]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("\tx", "    x"),
        ("中\tx", "中  x"),
        ("abc\t\tx", "abc     x"),
        ("good\rbad", r"good\rbad"),
        ("a\u202eb", r"a\u202eb"),
        ("é中", "é中"),
    ],
)
def test_tabs_are_counted_in_cells_and_nothing_is_hidden(line: str, shown: str) -> None:
    """A tab after a wide character ends where it does in an editor; returns and overrides show."""
    text, unseen = shown_text(line)
    assert text == shown
    assert "".join(text[a:b] for a, b in unseen) == "".join(
        part for part in (r"\r", r"\u202e") if part in shown
    )
    if "\t" in line:
        assert cell_len(text[: text.index("x")]) % 4 == 0


def test_only_what_is_seen_is_drawn() -> None:
    """Fifty thousand lines: reading them calls little for each, a screen costs the same as of few.

    And a far screen does not draw what lies before it.
    """
    size = 50_000
    body = "".join(f"-old_{n} = {n}\n+new_{n} = {n}\n" for n in range(size // 2))
    head = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,25000 +1,25000 @@\n"
    diff = read_diff(head + body)
    assert len(diff.one) == size + 4
    few = DiffPainter(read_diff(head + body[:4_000]), COLOURS)
    all_of_it = DiffPainter(diff, COLOURS)
    few.warm()
    all_of_it.warm()

    def screen(painter: DiffPainter, start: int) -> int:
        rows = painter.diff.one[start : start + 60]
        return calls_of(lambda: [painter.whole(row, 120) for row in rows])

    near = screen(few, 90)
    assert screen(all_of_it, 40_090) < 2 * near


def test_a_diff_that_git_left_unfinished_is_shown_as_far_as_it_goes() -> None:
    """What is said of the cut stands where it happened."""
    shown = drawn(read_diff(DIFF.partition(" return x")[0] + "\n... cut after 4 MiB\n"))
    assert any("cut after 4 MiB" in line for line in shown)
    assert drawn(read_diff("")) == []


def test_a_comment_stands_below_its_line_or_as_near_as_there_is() -> None:
    """On a line, on a file, on a line the diff does not show, on a file it does not have."""
    diff = read_diff(DIFF)
    said = [("src/a.py", 2), ("src/a.py", 0), ("src/a.py", 900), ("b.py", 1)]
    remarks = [Remark("kim", ReviewComment(*place, f"n{n}")) for n, place in enumerate(said)]
    for rows in (diff.one, diff.two):
        with_all = with_remarks(rows, remarks, 60, "", "")
        at = {
            n: next(i for i, r in enumerate(with_all) if f"n{n}" in str(r.text)) for n in range(4)
        }
        line = with_all[at[0] - 1]
        assert (line.kind, diff.lines[line.right].text[:5]) == ("line", 'y = "')
        assert with_all[at[1] - 1].kind == "file"
        assert at[2] == at[1] + 1
        assert at[3] == len(with_all) - 1


def test_a_place_is_found_again_in_the_other_form() -> None:
    """A removed line is where its new one stands, a line in one form is the same in the other."""
    diff = read_diff(DIFF)
    for number, row in enumerate(diff.one):
        if row.kind in ("line", "gone", "file"):
            found = diff.two[place_of(diff.two, row, 0)]
            assert (found.file, found.line) == (row.file, row.line), number


def test_a_draft_has_one_comment_a_line_and_an_empty_one_takes_it_back() -> None:
    """A second comment on a line is in place of the first."""
    draft = put(put((), ReviewComment("b", 1, "x")), ReviewComment("a", 2, "y"))
    assert [one.file for one in draft] == ["a", "b"]
    assert on_line(put(draft, ReviewComment("a", 2, "z")), "a", 2) == "z"
    assert len(put(draft, ReviewComment("a", 2, " "))) == 1


def test_a_change_is_its_first_line() -> None:
    """Removed and added lines beside each other are one change, in both forms."""
    diff = read_diff(DIFF)
    at = seek(diff.one, 0, "change", 1)
    assert diff.one[at].kind == "gone"
    assert seek(diff.one, at, "change", 1) == at
    beside = seek(diff.two, 0, "change", 1)
    assert (diff.two[beside].left >= 0, diff.two[beside].right >= 0) == (True, True)
    assert seek(diff.two, beside, "change", 1) == beside
