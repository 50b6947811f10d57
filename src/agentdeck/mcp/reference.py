"""docs/mcp.md: `python -m agentdeck.mcp.reference > docs/mcp.md`. A test holds the two together."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from agentdeck.core.attempt_tools import OFFERED
from agentdeck.core.offered import Offered
from agentdeck.core.plan import MCP_COMMANDS
from agentdeck.mcp.page_text import BEGINNING, COMMANDS, END, OUTSIDE, RESOURCES_HEAD
from agentdeck.mcp.run_tools import ASKING, READING, RESOURCES, TEMPLATES, commands_of


def markdown() -> str:
    """The page."""
    return "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    yield BEGINNING
    yield from _tools(OFFERED.values())
    yield OUTSIDE
    yield from _tools((*READING, *ASKING))
    yield COMMANDS
    yield from _tools(commands_of(MCP_COMMANDS))
    yield RESOURCES_HEAD
    yield "| address | what it is |"
    yield "| --- | --- |"
    for each in (*RESOURCES, *TEMPLATES):
        yield f"| `{each.uri}` | {each.description} |"
    yield END.rstrip()


def _tools(tools: Iterable[Offered]) -> Iterator[str]:
    for tool in tools:
        yield f"#### `{tool.name}`"
        yield ""
        yield tool.description
        yield ""
        hints = ["reads only" if tool.reads_only else "changes something"]
        hints += ["may end or undo work"] if tool.destroys else []
        hints += ["the same again is more" if not tool.idempotent else "the same again is no more"]
        yield f"*{', '.join(hints)}*"
        yield ""
        properties = tool.schema["properties"]
        needed = tool.schema["required"]
        if properties:
            yield "| argument | value | meaning |"
            yield "| --- | --- | --- |"
        for name, schema in properties.items():
            must = ", required" if name in needed else ""
            yield f"| `{name}` | {_value(schema)}{must} | {schema.get('description', '')} |"
        if properties:
            yield ""


def _value(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_value(each) for each in schema["anyOf"] if each != {"type": "null"})
    if "enum" in schema:
        return ", ".join(f'`"{each}"`' for each in schema["enum"])
    match schema.get("type"):
        case "array":
            least, most = schema.get("minItems", 0), schema.get("maxItems")
            return f"list of {least} to {most}: {_value(schema['items'])}"
        case "string":
            least, most = schema.get("minLength", 0), schema.get("maxLength")
            return f"text, {least} to {most:,} characters" if most is not None else "text"
        case "integer" | "number":
            kind = "whole number" if schema["type"] == "integer" else "number"
            bounds = [schema.get("minimum"), schema.get("maximum")]
            if None not in bounds:
                return f"{kind}, {bounds[0]} to {bounds[1]}"
            return kind if bounds[0] is None else f"{kind}, {bounds[0]} or more"
        case "boolean":
            return "true or false"
        case other:
            return str(other)


if __name__ == "__main__":
    sys.stdout.write(markdown())


__all__ = ["markdown"]
