"""Lines of the agent's output sorted into messages, before the SDK sees them. Pure.

Rules:
- The SDK's receive loop ends on a message of the wrong shape, and with it the conversation. So
  only messages that JSON-RPC allows get through.
- Numbers that no JSON can hold (NaN, Infinity) make a line no message: it could not be logged.
- An error is brought into the shape that JSON-RPC gives it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

# Codes of errors: of JSON-RPC, and of the protocol.
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
AUTH_REQUIRED: Final = -32000  # "log in first"
NOT_FOUND: Final = -32002  # a resource that is not there


@dataclass(frozen=True, slots=True)
class Request:
    """The agent wants an answer."""

    id: str  # its JSON-RPC id as text
    message: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Notification:
    """The agent tells something."""

    method: str
    params: Any


@dataclass(frozen=True, slots=True)
class Response:
    """The agent answers."""

    message: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Junk:
    """An object that is no message."""

    reason: str


Incoming: TypeAlias = Request | Notification | Response | Junk


def read_message(line: bytes) -> dict[str, Any] | None:
    """The JSON object on a line, or None."""
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        text = line.decode("utf-8", "replace")
        found = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):  # no JSON, a number of thousands of digits, deep nesting
        return None
    return found if isinstance(found, dict) else None


def sort(message: dict[str, Any]) -> Incoming:
    """What kind of message this is."""
    if "method" in message:
        method = message["method"]
        if not isinstance(method, str):
            return Junk("a message whose method is no text")
        if "id" not in message:
            return Notification(method, message.get("params"))
        if isinstance(message["id"], bool | dict | list):
            return Junk("a request whose id is neither text nor number")
        return Request(str(message["id"]), message)
    identifier = message.get("id")
    if not isinstance(identifier, int) or isinstance(identifier, bool):
        return Junk("an answer to no request of ours")
    if "error" in message and message["error"] is not None:
        return Response({"id": identifier, "error": _error(message["error"])})
    if "result" not in message:
        return Junk("an answer without a result")
    return Response({"id": identifier, "result": message["result"]})


def cancelled_request(params: Any) -> str | None:
    """The id that a `$/cancel_request` names."""
    identifier = params.get("requestId") if isinstance(params, dict) else None
    return str(identifier) if isinstance(identifier, str | int) else None


def _error(error: Any) -> dict[str, Any]:
    if not isinstance(error, dict):
        return {"code": INTERNAL_ERROR, "message": str(error)}
    code, said = error.get("code"), error.get("message")
    return {
        "code": code if isinstance(code, int) else INTERNAL_ERROR,
        "message": said if isinstance(said, str) else "",
        "data": error.get("data"),
    }


def _refuse(constant: str) -> float:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
