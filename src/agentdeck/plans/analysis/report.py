"""The whole analysis of a plan, put together from its parts.

Rules:
- Work is the sum of all estimates but those of deferred tasks; what people do counts and is told
  apart. The critical path goes by dependencies alone; a second figure counts the barriers.
- The same plan, options and files give the same analysis. What was left out because the plan is
  large is in `left_out`, in sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan, Strategy
from agentdeck.core.state import RunState
from agentdeck.plans.analysis import cost as costs
from agentdeck.plans.analysis import grouping, history, slack, strategies, what_if
from agentdeck.plans.analysis.actuals import Actuals, actuals_of
from agentdeck.plans.analysis.claims import CheckedClaim, checked_claims
from agentdeck.plans.analysis.conflicts import Conflicts, conflicts_of, unmatched
from agentdeck.plans.analysis.inventory import Row, inventory
from agentdeck.plans.analysis.network import Network, network_of, with_barriers
from agentdeck.plans.analysis.ordered import ordered
from agentdeck.plans.analysis.prices import Prices
from agentdeck.plans.analysis.schedule import PhaseIdle, Schedule, Use, phase_idle, schedule, uses
from agentdeck.plans.analysis.tree import Tree

MAX_UNMATCHED: Final = 20  # footprints without a file that are named


class Asked(msgspec.Struct, frozen=True):
    """What an analysis is for."""

    agents: int
    strategy: Strategy
    prices: Prices
    files: Sequence[str] | None = None  # of the repository; None = there is none
    commits: Sequence[Sequence[str]] | None = None  # files of each; None = history not asked for
    run: RunState | None = None  # whose use is set beside the estimates; None = no run is meant


class Unmatched(msgspec.Struct, frozen=True):
    """Footprints that mean no file of the repository."""

    named: tuple[tuple[TaskId, str], ...]  # at most `MAX_UNMATCHED`
    total: int
    patterns: int  # that the plan has


class Analysis(msgspec.Struct, frozen=True):
    """Everything that is known about a plan. Times in seconds."""

    plan: Plan
    asked: Asked
    work_s: float
    human_s: float  # of the work, what people do
    critical_path: tuple[TaskId, ...]
    critical_path_s: float
    barred_path: tuple[TaskId, ...]  # with barriers counted
    barred_path_s: float
    slack: tuple[slack.Slack, ...]
    schedule: Schedule
    ways: tuple[strategies.Way, ...]
    curve: strategies.Curve
    uses: tuple[Use, ...]
    idle: tuple[PhaseIdle, ...]
    syncs: tuple[strategies.SyncCost, ...]
    conflicts: Conflicts
    conflict_costs: what_if.Costs
    coupled: tuple[history.Coupled, ...]
    unmatched: Unmatched | None
    cost: costs.Cost
    actual: Actuals | None  # None = no run was meant
    gains: Mapping[str, what_if.Gains]  # dependency, estimate, conflict
    inventory: Mapping[str, tuple[Row, ...]]
    side_by_side: list[list[TaskId]]
    separate: list[list[TaskId]]
    groups: Mapping[str, grouping.Groups]
    claims: tuple[CheckedClaim, ...]
    left_out: tuple[str, ...]

    @property
    def deferred(self) -> list[TaskId]:
        """The tasks that are not part of a run."""
        return [task.id for task in self.plan.tasks if task.defer]

    @property
    def human(self) -> list[TaskId]:
        """The tasks that people do, without the deferred ones."""
        return [t.id for t in self.plan.tasks if not t.defer and costs.by_person(self.plan, t)]

    @property
    def unestimated(self) -> list[TaskId]:
        """The tasks whose time is not said and counts as the default."""
        return [t.id for t in self.plan.tasks if not t.defer and t.estimate_s is None]


class Apart(msgspec.Struct, frozen=True):
    """The parts of an analysis that need none of the others."""

    ways: tuple[strategies.Way, ...]
    cost: costs.Cost
    inventory: Mapping[str, tuple[Row, ...]]
    groups: Mapping[str, grouping.Groups]


def apart_of(plan: Plan, asked: Asked, work_s: float) -> Apart:
    """About half of the work of an analysis."""
    return Apart(
        strategies.other_ways(plan, asked.agents, asked.strategy, work_s),
        costs.cost_of(plan, asked.prices),
        inventory(plan),
        grouping.by_attribute(plan),
    )


Beside = Callable[[Callable[[], Apart]], Callable[[], Apart]]


def analyse(plan: Plan, asked: Asked, beside: Beside = lambda work: work) -> Analysis:
    """All of it. Near-linear in the plan, with a counted share of further timetables.

    Args:
        plan: what is analysed.
        asked: what for.
        beside: begins work, on another core where it can; what it returns waits for the result.
    """
    network = network_of(plan)
    work = sum(network.duration_s, 0.0)
    comes = beside(lambda: apart_of(plan, asked, work))
    gated = with_barriers(network, plan, asked.strategy)
    free = slack.reach(network)
    barred = free if gated is network else slack.reach(gated)
    room = slack.slacks(network, free)
    tree = Tree(asked.files) if asked.files is not None else None
    found = conflicts_of(plan, network, gated, tree=tree)
    meeting = _numbered(network, found)
    table = schedule(plan, asked.agents, asked.strategy)
    now = what_if.situation(plan, table, network, room)
    expensive, not_costed = what_if.conflict_costs(now, found)
    syncs, syncs_left = strategies.sync_costs(plan, table)
    gains = {
        "dependency": what_if.dependency_gains(now),
        "estimate": what_if.estimate_gains(now),
        "conflict": what_if.conflict_gains(expensive, not_costed),
    }
    bends = strategies.curve(plan, table)
    idle, usage = phase_idle(plan, table), uses(plan, table)
    apart = comes()
    return Analysis(
        plan=plan,
        asked=asked,
        work_s=work,
        human_s=_human_s(plan),
        critical_path=tuple(slack.critical_path(network, free)),
        critical_path_s=free.length_s,
        barred_path=tuple(slack.critical_path(gated, barred)),
        barred_path_s=barred.length_s,
        slack=tuple(room),
        schedule=table,
        ways=strategies.ways(plan, table, work, apart.ways),
        curve=bends,
        uses=usage,
        idle=idle,
        syncs=syncs,
        conflicts=found,
        conflict_costs=expensive,
        coupled=_coupled(plan, network, gated, found, asked.commits),
        unmatched=_unmatched(plan, tree),
        cost=apart.cost,
        actual=None if asked.run is None else actuals_of(plan, asked.run, asked.prices),
        gains=gains,
        inventory=apart.inventory,
        side_by_side=grouping.side_by_side(network, meeting),
        separate=grouping.separate(network, meeting),
        groups=apart.groups,
        claims=checked_claims(plan, lambda of, task: costs.usd_of(of, task, asked.prices)),
        left_out=tuple(_left_out(found, not_costed, syncs_left, gains, bends, tree)),
    )


def _human_s(plan: Plan) -> float:
    people = (t for t in plan.tasks if not t.defer and costs.by_person(plan, t))
    return sum((plan.settings(task.id).estimate_s for task in people), 0.0)


def _numbered(network: Network, found: Conflicts) -> list[tuple[int, int]]:
    number = {name: index for index, name in enumerate(network.ids)}
    return [(number[each.a], number[each.b]) for each in found.listed]


def _unmatched(plan: Plan, tree: Tree | None) -> Unmatched | None:
    if tree is None:
        return None
    named, total = unmatched(plan, tree, MAX_UNMATCHED)
    patterns = sum(len(task.files) for task in plan.tasks if not task.defer)
    return Unmatched(tuple(named), total, patterns)


def _coupled(
    plan: Plan,
    network: Network,
    gated: Network,
    found: Conflicts,
    commits: Sequence[Sequence[str]] | None,
) -> tuple[history.Coupled, ...]:
    if commits is None:
        return ()
    number = {name: index for index, name in enumerate(network.ids)}
    known = {frozenset((each.a, each.b)) for each in found.listed}

    def may_meet(pairs: Sequence[tuple[TaskId, TaskId]]) -> list[bool]:
        follow = ordered(gated, [(number[a], number[b]) for a, b in pairs])
        return [
            not first and frozenset(pair) not in known
            for pair, first in zip(pairs, follow, strict=True)
        ]

    tasks = [task for task in plan.tasks if not task.defer]
    return tuple(history.coupled_tasks(tasks, history.couplings(commits), may_meet))


def _left_out(
    found: Conflicts,
    not_costed: int,
    syncs: int,
    gains: Mapping[str, what_if.Gains],
    bends: strategies.Curve,
    tree: Tree | None,
) -> list[str]:
    """What was not done because the plan is large, one sentence for each."""
    said = []
    if not found.complete:
        listed = f"{len(found.listed):,} of {found.total:,} conflicts are listed"
        said.append(f"{listed}, and groups are made by these alone")
    if not_costed:
        said.append(f"the cost of {not_costed:,} conflicts is not computed")
    if syncs:
        said.append(f"the cost of {syncs:,} sync points is not computed")
    for kind, words in (("dependency", "dependencies"), ("estimate", "estimates")):
        one = gains[kind]
        if one.asked < one.candidates:
            said.append(f"of {one.candidates:,} {words} the {one.asked:,} tightest were varied")
    if gains["estimate"].measure == what_if.CRITICAL_PATH:
        said.append("what would shorten it is measured on the critical path alone")
    if bends.left_out:
        said.append(f"{bends.left_out:,} numbers of agents were not tried")
    if tree is not None and tree.exhausted:
        said.append("not every footprint was compared with the repository's files")
    return said
