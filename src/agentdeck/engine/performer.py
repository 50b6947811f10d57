"""From a step to the function that does it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import assert_never

from agentdeck.core import lanes
from agentdeck.core import steps as s
from agentdeck.core.plan import OWN_REPO
from agentdeck.core.review import MAX_AT_ONCE
from agentdeck.core.state import RunState
from agentdeck.engine import (
    attempts,
    conversation,
    disk_watch,
    failpoints,
    foreseeing,
    gates,
    hooks,
    kept_rules,
    lost_folder,
    pool_watch,
    publishing,
    queueing,
    reviewing,
    watching,
)
from agentdeck.engine.gate_slots import PLACES, GateSlots
from agentdeck.engine.git import Git
from agentdeck.engine.hosts import Hosts
from agentdeck.engine.loop import Engine
from agentdeck.engine.setting import THREADS, Setting
from agentdeck.engine.worktrees import ScratchTrees, Worktrees


class RealPerformer:
    """Does steps on the real repository with real processes."""

    def __init__(self, engine: Engine) -> None:
        """Find the repository of the engine's run.

        Raises:
            EnvironmentFault: the repository is gone.
        """
        state = engine.state
        threads = ThreadPoolExecutor(THREADS, thread_name_prefix="perform")
        gits: dict[Path, Git] = {}  # one for each repository: it has one lock
        every = {lane.lane: _setting(engine, lane, gits, threads) for lane in lanes.lanes(state)}
        for each in every.values():
            each.every = every
        self._at = every[OWN_REPO]
        self._hosts = Hosts(self._at)
        for each in every.values():
            each.hosts = self._hosts

    async def perform(self, step: s.IOStep) -> None:
        """Do one step and post what came of it."""
        at = _place(self._at, step)
        failpoints.begun(step)
        match step:
            case s.Prepare():
                await attempts.prepare(at, step)
            case s.Launch():
                await attempts.launch(at, step)
            case s.Watch():
                await watching.watch(at, step)
            case s.Freeze():
                await attempts.freeze(at, step)
            case s.Thaw():
                await attempts.thaw(at, step)
            case s.StopAttempt():
                await attempts.stop(at, step)
            case s.Deliver():
                await conversation.deliver(at, step)
            case s.CloseInput():
                await conversation.close_input(at, step)
            case s.Collect():
                await attempts.take_work(at, step)
            case s.Release():
                await attempts.release(at, step)
            case s.RunGate():
                await gates.run_gate(at, step)
            case s.RunReview():
                await reviewing.run_review(at, step)
            case s.EndReview():
                await reviewing.end_review(at, step)
            case s.BuildEntry():
                await queueing.build(at, step)
            case s.LandEntry():
                await queueing.land(at, step)
            case s.LandGroup():
                await queueing.land_group(at, step)
            case s.KeepPermissions():
                await kept_rules.keep(at, step)
            case s.PromoteTarget():
                await queueing.promote(at)
            case s.PushTarget():
                await publishing.push(at, step)
            case s.OpenPullRequest():
                await publishing.open_pull_request(at, step)
            case s.TellHook():
                await hooks.tell(at, step)
            case _ as never:
                assert_never(never)

    async def foresee(self) -> None:
        """Keep the forecast of collisions up to date, until cancelled."""
        await foreseeing.foresee(self._at)

    async def keep_hosts(self) -> None:
        """Look after attempts on other machines, until cancelled."""
        await self._hosts.keep()

    def look_at_disk(self) -> None:
        """Tell what is to be known of the disks before the first turn."""
        found = disk_watch.look(self._at.state, disk_watch.places(self._at))
        if found is not None:
            self._at.engine.tell(found)

    async def watch_disk(self) -> None:
        """Look at the room on the disks, until cancelled."""
        await disk_watch.watch_disk(self._at)

    async def watch_pools(self) -> None:
        """Let pools follow the memory and the load of the machine, until cancelled."""
        await pool_watch.watch_pools(self._at)

    async def watch_folder(self) -> None:
        """Look whether the run's folder is still there, until cancelled."""
        await lost_folder.watch_folder(self._at)

    def close(self) -> None:
        """Let the threads end."""
        self._at.threads.shutdown(wait=False)


def _setting(
    engine: Engine, state: RunState, gits: dict[Path, Git], threads: ThreadPoolExecutor
) -> Setting:
    """The setting of the lane from which the state is seen."""
    folder, repo = engine.folder, state.lane
    git = Git.discover(Path(state.checkout))
    git = gits.setdefault(git.common, git)
    if state.programs is not None:
        git.trust(state.programs)
    trees, scratch = (
        folder.trees(git.checkout, state.plan.worktree.root, repo),
        folder.scratch_of(repo),
    )
    return Setting(
        engine=engine,
        git=git,
        worktrees=Worktrees(git, trees, run=state.run),
        scratch=ScratchTrees(git, scratch, PLACES + MAX_AT_ONCE),
        gate_slots=GateSlots(scratch),
        threads=threads,
        repo=repo,
    )


def _place(at: Setting, step: s.IOStep) -> Setting:
    """The setting in which a step is to be done."""
    match step:
        case s.RunGate() | s.PromoteTarget():
            return at.of_repo(step.repo)
        case s.BuildEntry() | s.LandEntry():
            entry = at.state.queue.get(step.entry)
            return at if entry is None else at.of_repo(entry.repo)
        case (
            s.LandGroup()
            | s.KeepPermissions()
            | s.PushTarget()
            | s.OpenPullRequest()
            | s.TellHook()
        ):
            return at
        case _:
            return at.of_task(step.task)
