"""Attempts: worktree, launch, freeze, stop, and taking the work.

Rules: each performer looks first at what is there (a worktree on its branch, a pid file, a frozen
tree), so that doing a step again after a crash finds it done.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agentdeck.agents.launching import Place, first_run_line
from agentdeck.agents.prompt import commit_message
from agentdeck.core import events as e
from agentdeck.core.containment import Containment
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.events import AnyEvent
from agentdeck.core.ids import TaskId
from agentdeck.core.lanes import lanes
from agentdeck.core.plan import Agent
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.core.state import Attempt, RunState, Wanted
from agentdeck.core.steps import (
    Collect,
    Freeze,
    Launch,
    Prepare,
    Release,
    StopAttempt,
    Thaw,
)
from agentdeck.engine import processes
from agentdeck.engine.agent_place import leavings, make_home
from agentdeck.engine.attempt_host import running
from agentdeck.engine.collect import collect
from agentdeck.engine.commands import run_to_end
from agentdeck.engine.conversation import interrupt
from agentdeck.engine.git import GitKilled
from agentdeck.engine.landing import keep_ref
from agentdeck.engine.linked_tree import LinkedTree, linked
from agentdeck.engine.lost_lines import losses
from agentdeck.engine.moved_refs import touched
from agentdeck.engine.private_files import make_private
from agentdeck.engine.room import furnished
from agentdeck.engine.room_folders import forget_temporary, temporary_variables
from agentdeck.engine.sandbox import enter
from agentdeck.engine.setting import Setting, attempt_tag

SETUP_TIMEOUT_S: Final = 15 * 60.0  # installing dependencies in a fresh worktree takes minutes
FIRST_RUN_TIMEOUT_S: Final = 60.0  # a few seconds on a machine that is not busy
STOP_GRACE_S: Final = (5.0, 5.0)  # after the interrupt, after the terminate


def branch_of(run: str, task: TaskId) -> str:
    """The branch on which all attempts of a task work."""
    return f"deck/{run}/{task}"


async def prepare(at: Setting, step: Prepare) -> None:
    """Put the attempt's worktree on its branch."""
    attempt = at.attempt(step.task, step.attempt)
    before = at.attempt(step.task, step.attempt - 1) if step.attempt > 1 else None
    if not attempt.fresh and before is not None and before.path is not None:
        kept = await at.in_thread(lambda: _go_on(at, step.task, before))
        if kept:
            found = (before.path, before.branch or "", before.base or "")
            await at.record(e.WorktreePrepared(step.task, step.attempt, *found))
            return
    standing = await at.in_thread(lambda: _launched_before(at, step))
    if standing is not None:
        await at.record(e.WorktreePrepared(step.task, step.attempt, *standing))
        return
    branch = branch_of(at.state.run, step.task)
    base, spec = at.state.tip, at.state.plan.worktree

    def make() -> Path:
        if before is not None and before.collected is not None:
            keep_ref(at.git, at.state.run, step.task, before.number, before.collected.head)
        made = at.worktrees.prepare(
            step.task,
            branch,
            base,
            copy=spec.copy,
            link=spec.link,
            cache=spec.cache,
            leaves=leavings(at.state.plan),
        )
        return made.path

    path = await at.in_thread(make)
    at.warm_up(base)
    await _set_up(at, step, path)
    await at.record(e.WorktreePrepared(step.task, step.attempt, str(path), branch, base))


def _launched_before(at: Setting, step: Prepare) -> tuple[str, str, str] | None:
    """Path, branch and base of an attempt that was launched, and that a mended journal forgot.

    Its agent may be at work, or what it left may be all there is of its work: `launch` finds it.
    """
    if isinstance(
        processes.look(at.attempt_folder(step.task, step.attempt)), processes.NeverStarted
    ):
        return None
    standing = at.worktrees.standing(step.task)
    return None if standing is None else (str(standing.path), standing.branch, standing.base)


def _go_on(at: Setting, task: TaskId, before: Attempt) -> bool:
    """Clean what gates left in the worktree of the attempt before; False when that must not be.

    All of the agent's own work was committed when it was collected. Where it was not, the worktree
    is made anew, which keeps everything that is in it. What was committed is kept, too: who goes on
    may rebase it.
    """
    if before.collected is None or before.collected.fault:
        return False
    try:
        tree = linked(at.git, Path(before.path or ""))
    except EnvironmentFault:
        return False
    keep_ref(at.git, at.state.run, task, before.number, before.collected.head)
    with tree.hold():
        tree.drop_stale_locks(before.branch)  # of a git that was killed here: this very one
        tree.run("reset", "--hard", "--quiet")
        tree.run("clean", "-fdq")
    return True


async def _set_up(at: Setting, step: Prepare, path: Path) -> None:
    argv = at.state.plan.worktree.setup
    if not argv:
        return
    folder = at.attempt_folder(step.task, step.attempt) / "setup"
    tag = f"{attempt_tag(at.state.run, step.task, step.attempt)}/setup"
    ended = await run_to_end(at, folder, argv, path, tag, SETUP_TIMEOUT_S, {})
    if ended.code != 0:
        raise EnvironmentFault(
            f"[worktree] setup failed ({ended.words}): {ended.last_line}",
            hint=f"its log is {folder / 'raw.log'}",
        )


async def launch(at: Setting, step: Launch) -> None:
    """Start the agent where its pool works, or find it started."""
    await at.host_of(step.task, step.attempt).launch(step)


def variables_of(state: RunState, task: TaskId, number: int) -> dict[str, str]:
    """What tells an agent which attempt it is."""
    return {
        "AGENTDECK_RUN": state.run,
        "AGENTDECK_TASK": task,
        "AGENTDECK_ATTEMPT": str(number),
        "AGENTDECK_FILES": "\n".join(state.spec(task).files),
    }


def contained(
    at: Setting,
    box: Containment,
    tree: LinkedTree,
    folder: Path,
    home: str | None,
    argv: Sequence[str],
) -> Sequence[str]:
    """The command of an agent that works in `tree` and has its files in `folder`, in its sandbox.

    Raises:
        EnvironmentFault: such a sandbox cannot be had here.
    """
    if not box.contained:
        return argv
    room = furnished(tree, folder, at.folder.path.parent, box, home)
    return enter(box.sandbox, room, argv, network=box.network)


async def first_run(at: Setting, tag: str, agent: Agent, place: Place, box: Containment) -> None:
    """What has to be done once before several of an agent start; a failure shows when they do."""
    how = first_run_line(agent, place)
    if how is None:
        return
    folder = at.folder.first_run(agent.name)
    worktree = Path(place.worktree)

    def prepared() -> Sequence[str]:
        make_home(place)
        make_private(folder)
        tree = linked(at.git, worktree)
        return contained(at, box, tree, folder, place.home, how.argv)

    argv = await at.in_thread(prepared)
    env = how.env | (temporary_variables(folder) if box.contained else {})
    await run_to_end(at, folder, argv, worktree, tag, FIRST_RUN_TIMEOUT_S, env)


async def freeze(at: Setting, step: Freeze) -> None:
    """Stop the whole tree where it stands."""
    host, of = at.host_of(step.task, step.attempt), at.whose(step.task, step.attempt)
    child = await running(host, of)
    if child is None:
        return  # `Watch` reports the exit

    async def act() -> AnyEvent:
        return e.AttemptFrozen(step.task, step.attempt, await host.freeze(of, child))

    await at.act(act())


async def thaw(at: Setting, step: Thaw) -> None:
    """Let the tree go on."""
    host, of = at.host_of(step.task, step.attempt), at.whose(step.task, step.attempt)
    child = await running(host, of)
    if child is None:
        return

    async def act() -> AnyEvent:
        await host.thaw(of, child)
        return e.AttemptThawed(step.task, step.attempt)

    await at.act(act())


async def stop(at: Setting, step: StopAttempt) -> None:
    """End the tree; `Watch` reports the exit."""
    host, of = at.host_of(step.task, step.attempt), at.whose(step.task, step.attempt)
    child = await running(host, of)
    if child is None:
        return
    if at.state.tasks[step.task].wanted is Wanted.TAKE:
        await interrupt(at, step, child)
    await host.stop(of, child, STOP_GRACE_S)


async def take_work(at: Setting, step: Collect) -> None:
    """Commit what the agent left and pin the head."""
    attempt = at.attempt(step.task, step.attempt)
    message = commit_message(at.state, step.task, step.attempt)
    path, branch, base = Path(attempt.path or ""), attempt.branch or "", attempt.base or ""
    sent_back = at.state.tasks[step.task].ejection
    earlier = sent_back.head if sent_back is not None else base
    ref = f"refs/heads/{at.state.target}"
    boxed = attempt.sandbox is not Sandbox.NONE and not attempt.worker  # then it was boxed there
    folder = at.attempt_folder(step.task, step.attempt)
    known, base_ref = known_refs(at.state, step.task), f"refs/heads/{at.state.base}"

    brought = await at.host_of(step.task, step.attempt).bring_home(step)

    def take() -> tuple[AnyEvent, ...]:
        target = at.git.ref_tip(ref)
        if boxed:
            forget_temporary(folder)
        work = collect(at.git, path, branch, base, message=message, target=target, detached=boxed)
        refs = None
        if not boxed and not attempt.hands and not attempt.worker:  # no ref of ours was there
            try:
                refs = touched(
                    linked(at.git, path),
                    folder,
                    step.task,
                    step.attempt,
                    own=f"refs/heads/{branch}",
                    base=base,
                    head=work.head,
                    known=known,
                    base_ref=base_ref,
                )
            except GitKilled:
                raise
            except EnvironmentFault:
                pass  # it has wrecked its worktree: `work` says so
        paths = [file.path for file in work.files]
        lost = losses(at.git, earlier, work.merged, work.head, paths) if work.merged else ()
        taken = e.AttemptCollected(
            step.task,
            step.attempt,
            work.head,
            work.tree,
            work.commits,
            tuple(e.FileTouched(f.path, f.added, f.removed) for f in work.files),
            work.left_uncommitted + brought.left,
            brought.lack or work.fault or "",
            attempt.hands,
            attempt.hand_backs,
            work.merged,
            lost,
        )
        return (taken,) if refs is None else (refs, taken)

    await at.record(*await at.in_thread(take))


def known_refs(state: RunState, task: TaskId) -> dict[str, str]:
    """The branches of this run that nobody but agentdeck may move now, and where they have to be.

    That of `task` itself, and those of others that are being worked on, are not among them.
    """
    here = [lane for lane in lanes(state) if lane.repo == state.repo]  # of this very repository
    found = {f"refs/heads/{lane.target}": lane.tip for lane in here}
    names = {lane.lane for lane in here}
    for other in state.tasks.values():
        attempt = other.attempt
        if state.plan.repo_of(other.id) not in names:
            continue
        if other.id == task or attempt is None or attempt.branch is None:
            continue
        if attempt.collected is not None and not attempt.collected.fault:
            found[f"refs/heads/{attempt.branch}"] = attempt.collected.head
    return found


async def release(at: Setting, step: Release) -> None:
    """Free the worktree; its work is on a ref."""
    await at.in_thread(lambda: at.worktrees.release(step.task))
    await at.record(e.WorktreeReleased(step.task, step.attempt))
