"""Room on the disk: what starts while there is little, and what stands still while there is none.

Rules:
- Below the floor of the plan nothing new starts: no attempt, no review. What runs goes on.
- Below a fifth of it agents stand still (frozen, not ended: a process that cannot write fails and
  takes its work with it), and no step that writes is begun: worktrees, gates, builds, landings.
  What has been done keeps what it has; nothing fails because of a full disk.
- It goes on by itself once there is room again. Room is a bit more than the floor, so that a run
  does not stop and go with every file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentdeck.core.events import DiskMark
from agentdeck.core.steps import (
    BuildEntry,
    Collect,
    IOStep,
    LandEntry,
    LandGroup,
    OpenPullRequest,
    Prepare,
    PromoteTarget,
    PushTarget,
    RunGate,
    RunReview,
)

if TYPE_CHECKING:
    from agentdeck.core.state import Disk, RunState

MB: Final = 1_000_000  # bytes
FULL_PERCENT: Final = 20  # of the floor; below it agents stand still
ROOM_PERCENT: Final = 110  # of a mark: that much must be free before it is left again
# What needs room to begin. The others end something, or write a few bytes.
_WRITES: Final = (
    Prepare,
    Collect,
    RunGate,
    RunReview,
    BuildEntry,
    LandEntry,
    LandGroup,
    PromoteTarget,
    PushTarget,
    OpenPullRequest,
)


def mark_of(free: int, floor: int, known: DiskMark) -> DiskMark:
    """Where a disk stands.

    Args:
        free: bytes that can be written.
        floor: bytes below which nothing new starts; 0 = it is not asked about.
        known: where it stood so far: a mark is left only with some room to spare.
    """
    full = floor * FULL_PERCENT // 100
    if free < (needed_for(known, floor) if known is DiskMark.FULL else full):
        return DiskMark.FULL
    low = floor if known is DiskMark.ROOM else needed_for(DiskMark.LOW, floor)
    return DiskMark.LOW if free < low else DiskMark.ROOM


def needed_for(mark: DiskMark, floor: int) -> int:
    """Bytes that must be free before `mark` is left."""
    bound = floor * FULL_PERCENT // 100 if mark is DiskMark.FULL else floor
    return bound * ROOM_PERCENT // 100


def stands(state: RunState) -> bool:
    """Is there so little room that agents stand still?"""
    return state.disk is not None and state.disk.mark is DiskMark.FULL


def standing(state: RunState) -> str | None:
    """Why agents stand still for want of room, in a sentence; None = they do not."""
    return sentence(state.disk) if state.disk is not None and stands(state) else None


def waits_for_room(state: RunState, step: IOStep) -> bool:
    """May a step not begin, because it writes and there is no room?"""
    return stands(state) and isinstance(step, _WRITES)


def sentence(disk: Disk) -> str:
    """`the disk is full (12 MB free at /state); it goes on by itself at 110 MB`."""
    has, needed = size_in_words(disk.free), size_in_words(disk.needed)
    return (
        f"the disk is {disk.mark} ({has} free at {disk.folder}); it goes on by itself at {needed}"
    )


def size_in_words(size: int) -> str:
    """`812 MB`, `4.2 GB`; decimal units, as disks are sold and `df -H` says."""
    if size < MB:
        return f"{size / 1000:.0f} kB"
    return f"{size / MB:.0f} MB" if size < 1000 * MB else f"{size / MB / 1000:.1f} GB"
