"""Pools on more machines, with a scheduler, workers and engines as real processes."""

from __future__ import annotations

import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from agentdeck.control.runs import fold_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.core import events as e
from agentdeck.core.events import FailureClass, Outcome
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.create import create_run
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan
from agentdeck.testing.clustered import Cluster, routed
from agentdeck.testing.crash import told_in
from agentdeck.testing.kills.faults import outliving
from agentdeck.testing.kills.prepared import prepared

pytest.importorskip("distributed")

SAMPLE = Path(__file__).parents[3] / "sample_plans" / "daw-agent-parallelism.toml"
PATIENCE_S = 120.0
LOOK_S = 0.1
LEASE_S = 3.0
COMPLETED = re.compile(r"Complete ([^ :,]+): ")  # that of a batch names several
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


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    found = Cluster(tmp_path / "cluster")
    try:
        yield found
    finally:
        found.close()


class Story:
    """A run on a cluster, and what is done to it meanwhile."""

    def __init__(self, cluster: Cluster, plan: Plan, place: Path) -> None:
        self.cluster, self.place = cluster, place
        self.repo = place / "repo"
        make_repo(self.repo, {"README.md": "hello\n"})
        self.folder = create_run(self.repo, plan, write_plan(plan), root=place / "runs")
        self.engine: subprocess.Popen[bytes] | None = None

    @property
    def state(self) -> RunState:
        return fold_run(self.folder)

    def begin(self) -> None:
        self.engine = self.cluster.start_engine(self.folder)

    def kill_engine(self) -> None:
        assert self.engine is not None
        self.engine.kill()
        self.engine.wait(10)

    def until(
        self, condition: Callable[[RunState], bool], patience_s: float = PATIENCE_S
    ) -> RunState:
        deadline = time.monotonic() + patience_s
        while not condition(state := self.state):
            assert time.monotonic() < deadline, (
                {str(t.id): (str(t.state), t.reason) for t in state.tasks.values()},
                (self.folder.engine_log).read_text()[-2000:],
            )
            assert self.engine is None or self.engine.poll() in (None, 0)
            time.sleep(LOOK_S)
        return state

    def end(self) -> None:
        assert self.engine is not None
        self.until(lambda state: state.outcome is not None)
        self.engine.wait(60)

    def wrong(self) -> list[str]:
        """What is not as it would be had nothing been lost."""
        state, told = self.state, told_in(self.folder)
        found = [] if state.outcome is Outcome.COMPLETE else [f"the run is {state.outcome}"]
        found += [f"{t.id} is {t.state}: {t.reason}" for t in state.tasks.values() if not landed(t)]
        times = Counter(event.task for event in told if isinstance(event, e.EntryLanded))
        found += [f"{task} landed {count} times" for task, count in times.items() if count > 1]
        found += [
            f"{x.entry} was sent back: {x.detail}" for x in told if isinstance(x, e.EntryEjected)
        ]
        line = git(self.repo, "log", "--format=%s", state.target).splitlines()
        in_git = Counter(one[1] for text in line if (one := COMPLETED.match(text)))
        found += [f"{name} is in git {n} times" for name, n in in_git.items() if n != 1]
        found += [] if len(in_git) == len(state.tasks) else [f"{len(in_git)} are in git"]
        return found

    def failures(self) -> Counter[FailureClass]:
        told = told_in(self.folder)
        return Counter(event.cause for event in told if isinstance(event, e.RetryScheduled))


def landed(task: object) -> bool:
    return getattr(task, "state", None) is TaskState.LANDED


def done(count: int) -> Callable[[RunState], bool]:
    return lambda state: sum(map(landed, state.tasks.values())) >= count


def git(repo: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=repo, capture_output=True, text=True, check=True)
    return done.stdout


def working_on(state: RunState, worker: str) -> list[TaskId]:
    return [
        task.id
        for task in state.tasks.values()
        if task.state is TaskState.WORKING and task.attempt and task.attempt.worker == worker
    ]


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
