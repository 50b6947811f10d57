"""What a document states about itself, beside what its own tasks give.

Rules:
- A claim is measured on the tasks it is about (its scope): a plan of these tasks alone, with the
  dependencies between them. Deferred tasks take no time and no tokens; they count as tasks unless
  the claim is about the others only.
- A claim about a sum of the document's own rows is compared with these rows, not with the plan.
- A claim agrees when the stated and the computed range touch. "About" widens the stated one by
  `APPROXIMATELY`, everything else by what rounding the last digit may take.
- What cannot be computed (no estimates, no prices) neither agrees nor disagrees.
- Nothing is said without a bound: the paths and pairs in `detail` are cut.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from agentdeck.core.footprint_index import pairs
from agentdeck.core.graph import bottom_level_s, closure
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Claim, ClaimKind, Plan, Task
from agentdeck.core.times import estimated
from agentdeck.core.timetable import Timetable, timetable

APPROXIMATELY: Final = 0.1  # of the stated value; what "about" and "~" usually allow
ROUNDING: Final = 0.005  # of the stated value: 33.5 hours may be 33.4 or 33.6
MAX_PAIRS: Final = 2_000  # of one claim that are looked at; then it is wrong anyway
MAX_NAMED: Final = 6  # tasks or pairs that a detail names
MANY_AGENTS: Final = 1000  # as good as no limit

Range = tuple[float, float]
UsdOf = Callable[[Plan, Task], float | None]


class CheckedClaim(msgspec.Struct, frozen=True):
    """A claim and what the plan says to it. Values in the unit of the claim's kind."""

    claim: Claim
    scope: str  # in words; empty = the whole plan
    computed: Range | None
    agrees: bool | None  # None = it could not be computed
    detail: str = ""  # what the difference comes from


def checked_claims(plan: Plan, usd_of: UsdOf | None = None) -> tuple[CheckedClaim, ...]:
    """Every claim of the plan, in its order.

    Args:
        usd_of: what a task costs, US dollars; None = unknown. Without it costs are not computed.
    """
    return tuple(_checked(plan, claim, usd_of) for claim in plan.claims)


def _checked(plan: Plan, claim: Claim, usd_of: UsdOf | None) -> CheckedClaim:
    scope = _scope_words(claim)
    if claim.own_low is not None:
        high = claim.own_low if claim.own_high is None else claim.own_high
        own = (claim.own_low, high)
        return CheckedClaim(claim, scope, own, _agrees(claim, own), "the sum of its rows")
    part = _part(plan, claim)
    if not part.tasks:
        return CheckedClaim(claim, scope, None, None, "the plan has no such task")
    # The links of a path may lead over tasks that the claim does not name.
    measured = plan if claim.what is ClaimKind.PATH else part
    computed, detail = _MEASURES[claim.what](measured, claim, usd_of)
    agrees = None if computed is None else _agrees(claim, computed)
    return CheckedClaim(claim, scope, computed, agrees, detail)


def _agrees(claim: Claim, computed: Range) -> bool:
    low, high = min(claim.low, claim.high), max(claim.low, claim.high)
    if claim.what in _COUNTS and not claim.approx:
        return low <= computed[1] and computed[0] <= high
    share = APPROXIMATELY if claim.approx else ROUNDING
    return low * (1 - share) <= computed[1] and computed[0] <= high * (1 + share)


def _scope_words(claim: Claim) -> str:
    said = [
        f"phase {claim.phase}" if claim.phase else "",
        claim.match or "",
        f"model {claim.model}" if claim.model else "",
        f"{len(claim.tasks)} named tasks" if claim.tasks else "",
        "not deferred" if claim.active else "",
    ]
    return ", ".join(word for word in said if word)


def _part(plan: Plan, claim: Claim) -> Plan:
    """The plan of the tasks that the claim is about, with the dependencies between them."""
    named = set(claim.tasks)
    kept = {task.id for task in plan.tasks if _concerns(plan, claim, task, named)}
    if len(kept) == len(plan.tasks):
        return plan
    tasks = tuple(
        msgspec.structs.replace(task, after=tuple(other for other in task.after if other in kept))
        for task in plan.tasks
        if task.id in kept
    )
    return msgspec.structs.replace(plan, tasks=tasks, claims=())


def _concerns(plan: Plan, claim: Claim, task: Task, named: set[TaskId]) -> bool:
    return (
        (not named or task.id in named)
        and (claim.phase is None or task.phase == claim.phase)
        and (claim.match is None or fnmatch.fnmatchcase(task.id, claim.match))
        and (claim.model is None or (plan.settings(task.id).model or "") == claim.model)
        and not (claim.active and task.defer)
    )


# --- measures: a plan of the scope's tasks → the value, and what is worth saying

Measured = tuple[Range | None, str]


def _one(value: float, detail: str = "") -> Measured:
    return (value, value), detail


def _active(part: Plan) -> list[Task]:
    return [task for task in part.tasks if not task.defer]


def _tasks(part: Plan, _claim: Claim, _usd: UsdOf | None) -> Measured:
    deferred = sum(bool(task.defer) for task in part.tasks)
    return _one(len(part.tasks), f"{deferred} of them deferred" if deferred else "")


def _phases(part: Plan, _claim: Claim, _usd: UsdOf | None) -> Measured:
    return _one(len({task.phase for task in part.tasks if task.phase}))


def _unestimated(part: Plan) -> Measured | None:
    """What to say where too little is known for a time."""
    missing = [task.id for task in _active(part) if task.estimate_s is None]
    if not missing:
        return None
    return None, f"no estimate: {_named(missing)}"


def _work(part: Plan, _claim: Claim, _usd: UsdOf | None) -> Measured:
    return _unestimated(part) or _one(_work_s(part))


def _work_s(part: Plan) -> float:
    return sum(part.settings(task.id).estimate_s for task in _active(part))


def _longest(part: Plan, _claim: Claim, _usd: UsdOf | None) -> Measured:
    active = _active(part)
    if not active:
        return None, "everything is deferred"
    longest = max(active, key=lambda task: part.settings(task.id).estimate_s)
    return _unestimated(part) or _one(part.settings(longest.id).estimate_s, longest.id)


def _critical_path(part: Plan, _claim: Claim, _usd: UsdOf | None) -> Measured:
    active = {task.id: task for task in _active(part)}
    needs = {name: [n for n in task.after if n in active] for name, task in active.items()}
    level = bottom_level_s(needs, {name: part.settings(name).estimate_s for name in active})
    return _unestimated(part) or _one(
        max(level.values(), default=0.0), " -> ".join(_longest_chain(needs, level))
    )


def _longest_chain(
    needs: Mapping[TaskId, list[TaskId]], level: Mapping[TaskId, float]
) -> list[TaskId]:
    needing: dict[TaskId, list[TaskId]] = {name: [] for name in needs}
    for name, wanted in needs.items():
        for other in wanted:
            needing[other].append(name)
    chain: list[TaskId] = []
    following = [name for name, wanted in needs.items() if not wanted]
    while following:
        chain.append(max(following, key=level.__getitem__))
        following = needing[chain[-1]]
    return chain


def _path(part: Plan, claim: Claim, _usd: UsdOf | None) -> Measured:
    """How many links of a drawn chain the plan's own dependencies contain."""
    links = list(zip(claim.tasks, claim.tasks[1:], strict=False))
    needs = {task.id: task.after for task in part.tasks}
    above = {later: set(closure(later, needs)) for _, later in links if later in needs}
    missing = [f"{a} -> {b}" for a, b in links if a not in above.get(b, set())]
    detail = f"not in the plan: {_named(missing)}" if missing else ""
    return _one(len(links) - len(missing), detail)


def _elapsed(part: Plan, claim: Claim, _usd: UsdOf | None) -> Measured:
    return _unestimated(part) or _one(_table(part, claim).makespan_s, _way(part, claim))


def _saving(part: Plan, claim: Claim, _usd: UsdOf | None) -> Measured:
    saved = _work_s(part) - _table(part, claim).makespan_s
    return _unestimated(part) or _one(saved, _way(part, claim))


def _saving_share(part: Plan, claim: Claim, _usd: UsdOf | None) -> Measured:
    work = _work_s(part)
    share = 1 - _table(part, claim).makespan_s / work if work else 0.0
    return _unestimated(part) or _one(share, _way(part, claim))


def _way(part: Plan, claim: Claim) -> str:
    return f"{claim.strategy or part.strategy}, {part.agents_limit} agents"


def _table(part: Plan, claim: Claim, agents: int | None = None) -> Timetable:
    return timetable(part, estimated(part), agents_limit=agents, strategy=claim.strategy)


def _parallelism(part: Plan, claim: Claim, _usd: UsdOf | None) -> Measured:
    return _one(_table(part, claim, MANY_AGENTS).most_at_once)


def _agents(part: Plan, claim: Claim, _usd: UsdOf | None) -> Measured:
    """As many as can be of use at once."""
    return _one(_table(part, claim, MANY_AGENTS).most_at_once)


def _tokens(part: Plan, _claim: Claim, _usd: UsdOf | None) -> Measured:
    known = [task.tokens for task in _active(part) if task.tokens is not None]
    if not known:
        return None, "no task has a number of tokens"
    unknown = len(_active(part)) - len(known)
    return _one(sum(known), f"{unknown} tasks say nothing" if unknown else "")


def _tokens_average(part: Plan, _claim: Claim, _usd: UsdOf | None) -> Measured:
    known = [task.tokens for task in part.tasks if task.tokens is not None]
    if not known:
        return None, "no task has a number of tokens"
    return (float(min(known)), float(max(known))) if len(known) == 1 else _mean(known), ""


def _mean(values: list[int]) -> Range:
    mean = sum(values) / len(values)
    return mean, mean


def _cost(part: Plan, _claim: Claim, usd_of: UsdOf | None) -> Measured:
    if usd_of is None:
        return None, "no prices"
    costs = [usd_of(part, task) for task in _active(part)]
    known = [cost for cost in costs if cost is not None]
    if not known:
        return None, "no task has both tokens and a model with a price"
    unknown = len(costs) - len(known)
    return _one(sum(known), f"{unknown} tasks have no price" if unknown else "")


def _no_conflict(part: Plan, _claim: Claim, _usd: UsdOf | None) -> Measured:
    """The pairs that may touch the same files at the same time though none is said to."""
    needs = {task.id: task.after for task in part.tasks}
    met = [
        f"{pair.a} and {pair.b} ({pair.pattern})"
        for pair in pairs(_active(part), limit=MAX_PAIRS).listed
        if pair.a not in closure(pair.b, needs) and pair.b not in closure(pair.a, needs)
    ]
    return _one(len(met), _named(met))


def _named(words: list[TaskId] | list[str]) -> str:
    more = len(words) - MAX_NAMED
    return ", ".join(words[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


_COUNTS: Final = frozenset(
    {
        ClaimKind.TASKS,
        ClaimKind.PHASES,
        ClaimKind.AGENTS,
        ClaimKind.PARALLELISM,
        ClaimKind.PATH,
        ClaimKind.NO_CONFLICT,
    }
)
_MEASURES: Final[dict[ClaimKind, Callable[[Plan, Claim, UsdOf | None], Measured]]] = {
    ClaimKind.TASKS: _tasks,
    ClaimKind.PHASES: _phases,
    ClaimKind.AGENTS: _agents,
    ClaimKind.PARALLELISM: _parallelism,
    ClaimKind.WORK: _work,
    ClaimKind.ELAPSED: _elapsed,
    ClaimKind.CRITICAL_PATH: _critical_path,
    ClaimKind.PATH: _path,
    ClaimKind.LONGEST: _longest,
    ClaimKind.SAVING: _saving,
    ClaimKind.SAVING_SHARE: _saving_share,
    ClaimKind.TOKENS: _tokens,
    ClaimKind.TOKENS_AVERAGE: _tokens_average,
    ClaimKind.COST: _cost,
    ClaimKind.NO_CONFLICT: _no_conflict,
}
