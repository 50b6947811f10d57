"""From a verb as data to the function that typer reads a verb from.

Rules: names, metavars, help and defaults come from `control.verb_table` and from nowhere else. Each
verb gets `--run` behind its arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Annotated, Any

import typer

from agentdeck.cli.place import RunOption, chosen_run
from agentdeck.control.runs import RunFolder
from agentdeck.control.verbs import Argument, Option, Said, Takes, Verb

Act = Callable[[RunFolder, Verb, Said], int]


def as_function(verb: Verb, act: Act) -> Callable[..., int]:
    """What typer is given for a verb; `act` carries it out and returns the exit status."""

    def function(context: typer.Context, run: str | None = None, **words: Any) -> int:
        said = {name: _plain(value) for name, value in words.items() if value is not None}
        whole = verb.unsaid() | said
        _ = verb.build(whole)  # words that exclude each other are a fault in any run, and in none
        return act(chosen_run(context, run), verb, whole)

    parameters = [
        Parameter("context", Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context),
        *map(_argument, verb.arguments),
        Parameter("run", Parameter.KEYWORD_ONLY, default=None, annotation=RunOption),
        *map(_option, verb.options),
    ]
    function.__name__ = verb.name.split()[-1]
    function.__doc__ = f"{verb.sentence}\n\n{verb.more}".strip()
    function.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {each.name: each.annotation for each in parameters}
    return function


def _plain(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _argument(argument: Argument) -> Parameter:
    kind: Any = int if argument.takes is Takes.NUMBER else str
    if argument.many:
        kind = list[str]
    said = argument.help.removesuffix(".") + argument.in_shell + "."
    info = typer.Argument(metavar=argument.metavar, help=said, show_default=False)
    default: Any = Parameter.empty if argument.required else None
    return Parameter(
        argument.name,
        Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind if argument.required else kind | None, info],
    )


def _option(option: Option) -> Parameter:
    kind: Any = bool if option.takes is Takes.FLAG else option.choices or str
    metavar = option.metavar or None
    info = typer.Option(*option.names, help=option.help, metavar=metavar)
    if option.many:
        kind = list[kind]
    default = False if option.takes is Takes.FLAG else None
    annotation = kind if option.takes is Takes.FLAG else kind | None
    return Parameter(
        option.name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[annotation, info]
    )


__all__ = ["Act", "as_function"]
