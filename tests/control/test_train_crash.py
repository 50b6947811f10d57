"""`kill -9` of the engine while a queue of good, bad, flaky and clashing entries lands.

What lands is what would land without a kill, each entry once; no commit is red, none is lost, and
nothing is left for a person to clear away.
"""

from __future__ import annotations

import os
import random
import time
from contextlib import suppress
from pathlib import Path

import pytest

from agentdeck.control import blocking, start
from agentdeck.control.creating import create_run
from agentdeck.control.runs import fold_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.core import events as e
from agentdeck.core.errors import DeckError
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.folders import RunFolder
from agentdeck.plans.reader import read_plan
from agentdeck.testing.after_kills import faults
from agentdeck.testing.crash import kill_engine, told_in
from agentdeck.testing.known_entries import drawn, plan_of

ENDED = (TaskState.LANDED, TaskState.FAILED)
LIVES_S = (0.05, 0.8)  # of an engine before it is killed: from its first steps on
PATIENCE_S = 900.0


def is_over(state: RunState) -> bool:
    return all(task.state in ENDED for task in state.tasks.values())


def killed_again_and_again(folder: RunFolder, kills: int, seed: int) -> int:
    """Kill engines at random moments until the work is done; returns how many were killed."""
    draw, done, deadline = random.Random(seed), 0, time.monotonic() + PATIENCE_S
    while not is_over(fold_run(folder)):
        assert time.monotonic() < deadline, f"{done} kills, and it is not over"
        start.ensure_engine(folder)
        if done < kills:
            time.sleep(draw.uniform(*LIVES_S))  # the moment is the point of it
            kill_engine(folder)
            done += 1
        else:
            time.sleep(0.5)  # until it is over
    return done


def train_story(tmp_path: Path, entries: int, kills: int, seed: int) -> None:
    kinds, repo = drawn(entries, seed), tmp_path / "repo"
    repo.mkdir()
    make_repo(repo, {"README.md": "hello\n"})
    text = plan_of(tmp_path, entries, kinds)
    folder = create_run(repo, read_plan(text, file="many.toml"), text)
    try:
        done = killed_again_and_again(folder, kills, seed)
    finally:
        start.ensure_engine(folder)
        with suppress(DeckError), blocking.connect(folder) as client:
            client.stop("the test is over")
    state, found = fold_run(folder), told_in(folder)
    gates = sum(isinstance(event, e.GateFinished) for event in found)
    print(f"{done} kills; {len(state.landings)} of {entries} landed, {gates} gates")
    assert faults(repo, folder, kinds, tmp_path / "gate") == []


def test_kills_while_twenty_entries_land(tmp_path: Path) -> None:
    train_story(tmp_path, 20, 3, seed=int(os.environ.get("CRASH_SEED", "1")))


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_hundred_kills_while_two_hundred_entries_land(tmp_path: Path) -> None:
    train_story(tmp_path, 200, 100, seed=2)
