"""Dependency graphs in Kiro's documents: waves in JSON, or arrows.

Rules:
- Waves: `{"waves": [{"id": 0, "tasks": ["1.1"]}]}`; `wave` or `name` may stand for `id`, a plain
  list for the whole wave, and `depends_on` may name other waves.
- Arrows: `T1 --> T2 --> T3`, `Task 2 + Task 5 → Task 6`, also over several lines, when a line
  begins with an arrow. What stands in brackets is a title and not looked at.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, Final, NamedTuple

import msgspec

from agentdeck.plans.imports.draft import Draft
from agentdeck.plans.imports.json_places import read_json
from agentdeck.plans.imports.tables import Entry, Table, plain, refuse
from agentdeck.plans.imports.task_lines import Line, Sort, plain_words
from agentdeck.plans.problems import PlanProblems

MAX_EDGES: Final = 100_000  # drawn in one document
MAX_LINE: Final = 10_000  # characters of a drawn line that are looked at

_ARROW: Final = re.compile(r"[ \t]*(?:[-=─━]{1,10}[>▶►]|→|➔|⟶)(?:\|[^|\n]{0,100}\|)?[ \t]*")
_BRACKETS: Final = re.compile(
    r"\([^()\n]{0,300}\)|\[[^\[\]\n]{0,300}\]|\{[^{}\n]{0,300}\}|\"[^\"\n]{0,300}\""
)
_NUMBER: Final = re.compile(
    r"(?:^|[\s,+&;•*-])(?:Task[ \t]*|T|#)?([0-9]{1,5}(?:\.[0-9]{1,5}){0,5}[a-z]?)(?=$|[\s,+&;:.])",
    re.IGNORECASE,
)


class Wave(msgspec.Struct, frozen=True):
    """Tasks that can be worked on at the same time."""

    key: str
    title: str
    tasks: list[str]
    needs: list[str]  # keys of other waves
    line: int


class Arrows(NamedTuple):
    """What was drawn so far."""

    edges: list[tuple[int, str, str]]  # line, who is needed, who waits
    last: list[str]  # on the last line: what a line that begins with an arrow goes on from


def read_waves(text: str, file: str, place: Line, draft: Draft) -> list[Wave]:
    """The waves of a piece of JSON; none if it is something else, which is remarked."""
    try:
        document = read_json(text, file=file, first_line=place.number + 1).value
    except PlanProblems as error:
        draft.left(error.problems[0].line, "graph-not-read", error.problems[0].message)
        return []
    value = document.get("waves") if isinstance(document, Table) else None
    found: list[Wave] = []
    names: dict[str, str] = {}  # as written -> key
    for number, item in enumerate(value if isinstance(value, list) else []):
        wave = _wave(item, number, document.line, draft)
        found.append(wave)
        names.setdefault(wave.title, wave.key)
        names[_written(item, number)] = wave.key
    return [
        msgspec.structs.replace(wave, needs=[names.get(name, name) for name in wave.needs])
        for wave in found
    ]


def _wave(item: Any, number: int, line: int, draft: Draft) -> Wave:
    entry = Entry(item if isinstance(item, Table) else Table(line=line), draft)
    tasks = entry.texts("tasks")
    if isinstance(item, list):
        tasks = [text for each in item if (text := plain(each))]
    needs = entry.texts("depends_on", "dependsOn")
    written = entry.text("id", "wave") or str(number)
    title = plain_words(entry.text("name", "title", "description")) or f"Wave {written}"
    for name, value in entry.rest().items():
        draft.left(entry.line, "wave-field", f"{title}: {name}: {value[:200]}")
    return Wave(f"wave-{number}", title, tasks, needs, entry.line)


def _written(item: Any, number: int) -> str:
    if not isinstance(item, Table):
        return str(number)
    return plain(item.get("id")) or plain(item.get("wave")) or str(number)


def read_arrows(drawing: Line, last: list[str], file: str) -> Arrows:
    """The arrows of a drawing.

    Args:
        drawing: one line, or a fence with all of its lines.
        last: what the line before them named.
        file: for messages.

    Raises:
        PlanProblems: there are too many.
    """
    first_line = drawing.number + (drawing.sort is Sort.FENCE)
    edges: list[tuple[int, str, str]] = []
    for number, line in enumerate(drawing.text.split("\n"), start=first_line):
        parts = [_numbers(part) for part in _ARROW.split(_BRACKETS.sub(" ", line[:MAX_LINE]))]
        if len(parts) == 1 and not parts[0]:
            last = last if line.strip() else []
            continue
        if not parts[0] and len(parts) > 1:
            parts[0] = last
        for left, right in pairwise(parts):
            for needed in left:
                edges += [(number, needed, waiting) for waiting in right]
                if len(edges) > MAX_EDGES:
                    refuse(file, number, f"this draws more than {MAX_EDGES} arrows")
        last = parts[-1] if len(parts) == 1 else parts[-1] or last
    return Arrows(edges, last)


def _numbers(text: str) -> list[str]:
    return list(dict.fromkeys(match[1] for match in _NUMBER.finditer(text)))
