"""What Claude Code asks its host: may it use a tool, and what a person would rather have.

Rules:
- It asks so only when its permissions are prompted over its own input and output.
- A question to the person comes the same way, as a tool that wants to be used: its answers are
  part of the tool's input, so the input is kept for whoever answers.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from agentdeck.agents.json_line import list_of, table_of, text_of
from agentdeck.agents.one_line import one_line, plain_text
from agentdeck.agents.reports import (
    ACTIVITY_CHARS,
    MAX_OPTIONS,
    MESSAGE_CHARS,
    PAYLOAD_BYTES,
    Asked,
    Option,
    Report,
    Withdrawn,
)
from agentdeck.agents.tool_inputs import target_of

ALLOW: Final = Option("allow", "Allow", "allow_once")
DENY: Final = Option("deny", "Deny", "reject_once")
QUESTION_TOOL: Final = "AskUserQuestion"
MAX_QUESTIONS: Final = 8  # asked at once; it asks at most four


def asked(found: dict[str, Any], root: str) -> list[Report]:
    """What a `control_request` asks; nothing when it is not about a tool."""
    request = table_of(found, "request")
    question = question_id(found)
    if text_of(request, "subtype") != "can_use_tool" or not question:
        return []
    tool = one_line(text_of(request, "tool_name"), ACTIVITY_CHARS) or "tool"
    given = table_of(request, "input")
    payload = _payload(given, list_of(request, "permission_suggestions"))
    if tool == QUESTION_TOOL:
        text, options = _question(given)
        return [Asked(question, text, "question", tool, "", options, payload)]
    target = target_of(given, root)
    text = f"May it use {tool}: {target}?" if target else f"May it use {tool}?"
    return [Asked(question, text, "permission", tool, target, (ALLOW, DENY), payload)]


def withdrawn(found: dict[str, Any]) -> list[Report]:
    """What a `control_cancel_request` takes back."""
    question = question_id(found)
    return [Withdrawn(question)] if question else []


def question_id(found: dict[str, Any]) -> str:
    """The id of a control request."""
    return one_line(text_of(found, "request_id"), ACTIVITY_CHARS)


def _question(given: dict[str, Any]) -> tuple[str, tuple[Option, ...]]:
    """The words of a question, and its answers where there is one to choose."""
    questions = list_of(given, "questions")[:MAX_QUESTIONS]
    lines, options = [], tuple[Option, ...]()
    for question in questions:
        choices = list_of(question, "options")[:MAX_OPTIONS]
        labels = [one_line(text_of(choice, "label"), ACTIVITY_CHARS) for choice in choices]
        labels = [label for label in labels if label]
        words = one_line(text_of(question, "question"), MESSAGE_CHARS)
        lines.append(f"{words} ({' / '.join(labels)})" if labels else words)
        if len(questions) == 1 and question.get("multiSelect") is not True:
            options = tuple(Option(label, label, "answer") for label in labels)
    return plain_text("\n".join(lines), MESSAGE_CHARS), options


def _payload(given: dict[str, Any], suggestions: list[Any]) -> str:
    try:
        payload = msgspec.json.encode({"input": given, "suggestions": suggestions})
    except (ValueError, RecursionError, OverflowError):  # half an emoji, a number beyond 64 bits
        return ""
    return payload.decode() if len(payload) <= PAYLOAD_BYTES else ""
