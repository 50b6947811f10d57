"""The report of a run: what was done, for the people who review it and may have to take it back.

Rules:
- Tasks stand by phase, in the order of the plan; in a phase those that landed come first, in the
  order in which they landed.
- Each landed task says how it is taken back alone: by reverting its own merge commit, which in a
  batch is not the commit that moved the target. What was built on it by name is named, because
  that has to be taken back first.
- Sums count what every attempt used, whatever became of it. Money that nobody has named is counted
  as unknown beside the sum, never as 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from agentdeck.core.explain import explain
from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.lanes import every_target
from agentdeck.core.plan import Plan
from agentdeck.core.state import STUCK, RunState, TaskState
from agentdeck.core.verdicts import Standing
from agentdeck.plans.reporting.card import (
    Card,
    ReviewRow,
    Try,
    base_landings,
    cards,
    in_order_of_landing,
)
from agentdeck.plans.reporting.told import Told

REPORT_VERSION: Final = 1
KIND: Final = "agentdeck-report"  # stands near the beginning of every form, so it is recognised
PROMPT_CHARS: Final = 4_000  # about a page and a half; the whole stands in the plan
PROMPT_LINES: Final = 80  # likewise
REASON_CHARS: Final = 600  # of a failure, with the end of a gate's log


class Rollback(msgspec.Struct, frozen=True, kw_only=True):
    """How one task is taken back."""

    command: str
    first: list[str]  # landed tasks that name it in `after`, the latest first: these go before it


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent was asked to do."""

    text: str
    chars: int  # of the whole
    cut: bool


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """One task of the report."""

    card: Card
    brief: Brief
    why: str  # it stands where it stands; of a failed one with the end of the log
    seconds: float  # of work in all attempts
    tokens: int  # read and written
    usd: float | None  # None = nobody says; else what is known
    added: int  # lines
    removed: int
    rollback: Rollback | None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The tasks of a phase."""

    id: str | None
    title: str
    landed: int
    tasks: list[Done]


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over the run."""

    tasks: int
    states: dict[str, int]  # how many tasks are in each state
    landed: int
    commits_on_target: int
    attempts: int
    retries: int  # attempts after the first of a task
    seconds: float  # of work
    elapsed_s: float  # from the start of the run to its end, or to the last event
    tokens: int
    usd: float | None  # what is known; None = nothing is
    usd_priced: float  # of it, by the price table
    usd_unknown: int  # attempts that used tokens, and nobody says what they cost
    gate_runs: int
    gates_red: int  # trees on which a gate is red, counted for each gate
    gates_flaky: int  # likewise
    files: int  # paths, each once
    added: int
    removed: int


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """Commits of the base branch that were brought in."""

    commit: str
    merge: str
    at: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything."""

    kind: str = KIND
    version: int = REPORT_VERSION
    run: str
    plan: str
    target: str
    base: str
    base_commit: str
    promoted: str | None  # the commit that the base was brought to
    outcome: str | None  # complete | stopped | budget; None = it goes on
    started_at: float
    until: float  # its end, or the last event
    totals: Totals
    phases: list[Group]
    needs_person: list[str]  # failed and cancelled tasks, in plan order
    skipped: list[str]  # skipped and deferred tasks
    from_base: list[Base]


def report_of(told: Told) -> Report:
    """The report. O(tasks + edges + attempts + gate runs)."""
    state = told.state
    found = cards(told)
    order = [card.task for card in in_order_of_landing(found)]
    later = _needed_later(state.plan, order)
    tasks = {card.task: _done(state, card, later.get(card.task, [])) for card in found}
    aside = (TaskState.SKIPPED, TaskState.DEFERRED)
    return Report(
        run=state.run,
        plan=state.plan.name,
        target=every_target(state),
        base=state.base,
        base_commit=state.base_commit,
        promoted=state.promoted or None,
        outcome=str(state.outcome) if state.outcome is not None else None,
        started_at=state.started_at,
        until=_until(state),
        totals=_totals(told, tasks.values()),
        phases=list(_groups(state, tasks)),
        needs_person=[task.id for task in state.tasks.values() if task.state in STUCK],
        skipped=[task.id for task in state.tasks.values() if task.state in aside],
        from_base=[
            Base(commit=each.commit, merge=each.merge or each.commit, at=each.at)
            for each in base_landings(told)
        ],
    )


def _until(state: RunState) -> float:
    return state.finished_at if state.finished_at is not None else state.at


def _needed_later(plan: Plan, order: Sequence[str]) -> dict[str, list[str]]:
    """For each landed task those that name it in `after` and landed too, the latest first."""
    found: dict[str, list[str]] = {}
    for name in reversed(order):
        for needed in dict.fromkeys(plan.by_id[TaskId(name)].after):
            found.setdefault(needed, []).append(name)
    return found


def _done(state: RunState, card: Card, first: list[str]) -> Done:
    spec = state.spec(TaskId(card.task))
    used: list[Try | ReviewRow] = [*card.attempts, *card.reviews]
    known = [one.usd for one in used if one.usd is not None]
    landing = card.landing
    stuck = state.tasks[TaskId(card.task)].state in STUCK  # then its reason says it all
    told = card.reason if stuck else explain(state, TaskId(card.task), _until(state))
    return Done(
        card=card,
        brief=brief_of(spec.prompt),
        why=told.removeprefix(f"{card.task} is ")[:REASON_CHARS],
        seconds=sum(one.seconds for one in card.attempts),
        tokens=sum(one.tokens_in + one.tokens_out for one in used),
        usd=sum(known) if known else None,
        added=sum(file.added or 0 for file in card.files),
        removed=sum(file.removed or 0 for file in card.files),
        rollback=None
        if landing is None
        else Rollback(command=f"git revert -m 1 {landing.merge}", first=first),
    )


def brief_of(prompt: str) -> Brief:
    """A prompt, cut where it is long."""
    lines = prompt.strip().splitlines()
    text = "\n".join(lines[:PROMPT_LINES])[:PROMPT_CHARS].rstrip()
    cut = len(text) < len("\n".join(lines).rstrip())
    return Brief(text=text, chars=len(prompt), cut=cut)


def _groups(state: RunState, tasks: dict[str, Done]) -> Iterator[Group]:
    members: dict[str | None, list[Done]] = {phase.id: [] for phase in state.plan.phases}
    members[None] = []
    for task in tasks.values():
        members[task.card.phase if task.card.phase in members else None].append(task)
    for phase, inside in members.items():
        if inside:
            landed = [task for task in inside if task.card.landing is not None]
            landed.sort(key=lambda task: task.card.landing.order if task.card.landing else 0)
            rest = [task for task in inside if task.card.landing is None]
            title = _title(state.plan, phase)
            count = sum(task.card.state == TaskState.LANDED for task in inside)
            yield Group(id=phase, title=title, landed=count, tasks=[*landed, *rest])


def _title(plan: Plan, phase: str | None) -> str:
    if phase is None:
        return "Other tasks" if plan.phases else "Tasks"
    return plan.phase_by_id[PhaseId(phase)].title or phase


def _totals(told: Told, tasks: Iterable[Done]) -> Totals:
    state, found = told.state, list(tasks)
    tries = [one for task in found for one in task.card.attempts]
    known = [task.usd for task in found if task.usd is not None]
    last = {(run.event.gate, run.event.tree): run.standing for run in told.gates}
    landed = [task for task in found if task.card.landing is not None]
    states: dict[str, int] = {}
    for task in found:
        states[task.card.state] = states.get(task.card.state, 0) + 1
    return Totals(
        tasks=len(found),
        states=states,
        landed=states.get(TaskState.LANDED, 0),
        commits_on_target=len({landing.commit for landing in state.landings}),
        attempts=len(tries),
        retries=sum(one.number > 1 for one in tries),
        seconds=sum(one.seconds for one in tries),
        elapsed_s=max(0.0, _until(state) - state.started_at),
        tokens=sum(task.tokens for task in found),
        usd=sum(known) if known else None,
        usd_priced=sum(one.usd_priced for one in tries),
        usd_unknown=sum(one.usd is None and bool(one.tokens_in or one.tokens_out) for one in tries),
        gate_runs=len(told.gates),
        gates_red=sum(standing is Standing.RED for standing in last.values()),
        gates_flaky=sum(standing is Standing.FLAKY for standing in last.values()),
        files=len({file.path for task in landed for file in task.card.files}),
        added=sum(task.added for task in landed),
        removed=sum(task.removed for task in landed),
    )
