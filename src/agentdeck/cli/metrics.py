"""`metrics`: a run in the text format of Prometheus, once."""

from __future__ import annotations

import time

import typer

from agentdeck.cli.output import print_error, say
from agentdeck.cli.place import RunArgument, chosen_run
from agentdeck.core.errors import EXIT_OK


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(rich_help_panel="Programs")(metrics)


def metrics(context: typer.Context, run: RunArgument = None) -> int:
    """Print the metrics of a run once, as Prometheus reads them; docs/metrics.md says which.

    For scraping again and again there is `agentdeck bridge`.
    """
    from agentdeck.control.metrics import metrics_of

    text, fault = metrics_of(chosen_run(context, run), time.time())
    say(text.rstrip("\n"))
    if fault is None:
        return EXIT_OK
    print_error(fault.message, fault.hint)
    return fault.exit_code


__all__ = ["register"]
