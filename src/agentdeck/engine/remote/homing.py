"""Brings home what an attempt has made on another machine.

Rules: when an agent has ended, its log and its work come here first, and only then `exit` appears.
So an attempt either ended with all it has made, or it is lost as a whole. What is here is brought
to the ref of the attempt, its branch and its worktree when its work is collected.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agentdeck.agents.prompt import commit_message
from agentdeck.core.errors import DeckError
from agentdeck.core.events import FailureClass
from agentdeck.core.steps import Collect
from agentdeck.engine import processes
from agentdeck.engine.attempt_host import Brought
from agentdeck.engine.enginelog import log
from agentdeck.engine.processes import Lost
from agentdeck.engine.remote.bundles import attempt_ref, follow, unpack
from agentdeck.engine.remote.link import LinkDown, OutpostFault
from agentdeck.engine.remote.note import (
    Work,
    append_private,
    read_work,
    write_durably,
    write_work,
)
from agentdeck.engine.remote.outpost import MAX_WORK
from agentdeck.engine.remote.tenancy import Tenancy
from agentdeck.engine.setting import Setting

if TYPE_CHECKING:
    from agentdeck.engine.remote.outreach import Outreach

GIT_S: Final = 30 * 60.0  # for a commit of what was left there, and a bundle of a large work
AGAIN_S: Final = 0.5  # until a poll begins it again


async def bring(reach: Outreach, tenancy: Tenancy, about: dict[str, Any]) -> None:
    """Have the work here, then the exit status; a poll begins it again where it broke off."""
    try:
        await _fetch(reach, tenancy)
    except (LinkDown, OutpostFault) as fault:
        log.info("the work of %s is not here yet: %s", tenancy.name, fault)
        await asyncio.sleep(AGAIN_S)
        return
    except (OSError, ValueError, KeyError, TypeError, DeckError) as fault:
        log.error("the work of %s cannot be brought: %s", tenancy.name, fault)
        await asyncio.sleep(AGAIN_S)
        return
    if tenancy.over.is_set():
        return
    if about["state"] == "lost":
        assert tenancy.child is not None
        tenancy.end(Lost(tenancy.child))
    else:
        why = " output" if about.get("too_long") else ""
        line = f"{int(about['code'])} {float(about['ended_at']):.3f}{why}\n"
        write_durably(tenancy.folder / "exit", line.encode())
        outcome = processes.read_exit(tenancy.folder)
        assert outcome is not None
        tenancy.end(outcome)
    await _let_go(reach, tenancy)


async def _fetch(reach: Outreach, tenancy: Tenancy) -> None:
    message = commit_message(reach.at.of_task(tenancy.task).state, tenancy.task, tenancy.attempt)
    took, _ = await reach.ask(tenancy, "collect", message=message, timeout_s=GIT_S)
    if "lack" in took:
        write_work(tenancy.folder, Work(lack=str(took["lack"])[:1000]))
        return
    work = Work(str(took["head"]), int(took["left"]), int(took["size"]))
    if work.size > MAX_WORK:
        raise OutpostFault(f"the work has {work.size} bytes")
    bundle = tenancy.folder / "work.bundle"
    bundle.unlink(missing_ok=True)
    done = 0
    while done < work.size:
        _, data = await reach.ask(tenancy, "read", file="work.bundle", offset=done)
        if not data:
            raise OutpostFault("the bundle ends before its end")
        append_private(bundle, data)
        done += len(data)
    write_work(tenancy.folder, work)


async def _let_go(reach: Outreach, tenancy: Tenancy) -> None:
    """What is there is not needed any more; where this is not heard, a poll fences it."""
    with suppress(LinkDown, OutpostFault):
        await reach.ask(tenancy, "clean")


async def take_home(at: Setting, step: Collect) -> Brought:
    """Its commits are here since it ended: bring them to its ref, branch and worktree."""
    of, attempt = at.whose(step.task, step.attempt), at.attempt(step.task, step.attempt)
    work = read_work(of.folder)
    lost = attempt.exit is not None and attempt.exit.cause is FailureClass.WORKER
    if work is None or lost:
        return Brought()
    if work.lack or not work.size:
        return Brought(work.left, work.lack)
    ref = attempt_ref(at.state.run, step.task, step.attempt)
    bundle = of.folder / "work.bundle"

    def take() -> None:
        if at.git.ref_tip(ref) != work.head:
            unpack(at.git, bundle, ref, work.head)
        follow(at.git, Path(attempt.path or ""), attempt.branch or "", work.head)
        bundle.unlink(missing_ok=True)

    await at.in_thread(take)
    return Brought(work.left)


__all__ = ["bring", "take_home"]
