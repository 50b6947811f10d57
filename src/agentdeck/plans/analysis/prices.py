"""The text of a price table. What its prices mean stands in `core.prices`."""

from __future__ import annotations

import math
import tomllib
from datetime import date
from typing import Any, Final

import msgspec

from agentdeck.core.errors import UsageError
from agentdeck.core.prices import MILLION, Price, Prices

__all__ = ["MAX_MODELS", "MILLION", "Price", "Prices", "read_prices"]

MAX_MODELS: Final = 10_000  # more than there are


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
    hint = (
        "`date`, `input_share` and `[models]` with"
        " `NAME = { input = 3.0, cached = 0.3, output = 15.0 }`"
    )
    try:
        written = msgspec.convert(_plain(tomllib.loads(text)), _Written)
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits
        raise UsageError(f"{file}: no table of prices: {error}", hint=hint) from None
    if not 0 <= written.input_share <= 1:
        raise UsageError(f"{file}: input_share must be 0 to 1, not {written.input_share:g}")
    if len(written.models) > MAX_MODELS:
        raise UsageError(f"{file}: more than {MAX_MODELS:,} models")
    for name, price in written.models.items():
        if not all(map(_is_price, (price.input, price.output, price.cached or 0.0))):
            raise UsageError(f"{file}: {name}: a price is a number of dollars, 0 or more")
    models = {name.lower(): price for name, price in written.models.items()}
    return Prices(written.as_of, written.source, written.input_share, models)


def _is_price(value: float) -> bool:
    return math.isfinite(value) and value >= 0


def _plain(document: dict[str, Any]) -> dict[str, Any]:
    """A date may be written with quotes or without."""
    written = document.get("date")
    return {**document, "date": written.isoformat()} if isinstance(written, date) else document
