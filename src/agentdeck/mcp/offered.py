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
        assert not definitions, "arguments of tools are plain"
        schema.pop("description", None)  # it stands beside the schema
        return schema


class Unfit(Exception):
    """Arguments that are not those of the tool."""


def read_arguments(tool: Offered, given: dict[str, Any] | None) -> msgspec.Struct:
    """The arguments of a call. Raises `Unfit`."""
    try:
        return msgspec.convert(given or {}, tool.arguments, strict=True)
    except UNREADABLE as error:
        raise Unfit(f"{tool.name}: {error}") from error


__all__ = ["Offered", "Unfit", "read_arguments"]
