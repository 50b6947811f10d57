"""Rules about footprints: what means no file, what means too many, and what nobody keeps apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from agentdeck.plans.analysis.conflicts import conflicts_of
from agentdeck.plans.lint.finding import Hit
from agentdeck.plans.lint.subject import Subject
from agentdeck.plans.positions import Path
from agentdeck.plans.problems import shown

WIDE_SHARE: Final = 0.5  # of the repository's files
SMALL: Final = 20  # files; in a smaller repository half of it is soon reached
LISTED: Final = 200  # conflicts that are looked at one by one; the others are counted
SUGGESTED: Final = 50  # footprints for which a near name is looked for
_EVERYTHING: Final = re.compile(r"(\./)*(\*\*/)*(\*\*|\./?|/)|(\./)*(\*\*/)+\*")
_WILD: Final = re.compile(r"[*?\[]")


def matches_nothing(subject: Subject) -> Iterator[Hit]:
    """A footprint that means no file, in a folder that is not there either.

    New files in a folder that exists, and new folders in one, are what tasks are for.
    """
    tree = subject.tree
    if tree is None:
        return
    top = {path.split("/", 1)[0] for path in tree.paths}
    lost: dict[str, list[tuple[Path, str]]] = {}  # by the folder that is not there
    count = 0
    for at, task in subject.active:
        for number, pattern in enumerate(task.files if task.repo is None else ()):
            count += 1
            first, _, rest = pattern.removeprefix("./").partition("/")
            if rest and first not in top and not _WILD.search(first):
                lost.setdefault(first, []).append((("task", at, "files", number), pattern))
    if count > 1 and sum(map(len, lost.values())) == count:
        yield Hit(
            next(iter(lost.values()))[0][0],
            f"none of the {count} footprints is in a folder of this repository",
            "is it the right one? --repo DIR names another",
            also="counted",
        )
        return
    for number, (first, places) in enumerate(lost.items()):
        near = get_close_matches(first, sorted(top), n=1) if number < SUGGESTED else []
        (path, pattern), *more = places
        others = f"; so it is with {len(more)} more ({subject.lines(p for p, _ in more)})"
        yield Hit(
            path,
            f"{shown(pattern)} matches nothing, and there is no folder {shown(first)}"
            f"{others if more else ''}",
            f"did you mean {shown(near[0])}?" if near else "a new folder is fine, a slip is not",
        )


def too_wide(subject: Subject) -> Iterator[Hit]:
    """A footprint of everything: no other task can work beside this one."""
    tree = subject.tree
    files = len(tree.paths) if tree is not None else 0
    for at, task in subject.active:
        for number, pattern in enumerate(task.files):
            path = ("task", at, "files", number)
            if _EVERYTHING.fullmatch(pattern):
                yield Hit(path, f"{shown(pattern)} is every file; nothing works beside it", _NARROW)
            elif pattern == "*":
                yield Hit(path, f"{shown(pattern)} is every file of the top folder", _NARROW)
            elif tree is not None and task.repo is None and files >= SMALL and _is_many(pattern):
                meant = len(tree.matching(pattern))
                if meant > files * WIDE_SHARE:
                    yield Hit(path, f"{shown(pattern)} is {meant} of {files} files", _NARROW)


def _is_many(pattern: str) -> bool:
    """Can the pattern mean more than one file?"""
    return pattern.endswith("/") or _WILD.search(pattern) is not None


_NARROW: Final = "name the folders and files it really touches"


def missing(subject: Subject) -> Iterator[Hit]:
    """Some tasks say what they touch, and others do not: nobody keeps those apart. Told once."""
    without = [("task", at) for at, task in subject.active if not task.files and not task.human]
    if not without or not any(task.files for _, task in subject.active):
        return
    has = "one task says" if len(without) == 1 else f"{len(without)} tasks say"
    where = subject.lines(without)
    yield Hit(
        without[0],
        f"{has} nothing of the files it touches, while others do{f' ({where})' if where else ''}"
        if len(without) == 1
        else f"{has} nothing of the files they touch, while others do"
        f"{f' ({where})' if where else ''}",
        "add `files`: what is not said cannot be kept apart",
        also="counted",
    )


def conflict(subject: Subject) -> Iterator[Hit]:
    """Two tasks that touch the same files, and nothing says which comes first."""
    found = conflicts_of(subject.plan, subject.network, subject.gated, limit=LISTED)
    for each in found.open:
        yield Hit(
            ("task", subject.place[each.b], "files"),
            f"meets {each.a} in {shown(each.files[0])}, and nothing orders them:"
            " they work one after the other",
            f"`agentdeck plan link PLAN {each.b} {each.a}` says which comes first",
        )
    if not found.complete:
        yield Hit(
            (), f"{found.total - LISTED} more pairs of tasks touch the same files", also="counted"
        )
