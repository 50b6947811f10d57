"""The wall: which agents have which places, how many tiles fit, and what stands around a log.

Rules:
- A task keeps its place as long as its agent works. When the agent has ended, the tile says how for
  a moment; then its place is free, and nobody else moves.
- Who comes takes a free place. Who comes while an ended agent is still shown waits for that place,
  so the wall does not grow and shrink with each change of agents.
- Only when fewer tiles would do, those that are left move together, in their order.
- What does not fit on the screen stands on further pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from agentdeck.core.explain import first_line
from agentdeck.core.ids import TaskId
from agentdeck.core.state import LIVE, TaskState
from agentdeck.tui.presentation.agents import doing, who
from agentdeck.tui.presentation.budget import spent
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import count, duration, plural
from agentdeck.tui.presentation.line import EMPTY, Line, Span, cells, cut, plain, spread
from agentdeck.tui.presentation.status import SIGNS
from agentdeck.tui.presentation.titles import title_of

ENDED_S: Final = 8.0  # that an ended agent stays; long enough to look there and read one line
LEAST_WIDTH: Final = 38  # cells of a tile, frame and all: a tool call still says something
LEAST_HEIGHT: Final = 8  # rows, likewise
WIDE: Final = 100  # cells of a screen, from which on two tiles stand beside each other
MAX_TILES: Final = 12
TITLE_CELLS: Final = 16  # of a title that figures do not cover


class Shape(NamedTuple):
    """Tiles beside and below each other."""

    columns: int
    rows: int

    @property
    def tiles(self) -> int:
        """How many that are."""
        return self.columns * self.rows


SHAPES: Final = (Shape(1, 1), Shape(2, 1), Shape(2, 2), Shape(3, 2), Shape(3, 3), Shape(4, 3))


class Place(NamedTuple):
    """A tile: whose it is, and since when its agent has ended (seconds since the epoch)."""

    task: TaskId
    ended_at: float | None = None


Places = tuple[Place | None, ...]


def shape_for(count: int, width: int, height: int) -> Shape:
    """The smallest wall for `count` tiles on so many cells and rows, or the largest that fits."""
    best = SHAPES[0]
    for wide in SHAPES:
        shape = Shape(1, 2) if wide == (2, 1) and width < WIDE else wide
        if width // shape.columns < LEAST_WIDTH or height // shape.rows < LEAST_HEIGHT:
            continue
        if shape.tiles > best.tiles:
            best = shape
        if best.tiles >= count:
            break
    return best


def live_tasks(deck: Deck) -> list[TaskId]:
    """The tasks whose agents work, ask or are paused, who began first at the front."""
    tasks = [task for task in deck.state.in_state(*LIVE) if task.attempt and task.attempt.live]
    tasks.sort(key=lambda task: (task.attempt and task.attempt.launched_at) or 0.0)
    return [task.id for task in tasks]


def arranged(before: Places, live: Sequence[TaskId], now: float, width: int, height: int) -> Places:
    """The places after a look at who works; see the rules above.

    Args:
        before: as they were.
        live: whose agents work, in the order in which they began.
        now: seconds since the epoch.
        width: cells that the wall has.
        height: rows, likewise.
    """
    places: list[Place | None] = []
    for place in before:
        if place is None or place.task in live:
            places.append(place and Place(place.task))
            continue
        ended_at = now if place.ended_at is None else place.ended_at
        places.append(Place(place.task, ended_at) if now - ended_at < ENDED_S else None)
    there = {place.task for place in places if place is not None}
    new = [task for task in live if task not in there]
    for number, place in enumerate(places):
        if place is None and new:
            places[number] = Place(new.pop(0))
    ending = sum(place is not None and place.ended_at is not None for place in places)
    places += [Place(task) for task in new[: max(0, len(new) - ending)]]
    taken = [place for place in places if place is not None]
    if _tiles(len(taken), width, height) < _tiles(len(places), width, height):
        return tuple(taken)
    while places and places[-1] is None:
        places.pop()
    return tuple(places)


def pages_for(count: int, tiles: int) -> int:
    """Pages of `tiles` for so many places; at least one."""
    return max(1, -(-count // tiles))


def _tiles(count: int, width: int, height: int) -> int:
    """All tiles of all pages."""
    shape = shape_for(count, width, height)
    return shape.tiles * pages_for(count, shape.tiles)


# --- what stands around a log --------------------------------------------------------------------


def tile_titles(
    deck: Deck, task: TaskId, digit: str, room: int, *, chosen: bool = False
) -> tuple[Line, Line]:
    """`1 ◐ S-2 LLM API guide` and `claude·sonnet · 03:12`, in at most `room` cells.

    The time is never left out, the agent before its model.
    """
    title = title_of(deck.state.spec(task))
    name: Line = (
        *((Span("▸ ", "accent bold"),) if chosen else ()),  # also where there are no colours
        *((Span(digit, "key bold"), Span(" ")) if digit else ()),
        deck.sign(task),
        Span(" "),
        Span(task, "bold"),
    )
    attempt = deck.state.tasks[task].attempt
    if attempt is None:
        return name, EMPTY
    left = room - cells(name) - TITLE_CELLS
    time = duration(attempt.worked_s(deck.now))
    model = plain(attempt.model or attempt.agent).removeprefix("claude-")
    tries = (f"{who(attempt)} · {time}", f"{model} · {time}", time)
    figures = next((text for text in tries if len(text) <= left), time)
    return (*name, Span(f" {title}" if title else "")), (Span(figures, "muted"),)


def tile_feet(deck: Deck, place: Place, room: int) -> tuple[Line, Line]:
    """What its agent does, or how it ended; and `14k · $0.21`."""
    task = deck.state.tasks[place.task]
    attempt = task.attempt
    tokens = attempt.tokens_in + attempt.tokens_out if attempt is not None else 0
    used = count(tokens) if tokens else ""
    if attempt is not None and attempt.usd:
        used += f" · {spent(attempt)}"
    right: Line = (Span(used, "muted"),) if used else EMPTY
    left = room - cells(right)
    if place.ended_at is None:
        span = doing(deck, task)
        return (Span(cut(span.text, left), span.role or "muted"),), right
    status = deck.status(task.id)
    text = f"ended: {status}"
    if task.state in (TaskState.FAILED, TaskState.RETRYING, TaskState.CANCELLED) and task.reason:
        text += f", {plain(first_line(task.reason))}"
    return (Span(cut(text, left), SIGNS[status].role),), right


def wall_head(deck: Deck, places: Places, which: str, width: int) -> Line:
    """The line above the tiles: how many work, and `which` of the pages this is ("" = all)."""
    live = live_tasks(deck)
    asking = sum(deck.state.tasks[task].state is TaskState.ASKING for task in live)
    ended = sum(place is not None and place.ended_at is not None for place in places)
    left: list[Span] = [Span(" Wall", "accent bold"), Span("  ")]
    left.append(Span(f"{plural(len(live), 'agent')} at work" if live else "nobody is at work"))
    if asking:
        left += [
            Span(" · ", "faint"),
            Span(f"{asking} ask{'s' if asking == 1 else ''}", "state-asks"),
        ]
    if ended:
        left += [Span(" · ", "faint"), Span(f"{ended} ended", "muted")]
    if not which:
        return spread(tuple(left), EMPTY, width)
    right: Line = (
        Span("[ ", "key bold"),
        Span(which),
        Span(" ]", "key bold"),
        Span(" "),
    )
    return spread(tuple(left), right, width)
