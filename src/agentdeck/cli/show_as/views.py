"""The views of `show --as`: which there are, what each draws and gives to programs, and `-o`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.console import RenderableType

from agentdeck.cli.output import note, say, say_json
from agentdeck.cli.pricing import shipped_prices
from agentdeck.cli.show_as import ShowAs, canvas, graph
from agentdeck.core.errors import UsageError
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan, Strategy
from agentdeck.core.state import RunState
from agentdeck.plans.analysis.network import Network, network_of, with_barriers
from agentdeck.plans.analysis.slack import Reach, critical_path, reach

if TYPE_CHECKING:
    from agentdeck.plans.analysis.actuals import Actuals
    from agentdeck.plans.analysis.conflicts import Conflicts
    from agentdeck.plans.analysis.prices import Prices

LANGUAGES: Final = {".mmd": ShowAs.MERMAID, ".dot": ShowAs.DOT, ".gv": ShowAs.DOT}
SUFFIXES: Final = (".svg", ".txt", *LANGUAGES)


class Wish(msgspec.Struct, frozen=True):
    """What should be shown, and how."""

    plan: Plan
    view: ShowAs
    agents: int
    strategy: Strategy
    run: RunState | None = None  # whose use stands beside the estimates of `cost`


class _Facts(msgspec.Struct, frozen=True):
    """What most views need."""

    network: Network
    reach: Reach
    critical: frozenset[TaskId]


def view_for(view: ShowAs, out: Path | None) -> ShowAs:
    """The view that is meant, when the file's name says more than `--as`.

    Raises:
        UsageError: a file's name that no view can be written to.
    """
    if out is None:
        return view
    if out.suffix not in SUFFIXES:
        raise UsageError(f"-o {out}: its name must end in {', '.join(SUFFIXES)}")
    language = LANGUAGES.get(out.suffix)
    if language is not None and view not in (ShowAs.TABLE, ShowAs.GRAPH, language):
        raise UsageError(f"-o {out}: {out.suffix} holds a graph, not --as {view}")
    if out.suffix == ".svg" and view in LANGUAGES.values():
        raise UsageError(f"-o {out}: {view} is text", hint="--as graph draws the same as a picture")
    return language or view


def show_it(wish: Wish, *, out: Path | None, as_json: bool, named: Path | None = None) -> None:
    """Print a view, or write it into a file.

    Args:
        out: where to write; None = to stdout.
        named: how that file was typed.
    """
    facts = _facts(wish.plan)
    if as_json:
        say_json(_data(wish, facts))
    elif wish.view in LANGUAGES.values():
        text = _language(wish, facts)
        if out is None:
            say(text.rstrip("\n"))
        else:
            canvas.write(out, text)
    elif out is None:
        canvas.draw(_parts(wish, facts, canvas.columns()))
    else:
        parts = _parts(wish, facts, canvas.FILE_WIDTH)
        svg = out.suffix == ".svg"
        canvas.write(out, canvas.as_svg(parts, wish.plan.name) if svg else canvas.as_text(parts))
    if out is not None and not as_json:
        note(f"wrote {named or out}")


def _facts(plan: Plan) -> _Facts:
    network = network_of(plan)
    found = reach(network)
    return _Facts(network, found, frozenset(critical_path(network, found)))


def _language(wish: Wish, facts: _Facts) -> str:
    write = graph.mermaid if wish.view is ShowAs.MERMAID else graph.dot
    return write(wish.plan, facts.critical)


def _parts(wish: Wish, facts: _Facts, columns: int) -> Iterable[RenderableType]:
    from agentdeck.cli.show_as import outline, tables, timeline, waves
    from agentdeck.plans.analysis.schedule import schedule

    plan = wish.plan
    match wish.view:
        case ShowAs.GRAPH:
            return graph.graph_parts(plan, facts.network, facts.reach, facts.critical)
        case ShowAs.OUTLINE:
            return outline.outline_parts(plan, facts.critical)
        case ShowAs.TIMELINE:
            found = schedule(plan, wish.agents, wish.strategy)
            return timeline.timeline_parts(plan, found, facts.critical, columns)
        case ShowAs.WAVES:
            return waves.wave_parts(plan, *waves.waves_of(plan, wish.agents))
        case ShowAs.CONFLICTS:
            return tables.conflict_parts(_conflicts(wish, facts))
        case ShowAs.COST:
            from agentdeck.plans.analysis.cost import cost_of

            prices = shipped_prices()
            return tables.cost_parts(cost_of(plan, prices), prices, _actuals(wish, prices))
        case _:
            from agentdeck.cli.show_as.plan_grid import plan_parts

            return plan_parts(plan, facts.critical, facts.reach.length_s)


def _data(wish: Wish, facts: _Facts) -> Any:
    from agentdeck.cli.plantable import plan_as_data
    from agentdeck.cli.show_as import outline, waves
    from agentdeck.plans.analysis.contract import conflicts_as_data, cost_as_data
    from agentdeck.plans.analysis.cost import cost_of
    from agentdeck.plans.analysis.schedule import schedule

    plan = wish.plan
    match wish.view:
        case ShowAs.GRAPH:
            return graph.graph_as_data(plan, facts.network, facts.critical)
        case ShowAs.MERMAID | ShowAs.DOT:
            return {str(wish.view): _language(wish, facts)}
        case ShowAs.OUTLINE:
            return outline.outline_as_data(plan)
        case ShowAs.TIMELINE:
            found = schedule(plan, wish.agents, wish.strategy)
            return {"critical_path": sorted(facts.critical), **msgspec.to_builtins(found)}
        case ShowAs.WAVES:
            return waves.waves_as_data(*waves.waves_of(plan, wish.agents))
        case ShowAs.CONFLICTS:
            return conflicts_as_data(_conflicts(wish, facts))
        case ShowAs.COST:
            prices = shipped_prices()
            return cost_as_data(cost_of(plan, prices), prices, _actuals(wish, prices))
        case _:
            return plan_as_data(plan)


def _conflicts(wish: Wish, facts: _Facts) -> Conflicts:
    from agentdeck.plans.analysis.conflicts import conflicts_of

    gated = with_barriers(facts.network, wish.plan, wish.strategy)
    return conflicts_of(wish.plan, facts.network, gated)


def _actuals(wish: Wish, prices: Prices) -> Actuals | None:
    from agentdeck.plans.analysis.actuals import actuals_of

    return None if wish.run is None else actuals_of(wish.plan, wish.run, prices)
