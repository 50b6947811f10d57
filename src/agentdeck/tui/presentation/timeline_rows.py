"""The time line as rows: `◐ S-1 Session stream  ▇▇▇✖2▇▇▇▅▂│╌╌╌╌`, below an axis with the phases.

Rules:
- What was done has a height: the more is done, the higher. What is ahead is a broken line, a heavy
  one on the path that decides the end, and dots up to where 8 of 10 worlds have ended it.
- A failed attempt ends in `✖`, a later one begins with its number: no piece needs its colour to be
  told from others.
- Now is a line through all rows. The ends of phases are broken ones, heavy for a sync point; a bar
  goes over them. Their names, the times of day and the distance from now stand above.
- Ids are never cut: a long one covers a part of its bar, and names give way first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import groupby
from typing import Final, NamedTuple

from rich.cells import cell_len

from agentdeck.core.ids import TaskId
from agentdeck.core.state import Attempt, TaskState
from agentdeck.plans.analysis.time_axis import DAY_S, MINUTE_S, Bar
from agentdeck.plans.reporting.tracks import Stretch
from agentdeck.tui.presentation.figures import clock_seconds, clock_time
from agentdeck.tui.presentation.line import EMPTY, Line, Span, cut, cut_line, fit
from agentdeck.tui.presentation.outline import MAX_ID_COLUMN
from agentdeck.tui.presentation.status import SIGNS, Status
from agentdeck.tui.presentation.timeline import Ahead, Rule, Timeline
from agentdeck.tui.presentation.timeline_window import Window
from agentdeck.tui.presentation.titles import title_of

NAMES_FROM: Final = 72  # cells of a row, from which on names are shown
MOST_NAME: Final = 34  # cells of a name
ENDS_FROM: Final = 100  # cells of a row, from which on its end is told as a time of day
END_CELLS: Final = 8  # `  ~13:20`
CLOCK_GAP: Final = 10  # cells between two times of day
AWAY_GAP: Final = 9  # cells between two distances from now
LEAST_TITLE: Final = 3  # cells of a phase's name, or it is left out

WORK: Final = "▇"
CHECK: Final = "▅"
PERSON: Final = "▃"
QUEUE: Final = "▂"
STILL: Final = "▁"
AHEAD: Final = "╌"
CRITICAL: Final = "╍"
LATE: Final = "∙"
NOW: Final = "│"
PHASE: Final = "┊"
SYNC: Final = "╏"

_LOOKS: Final[Mapping[TaskState, tuple[str, str]]] = {
    TaskState.PREPARING: (STILL, "state-working"),
    TaskState.WORKING: (WORK, "state-working"),
    TaskState.TAKEN: (WORK, "state-taken"),
    TaskState.PAUSED: (STILL, "state-paused"),
    TaskState.ASKING: (PERSON, "state-asks"),
    TaskState.CHECKING: (CHECK, "state-checking"),
    TaskState.REVIEWING: (PERSON, "state-asks"),
    TaskState.PROPOSED: (PERSON, "state-proposed"),
    TaskState.QUEUED: (QUEUE, "state-queued"),
}
_BY_OUTCOME: Final = frozenset({TaskState.PREPARING, TaskState.WORKING})
LEGEND: Final = (
    (WORK, "work"),
    (CHECK, "checks"),
    (PERSON, "waits for you"),
    (QUEUE, "queue"),
    (STILL, "stands"),
    (AHEAD, "ahead"),
    (CRITICAL, "decides the end"),
)

Cell = tuple[str, str]  # a character and its role
_BLANK: Final[Cell] = (" ", "")


def legend(width: int) -> str:
    """What the bars mean, in at most `width` cells; what explains itself goes first."""
    parts = [f"{glyph} {word}" for glyph, word in LEGEND]
    while parts and cell_len("  ".join(parts)) > width:
        parts.pop()
    return "  ".join(parts)


class Columns(NamedTuple):
    """How a row is divided, in cells."""

    label: int  # sign, id and a blank
    name: int
    chart: int
    end: int

    @property
    def left(self) -> int:
        """Where the bars begin."""
        return self.label + self.name


def columns_of(timeline: Timeline, width: int) -> Columns:
    """How rows of `width` cells are divided."""
    ids = map(len, timeline.deck.state.tasks)
    label = 2 + max((size for size in ids if size <= MAX_ID_COLUMN), default=0) + 1
    end = END_CELLS if width >= ENDS_FROM else 0
    name = 0
    if width >= NAMES_FROM:
        longest = max((cell_len(title_of(t)) for t in timeline.deck.state.plan.tasks), default=0)
        name = max(0, min(MOST_NAME, longest + 2, (width - label - end) // 4))
    return Columns(label, name, max(1, width - label - name - end), end)


class TimelineRows:
    """Draws a `Timeline` in a window. Making it is O(phases); a row costs O(width)."""

    def __init__(self, timeline: Timeline, window: Window, width: int) -> None:
        self._timeline = timeline
        self._deck = timeline.deck
        self._columns = columns_of(timeline, width)
        self._scale = window.scale(self._columns.chart)
        self._ground = self._ruled()

    @property
    def columns(self) -> Columns:
        """How its rows are divided."""
        return self._columns

    def _ruled(self) -> list[Cell]:
        """A row without a bar: now, and the ends of the phases."""
        cells = [_BLANK] * self._columns.chart
        for rule in self._timeline.rules:
            look = (SYNC, "muted") if rule.sync else (PHASE, "faint")
            self._mark(cells, rule.at, look)
        if self._deck.state.outcome is None:
            self._mark(cells, self._timeline.now, (NOW, "accent"))
        return cells

    def _mark(self, cells: list[Cell], at: float, cell: Cell) -> None:
        number = self._scale.cell(at)
        if 0 <= number < len(cells):
            cells[number] = cell

    # --- rows ------------------------------------------------------------------------------------

    def row(self, task_id: TaskId) -> Line:
        """The row of a task; empty when it was dropped from the plan."""
        task = self._deck.state.tasks.get(task_id)
        if task is None:
            return EMPTY
        cells = list(self._ground)
        for piece in self._timeline.stretches(task_id):
            self._past(cells, task_id, piece)
        self._attempts(cells, task_id)
        ahead = self._timeline.ahead.get(task_id)
        if ahead is not None:
            self._ahead(cells, task_id, ahead)
        label = self._label(task_id)
        spare = max(0, sum(cell_len(span.text) for span in label) - self._columns.left)
        chart = _joined(cells[spare:])
        if ahead is None and self._timeline.end(task_id) is None:
            chart = self._no_bar(task_id, spare)
        width = self._columns.left + self._columns.chart + self._columns.end
        return cut_line((*label, *chart, *self._end(task_id)), width)

    def _label(self, task_id: TaskId) -> Line:
        status = self._deck.status(task_id)
        quiet = status in (Status.LANDED, Status.SKIPPED, Status.DEFERRED)
        loud = status in (Status.ASKING, Status.FAILED, Status.REVIEWING)
        role = SIGNS[status].role + " bold" if loud else "muted" if quiet else ""
        if task_id in self._timeline.critical:
            role = (role + " bold").strip()
        sign = (self._deck.sign(task_id), self._deck.gap(task_id))
        size = self._columns.label - 3
        if len(task_id) > size:
            return (*sign, Span(task_id, role), Span(" "))
        line: Line = (*sign, Span(task_id + " " * (size - len(task_id) + 1), role))
        if self._columns.name:
            title = title_of(self._deck.state.spec(task_id))
            line += (Span(fit(title, self._columns.name - 1), "muted"), Span(" "))
        return line

    def _past(self, cells: list[Cell], task_id: TaskId, piece: Stretch) -> None:
        ended_at = self._timeline.now if piece.ended_at is None else piece.ended_at
        bar = self._scale.bar(piece.began_at, ended_at)
        if bar is None:
            return
        here = self._scale.cell(self._timeline.now)
        if bar.first == here > 0:  # shorter than a cell: the line of now stays
            bar = Bar(here - 1, here)
        glyph, role = _LOOKS[piece.state]
        if piece.state in _BY_OUTCOME:
            role = self._outcome_role(task_id, piece.attempt) or role
        cells[bar.first : bar.end] = [(glyph, role)] * (bar.end - bar.first)

    def _attempt(self, task_id: TaskId, number: int) -> Attempt | None:
        attempts = self._deck.state.tasks[task_id].attempts
        return attempts[number - 1] if 0 < number <= len(attempts) else None

    def _outcome_role(self, task_id: TaskId, number: int) -> str:
        """How an attempt that has landed or failed looks; empty for others."""
        attempt = self._attempt(task_id, number)
        if attempt is None or not attempt.outcome:
            return ""
        if attempt.cause is None:
            return "state-landed" if attempt.outcome == "landed" else ""
        task = self._deck.state.tasks[task_id]
        last = number == len(task.attempts) and task.state is TaskState.FAILED
        return "state-failed" if last else "muted"

    def _attempts(self, cells: list[Cell], task_id: TaskId) -> None:
        """`✖` where an attempt has failed, and the number of each later one where it begins."""
        for number, pieces in groupby(self._timeline.stretches(task_id), lambda p: p.attempt):
            found = list(pieces)
            attempt = self._attempt(task_id, number)
            if number > 1:
                role = self._outcome_role(task_id, number) or "state-working"
                shown = str(number) if number < 10 else "+"
                self._mark(cells, found[0].began_at, (shown, f"{role} bold"))
            if attempt is not None and attempt.cause is not None and found[-1].ended_at is not None:
                bar = self._scale.bar(found[0].began_at, found[-1].ended_at)
                if bar is not None and self._scale.cell(found[-1].ended_at) <= len(cells):
                    cells[bar.end - 1] = ("✖", "state-failed")

    def _ahead(self, cells: list[Cell], task_id: TaskId, ahead: Ahead) -> None:
        critical = task_id in self._timeline.critical
        here = self._scale.cell(self._timeline.now)
        late = self._scale.bar(ahead.end, ahead.late) if ahead.late > ahead.end else None
        if late is not None:
            _over(cells, late.first, late.end, (LATE, "faint"), here)
        bar = self._scale.bar(ahead.start, ahead.end)
        if bar is not None:
            look = (CRITICAL, "foreground bold") if critical else (AHEAD, "muted")
            _over(cells, bar.first, bar.end, look, here)

    def _no_bar(self, task_id: TaskId, spare: int) -> Line:
        """The rules, and after now the word for a task of which nothing is known in time."""
        status = self._deck.status(task_id)
        known = status in (Status.PENDING, Status.READY)
        word = "" if known else f" {status} "
        at = max(spare, min(self._scale.cell(self._timeline.now) + 1, self._columns.chart))
        if at + len(word) > self._columns.chart:
            at = max(spare, self._columns.chart - len(word))
        before, behind = self._ground[spare:at], self._ground[at + len(word) :]
        return (*_joined(before), Span(word, SIGNS[status].role), *_joined(behind))

    def _end(self, task_id: TaskId) -> Line:
        if not self._columns.end:
            return EMPTY
        ahead = self._timeline.ahead.get(task_id)
        end = self._timeline.end(task_id)
        going = any(piece.ended_at is None for piece in self._timeline.stretches(task_id))
        if end is None or (going and ahead is None):
            return (Span(" " * self._columns.end),)
        text = ("~" if ahead is not None else "") + clock_time(end, utc=self._deck.frozen)
        return (Span(fit(text, self._columns.end, "right"), "muted"),)

    # --- the axis --------------------------------------------------------------------------------

    def axis(self, height: int) -> list[Line]:
        """`height` lines above the rows: times of day last, distances from now, phases first."""
        lines = [self._clock()]
        if height >= 2:
            lines.insert(0, self._away())
        if height >= 3:
            lines.insert(0, self._phases())
        return lines[:height]

    def _placed(self, found: Iterable[tuple[int, Span]]) -> Line:
        """Pieces at their cells of the chart; one that would touch another is left out."""
        line: list[Span] = []
        at = -self._columns.left
        for cell, span in sorted(found, key=lambda pair: pair[0]):
            if cell >= max(at + (1 if line else 0), 0):
                line += [Span(" " * (cell - at)), span]
                at = cell + cell_len(span.text)
        return cut_line(tuple(line), self._columns.left + self._columns.chart)

    def _clock(self) -> Line:
        midnight = _midnight(self._scale.start_s, utc=self._deck.frozen)
        step = self._scale.step_s(CLOCK_GAP)
        show = clock_time if step >= MINUTE_S else clock_seconds
        found = []
        for moment, cell in self._scale.ticks(CLOCK_GAP, zero_s=midnight):
            text = show(moment, utc=self._deck.frozen)
            if step >= DAY_S:
                text = _day(moment, utc=self._deck.frozen)
            if cell + len(text) <= self._scale.cells:
                found.append((cell, Span(text, "muted")))
        return self._placed(found)

    def _away(self) -> Line:
        """`−20m … now … +20m`; of a run that has ended from its start on."""
        ended = self._deck.state.outcome is not None
        zero = self._deck.state.started_at if ended else self._timeline.now
        here = self._scale.cell(zero)
        seen = not ended and 0 <= here < self._scale.cells
        found = [(here, Span("now", "accent"))] if seen else []
        for moment, cell in self._scale.ticks(AWAY_GAP, zero_s=zero):
            text = _distance(moment - zero)
            apart = ended or not here - len(text) - 1 < cell < here + 4
            if apart and cell + len(text) <= self._scale.cells:
                found.append((cell, Span(text, "faint")))
        return self._placed(found)

    def _phases(self) -> Line:
        """The name of each phase, ending at its rule."""
        found: list[tuple[int, Span]] = []
        before = -1
        for rule in self._timeline.rules:
            cell = self._scale.cell(rule.at)
            room = cell - before - 1
            if not 0 <= cell < self._scale.cells or room < LEAST_TITLE:
                continue
            text = cut(rule.title, room) + ("┓" if rule.sync else "╮")
            found.append((cell - cell_len(text) + 1, Span(text, _rule_role(rule))))
            before = cell + 1
        return self._placed(found)


def _rule_role(rule: Rule) -> str:
    return ("" if rule.past else "muted") + (" bold" if rule.sync else "")


def _over(cells: list[Cell], first: int, end: int, look: Cell, now: int) -> None:
    """Ahead never covers what was done, nor the line of now."""
    for number in range(max(0, first), min(end, len(cells))):
        if number != now:
            cells[number] = look


def _joined(cells: Iterable[Cell]) -> Line:
    """Cells as spans, each role once in a row."""
    return tuple(
        Span("".join(char for char, _ in group), role)
        for role, group in groupby(cells, lambda cell: cell[1])
    )


def _midnight(at: float, *, utc: bool) -> float:
    """The start of the day of a moment, seconds since the epoch."""
    zone = UTC if utc else None
    then = datetime.fromtimestamp(at, UTC).astimezone(zone)
    return then.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


def _day(at: float, *, utc: bool) -> str:
    then = datetime.fromtimestamp(at, UTC).astimezone(UTC if utc else None)
    return then.strftime("%d %b")


def _distance(seconds: float) -> str:
    """`+20m`, `−1h30`, `+2d`."""
    sign, size = ("−" if seconds < 0 else "+"), round(abs(seconds))
    if not size:
        return "0"
    if size < MINUTE_S:
        return f"{sign}{size}s"
    if size < 3600:
        minutes, rest = divmod(size, 60)
        return f"{sign}{minutes}m" + (f"{rest:02}" if rest else "")
    if size < DAY_S:
        hours, rest = divmod(size // 60, 60)
        return f"{sign}{hours}h" + (f"{rest:02}" if rest else "")
    return f"{sign}{size // 86_400}d"
