"""Whose fault it is. The errors are those that agents were seen to send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.events import FailureClass
from agentdeck.engine.acp.outcome import DETAIL_CHARS, of_error, of_stop_reason
from agentdeck.engine.acp.troubles import Troubles

HIGH_DEMAND = "We're currently experiencing high demand, which may cause temporary errors."


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("end_turn", None),
        ("refusal", FailureClass.REFUSED),
        ("max_tokens", FailureClass.TURN_LIMIT),
        ("max_turn_requests", FailureClass.TURN_LIMIT),
        ("cancelled", FailureClass.STOPPED),
        ("tired", FailureClass.AGENT),
        ("", FailureClass.AGENT),
        (None, FailureClass.AGENT),
        ({}, FailureClass.AGENT),
    ],
)
def test_only_end_turn_is_good(reason: Any, cause: FailureClass | None) -> None:
    outcome = of_stop_reason(reason)
    assert outcome.cause is cause
    assert outcome.ok == (cause is None)


@pytest.mark.parametrize(
    ("code", "message", "data", "cause"),
    [
        (-32000, "Authentication required", None, FailureClass.AUTH),
        (-32603, "Internal error: stub: HTTP 401 on purpose", {"errorName": "APIError"}, "auth"),
        (401, '{"error":{"message":"bad key","code":401}}', None, "auth"),
        (-32603, "Internal error: rejected (429)", {"errorKind": "rate_limit"}, "rate limit"),
        (-32603, "Internal error: stub: HTTP 429 on purpose", {"service": "session"}, "rate limit"),
        (0, "exceeded retry limit, last status: 429 Too Many Requests", {}, "rate limit"),
        (429, "insufficient_quota: check your plan", None, "quota"),
        (-32603, "You have hit your weekly limit", None, "quota"),
        (-32603, "Internal error: API Error: 500 try again in a moment", None, "overload"),
        (529, "", None, "overload"),
        (-32603, HIGH_DEMAND, None, "overload"),
        (0, HIGH_DEMAND, {"message": "Reconnecting... 1/1"}, "overload"),
        (-32603, "fetch failed", {"cause": "ECONNREFUSED 127.0.0.1:9"}, "network"),
        (-32603, "Internal error", {"details": "getaddrinfo ENOTFOUND a.invalid"}, "network"),
        (-32602, "Session not found: 5", None, "agent"),
        (-32603, "Internal error", None, "agent"),
        (-32603, "line 429 of the file is odd", None, "agent"),
    ],
)  # fmt: skip
def test_an_error_is_blamed_on_who_caused_it(
    code: int, message: str, data: Any, cause: str
) -> None:
    assert of_error(code, message, data).cause == FailureClass(cause)


def test_the_detail_says_more_than_internal_error() -> None:
    assert of_error(-32603, "Internal error", {"details": "disk full"}).detail == (
        "Internal error: disk full"
    )


def test_the_detail_of_a_packed_error_is_its_message() -> None:
    packed = json.dumps({"type": "error", "error": {"message": "bad key", "code": 401}})
    assert of_error(401, packed).detail == "bad key"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.integers(), st.text(max_size=2000), JSON)
def test_any_error_gives_one_bounded_line_and_a_cause(code: int, message: str, data: Any) -> None:
    outcome = of_error(code, message, data)
    assert not outcome.ok
    assert outcome.cause is not None
    assert 0 < len(outcome.detail) <= DETAIL_CHARS
    assert "\n" not in outcome.detail


def update(meta: Any = None, **content: Any) -> dict[str, Any]:
    return {"update": {"_meta": {"codex": meta}, **content}}


def text(said: str) -> dict[str, Any]:
    return update(sessionUpdate="agent_message_chunk", content={"type": "text", "text": said})


def test_a_turn_that_codex_calls_good_after_a_system_error_has_failed() -> None:
    """The service refused every request, and the adapter answers `end_turn`."""
    troubles = Troubles()
    troubles.see(text("I begin."))
    retried = {"httpStatusCode": 429}
    troubles.see(update({"error": {"message": "Reconnecting... 1/1", "codexErrorInfo": retried}}))
    troubles.see(update({"threadStatus": {"type": "systemError"}}))
    troubles.see(text("exceeded retry limit"))
    outcome = troubles.judge(of_stop_reason("end_turn"))
    assert outcome.cause is FailureClass.RATE_LIMIT
    assert outcome.detail == "exceeded retry limit"


def test_an_error_that_a_retry_overcame_is_none() -> None:
    troubles = Troubles()
    troubles.see(update({"error": {"message": "Reconnecting... 1/5", "willRetry": True}}))
    troubles.see(update({"threadStatus": {"type": "idle"}}))
    assert troubles.judge(of_stop_reason("end_turn")).ok


@given(JSON)
def test_any_update_can_be_looked_at(params: Any) -> None:
    Troubles().see(params)
    Troubles().see({"update": params})
    Troubles().see(update(params))
