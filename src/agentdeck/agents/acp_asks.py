"""Permissions that an agent asks for over ACP, and the ids by which they are answered."""

from __future__ import annotations

from typing import Any

import msgspec

from agentdeck.agents.acp_tools import Call
from agentdeck.agents.json_line import list_of, text_of
from agentdeck.agents.line_reader import mark_of
from agentdeck.agents.one_line import one_line
from agentdeck.agents.reports import ACTIVITY_CHARS, MAX_OPTIONS, Asked, Option


def asked(message: dict[str, Any], given: dict[str, Any], call: Call) -> Asked:
    """The question that a request for a permission is.

    Args:
        message: the request.
        given: its parameters.
        call: the tool call that it is about.
    """
    what = f"{call.name}: {call.target}" if call.target else call.name
    text = f"May it use {what}?"
    options, payload = _options(given), _payload(message)
    return Asked(request_id(message), text, "permission", call.name, call.target, options, payload)


def request_id(message: dict[str, Any]) -> str:
    """The id of a message as text: agents count them, or name them."""
    name = message.get("id")
    if isinstance(name, str):
        return one_line(name, ACTIVITY_CHARS)
    return str(name)[:ACTIVITY_CHARS] if isinstance(name, int) else ""


def mark_of_request(message: dict[str, Any]) -> str:
    """A few characters that stand for the id of a message; "" when it has none."""
    return mark_of(request_id(message)) if "id" in message else ""


def _payload(message: dict[str, Any]) -> str:
    name = message.get("id")
    if not isinstance(name, str | int) or len(str(name)) > ACTIVITY_CHARS:
        return ""
    try:
        return msgspec.json.encode({"id": name}).decode()
    except (ValueError, OverflowError):  # half an emoji, a number beyond 64 bits
        return ""


def _options(given: dict[str, Any]) -> tuple[Option, ...]:
    options = []
    for option in list_of(given, "options")[:MAX_OPTIONS]:
        name = one_line(text_of(option, "optionId"), ACTIVITY_CHARS)
        label = one_line(text_of(option, "name"), ACTIVITY_CHARS) or name
        match text_of(option, "kind"):
            case ("allow_once" | "allow_always" | "reject_once" | "reject_always") as kind if name:
                options.append(Option(name, label, kind))
            case _:
                pass
    return tuple(options)
