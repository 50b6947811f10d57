"""Whose fault a failure is, from what agents say of it: the account, the service, the network.

Rules:
- The words of a used-up allowance decide first: services answer them with the status of a rate
  limit, or of a bad request.
- Then the HTTP status, given or named in the text, then the other words.
- None means that the words name nobody outside: it is the agent's own failure.
"""

from __future__ import annotations

import re
from typing import Final

from agentdeck.core.events import FailureClass

WORDS_CHARS: Final = 2000  # of a text that are searched; causes are named early

_BY_STATUS: Final = {
    401: FailureClass.AUTH,
    402: FailureClass.QUOTA,
    403: FailureClass.AUTH,
    407: FailureClass.NETWORK,
    408: FailureClass.NETWORK,
    429: FailureClass.RATE_LIMIT,
}
_STATUS: Final = re.compile(
    r"""(?:status(?:[ _]?code)?["']?[ :=]{1,3}|"code" ?: ?|\bHTTP[ /]|\bError:? |\((?=\d{3}\)))"""
    r"([45]\d\d)\b",
    re.IGNORECASE,
)
_SPENT: Final = re.compile(
    r"usage limit|(?<!rate )limit reached|hit your (?:[\w-]{1,20} ){0,3}limit"
    r"|(?:weekly|monthly|daily|session|5-hour|five.hour) limit|insufficient.quota|current quota"
    r"|quota (?:was )?(?:exceeded|exhausted|reached)|exhausted your|credit balance|billing"
    r"|out of (?:extra )?(?:usage|credits?)|purchase more credits",
    re.IGNORECASE,
)
# In this order: what comes first is the more certain sign.
_WORDS: Final[dict[FailureClass, str]] = {
    FailureClass.RATE_LIMIT: r"rate.?limit|too many requests|resource.exhausted",
    FailureClass.AUTH: r"(?:invalid|incorrect|missing|no) api.?key"
    r"|api.?key (?:is )?(?:not valid|invalid|missing)|/login|oauth token|authentication"
    r"|unauthori[sz]ed|unauthenticated|not logged in|permission.denied|not able to authenticate"
    r"|token (?:has |is )?expired",
    FailureClass.OVERLOAD: r"overloaded|high demand|internal.?server.?error|server.error"
    r"|service.?unavailable|\bunavailable\b|bad gateway|at capacity",
    FailureClass.NETWORK: r"stream (?:disconnected|closed|error)"
    r"|connection ?(?:error|refused|reset|closed)|ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT"
    r"|timed? ?out|fetch failed|\bnetwork\b|socket hang|failed to resolve|name resolution",
    FailureClass.NO_PROGRESS: r"loop detected",
    FailureClass.TURN_LIMIT: r"max(?:imum)?[ _](?:(?:number of|session) )?turns|turn.?limit"
    r"|max(?:imum)?[ _]budget",
    FailureClass.REFUSED: r"\brefus(?:al|ed to)\b|usage policy|content.filter",
}
_BY_WORDS: Final = {cause: re.compile(words, re.IGNORECASE) for cause, words in _WORDS.items()}
_RESET: Final = re.compile(r"\|(\d{10})\b")  # "usage limit reached|1764000000"


def cause_of(text: str, status: int = 0) -> FailureClass | None:
    """Who is to blame, or None when it is the agent itself.

    Args:
        text: what the agent or the service said.
        status: the HTTP status, 0 = not told; then one in the text is looked for.
    """
    if is_spent(text):
        return FailureClass.QUOTA
    if status:
        return cause_of_status(status)
    text = text[:WORDS_CHARS]
    named = _STATUS.search(text)
    found = cause_of_status(int(named[1])) if named else None
    if found is not None:
        return found
    return next((cause for cause, words in _BY_WORDS.items() if words.search(text)), None)


def is_spent(text: str) -> bool:
    """Do these words say that an allowance is used up?"""
    return _SPENT.search(text[:WORDS_CHARS]) is not None


def cause_of_status(status: int) -> FailureClass | None:
    """What an HTTP status says by itself."""
    if status >= 500:
        return FailureClass.OVERLOAD
    return _BY_STATUS.get(status)


def reset_in(text: str) -> float | None:
    """When a limit told in words resets, seconds since the epoch."""
    found = _RESET.search(text[:WORDS_CHARS])
    return float(found[1]) if found else None
