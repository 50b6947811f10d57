"""Arrows and trees in code blocks: `A → B → C`, names with `↓` between them, `├── X ──┐`.

Rules:
- An arrow chain says in which order its author sees the tasks. It is evidence for claims. It makes
  dependencies only where the document states none at all, and then as a guess.
- What stands in parentheses behind a name (`CORE-002 (1hr)`) is kept apart from the name, and so is
  a remark behind an arrow that points back (`←── the key enabler`).
- A tree is a head (`Phase 0 (After CORE-001 completes):`) with items on branches; the words behind
  the bracket that holds them together are its note.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from agentdeck.plans.imports.markdown.grids import DRAWN

MAX_STEP: Final = 120  # characters of a step; longer is prose with an arrow in it
MAX_LINE: Final = 2000  # characters of a line that is looked at

# no pattern here may begin with a run of something: that would be quadratic
_ARROW: Final = re.compile(r"→|⇒|➜|➔|⟶|►|▶|[-─]>|=>")
_BACK: Final = re.compile(r"←|⇐|<[-─=]")
_DOWN: Final = frozenset(" │|┃↓▼⬇⇓vV")
_BRANCH: Final = re.compile(r"[\s│┃|]*[├└┣┗`+][─━-]{1,4}>?\s+(\S.*)")
_BRACKETS: Final = frozenset("┐┼┤┘╮╯")
_DASHES: Final = "─━—-= "
_ROUND: Final = re.compile(r"\(([^()]{1,80})\)")


class Step(msgspec.Struct, frozen=True):
    """A name in a chain or a tree. Lines are offsets in the code block."""

    text: str
    line: int
    aside: str = ""  # in parentheses behind it: `1hr`
    note: str = ""  # behind an arrow that points back


class Chain(msgspec.Struct, frozen=True):
    """Names with arrows between them; at least two."""

    steps: tuple[Step, ...]
    last: int  # offset of its last line


class Tree(msgspec.Struct, frozen=True):
    """Names on branches below a head."""

    head: str
    line: int
    steps: tuple[Step, ...]
    last: int
    note: str = ""  # `All 3 in parallel (2hr max)`


def read_chains(lines: Sequence[str]) -> list[Chain]:
    """The arrow chains of a code block, from top to bottom. Linear in the text."""
    found: list[Chain] = []
    down: list[Step] = []
    arrow = False  # the line before pointed down
    for offset, line in enumerate(lines):
        text = line[:MAX_LINE].strip()
        if not text:
            continue
        if _is_down(text):
            arrow = bool(down)
            continue
        across = _across(text, offset)
        if not arrow or len(across) != 1:
            found += _closed(down)
            down = []
        if len(across) > 1:
            found.append(Chain(across, offset))
        else:
            down += across
        arrow = False
    return found + _closed(down)


def _is_down(text: str) -> bool:
    bare = text.split("(", 1)[0]
    return bool(bare) and set(bare) <= _DOWN and len(bare.split()) == len(bare.replace(" ", ""))


def _closed(down: list[Step]) -> list[Chain]:
    return [Chain(tuple(down), down[-1].line)] if len(down) > 1 else []


def _across(text: str, offset: int) -> tuple[Step, ...]:
    """The names of one line, in order; one when it has no arrow, none when it is prose."""
    back = _BACK.search(text)
    note = text[back.end() :].strip(_DASHES) if back else ""
    said = text[: back.start()] if back else text
    parts = [part.strip(_DASHES) for part in _ARROW.split(said)]
    if not all(0 < len(part) <= MAX_STEP and not DRAWN.intersection(part) for part in parts):
        return ()
    return tuple(_step(part, offset, note) for part in parts)


def _step(text: str, line: int, note: str = "") -> Step:
    aside = _ROUND.search(text)
    name = _ROUND.sub(" ", text, count=1) if aside else text
    return Step(" ".join(name.split()) or text, line, aside[1].strip() if aside else "", note)


def read_trees(lines: Sequence[str]) -> list[Tree]:
    """The trees of a code block, from top to bottom. Linear in the text."""
    found: list[Tree] = []
    head = ("", 0)
    steps: list[Step] = []
    notes: list[str] = []
    for offset, line in enumerate([*lines, ""]):
        branch = _BRANCH.match(line[:MAX_LINE])
        if branch is None:
            if steps:
                found.append(Tree(head[0], head[1], tuple(steps), offset - 1, " ".join(notes)))
            head, steps, notes = (line[:MAX_LINE].strip(), offset), [], []
            continue
        name, note = _bracketed(branch[1])
        steps.append(_step(name, offset))
        notes += [note] if note else []
    return found


def _bracketed(text: str) -> tuple[str, str]:
    """The name on a branch, and what stands behind its bracket."""
    at = next((index for index, char in enumerate(text) if char in _BRACKETS), None)
    if at is None:
        return text.strip(), ""
    return text[:at].rstrip(_DASHES), text[at + 1 :].strip(_DASHES)
