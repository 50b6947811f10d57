"""Which lines that others have landed count as lost, and which were only moved or gone on with."""

from __future__ import annotations

import pytest

from agentdeck.core.events import Loss
from agentdeck.core.losses import LINE_CHARS, MAX_FILES, MAX_LINES, Versions, lost

BASE = ("def f():", "    return 1", "}")


def one(
    *, before: tuple[str, ...] = BASE, target: tuple[str, ...], after: tuple[str, ...]
) -> object:
    """The lines that count as lost of one file."""
    found = lost({"f.py": Versions(BASE, before, target, after)})
    return [line for loss in found for line in loss.lines]


LANDED = (*BASE, "x = 2")


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ((*LANDED, "y = 3"), []),
        ((*BASE, "y = 3"), ["x = 2"]),
        ((*BASE, "x = 2 + y"), []),  # gone on with
        ((*BASE, "x = 5"), ["x = 2"]),
        (("x = 2", *BASE), []),  # moved
        ((*BASE, "    x  =  2"), []),  # white space
        ((), ["x = 2"]),  # the file is gone; what stood in it before is the task's own affair
    ],
)
def test_a_landed_line_is_kept_moved_gone_on_with_or_lost(
    after: tuple[str, ...], expected: list[str]
) -> None:
    assert one(target=LANDED, after=after) == expected


def test_what_nobody_has_landed_may_go() -> None:
    """The task takes away what was there when it began: that is its work."""
    assert one(target=LANDED, after=("x = 2",)) == []


def test_what_the_work_took_away_before_its_repair_is_no_loss() -> None:
    """Others have moved a line that this task deletes."""
    before = ("def f():", "}")
    target = ("    return 1", "def f():", "    return 1", "}")
    assert one(before=before, target=target, after=("def f():", "    return 1", "}")) == []


def test_brackets_and_blank_lines_are_no_loss() -> None:
    assert one(target=(*BASE, "", "  )", "}"), after=BASE) == []


def test_a_line_in_another_file_was_moved_once() -> None:
    """The same line was landed twice and stands in the other file once: one is lost."""
    files = {
        "a.py": Versions((), (), ("x = 2", "x = 2"), ()),
        "b.py": Versions((), (), (), ("x = 2",)),
    }
    assert lost(files) == (Loss("a.py", ("x = 2",), 1),)


def test_what_is_told_is_bounded_and_counted() -> None:
    lines = tuple(f"word{number} " + "y" * 500 for number in range(30))
    found = lost({f"f{n:02}": Versions((), (), lines, ()) for n in range(40)})
    assert len(found) == MAX_FILES
    assert len(found[0].lines) == MAX_LINES
    assert found[0].count == 30
    assert max(map(len, found[0].lines)) == LINE_CHARS
