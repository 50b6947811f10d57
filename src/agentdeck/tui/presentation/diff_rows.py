"""The rows of the diff view: what can have the cursor, where a comment belongs, where keys lead.

Rules: pure. A comment stands right below its line, a file's own below the file's head; one whose
line is not in the diff stands below its file, and one whose file is not there below everything. A
comment on a removed line is on the line that is there now.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.text import Text

from agentdeck.core.events import ReviewComment
from agentdeck.core.state import Attempt

INDENT: Final = 8  # cells; below the code, beside the numbers
LINES: Final = ("line", "gone")


class DiffRow(NamedTuple):
    """One row. What it shows of the diff is found by its places; `text` is drawn already."""

    # text | summary | tree | folder | file | hunk | line | gone (was removed) | said (by git) |
    # note | rest
    kind: str
    file: str = ""
    line: int = 0  # in the new file; 0 = none
    left: int = -1  # the place of the old line, or of what else is shown; -1 = none
    right: int = -1  # the place of the new line
    changed: bool = False
    text: Text | None = None


class Remark(NamedTuple):
    """A comment, and whose it is."""

    by: str  # empty: the person's own, not sent yet
    comment: ReviewComment


Draft = tuple[ReviewComment, ...]


def remarks_of(attempt: Attempt, draft: Draft) -> list[Remark]:
    """What reviewers have said of an attempt, and what is not sent yet."""
    said = [Remark(review.by, one) for review in attempt.reviews for one in review.comments]
    return [*said, *(Remark("", one) for one in draft)]


def with_remarks(
    rows: Sequence[DiffRow],
    remarks: Sequence[Remark],
    width: int,
    style: str,
    own: str,
    *,
    indent: int = INDENT,
) -> Sequence[DiffRow]:
    """The rows with each remark at its place, `indent` cells from the left, in `width` cells.

    `style` is that of others, `own` of drafts.
    """
    if not remarks:
        return rows
    place: dict[tuple[str, int], int] = {}
    for at, row in enumerate(rows):
        if row.kind == "file":
            place.setdefault((row.file, 0), at)
        elif row.kind in LINES:
            place[row.file, row.line] = at  # the new line comes after what it replaces
    below: dict[int, list[Remark]] = {}
    for remark in remarks:
        file, line = remark.comment.file, remark.comment.line
        at = place.get((file, line), place.get((file, 0), len(rows) - 1))
        below.setdefault(at, []).append(remark)
    found: list[DiffRow] = []
    for at, row in enumerate(rows):
        found.append(row)
        for remark in below.get(at, ()):
            found += _drawn(remark, width, own if not remark.by else style, indent)
    return found


def _drawn(remark: Remark, width: int, style: str, indent: int) -> list[DiffRow]:
    from agentdeck.tui.presentation.line import wrapped

    comment = remark.comment
    head = remark.by or "you, not sent"
    lines = wrapped(f"{head}: {comment.text}", max(20, width - indent - 3), "")
    bar = " " * (indent - 2) + "│ "
    return [
        DiffRow(
            "note",
            comment.file,
            comment.line,
            text=Text(bar + "".join(span.text for span in line), style),
        )
        for line in lines
    ]


def seek(rows: Sequence[DiffRow], at: int, kind: str, by: int) -> int:
    """The row of the next (`by` = 1) or previous (-1) file or change; `at` where there is none.

    A change is a run of added and removed lines; its first row is what is meant.
    """
    index = at + by
    while 0 <= index < len(rows):
        if kind == "file" and rows[index].kind == "file":
            return index
        if kind == "change" and _begins_change(rows, index):
            return index
        index += by
    return at


def _begins_change(rows: Sequence[DiffRow], at: int) -> bool:
    return rows[at].changed and (at == 0 or not _changes_before(rows, at))


def _changes_before(rows: Sequence[DiffRow], at: int) -> bool:
    index = at - 1
    while index > 0 and rows[index].kind in ("note", "said"):
        index -= 1
    return rows[index].changed


def place_of(rows: Sequence[DiffRow], wanted: DiffRow, near: int) -> int:
    """Where a row is among others of the same diff, or the row that comes closest to it.

    Args:
        near: the place that is taken where there are several, or none.
    """
    kind, file, line = wanted[:3]
    if not file:
        return near
    exact = [
        n
        for n, row in enumerate(rows)
        if row.line == line and row.kind == kind and row.file == file
    ]
    if exact:
        return min(exact, key=lambda n: abs(n - near))
    same = [n for n, row in enumerate(rows) if row.file == file]
    lines = [n for n in same if rows[n].kind in LINES]
    if kind in (*LINES, "said", "note") and lines:
        return min(lines, key=lambda n: (abs(rows[n].line - line), abs(n - near)))
    heads = [n for n in same if rows[n].kind == "file"]
    return heads[0] if heads else near


def put(draft: Draft, comment: ReviewComment) -> Draft:
    """The draft with a comment on a line; an empty one takes back what was there."""
    rest = tuple(one for one in draft if (one.file, one.line) != (comment.file, comment.line))
    found = (*rest, comment) if comment.text.strip() else rest
    return tuple(sorted(found, key=lambda one: (one.file, one.line)))


def on_line(draft: Draft, file: str, line: int) -> str:
    """What the draft says of a line."""
    return next((one.text for one in draft if (one.file, one.line) == (file, line)), "")
