"""Where the files that ship beside the code are: themes, sample plans and the price table.

Rules:
- In an installed package they live in `agentdeck/_shipped/`; in a source checkout (an editable
  install) they are the folders `themes/` and `sample_plans/` at the top of the checkout. The price
  table lies in the package itself.
- Everything is read through `importlib.resources`, so a zipped package works too.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from agentdeck.core.errors import EnvironmentFault, NotFoundError

_CHECKOUT: Final = Path(__file__).parents[2]  # <checkout>/src/agentdeck/shipped.py


def themes_folder() -> Traversable:
    """The folder with the shipped themes, one `*.toml` each."""
    return _folder("themes")


def sample_plans() -> list[str]:
    """Names of the shipped sample plans, sorted, without `.toml`."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in _folder("sample_plans").iterdir()
        if entry.name.endswith(".toml")
    )


def sample_plan(name: str) -> str:
    """The text of one sample plan.

    Args:
        name: as `sample_plans()` lists it; a trailing `.toml` does no harm.

    Raises:
        NotFoundError: there is no sample plan of that name.
    """
    known = sample_plans()
    wanted = name.removesuffix(".toml")
    if wanted not in known:  # also keeps separators and `..` out of the path below
        near = get_close_matches(wanted, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
        raise NotFoundError(f"there is no sample plan named {name!r}", hint=hint)
    return _folder("sample_plans").joinpath(f"{wanted}.toml").read_text(encoding="utf-8")


def price_table() -> str:
    """The text of the shipped price table; `plans.analysis.prices` reads it."""
    place = files("agentdeck").joinpath("plans", "analysis", "prices.toml")
    return place.read_text(encoding="utf-8")


def _folder(name: str) -> Traversable:
    packed = files("agentdeck").joinpath("_shipped", name)
    if packed.is_dir():
        return packed
    beside = _CHECKOUT / name
    if (_CHECKOUT / "pyproject.toml").is_file() and beside.is_dir():
        return beside
    raise EnvironmentFault(
        f"the shipped folder {name} is missing: neither {packed} nor {beside} exists",
        hint="install agentdeck again",
    )
