"""Names of things, and the checks at the door.

Rules: an id that comes from outside may become part of a path, a git ref and a line on the screen,
so it is checked once, here, and trusted afterwards. Only the standard library: what supervises
agents on another machine is sent there with this file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NewType

TaskId = NewType("TaskId", str)
PhaseId = NewType("PhaseId", str)
RunId = NewType("RunId", str)
GateName = NewType("GateName", str)
AgentName = NewType("AgentName", str)
PoolName = NewType("PoolName", str)
RepoName = NewType("RepoName", str)  # of a repository besides the plan's own; "" is the plan's own
EntryId = NewType("EntryId", str)  # a task id, or "base@<short sha>" for commits made to the base

MAX_ID_LENGTH: Final = 64  # characters; keeps `deck/<run>/<task>` and paths well under all limits
ID_RULE: Final = (
    f"1 to {MAX_ID_LENGTH} letters, digits, '.', '_' or '-', starting with a letter or digit"
)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


def id_fault(text: str) -> str | None:
    """Say what is wrong with `text` as an id, or None when it can be used in paths and refs.

    Beyond `ID_RULE`, what git refuses in a ref component is refused here: `..`, a trailing `.`
    or `.lock`.
    """
    if not text:
        return "it is empty"
    if len(text) > MAX_ID_LENGTH:
        return f"it has {len(text)} characters"
    if not _ID.match(text):
        return "it has a character that is not allowed"
    if ".." in text or text.endswith((".", ".lock")):
        return "it has '..', or ends in '.' or '.lock'"
    return None


def slug(text: str, *, max_length: int = 40) -> str:
    """`text` as a valid id: lower case, runs of anything else become one `-`. Never empty."""
    cleaned = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:max_length].strip("-")
    return cleaned or "plan"


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process for all time: a pid alone is reused, these three together are not."""

    pid: int
    start_ticks: int  # field 22 of /proc/<pid>/stat; without /proc: psutil create time in 1/100 s
    boot_id: str  # /proc/sys/kernel/random/boot_id; without /proc: the boot time in seconds
