"""The whole merge queue: the train as a train, then who waits, asks and has landed.

Rules:
- The target is at the top; each car hangs on what is above it. A car says how many it holds, its
  gate slot, what it is built on and when it may land; below that its gates, below that its entries.
- Keys of rows are those of the pane (`merge_queue`); headings have keys of their own, which begin
  with `HEADING`, and stand for no task.
- Ids are never cut. Times and reasons stand at the right.
"""

from __future__ import annotations

from typing import Final

from agentdeck.core import queue, train, verdicts
from agentdeck.core.explain_entry import explain_entry
from agentdeck.core.ids import EntryId, RepoName
from agentdeck.core.state import Entry
from agentdeck.core.train import Car
from agentdeck.core.verdicts import Standing
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import duration
from agentdeck.tui.presentation.forecast import time_words
from agentdeck.tui.presentation.line import EMPTY, Line, Span, cells, cut, fit, plain, spread
from agentdeck.tui.presentation.merge_queue import (
    ASK,
    LANDED,
    MARKS,
    branch,
    entry_name,
    queue_row,
    queue_rows,
)
from agentdeck.tui.presentation.outline import id_column
from agentdeck.tui.presentation.status import SIGNS, Status
from agentdeck.tui.presentation.titles import title_of
from agentdeck.tui.presentation.train_times import Gauge, TrainTimes, gauges, times_of

HEADING: Final = "+"
ROOMY: Final = 100  # cells, from which on titles stand beside ids
BARS: Final = ((150, 20), (100, 12), (0, 6))  # cells of a bar, by the width of the screen
LATE: Final = 2.0  # times the usual, from which on a gate is conspicuous
LEAD: Final = 6  # cells before the gates of a car
ROLES: Final = {
    Standing.GREEN: "state-landed",
    Standing.FLAKY: "state-asks",
    Standing.RED: "state-failed",
    Standing.OPEN: "muted",
}


class TrainView:
    """One moment of the queues, drawn row by row."""

    def __init__(self, deck: Deck) -> None:
        self.deck = deck
        self._trains = {lane.state.lane: _Train(lane) for lane in deck.lanes}
        self._repos = {str(entry.id): entry.repo for entry in deck.state.queue.values()}
        self.keys = self._keys()
        self.headings = frozenset(key for key in self.keys if key.startswith(HEADING))

    def _keys(self) -> list[str]:
        found: list[str] = []
        for name, of_lane in self._trains.items():
            if found and of_lane.keys:
                found.append(f"{HEADING}gap:{name}")
            lead = f"{HEADING}{name}/" if name else HEADING
            found += [key.replace(HEADING, lead, 1) for key in of_lane.keys]
        others = [key for key in queue_rows(self.deck) if key.startswith((ASK, LANDED))]
        for lead, word in ((ASK, "asking"), (LANDED, "landed")):
            of = [key for key in others if key.startswith(lead)]
            if of and self._repos:
                found += [f"{HEADING}gap:{word}", f"{HEADING}{word}"]
            found += of
        return found

    def row(self, key: str, width: int) -> Line:
        """One row."""
        if key.startswith(HEADING):
            name, slash, rest = key.removeprefix(HEADING).rpartition("/")
            if rest in ("asking", "landed"):
                return (Span(" Waits for your yes" if rest == "asking" else " Landed", "bold"),)
            return self._trains[RepoName(name if slash else "")].row(f"{HEADING}{rest}", width)
        repo = self._repos.get(key)
        return (
            queue_row(self.deck, key, width) if repo is None else self._trains[repo].row(key, width)
        )


class _Train:
    """The queue of one repository."""

    def __init__(self, deck: Deck) -> None:
        self.deck = deck
        self.times: TrainTimes = times_of(deck)
        self._entries = {str(entry.id): entry for entry in deck.state.queue.values()}
        self._place: dict[EntryId, int] = {}
        self._in_car: dict[EntryId, Car] = {}
        self.keys = self._keys()

    def _keys(self) -> list[str]:
        deck, state = self.deck, self.deck.state
        order = queue.in_order(state)
        self._place = {entry.id: number for number, entry in enumerate(order, 1)}
        for car in deck.cars:
            self._in_car.update(dict.fromkeys((entry.id for entry in car.entries), car))
        found: list[str] = []
        if order:
            found.append(f"{HEADING}target")
        for number, car in enumerate(deck.cars):
            found += [f"{HEADING}gap:{number}", f"{HEADING}car:{number}"]
            if train.gates_of(state, car.entries):
                found.append(f"{HEADING}gates:{number}")
            found += [str(entry.id) for entry in car.entries]
        waiting = [str(entry.id) for entry in order if entry.id not in self._in_car]
        if waiting:
            found += [f"{HEADING}gap:waiting", f"{HEADING}waiting", *waiting]
        return found

    def row(self, key: str, width: int) -> Line:
        """One row."""
        if key.startswith(HEADING):
            return self._heading(key.removeprefix(HEADING), width)
        return self._entry(self._entries[key], width)

    def _heading(self, key: str, width: int) -> Line:
        kind, _, number = key.partition(":")
        if kind == "gap":
            return (Span(" │", "faint"),) if number.isdigit() else EMPTY
        match kind:
            case "target":
                return self._target(width)
            case "car":
                return self._car(int(number), width)
            case "gates":
                return self._gates(int(number), width)
            case _:
                count = sum(1 for name in self._place if name not in self._in_car)
                return (Span(" Waiting", "bold"), Span(f"  {count}", "muted"))

    def _target(self, width: int) -> Line:
        state = self.deck.state
        left: Line = (
            Span(" ▶ ", "accent"),
            Span(plain(state.target), "bold"),
            *((Span(f" of {state.lane}", "accent"),) if state.lane else ()),
            Span(f"  {state.tip[:10]}", "faint"),
        )
        red = queue.frozen_gate(state)
        note: Line = EMPTY
        if state.queue_held:
            note = (Span("held: nothing lands (H releases it)", "state-asks"),)
        elif red is not None:
            note = (Span(f"frozen: gate {plain(red)} is red here (r runs it again)", "alert"),)
        return spread(left, note, width)

    def _car(self, number: int, width: int) -> Line:
        deck, car = self.deck, self.deck.cars[number]
        slots = max(1, deck.state.plan.queue.slots)
        under = branch(deck.state.target)
        if number:
            under = ", ".join(_name(entry) for entry in deck.cars[number - 1].entries)
        members = f"batch of {len(car.entries)}" if len(car.entries) > 1 else ""
        slot = f"slot {number + 1} of {slots}" if slots > 1 else ""
        what = [text for text in (members, slot) if text]
        left: Line = (
            Span(" ├─ ", "accent"),
            Span(f"car {number + 1}", "accent bold"),
            *(Span(f" · {text}", "muted") for text in what),
            Span(" · on ", "faint"),
            Span(cut(plain(under), max(8, width // 3)), "muted"),
        )
        return spread(left, self._how(car), width)

    def _how(self, car: Car) -> Line:
        """What is happening with a car as a whole, or when it may land."""
        deck = self.deck
        if car.lead.intended:
            why = f": {plain(car.lead.blocked)}" if car.lead.blocked else ""
            return (Span(f"landing{why}", "state-asks" if why else "state-landed"),)
        if train.is_red(deck.state, car):
            return (Span("red", "state-failed bold"),)
        if car.build is None:
            return (Span("being merged", "state-checking"),)
        return self._time(car.lead)

    def _time(self, entry: Entry) -> Line:
        at = self.times.lands_at.get(entry.id)
        if at is None:
            return EMPTY
        return (Span("lands ", "faint"), Span(f"~{time_words(self.deck, at)}", ""))

    def _gates(self, number: int, width: int) -> Line:
        found = gauges(self.deck, self.deck.cars[number], self.times.usual_s)
        size = next(cells for least, cells in BARS if width >= least)
        lead: Line = (Span(" │", "faint"), Span(" " * (LEAD - 2)))
        parts = [_gauge(gauge, size) for gauge in found]
        whole = [span for part in parts for span in part]
        if LEAD + cells(whole) <= width:
            return (*lead, *whole)
        passed = sum(verdicts.passes(gauge.standing) for gauge in found)
        short: list[Span] = [Span(f"{passed} of {len(found)} ✔   ", "state-landed")]
        telling = [g for g in found if g.running or g.standing in (Standing.RED, Standing.FLAKY)]
        short += [span for gauge in telling for span in _gauge(gauge, size)]
        return spread((*lead, *short), EMPTY, width)

    def _entry(self, entry: Entry, width: int) -> Line:
        deck, state = self.deck, self.deck.state
        car = self._in_car.get(entry.id)
        held = queue.is_held(state, entry)
        glyph = Span("◷", SIGNS[Status.QUEUED].role)
        if held:
            glyph = Span("‖", "state-paused")
        elif car is not None and not state.queue_held:
            glyph = Span("◑", SIGNS[Status.CHECKING].role)
        name = entry_name(state, entry.task, entry.reverts)
        left: list[Span] = [
            Span(" │" if car is not None else "  ", "faint"),
            Span(f"{self._place.get(entry.id, 0):>4} ", "muted"),
            glyph,
            deck.gap(entry.task),
            Span(fit(name, max(id_column(deck), len(name))), "bold"),
            Span("  "),
        ]
        title = title_of(state.spec(entry.task)) if entry.task is not None else ""
        if width >= ROOMY:
            share = 2 if car is not None else 4  # who waits has a reason to tell
            left.append(Span(fit(title, width // share), "" if car is not None else "muted"))
            left.append(Span("  "))
        elif car is not None:
            left.append(Span(title, "muted"))
        if entry.conflicts:
            left.append(Span(f"conflict ({self.deck.key('view.conflict')})  ", "state-asks"))
        if car is None:
            why = explain_entry(state, entry, deck.now, deck.cars)
            why = why.removeprefix("waits in the merge queue ")
            left.append(Span(plain(why), "state-paused" if held else "muted"))
        right = self._time(entry) if car is None else EMPTY
        return spread(tuple(left), right, width, gap=2)


def _name(entry: Entry) -> str:
    return plain(str(entry.task or entry.id))


def _gauge(gauge: Gauge, size: int) -> list[Span]:
    """`unit ✔`, `e2e ◑ ████░░ 00:41 of 01:10`, `lint ○`."""
    name = Span(f"{plain(gauge.name)} ", "muted")
    if not gauge.running:
        return [name, MARKS[gauge.standing], Span("   ")]
    role = "state-checking"
    spans = [name, Span("◑ ", role)]
    if gauge.usual_s:
        full = min(size, int(size * gauge.elapsed_s / gauge.usual_s))
        spans += [Span("█" * full, role), Span("░" * (size - full), "faint")]
        late = gauge.elapsed_s > LATE * gauge.usual_s
        spans.append(Span(f" {duration(gauge.elapsed_s)}", "state-asks" if late else ""))
        spans.append(Span(f" of ~{duration(gauge.usual_s)}", "muted"))
    else:
        spans.append(Span(duration(gauge.elapsed_s)))
    return [*spans, Span("   ")]


__all__ = ["HEADING", "TrainView"]
