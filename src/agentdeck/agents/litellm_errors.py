"""Errors of litellm, the library by which aider and mini-swe-agent speak to models.

Rules: an error is a line that begins with `litellm.NAME:`, alone or after the name once more. Its
text may go on in the next line; the name is what counts.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from agentdeck.agents.blame import cause_of, is_spent
from agentdeck.agents.one_line import one_line
from agentdeck.core.events import FailureClass

SAID_CHARS: Final = 100  # of an error that are kept until the end of the run
_ERROR: Final = re.compile(r"(?:\w{1,60}: )?litellm\.(\w{1,60}): ")
_BY_NAME: Final = {
    "APIConnectionError": FailureClass.NETWORK,
    "AuthenticationError": FailureClass.AUTH,
    "BadGatewayError": FailureClass.OVERLOAD,
    "BudgetExceededError": FailureClass.QUOTA,
    "ContentPolicyViolationError": FailureClass.REFUSED,
    "InternalServerError": FailureClass.OVERLOAD,
    "PermissionDeniedError": FailureClass.AUTH,
    "RateLimitError": FailureClass.RATE_LIMIT,
    "ServiceUnavailableError": FailureClass.OVERLOAD,
    "Timeout": FailureClass.NETWORK,
}


class LitellmError(msgspec.Struct, frozen=True):
    """What went wrong between the agent and its model."""

    cause: FailureClass | None  # None: the request itself was wrong
    said: str


def error_in(line: str) -> LitellmError | None:
    """The error that this line begins, if it is one."""
    found = _ERROR.match(line)
    if found is None:
        return None
    return LitellmError(cause_by_name(found[1], line), one_line(line, SAID_CHARS))


def cause_by_name(name: str, said: str) -> FailureClass | None:
    """Who is to blame for an error of this name; its words tell of a used-up allowance."""
    if is_spent(said):
        return FailureClass.QUOTA
    return _BY_NAME.get(name) or cause_of(said)
