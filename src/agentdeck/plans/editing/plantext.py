"""A plan's text that is edited in place: only what must change changes.

Rules:
- A comment behind a value stays behind it. Nothing is sorted, wrapped or aligned.
- A new key comes behind those that stand before it in the table of keys.
- A list that is written on lines of its own is edited line by line, another one as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentdeck.core.errors import UsageError
from agentdeck.plans.editing.changes import BOM, BY_NAME, block_text
from agentdeck.plans.editing.layout import Path, Statement, elements
from agentdeck.plans.editing.literals import inline, key_text, literal
from agentdeck.plans.editing.tables import Tables


class PlanText(Tables):
    """The text of one plan: its values, its lists and its tables."""

    # --- values

    def set(self, path: Path, value: Any) -> None:
        """Give a key another value; None takes the key out. Asked for once a path and commit.

        Raises:
            UsageError: it stands in a value that cannot be edited piece by piece.
        """
        statement = self._at.get(path)
        if statement is not None and not statement.brackets:
            if value is None:
                self.replace(statement.line, statement.end, "")
            else:
                self.replace(statement.value, statement.value_end, literal(path[-1], value))
        elif statement is not None or self._within(path) is not None:
            self._set_inside(path, value)
        elif value is not None:
            self._insert(path, value)

    def _within(self, path: Path) -> Statement | None:
        """The pair whose value holds `path`."""
        for length in range(len(path) - 1, 0, -1):
            statement = self._at.get(path[:length])
            if statement is not None:
                return None if statement.brackets else statement
        return None

    def _set_inside(self, path: Path, value: Any) -> None:
        outer = self._within(path)
        if outer is None or not isinstance(self.value(outer.path), dict):
            name = ".".join(str(part) for part in path if isinstance(part, str))
            message = f"{self.file}: {name} stands in a value that cannot be edited from here"
            raise UsageError(message, hint="open the file")
        whole = self.value(outer.path)
        inner = whole
        for part in path[len(outer.path) : -1]:
            inner = inner.setdefault(part, {})
        inner.pop(path[-1], None)
        if value is not None:
            inner[path[-1]] = value
        if whole:
            self.replace(outer.value, outer.value_end, inline(whole))
        else:
            self.replace(outer.line, outer.end, "")

    def _insert(self, path: Path, value: Any) -> None:
        """A new key, behind those that come before it in the table of keys."""
        section, table = str(path[0]), self._table_of(path)
        if table is None:
            self._open_table(path, value)
            return
        head, pairs = table
        known = [key.name for key in BY_NAME[section].keys] if section in BY_NAME else []
        relative = path[len(head.table) :]
        name = str(relative[0])
        before = known[: known.index(name)] if name in known else known
        behind = head
        for pair in pairs:
            first = str(pair.path[len(head.table)])
            if first in before or (pair is pairs[-1] and name not in known):
                behind = pair
        indent = self._indent(pairs[0]) if pairs else ""
        dotted = ".".join(key_text(str(part)) for part in relative)
        self._insert_at(behind.end, f"{indent}{dotted} = {literal(name, value)}\n")

    def _table_of(self, path: Path) -> tuple[Statement, list[Statement]] | None:
        """The header that a new key stands below, and the pairs there."""
        for length in range(len(path) - 1, 0, -1):
            head = self._at.get(path[:length])
            if head is not None and head.brackets:
                places = self._places[head.table]
                return head, [self._all[n] for n in places if not self._all[n].brackets]
        return None

    def _open_table(self, path: Path, value: Any) -> None:
        """The first key of a table that is not there yet."""
        section = str(path[0])
        dotted = [s for s in self._all if not s.table and s.path[0] == section]
        if dotted:  # `plan.name = "x"` at the top: a header may not open the same table again
            name = ".".join(key_text(str(part)) for part in path)
            self._insert_at(dotted[-1].end, f"{name} = {literal(path[-1], value)}\n")
            return
        header = f"[{'.'.join(key_text(str(part)) for part in path[:-1])}]"
        pair = f"{key_text(str(path[-1]))} = {literal(path[-1], value)}\n"
        self.add_block(section, f"{header}\n{pair}")

    def _indent(self, statement: Statement) -> str:
        line = self._text[statement.line : statement.value]
        return line[: len(line) - len(line.lstrip(" \t"))]

    # --- lists of names

    def add_to_list(self, path: Path, items: Sequence[str]) -> None:
        """Put names at the end of a list that may also be one name, or not be there."""
        now = self.value(path)
        statement = self._at.get(path)
        if not now or isinstance(now, str) or statement is None or statement.brackets:
            self.set(path, [*([now] if isinstance(now, str) else now or []), *items])
            return
        spans = elements(self._text, statement.value)
        own_lines = self._stands_alone(*spans[-1])
        start, end = spans[-1]
        if not own_lines:
            self.replace(end, end, "".join(f", {literal('', item)}" for item in items))
            return
        indent = self._text[self._text.rfind("\n", 0, start) + 1 : start]
        comma = self._text[end : self._line_end(end)].lstrip(" \t").startswith(",")
        if not comma:
            self.replace(end, end, ",")
        lines = [f"{indent}{literal('', item)}," for item in items]
        at = self._line_end(end)
        self.replace(at, at, "".join(f"{line}\n" for line in lines))

    def take_from_list(self, path: Path, items: Sequence[str]) -> None:
        """Take names out of a list; an empty one goes."""
        self.swap_in_list(path, dict.fromkeys(items, ()))

    def swap_in_list(self, path: Path, swaps: Mapping[str, Sequence[str]]) -> None:
        """Put other names, or none, in the place of each of these. A name is listed once."""
        now = self.value(path)
        old = [now] if isinstance(now, str) else list(now or [])
        if not any(item in swaps for item in old):
            return
        wanted: list[str] = []
        for item in old:
            wanted += [new for new in swaps.get(item, (item,)) if new not in wanted]
        statement = self._at.get(path)
        if not wanted or isinstance(now, str) or statement is None or statement.brackets:
            one = isinstance(now, str) and len(wanted) == 1
            self.set(path, (wanted[0] if one else wanted) if wanted else None)
            return
        spans = elements(self._text, statement.value)
        touched = [number for number, item in enumerate(old) if item in swaps]
        if not all(self._stands_alone(*spans[number]) for number in touched):
            self.set(path, wanted)
            return
        listed = set(old) - swaps.keys()
        for number in touched:
            start, end = spans[number]
            fresh = [new for new in swaps[old[number]] if new not in listed]
            listed.update(fresh)
            if fresh:
                self.replace(start, end, ", ".join(literal("", item) for item in fresh))
            else:
                self.replace(self._text.rfind("\n", 0, start) + 1, self._line_end(end), "")

    def _stands_alone(self, start: int, end: int) -> bool:
        """Is an element the only one on its lines?"""
        before = self._text[self._text.rfind("\n", 0, start) + 1 : start]
        rest = self._text[end : self._line_end(end)].strip().removeprefix(",").strip()
        return not before.strip() and (not rest or rest.startswith("#"))


__all__ = ["BOM", "PlanText", "block_text"]
