"""Two runs side by side: what each task took in both, and where they differ most.

Rules:
- Tasks are the same when their ids are. Whether they were asked the same is said (`brief_changed`),
  because then figures compare other work; tasks that only one run knows stand apart.
- What differs most stands first: another ending before any figure, then the time, the tokens and
  the money, each as a share of what the larger run used of it in all.
- A figure that nobody has is None on that side and is no difference; nothing is guessed.
- Less time, tokens, money, tries and red gates are better; so is landed than not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

import msgspec

from agentdeck.core.state import TaskState
from agentdeck.core.words import first_line
from agentdeck.plans.reporting.report import Done, Report

COMPARE_VERSION: Final = 1
NOISE: Final = 0.05  # share of a figure; what differs by less is no difference worth a colour
LEAST_S: Final = 1.0  # seconds; less is how a machine feels
RESULT_CHARS: Final = 200  # of the words about an ending


class Trend(StrEnum):
    """How the second run did beside the first."""

    SAME = "same"
    BETTER = "better"
    WORSE = "worse"
    OTHER = "other"  # different, and neither


class Unit(StrEnum):
    """What a figure counts."""

    COUNT = "count"
    SECONDS = "seconds"
    TOKENS = "tokens"
    USD = "usd"


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """What one run says of a task."""

    state: str
    attempts: int
    seconds: float  # of work in all attempts
    tokens: int  # read and written
    usd: float | None  # None = nobody says
    gates_red: int  # trees on which a gate is red, counted for each gate
    added: int  # lines
    removed: int
    agent: str  # of the last attempt, with its model; "" = there was none
    result: str  # in words: lines that landed, or what it failed of


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One task."""

    task: str
    title: str
    first: Side | None  # None = this run does not have it
    second: Side | None
    brief_changed: bool  # it was asked something else
    differs: list[str]  # the fields of `Side` that differ by more than noise
    weight: float  # how much it differs; the list is sorted by it


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One sum over the runs."""

    name: str
    unit: Unit
    first: float | None
    second: float | None
    trend: Trend


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Which run it is."""

    run: str
    plan: str
    outcome: str | None  # complete | stopped | budget; None = it goes on
    started_at: float  # seconds since the epoch
    until: float


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Everything."""

    kind: str = "agentdeck-comparison"
    version: int = COMPARE_VERSION
    first: Head
    second: Head
    totals: list[Figure]
    tasks: list[Row]  # in both; what differs most at the front
    only_first: list[Row]  # in plan order
    only_second: list[Row]


def compared(first: Report, second: Report) -> Comparison:
    """Two reports side by side. O(tasks log tasks)."""
    ours, theirs = dict(_tasks(first)), dict(_tasks(second))
    most = _Most(
        max(first.totals.seconds, second.totals.seconds),
        max(first.totals.tokens, second.totals.tokens),
        max(first.totals.usd or 0.0, second.totals.usd or 0.0),
    )
    both = [_row(ours[name], theirs[name], most) for name in ours if name in theirs]
    both.sort(key=lambda row: -row.weight)
    return Comparison(
        first=_head(first),
        second=_head(second),
        totals=list(_totals(first, second)),
        tasks=both,
        only_first=[_row(done, None, most) for name, done in ours.items() if name not in theirs],
        only_second=[_row(None, done, most) for name, done in theirs.items() if name not in ours],
    )


def trend(first: float | None, second: float | None, *, less: bool | None = True) -> Trend:
    """How the second figure stands to the first; `less`: is less better? None = neither is."""
    if first is None or second is None or not differ(first, second):
        return Trend.SAME
    if less is None:
        return Trend.OTHER
    return Trend.BETTER if (second < first) == less else Trend.WORSE


def trend_of(row: Row, field: str) -> Trend:
    """How a field of a task stands in the second run, beside the first."""
    if row.first is None or row.second is None or field not in row.differs:
        return Trend.SAME
    if field == "state":
        one, other = (side.state == TaskState.LANDED for side in (row.first, row.second))
        return Trend.OTHER if one == other else Trend.BETTER if other else Trend.WORSE
    a, b = getattr(row.first, field), getattr(row.second, field)
    return trend(a, b) if isinstance(a, int | float) else Trend.OTHER


def differ(first: float, second: float) -> bool:
    """Is it more than noise? Small counts always are."""
    if isinstance(first, int) and isinstance(second, int) and max(first, second) < 1 / NOISE:
        return first != second
    return abs(first - second) > NOISE * max(abs(first), abs(second))


class _Most(msgspec.Struct, frozen=True):
    seconds: float
    tokens: int
    usd: float


def _tasks(report: Report) -> Iterator[tuple[str, Done]]:
    yield from ((done.card.task, done) for group in report.phases for done in group.tasks)


def _head(report: Report) -> Head:
    return Head(
        run=report.run,
        plan=report.plan,
        outcome=report.outcome,
        started_at=report.started_at,
        until=report.until,
    )


def _side(done: Done) -> Side:
    card = done.card
    last = card.attempts[-1] if card.attempts else None
    model = f" · {last.model}" if last is not None and last.model else ""
    return Side(
        state=card.state,
        attempts=len(card.attempts),
        seconds=done.seconds,
        tokens=done.tokens,
        usd=done.usd,
        gates_red=sum(gate.verdict == "red" for gate in card.gates),
        added=done.added,
        removed=done.removed,
        agent=f"{last.agent}{model}" if last is not None else "",
        result=_result(done),
    )


def _result(done: Done) -> str:
    card = done.card
    if card.landing is not None:
        return f"+{done.added:,} −{done.removed:,}"
    return first_line(card.reason)[:RESULT_CHARS]


def _row(first: Done | None, second: Done | None, most: _Most) -> Row:
    one = _side(first) if first is not None else None
    other = _side(second) if second is not None else None
    known = second if second is not None else first
    assert known is not None  # a row is made for a task that one of them has
    card = known.card
    changed = first is not None and second is not None and first.brief != second.brief
    differs = list(_differing(one, other)) if one is not None and other is not None else []
    return Row(
        task=card.task,
        title=card.title,
        first=one,
        second=other,
        brief_changed=changed,
        differs=differs,
        weight=_weight(one, other, differs, most),
    )


def _differing(one: Side, other: Side) -> Iterator[str]:
    for name in Side.__struct_fields__:
        a, b = getattr(one, name), getattr(other, name)
        if a is None or b is None or a == b:
            continue
        if name == "seconds" and abs(a - b) < LEAST_S:
            continue
        if isinstance(a, str) or differ(a, b):
            yield name


def _weight(one: Side | None, other: Side | None, differs: Iterable[str], most: _Most) -> float:
    """2 for another ending, and up to 1 for each of time, tokens and money."""
    found = 2.0 if "state" in differs else 0.0
    for name in ("seconds", "tokens", "usd"):
        whole = getattr(most, name)
        a, b = (getattr(side, name) if side is not None else 0 for side in (one, other))
        if whole and a is not None and b is not None:
            found += abs(a - b) / whole
    return round(found, 6)


def _totals(first: Report, second: Report) -> Iterator[Figure]:
    a, b = first.totals, second.totals
    stuck = len(first.needs_person), len(second.needs_person)
    rows: tuple[tuple[str, Unit, float | None, float | None, bool | None], ...] = (
        ("tasks", Unit.COUNT, a.tasks, b.tasks, None),
        ("landed", Unit.COUNT, a.landed, b.landed, False),
        ("failed", Unit.COUNT, *stuck, True),
        ("makespan", Unit.SECONDS, a.elapsed_s, b.elapsed_s, True),
        ("work", Unit.SECONDS, a.seconds, b.seconds, True),
        ("attempts", Unit.COUNT, a.attempts, b.attempts, True),
        ("tokens", Unit.TOKENS, a.tokens, b.tokens, True),
        ("cost", Unit.USD, a.usd, b.usd, True),
        ("gate runs", Unit.COUNT, a.gate_runs, b.gate_runs, None),
        ("gates red", Unit.COUNT, a.gates_red, b.gates_red, True),
        ("gates flaky", Unit.COUNT, a.gates_flaky, b.gates_flaky, True),
        ("lines added", Unit.COUNT, a.added, b.added, None),
        ("lines removed", Unit.COUNT, a.removed, b.removed, None),
    )
    for name, unit, one, other, less in rows:
        yield Figure(
            name=name, unit=unit, first=one, second=other, trend=trend(one, other, less=less)
        )
