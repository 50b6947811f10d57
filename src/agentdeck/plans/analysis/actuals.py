"""What a run has really used, by model, agent and phase, beside what its plan had estimated.

Rules:
- Every attempt of an agent counts, whatever became of it. A retry is an attempt after the first one
  that was launched.
- An attempt that reports tokens and no money is priced by the table, what it read and what it wrote
  each at its own price. Where the model has no price, its money is unknown and never guessed.
- Like is compared with like: a task counts on both sides once it has landed, states its figure and
  its agent has reported one. What has not settled is ahead, with the whole of its estimate.
- An attempt stands under the model it reported; under the plan's name for it where that is a part
  of the reported one (`sonnet`, `claude-sonnet-4-5`). Where the plan names no model, the estimate
  stands with the model that did the work.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from agentdeck.core.budgets import tokens_of
from agentdeck.core.ids import AgentName, RunId, TaskId
from agentdeck.core.plan import Plan, Task
from agentdeck.core.state import SETTLED, Attempt, RunState, TaskRun, TaskState
from agentdeck.plans.analysis.cost import Spent, by_person, spent_by, usd_of
from agentdeck.plans.analysis.prices import Prices


class Used(msgspec.Struct, frozen=True):
    """What some attempts have used."""

    attempts: int = 0
    tokens: int = 0  # read and written
    usd: float | None = 0.0  # of those whose money is known; None = of none it is
    priced: int = 0  # attempts that reported no money and were priced by the table
    priced_usd: float = 0.0  # of `usd`, what the table says
    no_price: int = 0  # attempts that reported tokens, no money, and have no price
    silent: int = 0  # attempts that have reported neither


class Beside(msgspec.Struct, frozen=True):
    """One figure of the tasks that can be compared."""

    tasks: int = 0
    estimated: float = 0.0
    actual: float = 0.0

    @property
    def share(self) -> float | None:
        """What was used, as a share of the estimate; None = there is nothing to compare."""
        return self.actual / self.estimated if self.estimated else None


class Account(msgspec.Struct, frozen=True):
    """A model, an agent, a phase or the whole: what is behind and what is ahead."""

    tasks: int  # that cost something; without deferred ones and people's
    landed: int
    used: Used  # by all attempts
    retries: Used  # of it
    tokens: Beside
    usd: Beside  # US dollars
    ahead: Spent  # estimate of what has not settled, tasks under way included


class Actuals(msgspec.Struct, frozen=True):
    """The whole and its parts; an empty name is for what is not said."""

    run: RunId
    total: Account
    by_model: dict[str, Account]
    by_agent: dict[str, Account]
    by_phase: dict[str, Account]


class _Try(msgspec.Struct, frozen=True):
    """One attempt."""

    names: tuple[str, str, str]  # model, agent, phase
    tokens: int
    usd: float | None  # None = not known
    priced: float | None  # of it, by the price table; None = its agent named all of it
    retry: bool
    silent: bool
    in_tokens: bool  # do its tokens count in the comparison?
    in_usd: bool


class _Guess(msgspec.Struct, frozen=True):
    """The estimate of one task."""

    names: tuple[str, str, str]
    tokens: int | None
    usd: float | None
    landed: bool
    ahead: bool
    in_tokens: bool
    in_usd: bool


_Entry = _Try | _Guess
_MODEL: Final = 0  # places in `names`
_AGENT: Final = 1
_PHASE: Final = 2
_NOTHING: Final = TaskRun(id=TaskId(""))  # of a task that the run does not know


def actuals_of(plan: Plan, state: RunState, prices: Prices) -> Actuals:
    """What a run has used, beside the plan's estimates.

    Args:
        plan: whose estimates are meant: the run's own, or another version of it. What the run
            spent on tasks that `plan` does not have counts, and is compared with nothing.

    O(tasks + attempts).
    """
    entries = list(_entries(plan, state, prices))
    return Actuals(
        run=state.run,
        total=_account(entries),
        by_model=_parts(entries, _MODEL),
        by_agent=_parts(entries, _AGENT),
        by_phase=_parts(entries, _PHASE),
    )


def _entries(plan: Plan, state: RunState, prices: Prices) -> Iterator[_Entry]:
    """The estimate of each task and its attempts, so that names come in the order of the plan."""
    people = {name for name, agent in state.plan.agent_by_name.items() if agent.use == "human"}
    for task in plan.tasks:
        run = state.tasks.get(task.id, _NOTHING)
        attempts = _of_agents(run, people)
        planned, phase = plan.settings(task.id).model or "", task.phase or ""
        guess = _guess(plan, task, run.state, attempts, prices)
        if guess is not None:
            yield guess
        yield from (_try(a, n, planned, phase, prices, guess) for n, a in enumerate(attempts))
    for run in state.tasks.values():
        if run.id not in plan.by_id:
            attempts = _of_agents(run, people)
            planned = state.settings(run.id).model or ""
            phase = state.spec(run.id).phase or ""
            yield from (_try(a, n, planned, phase, prices, None) for n, a in enumerate(attempts))


def _of_agents(run: TaskRun, people: Container[AgentName]) -> list[Attempt]:
    """The attempts that may have cost something: launched, and not by a person."""
    return [
        each
        for each in run.attempts
        if each.agent not in people and (each.launched_at is not None or _reported(each))
    ]


def _guess(
    plan: Plan, task: Task, stands: TaskState, attempts: Sequence[Attempt], prices: Prices
) -> _Guess | None:
    """What a task was expected to cost; None = it is deferred or done by a person."""
    if task.defer or by_person(plan, task):
        return None
    settings, usd = plan.settings(task.id), usd_of(plan, task, prices)
    landed = stands is TaskState.LANDED
    return _Guess(
        (settings.model or _worked(attempts), settings.agent, task.phase or ""),
        task.tokens,
        usd,
        landed=landed,
        ahead=stands not in SETTLED,
        in_tokens=landed and bool(task.tokens) and any(_tokens(each) for each in attempts),
        in_usd=landed and bool(usd) and _all_known(attempts, prices),
    )


def _try(
    attempt: Attempt, number: int, planned: str, phase: str, prices: Prices, guess: _Guess | None
) -> _Try:
    usd = _usd(attempt, prices)
    return _Try(
        (_model(attempt, planned), attempt.agent, phase),
        _tokens(attempt),
        usd,
        priced=(attempt.usd_priced or None) if attempt.usd else usd,
        retry=number > 0,
        silent=not _reported(attempt),
        in_tokens=guess is not None and guess.in_tokens,
        in_usd=guess is not None and guess.in_usd,
    )


def _reported(attempt: Attempt) -> bool:
    return bool(_tokens(attempt) or attempt.usd)


def _tokens(attempt: Attempt) -> int:
    return attempt.tokens_in + attempt.tokens_out


def _usd(attempt: Attempt, prices: Prices) -> float | None:
    """What an attempt cost, as it says or by the table; None = not known."""
    if attempt.usd:
        return attempt.usd
    return prices.cost(attempt.model, tokens_of(attempt)) if _tokens(attempt) else None


def _all_known(attempts: Sequence[Attempt], prices: Prices) -> bool:
    """Is the money of every attempt that has reported something known, and of one at least?"""
    told = [_usd(each, prices) for each in attempts if _reported(each)]
    return bool(told) and None not in told


def _model(attempt: Attempt, planned: str) -> str:
    reported = attempt.model or ""
    return planned if planned and planned.lower() in reported.lower() else reported


def _worked(attempts: Sequence[Attempt]) -> str:
    """The model of the latest attempt that has reported something; empty = none has."""
    return next((each.model or "" for each in reversed(attempts) if _reported(each)), "")


def _parts(entries: Iterable[_Entry], by: int) -> dict[str, Account]:
    members: dict[str, list[_Entry]] = {}
    for each in entries:
        members.setdefault(each.names[by], []).append(each)
    return {name: _account(inside) for name, inside in members.items()}


def _account(entries: Sequence[_Entry]) -> Account:
    tries = [each for each in entries if isinstance(each, _Try)]
    guesses = [each for each in entries if isinstance(each, _Guess)]
    return Account(
        tasks=len(guesses),
        landed=sum(each.landed for each in guesses),
        used=_used(tries),
        retries=_used([each for each in tries if each.retry]),
        tokens=Beside(
            sum(each.in_tokens for each in guesses),
            sum(each.tokens or 0 for each in guesses if each.in_tokens),
            sum(each.tokens for each in tries if each.in_tokens),
        ),
        usd=Beside(
            sum(each.in_usd for each in guesses),
            sum((each.usd or 0.0 for each in guesses if each.in_usd), 0.0),
            sum((each.usd or 0.0 for each in tries if each.in_usd), 0.0),
        ),
        ahead=spent_by([(each.tokens, each.usd) for each in guesses if each.ahead]),
    )


def _used(tries: Sequence[_Try]) -> Used:
    known = [each.usd for each in tries if each.usd is not None]
    priced = [each.priced for each in tries if each.priced is not None]
    return Used(
        attempts=len(tries),
        tokens=sum(each.tokens for each in tries),
        usd=sum(known, 0.0) if known or not tries else None,
        priced=len(priced),
        priced_usd=sum(priced, 0.0),
        no_price=sum(each.usd is None and not each.silent for each in tries),
        silent=sum(each.silent for each in tries),
    )
