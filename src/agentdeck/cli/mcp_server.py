"""`mcp`: a run for editors and agents, through the Model Context Protocol."""

from __future__ import annotations

from typing import Annotated

import typer

from agentdeck.cli.place import RunArgument, chosen_run
from agentdeck.control.runs import fold_run
from agentdeck.core.errors import EXIT_OK, EnvironmentFault, UsageError
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

    Its client reads plan, tasks, logs, evidence, queue, inbox and events, proposes tasks and asks
    a person. It sends only commands that the plan allows in its table `mcp`, or --allow.
    """
    folder = chosen_run(context, name)
    allowed = {*fold_run(folder).plan.mcp.commands, *_checked(allow or [])}
    try:
        from agentdeck.mcp.run_face import RunFace
        from agentdeck.mcp.serving import run
    except ImportError as fault:
        raise EnvironmentFault(
            f"`agentdeck mcp` needs the MCP SDK ({fault})",
            hint="pip install 'agentdeck[mcp]'",
        ) from fault

    async def make() -> RunFace:
        return RunFace(folder, allowed)

    run(make)
    return EXIT_OK


def _checked(words: list[str]) -> list[str]:
    for word in words:
        if word != ALL and word not in MCP_COMMANDS:
            known = ", ".join((*MCP_COMMANDS, ALL))
            raise UsageError(f"--allow {word[:60]}: there is no such command", hint=known)
    return list(MCP_COMMANDS) if ALL in words else words


__all__ = ["register"]
