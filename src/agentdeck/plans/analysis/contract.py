"""An analysis as data for programs: names and units that scripts rely on.

Rules: keys are added, never renamed. Times are seconds, money is US dollars, shares are 0 to 1.
"""

from __future__ import annotations

from typing import Any, Final

from agentdeck.core.plan import ClaimKind
from agentdeck.plans.analysis.actuals import Account, Actuals, Beside
from agentdeck.plans.analysis.claims import CheckedClaim
from agentdeck.plans.analysis.conflicts import Conflicts
from agentdeck.plans.analysis.cost import Cost, Spent
from agentdeck.plans.analysis.prices import Prices
from agentdeck.plans.analysis.report import Analysis
from agentdeck.plans.analysis.strategies import SyncCost
from agentdeck.plans.analysis.what_if import Costs

SAYS_NOTHING: Final = "unsaid"  # the name of a group of tasks that say nothing of the kind


def as_data(found: Analysis) -> dict[str, Any]:
    """The analysis, ready for JSON."""
    plan = found.plan
    members = found.inventory["phase"]
    tasks = {row.name: row.tasks for row in members}
    return {
        "name": plan.name,
        "agents": found.asked.agents,
        "strategy": found.asked.strategy,
        "tasks": len(plan.tasks),
        "work_s": found.work_s,
        "human_s": found.human_s,
        "critical_path_s": found.critical_path_s,
        "critical_path": found.critical_path,
        "critical_path_with_barriers_s": found.barred_path_s,
        "critical_path_with_barriers": found.barred_path,
        "makespan_s": {way.name: way.makespan_s for way in found.ways},
        "strategies": found.ways,
        "agents_curve": found.curve,
        "utilisation": found.uses,
        "idle": found.idle,
        "sync_points": [_sync(cost) for cost in found.syncs],
        **conflicts_as_data(found.conflicts, found.conflict_costs),
        "coupled": found.coupled,
        "unmatched_files": found.unmatched,
        "cost": cost_as_data(found.cost, found.asked.prices, found.actual),
        "claims": [claim_as_data(claim) for claim in found.claims],
        "deferred": found.deferred,
        "human": found.human,
        "unestimated": found.unestimated,
        "phases": [
            {
                "id": phase.id,
                "title": phase.title,
                "tasks": tasks.get(phase.id, 0),
                "sync": phase.sync,
            }
            for phase in plan.phases
        ],
        "slack": found.slack,
        "what_if": found.gains,
        "inventory": found.inventory,
        "groups": {
            "side_by_side": found.side_by_side,
            "separate": found.separate,
            **{
                name: {key or SAYS_NOTHING: ids for key, ids in groups.items()}
                for name, groups in found.groups.items()
            },
        },
        "notes": plan.notes,
        "left_out": found.left_out,
    }


def _sync(cost: SyncCost) -> dict[str, Any]:
    return {
        "phase": cost.phase,
        "with_s": cost.with_s,
        "without_s": cost.without_s,
        "costs_s": cost.costs_s,
    }


def conflicts_as_data(found: Conflicts, costs: Costs | None = None) -> dict[str, Any]:
    """The pairs, capped, and how many there are."""
    known = costs or {}
    rows = []
    for each in found.listed:
        gain = known.get((each.a, each.b))
        rows.append(
            {
                "a": each.a,
                "b": each.b,
                "files": each.files,
                "existing": each.existing,
                "ordered": each.ordered,
                "by": each.by or None,
                "does": each.does,
                "costs_s": None if gain is None else gain.saves_s,
            }
        )
    return {"conflicts": rows, "conflicts_total": found.total}


def cost_as_data(cost: Cost, prices: Prices, actual: Actuals | None = None) -> dict[str, Any]:
    """Tokens and money, the whole and its parts; and what a run has used of it, if one is meant."""
    return {
        **_spent(cost.total),
        "by_model": _parts(cost.by_model),
        "by_agent": _parts(cost.by_agent),
        "by_phase": _parts(cost.by_phase),
        "prices": {
            "date": prices.as_of,
            "source": prices.source,
            "input_share": prices.input_share,
        },
        "actual": None if actual is None else _actuals(actual),
    }


def _actuals(actual: Actuals) -> dict[str, Any]:
    return {
        "run": actual.run,
        **_account(actual.total),
        "by_model": _accounts(actual.by_model),
        "by_agent": _accounts(actual.by_agent),
        "by_phase": _accounts(actual.by_phase),
    }


def _accounts(parts: dict[str, Account]) -> dict[str, Any]:
    return {name or SAYS_NOTHING: _account(account) for name, account in parts.items()}


def _account(account: Account) -> dict[str, Any]:
    used, retries = account.used, account.retries
    return {
        "usd": used.usd,
        "tokens": used.tokens,
        "attempts": used.attempts,
        "retries": retries.attempts,
        "retries_usd": retries.usd,
        "retries_tokens": retries.tokens,
        "priced": used.priced,
        "priced_usd": used.priced_usd,
        "without_price": used.no_price,
        "silent": used.silent,
        "tasks": account.tasks,
        "landed": account.landed,
        "compared": {"tokens": _beside(account.tokens), "usd": _beside(account.usd)},
        "ahead": _spent(account.ahead),
    }


def _beside(beside: Beside) -> dict[str, Any]:
    return {
        "tasks": beside.tasks,
        "estimated": beside.estimated,
        "actual": beside.actual,
        "of_estimate": beside.share,
    }


def _parts(parts: dict[str, Spent]) -> dict[str, Any]:
    return {name or SAYS_NOTHING: _spent(spent) for name, spent in parts.items()}


def _spent(spent: Spent) -> dict[str, Any]:
    return {
        "usd": spent.usd,
        "tokens": spent.tokens,
        "tasks": spent.tasks,
        "tasks_without_tokens": spent.no_tokens,
        "tasks_without_price": spent.no_price,
    }


def claim_as_data(checked: CheckedClaim) -> dict[str, Any]:
    """A claim: `stated` and `computed` in the unit of its kind; a range is a list of two."""
    claim = checked.claim
    return {
        "what": ClaimKind(claim.what),
        "line": claim.line,
        "stated": _figure((claim.low, claim.high)),
        "text": claim.stated,
        "computed": None if checked.computed is None else _figure(checked.computed),
        "agrees": checked.agrees,
        "scope": checked.scope,
        "detail": checked.detail,
    }


def _figure(span: tuple[float, float]) -> float | list[float]:
    return span[0] if span[0] == span[1] else list(span)
