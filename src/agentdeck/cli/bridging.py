"""`bridge`: a run over HTTP and WebSocket, for dashboards."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from agentdeck.cli.listening import LOOPBACK, HostOption, PortOption, listen
from agentdeck.cli.output import note, say
from agentdeck.cli.place import RunArgument, chosen_run, folder_of
from agentdeck.core.errors import EXIT_OK, EnvironmentFault, UsageError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(rich_help_panel="Programs")(bridge)


def bridge(
    context: typer.Context,
    name: RunArgument = None,
    port: PortOption = 0,
    host: HostOption = "127.0.0.1",
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            metavar="FILE",
            help="The token; made, for you alone, where there is none. Without it a new one is "
            "printed.",
        ),
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            "--origin",
            metavar="ORIGIN",
            help="Pages from there may use it: http://localhost:3000. May be repeated.",
            show_default=False,
        ),
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="No commands: who has the token can only look.")
    ] = False,
    open_metrics: Annotated[
        bool,
        typer.Option("--open-metrics", help="/metrics needs no token. On this machine alone."),
    ] = False,
) -> int:
    """Serve a run over HTTP and WebSocket on this machine, for dashboards and Prometheus.

    Prints the address, and the token unless that is in a file. Ctrl-C ends it; the run goes on.
    docs/bridge.md says what can be asked.
    """
    folder = chosen_run(context, name)
    if open_metrics and host not in LOOPBACK:
        raise UsageError(
            f"--open-metrics is for this machine alone, not for {host}",
            hint="let Prometheus bring the token: `authorization: {credentials_file: FILE}`",
        )
    origins = tuple(origin or ())
    for each in origins:
        if "://" not in each or each.endswith("/"):
            raise UsageError(f"--origin {each} is no origin", hint="such as http://localhost:3000")
    try:
        from agentdeck.control.bridge.server import Bridge, Rules
    except ImportError as fault:
        raise EnvironmentFault(
            f"the bridge needs aiohttp ({fault})", hint="pip install 'agentdeck[web]'"
        ) from fault
    from agentdeck.control.bridge.token_file import token_in
    from agentdeck.control.door import new_secret

    token = new_secret() if token_file is None else token_in(folder_of(context) / token_file)
    listening = listen(host, port)
    if host not in LOOPBACK:
        note(f"{host} is no address of this machine alone: whoever can read its network traffic")
        note("can read the token and with it command the run; `ssh -L` is the safe way")
    served = Bridge(folder, listening, Rules(token, read_only, open_metrics, origins))

    def ready() -> None:
        what = "its address" if token_file is not None else "its address, and the token"
        note(f"run {folder.run} for dashboards: {what}; Ctrl-C ends this, the run goes on")
        say(served.address)
        if token_file is None:
            say(token)
        sys.stdout.flush()  # also into a pipe: whoever waits for the address gets it at once

    try:
        served.serve(ready)
    finally:
        listening.close()
    note("the bridge has ended")
    return EXIT_OK


__all__ = ["register"]
