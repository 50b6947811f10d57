"""Reviews by agents: started in a worktree that is thrown away, followed, and read.

Rules:
- One folder is one review, and has at most one process, ever: a new engine finds it there and goes
  on reading. So there are never two reviewers at work on one attempt.
- It works in a scratch worktree at the exact commit, with its adapter's flags for only looking.
  What it leaves there is thrown away by the next checkout; no ref is read from it.
- What cannot be started, ends badly, takes too long or says nothing that can be read gives no
  verdict, and the reason is recorded. What it has used counts in any case.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.agents.ending import Ending, Heard, ending_of
from agentdeck.agents.final_message import MAX_CHARS, FinalMessage
from agentdeck.agents.input import last_line, prompt_line
from agentdeck.agents.launching import command_line, prompt_in_file
from agentdeck.agents.readers import Reader, reader_for
from agentdeck.agents.reports import Ended, Limited, Noise, Report, Said, ToolUsed
from agentdeck.agents.review_prompt import review_prompt, shown_files
from agentdeck.agents.verdict import Unreadable, read_verdict
from agentdeck.core import events as e
from agentdeck.core.containment import containment_of
from agentdeck.core.errors import DeckError
from agentdeck.core.events import ReviewVerdict
from agentdeck.core.explain import short_duration
from agentdeck.core.hearing import PROMPT
from agentdeck.core.ids import AgentName
from agentdeck.core.plan import Agent
from agentdeck.core.prices import Meter, Tokens
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.core.state import Attempt, Review
from agentdeck.core.steps import EndReview, RunReview
from agentdeck.engine import processes
from agentdeck.engine.agent_place import equipped, make_home, place_in
from agentdeck.engine.agent_stdin import MAX_MESSAGE_BYTES, NotHeard, close_stdin
from agentdeck.engine.attempts import contained, first_run
from agentdeck.engine.heartbeat import SLEPT_S
from agentdeck.engine.linked_tree import linked
from agentdeck.engine.plain_files import NotPlainError, open_plain
from agentdeck.engine.private_files import make_private, write_private
from agentdeck.engine.ref_guard import raise_guard
from agentdeck.engine.room import own_folder
from agentdeck.engine.room_folders import forget_temporary, temporary_variables
from agentdeck.engine.said import note_closed, say
from agentdeck.engine.sandbox import refuse_containment
from agentdeck.engine.setting import Setting
from agentdeck.engine.stop import stop, sweep
from agentdeck.engine.trace_file import trace_of
from agentdeck.engine.waiting import wait

POLL_S: Final = 0.2  # between looks at the log
CHUNK: Final = 256 * 1024  # bytes read at once
RESULT_GRACE_S: Final = 10.0  # for it to end by itself after its result
USD_DIGITS: Final = 9  # after the point, as of attempts
PROBLEM_CHARS: Final = 600
_DIFF: Final = (
    *("--literal-pathspecs", "-c", "core.quotePath=false", "diff"),
    *("--no-ext-diff", "--no-textconv", "--no-color", "--no-renames"),
)


async def run_review(at: Setting, step: RunReview) -> None:
    """Have an agent look at the work, and record what it says."""
    one = _One(at, step)
    try:
        child = await one.start()
    except DeckError as fault:
        await at.record(one.finished(ReviewVerdict.FAILED, problem=fault.message))
        return
    late = await one.follow(child) if child is not None else False
    await at.in_thread(lambda: sweep(one.tag))
    await one.read_to_the_end()
    ending = one.ending()
    problem = _problem(ending, one.agent) if ending.ok is not True else ""
    if late and ending.ok is not True:
        problem = f"it took longer than {short_duration(at.state.plan.review.timeout_s)}"
    if problem:
        await at.record(one.finished(ReviewVerdict.FAILED, problem=problem))
        return
    judged = await at.in_thread(lambda: read_verdict(one.final.text))
    if isinstance(judged, Unreadable):
        await at.record(one.finished(ReviewVerdict.FAILED, problem=judged.problem))
        return
    done = one.finished(judged.verdict)
    await at.record(msgspec.structs.replace(done, summary=judged.summary, comments=judged.comments))


async def end_review(at: Setting, step: EndReview) -> None:
    """End a reviewer whose verdict nobody wants any more."""
    one = _One(at, step)
    found = await at.in_thread(lambda: processes.look(one.folder))
    if isinstance(found, processes.Running):
        await stop(found.child, one.tag)
    await at.in_thread(lambda: sweep(one.tag))
    await one.read_to_the_end()
    key = RunReview(step.task, step.attempt, step.run).key
    trouble = at.state.troubles.get(key)
    why = trouble.error if trouble is not None else ""
    await at.record(one.finished(ReviewVerdict.ENDED, problem=why))


def _problem(ending: Ending, agent: Agent) -> str:
    """Why what an ended reviewer said cannot be taken as its verdict; empty = it can."""
    if ending.ok is False or ending.cause is not None:
        return ending.detail or f"it failed: {ending.cause or 'it does not say why'}"
    if ending.code is None:
        return "its process is gone and left no exit status"
    if ending.code:
        how = f"exit {ending.code}" if ending.code > 0 else f"signal {-ending.code}"
        return f"it ended with {how}" + (f": {ending.detail}" if ending.detail else "")
    if ending.ok is None and agent.says_result:
        return "it ended without a result in its stream"
    return ""


@dataclass(slots=True)
class _One:
    """One review: its folder, its process, what it has said so far."""

    at: Setting
    step: RunReview | EndReview
    final: FinalMessage = field(default_factory=FinalMessage)
    heard: Heard = field(default_factory=Heard)
    ended_by_us: bool = False
    trace_ended: Ended | None = None
    _reader: Reader | None = None
    _position: int = 0

    @property
    def folder(self) -> Path:
        return self.at.folder.review(self.step.task, self.step.attempt, self.step.run)

    @property
    def tag(self) -> str:
        """What marks all its processes."""
        return f"{self.at.state.run}/review/{self.folder.name}"

    @property
    def attempt(self) -> Attempt:
        return self.at.attempt(self.step.task, self.step.attempt)

    @property
    def review(self) -> Review:
        return next(one for one in self.attempt.reviews if one.run == self.step.run)

    @property
    def agent(self) -> Agent:
        return equipped(self.at.state.plan.agent_by_name[AgentName(self.review.by)])

    @property
    def _sandbox(self) -> Sandbox:
        """In which it works."""
        return containment_of(self.at.state.plan, self.agent).sandbox

    # --- its process ------------------------------------------------------------------------------

    async def start(self) -> processes.Child | None:
        """Its living processes, started if they never were; None = it has ended."""
        found = await self.at.in_thread(lambda: processes.look(self.folder))
        if isinstance(found, processes.NeverStarted):
            child = await self._launch()
        elif isinstance(found, processes.Running):
            child = found.child
        else:
            return None
        if self.agent.prompted_by_message:
            await self.at.in_thread(self._say_prompt)
        return child

    async def _launch(self) -> processes.Child:
        at, step, agent, attempt = self.at, self.step, self.agent, self.attempt
        work = attempt.collected
        assert work is not None  # only collected work is reviewed
        worktree = await at.in_thread(
            lambda: at.scratch.checkout(f"review-{self.review.place}", work.head)
        )
        diff = await at.in_thread(lambda: self._diff(attempt.base or work.head, work.head))
        prompt = review_prompt(at.state, step.task, attempt, diff)
        box = containment_of(at.state.plan, agent)
        refuse_containment(box, f"agent {agent.name}")
        place = place_in(
            at.folder,
            at.git.checkout,
            agent,
            folder=self.folder,
            worktree=str(worktree),
            task=step.task,
            prompt=prompt,
            model=self.review.model,
            sandbox=box.sandbox,
        )
        how = command_line(agent, place, read_only=True)
        extra = {
            "AGENTDECK_RUN": at.state.run,
            "AGENTDECK_TASK": step.task,
            "AGENTDECK_ATTEMPT": str(step.attempt),
            "AGENTDECK_REVIEW": str(step.run),
            **how.env,
            **(temporary_variables(self.folder) if box.contained else {}),
        }

        def launch() -> processes.Child:
            make_private(self.folder)
            make_home(place)
            write_private(Path(place.prompt_file), prompt)
            tree, hooks = linked(at.git, worktree), None
            if not box.contained:
                hooks = raise_guard(tree, self.folder, "", None)
            argv = contained(at, box, tree, self.folder, place.home, how.argv)
            environment = at.environment(self.tag, extra, worktree, hooks=hooks)
            return processes.launch(self.folder, argv, worktree, environment, stdin=how.stdin)

        await first_run(at, f"{self.tag}/first-run", agent, place, box)
        return await at.in_thread(launch)

    def _diff(self, base: str, head: str) -> str:
        work = self.attempt.collected
        paths = [file.path for file in shown_files(work.files)] if work is not None else []
        if not paths:
            return ""
        return self.at.git.run(*_DIFF, base, head, "--", *paths).text

    def _say_prompt(self) -> None:
        file = self.folder / "prompt.md"
        reads = self.agent.input
        line = prompt_line(reads, file.read_text(encoding="utf-8"))
        if len(line) > MAX_MESSAGE_BYTES:
            line = prompt_line(reads, prompt_in_file(str(file)))
        log = self.folder / "raw.log"
        try:
            say(self.folder, PROMPT, line, seen=lambda: log.stat().st_size > 0)
        except NotHeard:
            return  # it ends without a result, and that says more

    def _close_input(self, child: processes.Child) -> None:
        last = last_line(self.agent.input)
        try:
            if last is not None:
                say(self.folder, "end", last)
        except NotHeard:
            pass
        note_closed(self.folder)
        close_stdin(child)

    async def follow(self, child: processes.Child) -> bool:
        """Read while it lives; whether it had to be ended because its time was up."""
        until = _started_at(self.folder) + self.at.state.plan.review.timeout_s
        looked_at = time.time()
        end = asyncio.ensure_future(wait(child))
        result_at: float | None = None
        closed = not self.agent.waits_for_more
        try:
            while not end.done():
                await asyncio.wait([end], timeout=POLL_S)
                while self.read_on():
                    await asyncio.sleep(0)
                now = time.time()
                if now - looked_at > SLEPT_S:  # nobody listened to it
                    until += now - looked_at
                looked_at = now
                has_result = self.reader.result is not None
                if has_result and not closed:
                    closed = True
                    await self.at.in_thread(lambda: self._close_input(child))
                result_at = (result_at or now) if has_result else None
                waited = result_at is not None and now - result_at > RESULT_GRACE_S
                if not end.done() and (waited or now > until):
                    self.ended_by_us = waited
                    await stop(child, self.tag)
                    return not waited
        finally:
            end.cancel()
        return False

    # --- what it says -----------------------------------------------------------------------------

    @property
    def reader(self) -> Reader:
        if self._reader is None:
            self._reader = reader_for(self.agent.stream, said_chars=MAX_CHARS)
        return self._reader

    def read_on(self) -> bool:
        """Read at most one chunk of its log. True when there may be more."""
        try:
            with os.fdopen(open_plain(self.folder / "raw.log"), "rb") as log:
                log.seek(self._position)
                data = log.read(CHUNK)
        except (FileNotFoundError, NotPlainError):
            return False
        self._position += len(data)
        self._take(self.reader.feed(data))
        return len(data) == CHUNK

    async def read_to_the_end(self) -> None:
        """Take in all that it has written."""
        while self.read_on():
            await asyncio.sleep(0)
        self._take(self.reader.finish())
        await self.at.in_thread(lambda: forget_temporary(self.folder))
        trace = trace_of(self.agent.driver, own_folder(self.folder, self._sandbox))
        if trace is None:
            return
        for report in await self.at.in_thread(lambda: trace.read(self.at.engine.clock())):
            if isinstance(report, Ended):
                self.trace_ended = report
            else:
                self.reader.summary.take(report)

    def _take(self, reports: Sequence[Report]) -> None:
        self.final.take(reports)
        for report in reports:
            if isinstance(report, Ended | Limited | Noise | Said | ToolUsed):
                self.heard.take(report)

    def ending(self) -> Ending:
        """How it ended, from its process and its stream."""
        found, driver = processes.look(self.folder), self.agent.driver
        return ending_of(
            found.code if isinstance(found, processes.Finished) else None,
            self.reader.result,
            self.trace_ended,
            exits=driver.exits if driver is not None else {},
            ended_by_us=self.ended_by_us,
            heard=self.heard,
        )

    def finished(self, verdict: ReviewVerdict, *, problem: str = "") -> e.ReviewFinished:
        """What is recorded of it."""
        summary, meter = self.reader.summary, Meter(self.at.state.prices)
        used = Tokens(summary.tokens_in, summary.tokens_cached, summary.tokens_out)
        model = summary.model or self.review.model
        meter.read(summary.usd, model, used)
        return e.ReviewFinished(
            self.step.task,
            self.step.attempt,
            self.step.run,
            AgentName(self.review.by),
            verdict,
            problem=problem[:PROBLEM_CHARS],
            seconds=round(max(0.0, time.time() - _started_at(self.folder)), 3),
            log=str(self.folder.relative_to(self.at.folder.path)),
            model=model,
            tokens_in=summary.tokens_in,
            tokens_out=summary.tokens_out,
            tokens_cached=summary.tokens_cached,
            usd=round(meter.usd, USD_DIGITS),
            usd_priced=round(meter.priced, USD_DIGITS),
        )


def _started_at(folder: Path) -> float:
    try:
        return (folder / "pid").stat().st_mtime
    except OSError:
        return time.time()
