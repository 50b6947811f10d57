"""What a call was given and gave back, of every agent that writes it in its stream."""

# ruff: noqa: E501 - a line of a stream is one line

from __future__ import annotations

import json

import pytest

from agentdeck.agents.tool_bodies import BODY_CHARS, Body, bodies

LINES: list[tuple[dict[str, object], list[Body]]] = [
    (
        {"message": {"content": [{"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}}]}},
        [Body("t", "given", "command: ls")],
    ),
    (
        {"message": {"content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "a\nb"}]}]}},
        [Body("t", "output", "a\nb")],
    ),
    (
        {"message": {"content": [{"type": "tool_use", "id": "e", "name": "Edit", "input": {"file_path": "a", "old_string": "x", "new_string": "y"}}]}},
        [Body("e", "given", "@@ -1 +1 @@\n-x\n+y", diff=True)],
    ),
    (
        {"item": {"id": "i", "type": "command_execution", "command": "ls", "aggregated_output": "a"}},
        [Body("i", "given", "ls"), Body("i", "output", "a")],
    ),
    (
        {"type": "tool_result", "tool_id": "g", "output": "done"},
        [Body("g", "output", "done")],
    ),
    (
        {"params": {"update": {"toolCallId": "c", "content": [{"type": "diff", "path": "p", "oldText": "", "newText": "n"}]}}},
        [Body("c", "given", "@@ -0,0 +1 @@\n+n", diff=True)],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), LINES)
def test_both_sides_of_a_call_are_told(line: dict[str, object], expected: list[Body]) -> None:
    """Each under the name that the agent gave the call."""
    assert bodies(json.dumps(line).encode()) == expected


@pytest.mark.parametrize("line", [b"", b"no json", b'{"message": 3}', b'{"item": {"type": []}}'])
def test_other_lines_tell_nothing(line: bytes) -> None:
    """No shape raises."""
    assert bodies(line) == []


def test_a_huge_output_is_bounded() -> None:
    """The raw log has the rest."""
    block = {"type": "tool_result", "tool_id": "g", "output": "x" * (2 * BODY_CHARS)}
    assert len(bodies(json.dumps(block).encode())[0].text) == BODY_CHARS
