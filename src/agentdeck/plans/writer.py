"""`Plan` to plan text, so that reading it gives the same plan again.

Rules: the table in `keys` says what there is to write. What has its default value is left out;
times are written readable; a prompt that came from a file is written out in full. All quoting is
tomli_w's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec
import tomli_w

from agentdeck.core.plan import Plan
from agentdeck.core.unseen import in_toml
from agentdeck.plans.durations import format_duration
from agentdeck.plans.keys import PLAN, SECTIONS, VERSION_KEY, Key, Kind, Section, Shape

MAX_LINE: Final = 100  # characters; a longer list is written with one element a line
_SHELL: Final = ("sh", "-c")


def write_plan(plan: Plan) -> str:
    """The text of a plan; `read_plan` of it gives `plan`. Ends in a newline."""
    parts = [f"{VERSION_KEY} = {plan.version}\n"]
    for section in SECTIONS:
        parts.extend(_section(plan, section))
    return "\n".join(parts)


def _section(plan: Plan, section: Section) -> Iterator[str]:
    if section is PLAN:
        yield _table(f"[{section.name}]", section.keys, plan, section.name)
    elif section.shape is Shape.TABLE and getattr(plan, section.field) is not None:
        text = _table("", section.keys, getattr(plan, section.field), section.name)
        if text:
            yield f"[{section.name}]\n{text}"
    else:
        for element in getattr(plan, section.field) or ():
            if section.shape is Shape.NAMED:
                name = f"{section.name}.{_key(element.name)}"
                yield _table(f"[{name}]", section.keys, element, name)
            else:
                yield _table(f"[[{section.name}]]", section.keys, element, section.name)


def _table(header: str, keys: Sequence[Key], struct: Any, name: str) -> str:
    """One table: its header, its values, and the tables in it under headers of their own."""
    lines = [f"{header}\n"] if header else []
    inner = []
    for key, value in _said(keys, struct):
        if key.kind is Kind.TABLE:
            inner.append(_table(f"[{name}.{key.name}]", key.keys, value, f"{name}.{key.name}"))
        elif key.kind is Kind.ENV:
            pairs = "".join(pair_text(variable, text) for variable, text in value.items())
            inner.append(f"[{name}.{key.name}]\n{pairs}")
        else:
            lines.append(pair_text(key.name, _plain(key, value)))
    return "\n".join(["".join(lines), *inner])


def _said(keys: Iterable[Key], struct: Any) -> Iterator[tuple[Key, Any]]:
    """Keys with the values that are not the default ones."""
    defaults = _defaults(type(struct))
    for key in keys:
        if key.later or key.kind is Kind.FILE:
            continue
        value = getattr(struct, key.target)
        if key.target not in defaults or value != defaults[key.target]:
            yield key, value


def _defaults(struct: type[msgspec.Struct]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(struct):
        if field.default is not msgspec.NODEFAULT:
            found[field.name] = field.default
        elif field.default_factory is not msgspec.NODEFAULT:
            found[field.name] = field.default_factory()
    return found


def _plain(key: Key, value: Any) -> Any:
    """A value of the model as TOML has it."""
    match value:
        case StrEnum():
            return value.value
        case tuple():
            if key.kind is Kind.SHELL and value[:2] == _SHELL and len(value) == 3:
                return value[2] if value[2].strip() else list(value)
            if key.one_ok and len(value) == 1:
                return _plain(key, value[0])
            return [_plain(key, item) for item in value]
        case float() if key.kind is Kind.DURATION:
            return format_duration(value)
        case _:
            return value


def pair_text(name: str, value: Any) -> str:
    """`name = value`, with short lists on one line and long texts as they are."""
    if isinstance(value, list) and value:
        line = f"{_key(name)} = [{', '.join(_literal(item) for item in value)}]\n"
        if len(line) <= MAX_LINE:
            return line
    # tomli_w would turn \r\n in a multi-line text into \n
    lines = isinstance(value, str) and "\r" not in value
    pair: Mapping[str, Any] = {name: value}
    return in_toml(tomli_w.dumps(pair, multiline_strings=lines))


def _literal(value: Any) -> str:
    return in_toml(tomli_w.dumps({"x": value})).removeprefix("x = ").removesuffix("\n")


def _key(name: str) -> str:
    return in_toml(tomli_w.dumps({name: 0})).removesuffix(" = 0\n")
