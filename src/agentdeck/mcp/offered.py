"""A tool as it is offered: name, what it does, the exact schema of its arguments, what it changes.

Rules:
- The schema is made of the struct that a call is read with, so it cannot say anything else.
- Nothing here needs the MCP SDK: documents and tests read the same table.
"""

from __future__ import annotations

import inspect
from typing import Any

import msgspec

from agentdeck.core.unreadable import UNREADABLE


class Offered(msgspec.Struct, frozen=True):
    """One tool."""

    name: str
    arguments: type[msgspec.Struct]  # its docstring is what a client is told
    reads_only: bool = True
    destroys: bool = False  # may it undo or end work?
    idempotent: bool = True  # the same call again changes nothing more
    at_once: bool = False  # shown to the model from the start, where a client would hide it

    @property
    def description(self) -> str:
        """What it does, for the model that may call it."""
        return inspect.cleandoc(self.arguments.__doc__ or "")

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of its arguments: one object, nothing but what is named."""
        made = msgspec.json.schema(self.arguments)
        definitions = made.pop("$defs")
        schema: dict[str, Any] = definitions.pop(self.arguments.__name__)
        schema.pop("description", None)  # it stands beside the schema
        found: dict[str, Any] = _inline(schema, definitions)
        return found


class Resource(msgspec.Struct, frozen=True):
    """Something that can be read by its address."""

    uri: str  # or a template, with {words} in it
    name: str
    description: str
    mime: str = "text/plain"


def _inline(part: Any, definitions: dict[str, Any]) -> Any:
    """A schema whose words stand where they are meant: some clients follow no references."""
    if isinstance(part, list):
        return [_inline(each, definitions) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        named = definitions[part["$ref"].rpartition("/")[2]]
        return {"enum": named["enum"]}
    return {name: _inline(each, definitions) for name, each in part.items()}


class Unfit(Exception):
    """Arguments that are not those of the tool."""


def read_arguments(tool: Offered, given: dict[str, Any] | None) -> msgspec.Struct:
    """The arguments of a call. Raises `Unfit`."""
    try:
        return msgspec.convert(given or {}, tool.arguments, strict=True)
    except UNREADABLE as error:
        takes = ", ".join(tool.arguments.__struct_encode_fields__) or "nothing"
        raise Unfit(f"{tool.name}: {error} (it takes: {takes})") from error


__all__ = ["Offered", "Resource", "Unfit", "read_arguments"]
