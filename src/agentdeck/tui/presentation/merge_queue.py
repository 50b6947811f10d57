"""The merge queue pane: the order, what each entry is built on, its gates, and why it waits.

Rules: a row's key is the entry's id, `ask:TASK` for proven work that waits for an approval, or
`landed:SEQ` for what landed lately (dim, so that an empty queue still tells something).
"""

from __future__ import annotations

from typing import Final

from agentdeck.core import evidence, queue, repair, verdicts
from agentdeck.core.explain_entry import explain_entry
from agentdeck.core.ids import EntryId, TaskId
from agentdeck.core.lanes import lanes
from agentdeck.core.state import Entry, RunState
from agentdeck.tui.presentation.collisions import collision_note
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import clock_time
from agentdeck.tui.presentation.line import EMPTY, Line, Span, cells, plain, spread
from agentdeck.tui.presentation.outline import id_column
from agentdeck.tui.presentation.status import SIGNS, Status
from agentdeck.tui.presentation.titles import repo_tag, title_of

ASK: Final = "ask:"
LANDED: Final = "landed:"
SHOWN_LANDINGS: Final = 50  # newest ones; the History of a task has the rest
TITLE_CELLS: Final = 60  # of a reason in the title; `agentdeck status` has the whole of it
WIDE: Final = 60  # cells of the pane from which on it says what a batch is built on
HOUR_S: Final = 3600.0
MARKS: Final = {
    verdicts.Standing.OPEN: Span("○", "faint"),
    verdicts.Standing.GREEN: Span("✔", "state-landed"),
    verdicts.Standing.FLAKY: Span("≈", "state-asks"),
    verdicts.Standing.RED: Span("✖", "state-failed"),
}


def queue_rows(deck: Deck) -> list[str]:
    """The keys of the rows, the next to land at the top."""
    state = deck.state
    asking = [
        ASK + task.id
        for task in deck.waiting_for_me
        if deck.status(task.id) in (Status.PROPOSED, Status.REVIEWING)
    ]
    recent = range(len(state.landings) - 1, max(-1, len(state.landings) - 1 - SHOWN_LANDINGS), -1)
    entries = [entry.id for lane in deck.lanes for entry in queue.in_order(lane.state)]
    return [*entries, *asking, *(f"{LANDED}{number}" for number in recent)]


def task_of_row(deck: Deck, key: str) -> TaskId | None:
    """Which task a row is about; None for commits of the base."""
    if key.startswith(ASK):
        return TaskId(key.removeprefix(ASK))
    if key.startswith("+"):  # a heading
        return None
    if key.startswith(LANDED):
        landing = deck.state.landings[int(key.removeprefix(LANDED))]
        return landing.task or landing.reverts
    entry = deck.state.queue.get(EntryId(key))
    return entry.task or entry.reverts if entry is not None else None


def targets(state: RunState) -> str:
    """Where work lands, in a few words."""
    names = dict.fromkeys(lane.target for lane in lanes(state))
    if not state.repos:
        return state.target
    count = len(state.repos) + 1
    return f"{next(iter(names))} in {count} repos" if len(names) == 1 else f"{count} targets"


def queue_title(deck: Deck) -> Line:
    """What stands at the right of the pane's title."""
    state = deck.state
    hour = sum(landing.at > deck.now - HOUR_S for landing in state.landings)
    if state.queue_held:
        return (Span("held", "state-asks bold"),)
    promotion = _promotion(deck)
    if promotion:
        return promotion
    found: list[Span] = []
    if state.queue:
        found.append(Span(f"{len(state.queue)} waiting"))
    if hour:
        found.append(Span(f"{' · ' if found else ''}{hour} landed/h"))
    return tuple(found)


def _promotion(deck: Deck) -> Line:
    """Whether what landed is in the base, or on its way there; empty while nobody asked for it."""
    every = [lane.state for lane in deck.lanes]
    landed = [lane for lane in every if lane.landed_here]
    wanted = next((lane for lane in every if lane.promote_wanted), None)
    if wanted is not None:
        why = plain(wanted.promote_reason)
        more = f": {why}" if why else ""
        text = f"on its way into {_base(wanted)}{more}"
        cut = text if len(text) <= TITLE_CELLS else f"{text[: TITLE_CELLS - 1]}…"
        return (Span(cut, "accent"),)
    bases = ", ".join(_base(lane) for lane in landed or every[:1])
    # Where somebody has asked for it before anything has landed, the target is in its base too.
    if all(lane.promoted and lane.promoted == lane.tip for lane in landed or every[:1]):
        return (Span(f"✔ all in {bases}", "state-landed"),)
    if deck.state.outcome is not None and landed:
        return (Span("M", "accent bold"), Span(f" brings it into {bases}"))
    return EMPTY


def _base(state: RunState) -> str:
    return plain(f"{state.base} of {state.lane}" if state.lane else state.base)


def queue_row(deck: Deck, key: str, width: int) -> Line:
    """One row of the pane."""
    if key.startswith(LANDED):
        return _landed_row(deck, int(key.removeprefix(LANDED)), width)
    if key.startswith(ASK):
        return _asking_row(deck, TaskId(key.removeprefix(ASK)), width)
    entry = deck.state.queue.get(EntryId(key))
    return _entry_row(deck.lane(entry.repo), entry, width) if entry is not None else EMPTY


def gate_marks(deck: Deck, entry: Entry) -> tuple[Line, int, int]:
    """The gates of an entry by name with their marks; how many passed, and of how many."""
    state = deck.state
    names = queue.gates_of(state, (entry,))
    place = deck.car_of(entry.id)
    # What was found out about it together with others that it is no longer with says nothing.
    build = entry.build if place is not None else None
    tree = build.tree if build is not None else None
    found: list[Span] = []
    passed = 0
    current = None
    if tree is not None and not state.queue_held and not evidence.red_gate(state, names, tree):
        current = evidence.open_gate(state, names, tree)
    for name in names:
        standing = verdicts.of(state, name, tree) if tree else verdicts.Standing.OPEN
        passed += verdicts.passes(standing)
        mark = Span("◐", "state-working") if name == current else MARKS[standing]
        found += [Span(name + " ", "muted"), mark, Span("  ")]
    return tuple(found), passed, len(names)


def _place(deck: Deck, entry: Entry) -> int:
    return [other.id for other in queue.in_order(deck.state)].index(entry.id) + 1


def _built_on(deck: Deck, entry: Entry) -> Line:
    state, place = deck.state, deck.car_of(entry.id)
    if place is None or place[1].lead.id != entry.id:  # said once for a batch
        return EMPTY
    number, _ = place
    under = branch(state.target) if not number else str(deck.cars[number - 1].lead.id)
    return (Span("on ", "faint"), Span(plain(under), "muted"))


def _bracket(deck: Deck, entry: Entry) -> Span:
    """What ties the entries of a batch together, down the rows."""
    place = deck.car_of(entry.id)
    if place is None or len(place[1].entries) == 1:
        return Span(" ")
    entries = place[1].entries
    sign = "╭" if entry is entries[0] else "╰" if entry is entries[-1] else "│"
    return Span(sign, "accent")


def entry_name(state: RunState, task: TaskId | None, reverts: TaskId | None) -> str:
    """What an entry, or a landing, brings in."""
    if reverts is not None:
        return f"revert of {reverts}"
    return str(task) if task is not None else f"commits of {plain(state.base)}"


def branch(name: str) -> str:
    """A branch without its folders."""
    return plain(name).removeprefix("refs/heads/").rpartition("/")[2]


def _entry_row(deck: Deck, entry: Entry, width: int) -> Line:
    state = deck.state
    name = entry_name(state, entry.task, entry.reverts)
    marks, passed, total = gate_marks(deck, entry)
    held = queue.is_held(state, entry)
    glyph = Span("‖", "state-paused") if held else Span("◷", SIGNS[Status.QUEUED].role)
    if deck.car_of(entry.id) is not None and not state.queue_held:
        glyph = Span("◑", SIGNS[Status.CHECKING].role)
    left: list[Span] = [
        Span(f"{_place(deck, entry):>2}", "muted"),
        _bracket(deck, entry),
        glyph,
        deck.gap(entry.task),
        Span(name + " " * max(0, id_column(deck) - len(name)), "bold"),
        Span("  "),
        *repo_tag(state.plan, entry.repo),
    ]
    why = explain_entry(state, entry, deck.now, deck.cars)
    if total and cells(left) + cells(marks) + 4 <= width:
        left += [Span(f"{passed}/{total} ", ""), *marks]
        if why.startswith("is being checked by gate "):
            why = ""  # the marks and the bracket show it
    elif total:
        left.append(Span(f"{passed}/{total}  "))
    why = why.removeprefix("waits in the merge queue ")
    left.append(Span(plain(why), "state-paused" if held else "muted"))
    right = _built_on(deck, entry) if width >= WIDE else EMPTY
    room = (width if width >= WIDE else width - len(name)) // 3 - cells(right)
    collides = collision_note(deck, entry.task, room) if entry.task is not None else EMPTY
    between: Line = (Span("  "),) if collides and right else EMPTY
    return spread(tuple(left), (*collides, *between, *right), width)


def _asking_row(deck: Deck, task_id: TaskId, width: int) -> Line:
    sign = SIGNS[deck.status(task_id)]
    risk = deck.state.spec(task_id).risk
    review = deck.status(task_id) is Status.REVIEWING
    loses = repair.losses_of(deck.state.tasks[task_id])
    asks = "removes lines of others" if loses else "approval needed"
    approve = deck.key("task.approve")
    left: Line = (
        Span(" - ", "faint"),
        Span(sign.glyph, sign.role),
        deck.gap(task_id),
        Span(task_id + " " * max(0, id_column(deck) - len(task_id)), "bold"),
        Span("  "),
        Span(f"{'review its diff' if review else asks} ({approve})", "state-asks"),
    )
    if deck.state.tasks[task_id].held:
        left = (*left, Span(f", held ({deck.key('task.hold')})", "state-paused"))
    right: Line = (Span(f"risk {plain(risk)}", "muted"),) if risk else EMPTY
    return spread(left, right, width)


def _landed_row(deck: Deck, number: int, width: int) -> Line:
    landing = deck.state.landings[number]
    name = entry_name(deck.state, landing.task, landing.reverts)
    title = title_of(deck.state.spec(landing.task)) if landing.task is not None else ""
    left: Line = (
        Span("   "),
        Span("✔", "state-landed"),
        deck.gap(landing.task),
        Span(name + " " * max(0, id_column(deck) - len(name)), "muted"),
        Span("  "),
        *repo_tag(deck.state.plan, landing.repo),
        Span(title, "faint"),
    )
    at = clock_time(landing.at, utc=deck.frozen)
    return spread(left, (Span(f"{landing.commit[:7]} {at}", "faint"),), width)
