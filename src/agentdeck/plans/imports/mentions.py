"""Who is named in a short text: `A, B and C`, `T1–T3`, `API-001 through -010`, `None`.

Rules: only names come out, as they are written; whom they mean is found by `names.Resolver`. A
range is written out only where both ends share their beginning and count upwards; it has at most
`MAX_RANGE` members. A glob stays one name.
"""

from __future__ import annotations

import re
from typing import Final

from agentdeck.plans.imports.cleaning import clean, without_remark

MAX_RANGE: Final = 1_000  # members; more is a typing error, and nobody meant to write it
MAX_NAMES: Final = 100_000  # in one text

_NOBODY: Final = frozenset(
    {
        "",
        "-",
        "--",
        "—",
        "–",
        "n/a",
        "na",
        "nil",
        "no",
        "no dependencies",
        "no dependency",
        "no deps",
        "nobody",
        "none",
        "not applicable",
        "nothing",
        "null",
        "tbd",
        "∅",
        "independent",
    }
)
_LEAD: Final = re.compile(
    r"\s*(?:depends on|dependent on|dependencies|after|needs|requires|blocked by|waits for)\b"
    r"\s*:?\s*",
    re.IGNORECASE,
)
_BETWEEN: Final = re.compile(
    r"\s*[,;\n+&]\s*(?:(?:and|or)\s+)?|\s+(?:and|plus)\s+|\s*<br ?/?>\s*", re.IGNORECASE
)
_ENDS: Final = re.compile(
    r"(?P<left>\S*?)(?P<first>[0-9]{1,9})"
    r"(?P<to>\s*(?:–|—|→|\.\.\.?|…)\s*|\s+(?:-|through|thru|to|until)\s+|-)"
    r"(?P<right>\S*?)(?P<last>[0-9]{1,9})",
    re.IGNORECASE,
)
_ID_LIKE: Final = re.compile(r"#?(?=[^\s]*[0-9])[A-Za-z]*[A-Za-z0-9_.-]*[0-9][A-Za-z]?\*?\Z")


def names_in(text: str) -> list[str]:
    """The names in a text, in its order, each once.

    `None`, `—`, `n/a` and the like give an empty list, also with a remark in brackets.
    """
    if is_nobody(text):
        return []
    words = _LEAD.sub("", clean(text), count=1)
    found: dict[str, None] = {}
    for part in _parts(words):
        name = without_remark(part)[0].strip(" .:\"'")
        if name and not is_nobody(name):
            found.update(dict.fromkeys(_each(name)))
        if len(found) >= MAX_NAMES:
            break
    return list(found)[:MAX_NAMES]


def is_nobody(text: str) -> bool:
    """Does the text say that there is none?"""
    words = clean(text[:500]).strip(" .").casefold()
    if words in _NOBODY:
        return True
    head, remark = without_remark(words)
    if remark and head.strip(" .") in _NOBODY:
        return True
    head = re.split(r"\s[-–—]\s|[;:]", words, maxsplit=1)[0].strip()
    return head in {"none", "n/a", "nothing"}  # "None - schema already defined"


def range_of(name: str) -> list[str] | None:
    """The members of `T1–T3`, `T1 through T3`, `API-001 through -010`, `1.1-1.4`; None = no range.

    With a plain hyphen and no space, both ends must be written alike: `API-4` is a name.
    """
    ends = _ENDS.fullmatch(name) if len(name) <= 200 else None
    if ends is None:
        return None
    left, right, tight = ends["left"], ends["right"], ends["to"] == "-"
    short = right in ("", "-") or (left.endswith(right) and not right[:1].isalnum())
    if right != left and (tight or not short):
        return None
    first, last = int(ends["first"]), int(ends["last"])
    if not first <= last < first + MAX_RANGE:
        return None
    digits = len(ends["first"]) if ends["first"].startswith("0") or short else 0
    return [f"{left}{number:0{digits}d}" for number in range(first, last + 1)]


def _parts(text: str) -> list[str]:
    """The text at its commas and `and`s, but not inside brackets."""
    found = []
    depth = begin = at = 0
    marks = {mark.start(): mark.end() for mark in _BETWEEN.finditer(text)}
    while at < len(text):
        end = marks.get(at) if depth <= 0 else None
        if end is not None and end > at:
            found.append(text[begin:at])
            begin = at = end
            continue
        depth = max(0, depth + {"(": 1, ")": -1}.get(text[at], 0))
        at += 1
    if depth > 0:  # a bracket that is never closed holds nothing together
        return _BETWEEN.split(text)
    return [*found, text[begin:]]


def _each(name: str) -> list[str]:
    """A range written out; `T1 T2 T3` one by one; else the name."""
    members = range_of(name)
    if members is not None:
        return members
    words = name.split()
    if len(words) > 1 and all(_ID_LIKE.match(word[:100]) for word in words):
        return words
    return [name]
