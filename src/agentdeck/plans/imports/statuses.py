"""Words of task trackers for state, priority and complexity, as a plan says them.

Rules: a task that is under way elsewhere is still to be done here. What a document calls blocked is
held by what it waits for and by nothing else. Both are guesses, and remarked.
"""

from __future__ import annotations

from typing import Final

from agentdeck.plans.imports.draft import Draft, DraftTask
from agentdeck.plans.imports.words import Status, complexity_of, duration_of, status_of

MAX_COMPLEXITY: Final = 10  # of scales that count

_MORE: Final = {
    "running": Status.ACTIVE,
    "claimed": Status.ACTIVE,
    "assigned": Status.ACTIVE,
    "failed": Status.TODO,
    "draft": Status.TODO,
    "proposed": Status.TODO,
    "integrated": Status.DONE,
    "accepted": Status.DONE,
}
_PRIORITIES: Final = {
    **dict.fromkeys(("critical", "urgent", "highest", "blocker"), 20),
    "high": 10,
    **dict.fromkeys(("medium", "normal", "moderate", "med"), 0),
    "low": -10,
    **dict.fromkeys(("lowest", "trivial", "minor"), -20),
}
_STEPS: Final = (  # upper ends of a scale from 1 to 10
    (2, "low"),
    (4, "low-medium"),
    (6, "medium"),
    (7, "medium-high"),
    (8, "high"),
    (10, "very-high"),
)


def set_status(task: DraftTask, written: str, draft: Draft) -> None:
    """Bring a task into the state that a document writes; "" is to be done."""
    words = written.replace("_", " ").replace("-", " ").strip().casefold()
    status = _MORE.get(words) or status_of(words)
    match status:
        case Status.DONE:
            task.done = True
        case Status.DEFERRED | Status.CANCELLED:
            task.defer = f"{words}, says the document"
        case Status.ACTIVE:
            said = f"{task.id} is {words} there; here it is still to be done"
            draft.guessed(task.line, "in-progress", said)
        case Status.BLOCKED:
            said = f"{task.id} is blocked there; here it waits for what it names, and nothing else"
            draft.guessed(task.line, "status-blocked", said)
        case None if words:
            task.meta["status"] = written
            draft.left(task.line, "status-unknown", f"{task.id}: the state {words[:60]!r}")
        case _:
            pass


def priority_of(word: str) -> int | None:
    """`critical` 20, `high` 10, `medium` 0, `low` -10; None for other words."""
    return _PRIORITIES.get(word.strip().casefold())


def complexity_in(text: str) -> str | None:
    """One of `core.plan.COMPLEXITIES`, from a word or from a number of 1 to 10."""
    try:
        number = float(text)
    except ValueError:
        return complexity_of(text)
    return next((name for end, name in _STEPS if 1 <= number <= end), None)


def seconds_in(text: str) -> float | None:
    """Seconds that a text such as `4h` or `2-3 days` says; the middle of a range."""
    amount = duration_of(text)
    if amount is None or amount.high <= 0:
        return None
    return (amount.low + amount.high) / 2
