"""One verb for each command of a person.

Rules:
- Several tasks are several commands: each is carried out or refused by itself, every refusal is
  printed, and the status says whether there was one.
- A command needs an engine. Only `promote`, `revert`, `end`, another budget and an account that is
  reopened start one: they are wanted when nobody goes on with the run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from agentdeck.cli.comments import read_comments
from agentdeck.cli.output import in_terminal, note, print_error, safe, say
from agentdeck.cli.place import RunOption, chosen_run
from agentdeck.control.runs import RunFolder, fold_run
from agentdeck.core import commands as c
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import MAX_MESSAGE, Refused, decide
from agentdeck.core.errors import (
    EXIT_NEEDS_PERSON,
    EXIT_OK,
    EXIT_REFUSED,
    UsageError,
)
from agentdeck.core.events import MessageQueued, Promoted, PromoteWaiting, SkipMode
from agentdeck.core.ids import TaskId

if TYPE_CHECKING:
    from agentdeck.control.blocking import BlockingClient

_STARTS_ENGINE: Final = (c.Promote, c.Revert, c.EndRun, c.SetBudget, c.RaiseBudget, c.ReopenAccount)
PROMOTE_S: Final = 15.0  # how long `promote` waits to tell what came of it

Tasks = Annotated[list[str], typer.Argument(metavar="TASK...", help="One task or several.")]
MaybeTasks = Annotated[
    list[str] | None,
    typer.Argument(metavar="[TASK]...", help="One task or several.", show_default=False),
]
Make = Callable[[TaskId | None], AnyCommand]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    for verb in (
        *(pause, resume, retry, skip, unskip, approve, merge, hold, release, stop),
        *(move, drop),
        *(steer, limit, promote, end),
    ):
        app.command(rich_help_panel="Act")(verb)


def pause(context: typer.Context, tasks: MaybeTasks = None, run: RunOption = None) -> int:
    """Freeze tasks; without one: start nothing new in the run."""
    return _each(chosen_run(context, run), tasks, c.Pause, "paused")


def resume(context: typer.Context, tasks: MaybeTasks = None, run: RunOption = None) -> int:
    """Undo a pause, of tasks or of the run."""
    return _each(chosen_run(context, run), tasks, c.Resume, "resumed")


def retry(
    context: typer.Context,
    tasks: MaybeTasks = None,
    run: RunOption = None,
    feedback: Annotated[
        str, typer.Option("--feedback", "-m", help="What the next attempt should know.")
    ] = "",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start from the target, not from the earlier work.")
    ] = False,
    comment: Annotated[
        list[str] | None,
        typer.Option(
            "--comment", metavar="FILE:LINE:TEXT", help="On a line of the diff; may be repeated."
        ),
    ] = None,
) -> int:
    """Another attempt; without a task: gates of a red target again."""
    if not tasks and (feedback or fresh or comment):
        raise UsageError("--feedback, --fresh and --comment are for tasks", hint="name the task")
    if comment and tasks and len(tasks) > 1:
        raise UsageError("--comment is on the diff of one task", hint="name one task")
    said = read_comments(comment or ())
    return _each(
        chosen_run(context, run),
        tasks,
        lambda task: c.Retry(task, feedback, fresh, comments=said),
        "retried",
    )


def skip(
    context: typer.Context,
    tasks: Tasks,
    run: RunOption = None,
    cascade: Annotated[
        bool, typer.Option("--cascade", help="Skip what needs it too; else it counts as done.")
    ] = False,
) -> int:
    """Leave tasks out."""
    mode = SkipMode.CASCADE if cascade else SkipMode.DONE
    return _each(
        chosen_run(context, run), tasks, lambda task: c.Skip(_named(task), mode), "skipped"
    )


def unskip(context: typer.Context, tasks: Tasks, run: RunOption = None) -> int:
    """Take a skip back."""
    return _each(
        chosen_run(context, run), tasks, lambda task: c.Unskip(_named(task)), "not skipped"
    )


def approve(context: typer.Context, tasks: MaybeTasks = None, run: RunOption = None) -> int:
    """A yes to proven work, or to all; "done" for what a person does."""
    return _each(chosen_run(context, run), tasks, c.Approve, "approved")


def merge(context: typer.Context, tasks: Tasks, run: RunOption = None) -> int:
    """Merge now: approved, and to the front of the queue."""
    return _each(chosen_run(context, run), tasks, lambda task: c.Merge(_named(task)), "put first")


def hold(context: typer.Context, tasks: MaybeTasks = None, run: RunOption = None) -> int:
    """Do not land tasks; without one: land nothing."""
    return _each(chosen_run(context, run), tasks, c.Hold, "held")


def release(context: typer.Context, tasks: MaybeTasks = None, run: RunOption = None) -> int:
    """Lift a hold, of tasks or of the whole queue."""
    return _each(chosen_run(context, run), tasks, c.Release, "released")


def move(
    context: typer.Context,
    task: Annotated[str, typer.Argument(metavar="TASK", help="A task in the merge queue.")],
    run: RunOption = None,
    up: Annotated[bool, typer.Option("--up", help="One place nearer to landing.")] = False,
    down: Annotated[bool, typer.Option("--down", help="One place farther.")] = False,
    before: Annotated[
        str | None, typer.Option("--before", metavar="TASK", help="Land before this task.")
    ] = None,
    after: Annotated[
        str | None, typer.Option("--after", metavar="TASK", help="Land after this task.")
    ] = None,
) -> int:
    """Another place in the merge queue; `merge` is for the front, `plan move` for the plan."""
    asked: list[tuple[c.Place, str | None]] = []
    asked += [(c.Place.UP, None)] if up else []
    asked += [(c.Place.DOWN, None)] if down else []
    asked += [(c.Place.BEFORE, before)] if before is not None else []
    asked += [(c.Place.AFTER, after)] if after is not None else []
    if len(asked) != 1:
        raise UsageError(
            "say one place to move to" if asked else "nothing says where to",
            hint="--up, --down, --before TASK or --after TASK",
        )
    to, beside = asked[0]
    command = c.Move(TaskId(task), to, TaskId(beside) if beside is not None else None)
    return _each(chosen_run(context, run), [task], lambda _: command, "moved")


def drop(context: typer.Context, tasks: Tasks, run: RunOption = None) -> int:
    """Take tasks out of the merge queue; their work is kept, and a retry tries them again."""
    return _each(chosen_run(context, run), tasks, lambda task: c.Drop(_named(task)), "dropped")


def stop(context: typer.Context, tasks: Tasks, run: RunOption = None) -> int:
    """End the agents of tasks; what they did is kept."""
    return _each(chosen_run(context, run), tasks, lambda task: c.Stop(_named(task)), "stopping")


def steer(
    context: typer.Context,
    task: Annotated[str, typer.Argument(metavar="TASK", help="A task that is being worked on.")],
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="The message; - reads it from stdin.")
    ],
    run: RunOption = None,
) -> int:
    """A message to the agent of a task, or the answer to its question.

    An agent that cannot be spoken to while it works is told with its next turn.
    """
    words = sys.stdin.read(MAX_MESSAGE + 1) if text == "-" else text
    command = c.Steer(TaskId(task), words)
    folder = chosen_run(context, run)
    with engine_for(folder, command) as engine:
        before = engine.status().seq
        engine.send(command)
        since = [recorded.event for recorded in engine.events(before)]
    queued = any(isinstance(event, MessageQueued) and event.task == task for event in since)
    say(f"{safe(task)}: {'queued for its next turn' if queued else 'told'}")
    return EXIT_OK


def limit(
    context: typer.Context,
    agents: Annotated[int, typer.Argument(metavar="N", help="How many may work at once.")],
    run: RunOption = None,
) -> int:
    """How many agents may work at once."""
    folder = chosen_run(context, run)
    return _each(folder, None, lambda _: c.SetAgents(agents), f"agents at once: {agents}")


def promote(context: typer.Context, run: RunOption = None) -> int:
    """Bring what has landed into the base branch. Works on ended runs too."""
    folder = chosen_run(context, run)
    with engine_for(folder, c.Promote()) as engine:
        seq = engine.send(c.Promote())
        return _promotion(engine, seq)


def end(
    context: typer.Context,
    run: RunOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Stop all agents and end the run; what has landed stays."""
    folder = chosen_run(context, run)
    question = f"Stop all agents and end run {folder.run}?"
    if not yes and in_terminal(sys.stdin) and not typer.confirm(question):
        note("nothing was done")
        return EXIT_OK
    return _each(folder, None, lambda _: c.EndRun(), "ending")


def _named(task: TaskId | None) -> TaskId:
    assert task is not None
    return task


def _each(folder: RunFolder, tasks: Sequence[str] | None, make: Make, done: str) -> int:
    """Send one command for each task, or one for the run; the exit status."""
    targets: list[TaskId | None] = [TaskId(task) for task in dict.fromkeys(tasks or ())] or [None]
    refused = 0
    with engine_for(folder, make(targets[0])) as engine:
        for target in targets:
            try:
                engine.send(make(target))
            except Refused as error:
                refused += 1
                print_error(error.message, error.hint)
            else:
                say(f"{safe(target or folder.run)}: {done}")
    return EXIT_REFUSED if refused else EXIT_OK


def engine_for(folder: RunFolder, command: AnyCommand) -> BlockingClient:
    """A connection to the run's engine; for those of `_STARTS_ENGINE` one is started.

    Raises:
        Refused: there is no engine, and the command would be refused anyway.
        EngineGone: there is no engine.
    """
    from agentdeck.control.blocking import EngineGone, connect

    try:
        return connect(folder)
    except EngineGone:
        decide(fold_run(folder), command)
        if not isinstance(command, _STARTS_ENGINE):
            raise
    from agentdeck.control.start import ensure_engine

    ensure_engine(folder)
    return connect(folder)


def _promotion(engine: BlockingClient, seq: int) -> int:
    """Tell what came of a promotion, as far as it is known soon."""
    deadline = time.monotonic() + PROMOTE_S
    waits = ""
    while (left := deadline - time.monotonic()) > 0 and not waits:
        for recorded in engine.events(seq, wait_s=left):
            seq = recorded.seq
            match recorded.event:
                case Promoted(commit, how):
                    say(f"promoted: {commit[:10]} ({safe(how)})")
                    return EXIT_OK
                case PromoteWaiting(reason):
                    waits = reason
    say(f"promotion waits: {safe(waits)}" if waits else "promotion is under way")
    return EXIT_NEEDS_PERSON if waits else EXIT_OK


__all__ = ["engine_for", "register"]
