"""Chance that can be repeated: a small generator of random numbers, and draws from distributions.

Rules: the same seed gives the same numbers on every machine and for ever, so a forecast can be
told again. Nothing here is for secrets.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

_MASK: Final = (1 << 64) - 1
_STANDARD: Final = NormalDist()
_EDGE: Final = 1e-12  # keeps the inverse of the normal distribution finite


class Chance:
    """A stream of random numbers. Source: SplitMix64, Steele, Lea & Flood, OOPSLA 2014."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def uniform(self) -> float:
        """A number in [0, 1)."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((mixed ^ (mixed >> 31)) >> 11) / (1 << 53)

    def normal(self) -> float:
        """A draw from the standard normal distribution, by its inverse."""
        return _STANDARD.inv_cdf(min(1 - _EDGE, max(_EDGE, self.uniform())))

    def lognormal(self, median: float, spread: float) -> float:
        """A draw whose logarithm is normal; `spread` is the deviation of the logarithm, >= 0."""
        return median * math.exp(spread * self.normal()) if spread else median

    def triangular(self, least: float, likely: float, most: float) -> float:
        """A draw between `least` and `most`, `likely` the most often. By the inverse of its CDF."""
        width = most - least
        if width <= 0:
            return likely
        at, turn = self.uniform(), (likely - least) / width
        if at < turn:
            return least + math.sqrt(at * width * (likely - least))
        return most - math.sqrt((1 - at) * width * (most - likely))
