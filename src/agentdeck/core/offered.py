"""A tool as it is offered: name, what it does, the exact schema of its arguments, what it changes.

Rules:
- The schema is made of the struct that a call is read with, so it cannot say anything else.
- Nothing here needs the MCP SDK: documents, tests, and servers without it read the same table.
"""

from __future__ import annotations

import inspect
from typing import Any, Final

import msgspec

from agentdeck.core.unreadable import UNREADABLE

# Claude Code hides tools of servers behind a search, unless one says so.
AT_ONCE: Final = "anthropic/alwaysLoad"


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

    @property
    def told(self) -> dict[str, Any]:
        """The tool as the protocol writes it, when its client asks which there are."""
        hints = {
            "readOnlyHint": self.reads_only,
            "destructiveHint": self.destroys,
            "idempotentHint": self.idempotent,
            "openWorldHint": False,
        }
        return {
            "name": self.name,
            "description": self.description,
            "inputSchema": self.schema,
            "annotations": hints,
            **({"_meta": {AT_ONCE: True}} if self.at_once else {}),
        }


class Reply(msgspec.Struct, frozen=True):
    """What a call comes to."""

    text: str
    ok: bool = True
    data: dict[str, Any] | None = None  # the same for programs


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
        raise Unfit(f"{tool.name}: {error}") from error


__all__ = ["Offered", "Reply", "Resource", "Unfit", "read_arguments"]
