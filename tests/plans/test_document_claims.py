"""What five documents from the field state about themselves, and what their own tables give.

The stated figures were read off the documents by hand, with their lines; the computed ones were
worked out by hand from the tables (see the comments).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from agentdeck.core.plan import ClaimKind
from agentdeck.plans.analysis.claims import CheckedClaim, checked_claims
from agentdeck.plans.imports.detect import import_text

DOCUMENTS = Path(__file__).parent / "documents"
HOUR = 3600.0
WEEK = 168 * HOUR
K = ClaimKind
Row = tuple[int, ClaimKind, float, float, bool]  # line, what, stated (low), computed (low), agrees


@cache
def claims_of(name: str) -> tuple[CheckedClaim, ...]:
    text = (DOCUMENTS / f"{name}.md").read_text(encoding="utf-8")
    return checked_claims(import_text(text, file=f"{name}.md").plan)


def rows_of(name: str) -> list[Row]:
    """Every claim that could be computed: costs need prices, which are no part of a document."""
    found = claims_of(name)
    assert all(each.computed is not None or each.claim.what is K.COST for each in found)
    return [
        (each.claim.line or 0, each.claim.what, each.claim.low, each.computed[0], bool(each.agrees))
        for each in found
        if each.computed is not None
    ]


# Waves as barriers take 2.5 + 5 + 9 + 3 + 14 + 10 + 18 + 8 + 12 + 8 = 89.5 h. All estimates are
# 4.5 + 11.5 + 19 + 10 + 20 + 13 + 22 + 22 + 31 + 8 = 161 h. The longest chain is CORE-001 (.5),
# CORE-002 (1), MODEL-001 (4), PLANNER-001 (6), EVAL-001 (3), EVAL-002 (6), EVAL-003 (3) = 23.5 h.
DAW: list[Row] = [
    (15, K.ELAPSED, 8 * HOUR, 89.5 * HOUR, False),
    (26, K.PATH, 6, 4, False),  # two of the six links drawn are in no table
    (40, K.CRITICAL_PATH, 33.5 * HOUR, 23.5 * HOUR, False),
    (46, K.PARALLELISM, 3, 3, True),
    (46, K.LONGEST, 2 * HOUR, 2 * HOUR, True),
    (51, K.PARALLELISM, 4, 4, True),
    (51, K.LONGEST, 3 * HOUR, 3 * HOUR, True),
    (57, K.LONGEST, 4 * HOUR, 4 * HOUR, True),
    (63, K.LONGEST, 3 * HOUR, 3 * HOUR, True),
    (74, K.ELAPSED, 1.5 * HOUR, 2.5 * HOUR, False),
    (82, K.PARALLELISM, 3, 3, True),
    (84, K.ELAPSED, 3.5 * HOUR, 5 * HOUR, False),
    (96, K.ELAPSED, 4 * HOUR, 9 * HOUR, False),
    (108, K.ELAPSED, 6 * HOUR, 3 * HOUR, False),
    (116, K.PARALLELISM, 4, 4, True),
    (118, K.ELAPSED, 6 * HOUR, 14 * HOUR, False),
    (129, K.ELAPSED, 6 * HOUR, 10 * HOUR, False),
    (136, K.PARALLELISM, 2, 2, True),
    (138, K.ELAPSED, 8 * HOUR, 18 * HOUR, False),
    (148, K.ELAPSED, 12 * HOUR, 8 * HOUR, False),
    (160, K.ELAPSED, 8 * HOUR, 12 * HOUR, False),
    (174, K.ELAPSED, 8 * HOUR, 8 * HOUR, True),
    (179, K.PARALLELISM, 1, 1, True),
    (197, K.ELAPSED, 41 * HOUR, 89.5 * HOUR, False),
    (198, K.CRITICAL_PATH, 33.5 * HOUR, 23.5 * HOUR, False),
    (199, K.SAVING, 24 * HOUR, 71.5 * HOUR, False),
    (199, K.WORK, 65 * HOUR, 161 * HOUR, False),
    (286, K.ELAPSED, 41 * HOUR, 89.5 * HOUR, False),
    (286, K.WORK, 65 * HOUR, 161 * HOUR, False),
]
# The inventory says 66, its rows add up to 65, and 36 tasks have ids: 26 in waves, 10 deferred.
# Haiku: 7 tasks, 3 * 5K + 3 * 8K + 10K = 49K. Sonnet: 19 tasks, 60 + 80 + 105 + 115 + 90 = 450K.
MAH: list[Row] = [
    (3, K.TASKS, 66, 36, False),
    (3, K.TASKS, 66, 65, False),
    (9, K.TASKS, 10, 10, True),
    (10, K.TASKS, 10, 8, False),
    (11, K.TASKS, 9, 6, False),
    (12, K.TASKS, 8, 3, False),
    (13, K.TASKS, 8, 3, False),
    (14, K.TASKS, 8, 1, False),
    (15, K.TASKS, 8, 3, False),
    (28, K.AGENTS, 6, 6, True),
    (44, K.AGENTS, 5, 5, True),
    (57, K.AGENTS, 4, 4, True),
    (69, K.AGENTS, 4, 4, True),
    (81, K.AGENTS, 4, 4, True),
    (93, K.AGENTS, 3, 3, True),
    (144, K.TASKS, 12, 7, False),
    (144, K.TOKENS_AVERAGE, 7_000, 7_000, True),
    (144, K.TOKENS, 84_000, 49_000, False),
    (145, K.TASKS, 24, 19, False),
    (145, K.TOKENS, 528_000, 450_000, False),
    (146, K.TASKS, 36, 26, False),
    (146, K.TASKS, 36, 36, True),  # its own rows: 12 + 24
    (146, K.TOKENS, 612_000, 499_000, False),
    (146, K.TOKENS, 612_000, 612_000, True),
]
# Phase 1 is 3 h of a person, 2 is 2 + 2 + 1, 3 is 1 + 4 + 3, 4 is 2 + 3 + 2. In phase 4 logging
# touches all of client/, so it can work beside neither of the others: 3 + 2 h, not 3.
AI_WEBHOOK: list[Row] = [
    (20, K.WORK, 3 * HOUR, 3 * HOUR, True),
    (92, K.WORK, 5 * HOUR, 5 * HOUR, True),
    (97, K.ELAPSED, 2 * HOUR, 2 * HOUR, True),
    (104, K.SAVING, 3 * HOUR, 3 * HOUR, True),
    (220, K.WORK, 7 * HOUR, 7 * HOUR, True),
    (225, K.ELAPSED, 3 * HOUR, 5 * HOUR, False),
    (232, K.SAVING, 4 * HOUR, 2 * HOUR, False),
    (239, K.ELAPSED, 2 * HOUR, 2 * HOUR, True),
    (254, K.WORK, 8 * HOUR, 8 * HOUR, True),
    (271, K.ELAPSED, 3 * HOUR, 5 * HOUR, False),
    (292, K.WORK, 20 * HOUR, 23 * HOUR, False),  # the total leaves phase 1 out
    (300, K.ELAPSED, 13 * HOUR, 18 * HOUR, False),
    (338, K.NO_CONFLICT, 0, 0, True),
    (347, K.NO_CONFLICT, 0, 2, False),
]
# 13 + 6 + 6 + 2 + 15 + 4 + 4 weeks of work in 6 + 2 + 2 + 1 + 5 + 2 + 2 weeks. The rows of the
# summary add up to 25 (or 26), 17 and 8 (or 9) weeks.
MAHAVISHNU: list[Row] = [
    (13, K.WORK, 26 * WEEK, 50 * WEEK, False),
    (13, K.ELAPSED, 18 * WEEK, 20 * WEEK, True),
    (27, K.ELAPSED, 4 * WEEK, 6 * WEEK, False),
    (211, K.ELAPSED, 5 * WEEK, 5 * WEEK, True),
    (257, K.ELAPSED, 1.5 * WEEK, 2 * WEEK, False),
    (314, K.WORK, 26 * WEEK, 25 * WEEK, True),
    (314, K.ELAPSED, 18 * WEEK, 17 * WEEK, False),
    (314, K.SAVING, 8 * WEEK, 8 * WEEK, True),
    (436, K.ELAPSED, 18 * WEEK, 20 * WEEK, True),
]
DOCUMENTED = {
    "daw-agent-parallelism": (36, DAW),
    "mah-parallel-execution": (30, MAH),
    "ai-webhook-multi-agent": (33, AI_WEBHOOK),
    "mahavishnu-task-orchestration": (45, MAHAVISHNU),
    "prompt-engineering-task-execution": (1, [(8, K.TASKS, 43.0, 2.0, False)]),
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_document_is_held_to_its_own_figures(name: str) -> None:
    """Every figure is found at its line, and compared with what the tasks really give."""
    count, expected = DOCUMENTED[name]
    assert len(claims_of(name)) == count
    rows = rows_of(name)
    for row in expected:
        assert any(_same(row, other) for other in rows), (row, [r for r in rows if r[0] == row[0]])


def test_stated_costs_are_found_too() -> None:
    """For each model, in total, and for the first wave."""
    costs = [
        each.claim for each in claims_of("mah-parallel-execution") if each.claim.what is K.COST
    ]
    assert {claim.line for claim in costs} == {144, 145, 146, 158}


def test_a_drawn_path_names_the_links_that_no_table_has() -> None:
    """The author's chain is longer than the tables say, because two of its links are not there."""
    (path,) = [each for each in claims_of("daw-agent-parallelism") if each.claim.what is K.PATH]
    assert path.detail == (
        "not in the plan: PLANNER-001 -> EXECUTOR-001, EXECUTOR-001 -> VALIDATOR-001"
    )


def _same(one: Row, other: Row) -> bool:
    return (
        one[:2] == other[:2]
        and one[4] == other[4]
        and other[2] == pytest.approx(one[2])
        and other[3] == pytest.approx(one[3])
    )
