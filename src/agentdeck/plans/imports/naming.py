"""Valid, unique names for what a document calls by any words.

Rules: a name that is valid as it is written stays as it is. What cannot be in a path or a ref is
replaced, and a name that is taken, also in another case, gets a number.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from agentdeck.core.ids import MAX_ID_LENGTH, id_fault

MAX_MADE: Final = 40  # characters of a name made from a title

_BAD: Final = re.compile(r"[^A-Za-z0-9._-]+")
_DOTS: Final = re.compile(r"\.{2,}")
_ORDINAL: Final = re.compile(
    r"(phase|wave|stage|batch|group|week|sprint|milestone|step|part)s?\s+#?"
    r"(\d{1,4}[a-z]?)(?:\s?[-–]\s?(\d{1,4}[a-z]?))?\b",
    re.IGNORECASE,
)
_EDGES: Final = " .-_"


class Naming:
    """The names of one kind of thing.

    Args:
        word: what is used where nothing can be made of the words: `task` gives `task`, `task-2`.
    """

    def __init__(self, word: str) -> None:
        self._word = word
        self._taken: dict[str, str] = {}  # folded name -> name
        self._written: dict[str, str] = {}  # as written, folded -> name
        self._next: dict[str, int] = {}  # folded name -> the number to try

    def take(self, written: str, made_from: str = "") -> str:
        """A new name for what is written so, or is called `made_from` where nothing is written."""
        base = valid(written) or slugged(made_from) or self._word
        name = self._free(base)
        self._taken[name.casefold()] = name
        self._written.setdefault(_key(written or made_from), name)
        return name

    def find(self, written: str) -> str | None:
        """The name of what is written so, or would get this name."""
        found = self._written.get(_key(written))
        return found or self._taken.get(valid(written).casefold())

    def _free(self, base: str) -> str:
        folded = base.casefold()
        name = base
        while name.casefold() in self._taken:
            number = self._next.get(folded, 2)
            self._next[folded] = number + 1
            end = f"-{number}"
            name = base[: MAX_ID_LENGTH - len(end)].rstrip(_EDGES) + end
        return name


def valid(text: str) -> str:
    """`text` as an id with as few changes as possible, or nothing if no letter or digit is left."""
    if id_fault(text) is None:
        return text
    plain = unicodedata.normalize("NFKD", text[: MAX_ID_LENGTH * 8])
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    name = _DOTS.sub(".", _BAD.sub("-", plain)).strip(_EDGES)[:MAX_ID_LENGTH].strip(_EDGES)
    while name.endswith(".lock"):
        name = name.removesuffix(".lock").rstrip(_EDGES)
    return name


def slugged(title: str) -> str:
    """A title as an id in lower case of at most `MAX_MADE` characters, cut between two words."""
    name = valid(title.lower())
    if len(name) > MAX_MADE:
        cut = name[: MAX_MADE + 1].rpartition("-")[0] or name[:MAX_MADE]
        name = valid(cut)
    return name


def short_name(title: str) -> str:
    """What people call a phase: `wave-1` of `Wave 1: Foundation`; else its title as an id.

    Of a title in parts (`Phase 1: Core / Week 1-2: Streams`) the last part counts.
    """
    ordinal = _ORDINAL.match(title.rpartition(" / ")[2])
    if ordinal is None:
        return slugged(title)
    number = "-".join(part.lower() for part in ordinal.groups()[1:] if part)
    return f"{ordinal[1].lower()}-{number}"


def _key(written: str) -> str:
    return " ".join(written.casefold().split())
