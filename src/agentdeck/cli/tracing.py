"""`traces`: a run as spans, for OpenTelemetry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

import typer

from agentdeck.cli.output import note, safe, say, say_json, table
from agentdeck.cli.place import JsonOption, RunArgument, chosen_run
from agentdeck.core.errors import EXIT_OK, UsageError
from agentdeck.core.words import short_duration

if TYPE_CHECKING:
    from agentdeck.plans.reporting.traces import Span, Trace

INDENT: Final = "  "
HEADS: Final = ("SPAN", "TOOK", "STATUS")
EXACT_S: Final = 10.0  # below that tenths of seconds say something


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(rich_help_panel="Programs")(traces)


def traces(
    context: typer.Context,
    run: RunArgument = None,
    send: Annotated[
        bool,
        typer.Option(
            "--send",
            help="Send them where OTEL_EXPORTER_OTLP_ENDPOINT says, or to localhost:4318.",
        ),
    ] = False,
    endpoint: Annotated[
        str | None,
        typer.Option("--endpoint", metavar="URL", help="Send them to this OTLP/HTTP receiver."),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Show a run as spans: attempts, gates, reviews, landings; or send them to OpenTelemetry.

    Only what has ended is told. Sent twice, the spans are the same. docs/traces.md says what is in
    them.
    """
    from agentdeck.control.source import read_history
    from agentdeck.plans.reporting.traces import trace_of

    sends = send or endpoint is not None
    if sends and as_json:
        raise UsageError("--json prints, --send and --endpoint send", hint="choose one")
    trace = trace_of(read_history(chosen_run(context, run)))
    if as_json:
        from agentdeck.control.otlp import as_json as otlp

        say_json(otlp(trace))
    elif sends:
        from agentdeck.control.otlp import send as deliver

        say(f"{deliver(trace, endpoint)} spans sent; the trace is {trace.id}")
    else:
        table(HEADS, list(_rows(trace)))
        note(f"the trace is {trace.id}; `--send` sends it, `--json` prints it as OTLP")
    return EXIT_OK


def _rows(trace: Trace) -> Iterator[tuple[str, str, str]]:
    """Each span below the one that it is of, as they began."""
    told = {span.id for span in trace.spans}
    below: defaultdict[str | None, list[Span]] = defaultdict(list)
    for span in sorted(trace.spans, key=lambda span: span.start, reverse=True):
        below[span.parent if span.parent in told else None].append(span)
    open_ones = [(span, 0) for span in below[None]]
    while open_ones:
        span, depth = open_ones.pop()
        open_ones += [(child, depth + 1) for child in below[span.id]]
        name = f"{INDENT * depth}{safe(span.name)}"
        yield name, _took(span.end - span.start), span.fault or "ok"


def _took(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < EXACT_S else short_duration(seconds)


__all__ = ["register"]
