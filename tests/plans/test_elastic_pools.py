"""`size`, `min` and `max` of a pool, as they are read."""

from __future__ import annotations

import pytest

from agentdeck.core.plan import Pool
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

TASK = '[[task]]\nid = "a"\ntitle = "x"\n'


def pool_of(*lines: str) -> Pool:
    text = "version = 1\n[pools.build]\n" + "\n".join(lines) + "\n" + TASK
    plan = read_plan(text, file="p.toml")
    assert read_plan(write_plan(plan), file="p.toml").pools == plan.pools
    return plan.pools[0]


@pytest.mark.parametrize(
    ("lines", "floor", "size", "ceiling"),
    [
        (("size = 3",), 3, 3, 3),
        (("min = 2", "max = 8"), 2, 8, 8),
        (("max = 8",), 1, 8, 8),
        (("min = 1", "size = 3"), 1, 3, 3),
        (("size = 3", "max = 8"), 3, 3, 8),
        (("min = 1", "size = 3", "max = 8"), 1, 3, 8),
    ],
)
def test_a_size_lies_between_its_bounds(
    lines: tuple[str, ...], floor: int, size: int, ceiling: int
) -> None:
    """What is left out: the size begins with the most, the bounds are the size."""
    pool = pool_of(*lines)
    assert (pool.floor, pool.size, pool.ceiling) == (floor, size, ceiling)
    assert pool.elastic == (floor < ceiling)


@pytest.mark.parametrize(
    ("lines", "line", "message"),
    [
        (("labels = ['x']",), 2, "`size` is missing"),
        (("min = 1",), 2, "`size` is missing"),
        (("size = 2", "min = 3"), 4, "3 is more than `size`, 2"),
        (("max = 2", "min = 3"), 4, "3 is more than `max`, 2"),
        (("size = 3", "max = 2"), 4, "2 is less than `size`, 3"),
        (("size = 0",), 3, "0"),
    ],
)
def test_bounds_that_cannot_be_are_named_with_their_line(
    lines: tuple[str, ...], line: int, message: str
) -> None:
    with pytest.raises(PlanProblems) as caught:
        pool_of(*lines)
    (problem,) = caught.value.problems
    assert (problem.line, message in problem.message) == (line, True), problem
