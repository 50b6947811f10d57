"""What is written to an agent's input: prompts, messages, answers, interrupts. Bytes, no IO.

Rules:
- Each is one line of JSON, whatever the text holds: an agent that reads half a line, or two things
  on one, ends.
- Claude Code is allowed a tool with the input that it asked for; a question of its own
  (`AskUserQuestion`) is a tool too, and its answer is that input with `answers` in it. Where the
  input is not known, `{}` stands for "as you asked".
- An agent that was not asked in a way it offers an answer for gets the words alone.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from agentdeck.core.adapter import Input
from agentdeck.core.events import AskKind
from agentdeck.core.permissions import rejects
from agentdeck.core.state import Message, Question
from agentdeck.core.unreadable import UNREADABLE

DENIED: Final = "This was not allowed. Find another way, or say what you would have needed."

_encoder = msgspec.json.Encoder()


def prompt_line(reads: Input, text: str) -> bytes:
    """The first prompt, for an agent that is given it as a message."""
    return _said(reads, "prompt", text)


def message_line(reads: Input, message: Message) -> bytes:
    """A message: the answer to what was asked, or more to do."""
    asked = message.answers
    if asked is not None and asked.by_tool:  # its call is over: the answer begins a turn
        return _said(reads, message.id, f"You asked: {asked.text}\n\nThe answer: {_told(message)}")
    match reads:
        case Input.CLAUDE if asked is not None:
            return _line(_control_response(asked, message))
        case Input.BRIDGE if asked is not None and asked.ask is AskKind.PERMISSION:
            offered = {option.id for option in asked.options}
            option = message.option if message.option in offered else None  # None = cancelled
            return _line({"type": "permission", "id": asked.id, "option": option})
        case Input.LINES if asked is not None:
            said = {"type": "message", "id": message.id, "text": message.text}
            return _line({**said, "answers": asked.id, "option": message.option})
        case _:
            return _said(reads, message.id, message.text)


def _told(message: Message) -> str:
    """The words of an answer, and of a permission what it was."""
    asked = message.answers
    if asked is None or asked.ask is AskKind.QUESTION:
        return message.text
    no = rejects(asked.options, message.option)
    return f"{'no' if no else 'yes'}. {message.text}".strip()


def interrupt_line(reads: Input) -> bytes | None:
    """End the turn, by the agent's own protocol; None when it has no way but a signal."""
    match reads:
        case Input.CLAUDE:
            request = {"type": "control_request", "request_id": "interrupt"}
            return _line({**request, "request": {"subtype": "interrupt"}})
        case Input.BRIDGE:
            return _line({"type": "cancel"})
        case _:
            return None


def last_line(reads: Input) -> bytes | None:
    """That nothing more comes, where that is a line and not the end of the input."""
    return _line({"type": "end"}) if reads is Input.BRIDGE else None


def _said(reads: Input, number: str, text: str) -> bytes:
    match reads:
        case Input.CLAUDE:
            said = {"type": "user", "message": {"role": "user", "content": text}}
            return _line({**said, "parent_tool_use_id": None, "session_id": ""})
        case Input.BRIDGE:
            return _line({"type": "prompt", "id": number, "text": text})
        case _:
            return _line({"type": "message", "id": number, "text": text})


def _control_response(asked: Question, message: Message) -> dict[str, Any]:
    answer: dict[str, Any]
    given = _tool_input(asked)
    if asked.ask is AskKind.QUESTION:
        answers = dict.fromkeys(_questions(given), message.text)
        answer = {"behavior": "allow", "updatedInput": {**given, "answers": answers}}
        if not answers:  # not known as what it asked: the words go back as the tool's result
            answer = {"behavior": "deny", "message": message.text}
    elif rejects(asked.options, message.option):
        answer = {"behavior": "deny", "message": message.text or DENIED}
    else:
        answer = {"behavior": "allow", "updatedInput": given}
    response = {"subtype": "success", "request_id": asked.id, "response": answer}
    return {"type": "control_response", "response": response}


def _tool_input(asked: Question) -> dict[str, Any]:
    """The input of the tool that was asked for; empty where it was too long to keep."""
    try:
        payload = msgspec.json.decode(asked.payload) if asked.payload else {}
    except UNREADABLE:
        return {}
    found = payload.get("input") if isinstance(payload, dict) else None
    return found if isinstance(found, dict) else {}


def _questions(given: dict[str, Any]) -> list[str]:
    found = given.get("questions")
    rows = found if isinstance(found, list) else []
    texts = [row.get("question") for row in rows if isinstance(row, dict)]
    return [text for text in texts if isinstance(text, str)]


def _line(value: object) -> bytes:
    return _encoder.encode(value) + b"\n"
