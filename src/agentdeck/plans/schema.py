"""The JSON schema of plan files, for editors (draft 7, which TOML language servers read).

Rules: it is made from the table in `keys`, so it cannot disagree with the reader about names. It is
as strict as a schema can be; what needs the whole plan (names, loops) only the reader checks.
`python -m agentdeck.plans.schema > docs/plan.schema.json` writes the published file anew, and a
test compares.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Sequence
from typing import Any, Final

from agentdeck.core.event_names import known_patterns
from agentdeck.core.ids import MAX_ID_LENGTH
from agentdeck.core.plan import BUILTIN_AGENTS, PLAN_VERSION
from agentdeck.plans.durations import PATTERN
from agentdeck.plans.keys import SECTIONS, TASKS, VERSION_KEY, Key, Kind, Ref, Section, Shape

_NAME: Final = rf"^[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_ID_LENGTH - 1}}}$"
_EVENT: Final = rf"^({'|'.join(re.escape(name) for name in known_patterns())})$"
_VARIABLE: Final = "^[A-Za-z_][A-Za-z0-9_]*$"
_TEXT: Final[dict[str, Any]] = {"type": "string"}
_TEXTS: Final[dict[str, Any]] = {"type": "array", "items": _TEXT}
_FILLED: Final[dict[str, Any]] = {**_TEXT, "minLength": 1}
_COMMAND: Final[dict[str, Any]] = {"anyOf": [_FILLED, {**_TEXTS, "minItems": 1}]}
_TOKENS: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*[kmKM]\s*$",
}
_FIXED: Final[dict[Kind, dict[str, Any]]] = {
    Kind.FLAG: {"type": "boolean"},
    Kind.ID: {"type": "string", "pattern": _NAME},
    Kind.LINE: _FILLED,
    Kind.TEXT: _FILLED,
    Kind.FILE: _FILLED,
    Kind.BRANCH: _FILLED,
    Kind.REF: _FILLED,
    Kind.LINES: _TEXTS,
    Kind.PATHS: _TEXTS,
    Kind.ARGS: _TEXTS,
    Kind.SHELL: _COMMAND,
    Kind.ARGV: _COMMAND,
    Kind.PROGRAM: {**_TEXTS, "minItems": 1},
    Kind.VARIABLE: {**_TEXT, "pattern": _VARIABLE},
    Kind.EVENT: {"enum": list(known_patterns())},
    Kind.ENV: {"type": "object", "additionalProperties": _TEXT},
}


def plan_schema() -> dict[str, Any]:
    """A JSON schema that accepts every plan the reader accepts."""
    properties: dict[str, Any] = {VERSION_KEY: {"const": PLAN_VERSION, "description": "Format."}}
    for section in SECTIONS:
        properties[section.name] = _section(section)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"agentdeck plan, format {PLAN_VERSION}",
        "type": "object",
        "properties": properties,
        "required": [VERSION_KEY, TASKS.name],
        "additionalProperties": False,
    }


def schema_document() -> str:
    """The schema as the text of `docs/plan.schema.json`."""
    return json.dumps(plan_schema(), indent=2, ensure_ascii=False) + "\n"


def _section(section: Section) -> dict[str, Any]:
    table = _table(section.keys)
    match section.shape:
        case Shape.TABLE:
            shape = table
        case Shape.NAMED:
            short = next((_kind(key) for key in section.keys if key.name == section.short), None)
            element = {"anyOf": [table, short]} if short is not None else table
            shape = {
                "type": "object",
                "patternProperties": {_EVENT if section.patterns else _NAME: element},
                "additionalProperties": False,
            }
        case Shape.LIST:
            shape = {"type": "array", "items": table}
    return {"description": section.doc, **shape}


def _table(keys: Sequence[Key]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {key.name: _key(key) for key in keys if not key.later},
        "required": [key.name for key in keys if key.required],
        "additionalProperties": False,
    }


def _key(key: Key) -> dict[str, Any]:
    one = _kind(key)
    if not key.many:
        return {"description": key.doc, **one}
    several: dict[str, Any] = {"type": "array", "items": one, "uniqueItems": True}
    if key.choices:
        several["minItems"] = 1
    return {"description": key.doc, **({"anyOf": [one, several]} if key.one_ok else several)}


def _kind(key: Key) -> dict[str, Any]:
    match key.kind:
        case Kind.COUNT:
            return {"type": "integer", **_bounds(key)}
        case Kind.MONEY | Kind.NUMBER:
            return {"type": "number", **_bounds(key)}
        case Kind.TOKENS:
            return {"anyOf": [{"type": "integer", **_bounds(key)}, _TOKENS]}
        case Kind.DURATION:
            return {"anyOf": [{"type": "number", **_bounds(key)}, {**_TEXT, "pattern": PATTERN}]}
        case Kind.CHOICE:
            return {"enum": list(key.choices)}
        case Kind.REF if key.ref is Ref.ADAPTER:  # a person's own files may name others
            return {**_FILLED, "examples": ["command", *BUILTIN_AGENTS]}
        case Kind.TABLE:
            return _table(key.keys)
        case Kind.LINE | Kind.TEXT if key.empty_ok:
            return dict(_TEXT)
        case _:
            return dict(_FIXED[key.kind])


def _bounds(key: Key) -> dict[str, float]:
    bounds = {"minimum": key.minimum}
    if math.isfinite(key.maximum):
        bounds["maximum"] = key.maximum
    return bounds


if __name__ == "__main__":
    sys.stdout.write(schema_document())
