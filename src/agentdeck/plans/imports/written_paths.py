"""Paths as documents write them, made into a footprint.

Rules: a path is below the repository. One that is not (`/etc/hosts`, `../other`, a URL) is no part
of a footprint, and that is remarked. Places in a file (`a.py:12-30`) mean the file.
In running text a path is what has a folder and a suffix, what ends in `/`, or what has a suffix and
stands in backticks or behind `in`, `to`, `at`, `from`, `file`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from agentdeck.plans.fields import one_line
from agentdeck.plans.imports.draft import Draft, DraftTask
from agentdeck.plans.problems import shown

MAX_PATHS: Final = 50  # taken from one running text; more is a listing of something else
MAX_TEXT: Final = 20_000  # characters of a running text that are searched

_PLACE: Final = re.compile(r"(?::[0-9]+(?:-[0-9]+)?|#L[0-9]+(?:-L?[0-9]+)?)\Z")
_OUTSIDE: Final = re.compile(r"[/\\~]|[A-Za-z]:[\\/]|[a-z][a-z0-9+.-]*://")
_WORD: Final = re.compile(r"(?<![^\s(\[,;:])(`[^`\s]{1,300}`|[\w.@*{}/\\<>-]{2,300})(?![\w/])")
_SUFFIX: Final = re.compile(r"[\w*}\])-]\.[A-Za-z][A-Za-z0-9]{0,9}\Z|(?:^|/)\.[a-z][\w.-]{2,30}\Z")
_PLAIN: Final = re.compile(r"[\w.@*{}/-]+\Z")
_BEFORE: Final = re.compile(
    r"\b(?:in|to|at|into|from|files?|update|create|edit|modify)\s\Z", re.IGNORECASE
)


def inside(path: str) -> str | None:
    """The path as a footprint holds it, or None when it is not below the repository."""
    text = one_line(path).strip("`'\" ").removeprefix("./")
    text = _PLACE.sub("", text).rstrip(",;")
    if not text or _OUTSIDE.match(text) or ".." in re.split(r"[/\\]", text):
        return None
    return text


def add_files(task: DraftTask, paths: Iterable[str], draft: Draft, line: int) -> None:
    """Add paths to a footprint, each once; what is no path of the repository is remarked."""
    known = set(task.files)
    for path in paths:
        found = inside(path)
        if found is None:
            draft.left(line, "path-outside", f"{shown(path)} is no path below the repository")
        elif found not in known:
            known.add(found)
            task.files.append(found)


def paths_in(text: str) -> list[str]:
    """The paths that a running text names, each once, in order. Linear."""
    found: dict[str, None] = {}
    text = text[:MAX_TEXT]
    for match in _WORD.finditer(text):
        word = match[1].rstrip(".") if not match[1].startswith("`") else match[1].strip("`")
        quoted = match[1].startswith("`")
        before = _BEFORE.search(text, max(0, match.start() - 8), match.start()) is not None
        if _is_path(word, named=quoted or before) and inside(word):
            found[word] = None
            if len(found) == MAX_PATHS:
                break
    return list(found)


def _is_path(word: str, *, named: bool) -> bool:
    if not _PLAIN.match(word) or word.startswith(("/", "-", "@")) or "//" in word:
        return False
    if word.endswith("/"):
        return bool(word.strip("/."))
    return _SUFFIX.search(word) is not None and ("/" in word or named)
