"""What stands above the rows of the spending screen: money, tokens, their course, what lies ahead.

Rules: a line that has nothing to say is left out, and the others stay in their order. A word names
each line in a column of its own; figures begin in the same cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agentdeck.core.budgets import NEAR, RUN, dollars, scope_in_words, unpriced
from agentdeck.core.budgets import Line as BudgetLine
from agentdeck.core.explain import budgets_asking
from agentdeck.core.state import STUCK
from agentdeck.plans.reporting.rates import resampled
from agentdeck.plans.reporting.spending import Sum
from agentdeck.tui.presentation.bars import bar, spark
from agentdeck.tui.presentation.budget import reckoned
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import clock_time, count, duration, money, plural
from agentdeck.tui.presentation.forecast import told_forecast
from agentdeck.tui.presentation.line import EMPTY, Line, Span, cells, cut_line, fit, plain, spread

WORD_CELLS: Final = 9  # of the word that names a line
FIGURE_CELLS: Final = 19  # of the figures before a bar or a course
NOW_S: Final = 300.0  # "now" is the mean of so long; agents report every few seconds or minutes
HOUR_S: Final = 3600.0
MINUTE_S: Final = 60.0
BAR_CELLS: Final = 20
SPARK: Final = (16, 80)  # cells, at least and at most
OTHER_CELLS: Final = 26  # of what stands behind a course
MOST_BUDGETS: Final = 2  # beside that of the run; those that are nearest to their limit
MOST_NAMES: Final = 4  # models without a price


def summary_lines(deck: Deck, whole: Sum, width: int) -> list[Line]:
    """The lines, each at most `width` cells wide.

    Args:
        whole: everything that was used.
    """
    found = [
        _money(deck, whole, width),
        *_budgets(deck),
        _tokens(whole),
        *_courses(deck, width),
        _ahead(deck, width),
        _no_price(deck),
    ]
    return [cut_line(line, width) for line in found if line]


def _named(word: str, *spans: Span) -> Line:
    return (Span(fit(word, WORD_CELLS), "muted"), *spans)


def _if_fits(spans: list[Span], more: Span, width: int) -> list[Span]:
    """With a further remark, where there is room for it."""
    whole = [*spans, more]
    return whole if WORD_CELLS + cells(whole) <= width else spans


def _money(deck: Deck, whole: Sum, width: int) -> Line:
    line = deck.book.lines.get(RUN)
    usd = reckoned(whole.usd, priced=whole.usd_priced > 0)
    found: list[Span] = []
    if line is not None and line.budget.usd is not None:
        limit = f" of {dollars(line.budget.usd)}"
        found += [Span(usd, "bold"), Span(fit(limit, FIGURE_CELLS - len(usd)), "muted")]
        found += _used(line, line.usd / line.budget.usd if line.budget.usd > 0 else 1.0)
    else:
        found += [Span(fit(usd, FIGURE_CELLS), "bold"), Span("no limit", "faint")]
    if whole.usd_priced > 0:
        stated = max(0.0, whole.usd - whole.usd_priced)
        day = f" of {plain(deck.state.prices.as_of)}" if deck.state.prices.as_of else ""
        said = f"{money(stated)} as agents say, {money(whole.usd_priced)} by the price table{day}"
    elif whole.usd > 0:
        said = "as agents say"
    else:
        said = ""
    return _named("Money", *_if_fits(found, Span(f"   {said}", "muted"), width))


def _used(line: BudgetLine, share: float) -> list[Span]:
    role = "accent"
    if share >= NEAR:
        role = "state-failed" if line.used_up else "state-asks"
    reserved = f"  {money(line.usd_reserved)} reserved" if line.usd_reserved >= 0.005 else ""
    said = "used up ($)" if line.used_up else f"{share:>4.0%}"
    return [
        *bar(min(1.0, share), BAR_CELLS, role),
        Span(f"  {said}", f"{role} bold" if share >= NEAR else ""),
        Span(reserved, "muted"),
    ]


def _budgets(deck: Deck) -> list[Line]:
    """The budgets beside the run's own money: those nearest to their limit."""
    others = [line for line in deck.book.lines.values() if not _is_run_money(line)]
    others.sort(key=lambda line: -line.used_share)
    found = []
    for line in others[:MOST_BUDGETS]:
        whose = Span(f"   {plain(scope_in_words(line.scope))}", "muted")
        used, limit = _limit(line)
        figures = [Span(used), Span(fit(limit, FIGURE_CELLS - len(used)), "muted")]
        found.append(_named("", *figures, *_used(line, line.used_share), whose))
    more = len(others) - MOST_BUDGETS
    if more > 0:
        found[-1] = (*found[-1], Span(f", and {plural(more, 'more budget')} ($)", "faint"))
    return found


def _is_run_money(line: BudgetLine) -> bool:
    return line.scope == RUN and line.budget.usd is not None and line.budget.tokens is None


def _limit(line: BudgetLine) -> tuple[str, str]:
    """What is used, and of how much."""
    if line.budget.usd is not None and line.scope != RUN:
        return money(line.usd), f" of {dollars(line.budget.usd)}"
    if line.budget.tokens is not None:
        return count(line.tokens), f" of {count(line.budget.tokens)} tok"
    return f"{line.budget.share or 0:.0%}", " of each account"


def _tokens(whole: Sum) -> Line:
    cached = f" · cached {count(whole.cached)}" if whole.cached else ""
    return _named(
        "Tokens",
        Span(fit(count(whole.tokens), FIGURE_CELLS), "bold"),
        Span(f"in {count(whole.read)}{cached} · out {count(whole.written)}", "muted"),
    )


def _courses(deck: Deck, width: int) -> list[Line]:
    """Dollars an hour and tokens a minute, now and over the whole run."""
    if deck.reading:
        return [_named("Rate", Span(deck.reading, "muted"))]
    bins = deck.rates.bins
    until = deck.state.finished_at or deck.now
    if bins is None or not bins.tokens or until <= bins.began_at:
        return []
    length = until - bins.began_at
    room = width - WORD_CELLS - FIGURE_CELLS - OTHER_CELLS
    size = max(1, min(max(SPARK[0], min(SPARK[1], room)), int(length / bins.width_s) or 1))
    step_s = length / size
    over = deck.state.finished_at is not None
    said = []
    if any(bins.usd):
        course = resampled(bins.usd, bins.width_s, 0.0, length, size)
        now = _lately(bins.usd, bins.width_s, length) * HOUR_S
        figure = money(now if not over else sum(bins.usd) / length * HOUR_S) + "/h"
        most = max(course) / step_s * HOUR_S
        said.append((figure, course, f"peak {money(most)}/h"))
    course = resampled(bins.tokens, bins.width_s, 0.0, length, size)
    now = _lately(bins.tokens, bins.width_s, length) * MINUTE_S
    figure = count(round(now if not over else sum(bins.tokens) / length * MINUTE_S)) + " tok/m"
    most = max(course) / step_s * MINUTE_S
    said.append((figure, course, f"peak {count(round(most))}/m"))
    found = []
    for number, (figure, course, beside) in enumerate(said):
        word = "" if number else ("Average" if over else "Rate")
        found.append(
            _named(
                word,
                Span(fit(figure, FIGURE_CELLS)),
                *spark(course, size),
                Span(f"  {beside}", "muted"),
            )
        )
    began = clock_time(bins.began_at, utc=deck.frozen)
    ends = clock_time(until, utc=deck.frozen)
    axis: Line = (Span(began, "faint"),)
    if size >= len(began) + len(ends) + 1:
        axis = spread(axis, (Span(ends, "faint"),), size)
    lasted = (Span(f"  {duration(length)}", "faint"),)
    found.append(_named("", Span(" " * FIGURE_CELLS), *axis, *lasted))
    return found


def _lately(values: Sequence[float], width_s: float, length_s: float) -> float:
    """The mean of the last minutes, per second."""
    since = max(0.0, length_s - NOW_S)
    return resampled(values, width_s, since, length_s, 1)[0] / max(1.0, length_s - since)


def _ahead(deck: Deck, width: int) -> Line:
    """What the run will have cost at its end."""
    state = deck.state
    if state.outcome is not None:
        return EMPTY
    found, outlook = told_forecast(deck), deck.outlook
    if found is None or outlook is None or found.usd is None:
        return _named("At end", Span(_no_forecast(deck), "faint"))
    half, most = (max(state.usd, outlook.spent_usd + usd) for usd in (found.usd.p50, found.usd.p80))
    line = deck.book.lines.get(RUN)
    limit = line.budget.usd if line is not None else None
    spans = [
        Span(fit(f"≈{money(half)}", FIGURE_CELLS), "bold"),
        Span(f"in half of the cases, {money(most)} in 8 of 10", "muted"),
    ]
    if limit is not None and half > limit:
        spans.append(Span(f" · more than the {dollars(limit)} allowed", "state-asks bold"))
    elif limit is not None and most > limit:
        spans.append(Span(f" · may be more than the {dollars(limit)} allowed", "state-asks"))
    if found.unpriced and (rest := _not_counted(deck)):
        spans = _if_fits(spans, Span(f" · without {rest}", "faint"), width)
    return _named("At end", *spans)


def _not_counted(deck: Deck) -> str:
    failed = sum(1 for _ in deck.state.in_state(*STUCK))
    waits = len(deck.blocked)
    if not failed:
        return ""
    need = "it" if failed == 1 else "them"
    return f"{plural(failed, 'failed task')}" + (f" and {waits} that need {need}" if waits else "")


def _no_forecast(deck: Deck) -> str:
    state = deck.state
    if state.ending:
        return "no forecast: the run is ending"
    if state.paused:
        return "no forecast while the run is paused"
    if budgets_asking(state):
        return "no forecast while a budget waits to be raised ($)"
    return "a forecast comes once an attempt has ended and its cost is known"


def _no_price(deck: Deck) -> Line:
    names = unpriced(deck.state)
    if not names:
        return EMPTY
    shown = ", ".join(plain(name) or "a model without a name" for name in names[:MOST_NAMES])
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    said = f"{shown}{more}: only tokens count"
    return _named("No price", Span(said, "state-asks"))
