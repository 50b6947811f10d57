"""Claims: what a document states about itself, beside what its tasks give."""

from __future__ import annotations

from typing import Any

import pytest

from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import Claim, ClaimKind, Phase, Plan, Strategy, Task
from agentdeck.plans.analysis.claims import CheckedClaim, checked_claims

HOUR = 3600.0
A, B, C, D, E = map(TaskId, "ABCDE")
ONE, TWO = PhaseId("one"), PhaseId("two")

# One: A (1 h) before B (2 h), C (3 h) beside them. Two: D (4 h) needs B. E (5 h) is deferred.
# The longest chain is A, B, D: 7 h. All work: 10 h. A and C touch the same files, so C waits for A:
# as waves, one ends after 4 h and two takes 4 h. A and B do too, but B waits for A anyway.
TASKS = (
    Task(A, "A", phase=ONE, estimate_s=HOUR, tokens=1000, model="small", files=("a/",)),
    Task(B, "B", phase=ONE, estimate_s=2 * HOUR, after=(A,), tokens=2000, files=("b/", "a/x")),
    Task(C, "C", phase=ONE, estimate_s=3 * HOUR, tokens=3000, model="small", files=("a/*.py",)),
    Task(D, "D", phase=TWO, estimate_s=4 * HOUR, after=(B,), files=("d/",)),
    Task(E, "E", phase=TWO, estimate_s=5 * HOUR, defer="later", tokens=9000),
)


def check(what: ClaimKind, low: float, high: float | None = None, **more: Any) -> CheckedClaim:
    claim = Claim(what, "as written", low, low if high is None else high, **more)
    plan = Plan(
        name="p", tasks=TASKS, phases=(Phase(ONE), Phase(TWO)), agents_limit=4, claims=(claim,)
    )
    (found,) = checked_claims(plan, lambda _plan, task: None if task.id == D else 0.5)
    return found


COMPUTED: dict[str, tuple[ClaimKind, dict[str, Any], float]] = {
    "all tasks": (ClaimKind.TASKS, {}, 5),
    "tasks of the run": (ClaimKind.TASKS, {"active": True}, 4),
    "tasks of a phase": (ClaimKind.TASKS, {"phase": ONE}, 3),
    "tasks by id": (ClaimKind.TASKS, {"match": "[AB]"}, 2),
    "tasks by model": (ClaimKind.TASKS, {"model": "small"}, 2),
    "phases": (ClaimKind.PHASES, {}, 2),
    "work without what is deferred": (ClaimKind.WORK, {}, 10 * HOUR),
    "work of a phase": (ClaimKind.WORK, {"phase": ONE}, 6 * HOUR),
    "longest": (ClaimKind.LONGEST, {}, 4 * HOUR),
    "longest of some": (ClaimKind.LONGEST, {"tasks": (A, B)}, 2 * HOUR),
    "critical path": (ClaimKind.CRITICAL_PATH, {}, 7 * HOUR),
    "elapsed, files in the way": (ClaimKind.ELAPSED, {"phase": ONE}, 4 * HOUR),
    "elapsed as waves": (ClaimKind.ELAPSED, {"strategy": Strategy.WAVES}, 8 * HOUR),
    "saving": (ClaimKind.SAVING, {"tasks": (C, D)}, 3 * HOUR),
    "saving as a share": (ClaimKind.SAVING_SHARE, {"tasks": (C, D)}, 3 / 7),
    "parallelism": (ClaimKind.PARALLELISM, {"tasks": (C, D)}, 2),
    "agents of use": (ClaimKind.AGENTS, {"phase": ONE}, 2),
    "tokens": (ClaimKind.TOKENS, {}, 6000),
    "tokens of a model": (ClaimKind.TOKENS, {"model": "small"}, 4000),
    "average": (ClaimKind.TOKENS_AVERAGE, {"phase": ONE}, 2000),
    "cost of what has a price": (ClaimKind.COST, {}, 1.5),
    "links that are there": (ClaimKind.PATH, {"tasks": (A, B, D)}, 2),
    "links that are not": (ClaimKind.PATH, {"tasks": (A, C, D)}, 0),
    "a link over others": (ClaimKind.PATH, {"tasks": (A, D)}, 1),
    "pairs that meet unordered": (ClaimKind.NO_CONFLICT, {"phase": ONE}, 1),
    "no pair meets": (ClaimKind.NO_CONFLICT, {"tasks": (C, D)}, 0),
}


@pytest.mark.parametrize("case", COMPUTED)
def test_a_claim_is_measured_on_the_tasks_it_is_about(case: str) -> None:
    """Against the figures by hand that stand above. What is computed agrees with itself."""
    what, scope, value = COMPUTED[case]
    found = check(what, value, **scope)
    assert found.computed is not None
    assert found.computed[0] == found.computed[1] == pytest.approx(value)
    assert found.agrees is True
    assert check(what, value * 2 + 1, **scope).agrees is False


def test_about_is_wider_than_exactly() -> None:
    """10 h of work: "about 11 h" is true enough, "11 h" is not; counts are never rounded."""
    assert check(ClaimKind.WORK, 11 * HOUR, approx=True).agrees is True
    assert check(ClaimKind.WORK, 11 * HOUR).agrees is False
    assert check(ClaimKind.WORK, 12 * HOUR, approx=True).agrees is False
    assert check(ClaimKind.WORK, 8 * HOUR, 10.5 * HOUR).agrees is True
    assert check(ClaimKind.TASKS, 6).agrees is False


def test_what_is_missing_is_named() -> None:
    """A difference says where it comes from."""
    assert "A -> C, C -> D" in check(ClaimKind.PATH, 2, tasks=(A, C, D)).detail
    assert "A and C (a/)" in check(ClaimKind.NO_CONFLICT, 0, phase=ONE).detail
    assert check(ClaimKind.CRITICAL_PATH, 1).detail == "A -> B -> D"
    assert check(ClaimKind.COST, 1).detail == "1 tasks have no price"


def test_rows_are_compared_with_their_own_sum() -> None:
    """Whatever the plan gives."""
    found = check(ClaimKind.TASKS, 66, own_low=65, own_high=65)
    assert (found.computed, found.agrees) == ((65, 65), False)
    assert check(ClaimKind.COST, 1.7, approx=True, own_low=1.68, own_high=1.68).agrees is True


def test_what_cannot_be_computed_is_neither_right_nor_wrong() -> None:
    """No such tasks, no estimates, no prices."""
    assert check(ClaimKind.TASKS, 3, match="Z*").agrees is None
    claims = (
        Claim(ClaimKind.WORK, "1 h", HOUR, HOUR),
        Claim(ClaimKind.COST, "$1", 1.0, 1.0),
        Claim(ClaimKind.TOKENS, "1K", 1000.0, 1000.0),
    )
    found = checked_claims(Plan(name="p", tasks=(Task(A, "A"),), claims=claims))
    assert [each.agrees for each in found] == [None, None, None]
    assert [each.detail for each in found] == [
        "no estimate: A",
        "no prices",
        "no task has a number of tokens",
    ]
