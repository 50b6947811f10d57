"""`agentdeck tracker`: what comes in from a tracker, as proposals that a person takes or drops.

Rules: a request is read from stdin and proven before anything is made of it. Nothing that comes in
is carried out: `take` is a person's command, and is refused as any other.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from agentdeck.cli.ahead import clock
from agentdeck.cli.commands import engine_for
from agentdeck.cli.output import note, safe, say, say_json, table
from agentdeck.cli.place import JsonOption, RunArgument, RunOption, chosen_run
from agentdeck.control.person import who
from agentdeck.control.runs import fold_run
from agentdeck.core import commands as c
from agentdeck.core.errors import EXIT_OK
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Accept
from agentdeck.core.words import first_line

if TYPE_CHECKING:
    from agentdeck.core.commands import AnyCommand
    from agentdeck.core.proposals import Proposal
    from agentdeck.core.state import RunState

HEADS: Final = ("ID", "AT", "ISSUE", "BY", "PROPOSES")
SHOWN_CHARS: Final = 80
app = typer.Typer(name="tracker", help="What comes in from a tracker.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="As `tracker list` shows it.")]


def register(main: typer.Typer) -> None:
    """Add the verbs."""
    app.command(name="receive")(receive)
    app.command(name="list")(list_proposals)
    app.command(name="take")(take)
    app.command(name="drop")(drop)
    main.add_typer(app, rich_help_panel="Act")


def receive(context: typer.Context, run: RunArgument = None, as_json: JsonOption = False) -> int:
    """Read one request of a webhook from stdin, head and body, and keep what it proposes."""
    from agentdeck.control.tracker_inbox import accepting, read_request
    from agentdeck.control.tracker_inbox import receive as hear
    from agentdeck.core.proposals import NothingToDo

    folder = chosen_run(context, run)
    state = fold_run(folder)
    accepting(state)  # before anything is read
    request = read_request(sys.stdin.buffer)
    try:
        found = hear(folder, state, request, now=time.time())
    except NothingToDo as why:
        if as_json:
            say_json({"proposal": None, "why": str(why)})
        else:
            say(f"nothing to do: {safe(str(why))}")
        return EXIT_OK
    if as_json:
        say_json({"proposal": found, "why": ""})
    else:
        say(f"{found.id}: {safe(_words(found))}")
        note(f"`agentdeck tracker take {found.id} --run {folder.run}` does it")
    return EXIT_OK


def list_proposals(
    context: typer.Context, run: RunArgument = None, as_json: JsonOption = False
) -> int:
    """What was proposed and waits for you."""
    from agentdeck.control.tracker_inbox import waiting

    found = waiting(chosen_run(context, run))
    if as_json:
        say_json({"proposals": found})
    elif not found:
        say("nothing waits for you here")
    else:
        now = time.time()
        rows = [
            (one.id, clock(one.at, now), f"#{one.issue}", safe(one.by), safe(_words(one)))
            for one in found
        ]
        table(HEADS, rows)
    return EXIT_OK


def take(context: typer.Context, id_: IdArgument, run: RunOption = None) -> int:
    """Do what was proposed, in your name."""
    from agentdeck.control.tracker_inbox import named, remove

    folder = chosen_run(context, run)
    found = named(folder, id_)
    command = _command(fold_run(folder), found)
    with engine_for(folder, command) as engine:
        engine.send(command)
    remove(folder, id_)
    say(f"{safe(found.task)}: {safe(_words(found))}")
    return EXIT_OK


def drop(context: typer.Context, id_: IdArgument, run: RunOption = None) -> int:
    """Forget what was proposed."""
    from agentdeck.control.tracker_inbox import named, remove

    folder = chosen_run(context, run)
    found = named(folder, id_)
    remove(folder, id_)
    say(f"dropped: {safe(_words(found))}")
    return EXIT_OK


def _words(found: Proposal) -> str:
    match found.what:
        case Accept.SKIP:
            return f"skip {found.task}"
        case Accept.ANSWER:
            return f"answer {found.task}: {first_line(found.text)[:SHOWN_CHARS]}"
        case Accept.TASK:
            return f"add {found.task}: {first_line(found.title)[:SHOWN_CHARS]}"


def _command(state: RunState, found: Proposal) -> AnyCommand:
    """What a person would say. Raises what the deck raises at it."""
    task, by = TaskId(found.task), who()
    match found.what:
        case Accept.SKIP:
            return c.Skip(task, by=by)
        case Accept.ANSWER:
            return c.Answer(task, text=found.text, question=found.question, by=by)
        case Accept.TASK:
            return _new_task(state, found)


def _new_task(state: RunState, found: Proposal) -> AnyCommand:
    """The task that `import --issues` would make of the issue, with what it waits for here."""
    from agentdeck.control.catalog import load_catalog
    from agentdeck.control.issue_tasks import task_of
    from agentdeck.control.replanning import add_command

    return add_command(state, task_of(state, found), load_catalog().adapters)


__all__ = ["register"]
