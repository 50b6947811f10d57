"""Whose fault a failure is: words that agents and services were seen to use."""

from __future__ import annotations

import pytest

from agentdeck.agents.blame import cause_of, reset_in
from agentdeck.core.events import FailureClass as F


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("We’re currently experiencing high demand, which may cause temporary errors.", F.OVERLOAD),
        ("exceeded retry limit, last status: 429 Too Many Requests", F.RATE_LIMIT),
        ("unexpected status 401 Unauthorized: , url: http://127.0.0.1/v1", F.AUTH),
        ("You've hit your usage limit. Visit https://… or try again at 3:28 PM.", F.QUOTA),
        ("You've hit your weekly limit · resets 3am", F.QUOTA),
        ("Claude AI usage limit reached|1795240000", F.QUOTA),
        ("You exceeded your current quota, please check your plan and billing details", F.QUOTA),
        ("stream disconnected before completion: error sending request", F.NETWORK),
        ("Reconnecting... waiting for network", F.NETWORK),
        ('[API Error: {"error":{"message":"stub: HTTP 401 on purpose","code":401}}]', F.AUTH),
        ("[API Error: You have exhausted your daily quota on this model.]", F.QUOTA),
        ("Loop detected, stopping execution", F.NO_PROGRESS),
        ("Maximum session turns exceeded", F.TURN_LIMIT),
        ("Internal error: stub: HTTP 401 on purpose", F.AUTH),
        ("Authentication required", F.AUTH),
        ("litellm.AuthenticationError: AuthenticationError: OpenAIException", F.AUTH),
        ("litellm.RateLimitError: RateLimitError: OpenAIException", F.RATE_LIMIT),
        ("Rate limit reached for gpt in organization org on tokens per min", F.RATE_LIMIT),
        ("litellm.InternalServerError: InternalServerError", F.OVERLOAD),
        ("litellm.APIConnectionError: Connection error.", F.NETWORK),
        ("API Error: Request rejected (429) · no", F.RATE_LIMIT),
        ("getaddrinfo ENOTFOUND api.example.com", F.NETWORK),
        ("Overloaded", F.OVERLOAD),
        ("violates our usage policy", F.REFUSED),
        ("prompt is too long: 250000 tokens", None),
        ("took 500 steps of 429", None),
        ("the tests failed (500 lines of output)", None),
        ("", None),
    ],
)
def test_words_name_a_cause(text: str, cause: F | None) -> None:
    assert cause_of(text) is cause


def test_a_status_is_surer_than_words_but_not_than_a_used_up_allowance() -> None:
    """A rejected request of 400 is the agent's own, whatever else its text has."""
    assert cause_of("rate limit", 400) is None
    assert cause_of("please wait", 503) is F.OVERLOAD
    assert cause_of("insufficient_quota", 429) is F.QUOTA
    assert cause_of("", 402) is F.QUOTA


def test_a_reset_time_is_found_only_where_it_is_meant() -> None:
    assert reset_in("limit reached|1795240000") == 1795240000.0
    assert reset_in("id 1795240000") is None
