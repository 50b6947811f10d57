"""The invariants of the ring, checked after every event of a simulation.

Rules:
- The checks compute what must hold in their own way and share no decision with the code they check:
  a second state is folded from the stored bytes, with checkpoints on the way; overlaps come from a
  table made beforehand.
- A breach raises `Violation`, which names the invariant, the event and the task.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import combinations
from typing import Final

from agentdeck.core import codec, footprint
from agentdeck.core import events as e
from agentdeck.core.checkpoint import packed, unpacked
from agentdeck.core.events import AnyEvent, DiskMark, FailureClass, Recorded, Verdict
from agentdeck.core.explain import explain, standstill
from agentdeck.core.explain_shared import Shared
from agentdeck.core.fold import apply, fold
from agentdeck.core.ids import PoolName, TaskId
from agentdeck.core.plan import Budget, OnExceed, Plan, Pool, Repair
from agentdeck.core.pools import places
from agentdeck.core.readiness import barrier_phases
from agentdeck.core.state import (
    HOLDS_FOOTPRINT,
    HOLDS_SLOT,
    LIVE,
    Attempt,
    RunState,
    TaskRun,
    TaskState,
)
from agentdeck.core.steps import Steps
from agentdeck.testing.scripted_world import Violation, ungated

CHECKPOINT_EVERY: Final = 7  # events; no multiple of what belongs together
# A conversation that ended so leads nowhere, or its worktree is gone.
_STUCK_CONVERSATION = frozenset(
    {
        FailureClass.IDLE,
        FailureClass.NO_PROGRESS,
        FailureClass.OUTPUT,
        FailureClass.REFUSED,
        FailureClass.GIT,
        FailureClass.SESSION,
    }
)


class RingChecks:
    """Looks at every event of one run, before and after it is applied."""

    def __init__(self, plan: Plan) -> None:
        self.shadow = RunState()
        self.landed: Counter[TaskId] = Counter()
        self.sent_back: Counter[TaskId] = Counter()
        self.shut: set[str] = set()  # accounts
        self.sizes: dict[PoolName, int] = {}  # of elastic pools, as they were told last
        self.limits: dict[PoolName, int | None] = {}  # of pools, set by a person
        self.to_hear: dict[str, list[int]] = {}  # by hook: events that it wants and has not settled
        self.hooks = {name: hook.events for name, hook in plan.hook_by_name.items()}
        self.look_at(plan)

    def look_at(self, plan: Plan) -> None:
        """Make the tables anew: the plan is another one."""
        self.meeting = [
            (one.id, two.id)
            for one, two in combinations(plan.tasks, 2)
            if one.repo == two.repo and footprint.overlap(one.files, two.files) is not None
        ]
        self.alone = [task.id for task in plan.tasks if task.exclusive]

    def before(self, state: RunState, event: AnyEvent) -> None:
        """What must hold for `event` to be allowed now."""
        if isinstance(event, e.AttemptClaimed):
            self._may_start(state, event)
            if event.session is not None:
                self._may_go_on(state, event)
        elif isinstance(event, e.ReviewStarted):
            self._may_review(state, event)
        elif isinstance(event, e.EntryQueued) and event.task is not None:
            self._takes_nothing_away(state.tasks[event.task])
        elif isinstance(event, e.LandingIntended):
            self._is_green(state, event)
            self._goes_with_all(state, event)
        elif isinstance(event, e.GroupIntended):
            for move in event.moves:
                self._is_green(state, move)
        elif isinstance(event, e.EntryLanded) and event.task is not None:
            self._lands_with_all(state, event.task)

    def _is_green(self, state: RunState, event: e.LandingIntended | e.TargetMove) -> None:
        for name in (event.entry, *event.others):
            build = state.queue[name].build
            runs_in = state.environment
            missing = ungated(state, name, build.tree, runs_in) if build else ["build"]
            if missing or build is None or build.commit != event.commit:
                raise Violation(f"I6: {event} without {missing} of {name}")

    def _goes_with_all(self, state: RunState, event: e.LandingIntended) -> None:
        """Reverts of what landed together land together."""
        intended = {event.entry, *event.others}
        for entry in (state.queue[name] for name in intended):
            group = state.plan.group_of.get(entry.reverts, ()) if entry.reverts else ()
            apart = [one for one in state.queue.values() if one.reverts in group]
            if any(one.id not in intended for one in apart):
                raise Violation(f"{event} takes back a part of what landed together")

    def _lands_with_all(self, state: RunState, name: TaskId) -> None:
        """Of a group all land, or none: each other one is in, or lands in this very moment."""
        group = state.plan.group_of.get(name, ())
        intended = {entry.task: entry for entry in state.queue.values() if entry.intended}
        for other in group:
            if not state.tasks[other].satisfied and other not in intended:
                raise Violation(
                    f"{name} lands without {other}, which is {state.tasks[other].state}"
                )

    def _may_review(self, state: RunState, event: e.ReviewStarted) -> None:
        """The doer is never the reviewer, and a reviewer takes a slot as everybody."""
        task = state.tasks[event.task]
        built_on = task.attempts[max(n for n, a in enumerate(task.attempts) if a.fresh) :]
        if event.by in {attempt.agent for attempt in built_on}:
            raise Violation(f"{event.by} reviews its own work: {event}")
        if state.paused or state.ending or state.outcome is not None:
            raise Violation(f"a review starts while the run is paused or ends: {event}")
        at_work = [t for t in state.tasks.values() if t.state in HOLDS_SLOT]
        at_work = [t for t in at_work if not _by_hand(state, t)]
        if len(at_work) + len(state.reviewing) >= state.agents_limit:
            raise Violation(f"I11: {event} starts above {state.agents_limit} agents")
        if event.place in {under_way.place for under_way in state.reviewing.values()}:
            raise Violation(f"two reviews have place {event.place}: {event}")
        pool = task.attempt.pool if task.attempt is not None else None
        if any(spending.over for spending in _spendings(state, event.task, pool)):
            raise Violation(f"I11: {event} starts over a budget")

    def _takes_nothing_away(self, task: TaskRun) -> None:
        """Lines of others vanish only with a person's yes to this very attempt."""
        attempt = task.attempts[-1]
        lost = attempt.collected is not None and attempt.collected.losses
        if lost and not attempt.hands and task.approved != attempt.number:
            raise Violation(f"{task.id} is queued and takes away {lost}")

    def _repairs(self, state: RunState, event: AnyEvent) -> None:
        """The queue sends work back by itself only so often, and only as the plan says."""
        if isinstance(event, e.TaskRetried):
            self.sent_back[event.task] = 0
        elif isinstance(event, e.RetryScheduled) and event.repair:
            self.sent_back[event.task] += 1
            rules = state.plan.queue
            if rules.repair is not Repair.AGENT or self.sent_back[event.task] > rules.repairs:
                raise Violation(f"{event} is sent back for the {self.sent_back[event.task]}. time")

    def _may_go_on(self, state: RunState, event: e.AttemptClaimed) -> None:
        """A session goes on where it was begun, with the agent that began it, if it is alive."""
        earlier = state.tasks[event.task].attempts
        before = earlier[-1]
        where = event.fresh or before.released or before.agent != event.agent
        if where or before.session != event.session:
            raise Violation(f"{event} goes on in the session of {before}")
        if before.cause in _STUCK_CONVERSATION:
            raise Violation(f"{event} goes on in a conversation that ended with {before.cause}")
        if any(attempt.cause is FailureClass.SESSION for attempt in earlier):
            raise Violation(f"{event} goes on in a session, though one was not known")

    def _may_start(self, state: RunState, event: e.AttemptClaimed) -> None:
        spec = state.plan.by_id[event.task]
        for needed in spec.after:
            other = state.tasks[needed]
            if other.state is not TaskState.LANDED and not other.satisfied:
                raise Violation(f"I5: {event.task} starts while {needed} is {other.state}")
        if barrier_phases(state, spec.phase):
            raise Violation(f"I5: {event.task} starts before its phase is open")
        if state.paused or state.ending or state.outcome is not None:
            raise Violation(f"{event.task} starts while the run is paused or ends")
        if state.plan.agent_by_name[event.agent].use == "human":
            return
        for spending in _spendings(state, event.task, event.pool):
            spending.may_begin(event)
            _within_share(state, event, spending.budget)
        slots = [
            t for t in state.tasks.values() if t.state in HOLDS_SLOT and not _by_hand(state, t)
        ]
        if event.account:
            self._account_lets_it(state, event, slots)
        if len(slots) + len(state.reviewing) >= state.agents_limit:
            raise Violation(f"I11: {event.task} starts above {state.agents_limit} agents")
        if event.pool is not None:
            used = [t for t in slots if t.attempts and t.attempts[-1].pool == event.pool]
            if len(used) >= self._places(state.plan.pool_by_name[event.pool]):
                raise Violation(f"I11: {event.task} starts in the full pool {event.pool}")

    def _account_lets_it(
        self, state: RunState, event: e.AttemptClaimed, slots: list[TaskRun]
    ) -> None:
        if event.account in self.shut:
            raise Violation(f"I11: {event.task} starts on {event.account}, which is not open")
        used = [t for t in slots if t.attempts and t.attempts[-1].account == event.account]
        account = state.accounts.get(event.account)
        if account is not None and account.window is not None and len(used) >= account.window:
            raise Violation(f"I11: {event.task} starts above {account.window} on {event.account}")

    def _places(self, pool: Pool) -> int:
        """How many may work in a pool, as its events tell and its bounds allow."""
        low = pool.least or pool.size
        high = self.limits.get(pool.name) or pool.most or pool.size
        if low >= (pool.most or pool.size):
            return high
        return sorted((low, self.sizes.get(pool.name, pool.size), high))[1] if low < high else high

    def _pools(self, state: RunState, event: AnyEvent) -> None:
        """The machine moves a pool by one place, within its bounds, and ends nothing."""
        if isinstance(event, e.PoolLimitSet):
            self.limits[event.pool] = event.limit
        elif isinstance(event, e.PoolResized):
            pool = state.plan.pool_by_name[event.pool]
            if abs(event.size - self._places(pool)) != 1:
                raise Violation(f"{event} from {self._places(pool)} places")
            self.sizes[event.pool] = event.size
            if self._places(pool) != event.size or places(state, pool) != event.size:
                raise Violation(f"{event} is beyond the bounds of its pool")

    def _accounts(self, event: AnyEvent) -> None:
        if isinstance(event, e.AccountLimited):
            self.shut.add(event.account)
        elif isinstance(event, e.AccountReopened):
            self.shut.discard(event.account)

    def after(self, state: RunState, recorded: Recorded) -> None:
        """What must hold once `recorded` was applied to the live state."""
        apply(self.shadow, codec.decode_recorded(codec.encode_recorded(recorded)))
        if recorded.seq % CHECKPOINT_EVERY == 0:  # what follows is folded on top of it
            self.shadow = unpacked(packed(self.shadow))
        self.same(state)
        if isinstance(recorded.event, e.PlanChanged):
            self.look_at(state.plan)
            _fits_the_plan(state, recorded)
        self._files_apart(state, recorded)
        self._once(recorded.event)
        self._accounts(recorded.event)
        self._pools(state, recorded.event)
        self._repairs(state, recorded.event)
        self._hooks(recorded)
        self._outbox(state)
        _fits_together(state, recorded)
        self.explained(state, recorded.at, self._of_interest(state, recorded.event))

    def _hooks(self, recorded: Recorded) -> None:
        """A hook is settled event by event, in order, and nothing that it wants is passed over."""
        event, number = recorded.event, recorded.seq
        if isinstance(event, e.HookDelivered | e.HookFailed | e.HookPostponed | e.HookGaveUp):
            waits = self.to_hear.get(event.hook, [])
            told = event.events if isinstance(event, e.HookDelivered) else 1
            if waits[told - 1 : told] != [event.seq]:
                raise Violation(f"{event}, but next is {waits[:1]}")
            if isinstance(event, e.HookDelivered | e.HookGaveUp):
                del waits[:told]
        for name, patterns in self.hooks.items():
            if hears(patterns, event):
                self.to_hear.setdefault(name, []).append(number)

    def _outbox(self, state: RunState) -> None:
        """What the state keeps of a hook leads to exactly the events that it still has to hear."""
        for name, run in state.hooks.items():
            waits = self.to_hear.get(name, [])
            fits = run.settled < waits[0] and run.latest == waits[-1] if waits else True
            if not fits or (run.latest > run.settled) != bool(waits):
                raise Violation(f"{name} is at {run}, and has to hear {waits}")

    def same(self, state: RunState) -> None:
        """I1: the live state is what the stored journal says, and nothing else has touched it."""
        if self.shadow != state:
            raise Violation(f"I1: the live state is not the replayed one at event {state.seq}")

    def rewind(self, history: Sequence[Recorded]) -> None:
        """The journal has lost its end: what it says now is what is left of it."""
        self.shadow = fold(history)
        self.to_hear.clear()
        self.sizes.clear()
        self.limits.clear()
        for recorded in history:
            self._hooks(recorded)
            if isinstance(recorded.event, e.PoolLimitSet):
                self.limits[recorded.event.pool] = recorded.event.limit
            elif isinstance(recorded.event, e.PoolResized):
                self.sizes[recorded.event.pool] = recorded.event.size

    def _files_apart(self, state: RunState, recorded: Recorded) -> None:
        # Who waits in the queue for its group has let its files go.
        queued = {t.id for t in state.tasks.values() if t.state is TaskState.QUEUED}
        waits = {
            name for name in queued if not queued.issuperset(state.plan.group_of.get(name, ()))
        }
        holders = {t.id for t in state.tasks.values() if t.state in HOLDS_FOOTPRINT} - waits
        for one, two in self.meeting:
            if one in holders and two in holders:
                raise Violation(f"I4: {one} and {two} hold the same files after {recorded}")
        for name in self.alone:
            if name in holders and len(holders) > 1:
                raise Violation(f"I11: {name} works alone, with {holders} after {recorded}")

    def _once(self, event: AnyEvent) -> None:
        if isinstance(event, e.TaskReverted):
            self.landed[event.task] -= 1
        if isinstance(event, e.EntryLanded | e.TaskDone) and event.task is not None:
            self.landed[event.task] += 1
            if self.landed[event.task] > 1:
                raise Violation(f"I7: {event.task} lands twice")

    @staticmethod
    def _of_interest(state: RunState, event: AnyEvent) -> Iterable[TaskRun]:
        """Whose sentence is looked at after an event.

        More than half of all events are progress. That changes what is said of its own task; the
        others, who may wait for the same money, are looked at with the next event of another kind.
        """
        if isinstance(event, e.AttemptProgressed):
            return (state.tasks[event.task],)
        return state.tasks.values()

    def explained(self, state: RunState, now: float, tasks: Iterable[TaskRun]) -> None:
        """I12: every task has a sentence, and one that waits for others names one of them.

        One of them is asked for by itself, too: what is shared changes nothing that is said.
        """
        shared, asked = Shared(state, now), list(tasks)
        for number, task in enumerate(asked):
            sentence = explain(state, task.id, now, shared)
            if number == state.seq % len(asked) and sentence != explain(state, task.id, now):
                raise Violation(f"I12: {task.id} alone is explained otherwise than: {sentence}")
            if not sentence.strip() or task.id not in sentence:
                raise Violation(f"I12: {task.id} is explained by {sentence!r}")
            if task.state is TaskState.PENDING:
                _names_cause(state, task, sentence)
            if task.state in (TaskState.FAILED, TaskState.CANCELLED) and "tried again" in sentence:
                raise Violation(f"I12: {task.state}, but {sentence!r}")


@dataclass
class _Spending:
    """One budget, added up attempt by attempt."""

    scope: str
    budget: Budget
    usd: float = 0.0
    tokens: int = 0
    held_usd: float = 0.0  # used, or reserved where that is more
    held_tokens: int = 0
    agents: int = 0

    def add(self, attempt: Attempt, *, works: bool) -> None:
        tokens = attempt.tokens_in + attempt.tokens_out
        for review in attempt.reviews:  # they reserve nothing
            used = review.tokens_in + review.tokens_out
            self.usd += review.usd
            self.held_usd += review.usd
            self.tokens += used
            self.held_tokens += used
        self.usd += attempt.usd
        self.tokens += tokens
        self.held_usd += max(attempt.usd, attempt.reserved_usd if works else 0.0)
        self.held_tokens += max(tokens, attempt.reserved_tokens if works else 0)
        self.agents += works

    @property
    def over(self) -> bool:
        of_usd = self.budget.usd is not None and self.usd >= self.budget.usd
        return of_usd or (self.budget.tokens is not None and self.tokens >= self.budget.tokens)

    def may_begin(self, event: e.AttemptClaimed) -> None:
        if self.over:
            raise Violation(f"I11: {event.task} starts over the budget of {self.scope}")
        usd, tokens = self.held_usd + event.reserved_usd, self.held_tokens + event.reserved_tokens
        too_much = self.budget.usd is not None and usd > self.budget.usd + 1e-6
        too_many = self.budget.tokens is not None and tokens > self.budget.tokens
        if self.agents and (too_much or too_many):
            raise Violation(f"I11: {event.task} starts without room in the budget of {self.scope}")


def must_stand(state: RunState, task: TaskRun) -> bool:
    """I11: is the agent of a task under a budget that is used up and asks, or the disk full?"""
    if state.disk is not None and state.disk.mark is DiskMark.FULL:
        return True
    pool = task.attempt.pool if task.attempt is not None else None
    found = _spendings(state, task.id, pool)
    return any(each.over and each.budget.on_exceed is OnExceed.ASK for each in found)


def _within_share(state: RunState, event: e.AttemptClaimed, budget: Budget) -> None:
    account = state.accounts.get(event.account)
    if budget.share is None or account is None or account.utilization is None:
        return
    if account.utilization >= budget.share:
        raise Violation(f"I11: {event.task} starts on {account.name}, which has given enough")


def _spendings(state: RunState, task: TaskId, pool: PoolName | None) -> list[_Spending]:
    """What was used of each budget that an attempt at a task, in this pool, is under."""
    plan = state.plan
    phase = plan.by_id[task].phase
    planned = {"run": plan.budget, f"task:{task}": plan.by_id[task].budget}
    planned |= {f"phase:{each.id}": each.budget for each in plan.phases if each.id == phase}
    planned |= {f"pool:{each.name}": each.budget for each in plan.pools if each.name == pool}
    found = []
    for scope, budget in planned.items():
        spending = _Spending(scope, state.budgets.get(scope, budget))
        if not spending.budget.limited:
            continue
        for other in state.tasks.values():
            for attempt in other.attempts:
                inside = scope in (
                    "run",
                    f"task:{other.id}",
                    f"phase:{plan.by_id[other.id].phase}",
                    f"pool:{attempt.pool}",
                )
                works = other.state in HOLDS_SLOT and attempt is other.attempts[-1]
                if inside:
                    spending.add(attempt, works=works and not _by_hand(state, other))
        found.append(spending)
    return found


def no_silent_stall(state: RunState, steps: Steps) -> None:
    """I12 for the whole run: something is under way, or time will change it, or it is said why."""
    if state.outcome is None and not steps.steps and steps.wake_at is None:
        stands_and_says_why(state)


def stands_and_says_why(state: RunState) -> str:
    """The reason of a run in which nothing can happen by itself."""
    reason = standstill(state)
    if not reason:
        states = {name: str(task.state) for name, task in state.tasks.items()}
        raise Violation(f"I12: the run stands still in silence: {states}")
    asks = any(must_stand(state, task) for task in state.in_state(*LIVE))
    if (
        asks
        and state.disk is None
        and "budget" not in reason
        and not state.paused
        and "preflight" not in reason
    ):
        raise Violation(f"I12: agents are frozen because of a budget, but {reason!r}")
    return reason


def _fits_together(state: RunState, recorded: Recorded) -> None:
    """Facts of one state that cannot contradict each other."""
    for task in state.tasks.values():
        frozen = task.attempt is not None and task.attempt.frozen_at is not None
        if frozen != (task.state is TaskState.PAUSED):
            raise Violation(f"{task.id} is {task.state}, frozen: {frozen}, after {recorded}")
        entries = [entry.id for entry in state.queue.values() if entry.task == task.id]
        ejected = isinstance(recorded.event, e.EntryEjected)  # its task's event comes with it
        if len(entries) != (task.state is TaskState.QUEUED) and not ejected:
            raise Violation(f"{task.id} is {task.state} with entries {entries} after {recorded}")
    for entry in state.queue.values():
        if entry.intended and (entry.build is None or entry.build.commit != entry.intended):
            raise Violation(f"{entry.id} lands {entry.intended}, built {entry.build}: {recorded}")
    event = recorded.event
    if isinstance(event, e.GateFinished):
        numbers = [run.run for run in state.gate_runs(event.gate, event.tree)]
        if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            raise Violation(f"the runs of {event.gate} on {event.tree} are {numbers}")
    repo = state.queue[event.entry].repo if isinstance(event, e.LandingIntended) else None
    if (
        isinstance(event, e.LandingIntended)
        and len({x.intended for x in state.queue.values() if x.intended and x.repo == repo}) > 1
    ):
        raise Violation(f"two landings at once: {recorded}")


def _fits_the_plan(state: RunState, recorded: Recorded) -> None:
    """The tasks of a run are those of its plan, in its order, and need nothing else."""
    if list(state.tasks) != [task.id for task in state.plan.tasks]:
        raise Violation(f"the tasks are not those of the plan: {recorded}")
    for task in state.plan.tasks:
        if not all(needed in state.tasks for needed in task.after):
            raise Violation(f"{task.id} needs what is not there: {recorded}")
        if task.phase is not None and task.phase not in state.plan.phase_by_id:
            raise Violation(f"{task.id} is in a phase that is not there: {recorded}")


def _by_hand(state: RunState, task: TaskRun) -> bool:
    return state.plan.by_id[task.id].human


def _names_cause(state: RunState, task: TaskRun, sentence: str) -> None:
    rest = sentence.removeprefix(f"{task.id} ")
    missing = [n for n in state.plan.by_id[task.id].after if not state.tasks[n].satisfied]
    if missing:
        if not any(name in rest for name in missing):
            raise Violation(f"I12: {task.id} waits for {missing}, but {sentence!r}")
        return
    phases = barrier_phases(state, state.plan.by_id[task.id].phase)
    if not any(phase in rest for phase in phases):
        raise Violation(f"I12: {task.id} waits for the phases {phases}, but {sentence!r}")


def hears(patterns: tuple[str, ...], event: AnyEvent) -> bool:
    """Does a hook with these patterns want the event? Reckoned without what the core reckons."""
    tag = str(type(event).__struct_config__.tag)
    names = [tag]
    if isinstance(event, e.AttemptAsked):
        names.append("task.asks")
    if isinstance(event, e.AttemptClaimed):
        names.append("task.claimed")
    if isinstance(event, e.EntryQueued | e.EntryLanded) and event.task is not None:
        names.append("task.queued" if isinstance(event, e.EntryQueued) else "task.landed")
    if isinstance(event, e.GateFinished):
        red = event.verdict in (Verdict.FAILED, Verdict.TIMED_OUT)
        names += ["gate.failed"] if red else []
    if tag.startswith("hook.") or (isinstance(event, e.StepFailed) and "hook:" in event.step):
        return False
    if tag in ("attempt.progressed", "collisions.foreseen", "engine.stopped"):
        return tag in patterns
    return any(fnmatchcase(name, word) for name in names for word in patterns)
