"""How a turn of Claude Code ended, and whose fault it is when it failed.

Rules:
- `subtype` "success" with `is_error` is a failure: errors of the service are reported so.
- The HTTP status decides where there is one, then the error's name, then its words, then what the
  stream blamed before.
- A model that would not is told by the reason it stopped, whether or not that is called an error.
- A rate limit that the account's own allowance set is a used-up quota, and says when it resets.
"""

from __future__ import annotations

from typing import Any, Final

from agentdeck.agents.blame import cause_of, cause_of_status, is_spent, reset_in
from agentdeck.agents.json_line import count_of, list_of, text_of
from agentdeck.agents.one_line import one_line
from agentdeck.agents.reports import DETAIL_CHARS, Ended
from agentdeck.core.events import FailureClass

BY_NAME: Final = {
    "authentication_error": FailureClass.AUTH,
    "authentication_failed": FailureClass.AUTH,
    "billing_error": FailureClass.QUOTA,
    "permission_error": FailureClass.AUTH,
    "overloaded": FailureClass.OVERLOAD,
    "overloaded_error": FailureClass.OVERLOAD,
    "server_error": FailureClass.OVERLOAD,
    "rate_limit": FailureClass.RATE_LIMIT,
    "rate_limit_error": FailureClass.RATE_LIMIT,
    "timeout_error": FailureClass.NETWORK,
}
_SPENT_SUBTYPES: Final = frozenset(("error_max_turns", "error_max_budget_usd"))
MAX_DENIALS: Final = 100  # counted of a result; nobody reads a larger number differently


def ended(result: dict[str, Any], blamed: str, resets_at: float | None, *, spent: bool) -> Ended:
    """What a result line says.

    Args:
        result: the line.
        blamed: the latest error that the stream named before it.
        resets_at: when the limit resets that the stream named before it, seconds since the epoch.
        spent: the stream said that the account's allowance is used up.
    """
    subtype = text_of(result, "subtype")
    errors = "; ".join(error for error in list_of(result, "errors") if isinstance(error, str))
    said = one_line(text_of(result, "result") or errors, DETAIL_CHARS)
    if subtype in {"", "success"} and text_of(result, "stop_reason") == "refusal":
        return Ended(False, said or "the model refused", FailureClass.REFUSED)
    if result.get("is_error") is not True and subtype in {"", "success"}:
        return Ended(True, _with_denials(result, said))
    detail = said or subtype.replace("_", " ") or "the agent reported an error"
    if subtype in _SPENT_SUBTYPES:
        return Ended(False, detail, FailureClass.TURN_LIMIT)
    if text_of(result, "terminal_reason").startswith("aborted"):
        detail = "it was interrupted"
    cause = _cause(result, said, blamed) or FailureClass.AGENT
    if spent and cause is FailureClass.RATE_LIMIT:
        cause = FailureClass.QUOTA
    limited = cause in {FailureClass.RATE_LIMIT, FailureClass.QUOTA}
    return Ended(False, detail, cause, (resets_at or reset_in(said)) if limited else None)


def _cause(result: dict[str, Any], said: str, blamed: str) -> FailureClass | None:
    """The cause outside the agent, or None when it is the agent's own."""
    status = count_of(result, "api_error_status")
    named = BY_NAME.get(text_of(result, "api_error_type"))
    if status or named:
        return FailureClass.QUOTA if is_spent(said) else cause_of_status(status) or named
    if text_of(result, "subtype") not in {"", "success"}:
        return None  # interrupted, or its own machinery: not the service
    found = cause_of(said)
    if found is None and text_of(result, "terminal_reason") == "api_error":
        return BY_NAME.get(blamed, FailureClass.NETWORK)
    return found or BY_NAME.get(blamed)


def _with_denials(result: dict[str, Any], said: str) -> str:
    """What was said, after the tools that were denied: they may be why nothing was done."""
    denied = list_of(result, "permission_denials")[:MAX_DENIALS]
    tools = dict.fromkeys(text_of(denial, "tool_name") for denial in denied)
    if not tools:
        return said
    calls = "1 tool call was denied" if len(denied) == 1 else f"{len(denied)} tool calls denied"
    return one_line(f"{calls} ({', '.join(tools)}): {said}", DETAIL_CHARS)
