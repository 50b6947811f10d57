"""The instructions that make it hard for a reader: too much, too long, not of the format, cut."""

from __future__ import annotations

from agentdeck.testing.scripted.content import THOUGHTS
from agentdeck.testing.scripted.endings import CRASH, SCRIPT, Trouble, hang
from agentdeck.testing.scripted.script import count_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from agentdeck.testing.scripted.work import Work

MEGABYTE = 1_000_000  # bytes
MAX_MEGABYTES = 4096  # a typing error should not fill the disk
PIECE = 4000  # characters of one line of a flood
GARBAGE = (
    b"npm warn deprecated: a line that somebody else printed",
    b'{"type": "half of a line that nobody fini',
    b"[1, 2, 3]",
    b"null",
    b"",
    b"\x1b[31mred\x1b[0m \xff\xfe no UTF-8",
    b'{"type": 7, "neither": ["fish", {"nor": "fowl"}]}',
    b'{"unknown": true}',
)


def _spam(work: Work, lines: str) -> None:
    for number in range(1, count_in(lines, 1000) + 1):
        work.voice.say(f"line {number}: {work.dice.pick(THOUGHTS)}")


def _flood(work: Work, megabytes: str) -> None:
    for number in range(_bytes(megabytes) // PIECE):
        work.voice.say(f"{number:09} ".ljust(PIECE, "x"))


def _long_line(work: Work, megabytes: str) -> None:
    work.voice.say("x" * _bytes(megabytes))


def _endless_line(work: Work, megabytes: str) -> None:
    for _ in range(_bytes(megabytes) // MEGABYTE):
        work.voice.out.raw(b"x" * MEGABYTE)
    hang()


def _garbage(work: Work, lines: str) -> None:
    for number in range(count_in(lines, len(GARBAGE))):
        work.voice.out.raw(GARBAGE[number % len(GARBAGE)] + b"\n")


def _partial_line(work: Work, code: str) -> NoReturn:
    work.voice.out.halve = True
    work.voice.say("This line has no end.")
    raise Trouble(CRASH, "it ended in the middle of a line", code=count_in(code, 1))


def _bytes(megabytes: str) -> int:
    if not megabytes.isdecimal() or int(megabytes) > MAX_MEGABYTES:
        expected = f"expected megabytes up to {MAX_MEGABYTES}, found {megabytes!r}"
        raise Trouble(SCRIPT, expected, code=2)
    return int(megabytes) * MEGABYTE


ACTIONS: dict[str, Callable[[Work, str], None]] = {
    "spam": _spam,
    "flood": _flood,
    "long-line": _long_line,
    "endless-line": _endless_line,
    "garbage": _garbage,
    "partial-line": _partial_line,
}
