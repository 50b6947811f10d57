"""Numbers and ids that look random and are the same for the same words."""

from __future__ import annotations

import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Dice:
    """A generator for one purpose; another purpose takes another one, so neither moves the other.

    Args:
        words: what the numbers depend on.
    """

    def __init__(self, *words: object) -> None:
        self.state = zlib.crc32("/".join(map(str, words)).encode()) | 1

    def below(self, limit: int) -> int:
        """A number from 0 to `limit` - 1 (xorshift32)."""
        state = self.state
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        self.state = state
        return state % limit

    def between(self, low: float, high: float) -> float:
        """A number from `low` to `high`."""
        return low + (high - low) * self.below(10_000) / 10_000

    def pick(self, choices: tuple[Any, ...]) -> Any:
        """One of the choices."""
        return choices[self.below(len(choices))]

    def hexes(self, length: int) -> str:
        """So many hexadecimal digits."""
        words = (f"{self.below(1 << 32):08x}" for _ in range(-(-length // 8)))
        return "".join(words)[:length]

    def letters(self, length: int) -> str:
        """So many letters and digits."""
        return "".join(LETTERS[self.below(62)] for _ in range(length))

    def uuid(self, version: int = 4) -> str:
        """What has the shape of a UUID."""
        found = self.hexes(32)
        tail = f"{version}{found[13:16]}-{'89ab'[self.below(4)]}{found[17:20]}-{found[20:]}"
        return f"{found[:8]}-{found[8:12]}-{tail}"
