"""What of a run can be found, as documents: tasks and briefs, the journal's words, diffs.

Rules: pure. Text is cleaned as the screen cleans it, so what is found is what is seen. One document
is one place to go to: a task, an event, a piece of a hunk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from agentdeck.control.sanitize import clean
from agentdeck.control.search.store import TEXT_CHARS, Doc
from agentdeck.core.events import AttemptProgressed, PlanChanged, Recorded, RunStarted
from agentdeck.core.plan import Task

HUNK_LINES: Final = 40  # of a diff that are one document
LINE_CHARS: Final = 1_000  # of one line of a diff; longer is no code that a person reads
# Fields of events that say something to a person.
_SAYS: Final = (
    "reason",
    "detail",
    "summary",
    "problem",
    "fault",
    "feedback",
    "text",
    "why",
    "tail",
)
_HUNK: Final = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)")
# These say nothing that is not in the plan or in a log.
_ELSEWHERE: Final = (AttemptProgressed, RunStarted, PlanChanged)


def plain_lines(text: str, *, chars: int = TEXT_CHARS) -> str:
    """Text of several lines, each of them harmless."""
    return "\n".join(_clean(line) for line in text[:chars].split("\n"))


def _clean(line: str) -> str:
    return clean(line.encode("utf-8", "replace"))


def task_doc(task: Task) -> Doc:
    """A task by its id, title, labels and files."""
    parts = (task.id, task.title, " ".join(task.labels), " ".join(task.files), task.phase or "")
    return Doc(plain_lines("  ".join(filter(None, parts)).replace("\n", " ")))


def brief_docs(task: Task) -> Iterator[Doc]:
    """What its agent is told, in pieces that a person can look at."""
    rest = task.prompt
    for number, at in enumerate(range(0, len(rest), TEXT_CHARS)):
        yield Doc(plain_lines(rest[at : at + TEXT_CHARS]), number)


def event_doc(recorded: Recorded) -> tuple[str, Doc] | None:
    """The task that an event is about, and what it says; None where it says nothing."""
    event = recorded.event
    if isinstance(event, _ELSEWHERE):
        return None
    said = [str(found) for name in _SAYS if (found := getattr(event, name, ""))]
    said += [f"{one.file}:{one.line} {one.text}" for one in getattr(event, "comments", ())]
    if not said:
        return None
    task = getattr(event, "task", None) or getattr(event, "entry", None) or ""
    tag = str(event.__struct_config__.tag).replace(".", " ").replace("_", " ")
    return str(task), Doc(plain_lines(f"{tag}: {' · '.join(said)}"), recorded.seq, at=recorded.at)


def diff_docs(lines: Iterable[str]) -> Iterator[Doc]:
    """A unified diff as pieces of hunks; each begins with its file's name in `file`."""
    file, at, first, number = "", 0, 0, 0
    piece: list[str] = []
    for line in lines:
        hunk = _HUNK.match(line)
        if piece and (
            hunk is not None or line.startswith("diff --git") or len(piece) >= HUNK_LINES
        ):
            yield _piece(file, first, number, piece)
            piece, number = [], number + 1
        if line.startswith("diff --git"):
            file, at = _new_name(line), 0
            yield Doc(_clean(file), number, file)  # a file is found by its name
            number += 1
        elif hunk is not None:
            at = int(hunk[1])
        elif at and line[:1] in ("+", "-"):
            if not piece:
                first = at
            piece.append(line[:LINE_CHARS])
            at += line[0] == "+"
        elif at and line[:1] == " ":
            if piece:  # what changed stands on lines one below the other: the places stay right
                yield _piece(file, first, number, piece)
                piece, number = [], number + 1
            at += 1
    if piece:
        yield _piece(file, first, number, piece)


def _piece(file: str, first: int, number: int, lines: Sequence[str]) -> Doc:
    return Doc("\n".join(_clean(line) for line in lines), number, file, first)


def _new_name(line: str) -> str:
    """The file of `diff --git a/x b/x`. Renames are not told apart, so both are the same."""
    rest = line.removeprefix("diff --git ")
    half = len(rest) // 2
    return rest[half + 1 :].removeprefix("b/") if rest[half : half + 1] == " " else rest


def spec_mark(task: Task) -> str:
    """Differs when what a task is asked for differs."""
    return str(hash_of(msgspec.json.encode(task)))


def hash_of(data: bytes) -> str:
    """A short name for some bytes."""
    from hashlib import sha256

    return sha256(data).hexdigest()[:16]
