"""The page `docs/plan.md`: the plan file, key by key, made from the table in `keys`.

Rules: the page is never edited by hand; a test compares it with what this module says.
`python -m agentdeck.plans.reference > docs/plan.md` writes it anew. What no table can say stands
in `reference_text`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from agentdeck.core.ids import ID_RULE
from agentdeck.core.plan import DEFAULT_ESTIMATE_S, Plan
from agentdeck.plans import durations
from agentdeck.plans.durations import format_duration
from agentdeck.plans.keys import BUDGET_KEYS, SECTIONS, Key, Kind, Ref, Section
from agentdeck.plans.reference_text import EXAMPLES, INTRODUCTION, NOTES, UNSAID, VALUES

# What tests/docs makes of the examples: together they are one plan.
PART: Final = "<!-- block: part of the plan of this page -->"
MANY: Final = 1_000_000  # a bound from here on only catches typing errors, and is not worth words

_KINDS: Final[dict[Kind, str]] = {
    Kind.FLAG: "`true` or `false`",
    Kind.COUNT: "whole number",
    Kind.MONEY: "number",
    Kind.NUMBER: "number",
    Kind.TOKENS: "[tokens](#tokens)",
    Kind.DURATION: "[duration](#durations)",
    Kind.LINE: "text on one line",
    Kind.TEXT: "text",
    Kind.FILE: "file name",
    Kind.ID: "[id](#ids)",
    Kind.BRANCH: "branch",
    Kind.LINES: "list of texts",
    Kind.PATHS: "list of [paths](#paths)",
    Kind.SHELL: "[command](#commands)",
    Kind.ARGV: "[command](#commands)",
    Kind.ARGS: "list of texts",
    Kind.PROGRAM: "list of texts",
    Kind.EVENT: "name of an [event](hooks.md#events), or a pattern",
    Kind.VARIABLE: "name of an environment variable",
    Kind.ENV: "table of texts",
    Kind.TABLE: "table, see below",
}
_REFS: Final[dict[Ref, str]] = {
    Ref.TASK: "id of a task",
    Ref.PHASE: "id of a phase",
    Ref.GATE: "name of a gate",
    Ref.AGENT: "name of an agent",
    Ref.POOL: "name of a pool",
    Ref.REPO: "name of a repository",
    Ref.ADAPTER: 'name of an [adapter](agents.md), or `"command"`',
}
_FOOTPRINT: Final = "list of globs, see [footprints](#footprints)"


def plan_reference() -> str:
    """The whole page, Markdown."""
    values = VALUES.format(id_rule=ID_RULE[0].upper() + ID_RULE[1:], durations=durations.EXAMPLES)
    parts = [INTRODUCTION, *(_section(section) for section in SECTIONS), values, _later()]
    return "\n".join(parts)


def _section(section: Section) -> str:
    heading = section.shape.value.replace("name", section.name)
    parts = [
        f"## `{heading}`\n",
        f"{section.doc}\n",
        f"{PART}\n```toml\n{EXAMPLES[section.name]}```\n",
    ]
    parts += _table(section.keys, section.model or Plan, section.name)
    for key in section.keys:
        if key.kind is Kind.TABLE and key.keys is not BUDGET_KEYS:  # which have their own section
            parts += [f"In `{key.name}`:\n"]
            parts += _table(key.keys, key.model, f"{section.name}.{key.name}")
    if section.name in NOTES:
        parts.append(NOTES[section.name])
    return "\n".join(parts)


def _table(keys: Sequence[Key], model: Any, place: str) -> Iterator[str]:
    yield "| key | value | without it | meaning |\n| --- | --- | --- | --- |"
    for key in keys:
        if not key.later:
            meaning = key.doc.replace("<", "\\<")  # else Markdown takes `<plan>` for HTML
            yield f"| `{key.name}` | {_value(key)} | {_default(key, model, place)} | {meaning} |"
    yield ""


def _value(key: Key) -> str:
    if key.kind is Kind.CHOICE:
        one = ", ".join(f'`"{choice}"`' for choice in key.choices)
    elif key.ref is not None:
        words = [f'`"{word}"`' for word in key.words]
        one = " or the ".join([*words, _REFS[key.ref]])
    elif "footprint" in key.also:
        one = _FOOTPRINT
    else:
        one = _KINDS[key.kind] + _bounds(key)
    if not key.many:
        return one
    return f"{one}; or a list of them" if key.one_ok else f"list, each the {one}"


def _bounds(key: Key) -> str:
    if key.kind not in (Kind.COUNT, Kind.MONEY):
        return ""
    if math.isinf(key.maximum) or (key.minimum >= 0 and key.maximum >= MANY):
        return f", {key.minimum:g} or more"
    return f", {key.minimum:.15g} to {key.maximum:.15g}"


def _default(key: Key, model: Any, place: str) -> str:
    if key.required:
        return "**required**"
    said = UNSAID.get(f"{place}.{key.name}")
    if said is not None:
        return said.format(estimate=format_duration(DEFAULT_ESTIMATE_S))
    fields = {field.name: field for field in msgspec.structs.fields(model)}
    field = fields[key.target]
    made = field.default_factory is not msgspec.NODEFAULT
    default = field.default_factory() if made else field.default
    return f"`{_toml(default, key)}`"


def _toml(default: Any, key: Key) -> str:
    match default:
        case bool():
            return str(default).lower()
        case StrEnum() | str():
            return f'"{default}"'
        case tuple() | list() if len(default) == 1 and key.one_ok:
            return _toml(default[0], key)
        case tuple() | list():
            return f"[{', '.join(_toml(item, key) for item in default)}]"
        case dict() if not default:
            return "{}"
        case int() | float() if key.kind is Kind.DURATION:
            return f'"{format_duration(default)}"'
        case int() | float():
            return f"{default:g}"
        case _:
            raise ValueError(f"{key.name}: no words for the default {default!r}; see UNSAID")


def _later() -> str:
    """The keys that belong to the format, but that this version refuses."""
    names: list[str] = []
    for section in SECTIONS:
        for key in section.keys:
            inner = [f"{key.name}.{other.name}" for other in key.keys if other.later]
            own = [key.name] if key.later else []
            where = section.shape.value.replace("name", section.name)
            names += [f"`{where} {name}`" for name in (*own, *inner)]
    return (
        "## Not yet\n\nThese belong to format 1, but this version refuses them:\n"
        f"{', '.join(names)}.\n"
    )


if __name__ == "__main__":
    sys.stdout.write(plan_reference())
