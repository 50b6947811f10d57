"""What keeps a run from going on: journal, engine, disk, repository, agents, queue.

Rules:
- Everything is looked at from outside: files, processes and refs. A sick engine is not asked.
- Each finding says what was looked at, what was found, and where something is wrong the command
  that mends it. What waits for a person is the inbox's to say.
- Nothing is changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec
import psutil

from agentdeck.control.runs import fold_sound
from agentdeck.control.socketfile import answers
from agentdeck.control.vitals import Health, Vitals, vitals_of
from agentdeck.core import hooks
from agentdeck.core.errors import DeckError
from agentdeck.core.explain import explain, explain_entry, standstill
from agentdeck.core.ids import TaskId
from agentdeck.core.lanes import lanes, where_of
from agentdeck.core.state import Attempt, RunState, TaskState, Wanted
from agentdeck.core.words import short_duration
from agentdeck.engine import processes
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.git import first_line
from agentdeck.engine.journal import JournalDamaged

LOW_DISK: Final = 200 * 1024**2  # bytes; a worktree of a large repository needs more
OLD_LOCK_S: Final = 60.0  # git holds a lock for milliseconds, on a slow disk for seconds
GIT_S: Final = 20.0  # for one look at refs
MIB: Final = 1024**2
_LIVE: Final = (TaskState.WORKING, TaskState.ASKING, TaskState.PAUSED)


class Grade(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"  # the run cannot go on


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    what: str
    state: Grade
    found: str
    todo: str = ""  # a command, where one helps


class Diagnosis(msgspec.Struct, frozen=True):
    """What is known of a sick run."""

    run: str
    findings: tuple[Finding, ...]
    damaged: bool  # is its journal?
    state: RunState


def diagnose(folder: RunFolder, now: float | None = None) -> Diagnosis:
    """Look at everything that a run needs.

    Args:
        now: seconds since the epoch; None = the present.

    Raises:
        JournalError, JournalFormatError: nothing of the journal can be read.
    """
    now = time.time() if now is None else now
    state, fault = fold_sound(folder)
    vitals = vitals_of(folder, state, now)
    findings = [
        _journal(folder, state, fault),
        _engine(folder, state, vitals),
        *_disk(folder),
        *_repository(folder, state, now),
        *_agents(folder, state, vitals, now),
        *_pools(state),
        *_queue(state, now),
        *_steps(state, now),
        *_hooks(state, now),
    ]
    return Diagnosis(folder.run, tuple(findings), isinstance(fault, JournalDamaged), state)


def _journal(folder: RunFolder, state: RunState, fault: DeckError | None) -> Finding:
    if fault is None:
        return Finding("journal", Grade.OK, f"{state.seq} events, all sound")
    todo = (
        f"agentdeck runs repair {folder.run}" if isinstance(fault, JournalDamaged) else fault.hint
    )
    return Finding("journal", Grade.FAIL, fault.message, todo)


def _engine(folder: RunFolder, state: RunState, vitals: Vitals) -> Finding:
    attach = f"agentdeck attach {folder.run}"
    if vitals.sick:
        found = vitals.words.removeprefix("engine: ")
        return Finding("engine", Grade.FAIL, found, vitals.todo(folder.run))
    if vitals.health is Health.NONE:
        if state.outcome is not None:
            return Finding("engine", Grade.OK, f"none: the run has ended ({state.outcome})")
        return Finding(
            "engine", Grade.FAIL, "none: it was stopped before the run had ended", attach
        )
    if not answers(folder.socket):
        return Finding("engine", Grade.WARN, f"process {vitals.pid} does not answer", attach)
    beat = (
        "" if vitals.silent_s is None else f", last heartbeat {short_duration(vitals.silent_s)} ago"
    )
    return Finding("engine", Grade.OK, f"process {vitals.pid} answers{beat}")


def _hooks(state: RunState, now: float) -> Iterator[Finding]:
    """They keep no run from going on; but who should have been told may wonder."""
    for told in hooks.told(state, now):
        yield Finding("hook", Grade.WARN, told, f"agentdeck hooks {state.run}")


def _disk(folder: RunFolder) -> Iterator[Finding]:
    try:
        free = shutil.disk_usage(folder.path).free
    except OSError as error:
        yield Finding("disk", Grade.FAIL, f"{folder.path}: {error.strerror}")
        return
    found = f"{free / MIB:,.0f} MiB free at {folder.path}"
    todo = "free some space; `agentdeck clean --all` lists what ended runs have left"
    low = free < LOW_DISK
    yield Finding("disk", Grade.FAIL if low else Grade.OK, found, todo if low else "")
    if not folder.ballast.exists():
        gone = "the ballast is gone: the disk was full, and its room was given to the journal"
        yield Finding("disk", Grade.WARN, gone, "free some space; then it is taken again")
    if not os.access(folder.path, os.W_OK):
        yield Finding("folder", Grade.FAIL, f"{folder.path} cannot be written", "make it writable")


def _repository(folder: RunFolder, state: RunState, now: float) -> Iterator[Finding]:
    for lane in lanes(state):
        yield from _repository_of(folder, lane, now)


def _repository_of(folder: RunFolder, state: RunState, now: float) -> Iterator[Finding]:
    where = where_of(state)
    common = Path(state.repo)
    if not common.is_dir():
        yield Finding("repository", Grade.FAIL, f"{common} is gone", "bring it back to that place")
        return
    ref = f"refs/heads/{state.target}"
    tip = _git(common, "rev-parse", "--quiet", "--verify", f"{ref}^{{commit}}")
    short = state.tip[:12]
    if not tip:
        todo = f"git -C {common} branch {state.target} {short}"
        yield Finding("target", Grade.FAIL, f"{where} is gone", todo)
    elif tip != state.tip and _git(common, "merge-base", state.tip, tip) != state.tip:
        found = f"{where} was moved by hand to {tip[:12]}, and lacks what has landed"
        todo = f"git -C {common} branch -f {state.target} {short}"
        yield Finding("target", Grade.FAIL, found, todo)
    else:
        yield Finding("target", Grade.OK, f"{where} is at {tip[:12]}")
    for lock in _locks(common, folder):
        age = now - lock.stat().st_mtime
        if age > OLD_LOCK_S:
            found = f"{lock} is {short_duration(age)} old: a git was killed"
            yield Finding("lock file", Grade.WARN, found, f"rm {lock} (if no git is at work there)")


def _locks(common: Path, folder: RunFolder) -> list[Path]:
    found = [common / "index.lock", common / "HEAD.lock", common / "packed-refs.lock"]
    found += (
        entry / "index.lock"
        for entry in (common / "worktrees").glob("*")
        if folder.path in Path(first_line(entry / "gitdir")).parents
    )
    return [lock for lock in found if lock.exists()]


def _git(common: Path, *args: str) -> str:
    command = ["git", f"--git-dir={common}", "--no-optional-locks", *args]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _agents(folder: RunFolder, state: RunState, vitals: Vitals, now: float) -> Iterator[Finding]:
    signs = vitals.beat.signs if vitals.beat is not None else {}
    for task in state.tasks.values():
        attempt = task.attempt
        if task.state in _LIVE and attempt is not None and attempt.hands == "":
            name = f"{task.id}#{attempt.number}"
            yield _agent(folder, state, task.id, attempt, signs.get(name), now)


def _agent(
    folder: RunFolder,
    state: RunState,
    task: TaskId,
    attempt: Attempt,
    sign: float | None,
    now: float,
) -> Finding:
    what = f"agent {task}#{attempt.number}"
    run = f"--run {folder.run}"
    if attempt.worker:
        return _agent_elsewhere(folder, state, task, attempt, now)
    try:
        found = processes.look(folder.attempt(task, attempt.number), timeout_s=0.0)
    except DeckError as fault:
        return Finding(what, Grade.FAIL, fault.message, fault.hint)
    if not isinstance(found, processes.Running):
        words = "its process is gone; an engine takes in what it left"
        return Finding(what, Grade.WARN, words, f"agentdeck attach {folder.run}")
    where = Path(attempt.path or "")
    if attempt.path and not where.is_dir():
        words = f"its worktree {where} is gone"
        return Finding(what, Grade.FAIL, words, f"agentdeck stop {task} {run}, then retry {task}")
    if attempt.frozen_at is not None:
        if state.tasks[task].wanted is not Wanted.PAUSE:  # what froze it is a finding of its own
            return Finding(what, Grade.OK, explain(state, task, now).removeprefix(f"{task} is "))
        return Finding(what, Grade.OK, "paused", f"agentdeck resume {task} {run}")
    if _status(found.child.agent.pid) == psutil.STATUS_STOPPED:
        words = f"process {found.child.agent.pid} was stopped by somebody (state T)"
        return Finding(what, Grade.FAIL, words, f"kill -CONT {found.child.agent.pid}")
    last = max(sign or 0.0, _written_at(folder.attempt(task, attempt.number) / "raw.log"))
    last = max(last, attempt.launched_at or 0.0)
    silent = max(0.0, now - last)
    words = f"process {found.child.agent.pid}, last sign of life {short_duration(silent)} ago"
    allowed = state.settings(task).idle_timeout_s
    if silent > allowed / 2 and attempt.question is None:
        words += f" (it is ended after {short_duration(allowed)})"
        return Finding(what, Grade.WARN, words, f"agentdeck logs {task} {run}")
    return Finding(what, Grade.OK, words)


def _agent_elsewhere(
    folder: RunFolder, state: RunState, task: TaskId, attempt: Attempt, now: float
) -> Finding:
    """An agent of another machine: its process is not here to be looked at, its log is."""
    what = f"agent {task}#{attempt.number}"
    known = state.workers.get(attempt.pool) if attempt.pool is not None else None
    there = known is not None and any(one.name == attempt.worker for one in known.joined)
    if not there:
        words = f"worker {attempt.worker} is not heard of; after its lease the task begins anew"
        return Finding(what, Grade.WARN, words, "agentdeck cluster status")
    last = max(
        attempt.launched_at or 0.0, _written_at(folder.attempt(task, attempt.number) / "raw.log")
    )
    silent = short_duration(max(0.0, now - last))
    return Finding(what, Grade.OK, f"on worker {attempt.worker}, last output {silent} ago")


def _pools(state: RunState) -> Iterator[Finding]:
    """Pools on other machines."""
    for name, known in state.workers.items():
        what = f"pool {name}"
        if known.joined:
            names = ", ".join(f"{one.name} ({one.slots})" for one in known.joined)
            yield Finding(what, Grade.OK, f"workers {names}")
        else:
            words = known.fault or "no worker has joined"
            yield Finding(what, Grade.WARN, words, "agentdeck cluster status")


def _status(pid: int) -> str:
    try:
        return psutil.Process(pid).status()
    except psutil.Error:
        return ""


def _written_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _queue(state: RunState, now: float) -> Iterator[Finding]:
    for entry in state.queue.values():
        if entry.blocked:
            yield Finding(f"landing {entry.id}", Grade.FAIL, entry.blocked)
    if state.queue_held:
        yield Finding("queue", Grade.WARN, "held by a person: nothing lands", "agentdeck release")
    head = next(iter(state.queue.values()), None)
    if head is not None and not head.blocked and not state.queue_held:
        yield Finding("queue", Grade.OK, f"{head.id} {explain_entry(state, head, now)}")
    still = standstill(state)
    if still is not None:
        yield Finding("run", Grade.WARN, f"stands still: {still}")


def _steps(state: RunState, now: float) -> Iterator[Finding]:
    for name, trouble in state.troubles.items():
        again = short_duration(max(0.0, trouble.retry_at - now))
        words = f"failed {trouble.count} times, again in {again}: {trouble.error}"
        yield Finding(f"step {name}", Grade.WARN, words)


def worst(findings: Sequence[Finding]) -> Grade:
    """The worst of them."""
    grades = {one.state for one in findings}
    return next(g for g in (Grade.FAIL, Grade.WARN, Grade.OK) if g in grades or g is Grade.OK)


__all__ = ["Diagnosis", "Finding", "Grade", "diagnose", "worst"]
