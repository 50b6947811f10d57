"""The load screen: what each agent uses, what holds others back, and how accounts and pools stand.

Rules:
- Processor time is in percent of one core, so an agent with several processes can have more than
  100. Tokens are those that agents report; all else is measured on this machine.
- A figure that nobody has measured is a dash, and a course begins where measuring began.
- Beside each pool stands how its attempts ended; agents that fail again and again have rows of
  their own. What to do about one stands beside it where there is room, else below it, whole.
- A row's key is the task's id, or `held:TASK`, `sick:AGENT`, `advice:N:AGENT` (a line below it),
  `account:NAME`, `pool:NAME`, or begins with `+` (a heading).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from agentdeck.control.account_report import AccountLine, Stands, account_lines
from agentdeck.core.capacity import Hindrance
from agentdeck.core.health import Health, attempts_of, health
from agentdeck.core.ids import AgentName, PoolName, TaskId
from agentdeck.core.pools import most as most_of
from agentdeck.core.pools import places, stand_of, used
from agentdeck.core.scheduler import admission
from agentdeck.core.state import TaskState
from agentdeck.plans.reporting.rates import reported
from agentdeck.tui.presentation.agents import agent_rows, doing, who
from agentdeck.tui.presentation.bars import bar, spark
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import UNKNOWN, count, duration, size
from agentdeck.tui.presentation.line import (
    EMPTY,
    Line,
    Span,
    cells,
    cut_line,
    fit,
    plain,
    spread,
    wrapped,
)
from agentdeck.tui.presentation.load_course import (
    GAP_S,
    AgentPoint,
    LoadCourse,
)
from agentdeck.tui.presentation.outline import MAX_ID_COLUMN

HELD: Final = "held:"
ACCOUNT: Final = "account:"
POOL: Final = "pool:"
SICK: Final = "sick:"
ADVICE: Final = "advice:"
COURSE_S: Final = 300.0  # of the courses in rows; what is older says little of a live agent
LATELY_S: Final = 120.0  # tokens a minute are the mean of so long: agents report now and then
MINUTE_S: Final = 60.0
NARROW_IDS: Final = 10  # cells for ids below `WIDE`
WIDE: Final = 100  # cells of a row, from which on it says whose agent it is
WHO_CELLS: Final = 18
ROOMY: Final = 150  # likewise, what the agent does
GAP: Final = 2  # cells between columns
CPU_CELLS: Final = 5
MEM_CELLS: Final = 5
TOK_CELLS: Final = 6
LOG_CELLS: Final = 6
SPARK: Final = (6, 30)  # cells of a course, at least and at most
FIXED_CELLS: Final = 50  # of a row, that are never a course's
SPARK_SHARE: Final = 4  # of the others, one in so many is one of two courses
NAME_CELLS: Final = 18  # of an account or a pool
FIGURE_CELLS: Final = 9
INDENT: Final = 3  # cells before a name
SCROLLBAR: Final = 2  # cells that it takes from a row
BAR_CELLS: Final = 16

# How a heading names what holds tasks back.
_WORDS: Final[Mapping[Hindrance | None, str]] = {
    Hindrance.ENDING: "end",
    Hindrance.RUN_PAUSED: "pause",
    Hindrance.PREFLIGHT: "red gate",
    Hindrance.PREFLIGHT_RUNS: "gate",
    Hindrance.BUDGET: "budget",
    Hindrance.PAUSED: "own pause",
    Hindrance.SKILL: "skill",
    Hindrance.ACCOUNT: "account",
    Hindrance.AGENTS: "slots",
    Hindrance.POOL: "pool",
    Hindrance.FOOTPRINT: "files",
    Hindrance.EXCLUSIVE: "alone",
    None: "retry",
}


class Order(StrEnum):
    """By which figure agents are sorted, the most first."""

    PLAN = "plan order"
    CPU = "cpu"
    MEMORY = "mem"
    TOKENS = "tok/m"
    LOG = "log/s"


ORDERS: Final = tuple(Order)


class Held(NamedTuple):
    """A task that could start and does not."""

    task: TaskId
    kind: Hindrance | None  # None = it waits before it is tried again
    sentence: str
    until: float | None  # seconds since the epoch; None = time alone does not end it


def held_back(deck: Deck) -> list[Held]:
    """Every ready task that something keeps from starting, and those that wait for a retry.

    O((holders + ready) * patterns).
    """
    state = deck.state
    if state.outcome is not None:
        return []
    found = [
        Held(task.id, blocker.kind, blocker.sentence, blocker.until)
        for task, blocker in admission(state, deck.now)
        if blocker is not None
    ]
    found += [
        Held(task.id, None, deck.why(task.id), task.retry_at)
        for task in state.in_state(TaskState.RETRYING)
    ]
    return found


class LoadView:
    """The rows of one moment."""

    def __init__(
        self,
        deck: Deck,
        course: LoadCourse,
        held: list[Held],
        order: Order = Order.PLAN,
        width: int = ROOMY,
    ) -> None:
        """`width`: the cells that a row will have."""
        self.deck, self.course, self.order = deck, course, order
        self._held = {HELD + one.task: one for one in held}
        self._accounts = {ACCOUNT + one.name: one for one in account_lines(deck.state, deck.now)}
        self._sick = {SICK + name: found for name, found in sick_agents(deck).items()}
        self._advised: dict[str, Line] = {}  # the rows of all agents that are unhealthy
        for key, one in self._sick.items():
            self._advised.update(_sick_rows(key, one, width))
        self._pools = [POOL + pool.name for pool in deck.state.plan.pools]
        self._tokens = {task: tokens_a_minute(deck, TaskId(task)) for task in agent_rows(deck)}
        agents = list(self._tokens)
        if order is not Order.PLAN:
            agents.sort(key=lambda task: -(self._value(task) or 0.0))
        self.keys: list[str] = []
        for name, keys in (
            ("+work", agents),
            ("+held", list(self._held)),
            ("+sick", list(self._advised)),
            ("+accounts", list(self._accounts)),
            ("+pools", self._pools),
        ):
            if keys:
                self.keys += [*(["+" + name] if self.keys else []), name, *keys]
        self.headings = frozenset(key for key in self.keys if key.startswith("+"))

    def task(self, key: str | None) -> TaskId | None:
        """The task that a row is about."""
        name = (key or "").removeprefix(HELD)
        return TaskId(name) if name in self.deck.state.tasks else None

    def pool(self, key: str | None) -> PoolName | None:
        """The pool that a row is about; None = it is about none."""
        name = PoolName((key or "").removeprefix(POOL))
        return name if (key or "").startswith(POOL) else None

    def _value(self, task: str) -> float | None:
        if self.order is Order.TOKENS:
            return self._tokens[task]
        point = self._point(TaskId(task))
        if point is None:
            return None
        figures = {
            Order.CPU: point.cores,
            Order.MEMORY: float(point.rss_bytes),
            Order.LOG: point.log_bps,
        }
        return figures.get(self.order)

    # --- drawing ---------------------------------------------------------------------------------

    def row(self, key: str, width: int) -> Line:
        """One row."""
        if key.startswith("+"):
            return self._heading(key, width)
        if key.startswith(HELD):
            return self._held_row(self._held[key], width)
        if key.startswith(ACCOUNT):
            return _account_row(self.deck, self._accounts[key], width)
        if key in self._advised:
            return cut_line(self._advised[key], width)
        if key.startswith(POOL):
            return self._pool_row(key.removeprefix(POOL), width)
        return self._agent_row(TaskId(key), width)

    def _heading(self, key: str, width: int) -> Line:
        match key:
            case "+work":
                return spread(
                    (Span(" At work", "accent bold"), Span(f"  {len(self._tokens)}", "muted")),
                    self._heads(width),
                    width,
                )
            case "+held":
                kinds = Counter(_WORDS[one.kind] for one in self._held.values())
                why = " · ".join(f"{word} {number}" for word, number in kinds.most_common())
                left: Line = (
                    Span(" Held back", "accent bold"),
                    Span(f"  {len(self._held)}", "muted"),
                )
                return spread(left, (Span(why, "faint"),), width)
            case "+accounts":
                return (Span(" Accounts", "accent bold"), Span(f"  {len(self._accounts)}", "muted"))
            case "+pools":
                return (Span(" Pools", "accent bold"), Span(f"  {len(self._pools)}", "muted"))
            case "+sick":
                number = Span(f"  {len(self._sick)}", "muted")
                return (Span(" Unhealthy", "state-failed bold"), number)
            case _:
                return EMPTY

    def _heads(self, width: int) -> Line:
        """The words above the figures; that of the order has a mark."""
        course = _spark(width)
        columns = (
            (Order.CPU, CPU_CELLS, course),
            (Order.MEMORY, MEM_CELLS, 0),
            (Order.TOKENS, TOK_CELLS, course),
            (Order.LOG, LOG_CELLS, 0),
        )
        found: list[Span] = []
        for order, cells_of, more in columns:
            mine = order is self.order
            text = f"{order}{'▾' if mine else ''}"
            found += [
                Span(" " * GAP),
                Span(fit(text, cells_of, "right"), "bold" if mine else "faint"),
            ]
            if more:
                found.append(Span(" " * (more + 1)))
        return tuple(found)

    def _agent_row(self, task: TaskId, width: int) -> Line:
        deck = self.deck
        attempt = deck.state.tasks[task].attempt
        wide = width >= WIDE
        column = min(deck.longest_id, MAX_ID_COLUMN if wide else NARROW_IDS)
        left: list[Span] = [Span(" "), deck.sign(task), Span(" ")]
        left.append(Span(task + " " * max(0, column - len(task)), "bold"))
        if attempt is not None and wide:
            left += [Span("  "), Span(fit(who(attempt), WHO_CELLS), "muted")]
        if width >= ROOMY:
            left += [Span("  "), doing(deck, deck.state.tasks[task])]
        return spread(tuple(left), self._figures(task, width), width, gap=GAP)

    def _figures(self, task: TaskId, width: int) -> Line:
        point, attempt = self._point(task), deck_attempt(self.deck, task)
        since, until, cells_of = self.deck.now - COURSE_S, self.deck.now, _spark(width)
        busy = self.course.cores_of((task, attempt), COURSE_S, cells_of) if self._fresh else []
        reports = self.deck.rates.of(task, attempt)
        used = reported(reports, since, until, cells_of)
        tokens = self._tokens[task]
        gap = Span(" " * GAP)
        return (
            gap,
            Span(fit(UNKNOWN if point is None else f"{point.cores:.0%}", CPU_CELLS, "right")),
            Span(" "),
            *spark(busy, cells_of, top=_top(busy)),
            gap,
            Span(fit(UNKNOWN if point is None else size(point.rss_bytes), MEM_CELLS, "right")),
            gap,
            Span(fit(UNKNOWN if tokens is None else count(round(tokens)), TOK_CELLS, "right")),
            Span(" "),
            *spark(used, cells_of, "state-queued"),
            gap,
            Span(fit(UNKNOWN if point is None else size(point.log_bps), LOG_CELLS, "right")),
        )

    @property
    def _fresh(self) -> bool:
        """Was the latest point measured just now? Not in the past of a run."""
        now = self.course.now
        return now is not None and 0 <= self.deck.now - now.at <= GAP_S

    def _point(self, task: TaskId) -> AgentPoint | None:
        """What was measured last of its agent, if that was just now."""
        now = self.course.now
        if now is None or not self._fresh:
            return None
        return now.agents.get((task, deck_attempt(self.deck, task)))

    def _held_row(self, held: Held, width: int) -> Line:
        column = min(self.deck.longest_id, MAX_ID_COLUMN if width >= WIDE else NARROW_IDS)
        sentence = plain(held.sentence).removeprefix(f"{held.task} ")
        left: Line = (
            Span(" "),
            self.deck.sign(held.task),
            Span(" "),
            Span(held.task + " " * max(0, column - len(held.task)), "bold"),
            Span("  "),
            Span(sentence, "muted"),
        )
        if held.until is None or held.until <= self.deck.now:
            return cut_line(left, width)
        waits = Span(duration(held.until - self.deck.now), "state-paused")
        return spread(left, (waits,), width, gap=GAP)

    def _pool_row(self, name: str, width: int) -> Line:
        state, now = self.deck.state, self.deck.now
        pool = state.plan.pool_by_name[PoolName(name)]
        taken, there, most = used(state, pool.name), places(state, pool), most_of(state, pool)
        full = taken >= there
        stand = stand_of(state, pool.name)
        notes = [f"up to {most}"] if there < most else []
        notes += [plain(stand.short)] if there < most and stand.short else []
        notes += [f"set by {plain(stand.by)}"] if stand.limit is not None else []
        line: Line = (
            Span("   "),
            Span(fit(plain(name), NAME_CELLS), "bold"),
            Span("  "),
            Span(fit(f"{taken} of {there}", FIGURE_CELLS), "state-paused" if full else ""),
            *bar(min(1.0, taken / there), BAR_CELLS, "state-paused" if full else "accent"),
            Span("  full" if full else "", "state-paused"),
            Span("".join(f"  {note}" for note in notes), "state-paused"),
            *_how_it_does(health(attempts_of(state, pool=pool.name), now)),
        )
        return cut_line(line, width)


def _sick_rows(key: str, found: Health, width: int) -> dict[str, Line]:
    """What is wrong with an agent, and what to do: on one row, or on those below it."""
    name = key.removeprefix(SICK)
    why: Line = (
        Span(" " * INDENT),
        Span(fit(plain(name), NAME_CELLS), "bold"),
        Span("  "),
        Span(plain(found.unhealthy), "state-failed"),
    )
    beside: Line = (*why, Span(f"  {plain(found.advice)}", "muted"))
    if cells(beside) <= width - SCROLLBAR:
        return {key: beside}
    room = max(1, width - SCROLLBAR - INDENT - GAP)
    below = wrapped(plain(found.advice), room, "muted")
    under = {
        f"{ADVICE}{at}:{name}": (Span(" " * (INDENT + GAP)), *line) for at, line in enumerate(below)
    }
    return {key: why, **under}


def _how_it_does(found: Health) -> Line:
    """`  82% of 14 well, 05:10 each`, or what is wrong; nothing before an attempt has ended."""
    if found.unhealthy:
        return (Span("  fails again and again", "state-failed"),)
    if found.success is None:
        return EMPTY
    each = "" if found.mean_s is None else f", {duration(found.mean_s)} each"
    return (Span(f"  {found.success:.0%} of {found.well + found.failed} well{each}", "muted"),)


def sick_agents(deck: Deck) -> dict[AgentName, Health]:
    """The agents that fail again and again. O(agents * attempts)."""
    state = deck.state
    worked = {attempt.agent for task in state.tasks.values() for attempt in task.attempts}
    found = {name: health(attempts_of(state, agent=name), deck.now) for name in sorted(worked)}
    return {name: each for name, each in found.items() if each.unhealthy}


def deck_attempt(deck: Deck, task: TaskId) -> int:
    """The number of a task's latest attempt; 0 = it has none."""
    return len(deck.state.tasks[task].attempts)


def _account_row(deck: Deck, account: AccountLine, width: int) -> Line:
    calm = account.stands is Stands.OPEN
    role = "" if calm else "state-asks" if account.stands is Stands.CLOSED else "state-paused"
    window = account.window if account.window is not None else deck.state.agents_limit
    share = account.utilization
    left: list[Span] = [
        Span("   "),
        Span(fit(plain(account.name), NAME_CELLS), "bold"),
        Span("  "),
        Span(fit(f"{account.at_work} of {window}", FIGURE_CELLS)),
    ]
    if share is not None:
        left += [*bar(min(1.0, share), BAR_CELLS), Span(f"  {share:.0%} of its allowance  ")]
    said = plain(account.sentence).removeprefix(f"{account.name} ")
    return cut_line((*left, Span(said, role or "muted")), width)


def tokens_a_minute(deck: Deck, task: TaskId) -> float | None:
    """What its agent has used lately; None = it has said nothing yet."""
    reports = deck.rates.of(task, deck_attempt(deck, task))
    if len(reports) < 2:
        return None
    since = max(reports[0].at, deck.now - LATELY_S)
    used = reported(reports, since, deck.now, 1)[0] if deck.now > since else None
    return None if used is None else used / (deck.now - since) * MINUTE_S


def _spark(width: int) -> int:
    """Cells of a course in a row of so many cells."""
    least, most = SPARK
    return max(least, min(most, (width - FIXED_CELLS) // SPARK_SHARE))


def _top(busy: list[float | None]) -> float:
    """A full cell is one core, or the most of several: an idle agent must not look busy."""
    return max(1.0, max((value for value in busy if value is not None), default=1.0))
