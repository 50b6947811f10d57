"""Watching a live attempt: its stream, its watchdogs, its end.

Rules:
- The agent writes to a file; it is read from the offset up to which the journal has understood it,
  so a new engine goes on where the old one stopped. Questions are recorded at once, totals at most
  once a second, and as soon as they are known where they bring a budget near its limit.
- What the stream does not say of its cost is reckoned by the prices of the run, and recorded as
  such.
- A limit that the agent meets is told to its account at once, while the agent may get over it.
- A watchdog only says that a limit was hit; ending the agent is a step of its own. Frozen time does
  not count, nor time in which the engine slept, nor silence while the agent's account is limited.
- An agent that has reported its result and does not end is ended, and that is no failure. One that
  waits for more after each turn is left alone until its input was closed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.agents.ending import Heard, ending_of
from agentdeck.agents.line_reader import plus
from agentdeck.agents.readers import Reader, reader_for
from agentdeck.agents.reports import (
    Asked,
    Ended,
    Limited,
    Said,
    Started,
    Told,
    ToolUsed,
    Totals,
    Withdrawn,
    Worked,
)
from agentdeck.agents.summary import Summary
from agentdeck.core import accounts, policy
from agentdeck.core import events as e
from agentdeck.core.budgets import is_near, tokens_of
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.events import AnyEvent, FailureClass
from agentdeck.core.explain import short_duration
from agentdeck.core.ids import TaskId
from agentdeck.core.permissions import OptionKind
from agentdeck.core.prices import Meter, Tokens
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.core.state import Attempt, Wanted
from agentdeck.core.steps import Watch
from agentdeck.engine import processes
from agentdeck.engine.confinement import own_words
from agentdeck.engine.growing_log import GrowingLog
from agentdeck.engine.linked_tree import linked
from agentdeck.engine.room import own_folder, rejoin_branch
from agentdeck.engine.setting import Setting
from agentdeck.engine.trace_file import TraceFile, trace_of

REPORT_S: Final = 1.0  # between two records of the totals
USAGE_S: Final = 5.0  # between two looks at the CPU time, which decides what idle means
# Of these reports each means that the agent works.
_AT_WORK: Final = (Started, Worked, Said, ToolUsed, Asked)
MIB: Final = 1024 * 1024
USD_DIGITS: Final = 9  # after the point; the cheapest tokens cost some billionths
# Read in one look at a log: then the watchdog has its turn, however fast it grows.
LOOK_CHUNKS: Final = 16
RESULT_GRACE_S: Final = 10.0  # for an agent to end by itself after its result
TURN_BEGINS_S: Final = 60.0  # after a message; a model that is slow to answer has begun by then
IDLE_CPU_S: Final = 0.05  # CPU used between two looks that still counts as doing nothing


@dataclass(slots=True)
class _Follower:
    """The stream of one attempt: a file, a reader, what was reported of it."""

    at: Setting
    step: Watch
    log: GrowingLog
    reader: Reader
    meter: Meter
    goes_on: bool  # it may begin another turn after one that ended
    trace: TraceFile | None = None
    turns: int = 0  # that have ended
    known_at: int | None = None  # where the log tells of the latest of them
    ended: Ended | None = None
    trace_ended: Ended | None = None
    heard: Heard = field(default_factory=Heard)
    idle_since: float | None = None  # since when it should have begun a turn
    reported_at: float = 0.0
    changed: bool = False
    grew_at: float = 0.0

    def read_on(self) -> bool:
        """Read at most one chunk. True when there may be more."""
        data = self.log.read()
        if not data:
            return False
        self.grew_at = self.at.engine.clock()
        began = time.thread_time()
        self._take(data)
        self.log.took(time.thread_time() - began)
        return self.log.is_behind

    async def read_for_a_look(self) -> bool:
        """Read on for as long as a look may take. True when there may be more."""
        for _ in range(LOOK_CHUNKS):
            if not self.read_on():
                return False
            await asyncio.sleep(0)
        return True

    def __post_init__(self) -> None:
        self.grew_at = self.at.engine.clock()

    def _take(self, data: bytes) -> None:
        self.changed = True
        self._heed(self.reader.follow(data))
        if self.reader.result is None and not self.goes_on:
            self.ended = None  # it went on after what had looked like its result

    def finish(self) -> None:
        """Take in a last line without a line break: no more bytes can come."""
        self._heed(self.reader.finish())

    async def look_at_trace(self, *, at_once: bool = False) -> None:
        """Take in what the agent has written beside its output, when it is time."""
        trace, now = self.trace, self.at.engine.clock()
        if trace is None or not (at_once or trace.is_due(now)):
            return
        for report in await self.at.in_thread(lambda: trace.read(now)):
            self.changed, self.grew_at = True, now
            if isinstance(report, Ended):
                self.trace_ended = report
            else:
                self.reader.summary.take(report)

    def _heed(self, reports: Sequence[Told]) -> None:
        task, number = self.step.task, self.step.attempt
        for report in reports:
            self.heard.take(report)
            if isinstance(report, Ended):
                self._end_turn(report)
            elif self.ended is not None and self.goes_on and isinstance(report, _AT_WORK):
                self.ended = None
                self.at.engine.mention(e.TurnBegan(task, number), self.progress())
                self.changed = False
            if isinstance(report, Asked):
                # With the offset in the same batch: a question is never recorded twice.
                self.at.engine.mention(_asked(task, number, report), self.progress())
                self.changed = False
            elif isinstance(report, Withdrawn):
                withdrawn = e.AskWithdrawn(task, number, report.question)
                self.at.engine.mention(withdrawn, self.progress())
                self.changed = False
            elif isinstance(report, Limited):
                self._tell_account(report)

    def _tell_account(self, met: Limited) -> None:
        """What the agent meets holds back others of its account, while it may get over it itself.

        With the offset in the same batch: a limit that was heard is not heard again.
        """
        state, now = self.at.state, self.at.engine.clock()
        task = state.tasks[self.step.task]
        if task.attempt is None or task.attempt.number != self.step.attempt:
            return
        told: list[AnyEvent | None] = []
        if met.hit:
            told.append(
                policy.account_limited(
                    state, task, met.cause, met.detail, now, resets_at=met.resets_at, live=True
                )
            )
        if met.utilization is not None:
            told.append(accounts.noted(state, task, met.utilization, met.resets_at))
        events = [event for event in told if event is not None]
        if events:
            self.at.engine.mention(*events, self.progress())
            self.changed = False

    def _end_turn(self, report: Ended) -> None:
        self.ended = report
        if self.known_at == self.reader.offset:  # an earlier engine had heard it: nothing is new
            return
        self.turns += 1
        self.at.engine.mention(self.turn_ended(report), self.progress())
        self.changed = False

    def turn_ended(self, report: Ended) -> e.TurnEnded:
        """What the stream says of a turn."""
        return e.TurnEnded(
            self.step.task,
            self.step.attempt,
            self.turns,
            self.reader.offset,
            report.ok,
            report.detail,
            report.cause,
            report.retry_at,
        )

    def progress(self) -> e.AttemptProgressed:
        """The totals so far."""
        summary = self.reader.summary
        used = Tokens(summary.tokens_in, summary.tokens_cached, summary.tokens_out)
        self.meter.read(summary.usd, summary.model, used)
        return e.AttemptProgressed(
            self.step.task,
            self.step.attempt,
            self.reader.offset,
            session=summary.session,
            model=summary.model,
            tokens_in=summary.tokens_in,
            tokens_out=summary.tokens_out,
            usd=round(self.meter.usd, USD_DIGITS),
            usd_priced=round(self.meter.priced, USD_DIGITS),
            tools=summary.tools,
            activity=summary.activity,
            message=summary.message,
            tokens_cached=summary.tokens_cached,
            todo_done=summary.todo_done,
            todo_total=summary.todo_total,
            todo=summary.todo,
            touched=summary.touched,
            carry=summary.carry,
        )

    def report(self, now: float, *, at_once: bool = False) -> None:
        """Post the totals when they have changed and it is time."""
        if not self.changed:
            return
        if at_once or now - self.reported_at >= REPORT_S or self._nears_a_limit():
            self.at.engine.mention(self.progress())
            self.changed, self.reported_at = False, now

    def _nears_a_limit(self) -> bool:
        """Has it used more, and does that bring a budget near its limit? No turn must be missed."""
        known = self.at.attempt(self.step.task, self.step.attempt)
        now = self.progress()
        if (now.usd, now.tokens_in, now.tokens_out) == (
            known.usd,
            known.tokens_in,
            known.tokens_out,
        ):
            return False
        return is_near(self.at.state, self.step.task, now.usd, now.tokens_in + now.tokens_out)


def _asked(task: TaskId, attempt: int, report: Asked) -> e.AttemptAsked:
    options = tuple(
        e.AskOption(option.id, option.label, OptionKind(option.kind)) for option in report.options
    )
    return e.AttemptAsked(
        task,
        attempt,
        report.question,
        report.text,
        e.AskKind(report.kind),
        report.tool,
        report.target,
        options,
        report.payload,
    )


async def watch(at: Setting, step: Watch) -> None:
    """Follow an attempt until its process has ended, and record the exit."""
    folder = at.attempt_folder(step.task, step.attempt)
    attempt = at.attempt(step.task, step.attempt)
    goes_on = at.state.plan.agent_by_name[attempt.agent].waits_for_more
    known_at = attempt.turn_at if attempt.turns else None
    reader, meter = _reader(at, step.task, attempt), _meter(at, attempt)
    driver = at.state.plan.agent_by_name[attempt.agent].driver
    trace = trace_of(driver, own_folder(folder, attempt.sandbox))
    log = GrowingLog(folder / "raw.log", reader.offset)
    follower = _Follower(at, step, log, reader, meter, goes_on, trace, attempt.turns, known_at)
    host, of = at.host_of(step.task, step.attempt), at.whose(step.task, step.attempt)
    found = await host.look(of)
    ended_by_us = False
    if isinstance(found, processes.Running):
        await _reconcile(at, step, attempt, found.child)
        end = asyncio.ensure_future(host.wait(of, found.child))
        try:
            ended_by_us = await _follow(at, step, follower, found.child, end)
        finally:
            end.cancel()
            at.engine.heart.signs.pop(f"{step.task}#{step.attempt}", None)
        if end.done() and not end.cancelled():
            found = end.result()
    while await follower.read_for_a_look():
        if _was_cut(found):
            break  # what a flood has said at its end is not worth the minutes that it takes
    follower.finish()
    await follower.look_at_trace(at_once=True)
    await host.sweep(of, attempt.process)
    if attempt.sandbox is not Sandbox.NONE and at.state.tasks[step.task].wanted is Wanted.TAKE:
        with suppress(EnvironmentFault):  # HEAD stays off the branch; taking the work copes with it
            tree = linked(at.git, Path(attempt.path or ""))
            await at.in_thread(lambda: rejoin_branch(tree, attempt.branch or ""))
    follower.report(at.engine.clock(), at_once=True)
    exits = driver.exits if driver is not None else {}
    if not isinstance(found, processes.Lost):
        found = await host.look(of)
    ended = _exit(step, follower, found, exits, ended_by_us=ended_by_us)
    if attempt.sandbox is not Sandbox.NONE:
        said = await at.in_thread(lambda: own_words(folder / "raw.log"))
        ended = msgspec.structs.replace(ended, refusals=said.lines, refused=said.said)
    await at.record(ended)


async def _reconcile(at: Setting, step: Watch, attempt: Attempt, child: processes.Child) -> None:
    """Record a freeze or thaw that was done, but not stored before an engine was killed."""
    host, of = at.host_of(step.task, step.attempt), at.whose(step.task, step.attempt)
    still = await host.stands_still(of, child)
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
        usd=_stated(attempt),
        tools=attempt.tools,
        activity=attempt.activity,
        message=attempt.message,
        todo_done=attempt.todo_done,
        todo_total=attempt.todo_total,
        todo=attempt.todo,
        touched=attempt.touched,
        carry=attempt.carry,
    )
    return reader_for(
        agent.stream,
        start_offset=attempt.offset,
        summary=summary,
        root=at.host_of(task, attempt.number).tree_of(at.whose(task, attempt.number)),
        before=_used_before(at, task, attempt),
    )


def _used_before(at: Setting, task: TaskId, attempt: Attempt) -> dict[str, Totals]:
    """What earlier attempts have used, by session: this one may go on in one of them."""
    used = dict[str, Totals]()
    for earlier in at.state.tasks[task].attempts:
        if earlier.number < attempt.number and earlier.session:
            stated = _stated(earlier)
            had = Totals(earlier.tokens_in, earlier.tokens_out, earlier.tokens_cached, stated)
            used[earlier.session] = plus(used.get(earlier.session, Totals()), had)
    return used


def _stated(attempt: Attempt) -> float:
    """US dollars that its stream has named."""
    return round(attempt.usd - attempt.usd_priced, USD_DIGITS)


def _meter(at: Setting, attempt: Attempt) -> Meter:
    return Meter(
        at.state.prices,
        stated=_stated(attempt),
        priced=attempt.usd_priced,
        used=tokens_of(attempt),
    )


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
    behind = False
    while not end.done():
        await asyncio.wait([end], timeout=0 if behind else follower.log.pause_s())
        behind = await follower.read_for_a_look()
        await follower.look_at_trace()
        now = at.engine.clock()
        follower.report(now)
        attempt = at.attempt(step.task, step.attempt)
        if follower.ended is None or attempt.frozen_at is not None or _is_kept(follower, attempt):
            result_at = None
            await dog.look(now, follower.grew_at)
            _say_again(at, follower, attempt, now)
            continue
        result_at = result_at or now
        if now - result_at > RESULT_GRACE_S and not end.done():
            of = at.whose(step.task, step.attempt)
            await at.host_of(step.task, step.attempt).stop(of, child)
            return True
    return False


def _is_kept(follower: _Follower, attempt: Attempt) -> bool:
    """Does the agent wait for more because nobody has told it that nothing comes?"""
    return follower.goes_on and not attempt.input_closed


def _say_again(at: Setting, follower: _Follower, attempt: Attempt, now: float) -> None:
    """The end of a turn, when what was said after it has begun no other one.

    The agent had heard it in the turn that ended, and only the record of that came late.
    """
    waits = follower.ended is not None and attempt.result is None
    if not waits or attempt.frozen_at is not None:
        follower.idle_since = None
        return
    follower.idle_since = follower.idle_since or now
    if follower.ended is not None and now - follower.idle_since > TURN_BEGINS_S:
        at.engine.mention(follower.turn_ended(follower.ended))
        follower.idle_since = None


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
        heart = self.at.engine.heart
        heart.signs[f"{self.step.task}#{self.step.attempt}"] = max(self.busy_at, grew_at)
        if heart.late:
            self.busy_at = now  # nobody listened
            return
        if attempt.limit is not None or attempt.launched_at is None:
            return
        if attempt.frozen_at is not None or attempt.question is not None:
            self.busy_at = now  # frozen, or waiting for a person: not its fault
            return
        if attempt.worked_s(now) > self.settings.timeout_s:
            allowed = short_duration(self.settings.timeout_s)
            await self._hit(FailureClass.TIMEOUT, f"it worked longer than {allowed}")
            return
        self.busy_at = now if self._waits_for_account(attempt) else max(self.busy_at, grew_at)
        if now - self.looked_at < USAGE_S or now - self.busy_at < self.settings.idle_timeout_s / 2:
            return
        self.looked_at = now
        of = self.at.whose(self.step.task, self.step.attempt)
        host = self.at.host_of(self.step.task, self.step.attempt)
        used = await host.cpu_s(of, self.child)
        if used - self.cpu_s > IDLE_CPU_S:
            self.busy_at = now
        self.cpu_s = used
        if now - self.busy_at > self.settings.idle_timeout_s:
            allowed = short_duration(self.settings.idle_timeout_s)
            await self._hit(FailureClass.IDLE, f"no output and no CPU for {allowed}")

    def _waits_for_account(self, attempt: Attempt) -> bool:
        """Is it silent because its service keeps it waiting? `timeout` bounds that too."""
        account = self.at.state.accounts.get(attempt.account)
        return account is not None and not account.open

    async def _hit(self, cause: FailureClass, detail: str) -> None:
        limit = e.LimitHit(self.step.task, self.step.attempt, cause, detail)
        await self.at.record(limit)


def _was_cut(found: processes.Found) -> bool:
    """Was it ended because its log was full?"""
    return isinstance(found, processes.Finished) and found.too_long


def _exit(
    step: Watch,
    follower: _Follower,
    found: processes.Found,
    exits: Mapping[str, str],
    *,
    ended_by_us: bool,
) -> e.AttemptExited:
    if isinstance(found, processes.Lost) and found.why:
        gone = FailureClass.WORKER
        return e.AttemptExited(
            step.task, step.attempt, None, ok=False, cause=gone, detail=found.why
        )
    code = found.code if isinstance(found, processes.Finished) else None
    if _was_cut(found):
        most = f"it printed more than {processes.MAX_LOG_BYTES // MIB} MiB"
        return e.AttemptExited(
            step.task, step.attempt, code, ok=False, cause=FailureClass.OUTPUT, detail=most
        )
    how = ending_of(
        code,
        follower.ended,
        follower.trace_ended,
        exits=exits,
        ended_by_us=ended_by_us,
        heard=follower.heard,
    )
    return e.AttemptExited(
        step.task,
        step.attempt,
        how.code,
        ok=how.ok,
        cause=how.cause,
        detail=how.detail,
        retry_at=how.retry_at,
    )
