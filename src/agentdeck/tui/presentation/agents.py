"""The agents pane: who is at work, on what, for how long and at which price.

Rules: one row a task that holds a slot, is in a person's hands or is being checked, in plan order;
the columns keep their widths, and the latest activity takes what is left.
"""

from __future__ import annotations

from typing import Final

from agentdeck.core import disk
from agentdeck.core.explain import first_line
from agentdeck.core.ids import TaskId
from agentdeck.core.scheduler import is_human
from agentdeck.core.state import HOLDS_SLOT, LIVE, Attempt, TaskRun, TaskState, Wanted
from agentdeck.tui.presentation.budget import spent
from agentdeck.tui.presentation.collisions import collision_note
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import count, duration
from agentdeck.tui.presentation.line import Line, Span, cut_line, fit, plain, spread
from agentdeck.tui.presentation.outline import id_column
from agentdeck.tui.presentation.titles import repo_tag

WHO_CELLS: Final = 8  # of the model's name alone, where room is short
WIDE_WHO_CELLS: Final = 20
WIDE: Final = 70  # cells of a pane from which on tokens and money have columns


def agent_rows(deck: Deck) -> list[str]:
    """The tasks with an agent or in somebody's hands, in plan order."""
    shown = (*HOLDS_SLOT, TaskState.TAKEN, TaskState.CHECKING)
    return [task.id for task in deck.state.in_state(*shown)]


def slots_used(deck: Deck) -> int:
    """How many of the agent slots are taken."""
    holders = deck.state.in_state(*HOLDS_SLOT)
    return sum(not is_human(deck.state, task.id) for task in holders)


def who(attempt: Attempt) -> str:
    """`claude·sonnet`; only the agent where no other name of a model is known."""
    model = plain(attempt.model or "").removeprefix("claude-")
    return f"{attempt.agent}·{model}" if model not in ("", attempt.agent) else str(attempt.agent)


def agent_row(deck: Deck, key: str, width: int) -> Line:
    """One row of the pane."""
    task = deck.state.tasks[TaskId(key)]
    attempt = task.attempt
    wide = width >= WIDE
    size = min(id_column(deck), 16) if width >= 50 else 0
    line: list[Span] = [
        deck.sign(task.id),
        deck.gap(task.id),
        Span(task.id + " " * max(0, size - len(task.id)), "bold"),
        Span("  "),
        *repo_tag(deck.state.plan, deck.state.plan.repo_of(task.id)),
    ]
    if attempt is not None:
        who_cells = WIDE_WHO_CELLS if wide else WHO_CELLS
        name = (
            who(attempt) if wide else plain(attempt.model or attempt.agent).removeprefix("claude-")
        )
        worked = fit(duration(attempt.worked_s(deck.now)), 5, "right")
        tokens = fit(count(attempt.tokens_in + attempt.tokens_out), 4, "right")
        line += [Span(fit(name, who_cells), "muted"), Span(" " + worked)]
        line.append(Span(f"  {tokens}", "muted"))
        if wide:
            line.append(Span("  " + fit(spent(attempt), 6, "right"), "muted"))
        line += [Span("  "), doing(deck, task)]
    collides = collision_note(deck, task.id, (width - id_column(deck)) // 3)
    return spread(tuple(line), collides, width) if collides else cut_line(tuple(line), width)


def doing(deck: Deck, task: TaskRun) -> Span:
    """What the agent does, in a few words."""
    attempt = task.attempt
    if attempt is None:
        return Span("")
    if task.wanted is Wanted.STOP:
        return Span("is being stopped", "state-failed")
    if task.wanted is Wanted.TAKE and task.state in LIVE:
        return Span(f"{plain(task.taken_by)} takes it over", "state-taken")
    match task.state:
        case TaskState.PREPARING:
            return Span("makes its worktree", "muted")
        case TaskState.PAUSED if task.wanted is Wanted.RUN and deck.book.freezes(task) is not None:
            return Span(f"its budget is used up; {deck.key('run.budget')} raises it", "state-asks")
        case TaskState.PAUSED if task.wanted is Wanted.RUN and disk.stands(deck.state):
            return Span("waits for room on the disk", "state-asks")
        case TaskState.PAUSED:
            return Span(f"paused; {deck.key('task.pause')} resumes", "state-paused")
        case TaskState.ASKING:
            text = attempt.question.text if attempt.question else task.reason
            return Span("asks: " + plain(first_line(text)), "state-asks")
        case TaskState.TAKEN:
            return Span(
                f"in the hands of {plain(task.taken_by)} ({deck.key('task.take_over')})",
                "state-taken",
            )
        case TaskState.CHECKING:
            return Span("work is being checked", "state-checking")
        case _:
            return Span(plain(attempt.doing), "")
