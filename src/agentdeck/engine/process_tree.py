"""All processes that belong to one attempt, and what they use.

Rules:
- A process belongs to an attempt if it is in the agent's group or session, carries the attempt's
  tag in its environment, or descends from one that does, or from the launcher: on Linux orphans of
  the tree become its children. The launcher itself and this process never do.
- So on Linux nothing escapes while the launcher lives. Without it, what has left group, session and
  parents behind and has cleared its environment is not found.
- Numbers of groups and sessions are reused like pids: they prove something only while the agent
  or its launcher still holds them.
- One look at all processes (`ProcessTable`) serves any number of attempts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agentdeck.core.ids import ProcessIdentity
from agentdeck.engine import identity as identities
from agentdeck.engine.environment import TAG_VARIABLE
from agentdeck.engine.processes import Child

if TYPE_CHECKING:
    import psutil

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


BWRAP: Final = "bwrap"  # bubblewrap; one process of it waits for the agent inside
HANDS: Final = "/hands"  # behind the tag of an attempt: a person's process at work on it


@dataclass(frozen=True, slots=True)
class Row:
    """One process at the moment of the look."""

    identity: ProcessIdentity
    state: str  # the letter of /proc: R, S, D, T (stopped), Z (zombie), ...
    parent: int  # pid
    group: int
    session: int
    cpu_s: float  # its own and that of children it has waited for
    rss_bytes: int

    @property
    def has_ended(self) -> bool:
        """A zombie is only a number and a status."""
        return self.state in identities.ENDED_STATES


@dataclass(frozen=True, slots=True)
class Usage:
    """What one attempt uses now."""

    cpu_s: float  # seconds of one core so far, of the living and the children they waited for
    rss_bytes: int  # shared pages count once for each process
    processes: int


class ProcessTable:
    """One look at all processes of the machine. About 15 us a process, tags on demand."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = {row.identity.pid: row for row in rows}
        self._children: dict[int, list[int]] = {}
        for row in self._rows.values():
            self._children.setdefault(row.parent, []).append(row.identity.pid)
        self._tags: dict[int, bytes | None] = {}

    @classmethod
    def now(cls) -> ProcessTable:
        """Look at all processes."""
        return cls(_linux_rows() if identities.HAS_PROC else _psutil_rows())

    def tree(self, child: Child, tag: str) -> list[Row]:
        """The living processes of an attempt; those of its group, the agent among them, first."""
        roots = {row.identity.pid for row in self.tagged(tag)}
        agent = self._rows.get(child.agent.pid)
        if agent is not None and agent.identity == child.agent:
            roots.add(child.agent.pid)
        if self._holds(child.agent) or self._holds(child.launcher):
            group, session = child.agent.pid, child.launcher.pid
            roots |= {
                pid for pid, r in self._rows.items() if r.group == group or r.session == session
            }
        if self._holds(child.launcher):
            roots.update(self._children.get(child.launcher.pid, ()))
        never = {os.getpid(), child.launcher.pid if self._holds(child.launcher) else 0}
        rows = [self._rows[pid] for pid in self._with_descendants(roots - never) - never]
        living = [row for row in rows if not row.has_ended]
        return sorted(living, key=lambda row: (row.group != child.agent.pid, row.identity.pid))

    def tagged(self, tag: str, since: int = 0) -> list[Row]:
        """The living processes, save this one, whose environment has the tag.

        Args:
            tag: of an attempt.
            since: start ticks; older processes are not looked at.
        """
        if not tag:
            raise ValueError("an empty tag would match processes of others")
        wanted, me = tag.encode(), os.getpid()
        return [
            row
            for pid, row in self._rows.items()
            if row.identity.start_ticks >= since
            and pid != me
            and not row.has_ended
            and self._tag(pid) == wanted
        ]

    def of_run(self, run: str) -> list[Row]:
        """The living processes of all attempts, gates and reviews of a run that have their tag.

        What a person works with who has taken a task over is not among them: it is theirs.
        """
        return [
            row
            for pid, row in self._rows.items()
            if pid != os.getpid()
            and not row.has_ended
            and (tag := self._tag(pid) or b"").startswith(f"{run}/".encode())
            and not tag.endswith(HANDS.encode())
        ]

    def session(self, number: int) -> list[Row]:
        """The living processes of the session with this number, whoever has it now."""
        return [r for r in self._rows.values() if r.session == number and not r.has_ended]

    def _holds(self, identity: ProcessIdentity) -> bool:
        """Whether its pid, and so its group or session number, is still its own."""
        row = self._rows.get(identity.pid)
        return row is not None and row.identity == identity

    def _with_descendants(self, roots: set[int]) -> set[int]:
        found: set[int] = set()
        todo = list(roots)
        while todo:
            pid = todo.pop()
            if pid not in found:
                found.add(pid)
                todo += self._children.get(pid, ())
        return found

    def _tag(self, pid: int) -> bytes | None:
        if pid not in self._tags:
            self._tags[pid] = _linux_tag(pid) if identities.HAS_PROC else _psutil_tag(pid)
        return self._tags[pid]


def members(child: Child, tag: str) -> set[ProcessIdentity]:
    """The living processes of an attempt, without its launcher."""
    return {row.identity for row in ProcessTable.now().tree(child, tag)}


def usage(child: Child, tag: str, table: ProcessTable | None = None) -> Usage:
    """What an attempt uses. Pass one `table` to measure many attempts with one look."""
    rows = (table or ProcessTable.now()).tree(child, tag)
    return Usage(
        cpu_s=sum(row.cpu_s for row in rows),
        rss_bytes=sum(row.rss_bytes for row in rows),
        processes=len(rows),
    )


def _linux_rows() -> Iterator[Row]:
    boot = identities.boot_id()
    for name in os.listdir("/proc"):  # noqa: PTH208 - a tenth of the time of Path.iterdir
        if not name.isdigit():
            continue
        fields = identities.stat_fields(int(name))
        if fields is None:
            continue
        yield Row(
            identity=ProcessIdentity(int(name), int(fields[19]), boot),
            state=fields[0].decode(),
            parent=int(fields[1]),
            group=int(fields[2]),
            session=int(fields[3]),
            cpu_s=sum(map(int, fields[11:15])) / TICKS_PER_S,
            rss_bytes=int(fields[21]) * PAGE_BYTES,
        )


def _linux_tag(pid: int) -> bytes | None:
    content = identities.proc_bytes(f"/proc/{pid}/environ")
    if content is None:  # ended, or of another user
        return None
    _, found, rest = (b"\0" + content).partition(f"\0{TAG_VARIABLE}=".encode())
    return rest.partition(b"\0")[0] if found else None


_PSUTIL_STATES: Final = {"zombie": "Z", "dead": "X", "stopped": "T", "running": "R"}


def _psutil_rows() -> Iterator[Row]:
    import psutil

    boot = identities.boot_id()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError), process.oneshot():
            cpu, rss = _psutil_use(process)
            yield Row(
                identity=ProcessIdentity(process.pid, round(process.create_time() * 100), boot),
                state=_PSUTIL_STATES.get(process.status(), "S"),
                parent=process.ppid(),
                group=os.getpgid(process.pid),
                session=os.getsid(process.pid),
                cpu_s=cpu,
                rss_bytes=rss,
            )


def _psutil_use(process: psutil.Process) -> tuple[float, int]:
    """CPU seconds and resident bytes; zero for processes of others."""
    import psutil

    try:
        times = process.cpu_times()
        cpu = times.user + times.system
        cpu += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
        return cpu, process.memory_info().rss
    except psutil.Error:
        return 0.0, 0


def _psutil_tag(pid: int) -> bytes | None:
    import psutil

    try:
        value: str | None = psutil.Process(pid).environ().get(TAG_VARIABLE)
    except (psutil.Error, OSError):
        return None
    return None if value is None else value.encode()
