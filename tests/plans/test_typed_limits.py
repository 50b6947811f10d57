"""Amounts as a person types them, for the command line and the deck."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.commands import RaiseBudget, SetBudget
from agentdeck.core.errors import UsageError
from agentdeck.plans.typed_limits import Typed, typed, wish_of


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("20", Typed(None, 20.0, more=False)),
        (" $0.50 ", Typed("usd", 0.5, more=False)),
        ("+5", Typed(None, 5.0, more=True)),
        ("+ $1,250.25", Typed("usd", 1250.25, more=True)),
        ("1.5M", Typed("tokens", 1_500_000.0, more=False)),
        ("+500k tokens", Typed("tokens", 500_000.0, more=True)),
        ("800 tokens", Typed("tokens", 800.0, more=False)),
        ("3 dollars", Typed("usd", 3.0, more=False)),
        (".5", Typed(None, 0.5, more=False)),
        ("None", Typed(None, None, more=False)),
    ],
)
def test_an_amount_is_read_as_it_is_meant(text: str, means: Typed) -> None:
    assert typed(text) == means


@pytest.mark.parametrize("text", ["", "much", "-5", "5 %", "1e9", "$5M", "5..0", "9" * 50, "٣"])
def test_what_is_no_amount_is_said_so(text: str) -> None:
    with pytest.raises(UsageError):
        typed(text)


@given(st.text(max_size=60))
def test_no_text_is_read_as_something_odd(text: str) -> None:
    with suppress(UsageError):
        amount = typed(text).amount
        assert amount is None or amount >= 0


@pytest.mark.parametrize(
    ("text", "default", "command"),
    [
        ("20", "usd", SetBudget("run", usd=20.0)),
        ("20", "tokens", SetBudget("run", tokens=20)),
        ("+5", "usd", RaiseBudget("run", usd=5.0)),
        ("+2M", "usd", RaiseBudget("run", tokens=2_000_000)),
        ("$3", "tokens", SetBudget("run", usd=3.0)),
        ("none", "usd", SetBudget("run", usd=None)),
        ("none", "tokens", SetBudget("run", tokens=None)),
    ],
)
def test_a_line_of_text_is_a_command(
    text: str, default: str, command: SetBudget | RaiseBudget
) -> None:
    assert wish_of("run", text, default="tokens" if default == "tokens" else "usd") == command
