"""Waiting in a test for what other processes bring about: until it holds, never for a guess."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

PATIENCE_S: Final = 60.0  # on idle cores nearly everything takes under five
LOOK_S: Final = 0.02  # between two looks; most of them fold a journal


def settle(
    true: Callable[[], bool], what: str | Callable[[], str], patience_s: float = PATIENCE_S
) -> None:
    """Wait until something holds.

    Args:
        true: does it?
        what: is waited for; a function is asked when it did not come, and can say what there is.
        patience_s: how long, on a machine that does much else.

    Raises:
        AssertionError: it did not hold in time.
    """
    deadline = time.monotonic() + patience_s
    while not true():
        if time.monotonic() >= deadline:
            raise AssertionError(
                f"waited {patience_s:.0f} s for: {what if isinstance(what, str) else what()}"
            )
        time.sleep(LOOK_S)


__all__ = ["settle"]
