"""The first line of the deck: where the run stands, and first of all whether it needs a person."""

from __future__ import annotations

from collections import Counter
from typing import Final

from agentdeck.core.events import Outcome
from agentdeck.core.explain import standstill
from agentdeck.core.inbox import Kind
from agentdeck.core.state import TaskState
from agentdeck.tui.presentation.accounts import account_alert
from agentdeck.tui.presentation.budget import money_of_budget
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import UNKNOWN, duration, rough
from agentdeck.tui.presentation.forecast import expected_end, time_words
from agentdeck.tui.presentation.line import EMPTY, Line, Span, cells, cut, cut_line, plain
from agentdeck.tui.presentation.merge_queue import targets
from agentdeck.tui.presentation.status import SIGNS, Status

BAR_CELLS: Final = 16
GAP: Final = Span("   ")
LEAST_NAME: Final = 18  # cells of the plan's name that are kept before anything else is
SHORT_NAME: Final = 10  # of them that are kept before the counts are: a few tell two plans apart
COUNTS, MONEY, ETA = 1, 2, 3  # of what stands at the right, behind the bar
# How the bar is cut, left to right; what is left over is empty.
_SEGMENTS: Final = (
    ("state-landed", (TaskState.LANDED, TaskState.SKIPPED)),
    ("state-queued", (TaskState.QUEUED, TaskState.PROPOSED, TaskState.REVIEWING)),
    (
        "state-working",
        (TaskState.WORKING, TaskState.PREPARING, TaskState.CHECKING, TaskState.PAUSED),
    ),
    ("state-asks", (TaskState.ASKING,)),
    ("state-taken", (TaskState.TAKEN,)),
    ("state-failed", (TaskState.FAILED, TaskState.CANCELLED)),
)


def header_line(deck: Deck, width: int) -> Line:
    """The header in exactly `width` cells; what matters least goes first when room is short."""
    state = deck.state
    if not state.seq:
        return (Span(" agentdeck", "accent bold"), Span("  waits for the engine", "muted"))
    right = [progress(deck), counts(deck), money_of_budget(deck), _eta(deck)]
    alert = _alert(deck, width)
    if _needed(alert, right) > width:
        right[COUNTS] = counts(deck, words=False)
    # Money, forecast, counts: what a person can do without, first; money that is asked for, last.
    for victim in (ETA, COUNTS, MONEY) if deck.asking else (MONEY, ETA, COUNTS):
        if _needed(alert, right, SHORT_NAME if victim == COUNTS else LEAST_NAME) <= width:
            break
        right[victim] = EMPTY
    parts = [part for part in right if part]
    tail = tuple(span for part in parts for span in (*part, GAP))[:-1]
    tail = (*tail, Span(" "))
    name = _name(deck, alert, width - cells(tail) - 2)
    between = Span(" " * max(2, width - cells(name) - cells(tail)))
    line = (*name, between, *tail)
    if cells(line) <= width:
        return line
    shown = cut_line(line, width)  # so narrow that not even what comes first has room
    return (*shown, Span(" " * (width - cells(shown))))


def reading_words(known: int, all_of_them: int) -> str:
    """What is said while the past of a long run is read, in events."""
    return f"reads what has happened: {known:,} of {all_of_them:,} events"


def reading_line(known: int, all_of_them: int) -> Line:
    """The same as the header says it."""
    said = f"  {reading_words(known, all_of_them)}"
    return (Span(" agentdeck", "accent bold"), Span(said, "muted"))


def terminal_title(deck: Deck) -> str:
    """What the terminal's title bar says: the need for a person first."""
    state = deck.state
    name = plain(state.plan.name) or "agentdeck"
    need = len(deck.needs_you)
    first = f"({need}) " if need else ""
    done = sum(1 for _ in state.in_state(TaskState.LANDED))
    unreal = " (simulated)" if deck.simulated else " (replay)" if deck.replay is not None else ""
    return f"{first}{name} {done}/{len(state.tasks)}{unreal} - agentdeck"


def _needed(alert: Line, parts: list[Line], least_name: int = LEAST_NAME) -> int:
    shown = [part for part in parts if part]
    return sum(cells(part) + 3 for part in shown) + cells(alert) + least_name + 4


def _alert(deck: Deck, width: int) -> Line:
    """What a person must know first: before all, that nothing of it is real, or of now."""
    label = deck.replay.label if deck.replay is not None else deck.simulated
    if not label:
        return _state_alert(deck, width)
    return (Span(f" {label} ", "alert-calm"), Span(" "), *_state_alert(deck, width))


def _state_alert(deck: Deck, width: int) -> Line:
    state = deck.state
    need = _needed_alert(deck)
    if deck.sick:
        return (Span(f" ! {deck.sick} ", "alert"), Span(" "), *need)
    if state.outcome is Outcome.COMPLETE:
        return (Span(" ✔ complete ", "alert-good"), Span(" "), *need)
    if state.outcome is not None:
        return (Span(f" {state.outcome} ", "alert"), Span(" "), *need)
    if state.ending:
        return (Span(" ending ", "alert"), Span(" "))
    if state.disk is not None:
        return (Span(f" ! disk {state.disk.mark} ", "alert"), Span(" "), *need)
    shut = account_alert(deck, width)
    kinds = {item.kind for item in deck.needs_you}
    if shut and shut[0].role == "alert":
        return shut if kinds == {Kind.ACCOUNT} else (*shut, *need)
    if Kind.BUDGET in kinds:
        used_up: Line = (Span(f" ! budget used up ({deck.key('run.budget')}) ", "alert"), Span(" "))
        return used_up if kinds == {Kind.BUDGET} else (*used_up, *need)
    stopped = _stopped_by_a_person(deck)
    if kinds and kinds != {Kind.STANDSTILL}:
        return (*need, *stopped)
    if stopped:
        return stopped
    if shut:
        return shut
    if standstill(state) is not None:
        return (Span(" ! stands still ", "alert"), Span(" "))
    return EMPTY


def _stopped_by_a_person(deck: Deck) -> Line:
    """What somebody has stopped in the whole run, which also stands still while others wait."""
    found: list[Span] = []
    if deck.state.paused:
        found += [Span(" ‖ paused ", "alert-calm"), Span(" ")]
    if deck.state.queue_held:
        found += [Span(" queue held ", "alert-calm"), Span(" ")]
    return tuple(found)


def _needed_alert(deck: Deck) -> Line:
    need = len(deck.needs_you)
    if not need:
        return EMPTY
    return (Span(f" ! {need} need{'s' if need == 1 else ''} you ", "alert"), Span(" "))


def _name(deck: Deck, alert: Line, room: int) -> Line:
    room -= cells(alert) + 1
    lead = () if room < 40 else (Span("agentdeck", "accent bold"), Span(" · ", "faint"))
    target = plain(targets(deck.state))
    title = plain(deck.state.plan.name)
    rest = room - cells(lead)
    with_target = cells((Span(f"{title} → {target}"),)) <= rest
    name: Line = (Span(title if with_target else cut(title, rest), "bold"),)
    if with_target:
        name = (*name, Span(" → ", "faint"), Span(target, "muted"))
    elif rest - cells(name) > 12:
        name = (*name, Span(" → ", "faint"), Span(cut(target, rest - cells(name) - 3), "muted"))
    return (Span(" "), *alert, *lead, *name)


def progress(deck: Deck) -> Line:
    """The bar with its segments, and `11/18`: landed (or treated as done) of what should land."""
    state = deck.state
    wanted = [task for task in state.tasks.values() if task.state is not TaskState.DEFERRED]
    total = len(wanted)
    if not total:
        return EMPTY
    spans: list[Span] = []
    seen = drawn = 0
    for role, states in _SEGMENTS:
        size = sum(task.state in states for task in wanted)
        seen += size
        # cumulative rounding: the segments never add up to more than the bar
        cells_now = round(BAR_CELLS * seen / total) - drawn
        if size and not cells_now and drawn < BAR_CELLS:
            cells_now = 1  # a single failed task of hundreds must still be seen
        cells_now = min(cells_now, BAR_CELLS - drawn)
        if cells_now > 0:
            spans.append(Span("█" * cells_now, role))
            drawn += cells_now
    spans.append(Span("░" * (BAR_CELLS - drawn), "faint"))
    done = sum(task.state in (TaskState.LANDED, TaskState.SKIPPED) for task in wanted)
    return (*spans, Span(f" {done}/{total}", "bold"))


def counts(deck: Deck, *, words: bool = True) -> Line:
    """How many work, ask, wait and failed; zeros are left out, but for `working`."""
    found = Counter(deck.status(task_id) for task_id in deck.state.tasks)
    working = found[Status.WORKING] + found[Status.PREPARING] + found[Status.CHECKING]
    rows = [
        (Status.WORKING, working, "working"),
        (Status.PAUSED, found[Status.PAUSED], "paused"),
        (Status.ASKING, found[Status.ASKING], "asks"),
        (Status.TAKEN, found[Status.TAKEN], "by hand"),
        (Status.FAILED, found[Status.FAILED], "failed"),
        (Status.QUEUED, found[Status.QUEUED] + found[Status.PROPOSED], "queued"),
    ]
    shown: list[Span] = []
    for status, number, word in rows:
        if not number and (status is not Status.WORKING or deck.state.outcome is not None):
            continue
        sign = SIGNS[status]
        role = sign.role if number else "muted"
        if words:
            shown += [Span(f"{sign.glyph} {number} ", role), Span(f"{word}  ", "muted")]
        else:
            shown.append(Span(f"{sign.glyph} {number}  ", role))
    if not shown:
        return EMPTY
    last = shown.pop()
    return (*shown, Span(last.text.rstrip(), last.role))


def _eta(deck: Deck) -> Line:
    state = deck.state
    if state.outcome is not None:
        took = (state.finished_at or state.at) - state.started_at
        return (Span("took ", "muted"), Span(duration(took)))
    found = expected_end(deck)
    if found is None:
        return (Span("ETA ", "muted"), Span(UNKNOWN, "muted"))
    end = time_words(deck, found.at)
    return (Span("ETA ", "muted"), Span(end), Span(f" ±{rough(found.spread_s)}", "muted"))
