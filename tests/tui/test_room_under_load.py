"""A control room over twenty agents that never stop talking: each key is answered, nothing grows.

The agents are real, each with its own log of a thousand lines a second; the deck is in a real
terminal. What a key does is looked for on the screen, with a bound that a busy machine keeps;
figures stand in `bench/bench_ui.py`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil
import pytest
from tests.tui.test_tmux import Terminal, end_run, state_of

from agentdeck.control.runs import newest_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.core.state import TaskState
from agentdeck.testing.settling import settle

pytestmark = [pytest.mark.tmux, pytest.mark.soak]

AGENTS: Final = 20
RATE: Final = 1000  # lines a second of each
KEYS: Final = 200
WARM_KEYS: Final = 40  # until all is loaded that is loaded once
GROWTH: Final = 48 * 1024 * 1024  # bytes; lines kept would be ten times that
WRITER: Final = """
import os, sys, time
name, rate, number, began, parent = sys.argv[1], int(sys.argv[2]), 0, time.monotonic(), os.getppid()
while os.getppid() == parent:
    os.write(1, "".join(f"{name} says line {number + n}\\n" for n in range(rate // 10)).encode())
    number += rate // 10
    time.sleep(max(0.0, began + number / rate - time.monotonic()))
"""


@pytest.fixture
def loaded(tmp_path: Path, isolated_home: Path) -> Iterator[Terminal]:
    """A terminal with a deck over agents that write; nothing of the run outlives the test."""
    repo = tmp_path / "repo"
    repo.mkdir()
    (tmp_path / "writer.py").write_text(WRITER)
    argv = [sys.executable, "-S", str(tmp_path / "writer.py"), "{task}", str(RATE)]
    plan = ["version = 1", "[plan]", 'name = "load"', f"agents = {AGENTS}"]
    plan += ["[agents.load]", f"command = {argv!r}", "[defaults]", 'agent = "load"']
    for number in range(AGENTS):
        plan += ["[[task]]", f'id = "T-{number:02}"', 'prompt = "write"']
    make_repo(repo, {"keys.toml": "\n".join(plan) + "\n"})
    terminal = Terminal(isolated_home, repo)
    yield terminal
    terminal.close()
    end_run(newest_run(repo))


@pytest.mark.timeout(900)
def test_every_key_is_answered_and_memory_stays(loaded: Terminal) -> None:
    """Down and up through all tasks: each is named over its pane, with lines of its own log."""
    loaded.start(120, 36)
    loaded.sees("Merge queue")
    settle(
        lambda: len(list(state_of(loaded.repo).in_state(TaskState.WORKING))) == AGENTS,
        lambda: "all agents at work",
        patience_s=300,
    )
    loaded.press("g")  # the outline: rows in the order of the plan
    loaded.press("Home")
    loaded.stands("T-00", r"\S")
    deck, at, grown = psutil.Process(loaded.deck), 0, 0
    waits = []
    for number in range(KEYS):
        down = number // (AGENTS - 1) % 2 == 0
        at += 1 if down else -1
        began = time.monotonic()
        loaded.press("Down" if down else "Up")
        loaded.sees(rf"╭─ \S T-{at:02} ")
        loaded.sees(rf"T-{at:02} says line \d")
        waits.append(time.monotonic() - began)
        if number == WARM_KEYS:
            grown = deck.memory_info().rss
    print(f"the slowest of {KEYS} keys: {max(waits):.2f} s")
    assert deck.memory_info().rss - grown < GROWTH
    loaded.press("q")
    loaded.sees("The run goes on")
    loaded.sees("left with 0")
