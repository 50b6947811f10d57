"""Watching a live attempt: its stream, its watchdogs, its end.

Rules:
- The agent writes to a file; it is read from the offset up to which the journal has understood it,
  so a new engine goes on where the old one stopped. Questions are recorded at once, totals at most
  once a second.
- A watchdog only says that a limit was hit; ending the agent is a step of its own. Frozen time does
  not count.
- An agent that has reported its result and does not end is ended, and that is no failure.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentdeck.agents.launching import format_of
from agentdeck.agents.line_reader import plus
from agentdeck.agents.readers import Reader, reader_for
from agentdeck.agents.reports import Asked, Ended, Report, Totals
from agentdeck.agents.summary import Summary
from agentdeck.core import events as e
from agentdeck.core.events import FailureClass
from agentdeck.core.explain import short_duration
from agentdeck.core.ids import TaskId
from agentdeck.core.state import Attempt
from agentdeck.core.steps import Watch
from agentdeck.engine import processes
from agentdeck.engine.process_tree import usage
from agentdeck.engine.setting import Setting, attempt_tag
from agentdeck.engine.stop import stands_still, stop, sweep
from agentdeck.engine.waiting import wait

POLL_S: Final = 0.1  # fstat of one file; 100 agents cost under 1 % of a core
REPORT_S: Final = 1.0  # between two records of the totals
USAGE_S: Final = 5.0  # between two looks at the CPU time, which decides what idle means
CHUNK: Final = 256 * 1024  # bytes read at once; a poll never holds up the loop for long
RESULT_GRACE_S: Final = 10.0  # for an agent to end by itself after its result
IDLE_CPU_S: Final = 0.05  # CPU used between two looks that still counts as doing nothing


@dataclass(slots=True)
class _Follower:
    """The stream of one attempt: a file, a reader, what was reported of it."""

    at: Setting
    step: Watch
    path: Path
    reader: Reader
    reported_at: float = 0.0
    changed: bool = False
    grew_at: float = 0.0

    @property
    def ended(self) -> Ended | None:
        """The result that stands: one that the stream went on after is none."""
        return self.reader.result

    def read_on(self) -> bool:
        """Read at most one chunk. True when there may be more."""
        try:
            with self.path.open("rb") as log:
                log.seek(self._position)
                data = log.read(CHUNK)
        except FileNotFoundError:
            return False
        if not data:
            return False
        self._position += len(data)
        self.grew_at = self.at.engine.clock()
        self._take(data)
        return len(data) == CHUNK

    _position: int = 0

    def __post_init__(self) -> None:
        self._position = self.reader.offset
        self.grew_at = self.at.engine.clock()

    def _take(self, data: bytes) -> None:
        self.changed = True
        self._heed(self.reader.feed(data))

    def finish(self) -> None:
        """Take in a last line without a line break: no more bytes can come."""
        self._heed(self.reader.finish())

    def _heed(self, reports: list[Report]) -> None:
        task, number = self.step.task, self.step.attempt
        for report in reports:
            if isinstance(report, Asked):
                # With the offset in the same batch: a question is never recorded twice.
                asked = e.AttemptAsked(task, number, report.question, report.text)
                self.at.engine.mention(asked, self.progress())
                self.changed = False

    def progress(self) -> e.AttemptProgressed:
        """The totals so far."""
        summary = self.reader.summary
        return e.AttemptProgressed(
            self.step.task,
            self.step.attempt,
            self.reader.offset,
            session=summary.session,
            model=summary.model,
            tokens_in=summary.tokens_in,
            tokens_out=summary.tokens_out,
            usd=summary.usd,
            tools=summary.tools,
            activity=summary.activity,
            message=summary.message,
            tokens_cached=summary.tokens_cached,
            carry=summary.carry,
        )

    def report(self, now: float, *, at_once: bool = False) -> None:
        """Post the totals when they have changed and it is time."""
        if self.changed and (at_once or now - self.reported_at >= REPORT_S):
            self.at.engine.mention(self.progress())
            self.changed, self.reported_at = False, now


async def watch(at: Setting, step: Watch) -> None:
    """Follow an attempt until its process has ended, and record the exit."""
    folder = at.attempt_folder(step.task, step.attempt)
    attempt = at.attempt(step.task, step.attempt)
    follower = _Follower(at, step, folder / "raw.log", _reader(at, step.task, attempt))
    found = processes.look(folder)
    ended_by_us = False
    if isinstance(found, processes.Running):
        await _reconcile(at, step, attempt, found.child)
        end = asyncio.ensure_future(wait(found.child))
        try:
            ended_by_us = await _follow(at, step, follower, found.child, end)
        finally:
            end.cancel()
    while follower.read_on():
        await asyncio.sleep(0)
    follower.finish()
    tag = attempt_tag(at.state.run, step.task, step.attempt)
    await at.in_thread(lambda: sweep(tag, since=attempt.process))
    follower.report(at.engine.clock(), at_once=True)
    await at.record(_exit(step, follower, processes.look(folder), ended_by_us=ended_by_us))


async def _reconcile(at: Setting, step: Watch, attempt: Attempt, child: processes.Child) -> None:
    """Record a freeze or thaw that was done, but not stored before an engine was killed."""
    tag = attempt_tag(at.state.run, step.task, step.attempt)
    still = await at.in_thread(lambda: stands_still(child, tag))
    if still > 0 and attempt.frozen_at is None:
        await at.record(e.AttemptFrozen(step.task, step.attempt, still))
    elif still == 0 and attempt.frozen_at is not None:
        await at.record(e.AttemptThawed(step.task, step.attempt))


def _reader(at: Setting, task: TaskId, attempt: Attempt) -> Reader:
    agent = at.state.plan.agent_by_name[attempt.agent]
    summary = Summary(
        session=attempt.session,
        model=attempt.model,
        tokens_in=attempt.tokens_in,
        tokens_out=attempt.tokens_out,
        tokens_cached=attempt.tokens_cached,
        usd=attempt.usd,
        tools=attempt.tools,
        activity=attempt.activity,
        message=attempt.message,
        carry=attempt.carry,
    )
    return reader_for(
        format_of(agent),
        start_offset=attempt.offset,
        summary=summary,
        root=attempt.path or "",
        before=_used_before(at, task, attempt),
    )


def _used_before(at: Setting, task: TaskId, attempt: Attempt) -> dict[str, Totals]:
    """What earlier attempts have used, by session: this one may go on in one of them."""
    used = dict[str, Totals]()
    for earlier in at.state.tasks[task].attempts:
        if earlier.number < attempt.number and earlier.session:
            had = Totals(earlier.tokens_in, earlier.tokens_out, earlier.tokens_cached, earlier.usd)
            used[earlier.session] = plus(used.get(earlier.session, Totals()), had)
    return used


async def _follow(
    at: Setting,
    step: Watch,
    follower: _Follower,
    child: processes.Child,
    end: asyncio.Future[processes.Finished | processes.Lost],
) -> bool:
    """Read the stream while the process lives. True when it was ended after its result."""
    dog = _Watchdog(at, step, child)
    result_at: float | None = None
    while not end.done():
        await asyncio.wait([end], timeout=POLL_S)
        while follower.read_on():
            await asyncio.sleep(0)
        now = at.engine.clock()
        follower.report(now)
        if follower.ended is not None:
            result_at = result_at or now
            if now - result_at > RESULT_GRACE_S and not end.done():
                tag = attempt_tag(at.state.run, step.task, step.attempt)
                await stop(child, tag)
                return True
        else:
            result_at = None
            await dog.look(now, follower.grew_at)
    return False


class _Watchdog:
    """Total time and idle time of one attempt."""

    def __init__(self, at: Setting, step: Watch, child: processes.Child) -> None:
        self.at, self.step, self.child = at, step, child
        self.settings = at.state.settings(step.task)
        self.busy_at = at.engine.clock()
        self.looked_at = 0.0
        self.cpu_s = 0.0

    async def look(self, now: float, grew_at: float) -> None:
        """Record a limit that was hit."""
        attempt = self.at.attempt(self.step.task, self.step.attempt)
        if attempt.limit is not None or attempt.launched_at is None:
            return
        if attempt.frozen_at is not None or attempt.question is not None:
            self.busy_at = now  # frozen, or waiting for a person: not its fault
            return
        if attempt.worked_s(now) > self.settings.timeout_s:
            allowed = short_duration(self.settings.timeout_s)
            await self._hit(FailureClass.TIMEOUT, f"it worked longer than {allowed}")
            return
        self.busy_at = max(self.busy_at, grew_at)
        if now - self.looked_at < USAGE_S or now - self.busy_at < self.settings.idle_timeout_s / 2:
            return
        self.looked_at = now
        tag = attempt_tag(self.at.state.run, self.step.task, self.step.attempt)
        used = (await self.at.in_thread(lambda: usage(self.child, tag))).cpu_s
        if used - self.cpu_s > IDLE_CPU_S:
            self.busy_at = now
        self.cpu_s = used
        if now - self.busy_at > self.settings.idle_timeout_s:
            allowed = short_duration(self.settings.idle_timeout_s)
            await self._hit(FailureClass.IDLE, f"no output and no CPU for {allowed}")

    async def _hit(self, cause: FailureClass, detail: str) -> None:
        limit = e.LimitHit(self.step.task, self.step.attempt, cause, detail)
        await self.at.record(limit)


def _exit(
    step: Watch, follower: _Follower, found: processes.Found, *, ended_by_us: bool
) -> e.AttemptExited:
    code = found.code if isinstance(found, processes.Finished) else None
    result = follower.ended
    if ended_by_us and result is not None and result.ok:
        code = 0  # its own word was good; the work is proven by what follows
    return e.AttemptExited(
        step.task,
        step.attempt,
        code,
        ok=result.ok if result else None,
        cause=result.cause if result and not result.ok else None,
        detail=(result.detail if result else "") or "",
        retry_at=result.retry_at if result else None,
    )
