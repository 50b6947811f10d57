"""Scripted performers: how long each step of a virtual run takes, and what it then reports.

Rules:
- An attempt takes the times of its try: attempt n takes try n, later ones the last. A try that is
  not the last fails: by its last task gate when it has task gates, else by the agent's own word.
- `prepare_s` is spent by `Prepare`, `work_s` between launch and exit, `check_s` by the task gates
  in equal parts, `merge_s` by the merge gates in equal parts, for a batch the longest of its
  entries. Where there is no such gate, `Collect` and `LandEntry` take that time. Every other
  step takes none.
- The parts of a sum end exactly where the sum does: no time is lost or won by rounding.
- Commits and trees are made up from the run, the task and the attempt, so that a run that is
  played again is the same to the last event.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, assert_never

import msgspec

from agentdeck.core import events as e
from agentdeck.core import evidence, train
from agentdeck.core.events import AnyEvent, FailureClass, Verdict
from agentdeck.core.ids import AgentName, GateName, ProcessIdentity, TaskId
from agentdeck.core.plan import GateWhen
from agentdeck.core.state import Entry, RunState
from agentdeck.core.steps import (
    BuildEntry,
    CloseInput,
    Collect,
    Deliver,
    EndReview,
    Freeze,
    IOStep,
    KeepPermissions,
    LandEntry,
    LandGroup,
    Launch,
    OpenPullRequest,
    Prepare,
    PromoteTarget,
    PushTarget,
    Release,
    RunGate,
    RunReview,
    StopAttempt,
    TellHook,
    Thaw,
    Watch,
)
from agentdeck.core.times import TaskTimes, Try
from agentdeck.plans.forecast.ring_log import activities, line_count, offsets

AttemptKey = tuple[TaskId, int]
NOBODY: Final = ProcessIdentity(pid=0, start_ticks=0, boot_id="simulated")
NOWHERE: Final = "/simulated"  # the folder of every worktree there is not
KILLED: Final = -15  # exit status of an agent that was stopped
WHY_IT_FAILS: Final = "this simulated try fails"


class Process(msgspec.Struct):
    """An agent at work: `done_s` of `work_s`, and going on since `since`; None = frozen."""

    work_s: float
    since: float | None
    done_s: float = 0.0
    reports: int = 0  # made so far

    def freeze(self, now: float) -> None:
        """Stop where it stands."""
        if self.since is not None:
            self.done_s += now - self.since
            self.since = None

    def thaw(self, now: float) -> None:
        """Go on."""
        if self.since is None:
            self.since = now

    def reaches(self, work_s: float) -> float | None:
        """When it will have worked so long; None while it is frozen."""
        return None if self.since is None else self.since + (work_s - self.done_s)


class Performers:
    """Everything outside the core of one virtual run."""

    def __init__(
        self, state: RunState, times: Mapping[TaskId, TaskTimes], *, gate_s: float, reports: int
    ) -> None:
        """`gate_s`: of preflight, phase and final gates. `reports`: of each attempt on its way."""
        self._state = state
        self._times = times
        self._gate_s = gate_s
        self._reports = reports
        self._processes: dict[AttemptKey, Process] = {}
        self._sum_began: dict[tuple[str, int], float] = {}  # when the sum began a gate is part of
        self._gate_began: dict[RunGate, float] = {}

    def try_of(self, task: TaskId, attempt: int) -> tuple[Try, bool]:
        """The times of an attempt, and whether it succeeds."""
        tries = self.times_of(task).tries
        index = min(attempt, len(tries)) - 1
        return tries[index], index == len(tries) - 1

    def times_of(self, task: TaskId) -> TaskTimes:
        """The times of a task; its estimate, as the plan has it now, where none were given."""
        found = self._times.get(task)
        return found or TaskTimes((Try(self._state.settings(task).estimate_s),))

    # --- how long ---------------------------------------------------------------------------------

    def ends_at(self, step: IOStep, now: float) -> float | None:
        """When a step that starts now ends; of `Watch`, when it next has something to say.

        None: not before something is done to the process.
        """
        match step:
            case Prepare():
                return now + self.times_of(step.task).prepare_s
            case Watch():
                return self._next_word(step)
            case Collect():
                gated = evidence.task_gates(self._state, self._state.tasks[step.task])
                check_s = self.try_of(step.task, step.attempt)[0].check_s
                return now if gated else now + check_s
            case RunGate():
                return self._gate_ends_at(step, now)
            case RunReview():  # an agent says yes after as long as a person would
                return now + self.times_of(step.task).approve_s
            case LandEntry():
                build = self._state.queue[step.entry].build
                names = build.entries if build is not None else ()
                entries = [self._state.queue[name] for name in names]
                gated = train.gates_of(self._state, entries)
                return now if gated else now + self._merge_s(entries)
            case LandGroup(moves):
                entries = [self._state.queue[name] for x in moves for name in (x.entry, *x.others)]
                gated = train.gates_of(self._state, entries)
                return now if gated else now + self._merge_s(entries)
            case (
                Launch()
                | Freeze()
                | Thaw()
                | StopAttempt()
                | Deliver()
                | CloseInput()
                | Release()
                | EndReview()
                | BuildEntry()
                | KeepPermissions()
                | PromoteTarget()
                | PushTarget()
                | OpenPullRequest()
                | TellHook()
            ):
                return now
            case _ as never:
                assert_never(never)

    def _next_word(self, step: Watch) -> float | None:
        process = self._processes.get((step.task, step.attempt))
        return process.reaches(self._word_at(process)) if process is not None else None

    def _word_at(self, process: Process) -> float:
        """Seconds of work at the next report; the exit comes after the last one."""
        if process.reports >= self._reports:
            return process.work_s
        return process.work_s * (process.reports + 1) / (self._reports + 1)

    def _gate_ends_at(self, step: RunGate, now: float) -> float:
        self._gate_began[step] = now
        if step.when is GateWhen.TASK and step.task is not None and step.attempt is not None:
            names = evidence.task_gates(self._state, self._state.tasks[step.task])
            index = names.index(step.gate) + step.run - 1
            count = len(names) + self._red_runs(step.task, step.attempt, names)
            total = self.try_of(step.task, step.attempt)[0].check_s
            return self._part_ends_at((step.task, step.attempt), total, index, count, now)
        car = self._car_of(step)
        if car is not None:
            names = train.gates_of(self._state, car.entries)
            total, index = self._merge_s(car.entries), names.index(step.gate)
            key = (car.lead.id, car.lead.number)
            return self._part_ends_at(key, total, index, len(names), now)
        return now + self._gate_s

    def _car_of(self, step: RunGate) -> train.Car | None:
        """What a gate on what would land is run for."""
        cars = train.cars(self._state) if step.when is GateWhen.MERGE else []
        return next((car for car in cars if car.build and car.build.tree == step.tree), None)

    def _merge_s(self, entries: Sequence[Entry]) -> float:
        """How long a batch is gated: as long as the slowest of its entries would be."""
        tasks = [entry.task for entry in entries if entry.task is not None]
        return max((self.times_of(task).merge_s for task in tasks), default=0.0)

    def _red_runs(self, task: TaskId, attempt: int, names: list[GateName]) -> int:
        """How many times more its last task gate runs when the try fails by it."""
        return (
            0 if self.try_of(task, attempt)[1] else self._state.plan.gate_by_name[names[-1]].retries
        )

    def _part_ends_at(
        self, key: tuple[str, int], total: float, index: int, count: int, now: float
    ) -> float:
        """When part `index` of `count` ends; the last one exactly `total` after the first began."""
        began = self._sum_began.get(key)
        if not index or began is None or now != began + total * (index / count):
            began = now - total * (index / count)  # the first part, or there was a break before it
        self._sum_began[key] = began
        return began + total * ((index + 1) / count)

    # --- what comes of it -------------------------------------------------------------------------

    def watch(self, step: Watch) -> tuple[tuple[AnyEvent, ...], bool]:
        """What a live agent says now, and whether that was its end."""
        key = (step.task, step.attempt)
        process = self._processes[key]
        if process.reports < self._reports:
            process.reports += 1
            return self._report(step, process.reports), False
        del self._processes[key]
        return (*self._report(step, self._reports + 1), self._exit(step)), True

    def _report(self, step: Watch, number: int) -> tuple[AnyEvent, ...]:
        """Report `number` of `reports` and one more, which is the last: what was used, and done."""
        spec = self._state.spec(step.task)
        if not (self._reports or spec.tokens):
            return ()
        share = number / (self._reports + 1)
        lines = int(share * line_count(spec))
        progress = e.AttemptProgressed(
            step.task,
            step.attempt,
            offsets(spec)[lines],
            tokens_in=int(share * (spec.tokens or 0)),
            tools=number,
            activity=activities(spec)[max(0, lines - 1)],
        )
        return (progress,)

    def _exit(self, step: Watch) -> e.AttemptExited:
        task, attempt = step.task, step.attempt
        gated = evidence.task_gates(self._state, self._state.tasks[task])
        if self.try_of(task, attempt)[1] or gated:
            return e.AttemptExited(task, attempt, 0, ok=True)
        cause = FailureClass.AGENT
        return e.AttemptExited(task, attempt, 1, ok=False, cause=cause, detail=WHY_IT_FAILS)

    def outcome(self, step: IOStep, now: float) -> tuple[AnyEvent, ...]:
        """What a step reports when it ends, other than `Watch`."""
        match step:
            case Prepare(task, attempt):
                base = self._state.tip
                return (
                    e.WorktreePrepared(
                        task, attempt, f"{NOWHERE}/{task}", _branch(self._state, task), base
                    ),
                )
            case Launch(task, attempt):
                work_s = self.try_of(task, attempt)[0].work_s
                self._processes[task, attempt] = Process(work_s, now)
                return (e.AttemptLaunched(task, attempt, NOBODY, NOBODY),)
            case Freeze(task, attempt):
                live = self._processes.get((task, attempt))  # else it ended at this same moment
                if live is not None:
                    live.freeze(now)
                return (e.AttemptFrozen(task, attempt, 1),) if live is not None else ()
            case Thaw(task, attempt):
                live = self._processes.get((task, attempt))
                if live is not None:
                    live.thaw(now)
                return (e.AttemptThawed(task, attempt),) if live is not None else ()
            case StopAttempt(task, attempt):
                ended = self._processes.pop((task, attempt), None)
                return () if ended is None else (e.AttemptExited(task, attempt, KILLED),)
            case Deliver(task, attempt, message):
                return (e.MessageDelivered(task, attempt, message),)
            case CloseInput(task, attempt):
                return (e.InputClosed(task, attempt),)
            case Collect(task, attempt):
                head, tree = (
                    self._made_up("head", task, attempt),
                    self._made_up("tree", task, attempt),
                )
                return (e.AttemptCollected(task, attempt, head, tree, 1),)
            case Release(task, attempt):
                return (e.WorktreeReleased(task, attempt),)
            case RunGate():
                return (self._gate_finished(step, now),)
            case RunReview():
                return (self._review_finished(step, e.ReviewVerdict.APPROVE),)
            case EndReview():
                return (self._review_finished(step, e.ReviewVerdict.ENDED),)
            case BuildEntry(entry, tip, others):
                commit, tree = (
                    self._made_up("commit", entry, *others, tip),
                    self._made_up("merged", entry, *others, tip),
                )
                return (e.EntryBuilt(entry, commit, tree, tip, others),)
            case LandEntry(entry):
                build = self._state.queue[entry].build
                return train.landed(self._state, build) if build is not None else ()
            case LandGroup(moves):
                return train.landed_together(self._state, moves)
            case KeepPermissions(change):
                return (e.PermissionsKept(change),)
            case PromoteTarget(commit, repo):
                return (e.Promoted(commit, "simulated", repo),)
            case PushTarget(commit):
                return (e.TargetPushed(commit, "simulated"),)
            case OpenPullRequest():
                return (e.PullRequestOpened("simulated"),)
            case Watch():
                raise LookupError("a live agent reports by `watch`")
            case TellHook():
                raise LookupError("nobody is told of what is only played")
            case _ as never:
                assert_never(never)

    def _gate_finished(self, step: RunGate, now: float) -> e.GateFinished:
        red = False
        if step.when is GateWhen.TASK and step.task is not None and step.attempt is not None:
            names = evidence.task_gates(self._state, self._state.tasks[step.task])
            red = step.gate == names[-1] and not self.try_of(step.task, step.attempt)[1]
        return e.GateFinished(
            gate=step.gate,
            when=step.when,
            tree=step.tree,
            commit=step.commit,
            run=step.run,
            verdict=Verdict.FAILED if red else Verdict.PASSED,
            code=int(red),
            seconds=now - self._gate_began.pop(step, now),
            log="",
            tail=WHY_IT_FAILS if red else "",
            task=step.task,
            attempt=step.attempt,
        )

    def _review_finished(
        self, step: RunReview | EndReview, verdict: e.ReviewVerdict
    ) -> e.ReviewFinished:
        reviews = self._state.tasks[step.task].attempts[step.attempt - 1].reviews
        by = next(AgentName(review.by) for review in reviews if review.run == step.run)
        return e.ReviewFinished(step.task, step.attempt, step.run, by, verdict)

    def _made_up(self, *parts: object) -> str:
        """An object id of the usual length that there is not."""
        text = "/".join(map(str, (self._state.run, *parts)))
        return hashlib.sha256(text.encode()).hexdigest()[:40]


def _branch(state: RunState, task: TaskId) -> str:
    return f"deck/{state.run}/{task}"
