"""JSON text to values whose tables know their line, however hostile the text is.

The decoder of the standard library gives values without places. It finishes its tables in the
order of their closing braces, so one pass over the text that notes, at each closing brace, where
the table began, gives the lines in the order in which the decoder asks for them. Linear.

Rules: a byte order mark is no fault. `NaN`, nesting deeper than `MAX_DEPTH` and numbers of more
than `MAX_DIGITS` digits are faults. Of a name that stands twice in one table the last one holds,
as everywhere with JSON, and it is reported. Characters that no file can hold (half a surrogate
pair, NUL) become U+FFFD.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple, NoReturn

from agentdeck.plans.imports.draft import Draft
from agentdeck.plans.imports.tables import MAX_DEPTH, Table, refuse
from agentdeck.plans.problems import shown

MAX_DIGITS: Final = 300  # of a number; larger ones are no counts, and slow to work with

# A string to its end, or to the end of the text; possessive, so that nothing is tried twice.
_MARK: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}\n]', re.DOTALL)
_STRANGE: Final = re.compile("[\x00\ud800-\udfff]")
_MAY_BE_STRANGE: Final = re.compile(r"[\x00\ud800-\udfff]|\\u(?:[dD][89a-fA-F]|0000)")


class Document(NamedTuple):
    """A text that was read."""

    value: Any
    doubled: list[tuple[int, str]]  # lines of tables, and the names that stand twice in them


class _Bad(Exception):
    """A value that JSON allows, or Python's reader, and a plan does not."""


def read_json(text: str, *, file: str, first_line: int = 1) -> Document:
    """Read JSON; every table of the result is a `Table`.

    Args:
        text: the document.
        file: for messages.
        first_line: the line of the file on which the text begins.

    Raises:
        PlanProblems: this is no JSON, or one of the limits above is exceeded.
    """
    text = text.removeprefix("\ufeff")
    lines = _table_lines(text, file, first_line)
    doubled: list[tuple[int, str]] = []
    mend = _MAY_BE_STRANGE.search(text) is not None

    def table(pairs: list[tuple[str, Any]]) -> Table:
        found = Table(pairs, line=next(lines, first_line))
        if len(found) < len(pairs):
            doubled.append((found.line, _first_double(pairs)))
        return found

    try:
        value = json.loads(
            text,
            object_pairs_hook=table,
            parse_constant=_no_constant,
            parse_int=_whole,
            parse_float=_decimal,
        )
    except json.JSONDecodeError as error:
        hint = "mend the file, or name its format with --format"
        refuse(file, first_line + error.lineno - 1, f"this is no JSON: {error.msg}", hint)
    except (_Bad, RecursionError) as error:
        refuse(file, first_line, f"this JSON cannot be read: {error}")
    return Document(_mended(value) if mend else value, doubled)


def remark_doubled(document: Document, draft: Draft) -> None:
    """Say which names stand twice in a table."""
    for line, name in document.doubled:
        draft.left(line, "name-twice", f"{shown(name)} stands here twice; the last one holds")


def _table_lines(text: str, file: str, first_line: int) -> Any:
    """The line where each table begins, in the order of the closing braces."""
    found = []
    opened: list[int] = []
    line = first_line
    for mark in _MARK.finditer(text):
        match mark[0][0]:
            case "\n":
                line += 1
            case "{" | "[":
                opened.append(line)
                if len(opened) > MAX_DEPTH:
                    refuse(file, line, f"this is nested more than {MAX_DEPTH} deep")
            case "}" if opened:
                found.append(opened.pop())
            case "]" if opened:
                opened.pop()
            case '"':
                line += mark[0].count("\n")
    return iter(found)


def _first_double(pairs: list[tuple[str, Any]]) -> str:
    seen = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return ""


def _no_constant(name: str) -> NoReturn:
    raise _Bad(f"{name} is no number")


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _Bad(f"a number of {len(digits)} digits is too long")
    return int(digits)


def _decimal(digits: str) -> float:
    if len(digits) > MAX_DIGITS:
        raise _Bad(f"a number of {len(digits)} digits is too long")
    return float(digits)


def _mended(value: Any) -> Any:
    """The same value without strange characters. The depth has been checked."""
    match value:
        case str():
            return _STRANGE.sub("\ufffd", value)
        case Table():
            pairs = ((_mended(name), _mended(item)) for name, item in value.items())
            return Table(pairs, line=value.line)
        case list():
            return [_mended(item) for item in value]
        case _:
            return value
