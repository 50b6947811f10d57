"""How an attempt or a turn of it may end early.

Rules: the kinds of trouble are the words of `agentdeck.core.events.FailureClass`, and three more
that only an agent's command line knows.
"""

from __future__ import annotations

from agentdeck.testing.scripted.signals import ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

CRASH = "crash"  # words on standard error and a code, but no result
AGENT = "agent"  # the agent says that it failed
GIT = "git"
RATE_LIMIT = "rate limit"
QUOTA = "quota"
OVERLOAD = "overload"
NETWORK = "network"
AUTH = "auth"
REFUSED = "refused"
TURN_LIMIT = "turn limit"
SCRIPT = "script"  # the script or the command line cannot be understood
NO_SESSION = "no session"  # the one to be resumed is unknown
SESSION_USED = "session used"  # the id that was chosen belongs to an earlier one

STATUS = {RATE_LIMIT: 429, QUOTA: 429, OVERLOAD: 500, AUTH: 401}  # of HTTP; others have none


class Stopped(Exception):
    """A signal asked for an end."""

    def __init__(self, number: int) -> None:
        self.number = number


class Trouble(Exception):
    """The attempt, or one turn of it, ends as a failure.

    Args:
        kind: one of the words above.
        detail: what happened, in a sentence.
        code: exit code, for a crash and for a format that has no code of its own.
        wait_s: seconds until a limit resets.
    """

    def __init__(self, kind: str, detail: str, *, code: int = 1, wait_s: float = 0.0) -> None:
        self.kind, self.detail, self.code, self.wait_s = kind, detail, code, wait_s


class TurnEnds(Exception):
    """The turn ends well, and before the end of the script: it asked, or was cut off."""


class Interrupted(Exception):
    """Who talks to the agent asked it to drop this turn."""


def hang() -> NoReturn:
    """Never end, hear nothing and say nothing."""
    while True:
        ready(None)
