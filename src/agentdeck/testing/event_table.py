"""The page `docs/events.md`, drawn from the events themselves.

Rules: the page is never edited by hand; a test compares it with what this module says.
`python -m agentdeck.testing.event_table > docs/events.md` writes it anew. What a field is stands in
the comment behind it in `core/events.py`, and nowhere else.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final, get_args

import msgspec

from agentdeck.core.event_names import ALIASES, NOISE
from agentdeck.core.events import VERSION, AnyEvent

_HEAD: Final = f"""\
# Events

Made by `python -m agentdeck.testing.event_table > docs/events.md`. Do not edit it by hand.

Everything that happens in a run is an event, and the journal is nothing but events: the deck,
`agentdeck status`, reports and [hooks](hooks.md) are made of them. In the deck `E` shows them;
`events.since` of a run's socket gives them to programs. The format of the journal is version
{VERSION}: within it fields may be added, and none is taken away ([versions](versions.md)).

An event is a JSON object with its name as `kind`. Fields that have their default are left out.
Times are seconds since 1970, attempts count from 1, commits and trees are whole object ids. What
`*` and `prefix.*` of a hook leave out is marked with ¹.
"""
_COMMENT: Final = re.compile(r"^    (\w+): [^#\n]*(?:#\s*(.*))?$", re.MULTILINE)
_PLAIN: Final = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`"}
_NOTHING: Final = type(None)


def as_document() -> str:
    """The whole page, Markdown."""
    parts = [_HEAD]
    group = ""
    for kind in sorted(get_args(AnyEvent), key=_tag):
        begins = _tag(kind).split(".")[0]
        if begins != group:
            group = begins
            parts.append(f"## `{group}`\n")
        parts += _event(kind)
    return "\n".join(parts)


def _tag(kind: Any) -> str:
    return str(kind.__struct_config__.tag)


def _event(kind: Any) -> Iterator[str]:
    mark = " ¹" if kind in NOISE else ""
    yield f"### `{_tag(kind)}`{mark}\n"
    also = [f"`{name}`" for name, (of, _) in ALIASES.items() if of is kind]
    said = " ".join((kind.__doc__ or "").split())
    yield said + (f" For hooks also {', '.join(also)}." if also else "") + "\n"
    fields = msgspec.structs.fields(kind)
    if not fields:
        return
    comments = dict(_COMMENT.findall(inspect.getsource(kind)))
    yield "| field | is | |\n| --- | --- | --- |"
    for field in fields:
        yield f"| `{field.name}` | {_type(field.type)} | {_cell(comments.get(field.name, ''))} |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "\\<")


def _type(kind: Any) -> str:
    """A type in words."""
    kind = getattr(kind, "__supertype__", kind)  # a NewType of an id is text
    parts = get_args(kind)
    origin = getattr(kind, "__origin__", None)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if origin in (tuple, frozenset, list):
        inner = [_type(part) for part in parts if part is not Ellipsis]
        same = len(set(inner)) == 1
        return f"list of {inner[0]}" if same else f"list: {', '.join(inner)}"
    if origin is dict:
        return f"table of {_type(parts[1])}"
    if parts:  # a union
        found = dict.fromkeys(_type(part) for part in parts if part not in (_NOTHING, _UNSET))
        return " or ".join([*found, *(["nothing"] if _NOTHING in parts else [])])
    if getattr(kind, "__name__", "") in _TOLD_ELSEWHERE:
        return _TOLD_ELSEWHERE[kind.__name__]
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return ", ".join(f"`{value}`" for value in kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct(kind)
    return str(getattr(kind, "__name__", kind))


_UNSET: Final = type(msgspec.UNSET)
_TOLD_ELSEWHERE: Final = {
    "Plan": "[the plan](plan.md)",
    "FailureClass": "a kind of [failure](failures.md)",
}


def _struct(kind: type[msgspec.Struct]) -> str:
    names = ", ".join(f"`{field.name}`" for field in msgspec.structs.fields(kind))
    return f"list: {names}" if kind.__struct_config__.array_like else f"table: {names}"


if __name__ == "__main__":
    print(as_document(), end="")
