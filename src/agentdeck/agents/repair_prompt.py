"""What an agent is told whose work the merge queue has sent back.

Rules:
- It says which commit to take in, where the two sides meet, whose work the other side is, and what
  must still be there afterwards.
- Files and hunks are the words of others: they are indented and bounded.
"""

from __future__ import annotations

from typing import Final

from agentdeck.agents.foreign_text import indented, listed
from agentdeck.agents.one_line import CUT, one_line, plain_text
from agentdeck.agents.titles import title_line
from agentdeck.core import repair, verdicts
from agentdeck.core.events import FailureClass, Loss
from agentdeck.core.state import Ejection, RunState, TaskRun

HUNKS_CHARS: Final = 12_000  # of all files together; the worktree has the rest
NAMED_FILES: Final = 30
NAMED_TASKS: Final = 10
WORD_CHARS: Final = 120

_KEEP: Final = (
    "Keep what has landed: it was proven, and lines of it that vanish are shown to a person before "
    "your work may land. Bring your own work in so that both hold. Commit the result, and leave no "
    "merge or rebase in progress."
)


def repair_section(state: RunState, task: TaskRun, number: int) -> str:
    """What is to be repaired; empty where the queue has not sent the work back."""
    before = task.attempts[number - 2] if 2 <= number < len(task.attempts) + 2 else None
    current = task.attempts[number - 1] if number <= len(task.attempts) else None
    if before is None or (current is not None and current.fresh):
        return ""
    ejection, work = task.ejection, before.collected
    if work is not None and work.losses and not before.hands:
        return _losses(state, ejection.base if ejection else before.base or "", work.losses)
    if ejection is None:
        return ""
    conflict = ejection.cause is FailureClass.CONFLICT
    return _conflict(state, ejection) if conflict else _red(state, task, ejection)


def _conflict(state: RunState, ejection: Ejection) -> str:
    parts = [
        "## Repair: the work does not merge",
        f"It does not merge with what has landed on {_target(state)} since it began, in:",
        listed((one_line(path, WORD_CHARS) for path in ejection.files), NAMED_FILES),
    ]
    others = repair.landed_by(state, ejection.base, ejection.files)
    if others:
        parts += ["The other side is the work of:", _tasks(state, others)]
    parts += [_take_in(state), _KEEP]
    if ejection.hunks:
        older = state.tip != ejection.tip
        when = " (as it was tried; more has landed since)" if older else ""
        lead = "Between `<<<<<<<` and `=======` stands what has landed, then the work of this task"
        parts += [f"{lead}{when}:", indented(_hunks(ejection))]
    return "\n\n".join(parts)


def _hunks(ejection: Ejection) -> str:
    text = "\n\n".join(f"{one_line(each.path, WORD_CHARS)}\n{each.text}" for each in ejection.hunks)
    return plain_text(text, HUNKS_CHARS)


def _red(state: RunState, task: TaskRun, ejection: Ejection) -> str:
    gate = ejection.gate
    name = one_line(gate or "", WORD_CHARS)
    parts = [
        f"## Repair: gate {name} is red on what would land",
        f"It was run on this work merged with commit {ejection.tip} of {_target(state)}.",
    ]
    judged = task.attempts[ejection.attempt - 1].collected
    if gate is not None and judged is not None:
        alone = gate in state.plan.gate_by_name and verdicts.of(state, gate, judged.tree)
        if alone in (verdicts.Standing.GREEN, verdicts.Standing.FLAKY):
            parts.append("It is green on this work alone: what fails is the two together.")
    others = repair.landed_since(state, ejection.base)
    if others:
        parts += ["What has landed since this work began:", _tasks(state, others)]
        parts += [_take_in(state), _KEEP]
    return "\n\n".join(parts)


def _losses(state: RunState, base: str, losses: tuple[Loss, ...]) -> str:
    others = repair.landed_by(state, base, [loss.path for loss in losses])
    parts = [
        "## Repair: lines that others have landed would vanish",
        "The work takes these lines away, and nobody has accepted that:",
        indented(plain_text("\n\n".join(map(_loss, losses)), HUNKS_CHARS)),
    ]
    if others:
        parts += ["They are the work of:", _tasks(state, others)]
    parts += ["Bring back what they do, together with your own work.", _take_in(state)]
    return "\n\n".join(parts)


def _loss(loss: Loss) -> str:
    more = loss.count - len(loss.lines)
    rest = [f"{CUT} and {more} more"] if more > 0 else []
    return "\n".join([one_line(loss.path, WORD_CHARS), *loss.lines, *rest])


def _take_in(state: RunState) -> str:
    return (
        f"Take in commit {state.tip}: `git merge {state.tip[:12]}` in this worktree, or rebase "
        "your branch onto it. It is in this repository already; nothing has to be fetched."
    )


def _tasks(state: RunState, tasks: list[TaskRun]) -> str:
    rows = (
        f"{task.id}: {title_line(state.spec(task.id))}".rstrip(": ")
        + (f" (commit {task.landed_commit[:12]})" if task.landed_commit else "")
        for task in tasks
    )
    return listed(rows, NAMED_TASKS, len(tasks))


def _target(state: RunState) -> str:
    return one_line(state.target, WORD_CHARS)


__all__ = ["repair_section"]
