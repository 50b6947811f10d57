"""What every presentation function reads: one moment of a run, as one person looks at it.

A `Deck` is made anew for each refresh and never changes; nothing here asks a clock. What one moment
has found out about the state, the next one takes over until the state has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from agentdeck.core import inbox
from agentdeck.core.budgets import Book
from agentdeck.core.explain import explain
from agentdeck.core.ids import EntryId, RepoName, TaskId
from agentdeck.core.lanes import lanes
from agentdeck.core.state import RunState, TaskRun
from agentdeck.core.train import Car, cars
from agentdeck.plans.forecast.setbacks import Setbacks
from agentdeck.plans.reporting.rates import Rates
from agentdeck.plans.reporting.told import GateTold
from agentdeck.plans.reporting.tracks import Tracks
from agentdeck.tui.presentation.key_names import in_words, shipped_shows, spoken
from agentdeck.tui.presentation.line import Span
from agentdeck.tui.presentation.replay import ReplayMoment
from agentdeck.tui.presentation.status import SIGNS, SPIN, Status, blocked_tasks, status_of

if TYPE_CHECKING:
    from agentdeck.plans.forecast.outlook import Outlook

# What is found out about the state alone, whoever looks at it and whenever.
FACTS: Final = frozenset(
    "blocked longest_id waiting needs_you waiting_for_me book is_priced cars".split()
)


class Only(NamedTuple):
    """The tasks that a filter lets through, and the filter in words."""

    tasks: frozenset[TaskId]
    words: str


@dataclass(frozen=True)
class Deck:
    """One moment."""

    state: RunState
    now: float  # seconds since the epoch
    selected: TaskId | None = None
    frozen: bool = False  # the clock stands: nothing spins, times of day are UTC
    proposed: Mapping[TaskId, str] = field(default_factory=dict)  # by a tracker, about tasks
    sick: str = ""  # what keeps the run itself from going on, in few words; "" = nothing
    offline: str = ""  # why commands cannot be sent; "" = they can
    folded: frozenset[str] = field(default_factory=frozenset)
    simulated: str = ""  # "simulated, 600x"; "" = a real run
    replay: ReplayMoment | None = None  # the run is seen again; None = it is the present
    outlook: Outlook | None = None  # of a moment before this one; None = nothing is known yet
    setbacks: Setbacks = field(default_factory=Setbacks)
    tracks: Tracks = field(default_factory=Tracks)
    rates: Rates = field(default_factory=Rates)
    marked: frozenset[TaskId] = frozenset()  # on which keys act together
    undoes: str = ""  # what would be taken back: `pause S-1`; "" = nothing was done here
    only: Only | None = None  # what the plan is filtered by; None = all of it
    gates: Sequence[GateTold] = ()  # every run of a gate, oldest first
    reading: str = (
        ""  # said in place of setbacks, tracks, rates and gates: they come; "" = are there
    )
    shows: Mapping[str, str] | None = None  # keys as the person has them, by id; None = as shipped
    news: int | None = None  # events so far: equal ones are of the same state; None = not known
    narrow: bool = False  # the state is seen from one repository, and so is the train

    def knowing(self, before: Deck | None) -> Deck:
        """This moment, with the facts of another one, where both are of the same state."""
        if before is None or self.news is None:
            return self
        if self.state is before.state and self.news == before.news:
            known = vars(before)
            vars(self).update({name: known[name] for name in FACTS & known.keys()})
        return self

    @cached_property
    def subject(self) -> tuple[object, ...]:
        """All that rows and keys are drawn from, but for the time and the selected task.

        Two moments with the same subject look the same in the same second.
        """
        return (
            self.state.run,
            object() if self.news is None else self.news,
            self.frozen,
            self.offline,
            self.sick,
            self.proposed,
            self.folded,
            self.simulated,
            self.replay,
            self.outlook and self.outlook.at,
            self.marked,
            self.undoes,
            self.only,
            self.shows,
        )

    @property
    def second(self) -> int:
        """What clocks on the screen go by."""
        return int(self.now)

    def key(self, key_id: str) -> str:
        """What a sentence calls a key."""
        return spoken((self.shows or shipped_shows())[key_id])

    def in_words(self, text: str) -> str:
        """A text with what it calls its keys, each written as `{id}`."""
        return in_words(text, self.shows or shipped_shows())

    @cached_property
    def blocked(self) -> frozenset[TaskId]:
        """Tasks that something stuck keeps from starting."""
        return blocked_tasks(self.state)

    @cached_property
    def longest_id(self) -> int:
        """Cells of the longest task id."""
        return max(map(len, self.state.tasks), default=0)

    @cached_property
    def waiting(self) -> list[inbox.Item]:
        """Everything that waits for a person, in no special order."""
        return inbox.waiting(self.state, self.book)

    @cached_property
    def needs_you(self) -> list[inbox.Item]:
        """What of it is an alarm: what every face counts."""
        return [item for item in self.waiting if item.needs_you]

    @cached_property
    def waiting_for_me(self) -> list[TaskRun]:
        """The tasks among those, in plan order."""
        tasks = {item.task for item in self.needs_you}
        return [task for task in self.state.tasks.values() if task.id in tasks] if tasks else []

    @cached_property
    def book(self) -> Book:
        """Every budget, with what is used and reserved."""
        return Book(self.state)

    @property
    def asking(self) -> list[str]:
        """A sentence for each budget that waits to be raised, the widest first."""
        return [item.said for item in self.needs_you if item.kind is inbox.Kind.BUDGET]

    @cached_property
    def is_priced(self) -> bool:
        """Is any of the money reckoned from a price table?"""
        return any(a.usd_priced for task in self.state.tasks.values() for a in task.attempts)

    @cached_property
    def cars(self) -> list[Car]:
        """The merge train, the first to land at the front; of several, one after the other."""
        if self.narrow or not self.state.repos:
            return cars(self.state)
        return [car for lane in lanes(self.state) for car in cars(lane)]

    @cached_property
    def lanes(self) -> tuple[Deck, ...]:
        """This moment as seen from each repository, the plan's own first."""
        if not self.state.repos:
            return (self,)
        return tuple(replace(self, state=lane, narrow=True) for lane in lanes(self.state))

    def lane(self, repo: RepoName) -> Deck:
        """This moment as seen from one repository."""
        return next((deck for deck in self.lanes if deck.state.lane == repo), self)

    def car_of(self, entry: EntryId) -> tuple[int, Car] | None:
        """The car that an entry is in, and its place in the train, from 0."""
        found = enumerate(self.cars)
        return next(((n, car) for n, car in found if any(e.id == entry for e in car.entries)), None)

    @property
    def task(self) -> TaskRun | None:
        """The selected task."""
        return self.state.tasks.get(self.selected) if self.selected is not None else None

    def status(self, task_id: TaskId) -> Status:
        """What the screen calls the state of a task."""
        return status_of(self.state.tasks[task_id], self.blocked)

    def sign(self, task_id: TaskId) -> Span:
        """The glyph of a task in its colour; that of a working task moves with the seconds."""
        status = self.status(task_id)
        sign = SIGNS[status]
        if status is Status.WORKING and not self.frozen:
            return Span(SPIN[int(self.now) % len(SPIN)], sign.role)
        return Span(sign.glyph, sign.role)

    def gap(self, task_id: TaskId | None) -> Span:
        """What stands between the glyph of a task and its id: a blank, or the mark."""
        return Span("▌", "accent bold") if task_id in self.marked else Span(" ")

    def why(self, task_id: TaskId) -> str:
        """Why the task stands where it stands: the sentence that every face shows."""
        told = self.proposed.get(task_id)
        sentence = explain(self.state, task_id, self.now)
        return f"{sentence}; {told}" if told else sentence
