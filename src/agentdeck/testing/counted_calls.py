"""The work of a piece of code, counted: the same on an idle machine and on a busy one.

Rules: what is counted are calls of functions, of Python and of C. Work inside one call, like that
of a regular expression on a long text, is not seen.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType


def calls_of(work: Callable[[], object]) -> int:
    """How many functions `work` calls, directly and through others, in this thread."""
    count = 0

    def tick(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(tick)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count
