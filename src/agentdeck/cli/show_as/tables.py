"""Parts of an analysis as tables; `analyze` prints many of them, `show` one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from agentdeck.cli.show_as.actual import actual_parts
from agentdeck.cli.show_as.canvas import MAX_ROWS, cut, grid, heading, remark
from agentdeck.cli.show_as.words import counted, listed, share, span, tokens, usd
from agentdeck.plans.analysis.actuals import Actuals
from agentdeck.plans.analysis.conflicts import Conflict, Conflicts
from agentdeck.plans.analysis.cost import Cost, Spent
from agentdeck.plans.analysis.prices import Prices
from agentdeck.plans.analysis.what_if import Costs

DOES: Final = {
    "follow": "one needs the other",
    "barrier": "a barrier is between",
    "alone": "one works alone",
    "serialise": "the second one waits",
}
NAMED: Final = 3  # files of a pair


def conflict_parts(
    found: Conflicts, costs: Costs | None = None, most: int = MAX_ROWS
) -> Iterator[RenderableType]:
    """The pairs that may touch the same files: those that nothing orders first."""
    waiting = sum(not each.ordered for each in found.listed)
    beside = f"{found.total:,} may touch the same files, {waiting:,} of them nothing orders"
    if not found.complete:
        beside = f"{found.total:,} may touch the same files; {len(found.listed):,} were looked at"
    yield heading("Pairs", beside if found.total else "none touches the files of another")
    if not found.total:
        return
    known = costs or {}
    rows = sorted(found.listed, key=lambda each: (each.ordered, -_cost(each, known)))
    with_costs = any((each.a, each.b) in known for each in rows[:most])
    heads = ["A", "B", "FILES", "WHAT HAPPENS", *(["COSTS"] if with_costs else [])]
    cells = [_conflict(each, known, with_costs) for each in rows[:most]]
    yield grid(heads, cells, right=(4,), wide=(0, 1, 2, 3))
    if len(rows) > most:
        yield remark(f"and {len(rows) - most:,} more pairs; --json lists them")


def _cost(each: Conflict, known: Costs) -> float:
    gain = known.get((each.a, each.b))
    return -1.0 if gain is None else gain.saves_s


def _conflict(each: Conflict, known: Costs, with_costs: bool) -> list[str | Text]:
    does = DOES["barrier" if each.by == "barrier" else each.does]
    files = listed(list(each.existing or each.files), NAMED)
    row: list[str | Text] = [
        each.a,
        each.b,
        files,
        Text(does, style="dim" if each.ordered else ""),
    ]
    if with_costs:
        gain = known.get((each.a, each.b))
        row.append("" if gain is None else span(gain.saves_s))
    return row


def cost_parts(
    cost: Cost, prices: Prices, actual: Actuals | None = None
) -> Iterator[RenderableType]:
    """Tokens and money by model, agent and phase; then what a run has used, if one is meant."""
    yield heading("Cost", _total(cost.total))
    with_prices = cost.total.tokens or (actual is not None and actual.total.used.priced)
    if cost.total.tokens:
        parts = (("MODEL", cost.by_model), ("AGENT", cost.by_agent), ("PHASE", cost.by_phase))
        for name, spent in parts:
            if len(spent) > 1 or name == "MODEL":
                yield _cost_table(name, spent)
                yield from cut(len(spent), "rows")
                yield Text()
    if actual is not None:
        if not cost.total.tokens:
            yield Text()
        yield from actual_parts(actual)
        if with_prices:
            yield Text()
    if with_prices:
        yield remark(
            f"prices of {prices.as_of}; {share(prices.input_share)} of the tokens are taken "
            "for input; --prices FILE brings others"
        )


def _cost_table(name: str, parts: Mapping[str, Spent]) -> RenderableType:
    rows = [
        (key or "unsaid", f"{spent.tasks:,}", tokens(spent.tokens), usd(spent.usd))
        for key, spent in parts.items()
    ]
    return grid((name, "TASKS", "TOKENS", "COSTS"), rows, right=(1, 2, 3), wide=(0,))


def _total(spent: Spent) -> str:
    if not spent.tokens:
        return "not known: no task states its tokens"
    said = [f"{spent.tokens:,} tokens"]
    said += [usd(spent.usd)] if spent.usd is not None else ["no price for these models"]
    if spent.no_tokens:
        said.append(f"{counted(spent.no_tokens, 'task')} without tokens not counted")
    if spent.usd is not None and spent.no_price:
        said.append(f"{counted(spent.no_price, 'task')} without a price not counted")
    return ", ".join(said)
