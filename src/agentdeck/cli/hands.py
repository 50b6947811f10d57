"""`take-over` and `hand-back`: a person goes on with a task by hand."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from agentdeck.cli.commands import engine_for
from agentdeck.cli.output import in_terminal, note, safe, say
from agentdeck.cli.place import RunOption, chosen_run
from agentdeck.control.person import who
from agentdeck.control.runs import RunFolder, fold_run
from agentdeck.control.taking import TAKEN_S, Then, is_taken, not_ended
from agentdeck.control.taking import hand_back as command_of
from agentdeck.core import commands as c
from agentdeck.core.errors import EXIT_OK, NotFoundError, UsageError
from agentdeck.core.fold import apply
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState

if TYPE_CHECKING:
    from agentdeck.control.blocking import BlockingClient

TaskArgument = Annotated[str, typer.Argument(metavar="TASK", help="A task that is worked on.")]
TextOption = Annotated[
    str, typer.Option("--message", "-m", help="With --go-on: what its agent should know.")
]


def register(main: typer.Typer) -> None:
    """Add the verbs."""
    main.command(name="take-over", rich_help_panel="Act")(take_over)
    main.command(name="hand-back", rich_help_panel="Act")(hand_back)


def take_over(
    context: typer.Context,
    task: TaskArgument,
    run: RunOption = None,
    shell: Annotated[
        bool, typer.Option("--shell", help="A shell, not the agent's own screen.")
    ] = False,
    finished: Annotated[
        bool, typer.Option("--finished", help="Afterwards: it is finished, check it.")
    ] = False,
    go_on: Annotated[
        bool, typer.Option("--go-on", help="Afterwards: let its agent go on.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Afterwards: keep it in your hands.")
    ] = False,
    message: TextOption = "",
) -> int:
    """Go on with a task by hand: in its agent's own session, or in a shell."""
    from agentdeck.control.take_over import greeting, hands_on, work_by_hand

    if finished + go_on + keep > 1:
        raise UsageError("--finished, --go-on and --keep exclude each other", hint="choose one")
    if message and not go_on:
        raise UsageError("--message is for --go-on", hint="add --go-on, or leave it out")
    folder, name = chosen_run(context, run), TaskId(task)
    state = _in_hands(folder, name)
    hands = hands_on(folder, state, name, shell=shell)
    for sentence in greeting(name, hands):
        note(safe(sentence))
    code = work_by_hand(hands)
    if code:
        note(f"{safe(hands.argv[0])} ended with {code}")
    then = _chosen(finished=finished, go_on=go_on, keep=keep) or _asked(name)
    return _give_back(folder, name, then, message)


def hand_back(
    context: typer.Context,
    task: Annotated[str, typer.Argument(metavar="TASK", help="A task in somebody's hands.")],
    run: RunOption = None,
    go_on: Annotated[
        bool, typer.Option("--go-on", help="Its agent goes on; without this it is finished.")
    ] = False,
    message: TextOption = "",
) -> int:
    """Give back a task that was taken over: finished, or for its agent to go on with."""
    then = Then.GO_ON if go_on else Then.FINISHED
    return _give_back(chosen_run(context, run), TaskId(task), then, message)


def _in_hands(folder: RunFolder, task: TaskId) -> RunState:
    """The run's state once the task is in a person's hands."""
    state = fold_run(folder)
    if task not in state.tasks:
        raise NotFoundError(f"there is no task {task}", hint="`agentdeck status` lists them")
    if state.tasks[task].state is TaskState.TAKEN:
        return state
    command = c.TakeOver(task, who())
    with engine_for(folder, command) as engine:
        _wait_until_taken(engine, state, task, since=engine.send(command))
    return state


def _wait_until_taken(engine: BlockingClient, state: RunState, task: TaskId, since: int) -> None:
    deadline = time.monotonic() + TAKEN_S
    note(f"{task}: its agent ends its turn")
    while (left := deadline - time.monotonic()) > 0:
        for recorded in engine.events(state.seq, wait_s=left):
            apply(state, recorded)
        if is_taken(state, task, since):
            return
    raise not_ended(task)


def _chosen(*, finished: bool, go_on: bool, keep: bool) -> Then | None:
    return Then.FINISHED if finished else Then.GO_ON if go_on else Then.KEEP if keep else None


def _asked(task: TaskId) -> Then:
    """What the person says; without a terminal it stays in their hands."""
    if not in_terminal(sys.stdin):
        return Then.KEEP
    answer = typer.prompt(
        f"{task}: finished (f), let its agent go on (g), keep it in your hands (k)",
        default="k",
        show_default=True,
    )
    letters = {"f": Then.FINISHED, "g": Then.GO_ON}
    return letters.get(answer.strip().lower()[:1], Then.KEEP)


def _give_back(folder: RunFolder, task: TaskId, then: Then, text: str) -> int:
    command = command_of(task, then, text, who())
    if command is None:
        say(f"{task}: kept; `agentdeck hand-back {task}` gives it back")
        return EXIT_OK
    with engine_for(folder, command) as engine:
        engine.send(command)
    goes_on = then is Then.GO_ON
    say(f"{task}: {'its agent goes on' if goes_on else 'handed back, it is being checked'}")
    return EXIT_OK


__all__ = ["register"]
