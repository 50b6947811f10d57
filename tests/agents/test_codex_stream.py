"""The stream of Codex, as recorded: usage of a thread, calls, retries, the end of a turn."""

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
    Totals,
    Touched,
    Usage,
)
from agentdeck.core.events import FailureClass

STREAMS = Path(__file__).parent / "streams"
THREAD = "01a1fc18-7d70-76d1-a9f2-279b49f12eab"
WRITE = "cat > 'hello.txt' <<'EOF_STUB' hello from the stub EOF_STUB"
COMMIT = (
    "git add -A && git -c user.name=stub -c user.email=stub@localhost commit -qm 'add hello.txt'"
    " && git log --oneline | head -1"
)
NOTE = Noted(
    "Model metadata for `stub-model` not found. Defaulting to fallback metadata; this can degrade"
    " performance and cause issues."
)


def recorded(name: str, before: dict[str, Totals] | None = None) -> tuple[list[Report], Reader]:
    reader = reader_for("codex", root="/repo", before=before)
    reports = reader.feed((STREAMS / name).read_bytes()) + reader.finish()
    return [report for report in reports if not isinstance(report, Noise)], reader


def codex(*lines: dict[str, object]) -> list[Report]:
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return reader_for("codex", root="/repo").feed(data)


def test_a_whole_run() -> None:
    """Cached tokens are taken out of the input, and there is no price."""
    assert recorded("codex.jsonl")[0] == [
        Started(THREAD, None),
        NOTE,
        Said("I will create hello.txt."),
        ToolUsed("shell", WRITE, "running"),
        ToolUsed("shell", WRITE, "ok"),
        ToolUsed("shell", COMMIT, "running"),
        ToolUsed("shell", COMMIT, "ok", "274f9a0 add hello.txt"),
        Said("Done: hello.txt was written and committed."),
        Usage(3000, 150, 0.0, 600),
        Ended(True, ""),
    ]


def test_a_resumed_thread_is_charged_for_its_own_part() -> None:
    """It reports 4800 input tokens, of which 1200 are new."""
    _, first = recorded("codex.jsonl")
    had = first.summary
    before = {THREAD: Totals(had.tokens_in, had.tokens_out, had.tokens_cached)}
    reports, second = recorded("codex-resume.jsonl", before)
    assert reports == [
        Started(THREAD, None),
        NOTE,
        Said("Should I use tabs or spaces? Please answer before I continue."),
        Usage(1000, 50, 0.0, 200),
        Ended(True, ""),
    ]
    assert had.tokens_in + second.summary.tokens_in == 4000


def test_another_thread_is_not_charged_less_for_it() -> None:
    reports, _ = recorded("codex-resume.jsonl", {"another": Totals(3000, 150, 600)})
    assert Usage(4000, 200, 0.0, 800) in reports


def test_a_count_that_began_anew_holds_as_it_is() -> None:
    """Should a version count by process, nothing may be taken off twice."""
    reports, _ = recorded("codex-resume.jsonl", {THREAD: Totals(9000, 900, 0)})
    assert Usage(4000, 200, 0.0, 800) in reports


def test_edits_tell_the_files_before_they_are_made() -> None:
    """Lines of the command itself on stderr are in the same file."""
    reports, reader = recorded("codex-edit.jsonl")
    assert reports == [
        Started("01a22467-0b37-7a73-a39c-06c1783d984e", None),
        NOTE,
        Said("Let me plan."),
        ToolUsed("edit", "hello.txt", "running"),
        Touched(("hello.txt",)),
        ToolUsed("edit", "hello.txt", "ok"),
        ToolUsed("edit", "hello.txt, other.txt", "running"),
        Touched(("hello.txt", "other.txt")),
        ToolUsed("edit", "hello.txt, other.txt", "ok"),
        ToolUsed("shell", "false", "running"),
        ToolUsed("shell", "false", "failed", "exit 1"),
        Said("All done."),
        Usage(4000, 200, 0.0, 800),
        Ended(True, ""),
    ]
    assert reader.summary.tools == 3


@pytest.mark.parametrize(
    ("name", "cause", "words"),
    [
        (
            "codex-error-500.jsonl",
            FailureClass.OVERLOAD,
            "We’re currently experiencing high demand, which may cause temporary errors.",
        ),
        (
            "codex-rate-limit-429.jsonl",
            FailureClass.RATE_LIMIT,
            "exceeded retry limit, last status: 429 Too Many Requests",
        ),
    ],
)
def test_retries_are_heard_and_the_last_word_is_the_cause(
    name: str, cause: FailureClass, words: str
) -> None:
    reports, reader = recorded(name)
    assert reports == [
        Started(reader.summary.session, None),
        NOTE,
        *(Limited(cause, f"Reconnecting... {turn}/5 ({words})") for turn in range(1, 6)),
        Limited(cause, words),
        Ended(False, words, cause),
    ]


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("unexpected status 401 Unauthorized: no", FailureClass.AUTH),
        ("You've hit your usage limit. Try again at 3:28 PM.", FailureClass.QUOTA),
        ("stream disconnected before completion: eof", FailureClass.NETWORK),
        ("the sandbox denied it", FailureClass.AGENT),
    ],
)
def test_a_failed_turn_names_its_cause(said: str, cause: FailureClass) -> None:
    assert codex({"type": "turn.failed", "error": {"message": said}}) == [Ended(False, said, cause)]


def test_an_error_that_is_no_limit_is_a_note() -> None:
    assert codex({"type": "error", "message": "Reconnecting... waiting for network"}) == [
        Limited(FailureClass.NETWORK, "Reconnecting... waiting for network")
    ]
    assert codex({"type": "error", "message": "skills are off"}) == [Noted("skills are off")]


def test_lists_and_calls_of_other_kinds() -> None:
    """Lines by the published types; a call that only its end tells of has begun as well."""
    todo = {
        "id": "i0",
        "type": "todo_list",
        "items": [{"text": "look", "completed": True}, {"text": "edit", "completed": False}],
    }
    mcp = {
        "id": "i1",
        "type": "mcp_tool_call",
        "server": "docs",
        "tool": "find",
        "arguments": {"query": "x"},
        "error": {"message": "down"},
        "status": "failed",
    }
    change = {
        "id": "i2",
        "type": "file_change",
        "changes": [{"path": "/repo/a.py", "kind": "update"}],
        "status": "completed",
    }
    assert codex(
        {"type": "item.started", "item": todo},
        {"type": "item.completed", "item": mcp},
        {"type": "item.started", "item": change},
        {"type": "item.updated", "item": change},
        {"type": "item.completed", "item": change},
        {"type": "item.completed", "item": {"type": "reasoning", "text": "**Looking** around"}},
    ) == [
        Planned((PlanItem("look", "done"), PlanItem("edit", "pending"))),
        ToolUsed("docs.find", "x", "running"),
        ToolUsed("docs.find", "x", "failed", "down"),
        ToolUsed("edit", "a.py", "running"),
        Touched(("a.py",)),
        Noise(json.dumps({"type": "item.updated", "item": change})),
        ToolUsed("edit", "a.py", "ok"),
        Noted("**Looking** around"),
    ]


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ('/bin/bash -lc "echo \\"a\\" && ls"', 'echo "a" && ls'),
        ("/bin/zsh -lc 'ls -l'", "ls -l"),
        ("/usr/bin/bash -c true", "true"),
        ("python x.py", "python x.py"),
    ],
)
def test_a_command_is_shown_without_its_shell(command: str, shown: str) -> None:
    item = {"id": "i", "type": "command_execution", "command": command, "status": "in_progress"}
    assert codex({"type": "item.started", "item": item}) == [ToolUsed("shell", shown, "running")]


def test_on_the_screen_each_call_is_one_line_and_a_failure_is_another() -> None:
    """You should see `▸ edit hello.txt` once, and `✖ shell false` below its call."""
    lines = (STREAMS / "codex-edit.jsonl").read_bytes().splitlines()
    shown = [line.text for raw in lines for line in render("codex", raw, root="/repo")]
    assert shown[4:] == [
        "Let me plan.",
        "▸ edit hello.txt",
        "▸ edit hello.txt, other.txt",
        "▸ shell false",
        "✖ shell false",
        "All done.",
        "✔ done",
    ]


def test_what_a_thread_had_before_survives_a_restart() -> None:
    """The new reader is told no more than its offset and its summary."""
    data = (STREAMS / "codex-resume.jsonl").read_bytes()
    for at, byte in enumerate(data):
        if byte != ord("\n"):
            continue
        first = reader_for("codex", before={THREAD: Totals(3000, 150, 600)})
        first.feed(data[: at + 1])
        second = reader_for("codex", start_offset=first.offset, summary=first.summary)
        second.feed(data[first.offset :])
        summary = second.summary
        assert (summary.tokens_in, summary.tokens_out, summary.tokens_cached) == (1000, 50, 200)
