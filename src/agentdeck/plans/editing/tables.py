"""Whole tables of a plan's text: where they begin and end, put in, moved, taken out.

Rules: a comment directly above a header belongs to what the header opens, and moves and goes with
it; so does one directly below it, unless the next header stands below that.
"""

from __future__ import annotations

from typing import Final

from agentdeck.plans.editing.changes import BY_NAME, Changes, block_text
from agentdeck.plans.keys import SECTIONS

_ORDER: Final = {section.name: number for number, section in enumerate(SECTIONS)}


class Tables(Changes):
    """A text whose tables can be put in and taken out."""

    def region(self, section: str, number: int) -> tuple[int, int] | None:
        """The stretch of an element, with the comment above it; None when it stands in pieces."""
        head = self._at.get((section, number))
        if head is None or not head.brackets:
            return None
        first = self._places[head.table][0]
        last = first
        while last + 1 < len(self._all) and self._all[last + 1].path[:2] == (section, number):
            last += 1
        if any(s.path[:2] == (section, number) for s in self._all[last + 1 :]):
            return None
        following = self._all[last + 1].line if last + 1 < len(self._all) else len(self._text)
        floor = self._all[first - 1].end if first else 0
        end = self._all[last].end
        limit = self._above(end, following) if last + 1 < len(self._all) else following
        return self._above(floor, head.line), self._below(end, limit)

    def _above(self, floor: int, line: int) -> int:
        """Where the comment lines directly above a line begin."""
        while line > floor:
            start = self._text.rfind("\n", 0, line - 1) + 1
            if start < floor or not self._text[start:line].lstrip().startswith("#"):
                break
            line = start
        return line

    def _below(self, end: int, limit: int) -> int:
        """Where the comment lines directly below a statement end."""
        while end < limit:
            following = self._line_end(end)
            if following > limit or not self._text[end:following].lstrip().startswith("#"):
                break
            end = following
        return end

    def add_block(self, section: str, block: str, *, behind: int | None = None) -> None:
        """Insert a table as lines of text, with a blank line around it.

        Args:
            behind: the element of `[[section]]` to stand behind; None = where the section ends.
        """
        if behind is None:
            at = self._end_of(section)
        else:
            region = self.region(section, behind)
            at = region[1] if region is not None else self._end_of(section)
        if not self._text[:at].strip():
            self.replace(at, at, block)
            return
        whole = self._text[:at].endswith("\n")
        more = bool(self._text[at:].strip()) and not self._blank_follows(at)
        self.replace(at, at, ("" if whole else "\n") + "\n" + block + ("\n" if more else ""))

    def add_block_before(self, section: str, block: str, number: int) -> None:
        """Insert a table above another one and its comment."""
        region = self.region(section, number)
        if region is None:
            self.add_block(section, block)
        else:
            self.replace(region[0], region[0], block + "\n")

    def _blank_follows(self, at: int) -> bool:
        return not self._text[at : self._line_end(at)].strip()

    def _end_of(self, section: str) -> int:
        """Behind the last table of a section, or of the nearest section that stands before it."""
        best = -1
        at = 0
        for statement in self._all:
            rank = _ORDER.get(str(statement.path[0]), -1)
            if rank <= _ORDER.get(section, len(_ORDER)) and rank >= best:
                best, at = rank, statement.end
        inside = [s for s in self._all if s.line >= at]
        limit = self._above(at, inside[0].line) if inside else len(self._text)
        return self._below(at, limit)

    def cut(self, section: str, number: int) -> str:
        """Take an element out, with its comment; its lines."""
        region = self.region(section, number)
        if region is None:
            raw = self.document[section][number]
            self._cut_pieces(section, number)
            return block_text(BY_NAME[section], raw)
        start, end = region
        lines = self._text[start:end]
        following = end
        while following < len(self._text) and self._blank_follows(following):
            following = self._line_end(following)
        if following == len(self._text):  # it was the last: the blank lines above it go instead
            while start and not self._text[self._line_before(start) : start].strip():
                start = self._line_before(start)
        self.replace(start, following, "")
        return lines.replace("\r\n", "\n").rstrip("\n") + "\n"

    def _line_before(self, start: int) -> int:
        return self._text.rfind("\n", 0, start - 1) + 1

    def _cut_pieces(self, section: str, number: int) -> None:
        for statement in self._all:
            if statement.path[:2] == (section, number):
                self.replace(statement.line, statement.end, "")
