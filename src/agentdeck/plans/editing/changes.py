"""A plan's text, its statements, and the changes to it that wait until they are all known.

Rules:
- Every change is a stretch of the old text and what stands there afterwards. They are collected and
  made at once by `commit`, so one edit of many tasks reads the text once.
- Line endings are those of the text.
- Tasks that are written as one array value (`task = [{...}]`) are first written out as `[[task]]`
  tables; that is the only place where comments are lost.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from agentdeck.core.errors import NotFoundError
from agentdeck.plans.editing.layout import Path, Statement, statements
from agentdeck.plans.editing.literals import key_text
from agentdeck.plans.keys import SECTIONS, Section
from agentdeck.plans.problems import shown
from agentdeck.plans.reader import MAX_CHARACTERS, read_plan
from agentdeck.plans.writer import pair_text

BOM: Final = "\ufeff"
BY_NAME: Final = {section.name: section for section in SECTIONS}


class Changes:
    """The text of one plan, and the changes that wait for `commit`."""

    def __init__(self, text: str, *, file: str) -> None:
        """Read the text.

        Raises:
            PlanProblems: it is not TOML.
        """
        self.file = file
        self._bom = BOM if text.startswith(BOM) else ""
        self._take(text.removeprefix(BOM))
        self._unfold()

    @property
    def text(self) -> str:
        """The text as it is now."""
        return self._bom + self._text

    def _take(self, text: str) -> None:
        try:
            if len(text) > MAX_CHARACTERS:
                raise ValueError
            self.document: dict[str, Any] = tomllib.loads(text)
        except (ValueError, RecursionError):  # the reader says where and why
            read_plan(text, file=self.file)
            raise
        self._text = text
        self._newline = "\r\n" if text[: text.find("\n") + 1].endswith("\r\n") else "\n"
        self._all = statements(text)
        self._at: dict[Path, Statement] = {}
        self._places: dict[Path, list[int]] = {}  # statements of each table
        for number, statement in enumerate(self._all):
            self._at.setdefault(statement.path, statement)
            self._places.setdefault(statement.table, []).append(number)
        self._changes: list[tuple[int, int, str]] = []

    # --- changes

    def replace(self, start: int, end: int, text: str) -> None:
        """Put `text` in place of a stretch; it happens with the next `commit`."""
        self._changes.append((start, end, text.replace("\n", self._newline)))

    def commit(self) -> None:
        """Make the changes that wait, and read the new text. O(text)."""
        parts = []
        at = 0
        # Insertions at one place keep the order in which they were asked for.
        for start, end, text in sorted(self._changes, key=lambda change: change[:2]):
            if start < at:
                raise AssertionError(f"two edits of the same text at {start}")
            parts += [self._text[at:start], text]
            at = end
        self._take("".join([*parts, self._text[at:]]))

    # --- looking

    def names(self, section: str) -> list[str]:
        """The ids of the elements of `[[section]]`, in the order of the text."""
        found = self.document.get(section, [])
        listed = found if isinstance(found, list) else []
        return [str(each.get("id", "")) if isinstance(each, dict) else "" for each in listed]

    def index(self, name: str, section: str = "task") -> int:
        """The number of an element. Raises NotFoundError, with the nearest id."""
        known = self.names(section)
        if name in known:
            return known.index(name)
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"`agentdeck show {self.file}` lists them"
        raise NotFoundError(f"{self.file} has no {section} {shown(name)}", hint=hint)

    def value(self, path: Path) -> Any:
        """The value at a path, or None."""
        found: Any = self.document
        for part in path:
            if isinstance(found, dict):
                found = found.get(part)
            elif isinstance(found, list) and isinstance(part, int) and part < len(found):
                found = found[part]
            else:
                return None
        return found

    def _line_end(self, at: int) -> int:
        end = self._text.find("\n", at)
        return len(self._text) if end < 0 else end + 1

    def _insert_at(self, at: int, text: str) -> None:
        """Insert whole lines; a last line without a break gets one."""
        whole = at == 0 or self._text[at - 1] == "\n"
        self.replace(at, at, text if whole else "\n" + text.removesuffix("\n"))

    def _unfold(self) -> None:
        """Write array values of tasks and phases out as tables, at the end of the text."""
        for name in ("phase", "task"):
            statement = self._at.get((name,))
            if statement is None or statement.brackets:
                continue
            raw = self.document[name]
            if not isinstance(raw, list) or not all(isinstance(each, dict) for each in raw):
                read_plan(self._text, file=self.file)  # says what is wrong with it
            blocks = [block_text(BY_NAME[name], each) for each in raw]
            text = self._text[: statement.line] + self._text[statement.end :]
            joined = "\n".join(["", *blocks]).replace("\n", self._newline)
            self._take(text.rstrip() + self._newline + joined)


def block_text(section: Section, raw: Mapping[str, Any]) -> str:
    """One element of `[[section]]` as lines, its keys in the order of the table of keys."""
    known = {key.name: number for number, key in enumerate(section.keys)}
    pairs = sorted(raw.items(), key=lambda pair: known.get(pair[0], len(known)))
    lines = [f"[[{section.name}]]\n"]
    lines += [pair_text(name, value) for name, value in pairs if not isinstance(value, dict)]
    for name, value in pairs:
        if isinstance(value, dict):
            inner = "".join(pair_text(each, text) for each, text in value.items())
            lines.append(f"\n[{section.name}.{key_text(name)}]\n{inner}")
    return "".join(lines)
