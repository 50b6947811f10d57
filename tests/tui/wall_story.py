"""Runs with many agents at work at once, for the wall."""

from __future__ import annotations

from tests.tui.sample_journal import LONG_ID, Story, task

from agentdeck.core import events as e
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan

TITLES = (
    "Read the session manager",
    "Écrire le guide de l'API",
    "中文标题很长很长很长很长很长很长",
    "Retry policy with a title that goes on and on and on",
)
MODELS = ("sonnet", "haiku", "opus")


def at_work(count: int, *, awkward: bool = False) -> Story:
    """`count` agents at work, each for a different time; `awkward`: ids that are very long."""
    names = [f"{LONG_ID[:40]}-{n}" if awkward else f"A-{n}" for n in range(1, count + 1)]
    tasks = [task(name, TITLES[n % len(TITLES)]) for n, name in enumerate(names)]
    tasks.append(task("LAST", "What comes last", " ".join(names[:1])))
    told = Story(Plan(name="many at once", tasks=tuple(tasks), agents_limit=max(1, count)))
    told.wait(5)
    for number, name in enumerate(names):
        told.start(name, model=MODELS[number % len(MODELS)])
        told.wait(7)
    told.wait(60)
    for number, name in enumerate(names):
        told.progress(name, 900 * (number + 1), 0.03 * (number + 1), f"Edit src/part_{number}.py")
    return told


def one_ends(told: Story, name: str, *, failed: bool = False) -> None:
    """The agent of a task ends; the task may fail."""
    task_id = TaskId(name)
    told.tell(e.AttemptExited(task_id, told.number(name), int(failed), ok=not failed))
    if failed:
        cause = e.FailureClass.CRASH
        told.tell(e.TaskFailed(task_id, told.number(name), cause, "exit 1: out of memory\ntail"))
