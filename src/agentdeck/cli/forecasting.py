"""`forecast`: when a plan, or a live run, may end, and what decides it.

Rules: nothing is started and nothing is written. Durations come from past runs where there are any,
and the answer says how much rests on them. The same seed, plan and past give the same answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from agentdeck.cli.output import paint, safe, say, say_json, table
from agentdeck.cli.place import JsonOption, folder_of
from agentdeck.core.decide import MAX_AGENTS
from agentdeck.core.errors import EXIT_OK, UsageError
from agentdeck.core.explain import short_duration
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan, Strategy

if TYPE_CHECKING:
    from agentdeck.plans.forecast.monte_carlo import Forecast, Spread

MOST_CRITICAL: Final = 12  # tasks that are shown; a person can attend to no more


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(rich_help_panel="Plans")(forecast)


def forecast(
    context: typer.Context,
    plan: Annotated[
        Path | None, typer.Argument(metavar="[PLAN]", help="A plan file. Without it: a run.")
    ] = None,
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="RUN", help="What is left of this run. Else of the newest."),
    ] = None,
    agents: Annotated[
        int | None, typer.Option("--agents", metavar="N", help="How many may work at once.")
    ] = None,
    agent: Annotated[
        str | None, typer.Option("--agent", metavar="NAME", help="As if this agent did every task.")
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option("--speed", metavar="N", help="As `run --speed N` would be."),
    ] = None,
    strategy: Annotated[
        Strategy | None,
        typer.Option(help="Phases as barriers, or not. Without it: as the plan says."),
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", metavar="N", help="How many possible worlds.")
    ] = 200,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Which worlds.")] = 1,
    past: Annotated[
        bool, typer.Option("--past/--no-past", help="Learn from past runs on this machine.")
    ] = True,
    as_json: JsonOption = False,
) -> int:
    """When it may end: the real scheduler in many possible worlds."""
    from agentdeck.plans.forecast.monte_carlo import MAX_SAMPLES

    if agents is not None and not 1 <= agents <= MAX_AGENTS:
        raise UsageError(f"--agents must be 1 to {MAX_AGENTS}, not {agents}")
    if not 1 <= samples <= MAX_SAMPLES:
        raise UsageError(f"--samples must be 1 to {MAX_SAMPLES:,}, not {samples}")
    if plan is not None and run is not None:
        raise UsageError("a plan and --run exclude each other", hint="leave one of them out")
    if plan is None and (agent is not None or speed is not None):
        raise UsageError("--agent and --speed are for a plan", hint="name a plan file")
    options = _Options(agents, strategy, samples, seed, past=past, agent=agent, speed=speed)
    found, expected = _of_plan(context, plan, options) if plan else _of_run(context, run, options)
    if as_json:
        say_json(_as_data(expected))
    else:
        _print(found, expected)
    return EXIT_OK


class _Options:
    """What was asked for."""

    def __init__(
        self,
        agents: int | None,
        strategy: Strategy | None,
        samples: int,
        seed: int,
        *,
        past: bool,
        agent: str | None,
        speed: float | None,
    ) -> None:
        self.agents = agents
        self.strategy = strategy
        self.samples = samples
        self.seed = seed
        self.past = past
        self.agent = agent
        self.speed = speed


def _of_plan(context: typer.Context, named: Path, options: _Options) -> tuple[Plan, Forecast]:
    from agentdeck.cli.planfile import load_plan
    from agentdeck.cli.run import changed
    from agentdeck.control.past_runs import past_history
    from agentdeck.plans.forecast import monte_carlo

    here = folder_of(context)
    plan, _ = load_plan(named, here)
    plan = changed(plan, options.agent, options.agents, options.speed)
    return plan, monte_carlo.forecast(
        plan,
        past_history(here) if options.past else None,
        samples=options.samples,
        seed=options.seed,
        agents_limit=options.agents,
        strategy=options.strategy,
        usd_of=_prices(plan),
    )


def _of_run(context: typer.Context, name: str | None, options: _Options) -> tuple[Plan, Forecast]:
    from agentdeck.cli.place import chosen_run
    from agentdeck.control.past_runs import past_history
    from agentdeck.control.runs import fold_run
    from agentdeck.plans.forecast import monte_carlo
    from agentdeck.plans.forecast.standing import standing_of

    state = fold_run(chosen_run(context, name))
    if state.outcome is not None:
        raise UsageError(f"run {state.run} has ended", hint="name a plan, or another --run")
    return state.plan, monte_carlo.forecast(
        state.plan,
        past_history(folder_of(context)) if options.past else None,
        samples=options.samples,
        seed=options.seed,
        agents_limit=options.agents or state.agents_limit,
        strategy=options.strategy,
        standing=standing_of(state, time.time()),
        usd_of=_prices(state.plan),
    )


def _prices(plan: Plan) -> Callable[[TaskId], float | None]:
    from agentdeck.plans.analysis.cost import usd_of
    from agentdeck.plans.analysis.prices import read_prices
    from agentdeck.shipped import price_table

    prices = read_prices(price_table(), file="prices.toml")
    return lambda name: usd_of(plan, plan.by_id[name], prices)


def _as_data(found: Forecast) -> dict[str, object]:
    return {
        "samples": found.samples,
        "finish_s": _spread(found.finish_s),
        "usd": _spread(found.usd) if found.usd else None,
        "unpriced": found.unpriced,
        "measured": found.measured,
        "tasks": [
            {
                "id": name,
                "start_p50_s": round(task.start_p50_s, 3),
                "end_p50_s": round(task.end_p50_s, 3),
                "end_p80_s": round(task.end_p80_s, 3),
                "criticality": round(task.criticality, 4),
            }
            for name, task in found.tasks.items()
        ],
    }


def _spread(found: Spread) -> dict[str, float]:
    return {
        "p50": round(found.p50, 3),
        "p80": round(found.p80, 3),
        "p95": round(found.p95, 3),
        "mean": round(found.mean, 3),
        "least": round(found.least, 3),
        "most": round(found.most, 3),
    }


def _print(plan: Plan, found: Forecast) -> None:
    say(f"{paint(safe(plan.name), 'bold')}  {len(found.tasks)} tasks ahead, {found.samples} worlds")
    say()
    table(
        ("", "P50", "P80", "P95", "RANGE"),
        [
            ("end", *_times(found.finish_s)),
            *([("cost", *_money(found.usd))] if found.usd else []),
        ],
    )
    say()
    rows = sorted(found.tasks.items(), key=lambda pair: -pair[1].criticality)
    shown = [(name, task) for name, task in rows if task.criticality > 0][:MOST_CRITICAL]
    table(
        ("DECIDES THE END", "", "STARTS", "ENDS", "TITLE"),
        [
            (
                name,
                f"{task.criticality:.0%}",
                short_duration(task.start_p50_s),
                short_duration(task.end_p50_s),
                plan.by_id[name].title,
            )
            for name, task in shown
        ],
    )
    say()
    for line in _basis(found, len(rows) - len(shown)):
        say(paint(line, "dim"))


def _times(found: Spread) -> tuple[str, ...]:
    span = f"{short_duration(found.least)} to {short_duration(found.most)}"
    return (*map(short_duration, (found.p50, found.p80, found.p95)), span)


def _money(found: Spread) -> tuple[str, ...]:
    span = f"${found.least:.2f} to ${found.most:.2f}"
    return (*(f"${value:.2f}" for value in (found.p50, found.p80, found.p95)), span)


def _basis(found: Forecast, more: int) -> list[str]:
    """What the answer rests on."""
    known = f"{found.measured} of {len(found.tasks)} durations rest on past runs"
    lines = [f"{known}, the others on three points around the estimate"]
    if found.unpriced and found.usd:
        lines.append(f"{found.unpriced} tasks have no tokens or no price, and are not in the cost")
    if more > 0:
        lines.append(f"{more} more tasks; --json has them all")
    return lines
