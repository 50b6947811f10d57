"""`agentdeck rpc`: the control socket of a run, for programs that speak to it themselves."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from agentdeck.cli.output import json_text, say, say_json
from agentdeck.cli.place import RunArgument, RunOption, chosen_run
from agentdeck.core.errors import EXIT_OK, UsageError

app = typer.Typer(name="rpc", help="The control socket, for programs.", no_args_is_help=True)


def register(main: typer.Typer) -> None:
    """Add the verbs."""
    for verb in (socket, call, schema):
        app.command()(verb)
    main.add_typer(app, rich_help_panel="Programs")


def _methods(incomplete: str) -> list[str]:
    """Methods that begin so, for the shell."""
    from agentdeck.control.protocol import METHODS

    return [name for name in METHODS if name.startswith(incomplete)]


def socket(context: typer.Context, run: RunArgument = None) -> int:
    """Where the engine of a run listens. There is a socket only while there is an engine."""
    say(str(chosen_run(context, run).socket))
    return EXIT_OK


def call(
    context: typer.Context,
    method: Annotated[
        str,
        typer.Argument(metavar="METHOD", help="Such as status.", autocompletion=_methods),
    ],
    params: Annotated[
        str, typer.Argument(metavar="[PARAMS]", help="A JSON object.", show_default=False)
    ] = "{}",
    run: RunOption = None,
) -> int:
    """Call one method of a run's engine, and print its result as JSON."""
    from agentdeck.control.blocking import connect

    try:
        given = json.loads(params)
    except ValueError as error:
        raise UsageError(
            f"the params are not JSON: {error}", hint="""such as '{"task": "T1"}'"""
        ) from None
    if not isinstance(given, dict):
        raise UsageError("the params are no JSON object", hint="""such as '{"task": "T1"}'""")
    with connect(chosen_run(context, run)) as engine:
        say_json(engine.call(method, given))
    return EXIT_OK


def schema() -> int:
    """The methods, commands and events as an OpenRPC document with JSON schemas."""
    from agentdeck.control.rpc_schema import document

    print(json_text(document()))
    return EXIT_OK


__all__ = ["register"]
