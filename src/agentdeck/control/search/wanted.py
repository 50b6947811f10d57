"""What a person types to search, as a query of SQLite's FTS5 that can never be an error.

Rules:
- Every word must be there; "a phrase" stands together, `word*` begins so, `-word` must be missing.
- `in:logs`, `task:S-1` and `repo:api` narrow down what is looked through; several of one kind are
  either-or. `repo:.` is the plan's own repository.
- Each word is quoted, so nothing that is typed is a part of the query language. What has no letter
  and no digit cannot be looked for, and is passed over.
- While somebody types, the last word is only a beginning; one letter is a word, for it begins all.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple

MAX_TYPED: Final = 500  # characters; longer is a paste by mistake
MAX_WORDS: Final = 32  # more are passed over


class Kind(StrEnum):
    """What is looked through."""

    TASKS = "tasks"  # ids, titles, labels, files
    BRIEFS = "briefs"  # what agents are told
    LOGS = "logs"  # what agents said and did
    DIFFS = "diffs"  # what they changed
    EVENTS = "events"  # reasons, messages and verdicts in the journal


class Wanted(NamedTuple):
    """One search."""

    match: str  # for FTS5; empty = nothing is looked for
    kinds: frozenset[Kind] = frozenset()  # empty = all
    tasks: frozenset[str] = frozenset()  # ids in small letters; empty = all
    words: tuple[str, ...] = ()  # in small letters, to find the line of a hit
    fault: str = ""  # what of it is not understood
    repos: frozenset[str] = frozenset()  # names in small letters; empty = all


_PART: Final = re.compile(r'-?"[^"]*"?\*?|\S+')
_FIELD: Final = re.compile(r"(in|task|repo):(\S*)", re.IGNORECASE)
_UNSEEN: Final = re.compile("[\x00-\x1f\x7f]")
_ONE: Final = {kind.value.removesuffix("s"): kind for kind in Kind}


def kinds_of(text: str) -> tuple[frozenset[Kind], str]:
    """`logs,diffs` as kinds, and what is wrong with it; empty = nothing is."""
    found, wrong = set[Kind](), ""
    for name in filter(None, text.lower().split(",")):
        kind = _ONE.get(name.removesuffix("s"))
        if kind is None:
            wrong = f"there is no {name} to look through: {', '.join(Kind)}"
        else:
            found.add(kind)
    return frozenset(found), wrong


def wanted(text: str, *, typing: bool = False) -> Wanted:
    """What a line means; never raises.

    Args:
        typing: the last word may go on.
    """
    shown = _UNSEEN.sub(" ", text[:MAX_TYPED]).encode("utf-8", "replace").decode()
    must, never, words = [], [], []
    kinds, tasks, repos, fault = frozenset[Kind](), set[str](), set[str](), ""
    parts = _PART.findall(shown)[:MAX_WORDS]
    for number, part in enumerate(parts):
        if (field := _FIELD.fullmatch(part)) is not None:
            if field[1].lower() == "in":
                found, wrong = kinds_of(field[2])
                kinds, fault = kinds | found, fault or wrong
            elif field[1].lower() == "repo":
                repos.update(filter(None, field[2].lower().split(",")))
            else:
                tasks.update(filter(None, field[2].lower().split(",")))
            continue
        word = part.removeprefix("-").strip('"*').rstrip("*").strip('"').strip()
        if not any(char.isalnum() for char in word):
            continue
        last = typing and number == len(parts) - 1 and not shown[-1:].isspace() and len(word) > 1
        star = part.endswith("*") or (last and not part.endswith('"'))
        quoted = '"' + word.replace('"', '""') + '"' + ("*" if star else "")
        if part.startswith("-"):
            never.append(quoted)
        else:
            must.append(quoted)
            words += [piece.casefold() for piece in re.findall(r"\w+", word)]
    match = " AND ".join(must)
    if match and never:
        match = f"({match}) NOT ({' OR '.join(never)})"
    return Wanted(match, kinds, frozenset(tasks), tuple(words), fault, frozenset(repos))
