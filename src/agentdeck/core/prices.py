"""What tokens of a model cost, and the meter of one attempt.

Rules:
- Prices are US dollars for each million tokens. A model's price is that of the longest name it
  begins with, whatever the case; of `maker/model`, the part behind the last slash counts where the
  whole has none. A model of no name has no price; nothing is guessed.
- What an agent's stream says of its cost holds. What it has used since it last said so is reckoned
  from the table, and counts until it says more.
- A price table is part of a run from its start: one that changes later does not change the run.
"""

from __future__ import annotations

from typing import Final

import msgspec

MILLION: Final = 1_000_000
_ROUNDING: Final = 1e-8  # US dollars; a sum that was stored and read is off by less
_LONGEST: Final = 100  # letters of a name that are compared


class Price(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of one family of models, US dollars for each million tokens."""

    input: float  # read
    output: float  # written
    cached: float | None = None  # read from a cache; None = as much as what is read afresh


class Tokens(msgspec.Struct, frozen=True):
    """What an attempt has used so far, each kind by itself."""

    read: int = 0  # afresh
    cached: int = 0  # read from a cache
    written: int = 0

    def since(self, before: Tokens) -> Tokens:
        """How much more it is than before; a total that fell counts as nothing."""
        return Tokens(
            max(0, self.read - before.read),
            max(0, self.cached - before.cached),
            max(0, self.written - before.written),
        )


class Prices(msgspec.Struct, frozen=True):
    """A price table."""

    as_of: str = ""  # the day on which it was true
    source: str = ""
    input_share: float = 0.8  # of all tokens that are read, 0 to 1
    models: dict[str, Price] = {}  # by what the model's name begins with, in small letters

    def usd(self, model: str | None, tokens: int) -> float | None:
        """What so many tokens of a model cost, US dollars; None = the model has no price."""
        price = self.price(model)
        if price is None:
            return None
        share = self.input_share
        return tokens * (share * price.input + (1 - share) * price.output) / MILLION

    def cost(self, model: str | None, used: Tokens) -> float | None:
        """What these tokens of a model cost, US dollars; None = the model has no price."""
        price = self.price(model)
        if price is None:
            return None
        cached = price.input if price.cached is None else price.cached
        read, written = used.read * price.input, used.written * price.output
        return (read + used.cached * cached + written) / MILLION

    def price(self, model: str | None) -> Price | None:
        """The price of a model, or None. O(length of its name)."""
        name = (model or "").strip().lower()
        return self._of(name) or (self._of(name.rpartition("/")[2]) if "/" in name else None)

    def _of(self, name: str) -> Price | None:
        for end in range(min(len(name), _LONGEST), 0, -1):
            if name[:end] in self.models:
                return self.models[name[:end]]
        return None


NO_TOKENS: Final = Tokens()


class Meter:
    """The dollars of one attempt while it goes on."""

    def __init__(
        self, prices: Prices, *, stated: float = 0.0, priced: float = 0.0, used: Tokens = NO_TOKENS
    ) -> None:
        """Go on from what is known of the attempt.

        Args:
            stated: US dollars, as its stream has said.
            priced: US dollars, reckoned beyond that.
            used: the tokens that are in these two.
        """
        self._prices = prices
        self.stated, self.priced = stated, priced
        self._used = used

    @property
    def usd(self) -> float:
        """What it has cost so far, US dollars."""
        return self.stated + self.priced

    def read(self, stated: float, model: str | None, used: Tokens) -> None:
        """Take in the totals of its stream: US dollars (0 = it says nothing), model, tokens."""
        if abs(stated - self.stated) > _ROUNDING:
            self.stated, self.priced = stated, 0.0
        else:
            self.priced += self._prices.cost(model, used.since(self._used)) or 0.0
        self._used = used
