"""`analyze`: what a plan really says, and what a run of it has used.

Rules: nothing is started and nothing is written. The repository is only listed: its files name
what two footprints share, and with `--history` its log says what changes together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from agentdeck.cli.output import say_json
from agentdeck.cli.place import JsonOption, folder_of
from agentdeck.cli.pricing import PricesOption, chosen_prices
from agentdeck.cli.run_beside import RunBesideOption, RunMayBeUnnamed, plan_and_run
from agentdeck.core.decide import MAX_AGENTS
from agentdeck.core.errors import EXIT_OK, EnvironmentFault, NotFoundError, UsageError
from agentdeck.core.plan import Strategy

WORTH_A_PROCESS: Final = 2_000  # tasks, from which on a part of the work goes to another core


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(cls=RunMayBeUnnamed, rich_help_panel="Plans")(analyze)


def analyze(
    context: typer.Context,
    plan: Annotated[
        Path | None,
        typer.Argument(metavar="[PLAN]", help="A plan file. Not needed with --run."),
    ] = None,
    run: RunBesideOption = None,
    agents: Annotated[
        int | None,
        typer.Option("--agents", metavar="N", help="How many may work at once. Else as planned."),
    ] = None,
    strategy: Annotated[
        Strategy | None,
        typer.Option(help="What pools, phases and savings are computed for. Else as planned."),
    ] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Warn of files that change together in the git log.")
    ] = False,
    repo: Annotated[
        Path | None,
        typer.Option("--repo", metavar="DIR", help="The repository. Else the one around -C."),
    ] = None,
    prices: PricesOption = None,
    as_json: JsonOption = False,
) -> int:
    """What a plan really says: lengths, conflicts, costs, claims, and what would shorten it.

    Times are the plan's own estimates, on the scheduler that would run it.
    """
    from agentdeck.cli.beside import on_another_core
    from agentdeck.plans.analysis.contract import as_data
    from agentdeck.plans.analysis.report import Asked, analyse

    if agents is not None and not 1 <= agents <= MAX_AGENTS:
        raise UsageError(f"--agents must be 1 to {MAX_AGENTS}, not {agents}")
    folder = folder_of(context)
    table = chosen_prices(folder, prices)
    found, state = plan_and_run(context, plan, run)
    asked = Asked(
        agents or found.agents_limit,
        strategy or found.strategy,
        table,
        *_repository(folder, repo, history),
        run=state,
    )
    large = len(found.tasks) >= WORTH_A_PROCESS
    analysis = analyse(found, asked, on_another_core) if large else analyse(found, asked)
    if as_json:
        say_json(as_data(analysis))
    else:
        from agentdeck.cli.show_as.analysis import analysis_parts
        from agentdeck.cli.show_as.canvas import draw

        draw(analysis_parts(analysis))
    return EXIT_OK


def _repository(
    folder: Path, named: Path | None, history: bool
) -> tuple[tuple[str, ...] | None, list[tuple[str, ...]] | None]:
    """The files of the repository, and of its newest commits; None = there is none, not asked."""
    from agentdeck.control.repo_history import changed_together, tracked_files

    place = folder if named is None else folder / named
    if not place.is_dir():
        raise NotFoundError(f"--repo {named}: there is no such folder")
    files = tracked_files(place)
    if files is None and named is not None:
        raise EnvironmentFault(f"--repo {named} is in no git repository")
    return files, changed_together(place) if history else None
