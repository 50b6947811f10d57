"""The evidence card of a task: who worked on it, what proves it, and where it landed.

Rules:
- A card follows from the journal alone, so the same journal gives the same card.
- Its fields are a promise to programs (`docs/report.md`): fields may be added, and `CARD_VERSION`
  grows when one changes its meaning or goes.
- What is not known is None, never 0 or a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from agentdeck.core import evidence
from agentdeck.core.events import EntryKind, Verdict
from agentdeck.core.ids import TaskId
from agentdeck.core.lanes import of_task
from agentdeck.core.review import comment_line
from agentdeck.core.state import Attempt, Landing, Review, TaskRun, TaskState
from agentdeck.plans.reporting.told import GateTold, Told

COMMENTS_SHOWN: Final = 20  # of one review; the card has them all
CARD_VERSION: Final = 1
SECONDS_DIGITS: Final = 3  # as gates are measured
LINE_CHARS: Final = 400  # of the last line of a gate's log


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt."""

    number: int  # counts from 1
    agent: str
    model: str | None
    session: str | None
    started_at: float | None  # of its process, seconds since the epoch
    ended: str | None  # how, in words; None = it goes on
    cause: str | None  # what it failed of
    exit_code: int | None  # negative = killed by that signal
    seconds: float  # of work, without the time it was frozen
    tokens_in: int
    tokens_out: int
    tokens_cached: int  # not in tokens_in
    usd: float | None  # None = neither its agent nor the price table says
    usd_priced: float  # of `usd`, what the price table says and not the agent
    tools: int  # tool calls
    hands: str | None  # the person who took it over
    base: str | None  # the commit it started from
    head: str | None  # its last commit
    tree: str | None
    commits: int | None


class GateRow(msgspec.Struct, frozen=True, kw_only=True):
    """A gate on one tree, all its runs there."""

    gate: str
    when: str
    verdict: str  # green | flaky | red | open
    last: str  # how its last run ended: passed | failed | timed out | broken
    runs: int
    seconds: float  # of all its runs
    tree: str
    commit: str
    attempt: int | None  # whose tree it is; None = what would land
    landed: bool  # it is the tree that landed
    at: float  # end of the last run, seconds since the epoch
    code: int | None  # exit status of the last run
    log: str  # folder of the last run's log, below the run's folder
    red_log: str | None  # likewise, of the last run that did not pass
    red_line: str  # the last line of that log


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """A person's yes to what landed, or to the latest attempt."""

    by: str
    at: float
    attempt: int


class Landed(msgspec.Struct, frozen=True, kw_only=True):
    """Where the work is on the target."""

    commit: str  # on the target; others of its batch have the same
    merge: str  # the merge commit of this task alone
    head: str  # the work it brings in
    tree: str
    at: float
    attempt: int
    order: int  # counts the landings of the run from 1
    together: list[str]  # the other tasks of its batch


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A path that was changed."""

    path: str
    added: int | None  # lines; None = a binary file
    removed: int | None


class ReviewRow(msgspec.Struct, frozen=True):
    """One review of an attempt's work, by an agent or by a person who sent it back."""

    attempt: int
    by: str
    agent: bool  # by an agent; else by a person
    verdict: str | None  # approve | request changes | failed | ended; None = it goes on
    summary: str
    problem: str  # why there is no verdict
    comments: list[str]  # `file:line: text`
    at: float  # when it began, seconds since the epoch
    model: str | None
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    usd: float | None
    log: str  # folder below the run's folder


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about one task of a run."""

    kind: str = "agentdeck-card"
    version: int = CARD_VERSION
    run: str
    plan: str
    target: str
    task: str
    title: str
    phase: str | None
    state: str
    reason: str  # of the state, in words
    cause: str | None  # of the latest failure, unless it has landed
    policy: str  # auto | approve | review: whose yes it needs
    reviewed: bool  # a review of its diff was asked for
    reviews: list[ReviewRow]  # oldest first
    approval: Approval | None
    hands: list[str]  # people who worked on it themselves
    skipped_by: str | None
    attempts: list[Try]
    gates: list[GateRow]
    files: list[File]
    landing: Landed | None


def cards(told: Told) -> list[Card]:
    """The card of every task, in plan order. O(tasks + attempts + gate runs)."""
    by_tree, by_task = _grouped(told.gates)
    landings = _landings(told)
    return [
        _card(told, task, landings.get(task.id), by_tree, by_task.get(task.id, ()))
        for task in told.state.tasks.values()
    ]


def in_order_of_landing(found: Iterable[Card]) -> list[Card]:
    """The cards of what has landed on the target, the first one first."""
    landed = [(card.landing.order, card) for card in found if card.landing is not None]
    return [card for _, card in sorted(landed, key=lambda pair: pair[0])]


def _grouped(
    runs: Iterable[GateTold],
) -> tuple[dict[str, list[GateTold]], dict[TaskId, list[GateTold]]]:
    by_tree: dict[str, list[GateTold]] = {}
    by_task: dict[TaskId, list[GateTold]] = {}
    for run in runs:
        by_tree.setdefault(run.event.tree, []).append(run)
        if run.event.task is not None:
            by_task.setdefault(run.event.task, []).append(run)
    return by_tree, by_task


def _landings(told: Told) -> dict[TaskId, Landed]:
    """The landing of each task that has one."""
    found: dict[TaskId, Landed] = {}
    together: dict[str, list[str]] = {}
    for landing in told.state.landings:
        together.setdefault(landing.commit, []).append(str(landing.task or landing.entry))
    for order, landing in enumerate(told.state.landings, start=1):
        if landing.task is not None and not told.state.tasks[landing.task].reverted:
            others = [name for name in together[landing.commit] if name != landing.task]
            found[landing.task] = _landed(told, landing, order, others)
    return found


def _landed(told: Told, landing: Landing, order: int, together: list[str]) -> Landed:
    queued = told.queued[landing.entry]
    return Landed(
        commit=landing.commit,
        merge=landing.merge or landing.commit,
        head=queued.head,
        tree=told.trees[landing.commit],
        at=landing.at,
        attempt=queued.attempt or 0,
        order=order,
        together=together,
    )


def _card(
    told: Told,
    task: TaskRun,
    landing: Landed | None,
    by_tree: dict[str, list[GateTold]],
    own: Iterable[GateTold],
) -> Card:
    state = told.state
    spec = state.spec(task.id)
    landed = task.state is TaskState.LANDED
    number = landing.attempt if landing is not None else len(task.attempts)
    collected = [one.collected for one in task.attempts if one.collected is not None]
    trees = {work.tree for work in collected} | {one.ejected_tree for one in task.attempts}
    if landing is not None:
        trees.add(landing.tree)
    runs = [*own, *(run for tree in trees if tree for run in by_tree.get(tree, ()))]
    files = collected[-1].files if collected else ()
    return Card(
        run=state.run,
        plan=state.plan.name,
        target=of_task(state, task.id).target,
        task=task.id,
        title=spec.title,
        phase=spec.phase,
        state=str(task.state),
        reason=task.done_how or task.reason,
        cause=str(task.cause) if task.cause is not None and not landed else None,
        policy=str(state.settings(task.id).land),
        reviewed=any((task.id, one.number) in told.reviews for one in task.attempts),
        reviews=[_review(one.number, review) for one in task.attempts for review in one.reviews],
        approval=_approval(told, task, number),
        hands=evidence.hands_of(task, number),
        skipped_by=told.skipped_by.get(task.id) if task.state is TaskState.SKIPPED else None,
        attempts=[_try(one, state.at) for one in task.attempts],
        gates=list(_gate_rows(runs, task, landing)),
        files=[File(path=f.path, added=_lines(f.added), removed=_lines(f.removed)) for f in files],
        landing=landing,
    )


def _review(attempt: int, review: Review) -> ReviewRow:
    return ReviewRow(
        attempt=attempt,
        by=review.by,
        agent=review.run > 0,
        verdict=str(review.verdict) if review.verdict is not None else None,
        summary=review.summary,
        problem=review.problem,
        comments=[comment_line(comment) for comment in review.comments],
        at=review.started_at,
        model=review.model,
        tokens_in=review.tokens_in,
        tokens_out=review.tokens_out,
        tokens_cached=review.tokens_cached,
        usd=review.usd or None,
        log=review.log,
    )


def _approval(told: Told, task: TaskRun, attempt: int) -> Approval | None:
    """The last yes to this attempt."""
    said = [yes for yes in told.approvals.get(task.id, ()) if yes.attempt == attempt]
    return Approval(by=said[-1].by, at=said[-1].at, attempt=attempt) if said else None


def _try(attempt: Attempt, now: float) -> Try:
    work = attempt.collected
    return Try(
        number=attempt.number,
        agent=attempt.agent,
        model=attempt.model,
        session=attempt.session,
        started_at=attempt.launched_at,
        ended=attempt.outcome or None,
        cause=str(attempt.cause) if attempt.cause is not None else None,
        exit_code=attempt.exit.code if attempt.exit is not None else None,
        seconds=round(attempt.worked_s(now), SECONDS_DIGITS),
        tokens_in=attempt.tokens_in,
        tokens_out=attempt.tokens_out,
        tokens_cached=attempt.tokens_cached,
        usd=attempt.usd or None,
        usd_priced=attempt.usd_priced,
        tools=attempt.tools,
        hands=attempt.hands or None,
        base=attempt.own_base,
        head=work.head or None if work is not None else None,
        tree=work.tree or None if work is not None else None,
        commits=work.commits if work is not None else None,
    )


def _gate_rows(
    runs: Iterable[GateTold], task: TaskRun, landing: Landed | None
) -> Iterator[GateRow]:
    """One row for each gate on each tree, in the order of their first runs."""
    whose = {one.collected.tree: one.number for one in task.attempts if one.collected is not None}
    found: dict[tuple[str, str], dict[int, GateTold]] = {}
    for run in sorted(runs, key=lambda run: (run.at, run.event.run)):
        key = (run.event.gate, run.event.tree)
        found.setdefault(key, {})[run.event.run] = run  # a run may be there by task and by tree
    for (gate, tree), told in found.items():
        last = list(told.values())[-1]
        event = last.event
        red = [one.event for one in told.values() if one.event.verdict is not Verdict.PASSED]
        yield GateRow(
            gate=gate,
            when=str(event.when),
            verdict=str(last.standing),
            last=str(event.verdict),
            runs=len(told),
            seconds=round(sum(run.event.seconds for run in told.values()), SECONDS_DIGITS),
            tree=tree,
            commit=event.commit,
            attempt=whose.get(tree, event.attempt),
            landed=landing is not None and tree == landing.tree,
            at=last.at,
            code=event.code,
            log=event.log,
            red_log=red[-1].log if red else None,
            red_line=last_line(red[-1].tail) if red else "",
        )


def last_line(tail: str) -> str:
    """The last line of a log that says anything, cut at `LINE_CHARS`."""
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    return lines[-1][:LINE_CHARS] if lines else ""


def _lines(count: int) -> int | None:
    return None if count < 0 else count


def base_landings(told: Told) -> list[Landing]:
    """The landings that brought in commits of the base branch."""
    return [
        landing
        for landing in told.state.landings
        if (queued := told.queued.get(landing.entry)) is not None
        and queued.entry_kind is EntryKind.BASE
    ]
