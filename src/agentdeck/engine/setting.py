"""What every performer works with: the run's folder, a repository, the engine, a thread pool.

Rules: a step is done in the setting of its repository (`of_task`, `of_repo`), in which the state is
as seen from there. They have the engine, the folder and the threads in common.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from agentdeck.core.errors import DeckError
from agentdeck.core.events import AnyEvent
from agentdeck.core.ids import RepoName, TaskId
from agentdeck.core.lanes import seen
from agentdeck.core.plan import OWN_REPO
from agentdeck.core.state import Attempt, RunState, TaskState
from agentdeck.engine.attempt_host import AttemptHost, AttemptHosts, Whose
from agentdeck.engine.enginelog import log
from agentdeck.engine.environment import child_environment, without_signing
from agentdeck.engine.folders import RunFolder, state_root
from agentdeck.engine.gate_slots import GateSlots
from agentdeck.engine.git import Git
from agentdeck.engine.linked_tree import linked
from agentdeck.engine.loop import Engine
from agentdeck.engine.ports import claim, environment_of
from agentdeck.engine.worktrees import ScratchTrees, Worktrees

SPARE: Final = 2  # worktrees made ahead of need, beyond one for each agent
THREADS: Final = 8  # git calls at once; more only queue up on the repository's lock and the disk

T = TypeVar("T")


@dataclass(slots=True)
class Setting:
    """One run's surroundings, in one of its repositories."""

    engine: Engine
    git: Git
    worktrees: Worktrees
    scratch: ScratchTrees
    gate_slots: GateSlots
    threads: ThreadPoolExecutor
    hosts: AttemptHosts | None = None  # set right after, by who makes this
    warming: threading.Lock = field(default_factory=threading.Lock)  # one at a time
    ports: dict[Path, int | None] = field(default_factory=dict)  # by worktree
    repo: RepoName = OWN_REPO
    every: dict[RepoName, Setting] = field(default_factory=dict)  # of the run, itself included

    @property
    def state(self) -> RunState:
        """The live state, as seen from this repository; ask for it again after each wait."""
        return seen(self.engine.state, self.repo)

    def of_repo(self, repo: RepoName) -> Setting:
        """The setting of a repository of the run."""
        return self.every[repo] if self.every else self

    def of_task(self, task: TaskId) -> Setting:
        """The setting in which a task works."""
        return self.of_repo(self.engine.state.plan.repo_of(task))

    @property
    def folder(self) -> RunFolder:
        """The run's folder."""
        return self.engine.folder

    def attempt(self, task: TaskId, number: int) -> Attempt:
        """An attempt by number."""
        return self.state.tasks[task].attempts[number - 1]

    def attempt_folder(self, task: TaskId, number: int) -> Path:
        """Where an attempt's log, prompt and exit stand."""
        return self.folder.attempt(task, number)

    def whose(self, task: TaskId, number: int) -> Whose:
        """An attempt, for its host."""
        folder, tag = self.attempt_folder(task, number), attempt_tag(self.state.run, task, number)
        return Whose(task, number, folder, tag)

    def host_of(self, task: TaskId, number: int) -> AttemptHost:
        """Where an attempt works."""
        assert self.hosts is not None
        return self.hosts.of(task, number)

    async def record(self, *events: AnyEvent) -> None:
        """Post what came of a step and wait until it is stored."""
        await self.engine.record(*events)

    async def in_thread(self, call: Callable[[], T]) -> T:
        """Run a blocking call in a thread.

        A cancelled step waits for its call to end: nobody else may enter the same worktree or
        repository while it goes on.
        """
        future = asyncio.get_running_loop().run_in_executor(self.threads, call)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            if not future.cancelled():
                future.exception()  # looked at, so that it is not reported as forgotten
            raise

    async def act(self, doing: Coroutine[None, None, AnyEvent]) -> None:
        """Do something to processes, and record what came of it.

        It is recorded even if the step is no longer wanted by then: nobody would thaw a tree that
        nobody knows to be frozen.
        """
        act = asyncio.ensure_future(doing)
        try:
            done = await asyncio.shield(act)
        except asyncio.CancelledError:
            await asyncio.wait([act])
            if not act.cancelled() and act.exception() is None:
                self.engine.tell(act.result())
            raise
        await self.record(done)

    def warm_up(self, base: str) -> None:
        """Have a worktree ready for the next task, if one is waiting and none is idle.

        Nobody waits for it, and nothing depends on it.
        """
        waiting = any(self.state.in_state(TaskState.PENDING, TaskState.READY))
        enough = self.worktrees.count() >= self.state.agents_limit + SPARE
        if waiting and not enough and self.warming.acquire(blocking=False):
            self.threads.submit(self._warm_up, base)

    def _warm_up(self, base: str) -> None:
        try:
            self.worktrees.fill(1, base)
        except DeckError as error:
            log.warning("no worktree was made ahead of need: %s", error)
        finally:
            self.warming.release()

    def environment(
        self, tag: str, extra: dict[str, str], worktree: Path, *, hooks: Path | None = None
    ) -> dict[str, str]:
        """The environment of a child that works in `worktree`, with the tag of its whole tree.

        Git of the child passes over private files that were copied there from the checkout, and
        runs the hooks of that folder, if there is one.
        """
        excludes = linked(self.git, worktree).excludes
        config = {"core.excludesFile": str(excludes)} if excludes else {}
        config |= {"core.hooksPath": str(hooks)} if hooks else {}
        return child_environment(
            without_signing(os.environ, self.state.plan),
            tag=tag,
            extra=self.added(extra, worktree),
            cwd=str(worktree),
            git_config=config,
        )

    def added(self, extra: dict[str, str], worktree: Path) -> dict[str, str]:
        """What is set for a child that works in `worktree`, beyond what it inherits."""
        return environment_of(self.state.run, worktree, self._ports_of(worktree)) | extra

    def _ports_of(self, worktree: Path) -> int | None:
        """The first port of a worktree's block; asked for once, since it does not change."""
        if worktree not in self.ports:
            self.ports[worktree] = base = claim(state_root(), worktree)
            if base is None:
                log.warning("no block of ports is left for %s", worktree)
        return self.ports[worktree]


def attempt_tag(run: str, task: TaskId, number: int) -> str:
    """What marks every process of one attempt."""
    return f"{run}/{task}.{number}"
