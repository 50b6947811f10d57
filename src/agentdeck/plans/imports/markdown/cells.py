"""What one column of a drawn box says: a stream of work with its agent, task, pool, files, steps.

Rules:
- The head names the stream: `Stream A`, `Track 2: API`, `Agent 1 - CLI`. What stands in
  parentheses there is its pool, or a remark.
- `Key: value` sets a field. A key without a value takes what follows, up to the next rule, empty
  line or key. A line without a bullet goes on with the value or the bullet above it.
- Keys that have no field are kept as they are written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from agentdeck.plans.imports.markdown.grids import Column, Text, is_rule

MAX_VALUE: Final = 2000  # characters of a value that goes over several lines

_HEAD: Final = re.compile(
    r"(?:parallel\s+)?(stream|track|lane|team|worker|thread|agent|terminal)\s+"
    r"([A-Z]|\d{1,3})\b\s*[:–—-]?\s*(.*)",
    re.IGNORECASE,
)
# a key is short: a longer one is a sentence with a colon
_KEY: Final = re.compile(r"\**([A-Za-z][A-Za-z0-9 /&._-]{0,31}?)\s*\**:\**(?:\s+(.*)|\s*)")
_BULLET: Final = re.compile(r"(?:[•·●○◦▪▫■□▸►‣✓✔*–-]|\[[ xX]?\]|\d{1,3}[.)])\s+(.*)")
_ROUND: Final = re.compile(r"\(([^()]{1,200})\)")

_FIELDS: Final = {
    "agent": ("agent", "agents", "assigned", "assigned to", "assignee", "owner", "who"),
    "task": ("task", "title", "work", "goal", "feature"),
    "pool": ("pool", "worker pool", "queue"),
    "files": ("files", "file", "scope", "touches", "paths", "package", "packages", "output files"),
    "technology": ("technology", "tech", "tech stack", "stack", "language"),
    "after": (
        *("depends on", "depends", "deps", "dependencies", "dependency", "blocked by"),
        *("needs", "requires", "after", "waits for", "prerequisites"),
    ),
    "time": ("time", "duration", "estimate", "est", "est.", "effort", "hours"),
    "tokens": ("tokens", "est. tokens", "token budget"),
    "model": ("model", "llm"),
    "skills": ("skills", "skill", "expertise"),
    "id": ("id", "task id"),
    "priority": ("priority",),
    "risk": ("risk",),
    "complexity": ("complexity",),
}
_FIELD_OF: Final = {word: field for field, words in _FIELDS.items() for word in words}


class Stream(msgspec.Struct):
    """A column, read. Lines are offsets in the code block."""

    line: int
    last: int
    sort: str = ""  # `Stream`, `Track`, …, as written
    label: str = ""  # `A`, `2`
    said: dict[str, str] = {}  # by field; see `_FIELDS`
    files: list[str] = []
    bullets: list[str] = []
    asides: list[str] = []  # in parentheses behind the head
    loose: list[Text] = []  # lines that are none of these
    meta: dict[str, str] = {}  # other keys, as written

    @property
    def is_work(self) -> bool:
        """Does this say that somebody does something? Boxes of an architecture do not."""
        return bool(self.label or "task" in self.said or "agent" in self.said)

    @property
    def title(self) -> str:
        """Its task, else its first step, else its own name."""
        first = self.bullets[0] if self.bullets else ""
        return self.said.get("task") or first or f"{self.sort} {self.label}".strip()


class _Reading(msgspec.Struct):
    """Where the next line belongs."""

    stream: Stream
    started: bool = False  # the first line was seen
    key: str = ""  # the field or the other key that takes what follows
    waiting: bool = False  # the key had no value on its line: bullets are its value too
    bullet: bool = False  # the last line was a step, which a line without a bullet goes on with

    def close(self) -> None:
        """What follows belongs to nothing above it."""
        self.key, self.waiting, self.bullet = "", False, False


def read_column(column: Column) -> Stream:
    """What a column says. Linear in its text."""
    texts = [text for part in column.parts for text in (*part, (part[-1][0], ""))]
    written = [line for line, text in texts if text and not is_rule(text)] or [texts[0][0]]
    reading = _Reading(Stream(written[0], written[-1]))
    for line, text in texts:
        if is_rule(text):
            reading.close()
        elif not text:
            if reading.bullet or not reading.waiting:
                reading.close()
        elif reading.started or not _take_head(reading, text):
            _take(reading, line, text)
        reading.started = reading.started or bool(text)
    return reading.stream


def _take_head(reading: _Reading, text: str) -> bool:
    """The first line, when it names a stream."""
    bare = text.strip("*_ ")
    asides = _ROUND.findall(bare)
    match = _HEAD.fullmatch(" ".join(_ROUND.sub(" ", bare).split()))
    if match is None:
        return False
    stream = reading.stream
    stream.sort, stream.label = match[1].capitalize(), match[2].upper()
    if match[3]:
        stream.said["task"] = match[3].strip()
    for aside in asides:
        _take_aside(stream, aside)
    return True


def _take_aside(stream: Stream, aside: str) -> None:
    key, _, value = aside.partition(":")
    field = _FIELD_OF.get(key.strip().lower())
    if field is not None and value.strip():
        stream.said.setdefault(field, value.strip())
    else:
        stream.asides.append(aside.strip())


def _take(reading: _Reading, line: int, text: str) -> None:
    bullet = _BULLET.match(text)
    key = _KEY.fullmatch(text) if bullet is None else None
    if bullet is not None:
        _take_bullet(reading, bullet[1].strip())
    elif text.startswith("(") and text.endswith(")") and not reading.key:
        _take_aside(reading.stream, text[1:-1])
    elif key is not None:
        _take_key(reading, key[1].strip("*_ "), (key[2] or "").strip("* "))
    else:
        _go_on(reading, line, text)


def _take_bullet(reading: _Reading, text: str) -> None:
    if reading.key and reading.waiting:
        _add(reading.stream, reading.key, text, ", ")
    else:
        reading.key = ""
        reading.stream.bullets.append(text)
    reading.bullet = True


def _take_key(reading: _Reading, key: str, value: str) -> None:
    reading.key = _FIELD_OF.get(key.lower(), key)
    reading.waiting = not value
    reading.bullet = False
    if value:
        _add(reading.stream, reading.key, value, ", ")
    elif reading.key == key:
        reading.stream.meta.setdefault(key, "")


def _go_on(reading: _Reading, line: int, text: str) -> None:
    """A line without bullet and key."""
    stream = reading.stream
    if reading.key:
        _add(stream, reading.key, text, " ")
    elif reading.bullet and len(stream.bullets[-1]) < MAX_VALUE:
        stream.bullets[-1] = f"{stream.bullets[-1]} {text}"
    else:
        stream.loose.append((line, text))


def _add(stream: Stream, key: str, text: str, between: str) -> None:
    """Add to a field or another key. What is longer than `MAX_VALUE` takes no more."""
    if key == "files":
        stream.files += [part.strip() for part in text.split(",") if part.strip()]
        return
    into = stream.said if key in _FIELDS else stream.meta
    held = into.get(key, "")
    if len(held) < MAX_VALUE:
        into[key] = f"{held}{between}{text}" if held else text


def read_columns(columns: Sequence[Column]) -> list[Stream]:
    """What the columns of a box say, from left to right; empty columns are left out."""
    full = [column for column in columns if any(text for part in column.parts for _, text in part)]
    return [read_column(column) for column in full]
