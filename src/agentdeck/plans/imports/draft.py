"""What an importer has read, before it is a plan: names as they are written, nothing checked yet.

Rules:
- An importer fills a `Draft` and says for everything what it understood, what it guessed and by
  which rule, and what it left. `build` turns the draft into a `Plan`.
- Lines count from 1 and are those of the whole document.
- Nothing is thrown away in silence: what fits no field goes into `meta`, or into a remark.
- A draft has bounds, so that no document can make it grow without end.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from agentdeck.core.plan import ClaimKind, GateWhen, NoteKind, Plan, Strategy

MAX_TASKS: Final = 200_000  # of one document; more is no plan that anybody reads
MAX_REMARKS: Final = 20_000  # kept in detail; the rest is counted


class Heard(StrEnum):
    """How sure an importer is of what it read."""

    READ = "read"  # it says so
    GUESSED = "guessed"  # by a rule that could be wrong
    LEFT = "left"  # it has no place in the plan


class Remark(msgspec.Struct, frozen=True):
    """What became of one line of the document."""

    line: int
    heard: Heard
    rule: str  # a short stable name, e.g. `column-synonym`
    text: str  # in plain words, with the names concerned


class DraftTask(msgspec.Struct):
    """A task as it was read. References are names as written; `build` finds whom they mean."""

    title: str
    line: int
    id: str = ""  # as written; empty = made from the title
    aliases: list[str] = []  # other names it is referred to by: "Stream A", "Week 1-2 Stream A"
    prompt: str = ""
    after: list[str] = []
    phase: str | None = None  # key of a `DraftPhase`
    files: list[str] = []
    agent: str | None = None
    model: str | None = None
    pool: str | None = None
    labels: list[str] = []
    skills: list[str] = []
    estimate_s: float | None = None
    tokens: int | None = None
    risk: str | None = None
    complexity: str | None = None
    kind: str | None = None
    priority: int = 0
    exclusive: bool = False
    human: bool = False
    defer: str | None = None  # the reason
    done: bool = False  # the document says that it is finished; it becomes deferred as "done"
    gates: list[str] | None = None  # names of `DraftGate`s
    allow_empty: bool = False
    issue: int | None = None  # its number in a tracker
    meta: dict[str, str] = {}


class DraftPhase(msgspec.Struct):
    """A group of tasks. Phases keep the order of the document."""

    key: str  # what tasks and claims refer to it by; unique in the draft
    title: str
    line: int
    sync: bool = False  # what follows waits for all of it
    gates: list[str] = []


class DraftGate(msgspec.Struct):
    """A check that the document asks for. Without a command it is told to agents, and to people."""

    name: str  # made into a valid name by `build`
    check: str
    when: list[GateWhen]
    line: int
    run: list[str] = []  # only from documents that hold real commands


class DraftAgent(msgspec.Struct):
    """An agent that the document names."""

    name: str
    line: int
    use: str | None = None  # a built-in kind
    command: list[str] = []
    model: str | None = None
    skills: list[str] = []


class DraftPool(msgspec.Struct):
    """A pool that the document names."""

    name: str
    size: int
    line: int
    labels: list[str] = []


class DraftRoute(msgspec.Struct):
    """Settings for many tasks. At least one of the matches and one of the settings is there."""

    line: int
    id: str | None = None  # a glob
    phase: str | None = None  # key of a `DraftPhase`
    label: str | None = None  # a glob
    complexity: str | None = None
    agent: str | None = None
    model: str | None = None
    pool: str | None = None


class DraftNote(msgspec.Struct):
    """A remark that is kept with the plan."""

    kind: NoteKind
    text: str
    line: int
    answer: str = ""


class DraftClaim(msgspec.Struct):
    """A figure that the document states about itself. See `core.plan.Claim`."""

    what: ClaimKind
    stated: str
    low: float
    high: float
    line: int
    approx: bool = False
    strategy: Strategy | None = None
    phases: list[str] = []  # keys of `DraftPhase`s; none = all
    match: str | None = None
    model: str | None = None
    tasks: list[str] = []  # ids or names as written
    active: bool = False
    own_low: float | None = None
    own_high: float | None = None


class Draft(msgspec.Struct):
    """A whole document as it was read."""

    name: str
    format: str  # of the document: `markdown`, `taskmaster`, …
    tasks: list[DraftTask] = []
    phases: list[DraftPhase] = []
    gates: list[DraftGate] = []
    agents: list[DraftAgent] = []
    pools: list[DraftPool] = []
    routes: list[DraftRoute] = []
    notes: list[DraftNote] = []
    claims: list[DraftClaim] = []
    remarks: list[Remark] = []
    remarks_dropped: int = 0
    strategy: Strategy = Strategy.EAGER
    agents_limit: int | None = None
    default_agent: str | None = None
    default_model: str | None = None
    budget_usd: float | None = None
    budget_tokens: int | None = None

    def read(self, line: int, rule: str, text: str) -> None:
        """Remark: the document says so."""
        self._remark(Remark(line, Heard.READ, rule, text))

    def guessed(self, line: int, rule: str, text: str) -> None:
        """Remark: a rule says so, and could be wrong."""
        self._remark(Remark(line, Heard.GUESSED, rule, text))

    def left(self, line: int, rule: str, text: str) -> None:
        """Remark: this has no place in the plan."""
        self._remark(Remark(line, Heard.LEFT, rule, text))

    def _remark(self, remark: Remark) -> None:
        if len(self.remarks) < MAX_REMARKS:
            self.remarks.append(remark)
        else:
            self.remarks_dropped += 1


class Imported(msgspec.Struct, frozen=True):
    """A plan and where it came from."""

    plan: Plan
    format: str
    remarks: tuple[Remark, ...]  # by line
    remarks_dropped: int = 0
