"""Making a run, for faces."""

from __future__ import annotations

from pathlib import Path

from agentdeck.control.catalog import Catalog, load_catalog
from agentdeck.core.plan import Plan
from agentdeck.core.prices import Prices
from agentdeck.engine import create
from agentdeck.engine.folders import RunFolder


def create_run(
    repo: Path,
    plan: Plan,
    plan_text: str,
    *,
    prices: Prices | None = None,
    root: Path | None = None,
    catalog: Catalog | None = None,
) -> RunFolder:
    """Make a run: folder, journal with its first event, target branch.

    Args:
        repo: anywhere inside the user's checkout.
        plan: what to run.
        plan_text: the plan file as it was read, kept beside the journal.
        prices: by which what agents do not price themselves is reckoned; None = it is not.
        root: the runs folder, when it is not the default one.
        catalog: the agents that are known; None = it is loaded.

    Raises:
        UsageError: no repository, no commit, no such base, or a target that cannot be used.
        EnvironmentFault: the run's folder cannot be made.
    """
    known = load_catalog() if catalog is None else catalog
    return create.create_run(
        repo, plan, plan_text, prices=prices, root=root, adapters=known.adapters
    )
