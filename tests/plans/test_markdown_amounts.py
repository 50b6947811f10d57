"""Amounts in running text, and what the words around them make of them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.plan import ClaimKind
from agentdeck.plans.imports.markdown.amounts import MAX_AMOUNTS, Unit, amounts_in
from agentdeck.plans.imports.markdown.figure_kinds import kind_of

HOUR = 3600.0
FOUND = {
    "~41 hours (with all of them)": [(Unit.SECONDS, 41 * HOUR, 41 * HOUR, True)],
    "8-12 hours": [(Unit.SECONDS, 8 * HOUR, 12 * HOUR, False)],
    "26–32 weeks": [(Unit.SECONDS, 26 * 168 * HOUR, 32 * 168 * HOUR, False)],
    "2hr max": [(Unit.SECONDS, 2 * HOUR, 2 * HOUR, False)],
    "CORE-001 (30min)": [(Unit.SECONDS, 1800.0, 1800.0, False)],
    "6 weeks → 1.5 weeks": [
        (Unit.SECONDS, 6 * 168 * HOUR, 6 * 168 * HOUR, False),
        (Unit.SECONDS, 1.5 * 168 * HOUR, 1.5 * 168 * HOUR, False),
    ],
    "about $1.60": [(Unit.USD, 1.6, 1.6, True)],
    "50K+ each": [(Unit.TOKENS, 50_000.0, 50_000.0, True)],
    "1.5M": [(Unit.TOKENS, 1_500_000.0, 1_500_000.0, False)],
    "35% reduction": [(Unit.SHARE, pytest.approx(0.35), pytest.approx(0.35), False)],
    "66 Pending Tasks": [(Unit.TASKS, 66.0, 66.0, False)],
    "Up to 8 concurrent": [(Unit.CONCURRENT, 8.0, 8.0, False)],
    "All 3 in parallel": [(Unit.CONCURRENT, 3.0, 3.0, False)],
    "with 2-3 agents": [(Unit.AGENTS, 2.0, 3.0, False)],
    "Run Phase 2 tasks": [],
    "T34 hours": [],
    "version 1.2.3 of 2025-12-30": [],
    "at 10:30, line 77": [],
}


@pytest.mark.parametrize("text", FOUND)
def test_an_amount_is_found_with_its_unit(text: str) -> None:
    """Seconds, dollars, tokens, shares of one; ranges; what is only about so much."""
    assert [(a.unit, a.low, a.high, a.approx) for a in amounts_in(text)] == FOUND[text]


CLAIMED = {
    "**Savings of agents**: ~24 hours vs single-threaded (~65hr)": [
        ClaimKind.SAVING,
        ClaimKind.WORK,
    ],
    "Estimated time: 41 hours (parallelized) vs 65 hours (sequential)": [
        ClaimKind.ELAPSED,
        ClaimKind.WORK,
    ],
    "**Critical Path Time**: ~33.5 hours (irreducible)": [ClaimKind.CRITICAL_PATH],
    "**Time Saved: 7 hours (35% reduction)**": [ClaimKind.SAVING, ClaimKind.SAVING_SHARE],
    "One person does these one after the other (3 hours)": [ClaimKind.WORK],
    "All finish within 18-22 weeks": [ClaimKind.ELAPSED],
    "Fast execution (~5 min each)": [None],
    "the meeting took 2 hours": [None],
    "tests cover 80% of it": [None],
}


@pytest.mark.parametrize("text", CLAIMED)
def test_the_nearest_word_says_what_is_claimed(text: str) -> None:
    """Behind a figure only what stands in parentheses is as near as what stands before it."""
    assert [kind_of(amount, text, ()) for amount in amounts_in(text)] == CLAIMED[text]


@given(st.text(alphabet="0123456789.-–~$%KMhw ()+tasks", max_size=3_000))
def test_no_line_is_too_odd(text: str) -> None:
    """Any line gives a bounded number of amounts, in order, that do not overlap."""
    found = amounts_in(text)
    assert len(found) <= 5 * MAX_AMOUNTS
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
    assert all(a.low >= 0 and a.high >= 0 for a in found)
