"""Whose fault a failed result of Claude Code is: the account, the service, the network, the agent.

Rules: the HTTP status decides where there is one, then the error's name, then its words.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from agentdeck.agents.json_line import count_of, text_of
from agentdeck.core.events import FailureClass


class Failure(msgspec.Struct, frozen=True):
    """A cause, and when a limit resets (seconds since the epoch)."""

    cause: FailureClass
    retry_at: float | None = None


_BY_STATUS: Final = {
    401: FailureClass.AUTH,
    402: FailureClass.AUTH,  # no credit: a person has to do something, as with a bad key
    403: FailureClass.AUTH,
    408: FailureClass.NETWORK,
    429: FailureClass.RATE_LIMIT,
}
_BY_NAME: Final = {
    "authentication_error": FailureClass.AUTH,
    "authentication_failed": FailureClass.AUTH,
    "billing_error": FailureClass.AUTH,
    "permission_error": FailureClass.AUTH,
    "overloaded": FailureClass.OVERLOAD,
    "overloaded_error": FailureClass.OVERLOAD,
    "server_error": FailureClass.OVERLOAD,
    "rate_limit": FailureClass.RATE_LIMIT,
    "rate_limit_error": FailureClass.RATE_LIMIT,
    "timeout_error": FailureClass.NETWORK,
}
_BY_WORDS: Final = (
    (
        re.compile(r"\blimit reached|hit your (\w+ )?limit|rate.?limit", re.IGNORECASE),
        FailureClass.RATE_LIMIT,
    ),
    (
        re.compile(r"invalid api key|/login|credit balance|oauth token", re.IGNORECASE),
        FailureClass.AUTH,
    ),
    (
        re.compile(
            r"connection (error|refused|reset)|ECONN|ENOTFOUND|EAI_AGAIN|timed out|fetch failed",
            re.IGNORECASE,
        ),
        FailureClass.NETWORK,
    ),
    (re.compile(r"overloaded", re.IGNORECASE), FailureClass.OVERLOAD),
)
_RESET: Final = re.compile(r"\|(\d{10})\b")  # "usage limit reached|1764000000"


def api_failure(result: dict[str, Any], said: str, blamed: str) -> Failure | None:
    """The cause of a failed result outside the agent, or None when it is the agent's own.

    Args:
        result: the line.
        said: its text, on one line.
        blamed: the latest error that the stream named before it.
    """
    status = count_of(result, "api_error_status")
    if status in _BY_STATUS:
        return _with_reset(_BY_STATUS[status], said)
    if status >= 500:
        return Failure(FailureClass.OVERLOAD)
    named = _BY_NAME.get(text_of(result, "api_error_type"))
    if named is not None:
        return _with_reset(named, said)
    if status:
        return None  # a request that the service refuses for what it says
    if text_of(result, "subtype") not in {"", "success"}:
        return None  # turns or money used up, or interrupted: not the service
    for words, cause in _BY_WORDS:
        if words.search(said):
            return _with_reset(cause, said)
    if text_of(result, "terminal_reason") == "api_error":
        return Failure(_BY_NAME.get(blamed, FailureClass.NETWORK))
    return Failure(_BY_NAME[blamed]) if blamed in _BY_NAME else None


def _with_reset(cause: FailureClass, said: str) -> Failure:
    reset = _RESET.search(said) if cause is FailureClass.RATE_LIMIT else None
    return Failure(cause, float(reset[1]) if reset else None)
