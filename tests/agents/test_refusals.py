"""Which words of a log speak of something refused."""

from __future__ import annotations

import pytest

from agentdeck.agents.refusals import AROUND, Refusals, refusals_in


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (b"", Refusals(0)),
        (b"all is well\n", Refusals(0)),
        (
            b"$ echo x > ~/x\nsh: 1: cannot create /home/kim/x: Read-only file system\nok\n",
            Refusals(1, ("sh: 1: cannot create /home/kim/x: Read-only file system",)),
        ),
        (  # both words of one sentence are one
            b"Error: EACCES: permission denied, open '/home/kim/x'\n",
            Refusals(1, ("Error: EACCES: permission denied, open '/home/kim/x'",)),
        ),
        (  # JSON, with its line breaks escaped
            b'{"output":"fatal: a.lock: Permission denied\\nb.lock: Permission denied"}\n',
            Refusals(2, ("fatal: a.lock: Permission denied", "b.lock: Permission denied")),
        ),
        (b"EROFS", Refusals(1, ("EROFS",))),
    ],
)
def test_lines_that_speak_of_a_refusal_are_counted(log: bytes, expected: Refusals) -> None:
    assert refusals_in(log) == expected


def test_of_a_line_without_an_end_only_what_is_near_is_kept() -> None:
    """Bytes that are no text do no harm."""
    found = refusals_in(b"\xff" * 10_000 + b"Permission denied" + b"." * 10_000)
    assert found.lines == 1
    assert [len(said) for said in found.said] == [2 * AROUND]


def test_the_first_few_different_lines_are_kept() -> None:
    """An agent that tries the same again and again does not hide what it tried besides."""
    lines = [f"{n}: Permission denied\n".encode() for n in (1, 1, 1, 2, 3, 4, 5, 6)]
    found = refusals_in(b"".join(lines))
    assert found.lines == len(lines)
    assert [said[0] for said in found.said] == list("12345")
