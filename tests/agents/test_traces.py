"""Files that agents write beside their log: exact totals, whatever state the file is in."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.agents.reports import Ended, Report, Started, Usage
from agentdeck.agents.summary import Summary
from agentdeck.agents.traces import TRACES, read_trace
from agentdeck.core.errors import UsageError
from agentdeck.core.events import FailureClass

STREAMS = Path(__file__).parent / "streams"
AIDER = (STREAMS / "aider-analytics.jsonl").read_bytes()
MINI = (STREAMS / "mini-trajectory.json").read_bytes()
RECORDED = [
    AIDER,
    MINI,
    (STREAMS / "aider-error-401-analytics.jsonl").read_bytes(),
    (STREAMS / "mini-error-401-trajectory.json").read_bytes(),
]
REJECTED = (
    "litellm.AuthenticationError: AuthenticationError: OpenAIException - stub: HTTP 401 on purpose"
    " You can permanently set your API key with `mini-extra config set KEY VALUE`."
)


def test_aiders_analytics_have_exact_tokens_and_its_end() -> None:
    assert read_trace("aider-analytics", AIDER) == [
        Usage(647, 21, 0.0),
        Ended(True, "Completed --message"),
    ]


def test_aider_that_had_no_answer_failed() -> None:
    """It says "Completed --message" all the same. While it still tries, nothing is said."""
    data = (STREAMS / "aider-error-401-analytics.jsonl").read_bytes()
    assert read_trace("aider-analytics", data) == [Ended(False, "the model did not answer")]
    tries = (STREAMS / "aider-rate-limit-429-analytics.jsonl").read_bytes()
    assert read_trace("aider-analytics", tries) == []
    left = b'{"event":"exit","properties":{"reason":"Message file not found"}}\n'
    assert read_trace("aider-analytics", left) == [Ended(False, "Message file not found")]


def test_messages_are_summed_and_the_cost_is_the_latest_total() -> None:
    lines = [
        {"event": "message_send_starting", "properties": {}},
        {"event": "message_send", "properties": {"prompt_tokens": 10, "total_cost": 0.25}},
        {"event": "message_send_starting", "properties": {}},
        {"event": "message_send", "properties": {"completion_tokens": 3, "total_cost": 0.5}},
    ]
    data = "".join(json.dumps(line) + "\n" for line in lines).encode()
    assert read_trace("aider-analytics", data) == [Usage(10, 3, 0.5)]


def test_minis_trajectory_has_exact_tokens_and_its_end() -> None:
    """Tokens from the cache are in the prompt's, and are told apart."""
    assert read_trace("mini-trajectory", MINI) == [
        Started(None, "openai/stub-model"),
        Usage(3000, 150, 0.0, 600),
        Ended(True, "the stub is done"),
    ]


def test_the_error_that_ended_mini_is_the_cause() -> None:
    data = (STREAMS / "mini-error-401-trajectory.json").read_bytes()
    assert read_trace("mini-trajectory", data)[-1] == Ended(False, REJECTED, FailureClass.AUTH)


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ("LimitsExceeded", FailureClass.TURN_LIMIT),
        ("RateLimitError", FailureClass.RATE_LIMIT),
        ("Timeout", FailureClass.NETWORK),
        ("RepeatedFormatError", FailureClass.AGENT),
    ],
)
def test_exit_statuses_of_mini(status: str, cause: FailureClass) -> None:
    data = json.dumps({"info": {"exit_status": status}}).encode()
    assert read_trace("mini-trajectory", data)[-1] == Ended(False, status, cause)


def test_a_run_that_goes_on_has_no_result_yet() -> None:
    found = json.loads(MINI)
    del found["info"]["exit_status"]
    reports = read_trace("mini-trajectory", json.dumps(found).encode())
    assert [type(report) for report in reports] == [Started, Usage]


def test_exact_totals_replace_what_the_log_made_one_think() -> None:
    """Rounded numbers of the log may be too high; hearing a trace twice changes nothing."""
    summary = Summary()
    summary.take(Usage(700, 30, 0.0, estimate=True))
    for _ in range(2):
        for report in read_trace("aider-analytics", AIDER):
            summary.take(report)
    assert (summary.tokens_in, summary.tokens_out) == (647, 21)


def test_half_a_line_of_aider_is_no_report() -> None:
    for cut in range(len(AIDER)):
        if AIDER[cut : cut + 1] != b"\n":  # else the line is whole but for its line break
            whole = AIDER[: AIDER.rfind(b"\n", 0, cut) + 1]
            found = read_trace("aider-analytics", AIDER[:cut])
            assert found == read_trace("aider-analytics", whole)


def test_half_a_trajectory_is_no_report() -> None:
    end = len(MINI.rstrip())
    for cut in [*range(0, end, 97), *range(end - 200, end)]:
        assert read_trace("mini-trajectory", MINI[:cut]) == []


def usage_of(reports: list[Report]) -> list[Usage]:
    return [report for report in reports if isinstance(report, Usage)]


words = st.sampled_from(
    "info messages extra response usage event properties exit_status config model reason exit"
    " prompt_tokens completion_tokens message_send total_cost instance_cost model_stats".split()
)
values = st.recursive(
    words
    | st.none()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["Submitted", "litellm.Timeout"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def traces(draw: st.DrawFn) -> bytes:
    """Random bytes, random JSON of the right words, and recordings with bytes changed."""
    match draw(st.integers(0, 2)):
        case 0:
            return draw(st.binary(max_size=200))
        case 1:
            lines = draw(st.lists(st.dictionaries(words, values, max_size=4), max_size=4))
            return "\n".join(json.dumps(line) for line in lines).encode()
        case _:
            data = draw(st.sampled_from(RECORDED))
            at = draw(st.integers(0, len(data)))
            return data[:at] + draw(st.binary(max_size=4)) + data[at + draw(st.integers(0, 9)) :]


@pytest.mark.parametrize("trace_format", list(TRACES))
@given(data=traces())
def test_any_bytes_give_bounded_reports_and_never_raise(trace_format: str, data: bytes) -> None:
    reports = read_trace(trace_format, data)
    assert read_trace(trace_format, data) == reports
    assert len(reports) <= 3
    assert len(msgspec.json.encode(reports)) < 10_000
    assert len(usage_of(reports)) <= 1


@pytest.mark.parametrize("trace_format", list(TRACES))
@pytest.mark.parametrize("piece", [b"{", b'{"event":1}\n', b"\n", b'{"info":[', b"x" * 10])
def test_megabytes_take_no_longer_than_their_length(trace_format: str, piece: bytes) -> None:
    read_trace(trace_format, piece * (4_000_000 // len(piece)))


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(UsageError, match="'telegraph'"):
        read_trace("telegraph", b"")
