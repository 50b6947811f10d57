"""The stream of opencode, as recorded: sums of steps, ends without a marker, endless runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from agentdeck.agents.opencode import RUNAWAY_STEPS
from agentdeck.agents.readers import Reader, reader_for
from agentdeck.agents.rendering import render
from agentdeck.agents.reports import (
    Ended,
    Noise,
    Noted,
    PlanItem,
    Planned,
    Report,
    Said,
    Started,
    ToolUsed,
    Touched,
    Usage,
)
from agentdeck.core.events import FailureClass

STREAMS = Path(__file__).parent / "streams"
SESSION = "ses_e03e777e8ffe6oyp8N3Foo12zp"
COMMIT = (
    "git add -A && git -c user.name=stub -c user.email=stub@localhost commit -qm 'add hello.txt'"
    " && git log --oneline | head -1"
)


def steps(count: int) -> Usage:
    """The usage of so many steps: each has 1000 tokens, 200 from the cache, 50 out."""
    return Usage(1000 * count, 50 * count, 0.0, 200 * count)


WROTE: list[Report] = [
    Said("I will create hello.txt."),
    ToolUsed("write", "hello.txt", "running", "+1 −0"),
    Touched(("hello.txt",)),
    ToolUsed("write", "hello.txt", "ok", "Wrote file successfully."),
    steps(1),
]


def recorded(name: str) -> tuple[list[Report], Reader]:
    reader = reader_for("opencode", root="/repo")
    reports = reader.feed((STREAMS / name).read_bytes()) + reader.finish()
    return [report for report in reports if not isinstance(report, Noise)], reader


def lines_of(*lines: Mapping[str, object]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def finish(number: int, reason: str, **tokens: object) -> dict[str, object]:
    part = {"id": f"p{number}", "reason": reason, "cost": 0.25, "tokens": tokens}
    return {"type": "step_finish", "sessionID": "s", "part": part}


def test_a_whole_run_ends_with_the_step_that_does_not_go_on() -> None:
    assert recorded("opencode.jsonl")[0] == [
        Started(SESSION, None),
        *WROTE,
        ToolUsed("bash", COMMIT, "running"),
        ToolUsed("bash", COMMIT, "ok", "56dd521 add hello.txt"),
        steps(2),
        Said("Done: hello.txt was written and committed."),
        steps(3),
        Ended(True, ""),
    ]


def test_a_resumed_session_counts_its_own_steps() -> None:
    assert recorded("opencode-resume.jsonl")[0] == [
        Started(SESSION, None),
        Said("Should I use tabs or spaces? Please answer before I continue."),
        steps(1),
        Ended(True, ""),
    ]


def test_lists_edits_and_failed_tools() -> None:
    """A command that exits with 1 has "completed" for opencode, and failed for us."""
    reports, reader = recorded("opencode-edit.jsonl")
    assert reports == [
        Started("ses_ddb9bc346ffet8A0CXYhNXpKOT", None),
        ToolUsed("todowrite", "", "running"),
        Planned(
            (PlanItem("look", "done"), PlanItem("edit", "active"), PlanItem("test", "pending"))
        ),
        ToolUsed("todowrite", "", "ok", "["),
        Said("Let me plan."),
        steps(1),
        Said("Now the file."),
        ToolUsed("write", "hello.txt", "running", "+3 −0"),
        Touched(("hello.txt",)),
        ToolUsed("write", "hello.txt", "ok", "Wrote file successfully."),
        steps(2),
        ToolUsed("edit", "hello.txt", "running", "+2 −1"),
        Touched(("hello.txt",)),
        ToolUsed("edit", "hello.txt", "ok", "Edit applied successfully."),
        steps(3),
        ToolUsed("read", "nope.txt", "running"),
        ToolUsed("read", "nope.txt", "failed", "File not found: /repo/nope.txt"),
        steps(4),
        ToolUsed("bash", "false", "running"),
        ToolUsed("bash", "false", "failed", "exit 1: (no output)"),
        steps(5),
        Said("All done."),
        steps(6),
        Ended(True, ""),
    ]
    assert reader.summary.tools == 5


def test_a_run_that_ends_after_a_rejected_permission_is_a_failure() -> None:
    """It exits with 0 and has no answer; only the end of the log tells."""
    reports, reader = recorded("opencode-rejected.jsonl")
    said = "a permission that it asked for was rejected"
    rejected = "The user rejected permission to use this specific tool call."
    assert reports == [
        Started("ses_ddb9b0a42ffeuYjD5jSDDkB9sz", None),
        ToolUsed("read", "nope.txt", "running"),
        ToolUsed("read", "nope.txt", "failed", "File not found: /repo/nope.txt"),
        steps(1),
        ToolUsed("bash", "false", "running"),
        ToolUsed("bash", "false", "failed", rejected),
        steps(2),
        Ended(False, said, FailureClass.REFUSED),
    ]
    assert reader.result == reports[-1]


def test_a_run_that_ends_in_the_middle_is_a_failure_of_which_the_exit_may_say_why() -> None:
    reports, reader = recorded("opencode-cut-eof-runaway.jsonl")
    part = Said("part 0, part 1, part 2, part 3, part 4,")
    ended = Ended(False, "it ended in the middle of its work")
    assert reports == [
        Started("ses_e03e62054ffeJxJcTbka38EfgO", None),
        *WROTE,
        *[part, steps(1)] * 3,  # an answer that was cut off costs nothing
        ended,
    ]
    assert reader.result == ended
    nothing = reader_for("opencode")
    assert nothing.finish() == []


def test_a_step_told_twice_is_summed_once() -> None:
    reader = reader_for("opencode")
    step = finish(1, "tool-calls", input=7, output=3, reasoning=2, cache={"read": 5, "write": 1})
    reader.feed(lines_of(step, finish(2, "tool-calls", input=1), step))
    summary = reader.summary
    assert (summary.tokens_in, summary.tokens_out, summary.tokens_cached) == (9, 5, 5)
    assert summary.usd == 0.5


@pytest.mark.parametrize(
    ("tokens", "out"),
    [
        ({"output": 50, "reasoning": 20}, 70),
        ({"total": 170, "input": 100, "output": 50, "reasoning": 20}, 70),
        ({"total": 150, "input": 100, "output": 50, "reasoning": 20}, 50),
        ({"total": 9999, "input": 100, "output": 50, "reasoning": 20}, 70),
    ],
)
def test_thinking_is_output_once_whether_it_stands_beside_it_or_in_it(
    tokens: dict[str, object], out: int
) -> None:
    reader = reader_for("opencode")
    reader.feed(lines_of(finish(1, "stop", **tokens)))
    assert reader.summary.tokens_out == out


@pytest.mark.parametrize(
    ("reason", "ok", "cause"),
    [
        ("stop", True, None),
        ("length", False, FailureClass.TURN_LIMIT),
        ("content-filter", False, FailureClass.REFUSED),
        ("error", False, FailureClass.AGENT),
    ],
)
def test_the_reason_of_the_last_step_is_the_result(
    reason: str, ok: bool, cause: FailureClass | None
) -> None:
    reader = reader_for("opencode")
    reader.feed(lines_of(finish(1, reason)))
    assert reader.result is not None
    assert (reader.result.ok, reader.result.cause) == (ok, cause)
    assert reader.finish() == []


def test_a_step_that_begins_after_a_result_takes_it_back() -> None:
    """A session that shortens its history stops and goes on."""
    reader = reader_for("opencode")
    reader.feed(lines_of(finish(1, "stop")))
    start = {"type": "step_start", "sessionID": "s", "part": {}}
    assert reader.feed(lines_of(start)) == [Noted("goes on")]
    assert reader.result is None


def test_a_run_that_asks_for_ever_is_without_progress_and_stays_so() -> None:
    """The recorded run asked 236 times in a minute; here its last step goes on and on."""
    data = (STREAMS / "opencode-cut-eof-runaway.jsonl").read_bytes()
    start, text, step = data.splitlines()[4:7]
    reader = reader_for("opencode", root="/repo")
    reader.feed(data)
    for number in range(RUNAWAY_STEPS + 5):
        again = step.replace(b'"id":"prt_1fc19ea12001cb3KgHiCSZuuOg"', b'"id":"p%d"' % number)
        reader.feed(b"\n".join([start, text, again]) + b"\n")
        stuck = number + 1 + 3 >= RUNAWAY_STEPS  # the recording has three such steps already
        assert (reader.result is not None) is stuck
        if reader.result is not None:
            assert reader.result.cause is FailureClass.NO_PROGRESS
    assert reader.finish() == []
    tool = {"type": "tool_use", "sessionID": "s", "part": {"tool": "bash", "state": {}}}
    reader.feed(lines_of(tool))
    assert reader.result is None, "a tool is progress"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "opencode-error-401.jsonl",
            Ended(False, "stub: HTTP 401 on purpose", FailureClass.AUTH),
        ),
        (
            "opencode-rate-limit-429.jsonl",
            Ended(False, "stub: HTTP 429 on purpose", FailureClass.RATE_LIMIT, 1795230911.016),
        ),
    ],
)
def test_an_error_has_its_cause_and_when_to_come_back(name: str, expected: Ended) -> None:
    reports, _ = recorded(name)
    assert reports[1:] == [expected]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ({"name": "ProviderAuthError", "data": {"message": "no key"}}, FailureClass.AUTH),
        ({"name": "MessageOutputLengthError", "data": {}}, FailureClass.TURN_LIMIT),
        ({"name": "UnknownError", "data": {"message": "fetch failed"}}, FailureClass.NETWORK),
        ({"name": "APIError", "data": {"statusCode": 503}}, FailureClass.OVERLOAD),
        (
            {"name": "APIError", "data": {"statusCode": 429, "responseBody": "insufficient_quota"}},
            FailureClass.QUOTA,
        ),
        ({"name": "UnknownError"}, FailureClass.AGENT),
        ({}, FailureClass.AGENT),
    ],
)
def test_errors_by_name_status_and_words(error: dict[str, object], cause: FailureClass) -> None:
    reader = reader_for("opencode")
    reader.feed(lines_of({"type": "error", "error": error}))
    assert reader.result is not None
    assert reader.result.cause is cause


def test_on_the_screen_a_failed_tool_is_one_line() -> None:
    """You should see `✖ read nope.txt` and no `▸` before it."""
    lines = (STREAMS / "opencode-edit.jsonl").read_bytes().splitlines()
    shown = [line.text for raw in lines for line in render("opencode", raw, root="/repo")]
    assert shown == [
        "to do: 1 of 3 done",
        "Let me plan.",
        "Now the file.",
        "▸ write hello.txt",
        "▸ edit hello.txt",
        "✖ read nope.txt",
        "✖ bash false",
        "All done.",
        "✔ done",
    ]
