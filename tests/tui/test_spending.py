"""What a run has used: piece by piece, as time passes, and what lies ahead of it."""

from __future__ import annotations

import pytest
from tests.tui.sample_journal import STARTED_AT, Story, begun, finished, large, middle, overspent
from tests.tui.spending_story import paid

from agentdeck.core import events as e
from agentdeck.core.budgets import unpriced
from agentdeck.core.events import FailureClass
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan, Task
from agentdeck.plans.forecast.expenses import expenses_of
from agentdeck.plans.reporting.rates import FIRST_BIN_S, KEPT_REPORTS, MOST_BINS, Bins, resampled
from agentdeck.plans.reporting.spending import Purpose, pieces_of, sum_of
from agentdeck.tui.forecasting import Forecasting
from agentdeck.tui.model import Clock, Model
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.line import cells, text_of
from agentdeck.tui.presentation.spending import GROUPINGS, ORDERS, Grouping, Order, SpendingView
from agentdeck.tui.presentation.spending_summary import summary_lines
from agentdeck.tui.presentation.status import ascii_signs

T = TaskId
STORIES = (begun, middle, overspent, finished, paid)


def model_of(told: Story) -> Model:
    model = Model(Clock(STARTED_AT + told.at))
    model.take(told.history)
    return model


def deck_of(told: Story, *, ahead: bool = False) -> Deck:
    model = model_of(told)
    if ahead:
        Forecasting(model, None).at_once()
    return model.moment(None, offline="", folded=frozenset())


def summary(told: Story, width: int = 116) -> list[str]:
    deck = deck_of(told, ahead=True)
    return [text_of(line) for line in summary_lines(deck, SpendingView(deck).whole, width)]


# --- pieces --------------------------------------------------------------------------------------


@pytest.mark.parametrize("story", STORIES)
def test_pieces_add_up_to_what_the_run_has_used(story: type[Story]) -> None:
    """Also with retries, repairs and reviews nothing is missing or counted twice."""
    state = story().state  # type: ignore[call-arg]
    whole = sum_of(pieces_of(state))
    assert whole.usd == pytest.approx(state.usd)
    assert whole.tokens == state.tokens


def test_a_piece_says_what_it_was_for() -> None:
    found = [(one.task, one.purpose) for one in pieces_of(paid().state)]
    assert found == [
        ("PAY-1", Purpose.FIRST),
        ("PAY-1", Purpose.RETRY),
        ("PAY-1", Purpose.REPAIR),
        ("PAY-2", Purpose.FIRST),
        ("PAY-2", Purpose.REVIEW),
        ("PAY-2", Purpose.CHANGES),
        ("PAY-3", Purpose.FIRST),
    ]


def test_work_that_a_person_wants_more_of_is_no_retry() -> None:
    told = Story(begun().state.plan)
    told.start("CORE-001")
    told.end("CORE-001")
    told.tell(
        e.MessageQueued(T("CORE-001"), "n1", "and the docs", "you"),
        e.TaskContinued(T("CORE-001"), 1, "you"),
    )
    told.start("CORE-001")
    assert [one.purpose for one in pieces_of(told.state)] == [Purpose.FIRST, Purpose.MORE]


def test_only_what_nobody_can_price_has_no_price() -> None:
    """The model is the one that the run warns of; what cost nothing and used nothing is fine."""
    state = paid().state
    assert [one.model for one in pieces_of(state) if one.unpriced] == unpriced(state)


# --- as time passes ------------------------------------------------------------------------------


@pytest.mark.parametrize("story", STORIES)
def test_what_was_used_is_spread_over_time_and_kept_whole(story: type[Story]) -> None:
    told = story()  # type: ignore[call-arg]
    bins = model_of(told).rates.bins
    assert bins is not None
    assert sum(bins.usd) == pytest.approx(told.state.usd)
    assert sum(bins.tokens) == pytest.approx(told.state.tokens)


def test_a_use_lies_evenly_between_two_reports() -> None:
    bins = Bins(100.0)
    bins.add(105.0, 125.0, 200, 2.0)
    assert bins.tokens == pytest.approx([50, 100, 50])
    assert bins.usd == pytest.approx([0.5, 1.0, 0.5])


def test_a_long_run_has_no_more_stretches_but_longer_ones() -> None:
    """A week of reports fits into the same memory, and nothing of it is lost."""
    bins = Bins(0.0)
    for hour in range(24 * 7):
        bins.add(hour * 3600.0, hour * 3600.0 + 1800, 1_000, 0.5)
    assert len(bins.tokens) <= MOST_BINS
    assert bins.width_s >= 7 * 86_400 / MOST_BINS > FIRST_BIN_S
    assert sum(bins.tokens) == pytest.approx(24 * 7 * 1_000)


def test_a_part_of_the_time_has_its_part_of_the_use() -> None:
    values = [10.0, 20.0, 30.0, 40.0]
    assert resampled(values, 10.0, 0.0, 40.0, 2) == pytest.approx([30, 70])
    assert resampled(values, 10.0, 5.0, 15.0, 1) == pytest.approx([15])
    assert sum(resampled(values, 10.0, 0.0, 80.0, 7)) == pytest.approx(100)


def test_the_reports_of_an_agent_are_bounded_and_go_with_it() -> None:
    told = begun()
    told.start("CORE-001")
    for number in range(KEPT_REPORTS + 50):
        told.wait(1)
        told.progress("CORE-001", 100 * number, 0.0)
    rates = model_of(told).rates
    assert len(rates.of(T("CORE-001"), 1)) == KEPT_REPORTS
    told.end("CORE-001")
    assert not model_of(told).rates.of(T("CORE-001"), 1)


# --- what lies ahead -----------------------------------------------------------------------------


def test_only_attempts_that_are_still_to_be_made_will_cost_something() -> None:
    """Not what is proven or queued, what a person has to decide about, or what waits for that."""
    told = middle()
    ahead = expenses_of(told.state)
    assert sorted(ahead.ahead) == ["S-1", "S-2", "S-3", "S-8", "S-9", "W-1", "W-3"]
    live = sum(told.state.tasks[T(name)].attempts[-1].usd for name in ("S-1", "S-2", "S-9"))
    assert ahead.spent_usd == pytest.approx(told.state.usd - live)


def test_the_end_is_never_cheaper_than_now() -> None:
    told = middle()
    told.progress("S-1", 400_000, 9.0)
    line = next(line for line in summary(told) if line.startswith("At end"))
    assert float(line.split()[2].removeprefix("≈$")) >= told.state.usd


def test_a_budget_that_will_not_do_is_told_before_it_is_used_up() -> None:
    told = middle()
    assert "more than" not in "\n".join(summary(told))
    told.tell(e.BudgetSet("run", 4.0, None, "you"))
    assert "more than the $4 allowed" in "\n".join(summary(told))


# --- rows ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_every_grouping_shows_all_of_it(grouping: Grouping) -> None:
    view = SpendingView(deck_of(paid()), grouping)
    assert sum(view.sum(key).usd for key in view.keys) == pytest.approx(view.whole.usd)
    assert sum(view.sum(key).pieces for key in view.keys) == view.whole.pieces


def test_rows_are_sorted_by_the_column_that_is_marked() -> None:
    deck = deck_of(paid())
    by_tokens = SpendingView(deck, order=Order.TOKENS)
    assert by_tokens.keys == ["PAY-3", "PAY-2", "PAY-1"]
    assert "tokens▾" in text_of(by_tokens.heads(116))
    assert SpendingView(deck, order=Order.MONEY).keys == ["PAY-1", "PAY-2", "PAY-3"]
    assert SpendingView(deck, order=Order.PLAN).keys == ["PAY-1", "PAY-2", "PAY-3"]
    assert SpendingView(deck, order=Order.TIMES).keys[-1] == "PAY-3"


def test_figures_stand_below_each_other() -> None:
    """Whatever a row stands for, its figures end where those of all other rows end."""
    view = SpendingView(deck_of(paid()))
    rows = [text_of(view.row(key, 116)) for key in view.keys]
    ends = {row.index("%") if "%" in row else row.rindex("·") for row in rows}
    assert len(ends) == 1


def test_what_has_no_price_is_never_shown_as_free() -> None:
    view = SpendingView(deck_of(paid()), Grouping.MODEL)
    row = text_of(view.row("house-model-7b", 116))
    assert "$" not in row
    assert " — " in row


@pytest.mark.parametrize("width", [40, 76, 116, 196])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    for told in (*(story() for story in STORIES), large(50)):
        deck = deck_of(told, ahead=told.state.run == "checkout-5e5e")
        for grouping in GROUPINGS:
            for order in ORDERS:
                view = SpendingView(deck, grouping, order)
                lines = [view.heads(width), *(view.row(key, width) for key in view.keys)]
                if width > 40:  # narrower than any screen; nothing may break
                    assert all(cells(line) <= width for line in lines)
        assert all(cells(line) <= width for line in summary_lines(deck, view.whole, width))


def test_every_sign_has_one_in_ascii() -> None:
    deck = deck_of(paid(), ahead=True)
    for grouping in GROUPINGS:
        view = SpendingView(deck, grouping)
        lines = [view.heads(116), *(view.row(key, 116) for key in view.keys)]
        lines += summary_lines(deck, view.whole, 116)
        assert all(ascii_signs(text_of(line)).isascii() for line in lines)


def test_a_paused_run_has_no_forecast_and_says_why() -> None:
    told = middle()
    told.tell(e.RunPaused("you"))
    assert "no forecast while the run is paused" in "\n".join(summary(told))


def test_an_ended_run_tells_the_mean_and_no_end() -> None:
    lines = summary(finished())
    assert any(line.startswith("Average") for line in lines)
    assert not any(line.startswith("At end") for line in lines)


def test_a_failed_retry_is_one_even_when_a_reviewer_was_not_to_blame() -> None:
    told = begun()
    told.start("CORE-001")
    told.end("CORE-001", code=1)
    told.tell(
        e.RetryScheduled(T("CORE-001"), 1, FailureClass.CRASH, "exit 1", STARTED_AT + told.at),
        e.RetryDue(T("CORE-001")),
    )
    told.start("CORE-001")
    assert [one.purpose for one in pieces_of(told.state)] == [Purpose.FIRST, Purpose.RETRY]


@pytest.mark.parametrize("width", [116, 76, 66])
def test_a_name_is_whole_before_any_bar_or_figure_has_room(width: int) -> None:
    """On 80 columns, too: the bar is the first to give way, then what is in and out."""
    told = Story(Plan(name="p", tasks=(Task(id=T("FRONTEND-AUTHORISATION-001"), title="Log in"),)))
    told.start("FRONTEND-AUTHORISATION-001")
    told.progress("FRONTEND-AUTHORISATION-001", 9_000, 0.12)
    view = SpendingView(deck_of(told))
    head, row = text_of(view.heads(width)), text_of(view.row(view.keys[0], width))
    assert "FRONTEND-AUTHORISATION-001" in row
    assert "$0.12" in row
    assert "cost" in head
    assert cells(view.row(view.keys[0], width)) <= width
