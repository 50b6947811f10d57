"""`agentdeck accounts`: whose limits the agents meet, and letting them start again.

Rules: who reopens an account wants what waits for it to go on, so an engine is started where nobody
goes on with the run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import typer

from agentdeck.cli.ahead import clock
from agentdeck.cli.commands import engine_for
from agentdeck.cli.output import safe, say, say_json, table
from agentdeck.cli.place import JsonOption, RunOption, chosen_run
from agentdeck.cli.verb_functions import as_function
from agentdeck.control.account_report import AccountLine, Stands, account_lines
from agentdeck.control.runs import RunFolder, fold_run, summary_of
from agentdeck.control.verb_table import verb_named
from agentdeck.control.verbs import Said, Verb
from agentdeck.core.errors import EXIT_OK, UsageError
from agentdeck.core.state import RunState

HEADS: Final = ("ACCOUNT", "STANDS", "AT WORK", "AT ONCE", "UNTIL", "USED", "")

app = typer.Typer(
    name="accounts", help="Whose limits the agents meet.", invoke_without_command=True
)


def register(main: typer.Typer) -> None:
    """Add the verbs."""
    app.callback()(show)
    app.command(name="resume")(as_function(verb_named("accounts resume"), _resume))
    main.add_typer(app, rich_help_panel="Act")


def show(context: typer.Context, run: RunOption = None, as_json: JsonOption = False) -> int:
    """Every account that the agents of a run meet: open, frozen until when, or closed."""
    if context.invoked_subcommand is not None:
        if run is not None or as_json:
            raise UsageError("--run and --json stand behind the verb of an account")
        return EXIT_OK
    folder = chosen_run(context, run)
    state = fold_run(folder)
    now = time.time() if summary_of(folder, state).engine else state.at
    lines = account_lines(state, now)
    if as_json:
        say_json({"run": state.run, "accounts": lines})
        return EXIT_OK
    if not lines:
        say("the agents of this run meet nobody's limits")
        return EXIT_OK
    table(HEADS, [_cells(line, now) for line in lines])
    return EXIT_OK


def _resume(folder: RunFolder, verb: Verb, said: Said) -> int:
    (command,) = verb.build(said)
    with engine_for(folder, command) as engine:
        engine.send(command)
    say(f"{safe(said['name'])}: {verb.done}")
    return EXIT_OK


def remarks(state: RunState, now: float) -> Iterator[str]:
    """What a person should know of the accounts of a run, line by line."""
    for line in account_lines(state, now):
        if line.stands is Stands.CLOSED:
            act = f"agentdeck accounts resume {line.name} --run {state.run}"
            why = f": {line.detail}" if line.detail else ""
            yield f"{safe(line.name)} lets nobody in{safe(why)}; `{safe(act)}` goes on"
        elif line.until is not None:
            yield f"{safe(line.sentence)} ({clock(line.until, now)})"


def _cells(line: AccountLine, now: float) -> tuple[str, ...]:
    used = "" if line.utilization is None else f"{line.utilization:.0%}"
    if used and line.resets_at is not None and line.resets_at > now:
        used += f" until {clock(line.resets_at, now)}"
    said = "" if line.stands is Stands.OPEN else line.sentence
    return (
        line.name,
        line.stands,
        str(line.at_work),
        "" if line.window is None else str(line.window),
        "" if line.until is None else clock(line.until, now),
        used,
        said,
    )
