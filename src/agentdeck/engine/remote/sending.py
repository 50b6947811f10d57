"""Sends what an attempt begins with: its branch, and the files that are in no commit.

Rules: what a worker has is not sent again. What `[worktree] copy` and `.worktreeinclude` name goes
along, up to a bound (`parcel`); for `link` and `cache` a worker has files of its own.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentdeck.core.state import Attempt
from agentdeck.engine.agent_place import leavings
from agentdeck.engine.attempt_host import Whose
from agentdeck.engine.private_files import make_private
from agentdeck.engine.remote import parcel
from agentdeck.engine.remote.bundles import pack
from agentdeck.engine.remote.outpost import CHUNK, EXCLUDES, PRIVATE_TAR
from agentdeck.engine.remote.tenancy import Tenancy
from agentdeck.engine.setting import Setting
from agentdeck.engine.worktree_files import excludes, untracked

if TYPE_CHECKING:
    from agentdeck.engine.remote.outreach import Outreach

GIT_S: Final = 30 * 60.0  # for a clone and a checkout there
_UNFIT: Final = re.compile(r"[^A-Za-z0-9._-]+|\.\.+|^[^A-Za-z0-9]+")


async def send_tree(reach: Outreach, tenancy: Tenancy, attempt: Attempt, of: Whose) -> None:
    """Have the worktree of an attempt on its worker. What is there is found there.

    Raises:
        EnvironmentFault: it is more than may be sent.
    """
    at = reach.at.of_task(of.task)
    repo = repo_id(at.git.common)
    head = await _send_branch(reach, tenancy, attempt, of, repo)
    await _send_private(reach, tenancy, at, of)
    who = {key: at.git.run("config", f"user.{key}", check=False).text for key in ("name", "email")}
    spec = at.state.plan.worktree
    await reach.ask(
        tenancy,
        "prepare",
        repo=repo,
        head=head,
        branch=attempt.branch or "",
        user_name=who["name"],
        user_email=who["email"],
        files=files_folder(at.git.checkout),
        linked=list(spec.link),
        cached=list(spec.cache),
        timeout_s=GIT_S,
    )


async def _send_branch(
    reach: Outreach, tenancy: Tenancy, attempt: Attempt, of: Whose, repo: str
) -> str:
    """Send what the mirror there lacks; the commit that the attempt begins with."""
    at, branch = reach.at.of_task(of.task), attempt.branch or ""
    answer, _ = await reach.ask(tenancy, "tips", repo=repo)
    tips = [str(tip) for tip in answer["tips"]]
    bundle = of.folder / "base.bundle"

    def packed() -> tuple[str, bool]:
        make_private(of.folder)
        head = at.git.ref_tip(f"refs/heads/{branch}") or attempt.base or ""
        return head, pack(at.git, branch, head, tips, bundle)

    head, any_sent = await at.in_thread(packed)
    if any_sent:
        await _put_file(reach, tenancy, "base.bundle", bundle)
    return head


async def _send_private(reach: Outreach, tenancy: Tenancy, at: Setting, of: Whose) -> None:
    """Send what is in no commit, and what must come into none."""
    spec, packed = at.state.plan.worktree, of.folder / PRIVATE_TAR

    def gathered() -> tuple[bool, str]:
        names = untracked(at.git, spec.copy)
        any_sent = parcel.pack(at.git.checkout, names, packed)
        return any_sent, excludes(at.git, (), leavings(at.state.plan))

    any_sent, kept_out = await at.in_thread(gathered)
    if any_sent:
        await _put_file(reach, tenancy, PRIVATE_TAR, packed)
    await put(reach, tenancy, EXCLUDES, kept_out.encode(errors="surrogateescape"))


async def _put_file(reach: Outreach, tenancy: Tenancy, name: str, file: Path) -> None:
    """Send a file, and remove it here."""
    try:
        with file.open("rb") as opened:
            while data := opened.read(CHUNK):
                await put(reach, tenancy, name, data, opened.tell() - len(data))
    finally:
        os.unlink(file)  # noqa: PTH108 - at once: it may hold secrets


async def put(reach: Outreach, tenancy: Tenancy, name: str, data: bytes, offset: int = 0) -> None:
    """Send a piece of a file."""
    await reach.ask(tenancy, "put", data, file=name, offset=offset)


def repo_id(common: Path) -> str:
    """A name for a repository that is the same for all its runs, and hardly that of another."""
    text = f"{socket.gethostname()}\n{common}".encode(errors="surrogateescape")
    return hashlib.sha256(text).hexdigest()[:24]


def files_folder(checkout: Path) -> str:
    """The folder of a worker's files for this checkout: its name, in letters that will do."""
    return _UNFIT.sub("-", checkout.name).strip("-.")[:100] or "repository"


__all__ = ["files_folder", "put", "repo_id", "send_tree"]
