"""`mcp`: a run for editors and agents, through the Model Context Protocol."""

from __future__ import annotations

from typing import Annotated

import typer

from agentdeck.cli.place import Place, RunArgument, chosen_run, folder_of
from agentdeck.control.discovery import common_dir
from agentdeck.control.runs import RunFolder
from agentdeck.core.errors import EXIT_OK, EnvironmentFault, NotFoundError, UsageError
from agentdeck.core.plan import MCP_COMMANDS

ALL = "all"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="mcp", rich_help_panel="Runs")(mcp)


def mcp(
    context: typer.Context,
    name: RunArgument = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            metavar="COMMAND",
            help="A command that the client may send, or all; may be repeated.",
            show_default=False,
        ),
    ] = None,
) -> int:
    """Serve a run to an editor or an agent, over stdin and stdout (MCP).

    Without a name it is the newest of this repository at each call; every answer names its run.
    Its client reads plan, tasks, logs, evidence, queue, inbox and events, proposes tasks and asks
    a person. It sends only commands that the plan allows in its table `mcp`, or --allow.
    """
    more = _checked(allow or [])
    named, repo = _named(context, name), folder_of(context)
    try:
        from agentdeck.mcp.followed import Followed
        from agentdeck.mcp.run_face import RunFace
        from agentdeck.mcp.serving import run
    except ImportError as fault:
        raise EnvironmentFault(
            f"`agentdeck mcp` needs the MCP SDK ({fault})",
            hint="pip install 'agentdeck[mcp]'",
        ) from fault

    async def make() -> RunFace:
        return RunFace(Followed(repo, named, more))

    run(make)
    return EXIT_OK


def _named(context: typer.Context, name: str | None) -> RunFolder | None:
    """The run that was named; None = the newest one, whichever that is when it is asked for.

    Raises:
        NotFoundError: there is no such run, or no repository that could have one.
    """
    place = context.obj
    if name is not None or (isinstance(place, Place) and place.run is not None):
        return chosen_run(context, name)
    if common_dir(folder_of(context)) is None:
        raise NotFoundError(
            f"{folder_of(context)} is in no repository, so there is no newest run to serve",
            hint="name a repository (agentdeck -C FOLDER mcp) or a run (agentdeck mcp RUN)",
        )
    return None


def _checked(words: list[str]) -> list[str]:
    for word in words:
        if word != ALL and word not in MCP_COMMANDS:
            known = ", ".join((*MCP_COMMANDS, ALL))
            raise UsageError(f"--allow {word[:60]}: there is no such command", hint=known)
    return list(MCP_COMMANDS) if ALL in words else words


__all__ = ["register"]
