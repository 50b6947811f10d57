"""`agentdeck pools`: how each pool and agent of a run is used, how it does, who waits for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import typer

from agentdeck.cli.output import note, safe, say_json, table
from agentdeck.cli.place import JsonOption, RunArgument, chosen_run
from agentdeck.core.errors import EXIT_OK

if TYPE_CHECKING:
    from agentdeck.plans.reporting.pool_lines import PoolLine

HEADS: Final = ("", "NAME", "PLACES", "AT WORK", "USED", "WELL", "FAILED", "MEAN", "WAITED FOR")
NAMED: Final = 3  # reasons in one row; --json has them all


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(rich_help_panel="Look")(pools)


def pools(context: typer.Context, run: RunArgument = None, as_json: JsonOption = False) -> int:
    """How each pool and agent of a run is used, how its attempts end, and what tasks wait for."""
    from agentdeck.control.pool_report import told_pools
    from agentdeck.control.runs import summary_of
    from agentdeck.plans.reporting.pool_lines import pool_lines

    folder = chosen_run(context, run)
    state, use = told_pools(folder)
    now = time.time() if summary_of(folder, state).engine else state.at
    lines = pool_lines(state, use, now)
    if as_json:
        say_json({"run": state.run, "lines": lines})
        return EXIT_OK
    table(HEADS, [_cells(line) for line in lines])
    for line in lines:
        if line.held:
            note(safe(line.held))
        if line.health.unhealthy:
            why, advice = safe(line.health.unhealthy), safe(line.health.advice)
            note(f"{line.what} {safe(line.name)} is unhealthy: {why}; {advice}")
    return EXIT_OK


def _cells(line: PoolLine) -> tuple[str, ...]:
    from agentdeck.plans.reporting import wording

    places = "" if line.places is None else str(line.places)
    if line.most is not None and line.most != line.places:
        places = f"{places} of {line.most}"
    waits = [f"{word} {wording.duration(s)}" for word, s in line.waits.items()][:NAMED]
    mean = line.health.mean_s
    ended = line.health.well + line.health.failed
    return (
        line.what,
        line.name,
        places,
        str(line.health.at_work),
        "" if line.used is None else f"{line.used:.0%}",
        "" if line.success is None else f"{line.success:.0%} of {ended}",
        ", ".join(f"{cause} {number}" for cause, number in line.health.causes.items()),
        "" if mean is None else wording.duration(mean),
        ", ".join(waits),
    )
