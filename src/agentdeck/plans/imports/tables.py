"""Tables of JSON, YAML and TOML documents: where each stands, and reading their fields.

Rules:
- A field is taken when it has the type that was asked for. What is not taken, unknown fields and
  known ones of a strange type alike, is kept: `Entry.rest` gives it as texts for `meta`.
- Nothing there (`null`, "", [], {}) reads as not said.
- A kept text has a bound; a longer one is cut, and that is remarked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, Final, NoReturn

from agentdeck.plans.fields import one_line
from agentdeck.plans.imports.draft import MAX_TASKS, Draft, DraftTask
from agentdeck.plans.problems import PlanProblems, Problem, shown

MAX_META: Final = 4_000  # characters of one kept field; agents and people read no more of it
MAX_NAME: Final = 100  # characters of the name of a kept field
MAX_DEPTH: Final = 100  # tables and lists inside each other; a plan needs about 6


class Table(dict[str, Any]):
    """A table of the document."""

    def __init__(self, pairs: Iterable[tuple[str, Any]] = (), *, line: int = 1) -> None:
        super().__init__(pairs)
        self.line = line  # where it begins, counted from 1


def refuse(file: str, line: int, message: str, hint: str = "") -> NoReturn:
    """The document cannot be imported.

    Raises:
        PlanProblems: always, with this one problem.
    """
    raise PlanProblems([Problem(file, line, "", message, hint)])


def tables_in(value: Any, *, file: str, line: int, what: str) -> list[Table]:
    """A list of tables, each of them needed.

    Args:
        value: what the document holds there.
        file: for messages.
        line: of the list, for a value that has no line.
        what: one of them, in words: `a task`.

    Raises:
        PlanProblems: it is no list, too long, or an element is no table: a plan with holes
            would be worse than none.
    """
    if not isinstance(value, list):
        refuse(file, line, f"expected a list, each element {what}, found {shown_value(value)}")
    if len(value) > MAX_TASKS:
        refuse(file, line, f"found {len(value)} elements, more than {MAX_TASKS}")
    problems = []
    last = line
    for number, item in enumerate(value, start=1):
        if isinstance(item, Table):
            last = item.line
        else:
            message = f"expected {what}, found {shown_value(item)} (element {number} of the list)"
            problems.append(Problem(file, last, "", message, "write it as a table, or remove it"))
    if problems:
        raise PlanProblems(problems)
    return value


def shown_value(value: Any) -> str:
    """`problems.shown`, for what TOML does not have, too."""
    return "nothing" if value is None else shown(value)


def add_task(draft: Draft, task: DraftTask, *, file: str) -> None:
    """Add a task that was read, and say so.

    Raises:
        PlanProblems: there are too many.
    """
    if len(draft.tasks) >= MAX_TASKS:
        refuse(file, task.line, f"there are more than {MAX_TASKS} tasks")
    draft.tasks.append(task)
    draft.read(task.line, "task", f"{task.id}: {task.title}")


def plain(value: Any) -> str | None:
    """A text, or a number as a text; None for anything else."""
    match value:
        case bool():
            return None
        case str():
            return value
        case int() | float():
            return str(value)
        case _:
            return None


class Entry:
    """Reads the fields of one table."""

    def __init__(self, table: Table, draft: Draft) -> None:
        self.line = table.line
        self._left: dict[str, Any] = dict(table)
        self._draft = draft

    def text(self, *names: str) -> str:
        """The first of the fields that holds a text or a number, without space around it; or ""."""
        found = plain(self._take(names, str, int, float))
        return found.strip() if found else ""

    def title(self, *names: str) -> str:
        """A text on one line."""
        return one_line(self.text(*names))

    def texts(self, *names: str) -> list[str]:
        """A list of texts or numbers; a single one stands for a list of one."""
        value = self._take(names, str, int, float, list)
        items = value if isinstance(value, list) else [value]
        found = [text.strip() for item in items if (text := plain(item))]
        if value is not None and len(found) < len(items):
            name = next((name for name in names if name), "")
            self._left[name] = value  # some of it is not text, so all of it is kept
        return [text for text in found if text]

    def lines(self, *names: str) -> list[str]:
        """The lines of a text, or a list of texts; marks of lists are taken off."""
        parts = [line for text in self.texts(*names) for line in text.split("\n")]
        return [part for line in parts if (part := line.strip().removeprefix("- ").strip())]

    def number(self, *names: str) -> float | None:
        """A finite number; digits in a text are one too."""
        value = self._take(names, int, float, str)
        if value is None:
            return None
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
        self._left[names[0]] = value
        return None

    def flag(self, *names: str) -> bool | None:
        """True or false."""
        found: bool | None = self._take(names, bool)
        return found

    def table(self, *names: str) -> Table | None:
        """A table below this one."""
        found: Table | None = self._take(names, Table)
        return found

    def value(self, *names: str) -> Any:
        """Whatever is there, or None."""
        return self._take(names, object)

    def put_back(self, name: str, value: Any) -> None:
        """This field was taken but not understood: it goes with the rest."""
        self._left[name] = value

    def rest(self) -> dict[str, str]:
        """What no call has taken, by name."""
        found = {}
        for name, value in self._left.items():
            if not _is_empty(value):
                found[meta_name(name)] = self._kept(name, value)
        self._left.clear()
        return found

    def _kept(self, name: str, value: Any) -> str:
        text = value if isinstance(value, str) else as_json(value)
        if len(text) > MAX_META:
            said = f"{shown(name)} is cut after {MAX_META} characters"
            self._draft.left(self.line, "field-cut", said)
            return text[: MAX_META - 1] + "…"
        return text

    def _take(self, names: Sequence[str], *types: type) -> Any:
        for name in names:
            if name not in self._left:
                continue
            value = self._left[name]
            if _is_empty(value):
                del self._left[name]
            elif isinstance(value, types) and (not isinstance(value, bool) or types[0] in _FLAGS):
                return self._left.pop(name)
        return None


_FLAGS: Final = (bool, object)


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)


def meta_name(name: str) -> str:
    """The name of a field as `meta` can hold it."""
    return one_line(name).replace("=", "-")[:MAX_NAME] or "field"


def as_json(value: Any) -> str:
    """A value of the document as JSON; dates and other strangers as text. Linear."""
    return json.dumps(value, ensure_ascii=False, default=str)
