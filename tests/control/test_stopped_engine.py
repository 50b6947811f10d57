"""An engine that is stopped by a signal for longer than every watchdog of its run."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from agentdeck.control.creating import create_run
from agentdeck.control.runs import fold_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.control.start import ensure_engine
from agentdeck.core import events as e
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.ids import TaskId
from agentdeck.core.state import TaskState
from agentdeck.engine.folders import RunFolder
from agentdeck.plans.reader import read_plan
from agentdeck.testing.crash import told_in
from agentdeck.testing.settling import settle

A = TaskId("A")
PATIENCE_S = 120.0
STOPPED_S = 60.0  # longer than each limit of the plan, each of which is long for one `touch`
PLAN = """\
version = 1
[plan]
name = "p"
[agents.sh]
command = ["sh", "-c", "until [ -e '{go}' ]; do sleep 0.05; done; echo work > work.txt"]
[gates.db]
run = "until [ -e '{fixed}' ]; do sleep 0.05; done"
when = "merge"
timeout = "40s"
[defaults]
agent = "sh"
retries = 0
timeout = "40s"
idle_timeout = "30s"
[[task]]
id = "A"
prompt = "x"
"""


def stop_for_long(folder: RunFolder) -> None:
    """Stop the engine for `STOPPED_S`; meanwhile nobody starts a second one."""
    engine = int(folder.lock.read_text())
    os.kill(engine, signal.SIGSTOP)
    try:
        time.sleep(STOPPED_S)
        with pytest.raises(EnvironmentFault, match="stopped") as caught:
            ensure_engine(folder)
        assert f"kill -CONT {engine}" in caught.value.hint
    finally:
        os.kill(engine, signal.SIGCONT)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_time_in_which_an_engine_was_stopped_ends_neither_agent_nor_gate(tmp_path: Path) -> None:
    """SIGSTOP for a minute, twice: once while the agent works, once while its gate runs."""
    repo, go, fixed = tmp_path / "repo", tmp_path / "go", tmp_path / "fixed"
    repo.mkdir()
    make_repo(repo, {"README.md": "hello\n"})
    text = PLAN.format(go=go, fixed=fixed)
    folder = create_run(repo, read_plan(text, file="p.toml"), text)
    ensure_engine(folder)
    settle(lambda: fold_run(folder).tasks[A].state is TaskState.WORKING, "the agent", PATIENCE_S)
    stop_for_long(folder)
    go.touch()
    settle(lambda: any(folder.path.glob("gates/*/pid")), "the gate", PATIENCE_S)
    stop_for_long(folder)
    fixed.touch()
    settle(lambda: fold_run(folder).outcome is not None, "the end of the run", PATIENCE_S)
    task = fold_run(folder).tasks[A]
    assert (task.state, len(task.attempts)) == (TaskState.LANDED, 1)
    told = told_in(folder)
    assert [event for event in told if isinstance(event, e.LimitHit)] == []
    slept = [event.seconds for event in told if isinstance(event, e.EngineSlept)]
    assert len(slept) == 2
    assert min(slept) > STOPPED_S / 2
