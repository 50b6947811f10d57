"""What the engine says to a running bridge: one JSON object a line, on its standard input.

Rules:
- `{"type":"prompt","id":..,"text":..}`, `{"type":"permission","id":..,"option":<optionId>|null}`,
  `{"type":"cancel"}`, `{"type":"end"}`. Unknown keys are ignored, ids may be numbers.
- A line that means nothing is a `Mistake` with a reason. Nothing that is read here raises.
- A permission must name its option, or null for "cancelled": a forgotten key grants nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from agentdeck.agents.json_line import parse_object
from agentdeck.agents.one_line import decoded_line

MAX_LINE_BYTES: Final = 4 << 20  # the engine sends at most 1 MiB of text; escapes make it longer
SHOWN_CHARS: Final = 80  # of a line that is not understood


@dataclass(frozen=True, slots=True)
class Prompt:
    """Something more to tell the agent."""

    id: str  # the sender's own; comes back in notes
    text: str


@dataclass(frozen=True, slots=True)
class Permission:
    """The answer to a permission request."""

    request: str  # the JSON-RPC id of the request
    option: str | None  # an optionId; None = cancelled


@dataclass(frozen=True, slots=True)
class Cancel:
    """End the turn that is running."""


@dataclass(frozen=True, slots=True)
class End:
    """No more prompts will come."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A line that means nothing."""

    reason: str


Control: TypeAlias = Prompt | Permission | Cancel | End | Mistake


def read_control(line: bytes) -> Control | None:
    """What one line says; None for an empty one."""
    if not line.strip():
        return None
    found = parse_object(line)
    if found is None:
        return Mistake(f"not a JSON object: {decoded_line(line, SHOWN_CHARS)}")
    match found.get("type"):
        case "prompt":
            return _prompt(found)
        case "permission":
            return _permission(found)
        case "cancel":
            return Cancel()
        case "end":
            return End()
    return Mistake(f"unknown type: {decoded_line(line, SHOWN_CHARS)}")


def _prompt(found: dict[str, Any]) -> Control:
    text = found.get("text")
    if not isinstance(text, str) or not text.strip():
        return Mistake("a prompt without text")
    return Prompt(_id(found) or "", text)


def _permission(found: dict[str, Any]) -> Control:
    request, option = _id(found), found.get("option", 0)
    if request is None:
        return Mistake("a permission without the id of its request")
    if option is not None and not isinstance(option, str):
        return Mistake("a permission without an option")
    return Permission(request, option)


def _id(found: dict[str, Any]) -> str | None:
    value = found.get("id")
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value)
