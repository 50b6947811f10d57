"""The spending screen: what the run costs, by whatever one wants to see it by.

Rules:
- Dollars that were reckoned from the price table, even in part, are marked with `≈`; tokens without
  a price are named and never guessed. Shares are of the money; where there is none, of the tokens.
- A row is a task, a model, an agent, an account, what attempts were for, or one attempt. Columns
  have one width for all rows, numbers end at their right; a title gives way, a name never does.
- A row's key is the task's id, or `TASK#ATTEMPT.REVIEW`, or the name of what it stands for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from typing import Final, NamedTuple

from agentdeck.core.ids import TaskId
from agentdeck.plans.reporting.spending import Piece, Purpose, Sum, pieces_of, sum_of
from agentdeck.tui.presentation.bars import bar
from agentdeck.tui.presentation.budget import reckoned
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import UNKNOWN, count, money, plural
from agentdeck.tui.presentation.line import EMPTY, Line, Span, cells, cut, fit, plain
from agentdeck.tui.presentation.titles import title_of

NONE: Final = "—"  # stands for a model or an account that nobody names


class Grouping(StrEnum):
    """What a row stands for."""

    TASK = "task"
    MODEL = "model"
    AGENT = "agent"
    ACCOUNT = "account"
    PURPOSE = "purpose"
    ATTEMPT = "attempt"


class Order(StrEnum):
    """By which column rows are sorted: the most first, or the plan's order."""

    MONEY = "money"
    TOKENS = "tokens"
    TIMES = "times"
    PLAN = "plan order"


GROUPINGS: Final = tuple(Grouping)
ORDERS: Final = tuple(Order)
ABOUT: Final = {
    Grouping.TASK: "by task",
    Grouping.MODEL: "by model",
    Grouping.AGENT: "by agent",
    Grouping.ACCOUNT: "by account",
    Grouping.PURPOSE: "by what it was for",
    Grouping.ATTEMPT: "attempt by attempt",
}
_BY_ORDER: Final[Mapping[Order, Callable[[Sum], float]]] = {
    Order.MONEY: lambda found: found.usd,
    Order.TOKENS: lambda found: found.tokens,
    Order.TIMES: lambda found: found.pieces,
}


class Within(NamedTuple):
    """Only what one row of a grouping stands for."""

    grouping: Grouping
    name: str


class _Column(NamedTuple):
    head: str
    cells: int
    least: int  # cells of a row from which on it is there
    order: Order | None = None


_COLUMNS: Final = (
    _Column("times", 6, 0, Order.TIMES),
    _Column("in", 5, 66),
    _Column("cached", 6, 80),
    _Column("out", 5, 66),
    _Column("tokens", 7, 0, Order.TOKENS),
    _Column("cost", 8, 0, Order.MONEY),
    _Column("share", 5, 0),
)
GAP: Final = 2  # cells between columns
LEAST_NAME: Final = 10
MOST_NAME: Final = 64
BAR: Final = (6, 24)  # cells, at least and at most
BAR_SHARE: Final = 8  # of a row's cells, one in so many is its bar
TITLE_FROM: Final = 12  # cells that a title needs to be worth showing
NAMED: Final = 40  # tasks in one row; more than any screen has room for
_ONE: Final = {
    Purpose.FIRST: "first attempt",
    Purpose.RETRY: "retry",
    Purpose.REPAIR: "repair",
    Purpose.CHANGES: "changes",
    Purpose.MORE: "further turn",
    Purpose.REVIEW: "review",
}


class SpendingView:
    """The rows of one moment."""

    def __init__(
        self,
        deck: Deck,
        grouping: Grouping = Grouping.TASK,
        order: Order = Order.MONEY,
        within: Within | None = None,
    ) -> None:
        self.deck, self.grouping, self.order = deck, grouping, order
        pieces = pieces_of(deck.state)
        if within is not None:
            pieces = [one for one in pieces if group_of(one, within.grouping) == within.name]
        self.whole = sum_of(pieces)
        found: dict[str, list[Piece]] = {}
        for piece in pieces:
            found.setdefault(group_of(piece, grouping), []).append(piece)
        self._pieces = found
        self._sums = {key: sum_of(some) for key, some in found.items()}
        self.keys = self._sorted()

    def _sorted(self) -> list[str]:
        keys = list(self._sums)
        if self.grouping is Grouping.PURPOSE:
            keys.sort(key=[str(one) for one in Purpose].index)
        if self.order is Order.PLAN:
            return keys
        value = _BY_ORDER[self.order]
        return sorted(keys, key=lambda key: (-value(self._sums[key]), -self._sums[key].tokens))

    def task(self, key: str | None) -> TaskId | None:
        """The task that a row is about, if it is about one."""
        pieces = self._pieces.get(key or "", ())
        tasks = {piece.task for piece in pieces}
        return next(iter(tasks)) if len(tasks) == 1 else None

    def sum(self, key: str) -> Sum:
        """What a row adds up."""
        return self._sums[key]

    # --- drawing ---------------------------------------------------------------------------------

    @cached_property
    def _name_cells(self) -> int:
        longest = max((cells((Span(self._name(key)),)) for key in self.keys), default=0)
        return max(LEAST_NAME, min(MOST_NAME, longest))

    def heads(self, width: int) -> Line:
        """The words above the columns; that of the order has a mark."""
        plan = self.order is Order.PLAN
        words = str(self.grouping) + (" ▾" if plan else "")
        first = Span(fit(words, self._room(width)), "bold" if plan else "faint")
        found: list[Span] = [Span("   "), first]
        for column in self._shown(width):
            mine = column.order is self.order
            text = column.head + ("▾" if mine else "")
            found += [
                Span(" " * GAP),
                Span(fit(text, column.cells, "right"), "bold" if mine else "faint"),
            ]
        return tuple(found)

    def row(self, key: str, width: int) -> Line:
        """One row."""
        found = self._sums[key]
        line = [Span(" "), self._sign(key), Span(" "), *self._names(key, self._room(width))]
        share = self._share(found)
        figures = {
            "times": str(found.pieces),
            "in": count(found.read),
            "cached": count(found.cached) if found.cached else "·",
            "out": count(found.written),
            "tokens": count(found.tokens),
            "cost": cost(found),
            "share": _percent(share),
        }
        roles = {"cost": "bold" if found.usd else "muted", "tokens": "", "share": ""}
        for column in self._shown(width):
            text = fit(figures[column.head], column.cells, "right")
            line += [Span(" " * GAP), Span(text, roles.get(column.head, "muted"))]
        return (*line, *self._bar(share, width))

    def _shown(self, width: int) -> Sequence[_Column]:
        single = self.grouping is Grouping.ATTEMPT  # each happened once
        hidden = Order.TIMES if single else None
        found = [c for c in _COLUMNS if width >= c.least and (c.order != hidden or c.order is None)]
        while _left(found, width) < self._name_cells and any(c.least for c in found):
            # a figure can be seen elsewhere; a name that is cut is nobody's
            found.remove(next(c for c in reversed(found) if c.least))
        return found

    def _bar_cells(self, width: int) -> int:
        """Cells of the bar at the end of a row; it gives way to the name before anything else."""
        least, most = BAR
        wanted = max(least, min(most, width // BAR_SHARE))
        left = _left(self._shown(width), width) - self._name_cells - GAP
        return wanted if left >= wanted else max(0, left) if left >= least else 0

    def _bar(self, share: float, width: int) -> Line:
        size = self._bar_cells(width)
        return (Span(" " * GAP), *bar(share, size)) if size else EMPTY

    def _room(self, width: int) -> int:
        """Cells of a row for its name and its title."""
        size = self._bar_cells(width)
        return max(1, _left(self._shown(width), width) - (size + GAP if size else 0))

    def _share(self, found: Sum) -> float:
        if self.whole.usd > 0:
            return found.usd / self.whole.usd
        return found.tokens / self.whole.tokens if self.whole.tokens else 0.0

    def _sign(self, key: str) -> Span:
        if self.grouping is Grouping.TASK:
            return self.deck.sign(TaskId(key))
        live = any(piece.live for piece in self._pieces[key])
        return Span("◐", "state-working") if live else Span("·", "faint")

    def _names(self, key: str, room: int) -> list[Span]:
        name = self._name(key)
        role = "bold"
        title = self._title(key)
        size = min(self._name_cells, room)
        if room - size - GAP < TITLE_FROM or not title:
            return [Span(fit(name, room), role)]
        return [
            Span(fit(name, size), role),
            Span(" " * GAP),
            Span(fit(title, room - size - GAP), "muted"),
        ]

    def _name(self, key: str) -> str:
        piece = self._pieces[key][0]
        if self.grouping is not Grouping.ATTEMPT:
            return plain(key)
        review = f" review {piece.review}" if piece.review else ""
        return f"{piece.task} #{piece.attempt}{review}"

    def _title(self, key: str) -> str:
        """What a row says beside its name."""
        pieces = self._pieces[key]
        if self.grouping is Grouping.TASK:
            return title_of(self.deck.state.spec(TaskId(key)))
        if self.grouping is Grouping.ATTEMPT:
            return f"{_ONE[pieces[0].purpose]} · {who(pieces[0])}"
        names = list(dict.fromkeys(piece.task for piece in pieces))
        return f"{plural(len(names), 'task')} · {', '.join(names[:NAMED])}"


def group_of(piece: Piece, grouping: Grouping) -> str:
    """The key of the row that a piece belongs to."""
    match grouping:
        case Grouping.TASK:
            return piece.task
        case Grouping.MODEL:
            return piece.model or NONE
        case Grouping.AGENT:
            return piece.agent
        case Grouping.ACCOUNT:
            return piece.account or NONE
        case Grouping.PURPOSE:
            return str(piece.purpose)
        case Grouping.ATTEMPT:
            return f"{piece.task}#{piece.attempt}.{piece.review}"


def who(piece: Piece) -> str:
    """`claude·sonnet`."""
    agent, model = plain(piece.agent), plain(piece.model).removeprefix("claude-")
    return f"{agent}·{model}" if model not in ("", agent) else agent


def cost(found: Sum) -> str:
    """`$1.20`, `≈$0.31`; a dash where tokens were used and nobody knows their price."""
    if found.usd > 0:
        return reckoned(found.usd, priced=found.usd_priced > 0)
    return UNKNOWN if found.tokens or found.cached else money(0.0)


def within_words(within: Within) -> str:
    """`only model sonnet`."""
    return f"only {within.grouping} {cut(plain(within.name), 30)}"


def _percent(share: float) -> str:
    if share <= 0:
        return "·"
    return "<1%" if share < 0.005 else f"{share:.0%}"


def _left(columns: Sequence[_Column], width: int) -> int:
    """Cells of a row that its sign and these columns leave."""
    return width - 3 - sum(column.cells + GAP for column in columns)
