"""Time on a row of cells: bars that are seen, follow each other and stay inside; round figures."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.plans.analysis.time_axis import DAY_S, Bar, TimeScale

moments = st.floats(0, 1e6, allow_nan=False)


@given(moments, moments, st.floats(1e-3, 1e6), st.integers(1, 300))  # a millisecond and more
def test_a_bar_is_seen_where_any_of_it_is_in_the_window(
    one: float, other: float, length: float, cells: int
) -> None:
    """It lies within the row and has a cell at least; what is outside has none."""
    start, end = sorted((one, other))
    bar = TimeScale(1_000.0, length, cells).bar(start, end)
    if bar is not None:
        assert 0 <= bar.first < bar.end <= cells
    elif length > 0:
        assert end < 1_000.0 or start >= 1_000.0 + length


def test_bars_that_follow_each_other_share_no_cell() -> None:
    scale = TimeScale(0.0, 100.0, 10)
    assert scale.bar(0, 35) == Bar(0, 3)
    assert scale.bar(35, 70) == Bar(3, 7)
    assert scale.bar(70, 100) == Bar(7, 10)
    assert scale.bar(-50, -1) is None
    assert scale.bar(100, 120) is None


@pytest.mark.parametrize(
    ("length", "cells", "step"), [(60, 60, 10), (3_600, 60, 600), (10 * DAY_S, 50, 2 * DAY_S)]
)
def test_figures_stand_at_round_moments(length: float, cells: int, step: float) -> None:
    """Counted from the zero that is asked for, and never closer than the gap."""
    scale = TimeScale(7.0, length, cells)
    assert scale.step_s(10) == step
    found = list(scale.ticks(10, zero_s=2.0))
    assert all((moment - 2.0) % step == 0 for moment, _ in found)
    assert all(b[1] - a[1] >= 9 for a, b in pairwise(found))
    assert found
