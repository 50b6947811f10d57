"""A run on a cluster of real processes, and what is done to it meanwhile."""

from __future__ import annotations

import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from agentdeck.control import blocking
from agentdeck.control.protocol import EngineGone
from agentdeck.control.runs import fold_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.core import events as e
from agentdeck.core.commands import AnyCommand
from agentdeck.core.events import FailureClass, Outcome
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.create import create_run
from agentdeck.plans.writer import write_plan
from agentdeck.testing.clustered import Cluster
from agentdeck.testing.crash import told_in

PATIENCE_S = 120.0
LOOK_S = 0.1
COMPLETED = re.compile(r"Complete ([^ :,]+): ")  # that of a batch names several


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

    def answers(self, command: AnyCommand) -> None:
        """A person's answer, or another command, over the socket of the run."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                with blocking.connect(self.folder) as client:
                    client.send(command)
                return
            except EngineGone:  # it is starting
                assert time.monotonic() < deadline
                time.sleep(LOOK_S)

    def shown(self, path: str) -> str:
        """A file of what has landed."""
        return git(self.repo, "show", f"{self.state.target}:{path}")

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
