"""What aider and mini-swe-agent print, as recorded: text that means something to people first."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdeck.agents.readers import Reader, reader_for
from agentdeck.agents.rendering import Line, render
from agentdeck.agents.reports import (
    Ended,
    Limited,
    Noise,
    Noted,
    Printed,
    Report,
    Said,
    Started,
    ToolUsed,
    Touched,
    Usage,
)
from agentdeck.core.events import FailureClass

STREAMS = Path(__file__).parent / "streams"
COMMIT = "git add -A && git -c user.name=stub -c user.email=stub@localhost commit -qm 'add"
SUBMIT = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT; echo 'the stub is done'"


def recorded(stream_format: str, name: str) -> tuple[list[Report], Reader]:
    reader = reader_for(stream_format, root="/repo")
    reports = reader.feed((STREAMS / name).read_bytes()) + reader.finish()
    return [report for report in reports if not isinstance(report, Noise | Printed)], reader


def aider(*lines: str) -> tuple[list[Report], Reader]:
    reader = reader_for("aider", root="/repo")
    return reader.feed("".join(line + "\n" for line in lines).encode()), reader


def test_a_whole_run_of_aider() -> None:
    """It has no result: the exit status and the commits tell. Prose stays in the message."""
    reports, reader = recorded("aider", "aider.txt")
    assert reports == [
        Started(None, "openai/stub-model"),
        Usage(725, 21, 0.0, 0, estimate=True),
        Noted("Commit 5bd0583 add hello.txt"),
        ToolUsed("edit", "hello.txt", "running"),
        Touched(("hello.txt",)),
        ToolUsed("edit", "hello.txt", "ok"),
        Noted("Commit c5b58c1 add hello.txt"),
    ]
    assert "Done: hello.txt was written and committed." in reader.summary.message


@pytest.mark.parametrize(
    ("name", "error", "tries", "cause"),
    [
        ("aider-error-401.txt", "AuthenticationError", 1, FailureClass.AUTH),
        ("aider-rate-limit-429.txt", "RateLimitError", 7, FailureClass.RATE_LIMIT),
    ],
)
def test_aider_exits_with_0_and_its_last_error_is_the_result(
    name: str, error: str, tries: int, cause: FailureClass
) -> None:
    reports, reader = recorded("aider", name)
    [ended] = [report for report in reports if isinstance(report, Ended)]
    limits = [report for report in reports if isinstance(report, Limited)]
    assert limits == [Limited(cause, ended.detail)] * tries
    assert ended.detail.startswith(f"litellm.{error}: {error}: OpenAIException - stub: HTTP")
    assert (reader.result, ended.ok, ended.cause) == (ended, False, cause)


def test_an_answer_after_an_error_is_no_failure() -> None:
    failed, answered = "litellm.Timeout: slow", "Tokens: 1 sent, 2 received."
    assert aider(failed, "Retrying in 0.2 seconds...", answered)[1].finish() == []
    assert aider(answered, failed)[1].finish() == [Ended(False, failed, FailureClass.NETWORK)]


def test_an_error_of_no_known_cause_is_the_agents_own() -> None:
    reports, reader = aider("litellm.BadRequestError: the model has no such option")
    assert reports == [Noted("litellm.BadRequestError: the model has no such option")]
    [ended] = reader.finish()
    assert isinstance(ended, Ended)
    assert ended.cause is FailureClass.AGENT


def test_the_tokens_of_messages_are_summed() -> None:
    """What came from the cache is in what was sent; the cost is that of the session."""
    _, reader = aider(
        "Tokens: 3.2k sent, 1k cache write, 2k cache hit, 512 received.",
        "Cost: $0.01 message, $0.05 session.",
        "Tokens: 12k sent, 1.5k received. Cost: $0.02 message, $0.07 session.",
        "Tokens: many sent, none received.",
    )
    summary = reader.summary
    assert (summary.tokens_in, summary.tokens_cached) == (1200 + 12000, 2000)
    assert (summary.tokens_out, summary.usd) == (2012, 0.07)


def test_a_used_up_context_is_a_failure() -> None:
    _, reader = aider("Model openai/x has hit a token limit!")
    said = "Model openai/x has hit a token limit!"
    assert reader.finish() == [Ended(False, said, FailureClass.AGENT)]


def test_a_whole_run_of_mini() -> None:
    """Its prompt is long and nobody's prose; a command is wrapped, so its first line is shown."""
    reports, reader = recorded("mini", "mini.txt")
    assert reports == [
        Noted("step 1"),
        Said("I will create hello.txt."),
        ToolUsed("bash", "cat > 'hello.txt' <<'EOF_STUB'", "running"),
        ToolUsed("bash", "cat > 'hello.txt' <<'EOF_STUB'", "ok"),
        Noted("step 2"),
        ToolUsed("bash", COMMIT, "running"),
        ToolUsed("bash", COMMIT[:47] + "…", "ok"),
        Noted("step 3"),
        Said("Done: hello.txt was written and committed."),
        ToolUsed("bash", SUBMIT, "running"),
        ToolUsed("bash", SUBMIT[:47] + "…", "failed", "exit -1"),
    ]
    assert reader.summary.tools == 3
    assert reader.result is None, "its trajectory has the result"


def test_an_error_ends_a_run_of_mini() -> None:
    """The traceback around it is noise."""
    reports, _ = recorded("mini", "mini-error-401.txt")
    said = "litellm.AuthenticationError: AuthenticationError: OpenAIException - stub: HTTP"
    again = "AuthenticationError: litellm.AuthenticationError: AuthenticationError:"
    assert reports == [
        Limited(FailureClass.AUTH, said),
        Limited(FailureClass.AUTH, again),
        Ended(False, said, FailureClass.AUTH),
    ]


def test_retries_of_mini_are_heard() -> None:
    reports, reader = recorded("mini", "mini-rate-limit-429.txt")
    [limit] = reports
    assert isinstance(limit, Limited)
    assert limit.cause is FailureClass.RATE_LIMIT
    assert limit.detail.startswith("Retrying <unknown> in 4 seconds")
    assert reader.result is None


def test_prose_and_cost_of_mini_steps() -> None:
    reader = reader_for("mini")
    reports = reader.feed(b"mini-swe-agent (step 2, $0.15):\nOne.\nTwo.\n```\nls\n```\n")
    assert [report for report in reports if not isinstance(report, Noise)] == [
        Noted("step 2"),
        Usage(0, 0, 0.15, estimate=True),
        Said("One."),
        Said("\nTwo.", more=True),
        ToolUsed("bash", "ls", "running"),
    ]
    assert reader.summary.message == "One.\nTwo."


def test_on_the_screen_text_is_shown_as_it_is() -> None:
    """You should see every line of aider, with its edit as a tool and its errors in colour."""
    lines = (STREAMS / "aider-error-401.txt").read_bytes().splitlines()
    shown = [line for raw in lines for line in render("aider", raw, root="/repo")]
    assert [(line.kind, line.text) for line in shown[-4:]] == [
        ("text", "https://aider.chat/HISTORY.html#release-notes"),
        ("error", "litellm.AuthenticationError: AuthenticationError: OpenAIException - stub: HTTP"),
        ("text", "401 on purpose"),
        ("text", "The API provider is not able to authenticate you. Check your API key."),
    ]
    assert render("aider", b"Applied edit to a.py") == [Line("tool", "▸ edit a.py")]
    assert render("aider", b"Tokens: 725 sent, 21 received.") == [
        Line("text", "Tokens: 725 sent, 21 received.")
    ]
    assert render("mini", b"User:") == [Line("text", "User:")]
