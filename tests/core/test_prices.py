"""What tokens cost, and how the cost of a live attempt is known before its agent names it."""

from __future__ import annotations

import pytest

from agentdeck.core.prices import Meter, Price, Prices, Tokens

MILLION = 1_000_000
TABLE = Prices(
    "2020-02-02",
    models={
        "a": Price(input=1.0, output=10.0, cached=0.1),
        "b": Price(input=2.0, output=20.0),
        "lab/b": Price(input=5.0, output=50.0),
    },
)


def test_each_kind_of_token_has_its_price() -> None:
    assert TABLE.cost("a", Tokens(MILLION, MILLION, MILLION)) == pytest.approx(11.1)


def test_without_a_price_for_the_cache_it_costs_as_much_as_afresh() -> None:
    assert TABLE.cost("b", Tokens(cached=MILLION)) == 2.0


@pytest.mark.parametrize(
    ("model", "per_million"),
    [("maker/a-1", 1.0), ("lab/b", 5.0), ("x/y/A", 1.0), ("maker/other", None), ("a/other", 1.0)],
)
def test_a_maker_before_the_name_is_passed_over(model: str, per_million: float | None) -> None:
    """Unless the table knows the name as a whole."""
    assert TABLE.cost(model, Tokens(read=MILLION)) == per_million


def test_what_the_stream_says_of_its_cost_holds() -> None:
    meter = Meter(TABLE)
    meter.read(0.0, "a", Tokens(read=MILLION))
    assert (meter.usd, meter.priced) == (1.0, 1.0)
    meter.read(0.7, "a", Tokens(read=MILLION, written=5))
    assert (meter.usd, meter.priced) == (0.7, 0.0)


def test_what_is_used_after_its_word_is_reckoned_until_it_says_more() -> None:
    """A conversation of several turns: the cost of a turn is named at its end."""
    meter = Meter(TABLE)
    meter.read(0.5, "a", Tokens(read=MILLION))
    meter.read(0.5, "a", Tokens(read=2 * MILLION))
    assert (meter.usd, meter.priced) == (1.5, 1.0)
    meter.read(1.1, "a", Tokens(read=2 * MILLION))
    assert (meter.usd, meter.priced) == (1.1, 0.0)


def test_each_part_is_priced_by_the_model_that_used_it() -> None:
    meter = Meter(TABLE)
    meter.read(0.0, "a", Tokens(read=MILLION))
    meter.read(0.0, "b", Tokens(read=2 * MILLION))
    assert meter.usd == 3.0


def test_a_meter_goes_on_where_another_one_stopped() -> None:
    """A new engine knows what was stated, what was reckoned, and for which tokens."""
    meter = Meter(TABLE, stated=0.5, priced=1.0, used=Tokens(read=2 * MILLION))
    meter.read(0.5, "a", Tokens(read=2 * MILLION))
    assert (meter.usd, meter.priced) == (1.5, 1.0)
    meter.read(0.5, "a", Tokens(read=3 * MILLION))
    assert meter.usd == 2.5


def test_a_model_of_no_price_costs_nothing_and_totals_never_take_back() -> None:
    meter = Meter(TABLE)
    meter.read(0.0, None, Tokens(read=MILLION))
    meter.read(0.0, "a", Tokens(read=5))
    assert meter.usd == 0.0
