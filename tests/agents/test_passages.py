"""Prose that comes in pieces is drawn as one text, in every format that has pieces."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from agentdeck.agents.passages import (
    PASSAGE_CHARS,
    PASSAGE_LINES,
    Passages,
    render_passage,
)
from agentdeck.agents.readers import FORMATS
from agentdeck.agents.rendering import render


def acp_update(name: str, /, **fields: Any) -> bytes:
    update = {"sessionUpdate": name, **fields}
    params = {"sessionId": "s", "update": update}
    return json.dumps(
        {"dir": "agent", "t": 1.0, "msg": {"method": "session/update", "params": params}}
    ).encode()


def acp(text: str) -> bytes:
    return acp_update("agent_message_chunk", content={"type": "text", "text": text})


def gemini(text: str) -> bytes:
    return json.dumps(
        {"type": "message", "role": "assistant", "content": text, "delta": True}
    ).encode()


def acp_named(text: str, message: str) -> bytes:
    content = {"type": "text", "text": text}
    return acp_update("agent_message_chunk", content=content, messageId=message)


THOUGHT = acp_update("agent_thought_chunk", content={"type": "text", "text": "hm"})
USED = acp_update("usage_update", used=1, size=2)
TOOL = acp_update("tool_call", toolCallId="t", title="ls", kind="execute", status="in_progress")
GEMINI_TOOL = json.dumps(
    {"type": "tool_use", "tool_name": "ls", "tool_id": "t", "parameters": {}}
).encode()


def parted(stream_format: str, lines: list[bytes]) -> list[list[bytes]]:
    passages, found = Passages(stream_format), list[list[bytes]]()
    for line in lines:
        if passages.goes_on(line):
            found[-1].append(line)
        else:
            found.append([line])
    return found


def texts(stream_format: str, lines: list[bytes]) -> list[str]:
    return [
        line.text
        for passage in parted(stream_format, lines)
        for line in render_passage(stream_format, passage)
    ]


@pytest.mark.parametrize(("stream_format", "piece"), [("acp", acp), ("gemini", gemini)])
def test_pieces_of_a_message_are_one_text(
    stream_format: str, piece: Callable[[str], bytes]
) -> None:
    """A word cut in two is whole again, and lines are where the message has them."""
    pieces = ["I will cre", "ate", " the file.\n", "\nThen I", " commit it."]
    lines = [piece(text) for text in pieces]
    assert texts(stream_format, lines) == ["I will create the file.", "Then I commit it."]


def test_what_is_not_shown_does_not_break_a_message() -> None:
    assert texts("acp", [acp("half a wo"), USED, acp("rd")]) == ["half a word"]


@pytest.mark.parametrize(
    ("stream_format", "lines", "shown"),
    [
        ("acp", [acp("One."), TOOL, acp("Two.")], ["One.", "▸ execute ls", "Two."]),
        ("acp", [acp("One."), THOUGHT, acp("Two.")], ["One.", "Two."]),
        ("acp", [acp_named("One.", "1"), acp_named("Two.", "2")], ["One.", "Two."]),
        ("acp", [acp("One."), b"stderr", acp("Two.")], ["One.", "stderr", "Two."]),
        ("gemini", [gemini("One."), GEMINI_TOOL, gemini("Two.")], ["One.", "▸ ls", "Two."]),
    ],
)
def test_another_message_is_another_text(
    stream_format: str, lines: list[bytes], shown: list[str]
) -> None:
    assert texts(stream_format, lines) == shown


@pytest.mark.parametrize("piece", ["x", "x" * 1000])
def test_a_message_without_an_end_is_drawn_in_parts_of_bounded_size(piece: str) -> None:
    """Nothing of it is lost: a part begins where the one before it stops."""
    passages = parted("acp", [acp(piece)] * 1000)
    assert max(len(passage) for passage in passages) <= PASSAGE_LINES
    sizes = [sum(len(line.text) for line in render_passage("acp", one)) for one in passages]
    assert max(sizes) <= PASSAGE_CHARS
    assert sum(sizes) == 1000 * len(piece)


@pytest.mark.parametrize("stream_format", FORMATS)
def test_a_line_by_itself_is_drawn_as_ever(stream_format: str) -> None:
    for line in (acp("a\nb"), gemini("a\nb"), b"plain output", b"", TOOL):
        assert render_passage(stream_format, [line]) == render(stream_format, line)
