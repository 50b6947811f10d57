"""Pools on more machines, with a scheduler, workers and engines as real processes."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest
from tests.engine.remote.story import Story, done, landed, working_on

from agentdeck.core.events import FailureClass
from agentdeck.core.ids import TaskId
from agentdeck.plans.reader import read_plan
from agentdeck.testing.clustered import Cluster, routed
from agentdeck.testing.kills.faults import outliving
from agentdeck.testing.kills.prepared import prepared

pytest.importorskip("distributed")

SAMPLE = Path(__file__).parents[3] / "sample_plans" / "daw-agent-parallelism.toml"
LEASE_S = 3.0
EIGHT = """
version = 1
[plan]
name = "eight"
agents = 4
[defaults]
agent = "writer"
retries = 0
[agents.writer]
output = "plain"
command = ["sh", "-c", "echo $1 begins; sleep 1.5; echo $1 > $1.txt", "sh", "{task}"]
""" + "".join(f'[[task]]\nid = "T{n}"\nprompt = "x"\nfiles = ["T{n}.txt"]\n' for n in range(8))


def test_a_run_survives_the_loss_of_a_worker_of_its_engine_and_of_the_scheduler(
    cluster: Cluster, tmp_path: Path
) -> None:
    """All eight land once, though whoever can be lost is lost; nothing of it lives afterwards."""
    cluster.start_scheduler()
    cluster.start_worker("w1", 2)
    cluster.start_worker("w2", 2)
    plan = routed(read_plan(EIGHT, file="p.toml"), cluster.address, 4, LEASE_S)
    story = Story(cluster, plan, tmp_path)
    story.begin()
    story.until(lambda state: bool(working_on(state, "w1")))
    cluster.kill("w1")
    story.until(done(2))
    story.kill_engine()
    cluster.kill("scheduler")
    cluster.start_scheduler()
    cluster.start_worker("w1", 2)
    story.begin()
    story.end()
    cluster.close()
    assert story.wrong() == []
    assert outliving(tmp_path) == []


def test_a_worker_that_was_silent_too_long_is_fenced_when_it_comes_back(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Its agent is still at work; another one has taken the task up; the first is killed."""
    cluster.start_scheduler()
    cluster.start_worker("w1", 1)
    text = EIGHT.replace(
        "sleep 1.5", "if [ ! -e {go} ]; then touch {go}; sleep 600; fi".format(go=tmp_path / "go")
    )
    plan = read_plan(text, file="p.toml")
    plan = msgspec.structs.replace(plan, tasks=plan.tasks[:1])
    story = Story(cluster, routed(plan, cluster.address, 1, 1.5), tmp_path)
    story.begin()
    story.until(lambda state: working_on(state, "w1") == ["T0"] and (tmp_path / "go").exists())
    cluster.suspend("w1")
    cluster.start_worker("w2", 1)
    story.until(lambda state: landed(state.tasks[TaskId("T0")]))
    old = story.state.tasks[TaskId("T0")].attempts[0]
    assert old.process is not None
    cluster.wake("w1")
    story.end()
    first, second = story.state.tasks[TaskId("T0")].attempts
    assert (first.worker, first.cause, second.worker) == ("w1", FailureClass.WORKER, "w2")
    assert "not heard of for" in (first.exit.detail if first.exit else "")
    assert story.wrong() == []
    cluster.close()
    assert outliving(tmp_path) == []


@pytest.mark.soak
def test_the_sample_plan_lands_whole_while_all_of_it_is_lost(
    cluster: Cluster, tmp_path: Path
) -> None:
    """47 of 47, each once: a worker is killed, one sleeps beyond its lease, the hub dies."""
    cluster.start_scheduler()
    cluster.start_worker("w1", 3)
    cluster.start_worker("w2", 3)
    plan, _ = prepared(SAMPLE, 600.0)
    story = Story(cluster, routed(plan, cluster.address, 6, 6.0), tmp_path)
    story.begin()
    story.until(lambda state: bool(working_on(state, "w1")))
    story.until(done(4), 300)
    story.until(lambda state: bool(working_on(state, "w1")), 300)
    cluster.kill("w1")
    story.until(done(10), 300)
    cluster.start_worker("w1", 3)
    story.until(lambda state: bool(working_on(state, "w2")), 300)
    cluster.suspend("w2")
    time.sleep(10)  # beyond the lease: that is what is tested
    cluster.wake("w2")
    story.until(done(18), 300)
    story.until(lambda state: bool(working_on(state, "w1") or working_on(state, "w2")), 300)
    story.kill_engine()
    cluster.kill("scheduler")
    cluster.start_scheduler()
    story.begin()
    story.until(done(30), 300)
    story.kill_engine()
    story.begin()
    story.until(lambda state: state.outcome is not None, 600)
    story.end()
    cluster.close()
    assert len(story.state.tasks) == 47
    assert story.wrong() == []
    assert story.failures()[FailureClass.WORKER] > 0
    assert outliving(tmp_path) == []
