"""The tables of tools: their schemas, and the page that is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agentdeck.core.attempt_tools import OFFERED
from agentdeck.core.offered import Offered, Unfit, read_arguments
from agentdeck.core.plan import MCP_COMMANDS
from agentdeck.core.tool_calls import tools_of
from agentdeck.mcp.reference import markdown
from agentdeck.mcp.run_tools import ASKING, READING, commands_of

PAGE = Path(__file__).parents[2] / "docs" / "mcp.md"
ALL = (*OFFERED.values(), *READING, *ASKING, *commands_of(MCP_COMMANDS))


def test_the_page_about_mcp_is_up_to_date() -> None:
    """`python -m agentdeck.mcp.reference > docs/mcp.md` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == markdown()


@pytest.mark.parametrize("tool", ALL, ids=lambda tool: tool.name)
def test_a_schema_says_what_is_read(tool: Offered) -> None:
    """What the schema lets through is read, and what it does not is refused, by both."""
    jsonschema.Draft202012Validator.check_schema(tool.schema)
    assert tool.schema["additionalProperties"] is False
    assert "$ref" not in str(tool.schema)
    assert tool.description
    least = {name: _example(tool.schema["properties"][name]) for name in tool.schema["required"]}
    jsonschema.validate(least, tool.schema)
    read_arguments(tool, least)
    for wrong in ({**least, "else": 1}, *({**least, name: []} for name in _texts(tool))):
        assert not jsonschema.Draft202012Validator(tool.schema).is_valid(wrong)
        with pytest.raises(Unfit):
            read_arguments(tool, wrong)
    if least:
        with pytest.raises(Unfit):
            read_arguments(tool, {})


def test_a_command_is_offered_only_where_it_is_allowed() -> None:
    assert commands_of(()) == []
    assert [tool.name for tool in commands_of(("steer", "pause"))] == ["pause", "steer"]
    assert len(commands_of(MCP_COMMANDS)) == len(MCP_COMMANDS)


def test_what_reads_only_says_so_and_nothing_else_does() -> None:
    assert all(tool.reads_only for tool in READING)
    assert not any(tool.reads_only for tool in commands_of(MCP_COMMANDS))
    assert {tool.name for tool in ASKING if tool.reads_only} == {"wait_for_answer"}


def test_who_may_ask_may_wait_for_the_answer() -> None:
    assert tools_of(()) == ()
    assert tools_of(("report_progress",)) == ("report_progress",)
    assert tools_of(("ask_person",)) == ("ask_person", "wait_for_answer")


def _texts(tool: Offered) -> list[str]:
    properties = tool.schema["properties"]
    return [name for name, schema in properties.items() if schema.get("type") == "string"]


def _example(schema: dict[str, Any]) -> Any:
    match schema.get("type"):
        case "string":
            return "x"
        case "integer":
            return schema.get("minimum", 1)
        case "array":
            return [_example(schema["items"])]
        case other:
            raise AssertionError(other)
