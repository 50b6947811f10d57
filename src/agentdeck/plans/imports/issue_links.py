"""What the text of an issue says of other issues: what it waits for, holds up, or is made of.

Rules:
- `blocked by #12`, `depends on #12 and #13`, `blocks #14`, a list below such words, and the boxes
  of a task list that begin with an issue (`- [ ] #15`).
- A number alone is a mention, and no dependency. Code, quotes, what is struck out and what nobody
  sees say nothing. `not blocked by` and `no longer depends on` say the opposite.
- Every line is looked at once, and only its beginning if it is longer than any that people write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec

MAX_LINE: Final = 2_000  # characters that are looked at
MAX_LINKS: Final = 500  # of one issue
MAX_WORDS: Final = 80  # characters that a remark repeats


class Sort(StrEnum):
    """What one issue is to another."""

    NEEDS = "needs"  # it waits for the other
    BLOCKS = "blocks"  # the other waits for it
    CHILD = "child"  # the other is a part of it
    DENIED = "denied"  # it says that it does not wait


class Link(msgspec.Struct, frozen=True):
    """One issue that another names."""

    sort: Sort
    number: int
    repo: str  # "" = its own
    words: str  # as they are written


_ISSUE: Final = (
    r"(?:(?:https?://[A-Za-z0-9.:-]{1,100}/)(?P<path>[A-Za-z0-9._/-]{1,200}?)(?:/-)?/issues/"
    r"(?P<at>[0-9]{1,9})\b|(?P<repo>[A-Za-z0-9._-]{1,100}(?:/[A-Za-z0-9._-]{1,100}){1,9})?"
    r"#(?P<number>[0-9]{1,9})\b)"
)
_REFERENCE: Final = re.compile(_ISSUE)
_VERB: Final = re.compile(
    r"\b(?:(?P<needs>(?:blocked|held up)[ ]+(?:by|on)|depend(?:s|ent|ing)?[ ]+(?:up)?on"
    r"|waits?[ ]+(?:for|on)|waiting[ ]+(?:for|on)|requires|needs|after)"
    r"|(?P<blocks>blocks|is[ ]+blocking))\b[ :*_]{0,6}(?:issues?[ ]+)?",
    re.IGNORECASE,
)
_AND: Final = re.compile(r"[ ]{0,3}(?:,|&|\+|;)?[ ]{0,3}(?:and[ ]+|or[ ]+)?", re.IGNORECASE)
_DENIAL: Final = re.compile(
    r"(?:\bno longer|\bnot|\bnever|n['’]t)\s+(?:be(?:en)?\s+)?$", re.IGNORECASE
)
_BOX: Final = re.compile(r"[ \t]{0,40}[-*+][ \t]{1,4}\[[ xX]\][ \t]{1,4}")
_ITEM: Final = re.compile(r"[ \t]{0,40}(?:[-*+]|[0-9]{1,3}[.)])[ \t]{1,4}(?:\[[ xX]\][ \t]{1,4})?")
_FENCE: Final = re.compile(r" {0,3}(```|~~~)")
_DROPPED: Final = re.compile(r"`[^`]*+`|~~(?:(?!~~).){0,500}~~")
_COMMENT: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def without_comments(text: str) -> str:
    """The text as a reader of the page sees it, without HTML comments."""
    return _COMMENT.sub("", text) if "<!--" in text else text


def links_in(text: str) -> list[Link]:
    """The links of a text without comments, each once, in their order. O(n)."""
    found: dict[tuple[Sort, int, str], Link] = {}
    for link in _links(text):
        found.setdefault((link.sort, link.number, link.repo), link)
        if len(found) >= MAX_LINKS:
            break
    return list(found.values())


def _links(text: str) -> Iterator[Link]:
    below: Sort | None = None  # what a list below the last words is about
    for line in _said(text):
        if below is not None and (item := _ITEM.match(line)):
            found = list(_row(line, item.end()))
            yield from (Link(below, *each) for each in found)
            if found:
                continue
        if line.strip():
            below = None
        box = _BOX.match(line)
        at = box.end() if box else 0
        if box and (first := _REFERENCE.match(line, at)):
            yield Link(Sort.CHILD, *_named(first))
            at = first.end()
        for verb in _VERB.finditer(line, at):
            sort = Sort.NEEDS if verb["needs"] else Sort.BLOCKS
            denied = _DENIAL.search(line, max(0, verb.start() - 20), verb.start())
            row = list(_row(line, verb.end()))
            for number, repo, _ in row:
                words = line[verb.start() :].strip()[:MAX_WORDS]
                yield Link(Sort.DENIED if denied else sort, number, repo, words)
            rest = line[verb.end() :].strip(" :*_#.")
            if not row and not rest and not denied:
                below = sort


def _said(text: str) -> Iterator[str]:
    """The lines that say something, each without code and what is struck out."""
    fence = ""
    for line in text.replace("\r\n", "\n").split("\n"):
        mark = _FENCE.match(line)
        if mark:
            fence = "" if fence == mark[1] else fence or mark[1]
        elif not fence and not line.lstrip().startswith(">"):
            yield _DROPPED.sub(" ", line[:MAX_LINE])


def _row(line: str, at: int) -> Iterator[tuple[int, str, str]]:
    """The issues that stand one after the other from a place on."""
    while found := _REFERENCE.match(line, at):
        yield _named(found)
        joint = _AND.match(line, found.end())
        at = joint.end() if joint else found.end()


def _named(found: re.Match[str]) -> tuple[int, str, str]:
    number = int(found["number"] or found["at"])
    return number, found["repo"] or (found["path"] or "").strip("/"), found[0][:MAX_WORDS]


__all__ = ["Link", "Sort", "links_in", "without_comments"]
