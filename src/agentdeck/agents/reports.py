"""What an agent's stream says, in words that are the same for every agent.

Rules:
- A report is frozen and bounded: long text was cut, long lists were shortened when it was read.
- `Usage` carries totals of the attempt, never increments, so hearing it twice does no harm.
- Tokens are counted the same way for every vendor, so that they add up: what came from a cache is
  apart from what did not, and what a model thinks is part of what it writes.
- What agents say of their own limits and failures is told in `FailureClass`; no report has a class
  that its words did not name.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from agentdeck.core.events import FailureClass

ACTIVITY_CHARS: Final = 160  # of one row on the widest screen
MESSAGE_CHARS: Final = 1200  # of the latest prose; goes into the journal once a second
DETAIL_CHARS: Final = 400  # a cause in a sentence or two
NOISE_CHARS: Final = 240  # enough to recognise a line by
PATH_CHARS: Final = 512  # a longer path is left out: cut, it would be another path
MAX_PATHS: Final = 64  # of one call; a patch across more is a generated one
MAX_ITEMS: Final = 32  # of a to-do list; real ones have about ten
MAX_OPTIONS: Final = 12  # answers to choose from; real questions have four
PAYLOAD_BYTES: Final = 64 * 1024  # what has to be given back with an answer; more stays in the log


class Totals(msgspec.Struct, frozen=True, array_like=True):
    """What an attempt, or a session, has used."""

    tokens_in: int = 0  # input that did not come from a cache; what was written to one is in it
    tokens_out: int = 0  # output, thinking included
    tokens_cached: int = 0  # input read from a cache
    usd: float = 0.0  # 0 when the agent names no price


class Started(msgspec.Struct, frozen=True):
    """The agent has begun a session, or a turn of it."""

    session: str | None
    model: str | None


class Said(msgspec.Struct, frozen=True):
    """Prose of the agent; may have several lines."""

    text: str
    more: bool = False  # it goes on where the prose before it stopped, in the middle of a word too


class Printed(msgspec.Struct, frozen=True):
    """A line of output that is nobody's prose: of a plain command."""

    text: str


class Noted(msgspec.Struct, frozen=True):
    """What goes on besides tools and prose."""

    text: str


class ToolUsed(msgspec.Struct, frozen=True):
    """A tool call: once when it begins ("running"), and once when it ended ("ok", "failed")."""

    name: str
    target: str
    status: str
    detail: str = ""


class Touched(msgspec.Struct, frozen=True):
    """Files that the agent edits, as its stream says: early, and not proven.

    A path below the agent's folder is told from there; another one as the stream has it.
    """

    paths: tuple[str, ...]


class PlanItem(msgspec.Struct, frozen=True):
    """One thing an agent means to do."""

    text: str
    status: Literal["pending", "active", "done"]


class Planned(msgspec.Struct, frozen=True):
    """The agent's own to-do list as it is now, whole."""

    items: tuple[PlanItem, ...]


class Usage(msgspec.Struct, frozen=True):
    """Totals of the attempt so far.

    An `estimate` is what is known while the agent works: a floor, which only rises. Totals that are
    none replace whatever was estimated before.
    """

    tokens_in: int
    tokens_out: int
    usd: float
    tokens_cached: int = 0
    estimate: bool = False


class Limited(msgspec.Struct, frozen=True):
    """A limit, or a service in trouble, that the agent met and may still get over by itself."""

    cause: FailureClass
    detail: str
    resets_at: float | None = None  # seconds since the epoch
    utilization: float | None = None  # share of the allowance that is used, 0 to 1
    hit: bool = True  # False: a warning, requests are still served


class Option(msgspec.Struct, frozen=True):
    """One answer to choose. "answer" is one to a question, the others are about a permission."""

    id: str
    label: str
    kind: Literal["allow_once", "allow_always", "reject_once", "reject_always", "answer"]


class Asked(msgspec.Struct, frozen=True):
    """The agent waits for a person.

    `payload` is JSON that an answer needs: for Claude Code {"input": the tool's input,
    "suggestions": rules that it proposes}, for ACP {"id": the id of the request}. It is "" for
    agents that need nothing, and where it would be longer than `PAYLOAD_BYTES`.
    """

    question: str  # its id, unique in the attempt
    text: str
    kind: Literal["question", "permission"] = "question"
    tool: str = ""  # which one it wants to use
    target: str = ""  # on what
    options: tuple[Option, ...] = ()
    payload: str = ""


class Withdrawn(msgspec.Struct, frozen=True):
    """A question needs no answer any more: it was taken back, or somebody answered it."""

    question: str


class Ended(msgspec.Struct, frozen=True):
    """The result of a turn, as the agent sees it. The last one is the attempt's."""

    ok: bool
    detail: str
    cause: FailureClass | None = None
    retry_at: float | None = None  # seconds since the epoch, when a limit says it resets


class Noise(msgspec.Struct, frozen=True):
    """A line without a meaning for us. `foreign` = not even of the agent's format."""

    raw: str
    foreign: bool = False


Report: TypeAlias = (
    Started
    | Said
    | Printed
    | Noted
    | ToolUsed
    | Touched
    | Planned
    | Usage
    | Limited
    | Asked
    | Withdrawn
    | Ended
    | Noise
)


class Worked(msgspec.Struct, frozen=True):
    """It spoke or used a tool: stands for any number of such reports in a row."""


Told: TypeAlias = Report | Worked
"""What who follows a stream is told; of the rest the summary has all there is to know."""
