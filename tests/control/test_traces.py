"""Traces of runs: which spans there are, that they repeat, and what a receiver gets."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan
from tests.tui.sample_journal import middle

from agentdeck.control import otlp
from agentdeck.core import events as e
from agentdeck.core.errors import EnvironmentFault, UsageError
from agentdeck.core.events import AnyEvent, EntryKind, FailureClass, Outcome, Recorded, Verdict
from agentdeck.core.ids import AgentName, EntryId, GateName, ProcessIdentity, RunId, TaskId
from agentdeck.core.plan import GateWhen, Plan, Task
from agentdeck.plans.reporting.traces import MAX_MOMENTS, Span, Trace, trace_of

A, Q = TaskId("A"), EntryId("A")
PROCESS = ProcessIdentity(1, 1, "boot")


def gate(when: GateWhen, verdict: Verdict, **about: object) -> e.GateFinished:
    return e.GateFinished(
        GateName("unit"), when, "t", "c1", 1, verdict, 0, 2.5, "log", **about  # type: ignore[arg-type]
    )  # fmt: skip


STORY: list[tuple[float, AnyEvent]] = [
    (0, e.RunStarted(RunId("r-1"), Plan("p", (Task(A),)), "/r/.git", "main", "b", "bt", "deck/p")),
    (1, e.AttemptClaimed(A, 1, AgentName("bot"), "big")),
    (2, e.AttemptLaunched(A, 1, PROCESS, PROCESS)),
    (3, e.AttemptAsked(A, 1, "q1", "my password is hunter2?")),
    (4, e.AttemptProgressed(A, 1, 9, tokens_in=70, tokens_out=7, usd=0.5, message="hunter2")),
    (5, e.AttemptExited(A, 1, 0)),
    (8, gate(GateWhen.TASK, Verdict.PASSED, task=A, attempt=1)),
    (9, e.EntryQueued(Q, EntryKind.TASK, "h", A, 1)),
    (10, e.EntryBuilt(Q, "c1", "t", "b")),
    (14, gate(GateWhen.MERGE, Verdict.FAILED)),
    (15, e.EntryEjected(Q, FailureClass.GATE, "red", GateName("unit"))),
    (16, e.AttemptClaimed(A, 2, AgentName("bot"))),
    (17, e.AttemptExited(A, 2, 1, cause=FailureClass.RATE_LIMIT, detail="hunter2")),
    (18, e.RunFinished(Outcome.STOPPED)),
]


def recorded(story: list[tuple[float, AnyEvent]]) -> list[Recorded]:
    return [Recorded(seq, 1_000.0 + at, what) for seq, (at, what) in enumerate(story, start=1)]


def by_name(trace: Trace) -> dict[str, Span]:
    return {span.name: span for span in trace.spans}


def test_a_run_is_a_tree_of_spans() -> None:
    """Gates and landings hang below the attempt whose work they are about; the run is the root."""
    trace = trace_of(recorded(STORY))
    assert [span.name for span in trace.spans] == [
        *("attempt A#1", "gate unit", "gate unit", "landing A", "attempt A#2", "run p"),
    ]
    run, first, landing = (by_name(trace)[name] for name in ("run p", "attempt A#1", "landing A"))
    of_task, of_merge = (span for span in trace.spans if span.name == "gate unit")
    assert run.parent is None
    assert (first.parent, of_task.parent, landing.parent) == (run.id, first.id, first.id)
    assert of_merge.parent == landing.id
    assert (first.start, first.end) == (1_001, 1_005)
    assert (of_task.start, of_task.end) == (1_005.5, 1_008)
    assert (first.fault, of_task.fault, of_merge.fault) == (None, None, "failed")
    assert (landing.fault, run.fault) == ("gate", "stopped")
    assert by_name(trace)["attempt A#2"].fault == "rate limit"
    assert first.attributes["gen_ai.usage.input_tokens"] == 70
    assert first.attributes["gen_ai.request.model"] == "big"
    assert [moment.name for moment in first.moments] == ["attempt.asked"]


def test_a_span_that_was_told_is_never_told_differently() -> None:
    """At each moment of a run the spans are the first ones of those at its end."""
    for history in (recorded(STORY), middle().history):
        whole = trace_of(history)
        for count in range(1, len(history)):
            part = trace_of(history[:count])
            assert part.id == whole.id
            assert part.spans == whole.spans[: len(part.spans)]
    ids = [span.id for span in whole.spans]
    assert len(set(ids)) == len(ids)
    assert all(len(bytes.fromhex(each)) == 8 for each in ids)
    assert len(bytes.fromhex(whole.id)) == 16


def test_nothing_that_an_agent_wrote_is_in_a_span() -> None:
    """An agent may write a secret anywhere, and a trace leaves the machine."""
    assert "hunter2" not in json.dumps(otlp.as_json(trace_of(recorded(STORY))))


def test_what_happens_within_a_span_is_bounded() -> None:
    asks = [(3.0, e.AttemptAsked(A, 1, f"q{n}", "?")) for n in range(MAX_MOMENTS + 9)]
    [first, *_] = trace_of(recorded([*STORY[:3], *asks, *STORY[5:]])).spans
    assert len(first.moments) == MAX_MOMENTS


class Receiver:
    """An OTLP receiver on this machine."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.status = 200
        self.url = ""

    @property
    def spans(self) -> list[ProtoSpan]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path == "/v1/traces" and found.status == 200:
                found.requests.append(ExportTraceServiceRequest.FromString(body))
                found.headers.append(dict(self.headers))
            self.send_response(found.status if self.path == "/v1/traces" else 404)
            self.end_headers()
            self.wfile.write(ExportTraceServiceResponse().SerializeToString())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_receiver_gets_the_same_spans_each_time(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In pieces, with the headers of the environment, and the same as the JSON says."""
    monkeypatch.setattr(otlp, "AT_ONCE", 4)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc")
    trace = trace_of(recorded(STORY))
    assert otlp.send(trace, receiver.url) == 6
    assert [len(r.resource_spans[0].scope_spans[0].spans) for r in receiver.requests] == [4, 2]
    assert {headers.get("x-key") for headers in receiver.headers} == {"abc"}
    first = [span.SerializeToString(deterministic=True) for span in receiver.spans]
    receiver.requests.clear()
    otlp.send(trace, f"{receiver.url}/v1/traces")
    assert [span.SerializeToString(deterministic=True) for span in receiver.spans] == first
    [resource] = otlp.as_json(trace)["resourceSpans"]
    for said, got in zip(resource["scopeSpans"][0]["spans"], receiver.spans, strict=True):
        assert (said["traceId"], said["spanId"]) == (got.trace_id.hex(), got.span_id.hex())
        assert said.get("parentSpanId", "") == got.parent_span_id.hex()
        assert (said["name"], said["kind"]) == (got.name, got.kind)
        assert said["startTimeUnixNano"] == str(got.start_time_unix_nano)
        assert said["endTimeUnixNano"] == str(got.end_time_unix_nano)
        assert said["status"]["code"] == got.status.code
        assert said["status"].get("message", "") == got.status.message
        assert {each["key"] for each in said["attributes"]} == {each.key for each in got.attributes}
        assert [each["name"] for each in said["events"]] == [each.name for each in got.events]
    about = {
        each.key: each.value.string_value
        for each in receiver.requests[0].resource_spans[0].resource.attributes
    }
    assert about["service.name"] == "agentdeck"
    assert about["agentdeck.run"] == "r-1"


def test_a_receiver_that_refuses_is_told_with_what_it_said(receiver: Receiver) -> None:
    receiver.status = 401
    with pytest.raises(EnvironmentFault, match="401"):
        otlp.send(trace_of(recorded(STORY)), receiver.url)


def test_where_nobody_listens_is_said_in_a_few_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was asked, and why it was nothing; what is secret in an address is not said."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "2.5")
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # it does not listen
        where = f"127.0.0.1:{reserved.getsockname()[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://me:secret@{where}/x")
        with pytest.raises(EnvironmentFault) as fault:
            otlp.send(trace_of(recorded(STORY)), None)
    words = f"the receiver at http://{where} did not take the spans: Connection refused"
    assert fault.value.message == words


@pytest.mark.parametrize("endpoint", ["localhost:4318", "ftp://x", "http://", "http://x:y", ""])
def test_what_is_no_address_is_refused(endpoint: str) -> None:
    with pytest.raises(UsageError, match="is no address"):
        otlp.send(trace_of(recorded(STORY)), endpoint)
