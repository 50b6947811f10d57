"""Readers: any bytes in any pieces, the same reports; totals survive a restart; nothing raises."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.agents.readers import FORMATS, Reader, line_reader, reader_for
from agentdeck.agents.rendering import Line, render
from agentdeck.agents.reports import (
    Asked,
    Ended,
    Noise,
    Noted,
    Report,
    Said,
    Started,
    Summary,
    ToolUsed,
    Usage,
)
from agentdeck.core.errors import UsageError
from agentdeck.core.events import FailureClass

STREAMS = Path(__file__).parent / "streams"
LIVELY = [path.read_bytes() for path in sorted(STREAMS.glob("*.jsonl"))]
HOSTILE = [
    b'{"type":"result","usage":[1],"modelUsage":{"m":{"inputTokens":1e999}},"is_error":true}\n',
    b'{"type":"assistant","message":{"content":[null,3,{"type":"tool_use","input":7}]}}\n',
    b'{"type":"text","text":"\\ud83d cut emoji \x1b]0;title\x07"}\n',
    b'{"type":"system","subtype":"init","session_id":{},"model":4}\n',
    b'{"type":["result"]}\n{"a":' + b"[" * 100_000 + b"\n",
    b'{"type":"usage","in":-5,"out":NaN,"usd":1' + b"0" * 5000 + b"}\n",
    b"\xff\xfe\r\n\r\r\n\0\n",
]
pieces = st.lists(
    st.one_of(
        st.sampled_from(LIVELY + HOSTILE),
        st.binary(max_size=60),
        st.sampled_from([b"\n", b"{", b'"', b"\r"]),
    ),
    max_size=8,
).map(b"".join)


def claude(*lines: dict[str, object]) -> list[Report]:
    return reader_for("claude").feed(b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def ended(reports: list[Report]) -> Ended:
    found = [report for report in reports if isinstance(report, Ended)]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("stream_format", list(FORMATS))
@given(data=pieces, cuts=st.lists(st.integers(0, 4000), max_size=12))
def test_any_bytes_in_any_pieces_give_the_same_reports(
    stream_format: str, data: bytes, cuts: list[int]
) -> None:
    """How the engine happens to read the file changes nothing, and nothing ever raises."""
    whole = reader_for(stream_format)
    expected = whole.feed(data) + whole.finish()
    pieced, found, last = reader_for(stream_format), list[Report](), 0
    for cut in [*sorted(cuts), len(data)]:
        found += pieced.feed(data[last:cut])
        last = max(last, cut)
        assert pieced.offset == 0 or data[pieced.offset - 1 : pieced.offset] == b"\n"
    found += pieced.finish()
    assert found == expected
    assert pieced.summary == whole.summary
    msgspec.json.encode((found, pieced.summary))  # what came out can be journalled


@pytest.mark.parametrize("stream_format", list(FORMATS))
@given(data=pieces, cut=st.integers(0, 4000))
def test_a_reader_that_starts_at_the_offset_ends_with_the_same_totals(
    stream_format: str, data: bytes, cut: int
) -> None:
    """An engine that is killed anywhere loses and repeats nothing that is counted."""
    whole = reader_for(stream_format)
    whole.feed(data)
    first = reader_for(stream_format)
    first.feed(data[:cut])
    kept = msgspec.json.decode(msgspec.json.encode(first.summary), type=Summary)
    second = reader_for(stream_format, start_offset=first.offset, summary=kept)
    second.feed(data[first.offset :])
    for name in ("session", "model", "tokens_in", "tokens_out", "usd", "tools"):
        assert getattr(second.summary, name) == getattr(whole.summary, name)
    assert second.offset == whole.offset


@given(data=pieces)
def test_every_line_can_be_drawn(data: bytes) -> None:
    for stream_format in FORMATS:
        for line in data.split(b"\n"):
            for shown in render(stream_format, line):
                assert "\n" not in shown.text + shown.detail
                assert "\x1b" not in shown.text + shown.detail


def test_a_result_is_heard_again_after_a_restart() -> None:
    """The offset stays before a result, so that a new engine knows how the attempt ended."""
    data = (STREAMS / "claude-success.jsonl").read_bytes()
    first = reader_for("claude")
    first.feed(data + b"a late line of stderr\n")
    again = reader_for("claude", start_offset=first.offset, summary=first.summary)
    assert ended(again.feed(data[first.offset :])).ok
    assert again.summary.usd == 0.5


def test_half_a_line_waits_for_its_end() -> None:
    reader = reader_for("plain")
    assert reader.feed(b"one\ntw") != []
    assert (reader.offset, reader.summary.activity) == (4, "one")
    reader.feed(b"o\n")
    assert (reader.offset, reader.summary.message) == (8, "one\ntwo")


def test_a_last_line_without_a_break_is_heard_when_no_more_can_come() -> None:
    reader = reader_for("plain")
    reader.feed(b"fatal: no space left")
    reader.finish()
    assert (reader.summary.activity, reader.offset) == ("fatal: no space left", 20)
    assert reader.finish() == []


def test_a_line_of_megabytes_is_read_and_memory_stays_bounded() -> None:
    """Two megabytes are understood; what is beyond the bound is counted and not kept."""
    big = json.dumps({"type": "result", "is_error": False, "result": "x" * 2_000_000}).encode()
    reader = reader_for("claude")
    reports = [r for at in range(0, len(big), 65536) for r in reader.feed(big[at : at + 65536])]
    result = ended(reports + reader.feed(b"\n"))
    assert result.ok
    assert len(result.detail) <= 400
    small = Reader(line_reader("claude"), 0, Summary(), max_line_bytes=1000)
    for _ in range(100):
        small.feed(b"y" * 4096)
        assert len(small._line) <= 1000
    assert [type(report) for report in small.feed(b"\n")] == [Noise]
    assert small.offset == 409_601


def test_plain_output_shows_its_last_line_without_anything_that_acts() -> None:
    reader = reader_for("plain")
    reader.feed(b"10%\r55%\r100% \x1b[31mdone\x1b[0m\x1b]0;evil\x07\xe2\x80\xae\n\n  \n")
    assert reader.summary.activity == "100% done"
    reader.feed(b"".join(b"line %d\n" % n for n in range(100)))
    assert reader.summary.message.splitlines() == [f"line {n}" for n in range(92, 100)]


def test_claude_success_is_counted_from_the_result_alone() -> None:
    """Assistant lines repeat their usage; the result has it once, for all models."""
    reader = reader_for("claude")
    reports = reader.feed((STREAMS / "claude-success.jsonl").read_bytes())
    assert reports[0] == Started("s-1", "opus")
    assert isinstance(reports[1], Noted)
    assert Said("I will write the file.") in reports
    assert ToolUsed("Write", "docs/x.md", "running", "+2 −0") in reports
    assert ToolUsed("Bash", "pytest -q", "failed", "1 failed") in reports
    assert reports[-2:] == [Usage(3047, 153, 0.5), Ended(True, "Done.")]
    assert sum(isinstance(report, Noise) for report in reports) == 3
    summary = reader.summary
    assert (summary.session, summary.model, summary.tools) == ("s-1", "opus", 2)
    assert summary.message == "I will write the file.", "a sub-agent's prose is not the agent's"


def test_a_later_claude_result_replaces_the_earlier_one() -> None:
    """Cost and tokens are those of the process so far: the latest holds, nothing is summed."""
    reader = reader_for("claude")
    for usd, tokens in ((0.5, 100), (0.75, 160)):
        line = {"type": "result", "total_cost_usd": usd, "usage": {"input_tokens": tokens}}
        reader.feed(json.dumps(line).encode() + b"\n")
    assert (reader.summary.usd, reader.summary.tokens_in) == (0.75, 160)


def test_a_used_up_limit_says_when_it_resets() -> None:
    result = ended(reader_for("claude").feed((STREAMS / "claude-limit.jsonl").read_bytes()))
    assert (result.ok, result.cause, result.retry_at) == (
        False,
        FailureClass.RATE_LIMIT,
        1795240000.0,
    )


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        ({"api_error_status": 429}, FailureClass.RATE_LIMIT),
        ({"api_error_status": 500}, FailureClass.OVERLOAD),
        ({"api_error_status": 529}, FailureClass.OVERLOAD),
        ({"api_error_status": 401}, FailureClass.AUTH),
        ({"api_error_status": 400, "result": "prompt is too long"}, FailureClass.AGENT),
        ({"result": "API Error: Connection error."}, FailureClass.NETWORK),
        ({"result": "Invalid API key · Please run /login"}, FailureClass.AUTH),
        ({"terminal_reason": "api_error", "result": "?"}, FailureClass.NETWORK),
        ({"subtype": "error_max_turns", "errors": ["rate limit of turns"]}, FailureClass.AGENT),
        ({"subtype": "error_during_execution"}, FailureClass.AGENT),
    ],
)
def test_claude_failures_have_their_cause_even_with_subtype_success(
    more: dict[str, object], cause: FailureClass
) -> None:
    """`subtype` alone would call a rejected request a success."""
    line = {"type": "result", "subtype": "success", "is_error": True, **more}
    assert ended(claude(line)).cause is cause


def test_a_limit_told_in_words_has_its_reset_time() -> None:
    text = "Claude AI usage limit reached|1795240000"
    found = ended(claude({"type": "result", "is_error": True, "result": text}))
    assert (found.cause, found.retry_at) == (FailureClass.RATE_LIMIT, 1795240000.0)


def test_the_scripted_stream_is_read() -> None:
    reader = reader_for("scripted")
    reports = reader.feed((STREAMS / "scripted.jsonl").read_bytes())
    assert Asked("q1", "red or blue?") in reports
    assert reports[-1] == Ended(False, "used up", FailureClass.RATE_LIMIT, 99.5)
    assert (reader.summary.tokens_in, reader.summary.usd, reader.summary.tools) == (150, 0.5, 1)
    assert Noise("[main 1234] a line of git", foreign=True) in reports


def test_a_log_is_drawn_with_a_line_for_each_tool_and_none_for_machinery() -> None:
    """You should see the session, prose, `▸ Write docs/x.md`, stderr, the failed tool, the end."""
    lines = (STREAMS / "claude-success.jsonl").read_bytes().splitlines()
    shown = [line for raw in lines for line in render("claude", raw, root="/repo")]
    assert [(line.kind, line.text) for line in shown] == [
        ("noise", "session s-1"),
        ("noise", "asks the service again after HTTP 429 (1 of 10, in 1 s)"),
        ("text", "I will write the file."),
        ("tool", "▸ Write docs/x.md"),
        ("noise", "Warning: something on stderr"),
        ("tool", "▸ Bash pytest -q"),
        ("error", "✖ tool"),
        ("result", "✔ done"),
    ]
    assert shown[2].time == 1795230824.037
    assert render("scripted", b'{"type":"ask","id":"q","text":"why?","at":2}') == [
        Line("ask", "? why?", "", 2.0)
    ]
    assert render("plain", b"\x1b[1mbold\x1b[0m") == [Line("text", "bold")]


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(UsageError, match="'codex'"):
        reader_for("codex")
