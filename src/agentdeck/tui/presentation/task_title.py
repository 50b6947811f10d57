"""The title of the task pane, and the sentence for a task without what a tab shows."""

from __future__ import annotations

from agentdeck.core.containment import in_words as box_words
from agentdeck.core.state import TaskState
from agentdeck.tui.presentation.agents import who
from agentdeck.tui.presentation.budget import spent
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import count, duration
from agentdeck.tui.presentation.line import EMPTY, Line, Span, plain
from agentdeck.tui.presentation.titles import title_of


def task_title(deck: Deck) -> Line:
    """`◐ S-2 LLM API guide`; the id comes first and is never cut."""
    task = deck.task
    if task is None:
        return (Span("Task"),)
    title = title_of(deck.state.spec(task.id))
    return (
        deck.sign(task.id),
        Span(" "),
        Span(task.id, "bold"),
        Span(f" {title}" if title else ""),
    )


def attempt_title(deck: Deck, room: int) -> Line:
    """`#1 claude·sonnet · 03:12 · 14k · $0.21` of the latest attempt, in at most `room` cells.

    What is least missed goes first: tokens, money, its sandbox, its machine, the agent.
    """
    task = deck.task
    attempt = task.attempt if task is not None else None
    if attempt is None:
        return EMPTY
    tokens = attempt.tokens_in + attempt.tokens_out
    parts = {
        "number": f"#{attempt.number}",
        "who": who(attempt),
        "worker": f"on {plain(attempt.worker)}" if attempt.worker else "",
        "time": duration(attempt.worked_s(deck.now)),
        "tokens": count(tokens) if tokens else "",
        "money": spent(attempt) if attempt.usd else "",
        "box": box_words(attempt.sandbox, network=attempt.network),
    }
    for victim in ("", "tokens", "money", "box", "worker", "who", "time"):
        parts.pop(victim, None)
        text = " · ".join(part for part in parts.values() if part)
        if len(text) <= room:
            break
    return (Span(text, "muted"),)


def no_log(deck: Deck) -> str:
    """What the empty log of the selected task says."""
    task = deck.task
    if task is None:
        return "Select a task: its agent's log appears here."
    if task.attempt is None:
        return f"The log of its agent appears here.\n\n{deck.why(task.id)}."
    if task.state is TaskState.PREPARING:
        return "The worktree is being made; the log begins when the agent does."
    if task.attempt.launched_at is None:
        return "This attempt ended before its agent was started; History (tab) has the reason."
    return "Nothing was written yet."


def no_diff(deck: Deck) -> str:
    """What the empty diff of the selected task says."""
    if deck.simulated:
        return "This run is simulated: no file is changed, so there is no diff."
    task = deck.task
    if task is None:
        return "Select a task: what its agent changed appears here."
    attempt = task.attempt
    if attempt is None or attempt.base is None:
        return f"What its agent changes appears here.\n\n{deck.why(task.id)}."
    return "Nothing has been changed yet." if attempt.live else "This attempt changed nothing."
