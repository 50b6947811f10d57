"""A unified diff as rows for the screen, in one column or with the old lines beside the new ones.

Rules: pure; called in a thread. Rows say what they show and hold no drawing: whoever shows them
draws those that can be seen (`diff_paint`). At most `MAX_LINES` lines are taken, and what is left
out is said. Several files stand as a tree above the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Final, NamedTuple

from agentdeck.tui.presentation.diff_files import DiffFile, files_of
from agentdeck.tui.presentation.diff_rows import DiffRow
from agentdeck.tui.presentation.diff_tree import Leaf, tree_of
from agentdeck.tui.presentation.diff_words import MAX_BLOCK, WINDOW, pairs

MAX_LINES: Final = 200_000  # more than `control.repo` lets through; a bound of its own
MAX_COMPARED: Final = 30_000  # pairs of lines that are looked at; about a quarter of a second
REST: Final = "… the rest is left out; `git diff` has it"


class SourceLine(NamedTuple):
    """One line of a hunk."""

    sign: str  # "+", "-", " ", "@", or another where git says something itself
    text: str  # as it is in the file
    old: int  # its number in the old file; 0 = not there
    new: int  # likewise in the new one
    file: int  # the place of its file in the diff


class Diff(NamedTuple):
    """A diff that can be drawn."""

    files: list[DiffFile]
    lines: list[SourceLine]
    tree: list[Leaf]  # empty with one file
    one: list[DiffRow]  # in one column
    two: list[DiffRow]  # side by side
    mates: dict[int, int]  # places of lines that replace each other, both ways


def read_diff(text: str) -> Diff:
    """A diff as git writes it. O(lines)."""
    files = files_of(text)
    tree = tree_of(files) if len(files) > 1 else []
    diff = Diff(files, [], tree, [], [], {})
    if not files:
        return diff
    top = [DiffRow("summary")]
    for number, leaf in enumerate(tree):
        name = files[leaf.file].path if leaf.file is not None else ""
        top.append(DiffRow("tree" if name else "folder", name, left=number))
    diff.one.extend(top)
    diff.two.extend(top)
    left = MAX_COMPARED
    for number, file in enumerate(files):
        if len(diff.lines) + len(file.lines) > MAX_LINES:
            diff.one.append(DiffRow("rest"))
            diff.two.append(DiffRow("rest"))
            break
        start = len(diff.lines)
        diff.lines.extend(_numbered(file, number))
        left = _pair(diff, start, left)
        head = [DiffRow("text"), DiffRow("file", file.path, left=number)]
        diff.one.extend(head)
        diff.two.extend(head)
        diff.one.extend(_in_one(diff.lines, start, file.path))
        diff.two.extend(_in_two(diff, start, file.path))
    return diff


def _numbered(file: DiffFile, number: int) -> Iterator[SourceLine]:
    old = new = 0
    for line in file.lines:
        sign, text = line[:1] or " ", line[1:]
        if sign == "@":
            old, new = _starts(line)
            yield SourceLine("@", line, old, new, number)
        elif sign == "+":
            yield SourceLine("+", text, 0, new, number)
            new += 1
        elif sign == "-":
            yield SourceLine("-", text, old, 0, number)
            old += 1
        elif sign == " ":
            yield SourceLine(" ", text, old, new, number)
            old, new = old + 1, new + 1
        else:
            yield SourceLine("\\", line.removeprefix("\\ "), 0, 0, number)


def _starts(hunk: str) -> tuple[int, int]:
    """The numbers of the first lines, from `@@ -1,3 +1,4 @@`."""
    words = hunk.split(" ", 3)
    try:
        return tuple(int(word[1:].partition(",")[0]) for word in words[1:3])  # type: ignore[return-value]
    except ValueError:
        return 0, 0


def _blocks(lines: Sequence[SourceLine], start: int) -> Iterator[tuple[list[int], list[int]]]:
    """The places of removed and of added lines, change by change."""
    gone: list[int] = []
    come: list[int] = []
    for at in range(start, len(lines)):
        sign = lines[at].sign
        if sign == "-" and not come:
            gone.append(at)
        elif sign == "+":
            come.append(at)
        elif sign != "\\":
            if gone or come:
                yield gone, come
            gone, come = ([at], []) if sign == "-" else ([], [])
    if gone or come:
        yield gone, come


def _pair(diff: Diff, start: int, left: int) -> int:
    """Say of each line which one it replaces, with at most `left` comparisons; how many are left.

    Once none are left, lines are no pairs: the diff is read as one of whole lines.
    """
    lines = diff.lines
    for gone, come in _blocks(lines, start):
        if not gone or not come or left <= 0:
            continue
        if len(gone) == len(come) == 1:
            diff.mates[gone[0]], diff.mates[come[0]] = come[0], gone[0]
            continue
        small = max(len(gone), len(come)) <= MAX_BLOCK
        left -= len(gone) * WINDOW if small else 0
        found = pairs([lines[at].text for at in gone], [lines[at].text for at in come])
        for old, new in found:
            diff.mates[gone[old]], diff.mates[come[new]] = come[new], gone[old]
    return left


def _in_one(lines: Sequence[SourceLine], start: int, path: str) -> Iterator[DiffRow]:
    new = 0
    for at in range(start, len(lines)):
        line = lines[at]
        match line.sign:
            case "@":
                new = line.new
                yield DiffRow("hunk", path, line.new, left=at)
            case "-":
                yield DiffRow("gone", path, new, left=at, changed=True)
            case "\\":
                yield DiffRow("said", path, max(0, new - 1), left=at)
            case _:
                new = line.new + 1
                yield DiffRow("line", path, line.new, right=at, changed=line.sign == "+")


def _in_two(diff: Diff, start: int, path: str) -> Iterator[DiffRow]:
    lines, new, at = diff.lines, 0, start
    while at < len(lines):
        line = lines[at]
        if line.sign == "@":
            new = line.new
            yield DiffRow("hunk", path, line.new, left=at)
        elif line.sign == "\\":
            yield DiffRow("said", path, max(0, new - 1), left=at)
        elif line.sign == " ":
            new = line.new + 1
            yield DiffRow("line", path, line.new, left=at, right=at)
        else:
            gone, come, at = _change(lines, at)
            for old, fresh in _beside(diff.mates, gone, come):
                if fresh is not None:
                    new = lines[fresh].new + 1
                kind, number = ("gone", new) if fresh is None else ("line", lines[fresh].new)
                yield DiffRow(
                    kind,
                    path,
                    number,
                    left=-1 if old is None else old,
                    right=-1 if fresh is None else fresh,
                    changed=True,
                )
            continue
        at += 1


def _change(lines: Sequence[SourceLine], at: int) -> tuple[list[int], list[int], int]:
    """The removed and added lines of the change that begins at `at`, and where it ends."""
    gone: list[int] = []
    come: list[int] = []
    file = lines[at].file
    while at < len(lines) and lines[at].sign in "-+\\" and lines[at].file == file:
        if lines[at].sign == "-" and come:
            break
        if lines[at].sign != "\\":
            (gone if lines[at].sign == "-" else come).append(at)
        at += 1
    return gone, come, at


def _beside(
    mates: Mapping[int, int], gone: list[int], come: list[int]
) -> Iterator[tuple[int | None, int | None]]:
    """Pairs stand in one row; what lies between two of them is laid side by side by its place."""
    i = j = 0
    place = {at: number for number, at in enumerate(come)}
    for number, at in enumerate(gone):
        other = place.get(mates.get(at, -1))
        if other is None:
            continue
        yield from zip_longest(gone[i:number], come[j:other])
        yield at, come[other]
        i, j = number + 1, other + 1
    yield from zip_longest(gone[i:], come[j:])
