"""The deck's own fold of a run: events come in batches, the screen asks for one moment.

Rules:
- The state is the core's fold of the same journal, so every face sees the same.
- Where it begins with a checkpoint, those who follow a run from its first event (tracks, rates,
  measurements) know nothing yet: a second model takes in the past beside it and, once it has come
  as far, stands in its place. Until then `reading` says so, and nothing of the half is shown.
- The clock is the machine's, or stands still where a picture has to repeat, or is that of a
  simulation.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from agentdeck.core import verdicts
from agentdeck.core.events import GateFinished, Recorded
from agentdeck.core.fold import apply
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.plans.forecast.history import Reader
from agentdeck.plans.forecast.setbacks import Setbacks
from agentdeck.plans.reporting.rates import Rates
from agentdeck.plans.reporting.told import GateTold
from agentdeck.plans.reporting.tracks import Tracks
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.header import reading_words
from agentdeck.tui.presentation.replay import ReplayMoment

if TYPE_CHECKING:
    from agentdeck.plans.forecast.outlook import Outlook

MAX_GATES: Final = 5_000  # runs of gates that are remembered for their history
REFRESH_S: Final = 1 / 15  # between two looks at the model; more often nobody can read


class Clock:
    """Seconds since the epoch; stands still when it is given a time."""

    def __init__(self, at: float | None = None, *, source: Callable[[], float] = time.time) -> None:
        self._at = at
        self._source = source

    @property
    def frozen(self) -> bool:
        """Does it stand still?"""
        return self._at is not None

    def now(self) -> float:
        """The time."""
        return self._source() if self._at is None else self._at


class Model:
    """What is known of the run."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.sick = ""  # what keeps the run itself from going on, in few words
        self.proposed: Mapping[TaskId, str] = {}  # by a tracker, about tasks
        self.proposals_told = ""  # how many of those wait, about tasks or not
        self.reset()

    def reset(self) -> None:
        """Know nothing again; the clock stays."""
        self._behind: Model | None = None  # takes in the past; None = there is nothing to take in
        self._fault = ""  # why it cannot
        self.state = RunState()
        self.taken = 0  # events
        self.reader = Reader()
        self.setbacks = Setbacks()
        self.tracks = Tracks()
        self.rates = Rates()
        self.gates: deque[GateTold] = deque(maxlen=MAX_GATES)
        self.outlook: Outlook | None = None  # the latest, made beside the screen
        self._latest: Deck | None = None  # the moment that was made last

    def begin(self, state: RunState) -> None:
        """Begin with the state of a checkpoint; what led to it is to be taken in by `recall`."""
        self.reset()
        self.state, self.taken = state, state.seq
        self._behind = Model(self.clock)

    @property
    def recalled(self) -> int:
        """How many events those know who follow the run from its beginning."""
        return self.taken if self._behind is None else self._behind.taken

    @property
    def whole(self) -> bool:
        """Do they know all that the state knows?"""
        return self._behind is None

    @property
    def waits(self) -> bool:
        """Will they know it soon?"""
        return not self.whole and not self._fault

    @property
    def reading(self) -> str:
        """What is said in place of what they know; empty when they know all."""
        if self.whole:
            return ""
        if self._fault:
            return f"what has happened cannot be read: {self._fault}"
        return reading_words(self.recalled, self.taken)

    def cannot_recall(self, why: str) -> None:
        """The past cannot be read: they will never know."""
        self._fault = why

    def recall(self, batch: Iterable[Recorded]) -> None:
        """Take in the next events of the past, from the first one on."""
        behind = self._behind
        if behind is None:
            return
        behind.take(batch)
        if behind.state.seq < self.state.seq:
            return
        self._behind = None
        # The fold of the whole journal stands in the place of the one that a checkpoint began.
        self.state, self.taken = behind.state, behind.taken
        self.reader, self.setbacks = behind.reader, behind.setbacks
        self.tracks, self.rates, self.gates = behind.tracks, behind.rates, behind.gates

    def take(self, batch: Iterable[Recorded]) -> None:
        """Fold the next events. Events that are known already are passed over."""
        state = self.state
        if self._behind is not None:
            for recorded in batch:
                if recorded.seq > state.seq:
                    apply(state, recorded)
                    self.taken += 1
            return
        read, set_back = self.reader.take, self.setbacks.take
        track, rate = self.tracks.take, self.rates.take
        for recorded in batch:
            if recorded.seq > state.seq:
                apply(state, recorded)
                self.taken += 1
                read(recorded)
                set_back(recorded)
                track(state, recorded)
                rate(state, recorded)
                if isinstance(event := recorded.event, GateFinished):
                    found = verdicts.of(state, event.gate, event.tree)
                    self.gates.append(GateTold(event, recorded.at, found))

    def moment(
        self,
        selected: TaskId | None,
        *,
        offline: str,
        folded: frozenset[str],
        simulated: str = "",
        replay: ReplayMoment | None = None,
        marked: frozenset[TaskId] = frozenset(),
        undoes: str = "",
        shows: Mapping[str, str] | None = None,
    ) -> Deck:
        """The run as it is now, for one refresh of the screen."""
        before = self._latest
        self._latest = Deck(
            state=self.state,
            now=self.clock.now(),
            selected=selected if selected in self.state.tasks else None,
            frozen=self.clock.frozen,
            proposed=self.proposed if replay is None else {},
            sick=self.sick,
            offline=offline,
            folded=folded,
            simulated=simulated,
            replay=replay,
            outlook=self.outlook,
            setbacks=self.setbacks,
            tracks=self.tracks,
            rates=self.rates,
            marked=marked & self.state.tasks.keys() if marked else marked,
            gates=self.gates,
            reading=self.reading,
            undoes=undoes,
            shows=shows,
            news=self.taken,
        ).knowing(before)
        return self._latest


def first_choice(deck: Deck) -> TaskId | None:
    """The task to look at first: one that needs a person, else one at work, else the first."""
    if deck.waiting_for_me:
        return deck.waiting_for_me[0].id
    for state in (TaskState.WORKING, TaskState.PREPARING, TaskState.CHECKING, TaskState.READY):
        found = next(deck.state.in_state(state), None)
        if found is not None:
            return found.id
    return next(iter(deck.state.tasks), None)


def next_that_needs_me(deck: Deck) -> TaskId | None:
    """The next task after the selected one, in plan order and round, that waits for a person."""
    waiting = [task.id for task in deck.waiting_for_me]
    if not waiting:
        return None
    order = list(deck.state.tasks)
    here = order.index(deck.selected) if deck.selected in deck.state.tasks else -1
    return next((t for t in waiting if order.index(t) > here), waiting[0])
