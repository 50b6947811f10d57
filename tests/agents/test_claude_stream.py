"""The stream of Claude Code, as recorded: what lines mean, what is counted, who is to blame."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdeck.agents.claude_control import ALLOW, DENY
from agentdeck.agents.readers import Reader, reader_for
from agentdeck.agents.reports import (
    PAYLOAD_BYTES,
    Asked,
    Ended,
    Limited,
    Noise,
    Noted,
    Option,
    PlanItem,
    Planned,
    Report,
    Said,
    Started,
    ToolUsed,
    Touched,
    Usage,
    Withdrawn,
)
from agentdeck.core.events import FailureClass

STREAMS = Path(__file__).parent / "streams"
COMMIT = (
    "git add -A && git -c user.name=stub -c user.email=stub@localhost commit -qm 'add hello.txt'"
    " && git log --oneline | head -1"
)
CREATED = (
    "File created successfully at: /repo/hello.txt"
    " (file state is current in your context — no need to Read it back)"
)
UPDATED = (
    "The file /repo/hello.txt has been updated successfully."
    " (file state is current in your context — no need to Read it back)"
)
DONE = "Done: hello.txt was written and committed."
TOUCHED = Touched(("hello.txt",))


def floor(requests: int, out: int, usd: float = 0.0) -> Usage:
    """What is known after so many requests: each has 1000 tokens and 200 from the cache."""
    return Usage(1000 * requests, out, usd, 200 * requests, estimate=True)


def recorded(name: str) -> tuple[list[Report], Reader]:
    reader = reader_for("claude", root="/repo")
    reports = reader.feed((STREAMS / name).read_bytes()) + reader.finish()
    return [report for report in reports if not isinstance(report, Noise)], reader


def claude(*lines: dict[str, object]) -> list[Report]:
    return reader_for("claude").feed(b"".join(json.dumps(line).encode() + b"\n" for line in lines))


def ended(reports: list[Report]) -> Ended:
    found = [report for report in reports if isinstance(report, Ended)]
    assert len(found) == 1
    return found[0]


def a_turn(requests: int, out: int, usd: float, wrote: str, committed: ToolUsed) -> list[Report]:
    """The reports of one turn that writes a file, commits it and says so."""
    return [
        Said("I will create hello.txt."),
        floor(requests + 1, out + 1, usd),
        ToolUsed("Write", "hello.txt", "running", "+1 −0"),
        TOUCHED,
        ToolUsed("Write", "hello.txt", "ok", wrote),
        ToolUsed("Bash", COMMIT, "running"),
        floor(requests + 2, out + 2, usd),
        committed,
        Said(DONE),
        floor(requests + 3, out + 3, usd),
    ]


def test_a_whole_run() -> None:
    reports, reader = recorded("claude.jsonl")
    assert reports == [
        Started("716b5d23-1d49-4086-91f8-696a45f815ed", "claude-opus-5-5"),
        *a_turn(0, 0, 0.0, CREATED, ToolUsed("Bash", COMMIT, "ok", "f733381 add hello.txt")),
        Usage(3000, 150, 0.015120000000000001, 600),
        Ended(True, DONE),
    ]
    assert reader.summary.tools == 2


def test_two_prompts_of_one_process_have_a_result_each_and_totals_that_go_on() -> None:
    """The second turn takes the first result back, and its totals are those of the process."""
    reports, reader = recorded("claude-two-prompts.jsonl")
    first = 0.015120000000000001
    started = Started("975c2f43-4ecc-4a0b-8426-a39ded87b48b", "claude-opus-5-5")
    assert reports == [
        started,
        *a_turn(0, 0, 0.0, CREATED, ToolUsed("Bash", COMMIT, "ok", "2a8746f add hello.txt")),
        Usage(3000, 150, first, 600),
        Ended(True, DONE),
        started,
        *a_turn(3, 150, first, UPDATED, ToolUsed("Bash", COMMIT, "failed", "Exit code 1")),
        Usage(6000, 300, 0.03024, 1200),
        Ended(True, DONE),
    ]
    assert reader.summary.tokens_in == 6000
    assert reader.result == Ended(True, DONE)


def test_a_resumed_session_is_charged_for_its_own_part() -> None:
    """Version 2.1.329 goes on counting from what the session had: 3000 tokens and 0.015 dollars."""
    reports, _ = recorded("claude-resume.jsonl")
    asks = "Should I use tabs or spaces? Please answer before I continue."
    assert reports == [
        Started("716b5d23-1d49-4086-91f8-696a45f815ed", "claude-opus-5-5"),
        Said(asks),
        floor(1, 1),
        Usage(1000, 50, 0.02016 - 0.015120000000000001, 200),
        Ended(True, asks),
    ]


def test_a_resumed_session_of_an_older_version_counts_from_nothing() -> None:
    """Version 2.1.197 starts at 0 and has no `model_usage_since_last_result`."""
    assert recorded("claude-2.1.197-resume.jsonl")[0] == [
        Started("0b6b6571-e632-4499-8dad-9422743a3831", "claude-opus-4-8"),
        *a_turn(0, 0, 0.0, UPDATED, ToolUsed("Bash", COMMIT, "failed", "Exit code 1")),
        Usage(3000, 150, 0.01905, 600),
        Ended(True, DONE),
    ]


def test_a_result_replaces_what_was_estimated_even_downwards() -> None:
    """A floor that turned out too high must not stay in the budget."""
    reader = reader_for("claude")
    message = {"id": "m", "usage": {"input_tokens": 900, "output_tokens": 9}}
    reader.feed(json.dumps({"type": "assistant", "message": message}).encode() + b"\n")
    assert reader.summary.tokens_in == 900
    model = {"inputTokens": 500, "outputTokens": 70, "cacheReadInputTokens": 3}
    reader.feed(json.dumps({"type": "result", "modelUsage": {"m": model}}).encode() + b"\n")
    summary = reader.summary
    assert (summary.tokens_in, summary.tokens_out, summary.tokens_cached) == (500, 70, 3)


def test_an_interrupted_run() -> None:
    """What it was saying is kept, and the result says more than the floor before it."""
    ticks = " ".join(f"tick {number};" for number in range(18))
    assert recorded("claude-sigint.jsonl")[0] == [
        Started("bc27e7b5-3499-4ceb-9f15-6daf1537eb4b", "claude-opus-5-5"),
        Said("I will create hello.txt."),
        floor(1, 1),
        ToolUsed("Write", "hello.txt", "running", "+1 −0"),
        TOUCHED,
        ToolUsed("Write", "hello.txt", "ok", CREATED),
        Said(ticks),
        floor(2, 2),
        Usage(2000, 101, 0.010100000000000001, 400),
        Ended(False, "it was interrupted", FailureClass.AGENT),
    ]


def test_a_run_ended_from_outside_has_no_result_and_the_floor_of_its_usage() -> None:
    sleep = "python3 -c 'import time; time.sleep(60); print(1)'"
    reports, reader = recorded("claude-sigterm-in-tool.jsonl")
    assert reports == [
        Started("b23742a0-94fe-4123-9cd2-3e093df0fbba", "claude-opus-5-5"),
        Said("Running a long command."),
        floor(1, 1),
        ToolUsed("Bash", sleep, "running"),
        ToolUsed("Bash", sleep, "failed", "Exit code 137"),
    ]
    assert reader.result is None


SAID_500 = (
    "API Error: 500 stub: HTTP 500 on purpose. This is a server-side issue, usually temporary — try"
    " again in a moment. If it persists, check your inference gateway (127.0.0.1:PORT)."
)
SAID_429 = "API Error: Request rejected (429) · stub: HTTP 429 on purpose"


@pytest.mark.parametrize(
    ("name", "status", "cause", "said"),
    [
        ("claude-error-500.jsonl", 500, FailureClass.OVERLOAD, SAID_500),
        ("claude-rate-limit-429.jsonl", 429, FailureClass.RATE_LIMIT, SAID_429),
    ],
)
def test_a_service_in_trouble_is_heard_while_it_lasts(
    name: str, status: int, cause: FailureClass, said: str
) -> None:
    reports, reader = recorded(name)
    assert reports == [
        Started(reader.summary.session, "claude-opus-5-5"),
        Limited(cause, f"asks the service again after HTTP {status} (1 of 2, in 1 s)"),
        Limited(cause, f"asks the service again after HTTP {status} (2 of 2, in 1 s)"),
        Said(said),
        Usage(0, 0, 0.0, 0),
        Ended(False, said, cause),
    ]


def test_a_model_that_will_not_is_no_trouble_of_the_network() -> None:
    """Claude Code reports a refusal as an error of its service, without a status."""
    reports, _ = recorded("claude-refused.jsonl")
    last = reports[-1]
    assert isinstance(last, Ended)
    assert (last.ok, last.cause) == (False, FailureClass.REFUSED)
    assert "safeguards flagged this message" in last.detail


def test_a_used_up_allowance_says_when_it_resets() -> None:
    assert recorded("claude-limit.jsonl")[0] == [
        Started("s-2", "opus"),
        Limited(FailureClass.QUOTA, "has used up its limit (five hour)", 1795240000.0),
        Usage(0, 0, 0.0, 0),
        Ended(False, "API Error: Request rejected (429)", FailureClass.QUOTA, 1795240000.0),
    ]


def test_a_warning_of_a_limit_is_no_limit_yet() -> None:
    info = {
        "status": "allowed_warning",
        "resetsAt": 1795240000000,
        "utilization": 0.914,
        "rateLimitType": "seven_day",
    }
    found = claude({"type": "rate_limit_event", "rate_limit_info": info})
    detail = "has used 91% of its limit (seven day)"
    assert found == [Limited(FailureClass.QUOTA, detail, 1795240000.0, 0.914, hit=False)]


def permission(question: str, tool: str, target: str, payload: dict[str, object]) -> Asked:
    text = f"May it use {tool}: {target}?"
    packed = json.dumps(payload, separators=(",", ":"))
    return Asked(question, text, "permission", tool, target, (ALLOW, DENY), packed)


def test_permissions_are_asked_with_what_an_answer_needs() -> None:
    """The first call was allowed, the second denied; the result says what was denied."""
    rules = [
        {"toolName": "Bash", "ruleContent": "git add *"},
        {"toolName": "Bash", "ruleContent": COMMIT.partition("&& ")[2].partition(" &&")[0]},
    ]
    write = permission(
        "3bf84bd7-6a67-44a2-af13-95f7c706faa3",
        "Write",
        "hello.txt",
        {
            "input": {"file_path": "/repo/hello.txt", "content": "hello from the stub\n"},
            "suggestions": [{"type": "setMode", "mode": "acceptEdits", "destination": "session"}],
        },
    )
    rule = {
        "type": "addRules",
        "rules": rules,
        "behavior": "allow",
        "destination": "localSettings",
    }
    bash = permission(
        "15d30f93-fd99-4fa3-9d56-1afe9c5ba99e",
        "Bash",
        COMMIT,
        {"input": {"command": COMMIT}, "suggestions": [rule]},
    )
    assert recorded("claude-control.jsonl")[0] == [
        Started("67b53fec-db5e-47d9-9e44-e0a03e7701c9", "claude-opus-5-5"),
        Said("I will create hello.txt."),
        floor(1, 1),
        ToolUsed("Write", "hello.txt", "running", "+1 −0"),
        TOUCHED,
        write,
        ToolUsed("Write", "hello.txt", "ok", CREATED),
        ToolUsed("Bash", COMMIT, "running"),
        floor(2, 2),
        bash,
        ToolUsed("Bash", COMMIT, "failed", "commits are not allowed by policy"),
        Said(DONE),
        floor(3, 3),
        Usage(3000, 150, 0.015120000000000001, 600),
        Ended(True, f"1 tool call was denied (Bash): {DONE}"),
    ]


def test_a_question_comes_with_its_answers() -> None:
    reports, _ = recorded("claude-question.jsonl")
    asked = [report for report in reports if isinstance(report, Asked)]
    answers = 'Your questions have been answered: "Tabs or spaces?"="Tabs".'
    assert reports == [
        Started("864df978-0e10-4aaf-a462-8bf982439469", "claude-opus-5-5"),
        Said("Let me look."),
        floor(1, 1),
        ToolUsed("Write", "hello.txt", "running", "+3 −0"),
        TOUCHED,
        asked[0],
        ToolUsed("Write", "hello.txt", "ok", CREATED),
        ToolUsed("Edit", "hello.txt", "running", "+2 −1"),
        TOUCHED,
        floor(2, 2),
        asked[1],
        ToolUsed("Edit", "hello.txt", "ok", UPDATED),
        ToolUsed("AskUserQuestion", "", "running"),
        floor(3, 3),
        asked[2],
        ToolUsed(
            "AskUserQuestion",
            "",
            "ok",
            f"{answers} You can now continue with these answers in mind.",
        ),
        Said("All done."),
        floor(4, 4),
        Usage(4000, 200, 0.02016, 800),
        Ended(True, "All done."),
    ]
    question = asked[2]
    assert (question.kind, question.text) == ("question", "Tabs or spaces? (Tabs / Spaces)")
    choices = (Option("Tabs", "Tabs", "answer"), Option("Spaces", "Spaces", "answer"))
    assert question.options == choices
    assert json.loads(question.payload)["input"]["questions"][0]["header"] == "Indent"
    assert [json.loads(ask.payload)["input"]["file_path"] for ask in asked[:2]] == [
        "/repo/hello.txt",
        "/repo/hello.txt",
    ]


def test_a_question_that_is_taken_back() -> None:
    assert claude({"type": "control_cancel_request", "request_id": "r1"}) == [Withdrawn("r1")]


def test_a_large_input_is_left_in_the_log() -> None:
    for size, kept in ((PAYLOAD_BYTES - 100, True), (PAYLOAD_BYTES, False)):
        given = {"subtype": "can_use_tool", "tool_name": "Write", "input": {"content": "x" * size}}
        [asked] = claude({"type": "control_request", "request_id": "r", "request": given})
        assert isinstance(asked, Asked)
        assert bool(asked.payload) is kept


def test_sub_agents_use_tools_but_their_prose_is_not_the_agents() -> None:
    reports, reader = recorded("claude-success.jsonl")
    assert reports == [
        Started("s-1", "opus"),
        Limited(FailureClass.RATE_LIMIT, "asks the service again after HTTP 429 (1 of 10, in 1 s)"),
        Said("I will write the file."),
        Usage(1000, 1, 0.0, 0, estimate=True),
        ToolUsed("Write", "docs/x.md", "running", "+2 −0"),
        Touched(("docs/x.md",)),
        ToolUsed("Write", "docs/x.md", "ok", "File created"),
        ToolUsed("Bash", "pytest -q", "running"),
        ToolUsed("Bash", "pytest -q", "failed", "1 failed"),
        Usage(3047, 153, 0.5, 600),
        Ended(True, "Done."),
    ]
    assert (reader.summary.tools, reader.summary.message) == (2, "I will write the file.")


def test_files_and_lists_come_from_the_inputs_of_tools() -> None:
    inputs = {
        "NotebookEdit": {"notebook_path": "/elsewhere/n.ipynb", "new_source": "x"},
        "MultiEdit": {
            "file_path": "/repo/src/./a.py",
            "edits": [
                {"old_string": "a\nb\n", "new_string": "a\nB\nC\n"},
                {"old_string": "x", "new_string": ""},
            ],
        },
        "Read": {"file_path": "/repo/b.py"},
        "TodoWrite": {
            "todos": [
                {"content": "look", "status": "completed"},
                {"content": "edit", "status": "in_progress"},
                {"content": "test", "status": "pending"},
                {"content": "never mind", "status": "cancelled"},
            ]
        },
    }
    content = [{"type": "tool_use", "name": name, "input": given} for name, given in inputs.items()]
    reader = reader_for("claude", root="/repo")
    line = {"type": "assistant", "message": {"content": content}}
    assert reader.feed(json.dumps(line).encode() + b"\n") == [
        ToolUsed("NotebookEdit", "/elsewhere/n.ipynb", "running"),
        Touched(("/elsewhere/n.ipynb",)),
        ToolUsed("MultiEdit", "src/a.py", "running", "+2 −2"),
        Touched(("src/a.py",)),
        ToolUsed("Read", "b.py", "running"),
        ToolUsed("TodoWrite", "", "running"),
        Planned(
            (PlanItem("look", "done"), PlanItem("edit", "active"), PlanItem("test", "pending"))
        ),
    ]
    assert reader.summary.activity == "edit"


def test_a_path_that_cannot_be_told_exactly_is_not_told() -> None:
    """Another path would be worse than none: what agents touch is compared."""
    for path in ("/repo/a\nb", "/repo/\x1b[31m", "/repo/" + "x" * 600, ""):
        block = {"type": "tool_use", "name": "Write", "input": {"file_path": path, "content": "x"}}
        reports = claude({"type": "assistant", "message": {"content": [block]}})
        assert not any(isinstance(report, Touched) for report in reports)


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        ({"api_error_status": 429}, FailureClass.RATE_LIMIT),
        ({"api_error_status": 429, "result": "You've hit your weekly limit"}, FailureClass.QUOTA),
        ({"api_error_status": 500}, FailureClass.OVERLOAD),
        ({"api_error_status": 529}, FailureClass.OVERLOAD),
        ({"api_error_status": 401}, FailureClass.AUTH),
        ({"api_error_status": 400, "result": "prompt is too long"}, FailureClass.AGENT),
        ({"api_error_status": 400, "result": "Your credit balance is low"}, FailureClass.QUOTA),
        ({"api_error_type": "overloaded_error"}, FailureClass.OVERLOAD),
        ({"result": "API Error: Connection error."}, FailureClass.NETWORK),
        ({"result": "Invalid API key · Please run /login"}, FailureClass.AUTH),
        ({"terminal_reason": "api_error", "result": "?"}, FailureClass.NETWORK),
        (
            {"subtype": "error_max_turns", "errors": ["rate limit of turns"]},
            FailureClass.TURN_LIMIT,
        ),
        ({"subtype": "error_max_budget_usd"}, FailureClass.TURN_LIMIT),
        ({"subtype": "error_during_execution", "errors": ["rate limit"]}, FailureClass.AGENT),
        ({"is_error": False, "stop_reason": "refusal"}, FailureClass.REFUSED),
    ],
)
def test_failures_have_their_cause_even_with_subtype_success(
    more: dict[str, object], cause: FailureClass
) -> None:
    """`subtype` alone would call a rejected request a success."""
    line = {"type": "result", "subtype": "success", "is_error": True, **more}
    found = ended(claude(line))
    assert (found.ok, found.cause) == (False, cause)


def test_a_limit_told_in_words_has_its_reset_time() -> None:
    text = "Claude AI usage limit reached|1795240000"
    found = ended(claude({"type": "result", "is_error": True, "result": text}))
    assert (found.cause, found.retry_at) == (FailureClass.QUOTA, 1795240000.0)


def test_what_was_blamed_before_a_restart_still_counts() -> None:
    """The reset time stands in an earlier line than the result."""
    data = (STREAMS / "claude-limit.jsonl").read_bytes()
    cut = data.rindex(b'{"total_cost_usd"')
    first = reader_for("claude")
    first.feed(data[:cut])
    assert first.offset == cut
    second = reader_for("claude", start_offset=cut, summary=first.summary)
    assert ended(second.feed(data[cut:])).retry_at == 1795240000.0


def test_what_machinery_says_is_a_note() -> None:
    assert claude({"type": "system", "subtype": "permission_denied", "tool_name": "Bash"}) == [
        Noted("was denied Bash")
    ]
    [note] = claude({"type": "system", "subtype": "compact_boundary"})
    assert isinstance(note, Noted)
