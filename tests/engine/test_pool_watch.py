"""An engine that looks at the machine for its elastic pools."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engine.turning import Running, until

from agentdeck.core.events import PoolResized
from agentdeck.core.ids import PoolName, TaskId
from agentdeck.core.pools import Sample
from agentdeck.core.state import TaskState
from agentdeck.engine import pool_watch
from agentdeck.engine.create import create_run
from agentdeck.engine.journal import Journal
from agentdeck.plans.reader import read_plan

PLAN = """version = 1
[plan]
name = "elastic"
[agents.waits]
command = ["sh", "-c", "until [ -e GO ]; do sleep 0.05; done; echo x > x.txt"]
[defaults]
agent = "waits"
[pools.build]
size = 2
SCALES
labels = ["heavy"]
[[task]]
id = "A"
title = "A"
labels = ["heavy"]
"""


def test_a_look_finds_shares_of_the_machine() -> None:
    seen = pool_watch.look()
    assert 0 < seen.memory < 1
    assert seen.load >= 0


@pytest.mark.parametrize(("scales", "changes"), [("min = 1", 1), ("", 0)])
async def test_a_machine_that_is_short_makes_an_elastic_pool_smaller(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scales: str, changes: int
) -> None:
    """Once, in half a minute; its agent works on. A fixed pool is not even looked at."""
    looks: list[Sample] = []

    def look() -> Sample:
        looks.append(Sample(0.95, 0.1))
        return looks[-1]

    monkeypatch.setattr(pool_watch, "EVERY_S", 0.02)
    monkeypatch.setattr(pool_watch, "look", look)
    go = tmp_path / "go"
    text = PLAN.replace("GO", str(go)).replace("SCALES", scales)
    folder = create_run(repo, read_plan(text, file="plan.toml"), "")
    async with Running(folder) as engine:
        await until(engine, lambda state: state.tasks[TaskId("A")].state is TaskState.WORKING)
        if changes:
            await until(engine, lambda state: PoolName("build") in state.pools)
        go.touch()
        await until(engine, lambda state: state.outcome is not None)
    told = [recorded.event for recorded in Journal(folder.journal).read()]
    resized = [event for event in told if isinstance(event, PoolResized)]
    assert [event.short for event in resized] == ["memory 95 % used"] * changes
    assert bool(looks) is bool(changes)
    assert len(engine.state.tasks[TaskId("A")].attempts) == 1
