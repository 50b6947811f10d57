"""How a prompt of ACP ended: its stop reason, its usage, or the error that answered it.

Rules:
- The usage of an answer is that of its prompt, so prompts are summed. Some agents tell only that of
  their last request, some none: what is told is a floor.
- Errors of the model's service come with codes that differ by agent: an HTTP status, or one of
  JSON-RPC. So the words count too.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from agentdeck.agents.blame import cause_of
from agentdeck.agents.json_line import count_of, table_of, text_of
from agentdeck.agents.one_line import one_line
from agentdeck.agents.reports import DETAIL_CHARS, Ended, Totals
from agentdeck.core.events import FailureClass

AUTH_REQUIRED: Final = -32000  # by the protocol; some agents use it for any error
_BY_REASON: Final = {
    "end_turn": Ended(True, ""),
    "max_tokens": Ended(False, "it used up its tokens", FailureClass.TURN_LIMIT),
    "max_turn_requests": Ended(False, "it used up its turns", FailureClass.TURN_LIMIT),
    "refusal": Ended(False, "the model refused", FailureClass.REFUSED),
    "cancelled": Ended(False, "it was cancelled", FailureClass.STOPPED),
}
CAUSES: Final = {cause.value: cause for cause in FailureClass}


def ended(answer: dict[str, Any]) -> Ended:
    """The result that the answer to a prompt is."""
    if "error" in answer:
        return failure(table_of(answer, "error"))
    reason = text_of(table_of(answer, "result"), "stopReason")
    known = _BY_REASON.get(reason)
    if known is not None:
        return known
    return Ended(False, one_line(f"it stopped: {reason}", DETAIL_CHARS), FailureClass.AGENT)


def failure(error: dict[str, Any]) -> Ended:
    """What an error of JSON-RPC says."""
    said = one_line(text_of(error, "message"), DETAIL_CHARS)
    code = error.get("code")
    code = code if isinstance(code, int) else 0
    words = f"{said} {_words(error.get('data'))}"
    cause = cause_of(words, code if 400 <= code < 600 else 0)
    if cause is None and code == AUTH_REQUIRED:
        cause = FailureClass.AUTH
    return Ended(False, said or "the agent answered with an error", cause or FailureClass.AGENT)


def ended_by_bridge(message: dict[str, Any]) -> Ended:
    """What the program says that speaks to the agent, once there is nothing more to say."""
    ok = message.get("ok") is True
    cause = None if ok else CAUSES.get(text_of(message, "cause"))
    return Ended(ok, one_line(text_of(message, "detail"), DETAIL_CHARS), cause)


def used_by(answer: dict[str, Any]) -> Totals:
    """What a prompt used, as far as its answer tells."""
    result = table_of(answer, "result")
    usage = table_of(result, "usage")
    if usage:
        fresh = count_of(usage, "inputTokens") + count_of(usage, "cachedWriteTokens")
        read, out = count_of(usage, "cachedReadTokens"), count_of(usage, "outputTokens")
        most = out + count_of(usage, "thoughtTokens")
        rest = count_of(usage, "totalTokens") - fresh - read
        return Totals(fresh, min(most, max(out, rest)), read)
    counted = table_of(table_of(table_of(result, "_meta"), "quota"), "token_count")
    return Totals(count_of(counted, "input_tokens"), count_of(counted, "output_tokens"))


def _words(data: Any) -> str:
    """The text of what an error has besides its message."""
    if isinstance(data, str):
        return data[:DETAIL_CHARS]
    try:
        return msgspec.json.encode(data).decode()[:DETAIL_CHARS]
    except (ValueError, RecursionError, OverflowError):
        return ""
