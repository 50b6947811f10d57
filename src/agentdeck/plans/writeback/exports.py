"""A run as other tools and people read it: `tasks.json` and `PROGRESS.md`.

Rules: both follow from the state of the run alone, so that the same run gives the same bytes. They
are written whole; nobody edits them by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from agentdeck.core.explain import explain
from agentdeck.core.ids import PhaseId
from agentdeck.core.state import SETTLED, STUCK, RunState, TaskRun, TaskState
from agentdeck.core.unseen import in_json
from agentdeck.plans.durations import format_duration
from agentdeck.plans.imports.edges import DONE
from agentdeck.plans.reporting.plain import one_line
from agentdeck.plans.writeback.marks import Mark, Standing, marks_of

_STATUS: Final = {
    Standing.TODO: "pending",
    Standing.WORKING: "in-progress",
    Standing.BLOCKED: "blocked",
    Standing.DONE: "done",
}
_PRIORITY: Final = {20: "critical", 10: "high", 0: "medium", -10: "low"}
_LATER: Final = Mark(Standing.TODO)
# By these we know a file that was written here: at its beginning.
OWN_PAGE: Final = "<!-- kept by agentdeck -->"
OWN_JSON: Final = '"generator": "agentdeck"'
MAX_REASON: Final = 300  # characters of a reason in `PROGRESS.md`


def tasks_json(state: RunState) -> str:
    """The run as Task Master's `tasks.json`, which `agentdeck import` reads again.

    Phases and routes have no place in it; what a task was given by them stands at the task.
    """
    marks = marks_of(state)
    about = {"generator": "agentdeck", "projectName": state.plan.name}
    about |= {"run": state.run, "target": state.target}
    tasks = [_task(state, task, marks.get(task.id, _LATER)) for task in state.tasks.values()]
    whole = {"metadata": about, "tasks": tasks}
    return in_json(json.dumps(whole, indent=2, ensure_ascii=False)) + "\n"


def _task(state: RunState, task: TaskRun, mark: Mark) -> dict[str, object]:
    spec, settings = state.spec(task.id), state.settings(task.id)
    landed = task.landed_commit
    found: dict[str, object] = {
        "id": task.id,
        "title": spec.title or task.id,
        "description": spec.prompt,
        "status": _status(task, mark),
        "dependencies": list(spec.after),
        "priority": _PRIORITY.get(spec.priority),
        "type": "checkpoint" if spec.human else spec.kind,
        "relevantFiles": [{"path": path} for path in spec.files],
        "complexity": spec.complexity,
        "effort": None if spec.estimate_s is None else format_duration(spec.estimate_s),
        "tags": list(spec.labels),
        "model": settings.model,
        "agent_id": mark.agent,
        "completed_at": mark.done_at,
        "metadata": {
            "state": task.state,
            "reason": task.reason,
            "phase": spec.phase or "",
            "commit": landed or "",
            "attempts": len(task.attempts),
            "tokens": sum(a.tokens_in + a.tokens_out for a in task.attempts),
            "usd": round(sum(a.usd + a.review_usd for a in task.attempts), 6),
        },
    }
    said = ("id", "title", "status", "dependencies", "metadata")
    return {name: value for name, value in found.items() if value or name in said}


def _status(task: TaskRun, mark: Mark) -> str:
    if task.state is TaskState.DEFERRED:
        return "done" if task.reason == DONE else "deferred"
    return _STATUS[mark.standing]


def progress_md(state: RunState, now: float) -> str:
    """The run as a page for people: what has landed, what is under way, what waits for whom."""
    counted = [task for task in state.tasks.values() if task.state is not TaskState.DEFERRED]
    landed = [task for task in counted if task.satisfied]
    landed_so_far = f"{len(landed)} of {len(counted)} tasks have landed"
    spent = f"{state.tokens:,} tokens, ${state.usd:.2f}"
    lines = [
        f"# {_line(state.plan.name)}",
        "",
        f"Run `{state.run}` on `{_line(state.target)}`: {landed_so_far}, {spent}.",
        *_needs(state, counted, now),
        *_phases(state, now),
    ]
    return "\n".join(lines) + "\n"


def _needs(state: RunState, tasks: Iterable[TaskRun], now: float) -> Iterator[str]:
    stuck = [task for task in tasks if task.state in STUCK or task.state is TaskState.ASKING]
    if not stuck:
        return
    yield from ("", "## Needs a person", "")
    for task in stuck:
        yield f"- `{task.id}` {_line(state.spec(task.id).title)}: {_why(state, task, now)}"


def _phases(state: RunState, now: float) -> Iterator[str]:
    names: list[PhaseId | None] = [*(phase.id for phase in state.plan.phases), None]
    for name in names:
        tasks = [task for task in state.tasks.values() if state.spec(task.id).phase == name]
        if not tasks:
            continue
        title = _title(state, name)
        settled = sum(task.state in SETTLED for task in tasks)
        yield from ("", f"## {title} ({settled} of {len(tasks)})", "")
        for task in tasks:
            yield _row(state, task, now)


def _title(state: RunState, name: PhaseId | None) -> str:
    if name is None:
        return "Other tasks" if state.plan.phases else "Tasks"
    return _line(state.plan.phase_by_id[name].title or name)


def _row(state: RunState, task: TaskRun, now: float) -> str:
    before = task.state is TaskState.DEFERRED and task.reason == DONE
    box = "x" if task.satisfied or before else " "
    words = f"- [{box}] `{task.id}` {_line(state.spec(task.id).title)}".rstrip()
    if task.satisfied:
        commit = f" as {task.landed_commit[:10]}" if task.landed_commit else ""
        worked = sum(a.worked_s(now) for a in task.attempts)
        spent = f" in {format_duration(float(round(worked)))}" if worked >= 1 else ""
        return f"{words}: {task.state}{commit}{spent}"
    return f"{words}: {DONE if before else _why(state, task, now)}"


def _why(state: RunState, task: TaskRun, now: float) -> str:
    return _line(explain(state, task.id, now))[:MAX_REASON]


def _line(text: str) -> str:
    return one_line(text).replace("`", "'")
