"""Branches on their way to another machine and back, as git bundles.

Rules:
- Out goes what the other side lacks: it has told which commits it has.
- What comes back is verified, holds one ref, ends at the commit that was named, and is fetched into
  the ref of its attempt and nowhere else. The worktree of the attempt follows it afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.ids import TaskId
from agentdeck.engine.git import Git, is_oid
from agentdeck.engine.linked_tree import linked
from agentdeck.engine.remote.outpost import MAX_FILE, RESULT_REF

ATTEMPT_REFS: Final = "refs/agentdeck/runs"  # below it: what came home, one ref an attempt
MIB: Final = 1024 * 1024


class BadBundle(EnvironmentFault):
    """What came back is not what was said to come."""


def attempt_ref(run: str, task: TaskId, number: int) -> str:
    """The ref of one attempt's work."""
    return f"{ATTEMPT_REFS}/{run}/{task}.{number}"


def pack(git: Git, branch: str, head: str, tips: Iterable[str], bundle: Path) -> bool:
    """Write what of a branch a repository with these commits lacks; False: it lacks nothing.

    Raises:
        EnvironmentFault: it is more than may be sent.
    """
    known = [tip for tip in tips if is_oid(tip) and git.has(tip)]
    if any(git.is_ancestor(head, tip) for tip in known):
        return False
    ref = f"refs/heads/{branch}"
    have = [f"^{tip}" for tip in known]
    git.run("bundle", "create", "--quiet", str(bundle), ref, *have)
    size = bundle.stat().st_size
    if size > MAX_FILE:
        bundle.unlink()
        raise EnvironmentFault(
            f"the history of {branch} has {size // MIB} MiB, at most {MAX_FILE // MIB} are sent",
            hint="fill the worker's mirror by hand: see docs/cluster.md",
        )
    return True


def unpack(git: Git, bundle: Path, ref: str, head: str) -> None:
    """Fetch what came back into the ref of its attempt.

    Raises:
        BadBundle: it is damaged, needs what is not here, or holds something else.
    """
    verified = git.run("bundle", "verify", "--quiet", str(bundle), check=False)
    if verified.code != 0:
        raise BadBundle(f"what came back cannot be taken: {verified.err.strip()[-300:]}")
    listed = git.run("bundle", "list-heads", str(bundle)).text.splitlines()
    if listed != [f"{head} {RESULT_REF}"]:
        raise BadBundle(f"what came back holds {listed[:3]}, and {head} was announced")
    fetch = (
        "-c",
        "fetch.fsckObjects=true",
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-write-fetch-head",
    )
    done = git.run(*fetch, str(bundle), f"+{RESULT_REF}:{ref}", check=False, write=True)
    if done.code != 0 or git.ref_tip(ref) != head:
        raise BadBundle(f"what came back cannot be taken: {done.err.strip()[-300:]}")


def follow(git: Git, worktree: Path, branch: str, head: str) -> None:
    """Bring the worktree of an attempt, in which nobody works, and its branch to its work."""
    tree = linked(git, worktree)
    with tree.hold():
        tree.drop_stale_locks(branch)
        ref = f"refs/heads/{branch}"
        tip = git.ref_tip(ref)
        if tip != head:
            git.update_ref(ref, head, tip, message="agentdeck: work of another machine")
        tree.run("reset", "--hard", "--quiet", ref)
        tree.run("clean", "-fdq")  # `setup` ran here too; what it makes is no work of the agent


__all__ = ["ATTEMPT_REFS", "BadBundle", "attempt_ref", "follow", "pack", "unpack"]
