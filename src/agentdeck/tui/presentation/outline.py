"""The plan as a list: phases that fold, and one row a task.

Rules: tasks stand in plan order below their phase; those of no phase come first, without a head.
A row's key is the task's id, or `phase:ID` for the head of a phase. Ids are never cut.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import Phase
from agentdeck.core.state import TaskRun, TaskState
from agentdeck.tui.presentation.collisions import collision_note
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import duration
from agentdeck.tui.presentation.line import EMPTY, Line, Span, cells, fit, plain, spread
from agentdeck.tui.presentation.status import SIGNS, Status
from agentdeck.tui.presentation.titles import repo_tag, title_of

PHASE_PREFIX: Final = "phase:"
TITLE_CELLS: Final = 16  # of a title that a collision does not cover
MAX_ID_COLUMN: Final = 22  # cells; longer ids stand out of the column rather than being cut
ALWAYS_OUTLINE: Final = 60  # tasks; above this a graph no longer fits a screen


def outline_rows(deck: Deck) -> list[str]:
    """The keys of the rows that are shown, top to bottom; a phase without one has no head."""
    plan = deck.state.plan
    rows: list[str] = [task.id for task in plan.tasks if task.phase is None]
    members: dict[PhaseId, list[str]] = {phase.id: [] for phase in plan.phases}
    for task in plan.tasks:
        if task.phase is not None:
            members.setdefault(task.phase, []).append(task.id)
    if deck.only is not None:
        kept = deck.only.tasks
        rows = [key for key in rows if key in kept]
        shown = {phase: [key for key in keys if key in kept] for phase, keys in members.items()}
        members = {phase: keys for phase, keys in shown.items() if keys}
    for phase, tasks in members.items():
        rows.append(PHASE_PREFIX + phase)
        if phase not in deck.folded:
            rows += tasks
    return rows


def id_column(deck: Deck) -> int:
    """The width of the column of ids."""
    return min(MAX_ID_COLUMN, deck.longest_id)


def outline_row(deck: Deck, key: str, width: int) -> Line:
    """One row of the outline."""
    if key.startswith(PHASE_PREFIX):
        return _phase_row(deck, PhaseId(key.removeprefix(PHASE_PREFIX)), width)
    task = deck.state.tasks.get(TaskId(key))
    if task is None:  # dropped from the plan since the rows were listed
        return EMPTY
    return task_row(deck, task, width, indent=_indent(deck, key))


def _indent(deck: Deck, key: str) -> str:
    return "  " if deck.state.plan.by_id[TaskId(key)].phase is not None else ""


def task_row(deck: Deck, task: TaskRun, width: int, *, indent: str = "") -> Line:
    """`◐ S-1  Stream protocol            #2 03:40`."""
    status = deck.status(task.id)
    loud = status in (Status.ASKING, Status.FAILED, Status.REVIEWING)
    quiet = status in (Status.LANDED, Status.SKIPPED, Status.DEFERRED)
    id_role = SIGNS[status].role + " bold" if loud else "muted" if quiet else ""
    left: Line = (
        Span(indent),
        deck.sign(task.id),
        deck.gap(task.id),
        Span(task.id + " " * max(0, id_column(deck) - len(task.id)), id_role),
        Span("  "),
        *(tag := repo_tag(deck.state.plan, deck.state.plan.repo_of(task.id))),
        Span(title_of(deck.state.spec(task.id)), "muted"),
    )
    note = task_note(deck, task)
    needed = cells(left[:4]) + cells(tag) + cells(note) + 1
    if needed > width:
        return spread(left, EMPTY, width)
    title = min(TITLE_CELLS, cells(left[4:]) - cells(tag))
    collides = collision_note(deck, task.id, width - needed - title - 3)
    between: Line = (Span(" "),) if collides and note[0].text[:1] != " " else EMPTY
    return spread(left, (*collides, *between, *note), width)


def task_note(deck: Deck, task: TaskRun) -> Line:
    """What stands at the end of a task's row: a word where one helps, and how long it worked."""
    attempt = task.attempt
    words = {
        Status.ASKING: ("asks", "state-asks"),
        Status.TAKEN: ("by hand", "state-taken"),
        Status.REVIEWING: ("review", "state-asks"),
        Status.FAILED: ("failed", "state-failed"),
        Status.BLOCKED: ("blocked", "state-blocked"),
        Status.PROPOSED: ("approve?", "state-proposed"),
        Status.PAUSED: ("paused", "state-paused"),
        Status.RETRYING: ("retries", "state-ready"),
        Status.SKIPPED: ("skipped", "state-skipped"),
        Status.DEFERRED: ("deferred", "state-deferred"),
        Status.CANCELLED: ("stopped", "state-blocked"),
        Status.CHECKING: ("checks", "state-checking"),
        Status.QUEUED: ("queued", "state-queued"),
    }
    status = deck.status(task.id)
    word, role = words.get(status, ("", ""))
    if status is Status.PROPOSED and task not in deck.waiting_for_me:
        word = "proven"
    if task.held:
        word, role = "held", "state-paused"
    number = f"#{attempt.number}" if attempt is not None and attempt.number > 1 else ""
    worked = sum(a.worked_s(deck.now) for a in task.attempts)
    time = fit(duration(worked), 5, "right") if worked >= 1 else " " * 5
    found = [Span(word, role)] if word else []
    if number:
        found += [Span(" " if found else ""), Span(number, "muted")]
    return (*found, Span(" " + time, "muted"))


def _phase_row(deck: Deck, phase_id: PhaseId, width: int) -> Line:
    phase = deck.state.plan.phase_by_id.get(phase_id) or Phase(id=phase_id)
    members = [t for t in deck.state.tasks.values() if deck.state.spec(t.id).phase == phase_id]
    folded = phase_id in deck.folded
    done = sum(t.state in (TaskState.LANDED, TaskState.SKIPPED) for t in members)
    left: list[Span] = [
        Span("▸ " if folded else "▾ ", "muted"),
        Span(plain(phase.title) or phase.id, "bold"),
    ]
    if phase.sync:
        left.append(Span("  sync" if phase_id not in deck.state.closed_phases else "", "faint"))
    found = Counter(deck.status(t.id) for t in members)
    loud = (Status.ASKING, Status.REVIEWING, Status.FAILED, Status.WORKING)
    right: list[Span] = []
    for status in loud:
        if found[status] and (folded or status is not Status.WORKING):
            sign = SIGNS[status]
            right += [Span(f"{sign.glyph}{found[status]}", sign.role), Span(" ")]
    whole = done == len(members) and members
    right.append(
        Span(fit(f"{done}/{len(members)}", 5, "right"), "state-landed" if whole else "muted")
    )
    return spread(tuple(left), tuple(right), width)
