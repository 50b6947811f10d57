"""`key=value` from a command line: which key of the plan it means, and the value as TOML has it.

Rules: `KEY=VALUE` sets, `KEY=` takes out, `KEY+=NAME` and `KEY-=NAME` change a list. A key without
a dot is one of the task that was named; `plan.agents`, `gates.unit.run` and `phase.p1.title` are
keys of other tables. Values are read by the kind of their key; whether they are right is for the
reader of the whole plan to say.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from agentdeck.core.errors import UsageError
from agentdeck.plans.keys import SECTIONS, Key, Kind, Section, Shape
from agentdeck.plans.problems import listed, nearest, shown

_ASSIGNMENT: Final = re.compile(r"([A-Za-z0-9_.-]*[A-Za-z0-9_])(\+=|-=|=)(.*)", re.DOTALL)
_SECTIONS: Final = {section.name: section for section in SECTIONS}
_TASK: Final = _SECTIONS["task"]
_FLAGS: Final = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Assignment:
    """One wish: which key, how, and to what."""

    section: str
    name: str  # of the element; "" where a section has none, and for the task that was named
    key: tuple[str, ...]  # `("title",)`, `("env", "PATH")`
    how: str  # "=", "+=" or "-="
    value: Any  # None = take it out


def assignment(word: str) -> Assignment:
    """What one word of a command line means. Raises UsageError."""
    match = _ASSIGNMENT.fullmatch(word)
    if match is None:
        raise UsageError(f"{shown(word)} sets nothing", hint="write KEY=VALUE, such as title=Start")
    section, name, names = _place(match[1].split("."))
    key = _key(section, names, match[1])
    how = match[2]
    if how != "=" and not _is_list(key):
        raise UsageError(f"{match[1]} is no list: {how} does not fit", hint=f"{match[1]}=VALUE")
    if not match[3] and how != "=":
        raise UsageError(f"{word} names nothing", hint=f"{word}NAME")
    value = _value(key, match[3], single=len(names) > 1) if match[3] else None
    return Assignment(section.name, name, tuple(names), how, value)


def value_of(name: str, text: str) -> Any:
    """The value of a task's key, from the text of an option."""
    return _value(next(key for key in _TASK.keys if key.name == name), text, single=False)


def _place(parts: list[str]) -> tuple[Section, str, list[str]]:
    """The section, the element's name in it, and what is left."""
    if len(parts) == 1 or parts[0] in ("env", "meta"):
        return _TASK, "", parts
    section = _SECTIONS.get(parts[0])
    if section is None or section is _TASK:
        near = nearest(parts[0], list(_SECTIONS))
        hint = f"did you mean {near}.{'.'.join(parts[1:])}?" if near else "see docs/plan.md"
        raise UsageError(f"there is no table {shown(parts[0])} to set a key of", hint=hint)
    if section.shape is Shape.TABLE:
        return section, "", parts[1:]
    if section.shape is Shape.LIST and section.ref is None:
        raise UsageError(f"tables [[{section.name}]] have no names", hint="edit the file")
    keys = {key.name for key in section.keys}
    # An id may hold dots: the key is what is left of the last one, or of the one before `env.X`.
    cut = next((n for n in range(2, len(parts)) if parts[n] in keys), len(parts) - 1)
    if cut < 2:
        raise UsageError(
            f"{'.'.join(parts)} names no key", hint=f"write {section.name}.NAME.KEY=VALUE"
        )
    return section, ".".join(parts[1:cut]), parts[cut:]


def _key(section: Section, names: Sequence[str], word: str) -> Key:
    known = {key.name: key for key in section.keys if key.kind is not Kind.TABLE and not key.later}
    also = {other: key.name for key in known.values() for other in key.also}
    key = known.get(names[0])
    if key is None or names[0] == "id":
        if key is not None:
            raise UsageError("an id cannot be changed", hint="`split` gives a task new names")
        near = also.get(names[0]) or nearest(names[0], list(known))
        hint = f"did you mean {near}?" if near else f"known: {listed(list(known), most=40)}"
        raise UsageError(f"{word}: unknown key", hint=hint)
    if (key.kind is Kind.ENV) != (len(names) == 2):
        fits = f"{names[0]}.NAME=VALUE" if key.kind is Kind.ENV else f"{names[0]}=VALUE"
        raise UsageError(f"{word}: the key does not go so deep", hint=f"write {fits}")
    return key


def _is_list(key: Key) -> bool:
    return key.many or key.kind in (Kind.LINES, Kind.PATHS, Kind.ARGS)


def _value(key: Key, text: str, *, single: bool) -> Any:
    if single:
        return text
    if _is_list(key):
        return _list(text)
    if key.kind in (Kind.SHELL, Kind.ARGV) and text.startswith("["):
        return _list(text)
    match key.kind:
        case Kind.FLAG:
            return _FLAGS.get(text.lower(), text)
        case Kind.COUNT | Kind.TOKENS:
            return _number(text, int)
        case Kind.MONEY | Kind.NUMBER:
            return _number(text, float)
        case _:
            return text


def _list(text: str) -> list[str]:
    """`a, b` or a TOML array."""
    if text.startswith("["):
        try:
            found = tomllib.loads(f"x = {text}")["x"]
        except (ValueError, RecursionError):
            raise UsageError(f"{shown(text)} is no list", hint='write a,b or ["a", "b"]') from None
        if isinstance(found, list):
            return found
    return [part.strip() for part in text.split(",") if part.strip()]


def _number(text: str, kind: type[int] | type[float]) -> int | float | str:
    try:
        return kind(text)
    except ValueError:
        return text  # the reader says what it should have been
