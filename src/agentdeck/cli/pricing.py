"""Which price table a verb uses: the shipped one, or the file that `--prices` names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentdeck.core.errors import NotFoundError

if TYPE_CHECKING:
    from agentdeck.core.prices import Prices

PricesOption = Annotated[
    Path | None,
    typer.Option("--prices", metavar="FILE", help="A price table in place of the shipped one."),
]


def chosen_prices(folder: Path, named: Path | None) -> Prices:
    """The table of a file below `folder`, or the shipped one. Raises NotFoundError, UsageError."""
    from agentdeck.cli.planfile import read_text
    from agentdeck.plans.analysis.prices import read_prices

    if named is None:
        return shipped_prices()
    try:
        text = read_text(folder / named, named)
    except NotFoundError as error:
        raise NotFoundError(error.message, hint="a price table is a TOML file") from None
    return read_prices(text, file=str(named))


def shipped_prices() -> Prices:
    """The price table that ships with agentdeck."""
    from agentdeck.plans.analysis.prices import read_prices
    from agentdeck.shipped import price_table

    return read_prices(price_table(), file="the shipped price table")
