"""Verbs that only look: at a plan, at a run, at one task."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from agentdeck.cli.output import (
    colours,
    in_terminal,
    paint,
    paint_state,
    safe,
    say,
    say_json,
    table,
)
from agentdeck.cli.place import JsonOption, RunArgument, RunOption, chosen_run, folder_of
from agentdeck.control.runs import fold_run, summary_of
from agentdeck.core.errors import EXIT_OK, UsageError
from agentdeck.core.explain import explain, explain_entry, short_duration, standstill
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskRun

REFRESH_S: Final = 0.1  # between two looks at a log that is followed
TASK_HELP: Final = "A task's id."

PlanArgument = Annotated[Path, typer.Argument(metavar="PLAN", help="A plan file.")]
TaskArgument = Annotated[str, typer.Argument(metavar="TASK", help=TASK_HELP)]
AttemptOption = Annotated[
    int | None,
    typer.Option("--attempt", metavar="N", min=1, help="Which attempt; without it the latest."),
]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command(rich_help_panel="Plans")(check)
    app.command(rich_help_panel="Plans")(show)
    for verb in (status, why, logs, diff):
        app.command(rich_help_panel="Look")(verb)


def check(context: typer.Context, plan: PlanArgument, as_json: JsonOption = False) -> int:
    """Read a plan and name every problem with its line."""
    from agentdeck.cli.planfile import load_plan
    from agentdeck.plans.problems import PlanProblems

    try:
        found, _ = load_plan(plan, folder_of(context))
    except PlanProblems as fault:
        if not as_json:
            raise
        say_json({"ok": False, "problems": list(fault.problems)})
        return fault.exit_code
    counts = {"tasks": len(found.tasks), "phases": len(found.phases), "gates": len(found.gates)}
    if as_json:
        say_json({"ok": True, "plan": found.name, **counts})
    else:
        words = ", ".join(f"{n} {word[:-1] if n == 1 else word}" for word, n in counts.items())
        say(f"{safe(str(plan))}: {paint('ok', 'green')}: plan {safe(found.name)}, {words}")
    return EXIT_OK


def show(context: typer.Context, plan: PlanArgument, as_json: JsonOption = False) -> int:
    """The tasks of a plan, phase by phase, and its longest path."""
    from agentdeck.cli.planfile import load_plan
    from agentdeck.cli.plantable import plan_as_data, print_plan

    found, _ = load_plan(plan, folder_of(context))
    if as_json:
        say_json(plan_as_data(found))
    else:
        print_plan(found)
    return EXIT_OK


def status(context: typer.Context, run: RunArgument = None, as_json: JsonOption = False) -> int:
    """How a run stands, task by task, and why."""
    folder = chosen_run(context, run)
    state = fold_run(folder)
    summary = summary_of(folder, state)
    now = time.time() if summary.engine else state.at
    if as_json:
        say_json({"run": summary, "why": standstill(state) or "", **_as_data(state, now)})
        return EXIT_OK
    say(f"{summary.id}  {paint_state(summary.state)}  {safe(summary.plan)} -> {safe(state.target)}")
    cost = f", ${state.usd:.2f}" if state.usd else ""
    age = short_duration((state.finished_at or now) - state.started_at)
    say(f"{summary.landed} of {summary.tasks} landed, {age}, {state.tokens:,} tokens{cost}")
    from agentdeck.control.words import RunWord, next_step

    hint = next_step(RunWord(summary.state), summary.id)
    stands = standstill(state)
    if hint:
        say(f"next: {hint}")
    elif stands is not None:
        say(f"stands still: {safe(stands)}")
    if state.promote_wanted and state.promote_reason:
        say(f"promotion waits: {safe(state.promote_reason)}")
    say()
    rows = [
        (task.id, str(task.state), _attempt_words(task), explain(state, task.id, now))
        for task in state.tasks.values()
    ]
    table(("TASK", "STATE", "ATTEMPT", "WHY"), rows, state=1)
    return EXIT_OK


def why(
    context: typer.Context, task: TaskArgument, run: RunOption = None, as_json: JsonOption = False
) -> int:
    """Why a task stands where it stands, in one sentence."""
    from agentdeck.control.repo import task_of

    folder = chosen_run(context, run)
    state = fold_run(folder)
    found = task_of(state, TaskId(task))
    alive = summary_of(folder, state).engine
    sentence = explain(state, found.id, time.time() if alive else state.at)
    if as_json:
        say_json({"task": found.id, "state": found.state, "why": sentence})
    else:
        say(safe(sentence))
    return EXIT_OK


def logs(
    context: typer.Context,
    task: TaskArgument,
    run: RunOption = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the attempt has ended.")
    ] = False,
    attempt: AttemptOption = None,
    raw: Annotated[bool, typer.Option("--raw", help="The bytes as the agent wrote them.")] = False,
    as_json: JsonOption = False,
) -> int:
    """What the agent of a task has written."""
    from agentdeck.cli.logview import Form, print_log

    if raw and as_json:
        raise UsageError("--raw and --json exclude each other", hint="choose one")
    form = Form.RAW if raw else Form.JSON if as_json else Form.TEXT
    return print_log(chosen_run(context, run), TaskId(task), attempt, follow=follow, form=form)


def diff(
    context: typer.Context,
    task: TaskArgument,
    run: RunOption = None,
    attempt: AttemptOption = None,
    stat: Annotated[bool, typer.Option("--stat", help="Only the files and their counts.")] = False,
    as_json: JsonOption = False,
) -> int:
    """What an attempt at a task has changed, also while it works."""
    from agentdeck.control.repo import diff_of, diffstat

    state = fold_run(chosen_run(context, run))
    if stat or as_json:
        touched = diffstat(state, TaskId(task), attempt)
        if as_json:
            files = [{"path": f.path, "added": f.added, "removed": f.removed} for f in touched]
            whole = {} if stat else {"diff": diff_of(state, TaskId(task), attempt)}
            say_json({"task": task, "files": files, **whole})
        else:
            rows = [(f"+{max(0, f.added)}", f"-{max(0, f.removed)}", f.path) for f in touched]
            table(("", "", ""), rows)
        return EXIT_OK
    text = diff_of(state, TaskId(task), attempt)
    if not in_terminal():
        sys.stdout.write(text)
        return EXIT_OK
    for line in text.split("\n"):
        say(_diff_line(line))
    return EXIT_OK


def _diff_line(line: str) -> str:
    shown = safe(line)
    if not colours():
        return shown
    if line.startswith(("diff ", "+++", "---")):
        return paint(shown, "bold")
    return paint(shown, {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], ""))


def _attempt_words(task: TaskRun) -> str:
    attempt = task.attempt
    return f"#{attempt.number} {attempt.agent}" if attempt is not None else ""


def _as_data(state: RunState, now: float) -> dict[str, object]:
    return {
        "seq": state.seq,
        "usd": state.usd,
        "tokens": state.tokens,
        "promotion": state.promote_reason if state.promote_wanted else "",
        "tasks": [
            {
                "id": task.id,
                "title": state.spec(task.id).title,
                "state": task.state,
                "wanted": task.wanted,
                "since": task.since,
                "attempts": len(task.attempts),
                "agent": state.settings(task.id).agent,
                "commit": task.landed_commit,
                "why": explain(state, task.id, now),
            }
            for task in state.tasks.values()
        ],
        "queue": [
            {"id": entry.id, "why": explain_entry(state, entry, now)}
            for entry in state.queue.values()
        ],
    }
