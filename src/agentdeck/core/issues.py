"""What is written to the issue of a task, and when. It is only ever written, never asked.

Rules:
- What is wished follows from how the task stands when it is told, so that whoever was away for long
  comes to the right end at once. Labels and open or closed are states; a comment is told once.
- The words of agents and gates stand in a code span on a line that begins with ours: they call
  nobody, link nothing, and are no quick action of the tracker.
- An issue may have several tasks. It is at work while one of them is, needs a person while one of
  them does, and is closed when all of them are done.
- A comment carries a mark that follows from its event and that nobody can know before.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from agentdeck.core import events as e
from agentdeck.core import lanes
from agentdeck.core.event_names import wants
from agentdeck.core.event_words import told_of
from agentdeck.core.events import Recorded
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import CloseWhen, Tracker, TrackerKind
from agentdeck.core.state import SETTLED, STUCK, RunState, TaskRun, TaskState
from agentdeck.core.words import first_line

MAX_SAID: Final = 300  # characters of one sentence; issues are read on phones
MARK_LETTERS: Final = 32  # 128 bits: nobody writes it beforehand
PROGRAMS: Final = {TrackerKind.GITHUB: "gh", TrackerKind.GITLAB: "glab"}
PARTS: Final = {TrackerKind.GITHUB: (2, 3), TrackerKind.GITLAB: (2, 20)}  # of a repository's name

_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_TAKES_BACK: Final = (e.TaskReverted, e.TaskUnskipped)
_WAITS: Final = frozenset({TaskState.PENDING, TaskState.READY})


class Wish(msgspec.Struct, frozen=True):
    """How one issue should be."""

    issue: int
    add: tuple[str, ...] = ()  # labels
    drop: tuple[str, ...] = ()
    open: bool | None = None  # None = as it is
    comment: str = ""  # with its mark; empty = none
    mark: str = ""  # by which the comment is found again
    since: float = 0.0  # when its event happened: the comment is not older


def is_repository(name: str, kind: TrackerKind) -> bool:
    """Can this be the name of a repository there?"""
    least, most = PARTS[kind]
    parts = name.split("/")
    return least <= len(parts) <= most and all(
        _PART.fullmatch(part) and ".." not in part for part in parts
    )


def wishes(state: RunState, tracker: Tracker, recorded: Recorded) -> tuple[Wish, ...]:
    """What an event comes to, one wish for each issue that it is about."""
    event = recorded.event
    if isinstance(event, e.Promoted):
        return tuple(_promoted(state, tracker, recorded, event))
    task = state.tasks.get(TaskId(getattr(event, "task", None) or ""))
    issue = state.spec(task.id).issue if task is not None else None
    if task is None or issue is None:
        return ()
    every = _of_issue(state, issue)
    add, drop = _labels(tracker, every)
    wish = Wish(issue, add, drop, _open(state, tracker, task, event, every))
    return (_with_comment(state, tracker, recorded, wish, task),)


def _promoted(
    state: RunState, tracker: Tracker, recorded: Recorded, event: e.Promoted
) -> Iterator[Wish]:
    """The issues of all that was in the target of that repository by then."""
    for task in state.tasks.values():
        issue = state.spec(task.id).issue
        late = task.landed_at is not None and task.landed_at > recorded.at
        elsewhere = state.plan.repo_of(task.id) != event.repo
        if issue is not None and task.satisfied and not late and not elsewhere:
            whole = all(
                one.satisfied
                and (state.plan.repo_of(one.id) == event.repo or _is_in_base(state, one))
                for one in _of_issue(state, issue)
            )
            close = False if whole and tracker.close is CloseWhen.PROMOTED else None
            yield _with_comment(state, tracker, recorded, Wish(issue, open=close), task)


def _of_issue(state: RunState, issue: int) -> list[TaskRun]:
    """The tasks that an issue is done by."""
    return [task for task in state.tasks.values() if state.spec(task.id).issue == issue]


def _is_in_base(state: RunState, task: TaskRun) -> bool:
    """Is what a task has landed in the base? So it is where nothing of it is to land."""
    lane = lanes.of_task(state, task.id)
    return task.landed_commit is None or lane.promoted == lane.tip


def _labels(tracker: Tracker, tasks: Sequence[TaskRun]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The labels that the issue of these tasks has, and those that it has not."""
    works = any(task.state not in SETTLED | STUCK | _WAITS for task in tasks)
    stuck = any(task.state in STUCK for task in tasks)
    holds = {tracker.claim: works, tracker.failed: stuck}
    named = {label: held for label, held in holds.items() if label is not None}
    return (
        tuple(label for label, held in named.items() if held),
        tuple(label for label, held in named.items() if not held),
    )


def _open(
    state: RunState, tracker: Tracker, task: TaskRun, event: object, every: Sequence[TaskRun]
) -> bool | None:
    if tracker.close is CloseWhen.NEVER:
        return None
    if isinstance(event, _TAKES_BACK) and not task.satisfied:
        return True
    if not all(one.satisfied for one in every):
        return None
    # What settled without a landing is never promoted.
    in_base = all(_is_in_base(state, one) for one in every)
    return False if tracker.close is CloseWhen.LANDED or in_base else None


def _with_comment(
    state: RunState, tracker: Tracker, recorded: Recorded, wish: Wish, task: TaskRun
) -> Wish:
    if not wants(tracker.comment, recorded.event):
        return wish
    mark = mark_of(state, recorded)
    about, words, _ = told_of(recorded.event)
    branch = lanes.where_of(lanes.of_task(state, task.id))
    where = f"run {_code(state.run)} of {_code(state.plan.name)}, branch {_code(branch)}"
    said = words if about == task.id else f"{about}: {words}"
    lines = (
        f"agentdeck: task {_code(task.id)}: {_code(said)}",
        "",
        f"In {where}.",
        f"<!-- {mark} -->",
    )
    return msgspec.structs.replace(wish, comment="\n".join(lines), mark=mark, since=recorded.at)


def mark_of(state: RunState, recorded: Recorded) -> str:
    """The mark of an event: the same each time, and of nobody to be guessed before it happened."""
    content = f"{state.run}:{recorded.seq}:{recorded.at!r}"  # the time to a millionth of a second
    return f"agentdeck {hashlib.sha256(content.encode()).hexdigest()[:MARK_LETTERS]}"


def _code(text: str) -> str:
    """A code span, which nothing in it can end."""
    seen = "".join(letter if letter.isprintable() else " " for letter in first_line(text))
    inside = seen[:MAX_SAID].replace("`", "'").strip()
    return f"`{inside or '?'}`"


__all__ = ["PROGRAMS", "Wish", "is_repository", "mark_of", "wishes"]
