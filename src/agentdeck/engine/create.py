"""Making a run, and opening an engine on one."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentdeck.core import events as e
from agentdeck.core.adapter import Adapter
from agentdeck.core.containment import containment_of
from agentdeck.core.decide import DETACHED
from agentdeck.core.errors import EnvironmentFault, NotFoundError, UsageError
from agentdeck.core.ids import RunId, slug
from agentdeck.core.plan import Plan, Repo
from agentdeck.core.prices import Prices
from agentdeck.engine.ballast import take_ballast
from agentdeck.engine.enginelog import open_log
from agentdeck.engine.failpoint_places import Place, reached
from agentdeck.engine.folders import RunFolder, runs_root
from agentdeck.engine.git import Git
from agentdeck.engine.identity import identity_of
from agentdeck.engine.journal import Journal
from agentdeck.engine.kept_rules import kept_events
from agentdeck.engine.lock import EngineLock
from agentdeck.engine.loop import Engine
from agentdeck.engine.performer import RealPerformer
from agentdeck.engine.private_files import write_private
from agentdeck.engine.publishing import check_remote
from agentdeck.engine.sandbox import refuse_containment, refuse_without_effect
from agentdeck.engine.shipped_adapters import shipped_adapters
from agentdeck.plans.equipping import equip

MAX_TARGETS: Final = 1_000  # earlier runs of one plan in one repository
NAME_LENGTH: Final = 24  # of the plan's name in a run's id


def create_run(
    repo: Path,
    plan: Plan,
    plan_text: str,
    *,
    prices: Prices | None = None,
    root: Path | None = None,
    adapters: Mapping[str, Adapter] | None = None,
) -> RunFolder:
    """Make a run: folder, journal with its first event, target branch.

    Args:
        repo: anywhere inside the user's checkout.
        plan: what to run.
        plan_text: the plan file as it was read, kept beside the journal.
        prices: by which what agents do not price themselves is reckoned; None = it is not.
        root: the runs folder, when it is not the default one.
        adapters: of the agents that the plan names, by name; None = those that ship.

    Raises:
        UsageError: no repository, no commit, no such base, or a target that cannot be used.
        EnvironmentFault: the run's folder cannot be made, the remote of the plan is not there, or
            an agent wants a sandbox that cannot be had here.
    """
    git = Git.discover(repo)
    base = plan.base or git.current_branch() or DETACHED
    base_commit = git.resolve(base)
    if plan.promote == "auto" and git.ref_tip(f"refs/heads/{base}") is None:
        what = "HEAD is detached" if base == DETACHED else f"{base} is no branch"
        raise UsageError(
            f'promote = "auto" needs a branch to promote into, and {what}',
            hint="name one as `base` in [plan], or switch to one",
        )
    if plan.remote.push is not None:
        check_remote(git, plan.remote.push)
    target, tip = _target(git, plan.name, plan.target, base_commit)
    others = [_other(git, plan, repo) for repo in plan.repos]
    _refuse_same_targets(git, target, others)
    run = RunId(f"{slug(plan.name, max_length=NAME_LENGTH)}-{secrets.token_hex(2)}")
    folder = RunFolder((runs_root() if root is None else root) / run)
    started = e.RunStarted(
        run=run,
        plan=equip(plan, shipped_adapters() if adapters is None else adapters),
        repo=str(git.common),
        base=base,
        base_commit=tip or base_commit,
        base_tree=git.tree_of(tip or base_commit),
        target=target,
        checkout=str(git.checkout),
        prices=prices,
        programs=git.programs(),
        repos=tuple(other.started for other in others),
    )
    check_sandboxes(started.plan)
    folder.create()
    write_private(folder.plan, plan_text)
    take_ballast(folder)
    if tip is None:
        git.update_ref(f"refs/heads/{target}", base_commit, None, message="agentdeck: start")
    for other in others:
        if other.is_new:
            ref = f"refs/heads/{other.started.target}"
            other.git.update_ref(ref, other.started.base_commit, None, message="agentdeck: start")
    journal = Journal(folder.journal, writable=True)
    try:
        rules = kept_events(folder, str(git.common), plan)
        journal.append([started, *rules], time.time(), after=0)
    finally:
        journal.close()
    return folder


def check_sandboxes(plan: Plan) -> None:
    """Refuse a plan whose agents want a sandbox that this machine cannot give.

    Who works on other machines alone is asked for there, before it begins.

    Raises:
        EnvironmentFault: it names the agent, what it wants, and why that cannot be had.
    """
    elsewhere = _only_elsewhere(plan)
    for agent in plan.agents:
        box = containment_of(plan, agent)
        refuse_without_effect(box, f"agent {agent.name}")
        if agent.name not in elsewhere:
            refuse_containment(box, f"agent {agent.name}")


def _only_elsewhere(plan: Plan) -> set[str]:
    """Agents that have tasks, and all of them in pools on other machines."""
    here: set[str] = set()
    away: set[str] = set()
    for task in plan.tasks:
        settings = plan.settings(task.id)
        pool = plan.pool_by_name.get(settings.pool) if settings.pool else None
        (here if pool is None or pool.host is None else away).add(str(settings.agent))
    return away - here


@dataclass(frozen=True, slots=True)
class _Other:
    """A repository besides the plan's own."""

    git: Git
    started: e.RepoStarted
    is_new: bool  # its target has to be made


def _other(own: Git, plan: Plan, repo: Repo) -> _Other:
    """Find a repository of the plan.

    Raises:
        UsageError: there is none, or nothing can begin there; the message names the repository.
    """
    path = own.checkout / Path(repo.path).expanduser()
    try:
        if not path.is_dir():
            raise UsageError(f"{path} is no folder", hint="`path` is a checkout of it")
        git = Git.discover(path)
        base = repo.base or git.current_branch() or DETACHED
        commit = git.resolve(base)
        if plan.promote == "auto" and git.ref_tip(f"refs/heads/{base}") is None:
            raise UsageError(f'promote = "auto" needs a branch to promote into, not {base}')
        target, tip = _target(git, plan.name, repo.target, commit)
    except (UsageError, NotFoundError) as fault:
        raise UsageError(f"[repos.{repo.name}]: {fault.message}", hint=fault.hint) from fault
    started = e.RepoStarted(
        name=repo.name,
        repo=str(git.common),
        checkout=str(git.checkout),
        base=base,
        base_commit=tip or commit,
        base_tree=git.tree_of(tip or commit),
        target=target,
        programs=git.programs(),
    )
    return _Other(git, started, tip is None)


def _refuse_same_targets(own: Git, target: str, others: Sequence[_Other]) -> None:
    """One branch is the target of one queue."""
    seen = {(str(own.common), target): "the plan's own repository"}
    for other in others:
        started = other.started
        first = seen.setdefault((started.repo, started.target), f"[repos.{started.name}]")
        if first != f"[repos.{started.name}]":
            raise UsageError(
                f"[repos.{started.name}] has the target of {first}: {started.target} of"
                f" {started.repo}",
                hint="name another `target`, or drop one of them",
            )


def _target(git: Git, plan: str, wanted: str | None, base_commit: str) -> tuple[str, str | None]:
    """The target's name, and where it stands; None = it has to be made at the base."""
    if wanted is not None:
        tip = git.ref_tip(f"refs/heads/{wanted}")
        if tip is not None and not git.is_ancestor(base_commit, tip):
            raise UsageError(
                f"the target branch {wanted!r} does not contain the base",
                hint="merge the base into it, or leave `target` out of [plan]",
            )
        return wanted, tip
    name = f"deck/{slug(plan)}"
    for number in range(1, MAX_TARGETS):
        target = name if number == 1 else f"{name}-{number}"
        if git.ref_tip(f"refs/heads/{target}") is None:
            return target, None
    raise UsageError(f"there are {MAX_TARGETS} branches {name}-*", hint="`agentdeck clean --all`")


async def run_engine(engine: Engine) -> None:
    """Turn the ring of an opened engine with real performers, until it is stopped."""
    performer = RealPerformer(engine)
    performer.look_at_disk()  # before anything starts
    watchers = (performer.watch_disk(), performer.watch_folder(), performer.watch_pools())
    beside = (performer.foresee(), performer.keep_hosts(), *watchers)
    await engine.run(performer, *beside)


def open_engine(folder: RunFolder) -> Engine:
    """An engine on this run, alone: takes the run's lock and folds its journal.

    Raises:
        EnvironmentFault: another engine has the run, or the journal cannot be read.
    """
    lock = EngineLock(folder.lock)
    reached(Place.ENGINE_LOCKED)
    identity = identity_of(os.getpid())
    if identity is None:
        raise EnvironmentFault("this process cannot be identified", hint="is /proc mounted?")
    open_log(folder.engine_log)
    take_ballast(folder)
    try:
        return Engine(folder, Journal(folder.journal, writable=True), identity, lock=lock)
    except BaseException:
        lock.release()
        raise
