"""Names that were cut to fit a drawing: `data-sci` is `data-scientist`, `mahav.` is `mahavishnu`.

Rules:
- A shortened name fits a longer one when each of its words begins, or abbreviates, a word of it, in
  order. `mgr` abbreviates `manager`: same first and last letter, letters in order.
- A name is completed only when exactly one known name fits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+")
_ASIDE: Final = re.compile(r"\(([^()]{1,80})\)")
_MIN_ABBREVIATED: Final = 3  # letters; two letters abbreviate nearly everything


def without_aside(name: str) -> str:
    """The name without what stands in parentheses behind it, and without markup."""
    return " ".join(_ASIDE.sub(" ", name).strip("`*_ ").split()).strip("`*_ ")


def fits(short: str, full: str) -> bool:
    """Can `short` be `full` cut down? Linear in both."""
    wanted = _WORD.findall(short.casefold())
    left = iter(_WORD.findall(full.casefold()))
    return bool(wanted) and all(any(_begins(word, other) for other in left) for word in wanted)


def complete(short: str, known: Sequence[str]) -> str | None:
    """The one known name that is meant, or None when none or several could be."""
    same = [name for name in known if name.casefold() == short.casefold()]
    if same:
        return same[0]
    fitting = {name for name in known if fits(short, name)}
    return fitting.pop() if len(fitting) == 1 else None


def _begins(short: str, full: str) -> bool:
    if full.startswith(short):
        return True
    if len(short) < _MIN_ABBREVIATED or short[0] != full[0] or short[-1] != full[-1]:
        return False
    letters = iter(full)
    return all(letter in letters for letter in short)
