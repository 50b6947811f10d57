"""Where the reader writes down what is wrong, while it goes on reading.

Rules: a fault is reported for a path; its line and the words for its key are found here, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from agentdeck.core.ids import MAX_ID_LENGTH
from agentdeck.plans.keys import SECTIONS, Shape
from agentdeck.plans.positions import Path, Positions
from agentdeck.plans.problems import MAX_PRINTED, Problem, nearest, shown

_LISTS: Final = {section.name for section in SECTIONS if section.shape is Shape.LIST}


class Findings:
    """The problems of one text."""

    def __init__(self, file: str, document: Mapping[str, Any], places: Positions) -> None:
        self._file = file
        self._document = document
        self._places = places
        self.problems: list[Problem] = []

    def add(self, path: Path, message: str, hint: str = "") -> None:
        """Write down that the value at `path` is wrong."""
        self.problems.append(Problem(self._file, self.line(path), self.words(path), message, hint))

    def line(self, path: Path) -> int:
        """The line where `path`, or the nearest key above it, stands."""
        return self._places.find(path).line

    def element(self, path: Path, item: str) -> Path:
        """The path of `item` in the list at `path`, or `path` itself where no list holds it."""
        value: Any = self._document
        for part in path:
            value = value[part]
        return (*path, value.index(item)) if isinstance(value, list) and item in value else path

    def suggestion(self, name: str, known: Sequence[str]) -> str | None:
        """The nearest known name. Not looked for once nobody would read it: it takes O(known)."""
        return nearest(name, known) if len(self.problems) < MAX_PRINTED else None

    def words(self, path: Path) -> str:
        """A path as a person says it: `gates.unit.run`, `task T3, after`."""
        if len(path) >= 2 and path[0] in _LISTS and isinstance(path[1], int):
            element = self._element(str(path[0]), path[1])
            rest = _dotted(path[2:])
            return f"{element}, {rest}" if rest else element
        return _dotted(path)

    def _element(self, section: str, index: int) -> str:
        elements = self._document[section]
        element = elements[index] if isinstance(elements, list) else None
        name = element.get("id") if isinstance(element, dict) else None
        if isinstance(name, str) and 0 < len(name) <= MAX_ID_LENGTH and name.isprintable():
            return f"{section} {name}"
        return f"{section} number {index + 1}"


def _dotted(path: Path) -> str:
    """Names joined by dots. Indices are left out: the line and the value found say which one."""
    return ".".join(
        part if part.isprintable() and len(part) <= MAX_ID_LENGTH else shown(part)
        for part in path
        if isinstance(part, str)
    )
