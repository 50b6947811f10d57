"""Budgets: what a run, a phase, a pool or a task may use, and what is left of each.

The rules, in sentences:
1. Used is what attempts, and reviews of their work, say they have used, whatever became of them.
   It is not taken back.
2. An attempt reserves what it is expected to use when it is claimed: the task's tokens at the
   model's price, else what an ended attempt of this run has used on average, else nothing. The
   reservation is held until the attempt has used more than that, or its agent is gone.
3. An agent starts when what it is expected to use fits into what is left of every budget that it is
   under. Where nobody is at work under a budget, anything left is enough: an expectation alone must
   not keep the last money from being used.
4. A budget is used up when what is used has reached its limit. Nothing starts under it then. "ask"
   freezes what works under it until it is raised, "stop" ends it, "drain" lets it go on.
5. What holds is the limit that a person has set last; else that of the plan.
6. A person's task uses nothing, and no budget keeps it back.
7. A `share` is of the allowance that an account itself states. Nothing starts on an account that
   has used more of it, until the allowance resets or a person reopens the account.

A scope is written `run`, `phase:ID`, `pool:NAME` or `task:ID`. A budget of a pool counts the
attempts that worked in it, that of a phase all attempts of the tasks that are in it now.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

import msgspec

from agentdeck.core import review
from agentdeck.core.accounts import Closure
from agentdeck.core.assignment import Assignment, assign
from agentdeck.core.capacity import is_by_hand
from agentdeck.core.ids import PhaseId, PoolName, TaskId
from agentdeck.core.plan import Budget, OnExceed, Phase, Plan, Pool, Task
from agentdeck.core.prices import Tokens
from agentdeck.core.state import HOLDS_SLOT, LIVE, Attempt, RunState, TaskRun, TaskState, Wanted

RUN: Final = "run"
USED_UP: Final = 1.0  # the mark of a budget that is used up
NEAR: Final = 0.9  # of a budget: from here on usage is recorded as soon as it is known
_ROUNDING: Final = 1e-9  # US dollars; sums of floats are off by less
_WIDTH: Final = {"run": 0, "phase": 1, "pool": 2, "task": 3}  # of a scope's kind, widest first
_CENT: Final = 0.01  # US dollars; smaller limits are written out


class Line(msgspec.Struct):
    """One budget at one moment."""

    scope: str
    budget: Budget
    usd: float = 0.0  # used
    tokens: int = 0
    usd_reserved: float = 0.0  # held beyond what is used
    tokens_reserved: int = 0
    at_work: int = 0  # agents under it

    @property
    def used_up(self) -> bool:
        """Is nothing left of it?"""
        return self.used_share >= USED_UP

    @property
    def used_share(self) -> float:
        """How much of it is used: 1.0 = all. Of money and tokens, the one that is nearer."""
        shares = [0.0]
        for used, limit in ((self.usd, self.budget.usd), (self.tokens, self.budget.tokens)):
            if limit is not None:
                shares.append(used / limit if limit > 0 else USED_UP)
        return max(shares)

    @property
    def usd_left(self) -> float | None:
        """US dollars that are neither used nor reserved; None = no limit."""
        limit = self.budget.usd
        return None if limit is None else max(0.0, limit - self.usd - self.usd_reserved)

    @property
    def tokens_left(self) -> int | None:
        """Tokens that are neither used nor reserved; None = no limit."""
        limit = self.budget.tokens
        return None if limit is None else max(0, limit - self.tokens - self.tokens_reserved)

    @property
    def mark(self) -> float:
        """The highest mark that use has passed; 0.0 = none."""
        return max((m for m in (*self.budget.warn, USED_UP) if m <= self.used_share), default=0.0)

    @property
    def words(self) -> str:
        """`the budget of $20`, or `the budget of phase P, 1,000 tokens,`, to go on from."""
        limits = " and ".join(limits_in_words(self.budget))
        if self.scope == RUN:
            return f"the budget of {limits}"
        return f"the budget of {scope_in_words(self.scope)}, {limits},"

    @property
    def sentence(self) -> str:
        """That it is used up."""
        limit = self.budget.usd
        spent = f" (${self.usd:.2f})" if limit is not None and self.usd >= limit else ""
        return f"{self.words} is used up{spent}"

    def refuses(self, usd: float, tokens: int) -> str | None:
        """Why so much more may not be begun under it, or None."""
        if self.used_up:
            return self.sentence
        if not self.at_work:
            return None
        whose = "" if self.scope == RUN else f" of {scope_in_words(self.scope)}"
        left = self.usd_left
        rest = self.tokens_left
        if left is not None and usd > left + _ROUNDING:
            return f"the budget{whose} has ${left:.2f} left, and it needs about ${usd:.2f}"
        if rest is not None and tokens > rest:
            return f"the budget{whose} has {rest:,} tokens left, and it needs about {tokens:,}"
        if left == 0 or rest == 0:
            return f"all that is left of the budget{whose} is reserved by those at work"
        return None


class Book:
    """Every budget of a run at one moment. O(tasks + attempts) to make, little without budgets."""

    def __init__(self, state: RunState) -> None:
        """Add up what is used and reserved."""
        self._state = state
        self.lines = {scope: Line(scope, budget) for scope, budget in in_force(state).items()}
        for task in state.tasks.values() if self.lines else ():
            for attempt in task.attempts:
                self._add(task, attempt)

    def _add(self, task: TaskRun, attempt: Attempt) -> None:
        used = attempt.tokens_in + attempt.tokens_out
        reviews = (attempt.review_usd, attempt.review_tokens) if attempt.reviews else (0.0, 0)
        working = _has_agent(self._state, task) and attempt is task.attempt
        for line in self.over(task.id, attempt.pool):
            line.usd += attempt.usd + reviews[0]
            line.tokens += used + reviews[1]
            if working:
                line.at_work += 1
                line.usd_reserved += max(0.0, attempt.reserved_usd - attempt.usd)
                line.tokens_reserved += max(0, attempt.reserved_tokens - used)

    @property
    def has_shares(self) -> bool:
        """Does any of them look at the allowance of an account?"""
        return any(line.budget.share is not None for line in self.lines.values())

    def over(self, task: TaskId, pool: PoolName | None) -> list[Line]:
        """The budgets that an attempt at a task, in this pool, is under, widest first."""
        if not self.lines:
            return []
        phase = self._state.spec(task).phase
        names = [RUN]
        names += [f"phase:{phase}"] if phase is not None else []
        names += [f"pool:{pool}"] if pool is not None else []
        return [self.lines[name] for name in (*names, f"task:{task}") if name in self.lines]

    # --- starts -----------------------------------------------------------------------------------

    def refuses(self, task: TaskId, chosen: Assignment) -> str | None:
        """Why no agent may start on a task, or None when its expected use fits."""
        if not self.lines or is_by_hand(self._state.plan, task):
            return None
        usd, tokens = self.expected(task, chosen.model)
        lines = self.over(task, chosen.pool)
        return next((why for line in lines if (why := line.refuses(usd, tokens))), None)

    def account_spent(self, task: TaskId, chosen: Assignment) -> Closure | None:
        """Why an account has given enough of its allowance, or None."""
        account = self._state.accounts.get(chosen.account)
        if account is None or account.utilization is None:
            return None
        resets_at = account.resets_at
        shares = [line.budget.share for line in self.over(task, chosen.pool)]
        allowed = min((share for share in shares if share is not None), default=None)
        if allowed is None or account.utilization < allowed:
            return None
        used = f"{account.name} has used {account.utilization:.0%} of its allowance"
        way_out = "" if resets_at is not None else f" (agentdeck accounts resume {account.name})"
        return Closure(f"{used}, and the budget allows {allowed:.0%}{way_out}", resets_at)

    def take(self, task: TaskId, chosen: Assignment) -> None:
        """An agent starts on a task: hold what it is expected to use."""
        if not self.lines or is_by_hand(self._state.plan, task):
            return
        usd, tokens = self.expected(task, chosen.model)
        for line in self.over(task, chosen.pool):
            line.at_work += 1
            line.usd_reserved += usd
            line.tokens_reserved += tokens

    def expected(self, task: TaskId, model: str | None) -> tuple[float, int]:
        """What an attempt at a task with this model is expected to use: US dollars and tokens."""
        state = self._state
        if is_by_hand(state.plan, task):
            return 0.0, 0
        usual_usd, usual_tokens = self._usual
        stated = state.spec(task).tokens
        if stated is None:
            return usual_usd, usual_tokens
        priced = state.prices.usd(model, stated)
        return usual_usd if priced is None else priced, stated

    @cached_property
    def _usual(self) -> tuple[float, int]:
        """What ended attempts that used anything have used on average."""
        ended = [
            (attempt.usd, attempt.tokens_in + attempt.tokens_out)
            for task in self._state.tasks.values()
            for attempt in task.attempts
            if attempt.exit is not None
        ]
        used = [each for each in ended if any(each)]
        if not used:
            return 0.0, 0
        usd, tokens = (sum(column) / len(used) for column in zip(*used, strict=True))
        return usd, round(tokens)

    # --- what works -------------------------------------------------------------------------------

    def freezes(self, task: TaskRun) -> Line | None:
        """The used-up budget because of which the agent of a task has to stand still, or None."""
        return self._used_up(task, OnExceed.ASK)

    def stops(self, task: TaskRun) -> Line | None:
        """The used-up budget because of which the agent of a task is ended, or None."""
        return self._used_up(task, OnExceed.STOP)

    def _used_up(self, task: TaskRun, then: OnExceed) -> Line | None:
        if not self.lines or task.attempt is None:
            return None
        lines = self.over(task.id, task.attempt.pool)
        return next((x for x in lines if x.budget.on_exceed is then and x.used_up), None)

    # --- what waits for a person ------------------------------------------------------------------

    def used_up(self) -> list[Line]:
        """The used-up budgets that something waits for: a frozen agent, or a task to start."""
        spent = [line for line in self.lines.values() if line.used_up]
        if not spent:
            return []
        found: set[str] = set()
        for task in self._state.in_state(TaskState.READY, TaskState.REVIEWING, *HOLDS_SLOT):
            found.update(self._holds_up(task))
        return [line for line in spent if line.scope in found]

    def held_up_by(self, scope: str) -> list[TaskRun]:
        """The tasks that wait for one used-up budget, in plan order."""
        tasks = self._state.in_state(TaskState.READY, TaskState.REVIEWING, *HOLDS_SLOT)
        return [task for task in tasks if scope in self._holds_up(task)]

    def asking(self) -> list[Line]:
        """Those of them that a person is asked to raise."""
        return [line for line in self.used_up() if line.budget.on_exceed is OnExceed.ASK]

    def _holds_up(self, task: TaskRun) -> list[str]:
        """The used-up budgets that a task waits for."""
        state = self._state
        if task.state is TaskState.READY:
            if is_by_hand(state.plan, task.id):
                return []
            pool = assign(state, task, state.at).pool
            return [line.scope for line in self.over(task.id, pool) if line.used_up]
        attempt = task.attempt
        if attempt is None or task.wanted is Wanted.STOP or attempt.limit is not None:
            return []
        if task.state is TaskState.REVIEWING:
            due = review.is_due(state, task)
            return [line.scope for line in self.over(task.id, attempt.pool) if due and line.used_up]
        if task.state not in LIVE and not attempt.held:
            return []
        return [
            line.scope
            for line in self.over(task.id, attempt.pool)
            if line.used_up and (attempt.held or line.budget.on_exceed is OnExceed.ASK)
        ]


def in_force(state: RunState) -> dict[str, Budget]:
    """The budgets that limit anything, by scope, widest first."""
    if not state.budgets:
        return state.plan.budgets
    found = {**state.plan.budgets, **state.budgets}
    limited = {scope: budget for scope, budget in found.items() if budget.limited}
    return dict(sorted(limited.items(), key=lambda item: _WIDTH.get(kind_of(item[0]), len(_WIDTH))))


def budget_of(state: RunState, scope: str) -> Budget | None:
    """The budget of a scope, limited or not; None = there is no such phase, pool or task."""
    return state.budgets.get(scope) or planned(state.plan, scope)


def planned(plan: Plan, scope: str) -> Budget | None:
    """What a plan says of a scope; None = it has no such phase, pool or task."""
    kind, _, name = scope.partition(":")
    found: Phase | Pool | Task | None = None
    match kind:
        case "run" if scope == RUN:
            return plan.budget
        case "phase":
            found = plan.phase_by_id.get(PhaseId(name))
        case "pool":
            found = plan.pool_by_name.get(PoolName(name))
        case "task":
            found = plan.by_id.get(TaskId(name))
    return None if found is None else found.budget


def kind_of(scope: str) -> str:
    """`run`, `phase`, `pool` or `task`, if it is any of them."""
    return scope.partition(":")[0]


def scope_in_words(scope: str) -> str:
    """`the run`, `phase P`."""
    kind, _, name = scope.partition(":")
    return f"{kind} {name}" if name else f"the {kind}"


def limits_in_words(budget: Budget) -> list[str]:
    """`$20`, `1,000 tokens`; empty without a limit."""
    found = [] if budget.usd is None else [dollars(budget.usd)]
    return found if budget.tokens is None else [*found, f"{budget.tokens:,} tokens"]


def dollars(usd: float) -> str:
    """A limit as a person writes it: `$20`, `$0.50`, `$0.0025`."""
    return f"${usd:g}" if 0 < usd < _CENT else f"${usd:,.2f}".removesuffix(".00")


def holds(state: RunState, task: TaskId) -> bool:
    """Must an attempt whose worktree stands now not be launched?"""
    book, run = Book(state), state.tasks[task]
    return book.freezes(run) is not None or book.stops(run) is not None


def is_near(state: RunState, task: TaskId, usd: float, tokens: int) -> bool:
    """Is a budget nearly used up, or quite, if the latest attempt at a task has used so much?"""
    attempt = state.tasks[task].attempt
    book = Book(state)
    if attempt is None:
        return False
    for line in book.over(task, attempt.pool):
        line.usd += usd - attempt.usd
        line.tokens += tokens - attempt.tokens_in - attempt.tokens_out
        if line.used_share >= NEAR:
            return True
    return False


def unpriced(state: RunState) -> list[str]:
    """Models that have used tokens whose price nobody knows, each once, in the order of tasks.

    An empty name stands for a model that its agent does not name.
    """
    found: dict[str, None] = {}
    for task in state.tasks.values() if state.prices.models else ():
        for attempt in task.attempts:
            used = tokens_of(attempt)
            if attempt.usd == 0 and used != Tokens() and not state.prices.price(attempt.model):
                found[attempt.model or ""] = None
    return list(found)


def tokens_of(attempt: Attempt) -> Tokens:
    """The tokens of an attempt, each kind by itself."""
    return Tokens(attempt.tokens_in, attempt.tokens_cached, attempt.tokens_out)


def _has_agent(state: RunState, task: TaskRun) -> bool:
    return task.state in HOLDS_SLOT and not is_by_hand(state.plan, task.id)
