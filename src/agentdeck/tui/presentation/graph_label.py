"""A task in the graph: `◐ S-1 03:40`. The id is never cut; the note has a fixed width."""

from __future__ import annotations

from collections import Counter
from typing import Final

from rich.cells import cell_len

from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import Phase
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import duration
from agentdeck.tui.presentation.line import Line, Span, cut, plain
from agentdeck.tui.presentation.status import SIGNS, Status

NOTE_CELLS: Final = (6, 3, 0)  # behind the id: a time, an attempt's number, nothing
SIGN_CELLS: Final = 2
PHASE_CELLS: Final = 24  # of the title of a folded phase
LOUD_CELLS: Final = 8  # behind it: ` ?12 ✖12`


def label_cells(task: str, note_cells: int, repo: str = "") -> int:
    """The width of a task's label; with that of a repository that is not the plan's own."""
    return SIGN_CELLS + len(task) + note_cells + (len(repo) + 1 if repo else 0)


def graph_label(deck: Deck, task_id: TaskId, note_cells: int) -> Line:
    """The label of a task; one that the filter leaves out only keeps its place."""
    if deck.only is not None and task_id not in deck.only.tasks:
        return (Span(deck.sign(task_id).text, "faint"), Span(" "), Span(task_id, "faint"))
    status = deck.status(task_id)
    loud = status in (Status.ASKING, Status.FAILED, Status.REVIEWING)
    quiet = status in (Status.LANDED, Status.SKIPPED, Status.DEFERRED)
    role = SIGNS[status].role + " bold" if loud else "muted" if quiet else ""
    note, note_role = _note(deck, task_id, status)
    repo = deck.state.plan.repo_of(task_id) if deck.state.plan.repos else ""
    tag: Line = (Span(f" {repo}", "accent"),) if repo else ()
    shown: Line = (deck.sign(task_id), deck.gap(task_id), Span(task_id, role), *tag)
    return (*shown, Span(" " + note, note_role)) if note and len(note) < note_cells else shown


def phase_cells(title: str, tasks: int) -> int:
    """The width of the label of a folded phase."""
    return min(PHASE_CELLS, cell_len(title)) + len(f"▸  {tasks}/{tasks}") + LOUD_CELLS


def phase_label(deck: Deck, phase: PhaseId) -> Line:
    """`▸ Streams 3/9 ?1 ✖1`: a folded phase, how far it is, and what of it is loud."""
    spec = deck.state.plan.phase_by_id.get(phase) or Phase(id=phase)
    members = [task.id for task in deck.state.plan.tasks if task.phase == phase]
    found = Counter(deck.status(task) for task in members if task in deck.state.tasks)
    done = found[Status.LANDED] + found[Status.SKIPPED]
    role = "state-landed" if done == len(members) else "muted"
    line: Line = (
        Span("▸ ", "muted"),
        Span(cut(plain(spec.title) or phase, PHASE_CELLS), "bold"),
        Span(f" {done}/{len(members)}", role),
    )
    loud = [s for s in (Status.ASKING, Status.REVIEWING, Status.FAILED, Status.WORKING) if found[s]]
    for status in loud[:2]:
        line += (Span(f" {SIGNS[status].glyph}{found[status]}", SIGNS[status].role),)
    return line


def _note(deck: Deck, task_id: TaskId, status: Status) -> tuple[str, str]:
    attempt = deck.state.tasks[task_id].attempt
    if status is Status.ASKING:
        return "asks", "state-asks"
    if attempt is not None and (status is Status.FAILED or attempt.number > 1):
        return f"#{attempt.number}", "muted"
    if attempt is not None and attempt.live:
        return duration(attempt.worked_s(deck.now)), "muted"
    return "", ""
