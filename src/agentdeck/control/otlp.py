"""A trace on its way to others: as OTLP in JSON, or sent to an OTLP receiver over HTTP.

Rules:
- Sending is the official exporter's work, so the environment variables `OTEL_EXPORTER_OTLP_…` hold
  (headers, certificates, compression, time-outs), and it tries again what may be tried again.
- The JSON is the same message as a file or a pipe has it, and needs no package.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from agentdeck import __version__
from agentdeck.core.errors import EnvironmentFault, UsageError
from agentdeck.plans.reporting.traces import Span, Trace, Value

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

NS: Final = 1_000_000_000
AT_ONCE: Final = 500  # spans in one request; a few hundred KB
INTERNAL: Final = 1  # the kind of every span
STATUS_OK: Final = 1
STATUS_ERROR: Final = 2
MAX_SAID: Final = 400  # characters of a reason; it quotes what was answered
PATH: Final = "/v1/traces"  # of a receiver, where its address names none
LOCAL: Final = "http://localhost:4318"  # where one is looked for that nobody has named
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_LOGGED: Final = "opentelemetry.exporter.otlp.proto.http"


def as_json(trace: Trace) -> dict[str, Any]:
    """The trace as OTLP has it in JSON: ids in hex, times in strings of nanoseconds."""
    scope = {"name": "agentdeck", "version": __version__}
    spans = [_as_json(trace, span) for span in trace.spans]
    resource = {"attributes": _attributes(_about(trace))}
    return {
        "resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": spans}]}]
    }


def send(trace: Trace, endpoint: str | None) -> int:
    """Send the trace to a receiver; how many spans it took.

    Args:
        trace: what has ended of a run.
        endpoint: its address; without a path `/v1/traces` is meant. None = as the environment says,
            or http://localhost:4318.

    Raises:
        UsageError: that is no address.
        EnvironmentFault: the extra is missing, or the receiver did not take it.
    """
    where = _where(endpoint)
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import SpanExportResult
    except ImportError as fault:
        raise EnvironmentFault(
            f"sending traces needs OpenTelemetry ({fault})",
            hint="pip install 'agentdeck[otel]', or `--json` and any program that sends it",
        ) from fault
    said = _Said()
    logger = logging.getLogger(_LOGGED)
    logger.addHandler(said)
    logger.propagate = False  # it is told below, once
    exporter = OTLPSpanExporter(endpoint=where)
    try:
        for some in _pieces(_as_readable(trace)):
            if exporter.export(some) is not SpanExportResult.SUCCESS:
                raise EnvironmentFault(
                    f"{_receiver(where)} did not take the spans: "
                    f"{said.text or 'no reason was given'}",
                    hint="is an OTLP/HTTP receiver there? `--endpoint http://HOST:4318`",
                )
    finally:
        exporter.shutdown()  # type: ignore[no-untyped-call] # of theirs
        logger.removeHandler(said)
    return len(trace.spans)


class _Said(logging.Handler):
    """The first that the exporter has said: it returns no reason, and tries again then."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = self.text or _reason(record)[:MAX_SAID]


def _reason(record: logging.LogRecord) -> str:
    """What the exporter says, without what it does next; of an error what is at its bottom."""
    for said in record.args if isinstance(record.args, tuple) else ():
        fault = said if isinstance(said, BaseException) else None
        while fault is not None:
            if isinstance(fault, OSError) and fault.errno is not None and fault.strerror:
                return fault.strerror
            fault = fault.__cause__ or fault.__context__
    if record.levelno == logging.WARNING and isinstance(record.args, tuple) and record.args:
        return str(record.args[0])  # "Transient error %s …, retrying in %.2fs."
    return record.getMessage()


def _receiver(where: str | None) -> str:
    """Who was asked, without what may be secret in an address."""
    named = where or next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), LOCAL)
    found = urlsplit(named)
    try:
        port = f":{found.port}" if found.port is not None else ""
    except ValueError:
        port = ""
    return f"the receiver at {found.scheme}://{found.hostname}{port}"


def _where(endpoint: str | None) -> str | None:
    if endpoint is None:
        return None
    try:
        found = urlsplit(endpoint)
        known = found.scheme in ("http", "https") and bool(found.hostname) and found.port != 0
    except ValueError:
        known = False
    if not known:
        raise UsageError(f"--endpoint {endpoint} is no address", hint=LOCAL)
    path = PATH if found.path in ("", "/") else found.path
    return urlunsplit((found.scheme, found.netloc, path, found.query, ""))


def _about(trace: Trace) -> dict[str, Value]:
    return {
        "service.name": "agentdeck",
        "service.version": __version__,
        "service.instance.id": trace.run,
        "agentdeck.run": trace.run,
        "agentdeck.plan": trace.plan,
    }


def _as_json(trace: Trace, span: Span) -> dict[str, Any]:
    status = {"code": STATUS_OK}
    if span.fault is not None:
        status = {"code": STATUS_ERROR, "message": span.fault}  # type: ignore[dict-item]
    return {
        "traceId": trace.id,
        "spanId": span.id,
        **({"parentSpanId": span.parent} if span.parent is not None else {}),
        "name": span.name,
        "kind": INTERNAL,
        "startTimeUnixNano": str(_ns(span.start)),
        "endTimeUnixNano": str(_ns(span.end)),
        "attributes": _attributes(span.attributes),
        "events": [
            {"name": moment.name, "timeUnixNano": str(_ns(moment.at))} for moment in span.moments
        ],
        "status": status,
    }


def _attributes(found: dict[str, Value]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in found.items()]


def _value(value: Value) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"stringValue": value}


def _as_readable(trace: Trace) -> list[ReadableSpan]:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
    from opentelemetry.trace.status import Status, StatusCode

    resource = Resource(_about(trace))
    scope = InstrumentationScope("agentdeck", __version__)

    def context(span: str) -> SpanContext:
        flags = TraceFlags(TraceFlags.SAMPLED)
        return SpanContext(int(trace.id, 16), int(span, 16), is_remote=False, trace_flags=flags)

    return [
        ReadableSpan(
            name=span.name,
            context=context(span.id),
            parent=context(span.parent) if span.parent is not None else None,
            resource=resource,
            attributes=span.attributes,
            events=[Event(moment.name, timestamp=_ns(moment.at)) for moment in span.moments],
            kind=SpanKind.INTERNAL,
            status=Status(StatusCode.OK)
            if span.fault is None
            else Status(StatusCode.ERROR, span.fault),
            start_time=_ns(span.start),
            end_time=_ns(span.end),
            instrumentation_scope=scope,
        )
        for span in trace.spans
    ]


def _pieces(spans: Sequence[ReadableSpan]) -> Iterator[Sequence[ReadableSpan]]:
    for start in range(0, len(spans), AT_ONCE):
        yield spans[start : start + AT_ONCE]


def _ns(at: float) -> int:
    return round(at * NS)


__all__ = ["as_json", "send"]
