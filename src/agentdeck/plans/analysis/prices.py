"""What models cost: the text of a price table, and the price of one model.

Rules: prices are US dollars for each million tokens. A model's price is that of the longest name
it begins with, whatever the case. A model of no name has no price; nothing is guessed.
"""

from __future__ import annotations

import math
import tomllib
from datetime import date
from typing import Any, Final

import msgspec

from agentdeck.core.errors import UsageError

MILLION: Final = 1_000_000
MAX_MODELS: Final = 10_000  # more than there are
_LONGEST: Final = 100  # letters of a name that are compared


class Price(msgspec.Struct, frozen=True):
    """Of one family of models, US dollars for each million tokens."""

    input: float  # read
    output: float  # written


class Prices(msgspec.Struct, frozen=True):
    """A price table."""

    as_of: str  # the day on which it was true
    source: str
    input_share: float  # of all tokens that are read, 0 to 1
    models: dict[str, Price]  # by what the model's name begins with, in small letters

    def usd(self, model: str | None, tokens: int) -> float | None:
        """What so many tokens of a model cost, US dollars; None = the model has no price."""
        price = self.price(model)
        if price is None:
            return None
        share = self.input_share
        return tokens * (share * price.input + (1 - share) * price.output) / MILLION

    def price(self, model: str | None) -> Price | None:
        """The price of a model, or None. O(length of its name)."""
        name = (model or "").strip().lower()
        for end in range(min(len(name), _LONGEST), 0, -1):
            if name[:end] in self.models:
                return self.models[name[:end]]
        return None


class _Written(msgspec.Struct, forbid_unknown_fields=True, rename={"as_of": "date"}):
    as_of: str
    models: dict[str, Price]
    source: str = ""
    input_share: float = 0.8


def read_prices(text: str, *, file: str) -> Prices:
    """The price table that `text` holds.

    Args:
        file: its name, for messages.

    Raises:
        UsageError: not TOML, or not a table of prices; the message says where.
    """
    hint = "`date`, `input_share` and `[models]` with `NAME = { input = 3.0, output = 15.0 }`"
    try:
        written = msgspec.convert(_plain(tomllib.loads(text)), _Written)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise UsageError(f"{file}: no table of prices: {error}", hint=hint) from None
    if not 0 <= written.input_share <= 1:
        raise UsageError(f"{file}: input_share must be 0 to 1, not {written.input_share:g}")
    if len(written.models) > MAX_MODELS:
        raise UsageError(f"{file}: more than {MAX_MODELS:,} models")
    for name, price in written.models.items():
        if not (_is_price(price.input) and _is_price(price.output)):
            raise UsageError(f"{file}: {name}: a price is a number of dollars, 0 or more")
    models = {name.lower(): price for name, price in written.models.items()}
    return Prices(written.as_of, written.source, written.input_share, models)


def _is_price(value: float) -> bool:
    return math.isfinite(value) and value >= 0


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    """A date may be written with quotes or without."""
    written = document.get("date")
    return {**document, "date": written.isoformat()} if isinstance(written, date) else document
