"""Amounts of money and tokens as a person types them: `20`, `$0.50`, `1.5M`, `none`.

Rules: money is US dollars, with or without its sign. Tokens may have K (thousand) or M (million).
A `+` in front means so much more than now. Nothing is guessed; what is not understood says so.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from agentdeck.core.commands import RaiseBudget, SetBudget
from agentdeck.core.errors import UsageError

NOTHING: Final = frozenset({"none", "no", "off", "unlimited"})  # words for "no limit"
_LONGEST: Final = 40  # characters of an amount
_AMOUNT: Final = re.compile(
    r"(?P<more>\+)?\s*(?P<sign>\$)?\s*(?P<number>[0-9][0-9_,]*(?:\.[0-9]+)?|\.[0-9]+)"
    r"\s*(?P<unit>[kKmM])?\s*(?P<word>tokens?|usd|dollars?)?",
    re.ASCII,
)
_UNITS: Final = {"k": 1_000, "m": 1_000_000}

Of = Literal["usd", "tokens"]


class Typed(msgspec.Struct, frozen=True):
    """What was typed."""

    of: Of | None  # None = it does not say
    amount: float | None  # None = no limit
    more: bool  # beyond what there is now


def typed(text: str) -> Typed:
    """Read an amount. Raises UsageError."""
    plain = text.strip()
    if plain.lower() in NOTHING:
        return Typed(None, None, more=False)
    found = _AMOUNT.fullmatch(plain) if len(plain) <= _LONGEST else None
    if found is None:
        raise UsageError(
            f"{plain[:_LONGEST]!r} is no amount", hint="write 20, +5, 1.5M tokens, or none"
        )
    number = float(found["number"].replace(",", "").replace("_", ""))
    number *= _UNITS.get((found["unit"] or "").lower(), 1)
    word = (found["word"] or "").lower()
    of: Of | None = None
    if found["sign"] or word in ("usd", "dollar", "dollars"):
        of = "usd"
    if found["unit"] or word.startswith("token"):
        if of is not None:
            raise UsageError(f"{plain!r} is both money and tokens", hint="write one of them")
        of = "tokens"
    return Typed(of, number, more=found["more"] is not None)


def wish_of(scope: str, text: str, *, default: Of) -> SetBudget | RaiseBudget:
    """The command that a line of text means for a budget.

    Args:
        default: what a number without a unit is of.

    Raises:
        UsageError: it is no amount.
    """
    said = typed(text)
    of = said.of or default
    if said.amount is None:
        return SetBudget(scope, usd=None) if of == "usd" else SetBudget(scope, tokens=None)
    if of == "usd":
        amount = said.amount
        return RaiseBudget(scope, usd=amount) if said.more else SetBudget(scope, usd=amount)
    count = round(said.amount)
    return RaiseBudget(scope, tokens=count) if said.more else SetBudget(scope, tokens=count)
