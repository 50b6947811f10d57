"""`agentdeck budget`: what may be used, what is left of it, and another limit.

Rules:
- A limit that is set while nobody goes on with the run starts an engine: whoever raises a budget
  wants what waits for it to go on.
- Amounts are read as `plans.typed_limits` says; `raise` adds, `set` replaces.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

import msgspec
import typer

from agentdeck.cli.commands import engine_for
from agentdeck.cli.output import note, safe, say, say_json, table
from agentdeck.cli.place import JsonOption, RunOption, chosen_run
from agentdeck.control.budget_report import BudgetLine, budget_lines
from agentdeck.control.runs import RunFolder, fold_run, summary_of
from agentdeck.core.budgets import dollars, unpriced
from agentdeck.core.commands import AnyCommand, RaiseBudget, SetBudget
from agentdeck.core.errors import EXIT_OK, UsageError
from agentdeck.core.explain import budgets_asking
from agentdeck.core.state import RunState
from agentdeck.plans.typed_limits import Of, typed

HEADS: Final = ("SCOPE", "LIMIT", "USED", "RESERVED", "LEFT", "")

app = typer.Typer(
    name="budget",
    help="What may be used, and what is left of it.",
    invoke_without_command=True,
)

ScopeArgument = Annotated[
    str,
    typer.Argument(metavar="SCOPE", help="run, phase:ID, pool:NAME or task:ID."),
]
UsdOption = Annotated[
    str | None, typer.Option("--usd", metavar="AMOUNT", help="US dollars; none = no limit.")
]
TokensOption = Annotated[
    str | None,
    typer.Option("--tokens", metavar="COUNT", help="Tokens, such as 500K or 2M; none = no limit."),
]


def register(main: typer.Typer) -> None:
    """Add the verbs."""
    app.callback()(show)
    app.command(name="set")(put)
    app.command(name="raise")(more)
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


def put(
    context: typer.Context,
    scope: ScopeArgument,
    usd: UsdOption = None,
    tokens: TokensOption = None,
    run: RunOption = None,
) -> int:
    """Set a limit; what waits for it goes on."""
    _needs_one(usd, tokens)
    command = SetBudget(
        scope,
        usd=msgspec.UNSET if usd is None else _limit(usd, "usd"),
        tokens=msgspec.UNSET if tokens is None else _count(_limit(tokens, "tokens")),
    )
    return _send(chosen_run(context, run), command, scope)


def more(
    context: typer.Context,
    scope: ScopeArgument,
    usd: Annotated[
        str | None, typer.Option("--usd", metavar="AMOUNT", help="So many US dollars more.")
    ] = None,
    tokens: Annotated[
        str | None, typer.Option("--tokens", metavar="COUNT", help="So many tokens more.")
    ] = None,
    run: RunOption = None,
) -> int:
    """Allow so much more than now; what waits for it goes on."""
    _needs_one(usd, tokens)
    extra = 0.0 if usd is None else _limit(usd, "usd", adds=True)
    count = None if tokens is None else _count(_limit(tokens, "tokens", adds=True))
    return _send(chosen_run(context, run), RaiseBudget(scope, extra or 0.0, count or 0), scope)


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


def _needs_one(usd: str | None, tokens: str | None) -> None:
    if usd is None and tokens is None:
        raise UsageError("nothing is said of the limit", hint="add --usd AMOUNT or --tokens COUNT")


def _limit(text: str, of: Of, *, adds: bool = False) -> float | None:
    said = typed(text)
    if said.of not in (None, of):
        raise UsageError(f"--{of} {text} is something else", hint=f"--{said.of} {text}")
    if said.more and not adds:
        raise UsageError(f"--{of} {text} says how much more", hint="`budget raise` adds")
    if said.amount is None and adds:
        raise UsageError("a limit is taken away by `budget set`", hint=f"--{of} none")
    return said.amount


def _count(amount: float | None) -> int | None:
    return None if amount is None else round(amount)


def _send(folder: RunFolder, command: AnyCommand, scope: str) -> int:
    alone = not summary_of(folder).engine
    with engine_for(folder, command) as engine:
        engine.send(command)
    lines = budget_lines(fold_run(folder))
    table(HEADS, _rows([line for line in lines if line.scope == scope] or lines[:1]))
    if alone:
        note(f"the run goes on in the background; `agentdeck attach {folder.run}` opens it")
    return EXIT_OK


__all__ = ["register"]
