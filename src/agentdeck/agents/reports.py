"""What an agent's stream says, in words that are the same for every agent.

Rules:
- A report is frozen and bounded: long text was cut when it was read.
- `Usage` carries totals of the attempt, never increments, so hearing it twice does no harm.
- `Summary` is all that is remembered of the reports; given back to a reader, the totals go on.
"""

from __future__ import annotations

from typing import Final, TypeAlias, assert_never

import msgspec

from agentdeck.agents.one_line import one_line, plain_text
from agentdeck.core.events import FailureClass

ACTIVITY_CHARS: Final = 160  # of one row on the widest screen
MESSAGE_CHARS: Final = 1200  # of the latest prose; goes into the journal once a second
DETAIL_CHARS: Final = 400  # a cause in a sentence or two
NOISE_CHARS: Final = 240  # enough to recognise a line by
MESSAGE_LINES: Final = 8  # of plain output; the log has them all


class Started(msgspec.Struct, frozen=True):
    """The agent has begun a session."""

    session: str | None
    model: str | None


class Said(msgspec.Struct, frozen=True):
    """Prose of the agent; may have several lines."""

    text: str


class Printed(msgspec.Struct, frozen=True):
    """A line of output that is nobody's prose: of a plain command."""

    text: str


class Noted(msgspec.Struct, frozen=True):
    """What goes on besides tools and prose, such as a retry of the model's service."""

    text: str


class ToolUsed(msgspec.Struct, frozen=True):
    """A tool call: once when it begins ("running"), and once when it ended ("ok", "failed")."""

    name: str
    target: str
    status: str
    detail: str = ""


class Usage(msgspec.Struct, frozen=True):
    """Totals so far. `tokens_in` leaves out what came from a cache."""

    tokens_in: int
    tokens_out: int
    usd: float


class Asked(msgspec.Struct, frozen=True):
    """The agent waits for a person."""

    question: str  # its id, unique in the attempt
    text: str


class Ended(msgspec.Struct, frozen=True):
    """The result of the whole attempt, as the agent sees it."""

    ok: bool
    detail: str
    cause: FailureClass | None = None
    retry_at: float | None = None  # seconds since the epoch, when a limit says it resets


class Noise(msgspec.Struct, frozen=True):
    """A line without a meaning for us. `foreign` = not even of the agent's format."""

    raw: str
    foreign: bool = False


Report: TypeAlias = Started | Said | Printed | Noted | ToolUsed | Usage | Asked | Ended | Noise


class Summary(msgspec.Struct):
    """The totals of an attempt, as `AttemptProgressed` carries them."""

    session: str | None = None
    model: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    tools: int = 0
    activity: str = ""
    message: str = ""

    def take(self, report: Report) -> None:
        """Add what one report says. Totals never fall."""
        match report:
            case Started(session, model):
                self.session, self.model = session or self.session, model or self.model
            case Said(text):
                self.message = plain_text(text, MESSAGE_CHARS)
                self.activity = one_line(text, ACTIVITY_CHARS)
            case Printed(text):
                lines = [*self.message.split("\n"), text][-MESSAGE_LINES:]
                self.message = "\n".join(lines).strip()[-MESSAGE_CHARS:]
                self.activity = one_line(text, ACTIVITY_CHARS)
            case Noted(text):
                self.activity = one_line(text, ACTIVITY_CHARS)
            case ToolUsed(name, target, status):
                if status == "running":
                    self.tools += 1
                    self.activity = one_line(f"{name} {target}", ACTIVITY_CHARS)
            case Usage(tokens_in, tokens_out, usd):
                self.tokens_in = max(self.tokens_in, tokens_in)
                self.tokens_out = max(self.tokens_out, tokens_out)
                self.usd = max(self.usd, usd)
            case Asked(_, text):
                self.activity = one_line(f"asks: {text}", ACTIVITY_CHARS)
            case Ended() | Noise():
                pass
            case _ as never:
                assert_never(never)
