"""How a conversation ended, and whose fault that is.

Rules:
- A stop reason of the protocol speaks for itself. An error is judged by its HTTP status where one
  can be found, then by its words, then by its JSON-RPC code: agents use the codes differently.
- Whatever cannot be blamed on the account, the service or the network is the agent's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from agentdeck.agents.json_line import parse_object, table_of, text_of
from agentdeck.agents.one_line import one_line
from agentdeck.core.events import FailureClass
from agentdeck.engine.acp.messages import AUTH_REQUIRED

DETAIL_CHARS: Final = 500  # of an error: a sentence or two, not a page of HTML
MAX_NESTING: Final = 5  # levels of an error's data that are searched for a status


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn or the whole conversation ended."""

    ok: bool
    cause: FailureClass | None  # None exactly when ok
    detail: str


class Failed(Exception):
    """The conversation cannot go on."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


class AgentError(Exception):
    """The agent answered a request with an error."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data

    @property
    def outcome(self) -> Outcome:
        """What it means for the conversation."""
        return of_error(self.code, str(self), self.data)


_BY_REASON: Final = {
    "refusal": (FailureClass.REFUSED, "the model refused to go on"),
    "max_tokens": (FailureClass.TURN_LIMIT, "the turn reached the model's limit of tokens"),
    "max_turn_requests": (FailureClass.TURN_LIMIT, "the turn reached its limit of model requests"),
    "cancelled": (FailureClass.STOPPED, "the turn was cancelled"),
}
_BY_STATUS: Final = {
    401: FailureClass.AUTH,
    402: FailureClass.AUTH,  # no credit: a person has to do something, as with a bad key
    403: FailureClass.AUTH,
    408: FailureClass.NETWORK,
    429: FailureClass.RATE_LIMIT,
}
_USED_UP: Final = re.compile(r"insufficient.quota|usage limit|hit your .{0,20}limit|out of credit")
_BY_WORDS: Final = (
    (_USED_UP, FailureClass.QUOTA),
    (re.compile(r"rate.?limit|too many requests|resource.exhausted"), FailureClass.RATE_LIMIT),
    (
        re.compile(
            r"api.?key|unauthori[sz]ed|/login|not logged in|log ?in first|credit balance"
            r"|authentication (is )?(required|failed)|oauth token|sign in"
        ),
        FailureClass.AUTH,
    ),
    (
        re.compile(
            r"connection (error|refused|reset|closed)|\beconn|enotfound|eai_again|timed out|timeout"
            r"|fetch failed|network|socket hang up|unable to connect|stream (ended|closed)"
            r"|stream disconnected"
        ),
        FailureClass.NETWORK,
    ),
    (re.compile(r"overloaded|high demand|unavailable|internal server"), FailureClass.OVERLOAD),
)
_STATUS_WORDS: Final = re.compile(r"(?:http|status|error|code)[\s:=(]{0,3}([45]\d\d)\b")
_STATUS_KEYS: Final = (
    "statusCode",
    "status",
    "httpStatus",
    "httpStatusCode",
    "status_code",
    "code",
)


def failure(cause: FailureClass, detail: str) -> Outcome:
    """An outcome that is not ok, its detail on one bounded line."""
    return Outcome(False, cause, one_line(detail, DETAIL_CHARS) or cause.value)


def of_stop_reason(reason: object) -> Outcome:
    """The outcome of a turn that the agent ended with this stop reason."""
    if reason == "end_turn":
        return Outcome(True, None, "")
    if isinstance(reason, str) and reason in _BY_REASON:
        return failure(*_BY_REASON[reason])
    return failure(FailureClass.AGENT, f"the turn ended with an unknown reason: {reason!r}")


def of_error(code: int, message: str, data: Any = None) -> Outcome:
    """The outcome of a request that the agent answered with an error.

    Args:
        code: of JSON-RPC, of HTTP, or something else: agents differ.
        message: for a person.
        data: whatever the agent added; texts and a status within it are looked at.
    """
    said = " ".join([message, *_texts(data)])
    lowered = said.lower()
    status = code if 400 <= code < 600 else _status(data) or _worded_status(lowered)
    return failure(_cause(code, status, lowered), _wording(message, data, code))


def _cause(code: int, status: int, lowered: str) -> FailureClass:
    if status == 429 and _USED_UP.search(lowered):
        return FailureClass.QUOTA
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return FailureClass.OVERLOAD
    for words, cause in _BY_WORDS:
        if words.search(lowered):
            return cause
    return FailureClass.AUTH if code == AUTH_REQUIRED else FailureClass.AGENT


def _wording(message: str, data: Any, code: int) -> str:
    """The message, and the first text of the data where the message alone says nothing."""
    packed = parse_object(message.encode("utf-8", "replace"))
    plain = (message if packed is None else _said(packed) or message).strip() or f"error {code}"
    if plain.lower().rstrip(".") not in {"internal error", "error", "invalid params"}:
        return plain
    more = next((text for text in _texts(data) if text.strip()), "")
    return f"{plain}: {more}" if more else plain


def _said(error: dict[str, Any], depth: int = 0) -> str:
    """The message within an error of a service, as Gemini CLI passes it on."""
    inner = table_of(error, "error")
    if inner and depth < MAX_NESTING:
        return _said(inner, depth + 1)
    return text_of(error, "message")


def _texts(data: Any, depth: int = 0) -> list[str]:
    if isinstance(data, str):
        inner = parse_object(data.encode("utf-8", "replace"))
        return [data] if inner is None or depth else [data, *_texts(inner, depth + 1)]
    if isinstance(data, dict) and depth < MAX_NESTING:
        return [text for value in data.values() for text in _texts(value, depth + 1)]
    return []


def _status(data: Any, depth: int = 0) -> int:
    """An HTTP status of an error within the data, or 0."""
    if not isinstance(data, dict) or depth >= MAX_NESTING:
        return 0
    for key in _STATUS_KEYS:
        value = data.get(key)
        if isinstance(value, int) and 400 <= value < 600:
            return value
    return next((found for value in data.values() if (found := _status(value, depth + 1))), 0)


def _worded_status(lowered: str) -> int:
    found = _STATUS_WORDS.search(lowered)
    return int(found[1]) if found else 0
