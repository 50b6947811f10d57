"""`serve`: the control room in a browser."""

from __future__ import annotations

import sys

import typer

from agentdeck.cli.listening import LOOPBACK, HostOption, PortOption, listen
from agentdeck.cli.output import note, say
from agentdeck.cli.place import RunArgument, chosen_run
from agentdeck.core.errors import EXIT_OK, EnvironmentFault


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(rich_help_panel="Runs")(serve)


def serve(
    context: typer.Context,
    name: RunArgument = None,
    port: PortOption = 0,
    host: HostOption = "127.0.0.1",
) -> int:
    """Show the control room of a run in a browser on this machine.

    Prints a link that opens one browser, and after it was used the next one. Ctrl-C ends it; the
    run goes on.
    """
    folder = chosen_run(context, name)
    try:
        from agentdeck.tui.browser.server import DeckServer
    except ImportError as fault:
        raise EnvironmentFault(
            f"the control room in a browser needs textual-serve ({fault})",
            hint="pip install 'agentdeck[web]'",
        ) from fault
    from agentdeck.control.start import wake

    listening = listen(host, port)
    if host not in LOOPBACK:
        note(f"{host} is no address of this machine alone: whoever can read its network traffic")
        note("can read the deck and press its keys; `ssh -L` is the safe way")
    wake(folder)
    note(f"run {folder.run} in a browser; each link opens one, Ctrl-C ends this, the run goes on")
    argv = (sys.executable, "-P", "-m", "agentdeck.tui.browser", str(folder.path))
    title = f"agentdeck · {folder.run}"
    server = DeckServer(argv, listening, title, _announce, lambda: wake(folder))
    try:
        server.serve()
    finally:
        listening.close()
    note(f"no browser is served any more; `agentdeck attach {folder.run}` opens the run here")
    return EXIT_OK


def _announce(link: str) -> None:
    say(link)
    sys.stdout.flush()  # also into a pipe: whoever waits for the link gets it at once


__all__ = ["register"]
