"""What the log of an agent says of something that was refused: its own words, and no proof.

Rules: the words of the system and of the usual libraries are looked for, whatever the format of the
log. A line counts once; in JSON, where line breaks are escaped, so does what stands between two of
them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

_WORDS: Final = (b"permission denied", b"read-only file system", b"eacces", b"erofs")
_ENDS: Final = (b"\n", b'"', b"\\n")  # of what a line is
AROUND: Final = 160  # bytes before and after the words that are kept of a line
KEPT: Final = 5  # different lines; the log has them all


class Refusals(NamedTuple):
    """How often a log speaks of it, and the first few ways in which it does."""

    lines: int
    said: tuple[str, ...] = ()


def refusals_in(log: bytes) -> Refusals:
    """Look through a log, or a piece of one. Linear in its length."""
    lowered = log.lower()
    places = sorted(at for word in _WORDS for at in _all(lowered, word))
    count, end, said = 0, 0, dict[str, None]()
    for at in places:
        if at < end:
            continue  # in the line that was counted
        begin, end = _line(log, at)
        count += 1
        if len(said) < KEPT:
            said[log[begin:end].decode(errors="replace").strip()] = None
    return Refusals(count, tuple(said))


def _all(text: bytes, word: bytes) -> list[int]:
    found, at = [], text.find(word)
    while at >= 0:
        found.append(at)
        at = text.find(word, at + len(word))
    return found


def _line(log: bytes, at: int) -> tuple[int, int]:
    """Where the line around a place begins and ends, as far as it is kept."""
    least, most = max(0, at - AROUND), min(len(log), at + AROUND)
    begin = max(
        [least, *(found + len(e) for e in _ENDS if (found := log.rfind(e, least, at)) >= 0)]
    )
    end = min([most, *(found for e in _ENDS if (found := log.find(e, at, most)) >= 0)])
    return begin, end
