"""What is written to an agent's input: one line each, in the words of its protocol."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.agents.input import (
    DENIED,
    interrupt_line,
    last_line,
    message_line,
    prompt_line,
)
from agentdeck.core.adapter import Input
from agentdeck.core.events import AskKind, AskOption
from agentdeck.core.permissions import OptionKind
from agentdeck.core.state import Message, Question

WRITE = {"file_path": "/w/a.txt", "content": "a\n"}
ASKED = Question(
    "r1", "Write a.txt", 0.0, AskKind.PERMISSION, "Write", "a.txt",
    payload=json.dumps({"input": WRITE, "suggestions": []}),
)  # fmt: skip
QUESTIONS = {"questions": [{"question": "Tabs or spaces?", "options": []}]}


def told(line: bytes) -> Any:
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    return json.loads(line)


def answer(question: Question, text: str = "", option: str = "") -> Message:
    return Message("m1", text, "kim", answers=question, option=option)


def claude(message: Message) -> Any:
    said = told(message_line(Input.CLAUDE, message))
    assert said["type"] == "control_response"
    assert said["response"]["subtype"] == "success"
    assert said["response"]["request_id"] == "r1"
    return said["response"]["response"]


def test_claude_is_allowed_a_tool_with_the_input_it_asked_for() -> None:
    """As in a stream of the real program: `updatedInput` is what the request had."""
    assert claude(answer(ASKED, option="allow")) == {"behavior": "allow", "updatedInput": WRITE}


def test_claude_is_denied_a_tool_with_a_reason() -> None:
    denied = claude(answer(ASKED, "not in this folder", "deny"))
    assert denied == {"behavior": "deny", "message": "not in this folder"}
    assert claude(answer(ASKED, "", "deny"))["message"] == DENIED


def test_an_input_too_long_to_keep_is_allowed_as_it_was_asked() -> None:
    """The real program takes `{}` as "unchanged"."""
    asked = Question("r1", "Write", 0.0, AskKind.PERMISSION, "Write")
    assert claude(answer(asked, option="allow")) == {"behavior": "allow", "updatedInput": {}}


def test_a_question_of_claude_is_answered_inside_its_own_input() -> None:
    asked = Question("r1", "Tabs or spaces?", 0.0, payload=json.dumps({"input": QUESTIONS}))
    given = claude(answer(asked, "spaces"))
    assert given["behavior"] == "allow"
    assert given["updatedInput"] == {**QUESTIONS, "answers": {"Tabs or spaces?": "spaces"}}


def test_a_question_whose_input_is_not_known_gets_the_words_back() -> None:
    assert claude(answer(Question("r1", "?", 0.0), "spaces")) == {
        "behavior": "deny",
        "message": "spaces",
    }


@pytest.mark.parametrize("payload", ["{", "[]", '{"input": 1}', '{"input": {"questions": [1]}}'])
def test_a_payload_that_makes_no_sense_is_no_error(payload: str) -> None:
    asked = Question("r1", "?", 0.0, AskKind.PERMISSION, payload=payload)
    assert claude(answer(asked, option="allow"))["behavior"] == "allow"


def test_a_message_of_claude_is_a_user_turn() -> None:
    said = told(message_line(Input.CLAUDE, Message("m1", "and the docs", "kim")))
    assert said["type"] == "user"
    assert said["message"] == {"role": "user", "content": "and the docs"}


def test_the_bridge_gets_the_option_that_was_chosen() -> None:
    option = AskOption("proceed_once", "Yes", OptionKind.ALLOW_ONCE)
    asked = Question("7", "run", 0.0, AskKind.PERMISSION, options=(option,))
    said = told(message_line(Input.BRIDGE, answer(asked, option="proceed_once")))
    assert said == {"type": "permission", "id": "7", "option": "proceed_once"}
    assert told(message_line(Input.BRIDGE, Message("m1", "go on", "kim"))) == {
        "type": "prompt",
        "id": "m1",
        "text": "go on",
    }


def test_an_interrupt_is_part_of_the_protocol_where_there_is_one() -> None:
    assert told(interrupt_line(Input.CLAUDE) or b"")["request"] == {"subtype": "interrupt"}
    assert told(interrupt_line(Input.BRIDGE) or b"") == {"type": "cancel"}
    assert interrupt_line(Input.LINES) is None
    assert interrupt_line(Input.NONE) is None


def test_the_end_is_a_line_for_the_bridge_alone() -> None:
    assert told(last_line(Input.BRIDGE) or b"") == {"type": "end"}
    assert last_line(Input.CLAUDE) is None


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_whatever_is_said_is_one_line(text: str) -> None:
    """Half a line, or two, would end the agent."""
    for reads in (Input.CLAUDE, Input.BRIDGE, Input.LINES):
        told(prompt_line(reads, text))
        told(message_line(reads, Message("m1", text, "kim")))
    claude(answer(ASKED, text, "deny"))
