"""Permission rules that outlive a run: kept for each plan in each repository.

Rules:
- One file for a plan's name and a repository, for its owner alone (0600). Runs of the same plan at
  the same time each add what they set and take out what they dropped.
- A run reads it once, when it is created. What has expired is neither read nor kept; what cannot be
  read is as if there were none, and said so in the engine's log.
- Rules that stand in the plan's own file are not kept here: they are there already.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.core import events as e
from agentdeck.core.permissions import PermissionRule, Scope
from agentdeck.core.plan import Plan, written_rules
from agentdeck.core.state import RunState
from agentdeck.core.steps import KeepPermissions
from agentdeck.core.unreadable import UNREADABLE
from agentdeck.engine.enginelog import log
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.plain_files import read_plain
from agentdeck.engine.private_files import PRIVATE, make_private
from agentdeck.engine.setting import Setting

MAX_BYTES: Final = 16 * 1024 * 1024  # of a file; 500 rules of 2,000 characters have one
FORMAT: Final = 1  # of the file; raise it when an old reader would misread


class _Kept(msgspec.Struct, frozen=True):
    """The content of a file. Plan and repository are for people who look at it."""

    plan: str
    repo: str
    rules: tuple[PermissionRule, ...]
    version: int = FORMAT


def kept_events(folder: RunFolder, repo: str, plan: Plan) -> list[e.PermissionRuleSet]:
    """What a new run of `plan` takes over from earlier ones."""
    written = {rule.key for rule in written_rules(plan)}
    found = [rule for rule in _read(_file(folder, repo, plan.name)) if rule.key not in written]
    return [
        e.PermissionRuleSet(msgspec.structs.replace(rule, id=f"r{number}"))
        for number, rule in enumerate(found, start=1)
    ]


async def keep(at: Setting, step: KeepPermissions) -> None:
    """Write down the rules that outlive this run."""
    state, folder = at.state, at.folder
    await at.in_thread(lambda: _keep(_file(folder, state.repo, state.plan.name), state))
    await at.record(e.PermissionsKept(step.change))


def _file(folder: RunFolder, repo: str, plan: str) -> Path:
    digest = hashlib.sha256(f"{repo}\0{plan}".encode()).hexdigest()[:24]
    return folder.permissions / f"{digest}.json"


def _keep(file: Path, state: RunState) -> None:
    dropped = {rule.key for rule in state.dropped_rules}
    mine = [r for r in state.rules.values() if r.scope is Scope.PLAN and not r.is_written]
    mine_keys = {rule.key for rule in mine}
    with _alone(file):
        others = [r for r in _read(file) if r.key not in dropped and r.key not in mine_keys]
        kept = _Kept(state.plan.name, state.repo, (*others, *mine))
        aside = file.with_suffix(".tmp")
        fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
        with os.fdopen(fd, "wb") as out:
            out.write(msgspec.json.format(msgspec.json.encode(kept)))
            out.flush()
            os.fsync(out.fileno())
        aside.rename(file)


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    make_private(file.parent)
    fd = os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, PRIVATE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)  # held for milliseconds
        yield
    finally:
        os.close(fd)


def _read(file: Path) -> list[PermissionRule]:
    try:
        kept = msgspec.json.decode(read_plain(file, MAX_BYTES), type=_Kept)
    except FileNotFoundError:
        return []
    except (OSError, *UNREADABLE) as error:
        log.warning("the kept permission rules in %s cannot be read: %s", file, error)
        return []
    if kept.version != FORMAT:
        log.warning("%s has format %s, not %s: left alone", file, kept.version, FORMAT)
        return []
    now = time.time()
    return [rule for rule in kept.rules if rule.expires_at is None or rule.expires_at > now]
