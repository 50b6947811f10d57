"""`agentdeck budget`: what may be used, what is left of it, and another limit.

Rules:
- A limit that is set while nobody goes on with the run starts an engine: whoever raises a budget
  wants what waits for it to go on.
- Amounts are read as `plans.typed_limits` says; `raise` adds, `set` replaces.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import typer

from agentdeck.cli.commands import engine_for
from agentdeck.cli.output import note, safe, say, say_json, table
from agentdeck.cli.place import JsonOption, RunOption, chosen_run
from agentdeck.cli.verb_functions import as_function
from agentdeck.control.budget_report import BudgetLine, budget_lines
from agentdeck.control.runs import RunFolder, fold_run, summary_of
from agentdeck.control.verb_table import verb_named
from agentdeck.control.verbs import Said, Verb
from agentdeck.core.budgets import dollars, unpriced
from agentdeck.core.errors import EXIT_OK, UsageError
from agentdeck.core.explain import budgets_asking
from agentdeck.core.state import RunState

HEADS: Final = ("SCOPE", "LIMIT", "USED", "RESERVED", "LEFT", "")

app = typer.Typer(
    name="budget",
    help="What may be used, and what is left of it.",
    invoke_without_command=True,
)


def register(main: typer.Typer) -> None:
    """Add the verbs."""
    app.callback()(show)
    for name in ("budget set", "budget raise"):
        app.command(name=name.split()[-1])(as_function(verb_named(name), _send))
    main.add_typer(app, rich_help_panel="Act")


def show(context: typer.Context, run: RunOption = None, as_json: JsonOption = False) -> int:
    """Every budget of a run: limit, used, reserved, left."""
    if context.invoked_subcommand is not None:
        if run is not None or as_json:
            raise UsageError("--run and --json stand behind the verb of a budget")
        return EXIT_OK
    folder = chosen_run(context, run)
    state = fold_run(folder)
    if as_json:
        say_json(as_data(state))
        return EXIT_OK
    table(HEADS, _rows(budget_lines(state)))
    for line in remarks(state):
        say(line)
    return EXIT_OK


def as_data(state: RunState) -> dict[str, object]:
    """The budgets of a run for programs."""
    return {
        "run": state.run,
        "budgets": budget_lines(state),
        "asks": budgets_asking(state),
        "usd_priced": priced_usd(state),
        "prices": state.prices.as_of,
        "unpriced": unpriced(state),
    }


def remarks(state: RunState) -> Iterator[str]:
    """What a person should know of the money of a run, line by line."""
    for asking in budget_lines(state):
        if asking.asks:
            kind = "--tokens" if asking.usd.limit is None else "--usd"
            act = f"agentdeck budget raise {asking.scope} {kind} N --run {state.run}"
            yield f"{safe(asking.sentence)}: `{safe(act)}` goes on"
    reckoned = priced_usd(state)
    if reckoned:
        yield f"${reckoned:.2f} of it reckoned by the price table of {safe(state.prices.as_of)}"
    for model in unpriced(state):
        yield f"no price for {safe(model) or 'a model without a name'}: only its tokens count"


def priced_usd(state: RunState) -> float:
    """US dollars that no agent has named, and the price table gives."""
    return sum(a.usd_priced for task in state.tasks.values() for a in task.attempts)


def _rows(lines: list[BudgetLine]) -> Iterator[tuple[str, ...]]:
    for line in lines:
        word = f"used up ({line.on_exceed})" if line.used_up else ""
        if line.share is not None:
            word = f"{word}{', ' if word else ''}{line.share:.0%} of each account"
        name = line.scope
        if line.usd.limit is not None or line.tokens.limit is None:
            usd = line.usd
            limit = "none" if usd.limit is None else dollars(usd.limit)
            left = "" if usd.left is None else f"${usd.left:.2f}"
            yield name, limit, f"${usd.used:.2f}", f"${usd.reserved:.2f}", left, word
            name = word = ""
        if line.tokens.limit is not None:
            counts = line.tokens
            left = "" if counts.left is None else f"{counts.left:,.0f}"
            limit = f"{counts.limit:,.0f} tokens"
            yield name, limit, f"{counts.used:,.0f}", f"{counts.reserved:,.0f}", left, word


def _send(folder: RunFolder, verb: Verb, said: Said) -> int:
    (command,) = verb.build(said)
    scope = said["scope"]
    alone = not summary_of(folder).engine
    with engine_for(folder, command) as engine:
        engine.send(command)
    lines = budget_lines(fold_run(folder))
    table(HEADS, _rows([line for line in lines if line.scope == scope] or lines[:1]))
    if alone:
        note(f"the run goes on in the background; `agentdeck attach {folder.run}` opens it")
    return EXIT_OK


__all__ = ["register"]
