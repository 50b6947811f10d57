"""The stream of the Gemini CLI, as recorded: prose in pieces, usage, and what success is worth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdeck.agents.readers import Reader, reader_for
from agentdeck.agents.rendering import render
from agentdeck.agents.reports import (
    Ended,
    Limited,
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
SESSION = "696308fd-7586-499e-b21e-dd3c6d64c398"
COMMIT = (
    "git add -A && git -c user.name=stub -c user.email=stub@localhost commit -qm 'add hello.txt'"
    " && git log --oneline | head -1"
)
WROTE: list[Report] = [
    Said("I will create hello.txt."),
    ToolUsed("write_file", "hello.txt", "running", "+1 −0"),
    Touched(("hello.txt",)),
    ToolUsed("write_file", "hello.txt", "ok"),
]


def recorded(name: str) -> tuple[list[Report], Reader]:
    reader = reader_for("gemini", root="/repo")
    reports = reader.feed((STREAMS / name).read_bytes()) + reader.finish()
    return [report for report in reports if not isinstance(report, Noise)], reader


def gemini(*lines: dict[str, object]) -> list[Report]:
    return reader_for("gemini").feed(b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def test_a_whole_run() -> None:
    """The prompt comes back as the first message, and is nobody's prose."""
    assert recorded("gemini.jsonl")[0] == [
        Started(SESSION, "auto"),
        *WROTE,
        ToolUsed("run_shell_command", COMMIT, "running"),
        ToolUsed("run_shell_command", COMMIT, "ok", "35a9197 add hello.txt"),
        Said("Done: hello.txt was written and committed."),
        Usage(4000, 200, 0.0, 800),
        Ended(True, ""),
    ]


def test_a_resumed_session_counts_for_itself() -> None:
    """4000 tokens of the run before are not in its numbers."""
    assert recorded("gemini-resume.jsonl")[0] == [
        Started(SESSION, "auto"),
        Said("Should I use tabs or spaces? Please answer before I continue."),
        Usage(2000, 100, 0.0, 400),
        Ended(True, ""),
    ]


def test_pieces_of_prose_go_on_until_something_else_happens() -> None:
    """Nothing in the stream says that this answer was cut off: it ends as a success."""
    reports, reader = recorded("gemini-cut-reset-reported-as-success.jsonl")
    assert reports[1:] == [
        *WROTE,
        Said("part 0, "),
        *(Said(f"part {number}, ", more=True) for number in (1, 2, 3)),
        Usage(3000, 150, 0.0, 600),
        Ended(True, ""),
    ]
    assert reader.summary.message == "part 0, part 1, part 2, part 3, "


def test_a_loop_is_no_success_whatever_the_result_says() -> None:
    again = "the same line again and again, the same line again and again, "
    reports, reader = recorded("gemini-loop.jsonl")
    assert reports == [
        Started("2390efd2-73fa-4fa8-81b8-1cb5aa43969e", "auto"),
        Said(again),
        *[Said(again, more=True)] * 4,
        Limited(FailureClass.NO_PROGRESS, "Loop detected, stopping execution"),
        Usage(1000, 50, 0.0, 200),
        Ended(False, "it repeated itself", FailureClass.NO_PROGRESS),
    ]
    assert reader.result == reports[-1]


def test_the_last_turn_is_a_limit() -> None:
    found = gemini(
        {"type": "error", "severity": "error", "message": "Maximum session turns exceeded"},
        {"type": "result", "status": "success"},
    )
    assert found[-1] == Ended(False, "it has had all its turns", FailureClass.TURN_LIMIT)


def test_lists_edits_and_failed_tools() -> None:
    """This version had no to-do tool: the call fails, and the list was said all the same."""
    reports, _ = recorded("gemini-edit.jsonl")
    missing = 'Tool "write_todos" not found. Did you mean one of:'
    assert reports[1:] == [
        ToolUsed("write_todos", "", "running"),
        Planned(
            (PlanItem("look", "done"), PlanItem("edit", "active"), PlanItem("test", "pending"))
        ),
        ToolUsed(
            "write_todos", "", "failed", f'{missing} "write_file", "update_topic", "read_file"?'
        ),
        Said("Now the edit."),
        ToolUsed("write_file", "hello.txt", "running", "+3 −0"),
        Touched(("hello.txt",)),
        ToolUsed("write_file", "hello.txt", "ok"),
        ToolUsed("replace", "hello.txt", "running", "+2 −1"),
        Touched(("hello.txt",)),
        ToolUsed("replace", "hello.txt", "ok"),
        ToolUsed("read_file", "nope.txt", "running"),
        ToolUsed("read_file", "nope.txt", "failed", "File not found: /repo/nope.txt"),
        Said("Done with it."),
        Usage(6000, 300, 0.0, 1200),
        Ended(True, ""),
    ]


def test_retries_on_stderr_are_heard() -> None:
    """Stdout says nothing for minutes while it waits."""
    failed = "failed with status 429. Retrying with backoff... _ApiError:"
    why = '{"type":"error","error":{"type":"rate_limit_error","message":"stub: HTTP 429 on purpose"'
    limits = [
        Limited(FailureClass.RATE_LIMIT, f'Attempt {turn} {failed} {why},"code":429}}}}')
        for turn in (1, 2)
    ]
    assert recorded("gemini-retries.jsonl")[0] == [
        Started("db3f2712-903e-41ec-9172-1ea89455df01", "auto"),
        *limits,
        *WROTE,
        ToolUsed("run_shell_command", COMMIT, "running"),
        ToolUsed("run_shell_command", COMMIT, "ok", "b4d96d6 add hello.txt"),
        Said("Done: hello.txt was written and committed."),
        Usage(4000, 200, 0.0, 800),
        Ended(True, ""),
    ]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ({"type": "FatalAuthenticationError", "message": "no"}, FailureClass.AUTH),
        ({"type": "FatalTurnLimitedError", "message": "no"}, FailureClass.TURN_LIMIT),
        ({"type": "unknown", "message": '{"code": 503}'}, FailureClass.OVERLOAD),
        ({"message": "exhausted your daily quota"}, FailureClass.QUOTA),
        ({"type": "unknown", "message": "who knows"}, FailureClass.AGENT),
    ],
)
def test_a_failed_result_names_its_cause(error: dict[str, object], cause: FailureClass) -> None:
    [found] = gemini({"type": "result", "status": "error", "error": error})
    assert isinstance(found, Ended)
    assert (found.ok, found.cause) == (False, cause)


def test_a_rejected_key_is_named() -> None:
    error = '{"type":"authentication_error","message":"stub: HTTP 401 on purpose","code":401}'
    said = f'[API Error: {{"type":"error","error":{error}}}]'
    assert recorded("gemini-error-401.jsonl")[0] == [
        Started("e25b73f1-580b-46e7-a4e4-f0bf25f275de", "auto"),
        Usage(0, 0, 0.0, 0),
        Ended(False, said, FailureClass.AUTH),
    ]


def test_what_a_total_has_beyond_its_parts_is_thinking() -> None:
    stats = {"total_tokens": 1300, "input_tokens": 1000, "output_tokens": 100, "cached": 400}
    [usage, _] = gemini({"type": "result", "status": "success", "stats": stats})
    assert usage == Usage(600, 300, 0.0, 400)


def test_a_warning_is_a_note() -> None:
    assert gemini({"type": "error", "severity": "warning", "message": "no ripgrep"}) == [
        Noted("no ripgrep")
    ]


def test_on_the_screen_a_retry_is_one_line() -> None:
    line = b'Attempt 1 failed with status 429. Retrying with backoff... {"code":429}'
    assert [shown.text for shown in render("gemini", line)] == [line.decode()]
