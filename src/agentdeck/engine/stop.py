"""Freezes, thaws and ends everything that belongs to an attempt.

Rules:
- Each signal goes to one process, by identity. Processes born meanwhile are met by looking again:
  a tree is frozen, and leftovers are gone, when two looks in a row say so.
- Stop is SIGINT, then SIGTERM to the agent's group, then SIGKILL to the whole tree, with grace
  between. The tree is frozen for the signal and thawed with it, so that all get it at once.
- Whatever was seen of the tree before the agent ended is ended after it, also without a tag.
- Every loop is bounded; a tree that will not settle is an error with pids, not a hang.
- All but `stop` block (milliseconds, at worst `SETTLE_S`): call them in a thread.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.ids import ProcessIdentity
from agentdeck.engine.identity import boot_id, is_alive, send
from agentdeck.engine.process_tree import BWRAP, ProcessTable, Row, members
from agentdeck.engine.processes import Child, Finished, Lost
from agentdeck.engine.waiting import wait

SETTLE_S: Final = (
    5.0  # for a tree to stand still or be gone; longer means a fork bomb or a bad disk
)
LOOK_AGAIN_S: Final = 0.005  # signals act within a millisecond
AFTER_KILL_S: Final = 10.0  # SIGKILL cannot be refused, but a hung disk can delay it
GRACE_S: Final = (5.0, 5.0)  # after SIGINT, after SIGTERM
_STOPPED: Final = frozenset("Tt")
# A process in uninterruptible sleep runs no code of its own before it meets the pending SIGSTOP.
_STANDING: Final = _STOPPED | {"D"}


class TreeFault(EnvironmentFault):
    """Processes of an attempt can be neither frozen nor ended."""


def freeze(child: Child, tag: str) -> frozenset[ProcessIdentity]:
    """Stop all processes of an attempt where they are.

    Returns:
        Those that stand still now.

    Raises:
        TreeFault: new ones keep appearing, or one is out of reach; what was stopped stays so.
    """
    before: frozenset[ProcessIdentity] | None = None
    met: set[ProcessIdentity] = set()  # each is signalled at least once, whatever it is doing
    deadline = time.monotonic() + SETTLE_S
    while True:
        rows = ProcessTable.now().tree(child, tag)
        now = frozenset(row.identity for row in rows)
        moving = [row.identity for row in rows if row.state not in _STANDING]
        if now == before and not moving:
            return now
        if time.monotonic() > deadline:
            raise _fault("cannot freeze", moving or now)
        for identity in now.difference(met).union(moving):
            _send(identity, signal.SIGSTOP)
        met |= now
        before = now
        time.sleep(LOOK_AGAIN_S)


def stands_still(child: Child, tag: str) -> int:
    """How many processes of an attempt are stopped; 0 when at least one runs, or none is left."""
    rows = ProcessTable.now().tree(child, tag)
    return len(rows) if all(row.state in _STOPPED for row in rows) else 0


def thaw(child: Child, tag: str) -> None:
    """Let all processes of an attempt go on.

    Raises:
        TreeFault: one stays stopped.
    """
    deadline = time.monotonic() + SETTLE_S
    clear_looks = 0
    while clear_looks < 2:
        rows = ProcessTable.now().tree(child, tag)
        stopped = [row.identity for row in rows if row.state == "T"]
        clear_looks = 0 if stopped else clear_looks + 1
        if stopped and time.monotonic() > deadline:
            raise _fault("cannot thaw", stopped)
        for identity in stopped:
            _send(identity, signal.SIGCONT)
        time.sleep(LOOK_AGAIN_S)


async def stop(
    child: Child, tag: str, *, grace_s: tuple[float, float] = GRACE_S
) -> Finished | Lost:
    """End an agent and all that it started, as gently as it allows.

    Args:
        child: the attempt's processes; that they have ended already is no error.
        tag: the attempt's tag.
        grace_s: seconds to wait after SIGINT and after SIGTERM.

    Raises:
        TreeFault: something is still there after SIGKILL.
    """
    seen: set[ProcessIdentity] = set()
    outcome: Finished | Lost | None = None
    for number, patience_s in zip((signal.SIGINT, signal.SIGTERM), grace_s, strict=True):
        seen |= await asyncio.to_thread(_signal_group, child, tag, number)
        outcome = await _ends_within(child, patience_s)
        if outcome is not None:
            break
    else:
        seen |= await asyncio.to_thread(_kill_tree, child, tag)
        outcome = await _ends_within(child, AFTER_KILL_S)
    await asyncio.to_thread(sweep, tag, seen)
    if outcome is None:
        raise _fault("cannot end", [child.agent])
    return outcome


def sweep(
    tag: str, seen: Collection[ProcessIdentity] = (), *, since: ProcessIdentity | None = None
) -> set[ProcessIdentity]:
    """Kill what is left of an attempt after its agent has ended.

    Args:
        tag: the attempt's tag.
        seen: processes known to belong to it, for those that lost their tag.
        since: its agent; what is older cannot belong to it and is not looked at.

    Returns:
        What was killed.

    Raises:
        TreeFault: something does not go away.
    """
    oldest = since.start_ticks if since and since.boot_id == boot_id() else 0
    return _kill_all(
        lambda: (
            {row.identity for row in ProcessTable.now().tagged(tag, oldest)}
            | {identity for identity in seen if is_alive(identity)}
        )
    )


def sweep_run(run: str) -> set[ProcessIdentity]:
    """Kill all agents, gates and reviews of a run, without a word to them; who was killed.

    Raises:
        TreeFault: something does not go away.
    """
    return _kill_all(lambda: {row.identity for row in ProcessTable.now().of_run(run)})


def _kill_all(look: Callable[[], set[ProcessIdentity]]) -> set[ProcessIdentity]:
    killed: set[ProcessIdentity] = set()
    deadline = time.monotonic() + SETTLE_S
    clear_looks = 0
    while clear_looks < 2:
        left = look()
        clear_looks = 0 if left else clear_looks + 1
        if left and time.monotonic() > deadline:
            raise _fault("cannot end", left)
        for identity in left:
            _send(identity, signal.SIGKILL)
        killed |= left
        if clear_looks < 2:
            time.sleep(LOOK_AGAIN_S)
    return killed


def _signal_group(child: Child, tag: str, number: signal.Signals) -> set[ProcessIdentity]:
    """Signal the agent's group, wake what is frozen, and say who belonged to the tree.

    The tree stands still meanwhile: a shell whose newest child missed the SIGINT would go on.
    """
    with suppress(TreeFault):  # growing: those we see get the signal, SIGKILL comes later
        freeze(child, tag)
    rows = ProcessTable.now().tree(child, tag)
    for row in rows:
        if row.group == child.agent.pid and not _only_waits(row):
            _send(row.identity, number)
    _wake(rows)
    _send(child.launcher, signal.SIGCONT)  # an agent may have stopped it, and it has to go on
    return {row.identity for row in rows}


def _only_waits(row: Row) -> bool:
    """Is it bubblewrap, which waits for the agent inside? Its end would pass for the agent's."""
    try:
        return Path(f"/proc/{row.identity.pid}/comm").read_text().strip() == BWRAP
    except OSError:
        return False


def _wake(rows: Iterable[Row]) -> None:
    for row in rows:
        if row.state in _STOPPED:
            _send(row.identity, signal.SIGCONT)


def _kill_tree(child: Child, tag: str) -> set[ProcessIdentity]:
    """Freeze first, so that nothing is born while the rest is killed."""
    try:
        found = set(freeze(child, tag))
    except TreeFault:
        found = members(child, tag)  # growing: the sweep goes on with it
    for identity in found:
        _send(identity, signal.SIGKILL)
    return found


async def _ends_within(child: Child, patience_s: float) -> Finished | Lost | None:
    with suppress(TimeoutError):
        return await asyncio.wait_for(wait(child), patience_s)
    return None


def _send(identity: ProcessIdentity, number: signal.Signals) -> None:
    with suppress(PermissionError):  # it became another user: the loop's end will name it
        send(identity, number)


def _fault(what: str, left: Collection[ProcessIdentity]) -> TreeFault:
    pids = ", ".join(str(identity.pid) for identity in sorted(left, key=lambda one: one.pid))
    return TreeFault(
        f"{what} {len(left)} process{'es' * (len(left) != 1)} of an attempt: {pids}",
        hint="see what they wait for: ps -o pid,stat,wchan:20,args -p <pid>",
    )
