"""Logs of agents that speak ACP, as recorded with four of them: calls, permissions, results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from agentdeck.agents.readers import Reader, reader_for
from agentdeck.agents.rendering import Line, render
from agentdeck.agents.reports import (
    Asked,
    Ended,
    Noise,
    Noted,
    Option,
    PlanItem,
    Planned,
    Report,
    Said,
    Started,
    ToolUsed,
    Totals,
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
WILL = Said("I will create hello.txt.")
DONE = Said("Done: hello.txt was written and committed.")
PROMPT = Noted("is given a prompt")
OPENCODE_OPTIONS = (
    Option("once", "Allow once", "allow_once"),
    Option("always", "Always allow", "allow_always"),
    Option("reject", "Reject", "reject_once"),
)
TOUCHED = Touched(("hello.txt",))


def recorded(name: str) -> tuple[list[Report], Reader]:
    reader = reader_for("acp", root="/repo")
    reports = reader.feed((STREAMS / name).read_bytes()) + reader.finish()
    return [report for report in reports if not isinstance(report, Noise)], reader


def acp(*messages: tuple[str, Mapping[str, object]], reader: Reader | None = None) -> list[Report]:
    lines = [json.dumps({"dir": side, "t": 1.5, "msg": message}) for side, message in messages]
    reader = reader or reader_for("acp", root="/repo")
    reports = reader.feed("".join(line + "\n" for line in lines).encode())
    return [report for report in reports if not isinstance(report, Noise)]


def update(what: str, /, **fields: object) -> tuple[str, Mapping[str, object]]:
    params = {"sessionId": "s", "update": {"sessionUpdate": what, **fields}}
    return "agent", {"jsonrpc": "2.0", "method": "session/update", "params": params}


def prompt(number: int = 3) -> tuple[str, Mapping[str, object]]:
    return "client", {"id": number, "method": "session/prompt", "params": {}}


def answer(number: int = 3, **result: object) -> tuple[str, Mapping[str, object]]:
    return "agent", {"id": number, "result": result}


def asked(number: int, tool: str, target: str, *options: Option) -> Asked:
    text, payload = f"May it use {tool}: {target}?", f'{{"id":{number}}}'
    return Asked(str(number), text, "permission", tool, target, options, payload)


def claude_asks() -> tuple[Asked, Asked]:
    """The two permissions that the adapter of Claude Code asks for."""
    once, no = Option("allow-once", "Yes", "allow_once"), Option("reject", "No", "reject_once")
    edits = "Yes, allow all edits during this session"
    alike = "Yes, and don't ask again for similar commands"
    always = "allow-with-updates"
    return (
        asked(0, "Write", "hello.txt", once, Option(always, edits, "allow_always"), no),
        asked(1, "Bash", COMMIT, once, Option(always, alike, "allow_always"), no),
    )


def test_claude_announces_its_calls_empty_and_fills_them_in() -> None:
    """A call counts once, when it can be told; the title "Preparing file…" is never shown."""
    write, bash = claude_asks()
    reports, reader = recorded("acp-claude.jsonl")
    assert reports == [
        Started("ad343510-3a11-48a4-ad6f-dad4ec35d7e4", "default"),
        PROMPT,
        WILL,
        ToolUsed("Write", "hello.txt", "running", "+1 −0"),
        TOUCHED,
        write,
        Withdrawn("0"),
        ToolUsed("Write", "hello.txt", "ok", CREATED),
        ToolUsed("Bash", COMMIT, "running"),
        bash,
        Withdrawn("1"),
        ToolUsed("Bash", COMMIT, "ok", "015f9ba add hello.txt"),
        DONE,
        Usage(0, 0, 0.02016, 0, estimate=True),
        Usage(3000, 150, 0.02016, 600),
        Ended(True, ""),
    ]
    assert reader.summary.tools == 2


def test_what_a_person_refuses_has_failed_and_the_prompt_has_not() -> None:
    write, bash = claude_asks()
    refused = "User refused permission to run tool"
    assert recorded("acp-claude-reject.jsonl")[0] == [
        Started("12d72f9c-efc1-4461-bf62-cc58d9aa3aef", "default"),
        PROMPT,
        WILL,
        ToolUsed("Write", "hello.txt", "running", "+1 −0"),
        TOUCHED,
        write,
        Withdrawn("0"),
        ToolUsed("Write", "hello.txt", "failed", refused),
        ToolUsed("Bash", COMMIT, "running"),
        bash,
        Withdrawn("1"),
        ToolUsed("Bash", COMMIT, "failed", refused),
        DONE,
        Usage(0, 0, 0.02016, 0, estimate=True),
        Usage(3000, 150, 0.02016, 600),
        Ended(True, ""),
    ]


def test_codex_tells_its_commands_with_their_end() -> None:
    """Its sandbox made the repository read-only: the failed commit says so."""
    write = "cat > 'hello.txt' <<'EOF_STUB' hello from the stub EOF_STUB"
    denied = "fatal: Unable to create '/repo/.git/index.lock': Read-only file system"
    warning = (
        "Warning: Model metadata for `stub-model` not found. Defaulting to fallback metadata; this"
        " can degrade performance and cause issues.\n\n"
    )
    assert recorded("acp-codex.jsonl")[0] == [
        Started("01a1fbf0-692c-7b80-9203-f88dbe00ac6b", "stub-model[medium]"),
        PROMPT,
        Said(warning),
        WILL,
        ToolUsed("exec_command", write, "running"),
        ToolUsed("exec_command", write, "ok"),
        ToolUsed("exec_command", COMMIT, "running"),
        ToolUsed("exec_command", COMMIT, "failed", denied),
        DONE,
        Usage(3000, 150, 0.0, 600),
        Ended(True, ""),
    ]


def test_gemini_announces_no_call_and_asks_at_once() -> None:
    """Its usage has the cached tokens in the input, and does not tell them apart."""
    options = (
        Option("proceed_always", "Allow for this session", "allow_always"),
        Option("proceed_once", "Allow", "allow_once"),
        Option("cancel", "Reject", "reject_once"),
    )
    assert recorded("acp-gemini.jsonl")[0] == [
        Started("cecd8621-89e4-44da-8682-d5301824e240", "auto"),
        PROMPT,
        WILL,
        ToolUsed("edit", "hello.txt", "running", "+1 −0"),
        TOUCHED,
        asked(0, "edit", "hello.txt", *options),
        Withdrawn("0"),
        ToolUsed("edit", "hello.txt", "ok"),
        ToolUsed("execute", COMMIT, "running"),
        asked(1, "execute", COMMIT, *options),
        Withdrawn("1"),
        ToolUsed("execute", COMMIT, "ok"),
        DONE,
        Usage(3600, 150, 0.0),
        Ended(True, ""),
    ]


def test_opencode_tells_a_running_call_again_and_again() -> None:
    """It writes the file through the client too: that is the same edit."""
    options = OPENCODE_OPTIONS
    assert recorded("acp-opencode.jsonl")[0] == [
        Started("ses_e0410e6fbffeF7G2IafYmSmqeb", "stub/stub-model"),
        PROMPT,
        WILL,
        ToolUsed("edit", "hello.txt", "running", "+1 −0"),
        TOUCHED,
        asked(0, "edit", "hello.txt", *options),
        Withdrawn("0"),
        ToolUsed("edit", "hello.txt", "ok", "Wrote file successfully."),
        ToolUsed("execute", COMMIT, "running"),
        asked(2, "execute", COMMIT, *options),
        Withdrawn("2"),
        ToolUsed("execute", COMMIT, "ok", "26ddfa6 add hello.txt"),
        DONE,
        Usage(1000, 50, 0.0, 200),
        Ended(True, ""),
    ]


def test_a_cancelled_prompt_withdraws_its_question() -> None:
    assert recorded("acp-opencode-cancel.jsonl")[0] == [
        Started("ses_e040f4c64ffeV0rMhMPiYwz235", "stub/stub-model"),
        PROMPT,
        WILL,
        ToolUsed("edit", "hello.txt", "running", "+1 −0"),
        TOUCHED,
        asked(0, "edit", "hello.txt", *OPENCODE_OPTIONS),
        Noted("is told to stop"),
        Withdrawn("0"),
        ToolUsed("edit", "hello.txt", "failed", "Tool execution aborted"),
        Ended(False, "it was cancelled", FailureClass.STOPPED),
    ]


def test_an_error_of_the_service_is_the_answer_to_the_prompt() -> None:
    assert recorded("acp-opencode-error-401.jsonl")[0] == [
        Started("ses_e03ee12b3ffeLsW2oo0xds36RI", "stub/stub-model"),
        PROMPT,
        Ended(False, "Internal error: stub: HTTP 401 on purpose", FailureClass.AUTH),
    ]


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ({"code": 429, "message": "slow down"}, FailureClass.RATE_LIMIT),
        ({"code": -32603, "message": "Internal error: 503"}, FailureClass.OVERLOAD),
        ({"code": -32603, "message": "x", "data": {"details": "ECONNRESET"}}, FailureClass.NETWORK),
        ({"code": -32000, "message": "Authentication required"}, FailureClass.AUTH),
        ({"code": -32000, "message": "usage limit reached"}, FailureClass.QUOTA),
        ({"code": -32602, "message": "Invalid params"}, FailureClass.AGENT),
        ({}, FailureClass.AGENT),
    ],
)
def test_errors_by_code_and_words(error: dict[str, object], cause: FailureClass) -> None:
    found = acp(prompt(), ("agent", {"id": 3, "error": error}))[-1]
    assert isinstance(found, Ended)
    assert (found.ok, found.cause) == (False, cause)


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("max_tokens", FailureClass.TURN_LIMIT),
        ("max_turn_requests", FailureClass.TURN_LIMIT),
        ("refusal", FailureClass.REFUSED),
        ("cancelled", FailureClass.STOPPED),
        ("something_new", FailureClass.AGENT),
    ],
)
def test_a_stop_reason_is_a_cause(reason: str, cause: FailureClass) -> None:
    found = acp(prompt(), answer(stopReason=reason))[-1]
    assert isinstance(found, Ended)
    assert (found.ok, found.cause) == (False, cause)


def test_prompts_are_summed_and_each_has_its_result() -> None:
    usage = {"inputTokens": 10, "outputTokens": 5, "cachedReadTokens": 2, "cachedWriteTokens": 1}
    reader = reader_for("acp")
    acp(prompt(3), answer(3, stopReason="end_turn", usage=usage), reader=reader)
    results = [reader.result]
    acp(prompt(4), reader=reader)
    results.append(reader.result)
    assert results == [Ended(True, ""), None], "another prompt takes the result back"
    acp(answer(4, stopReason="end_turn", usage=usage), reader=reader)
    summary = reader.summary
    assert (summary.tokens_in, summary.tokens_out, summary.tokens_cached) == (22, 10, 4)
    acp(answer(4, stopReason="end_turn", usage=usage), reader=reader)
    assert reader.summary.tokens_in == 22, "an answer that nobody waits for"


def test_what_is_told_while_a_session_is_loaded_happened_before() -> None:
    """Its replay has calls and prose of an earlier attempt; they were counted there."""
    load = {"id": 2, "method": "session/load", "params": {"sessionId": "s", "cwd": "/repo"}}
    reader = reader_for("acp", before={"s": Totals(0, 0, 0, 0.5)})
    piece = {"content": {"type": "text", "text": "old"}}
    cost = {"amount": 0.75, "currency": "USD"}
    assert acp(
        ("client", load),
        update("agent_message_chunk", **piece),
        update("tool_call", toolCallId="t", title="old", status="completed"),
        answer(2, modes={}),
        prompt(),
        update("agent_message_chunk", **piece),
        update("usage_update", used=9, size=10, cost=cost),
        reader=reader,
    ) == [
        Started("s", None),
        PROMPT,
        Said("old"),
        Usage(0, 0, 0.25, 0, estimate=True),
    ]


def test_pieces_belong_to_their_message() -> None:
    def piece(text: str, **more: object) -> tuple[str, Mapping[str, object]]:
        return update("agent_message_chunk", content={"type": "text", "text": text}, **more)

    assert acp(
        piece("a ", messageId="1"),
        update("usage_update", used=1, size=2),
        piece("b", messageId="1"),
        piece("c", messageId="2"),
        update("tool_call", toolCallId="t", title="x", status="in_progress"),
        piece("d", messageId="2"),
        piece("e"),
        piece("f"),
    ) == [
        Said("a "),
        Said("b", more=True),
        Said("c"),
        ToolUsed("tool", "x", "running"),
        Said("d"),
        Said("e"),
        Said("f", more=True),
    ]


def test_plans_and_files_of_the_protocol() -> None:
    entries = [
        {"content": "look", "priority": "high", "status": "completed"},
        {"content": "edit", "priority": "high", "status": "in_progress"},
    ]
    write = {"id": 9, "method": "fs/write_text_file", "params": {"path": "/repo/n.txt"}}
    move = {"kind": "move", "locations": [{"path": "/repo/a"}, {"path": "/repo/b"}]}
    assert acp(
        update("plan", entries=entries),
        ("agent", write),
        update("tool_call", toolCallId="m", title="Move", **move),
        update("tool_call", toolCallId="r", kind="read", locations=[{"path": "/repo/c"}]),
    ) == [
        Planned((PlanItem("look", "done"), PlanItem("edit", "active"))),
        Touched(("n.txt",)),
        ToolUsed("move", "a", "running"),
        Touched(("a", "b")),
        ToolUsed("read", "c", "running"),
    ]


def test_the_bridge_has_the_last_word() -> None:
    end = {"type": "ended", "ok": False, "cause": "network", "detail": "the agent hung up"}
    assert acp(
        prompt(),
        answer(stopReason="end_turn"),
        ("bridge", {"type": "note", "text": "starts the agent again"}),
        ("bridge", end),
    )[-2:] == [
        Noted("starts the agent again"),
        Ended(False, "the agent hung up", FailureClass.NETWORK),
    ]
    done = {"type": "ended", "ok": True, "cause": None, "detail": "done"}
    assert acp(("bridge", done)) == [Ended(True, "done")]
    odd = {"type": "ended", "ok": False, "cause": "a new one", "detail": "?"}
    assert acp(("bridge", odd)) == [Ended(False, "?")]


def test_ids_of_requests_may_be_names() -> None:
    ask = {"id": "perm-1", "method": "session/request_permission", "params": {"toolCall": {}}}
    assert acp(("agent", ask), ("client", {"id": "perm-1", "result": {"outcome": {}}}))[1:] == [
        Asked("perm-1", "May it use tool?", "permission", "tool", "", (), '{"id":"perm-1"}'),
        Withdrawn("perm-1"),
    ]


def test_on_the_screen_calls_questions_and_the_end_are_seen() -> None:
    """You should see `▸ Write hello.txt +1 −0`, a `?` for each permission, and `✔ done`."""
    lines = (STREAMS / "acp-claude-reject.jsonl").read_bytes().splitlines()
    shown = [line for raw in lines for line in render("acp", raw, root="/repo")]
    assert [(line.kind, line.text) for line in shown] == [
        ("noise", "session 12d72f9c-efc1-4461-bf62-cc58d9aa3aef"),
        ("noise", "is given a prompt"),
        ("text", "I will create hello.txt."),
        ("tool", "▸ Write hello.txt"),
        ("ask", "? May it use Write: hello.txt?"),
        ("error", "✖ Write"),
        ("tool", f"▸ Bash {COMMIT}"),
        ("ask", f"? May it use Bash: {COMMIT}?"),
        ("error", "✖ Bash"),
        ("text", "Done: hello.txt was written and committed."),
        ("result", "✔ done"),
    ]
    assert shown[3].detail == "+1 −0"
    raw = b'{"dir":"bridge","t":1795230824.5,"msg":{"type":"note","text":"hello"}}'
    assert render("acp", raw) == [Line("noise", "hello", "", 1795230824.5)]
