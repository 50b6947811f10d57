"""`take-over` and `hand-back`: a person goes on with a task by hand."""

from __future__ import annotations

import sys
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from agentdeck.cli.commands import engine_for
from agentdeck.cli.output import in_terminal, note, safe, say
from agentdeck.cli.place import RunOption, chosen_run
from agentdeck.control.person import who
from agentdeck.control.runs import RunFolder, fold_run
from agentdeck.core import commands as c
from agentdeck.core.errors import EXIT_OK, EnvironmentFault, NotFoundError, RefusedError, UsageError
from agentdeck.core.explain import explain
from agentdeck.core.fold import apply
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState

if TYPE_CHECKING:
    from agentdeck.control.blocking import BlockingClient

TAKEN_S: Final = 60.0  # for an agent to end: its own way, then three signals with grace between

TaskArgument = Annotated[str, typer.Argument(metavar="TASK", help="A task that is worked on.")]
TextOption = Annotated[
    str, typer.Option("--message", "-m", help="With --go-on: what its agent should know.")
]


class Then(StrEnum):
    """What becomes of the task when the person leaves."""

    FINISHED = "finished"
    GO_ON = "go on"
    KEEP = "keep"


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
    from agentdeck.control.take_over import hands_on, work_by_hand

    if finished + go_on + keep > 1:
        raise UsageError("--finished, --go-on and --keep exclude each other", hint="choose one")
    if message and not go_on:
        raise UsageError("--message is for --go-on", hint="add --go-on, or leave it out")
    folder, name = chosen_run(context, run), TaskId(task)
    state = _in_hands(folder, name)
    hands = hands_on(folder, state, name, shell=shell)
    if hands.why_a_shell:
        note(f"{safe(hands.why_a_shell)}: this is a shell")
    note(f"{name} is yours: {safe(hands.what)} in {safe(hands.cwd)}; leave it to come back")
    code = work_by_hand(hands)
    if code:
        note(f"{safe(hands.argv[0])} ended with {code}")
    then = _chosen(finished=finished, go_on=go_on, keep=keep) or _asked(name)
    if then is Then.KEEP:
        say(f"{name}: kept; `agentdeck hand-back {name}` gives it back")
        return EXIT_OK
    return _give_back(folder, name, go_on=then is Then.GO_ON, text=message)


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
    return _give_back(chosen_run(context, run), TaskId(task), go_on=go_on, text=message)


def _in_hands(folder: RunFolder, task: TaskId) -> RunState:
    """The run's state once the task is in a person's hands."""
    state = fold_run(folder)
    if task not in state.tasks:
        raise NotFoundError(f"there is no task {task}", hint="`agentdeck status` lists them")
    if state.tasks[task].state is TaskState.TAKEN:
        return state
    command = c.TakeOver(task, who())
    with engine_for(folder, command) as engine:
        engine.send(command)
        _wait_until_taken(engine, state, task)
    return state


def _wait_until_taken(engine: BlockingClient, state: RunState, task: TaskId) -> None:
    deadline = time.monotonic() + TAKEN_S
    note(f"{task}: its agent ends its turn")
    asked = False  # the state is from before the command
    while (left := deadline - time.monotonic()) > 0:
        for recorded in engine.events(state.seq, wait_s=left):
            apply(state, recorded)
            asked = asked or bool(state.tasks[task].taken_by)
        found = state.tasks[task].state
        if found is TaskState.TAKEN:
            return
        if asked and found in (TaskState.CHECKING, TaskState.CANCELLED):
            raise RefusedError(explain(state, task, state.at))
    raise EnvironmentFault(
        f"the agent of {task} has not ended within {TAKEN_S:.0f} s",
        hint=f"`agentdeck why {task}`; `agentdeck take-over {task}` again when it has",
    )


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


def _give_back(folder: RunFolder, task: TaskId, *, go_on: bool, text: str) -> int:
    command = c.HandBack(task, go_on, text, who())
    with engine_for(folder, command) as engine:
        engine.send(command)
    say(f"{task}: {'its agent goes on' if go_on else 'handed back, it is being checked'}")
    return EXIT_OK


__all__ = ["register"]
