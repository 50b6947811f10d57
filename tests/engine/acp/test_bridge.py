"""Conversations of the bridge with an agent process, from the first request to the last."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.engine.acp.driven_bridge import Begin, Drive, fake_agent, requests

from agentdeck.core.events import FailureClass
from agentdeck.engine.acp import agent_process, conversation, session, transport
from agentdeck.engine.acp.raw_log import RawLog

ONCE = ["reject_once", "allow_always", "allow_once"]
RESUMES = {"agentCapabilities": {"sessionCapabilities": {"resume": {}}, "loadSession": True}}
LOADS = {"agentCapabilities": {"loadSession": True}}
LOGIN = {"code": -32000, "message": "Authentication required"}
STEERS = {"_meta": {"steering": {"supported": True}}}


def answers(drive: Drive) -> list[Any]:
    """What the agent was told, as it repeats it."""
    return [json.loads(text) for text in drive.said]


async def test_a_turn_that_ends_well_is_the_end(drive: Begin) -> None:
    """In the log: both directions, in order, in seconds since the start."""
    one = drive([{"say": "hello"}])
    assert (await one.outcome()).ok
    asked = [message["method"] for message in one.of("client") if "method" in message]
    assert asked == ["initialize", "session/new", "session/prompt"]
    assert one.said == ["hello"]
    times = [message["t"] for message in one.messages]
    assert times == sorted(times)


async def test_the_agent_is_told_who_we_are_and_where_it_works(drive: Begin) -> None:
    one = drive([])
    await one.outcome()
    (hello,) = one.sent("initialize")
    assert hello["clientInfo"]["name"] == "agentdeck"
    assert hello["clientCapabilities"] == {
        "fs": {"readTextFile": True, "writeTextFile": True},
        "terminal": True,
    }
    assert one.sent("session/new") == [{"cwd": str(one.worktree), "mcpServers": []}]


async def test_what_the_agent_prints_beside_messages_stands_between_whole_lines(
    drive: Begin,
) -> None:
    """Half a line on stderr must not tear a message, and noise on stdout must not end it."""
    noise = 'Loading\n[1, 2]\n"text"\n{"jsonrpc":"2.0","id":99,"result":{}}\n{"id":[],"method":1}\n'
    one = drive([{"stderr": "half a line"}, {"raw": noise}, {"say": "x"}, {"stderr": " more\n"}])
    assert (await one.outcome()).ok
    assert b"half a line more" in one.lines
    assert {b"Loading", b"[1, 2]", b'"text"'} <= set(one.lines)
    assert one.said == ["x"]
    assert [note for note in one.notes if note.startswith("ignored")] == [
        "ignored a message whose method is no text"
    ]


async def test_garbage_of_every_kind_does_not_end_the_conversation(drive: Begin) -> None:
    """Megabytes in a line, bytes that are no text, unknown requests, deep nesting, wrong shapes."""
    garbage = [
        {"raw": "x" * 3_000_000 + "\n"},
        {"raw": "\xff\xfe\x00\n"},
        {"raw": '{"a":' * 20_000 + "\n"},
        {"raw": '{"jsonrpc":"2.0","id":"u","method":"no/such","params":{"a":1}}\n'},
        {"raw": '{"jsonrpc":"2.0","id":"v","method":"fs/read_text_file","params":7}\n'},
        {"raw": '{"jsonrpc":"2.0","id":"w","method":"terminal/create","params":{"args":5}}\n'},
        {"raw": '{"jsonrpc":"2.0","method":"session/update","params":{"update":5}}\n'},
        {"raw": '{"jsonrpc":"2.0","id":7,"error":"words"}\n'},
        {"raw": '{"jsonrpc":"2.0","id":7}\n{}\n'},
        {"update": {"sessionUpdate": "of a later protocol", "more": [1]}},
        {"say": "y" * 2_000_000},
        {"say": "still here"},
    ]
    one = drive(garbage)
    assert (await one.outcome()).ok
    assert one.said[-1] == "still here"
    errors = {m["id"]: m["error"]["code"] for m in one.of("client") if "error" in m}
    assert errors == {"u": -32601, "v": -32602, "w": -32602}


async def test_a_flood_of_requests_is_answered_and_bounded(
    drive: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More at once than are held; each gets its answer, and we never hold more than the limit."""
    monkeypatch.setattr(transport, "MAX_UNANSWERED", 5)
    one = drive([{"flood": 300}, {"say": "done"}])
    assert (await one.outcome()).ok
    answered = [m["dir"] for m in one.messages if str(m["msg"].get("id")).startswith("f")]
    assert answered.count("client") == answered.count("agent") == 300
    held = [answered[:n].count("agent") - answered[:n].count("client") for n in range(601)]
    assert max(held) <= 5


async def test_a_message_too_long_to_be_read_ends_it(
    drive: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been the answer we wait for."""
    monkeypatch.setattr(agent_process, "MAX_MESSAGE_BYTES", 100_000)
    outcome = await drive([{"say": "x" * 200_000}]).outcome()
    assert outcome.cause is FailureClass.AGENT
    assert "too long" in outcome.detail


async def test_a_permission_waits_for_a_control_line(drive: Begin) -> None:
    one = drive([{"ask": ONCE}, {"ask": ONCE}])
    await one.asked(1)
    one.say(type="permission", id=str(requests(one.of("agent"))[0]["id"]), option="o2")
    await one.asked(2)
    one.say(type="permission", id=str(requests(one.of("agent"))[1]["id"]), option=None)
    assert (await one.outcome()).ok
    chosen = {"outcome": {"outcome": "selected", "optionId": "o2"}}
    assert answers(one) == [chosen, {"outcome": {"outcome": "cancelled"}}]


@pytest.mark.parametrize(("policy", "option"), [("allow", "o2"), ("deny", "o0")])
async def test_a_policy_answers_by_kind(drive: Begin, policy: str, option: str) -> None:
    one = drive([{"ask": ONCE}], permissions=policy)
    await one.outcome()
    assert answers(one) == [{"outcome": {"outcome": "selected", "optionId": option}}]


async def test_an_option_of_a_later_protocol_does_not_cost_the_request(drive: Begin) -> None:
    one = drive([{"ask": ["allow_for_lunch", "allow_once"]}])
    await one.asked()
    one.say(type="permission", id="1", option="o0")
    assert (await one.outcome()).ok
    assert answers(one) == [{"outcome": {"outcome": "selected", "optionId": "o0"}}]


async def test_garbage_on_the_control_input_answers_nothing(drive: Begin) -> None:
    one = drive([{"ask": ONCE}])
    await one.asked()
    one.write(b'\xff\xfe\n{"type":"permission"}\nnull\n' + b"x" * 30_000 + b"\n")
    one.say(type="permission", id="other", option="o2")
    one.say(type="permission", id="1", option="allow_once")
    one.say(type="permission", id="1", option="o2")
    assert (await one.outcome()).ok
    assert answers(one) == [{"outcome": {"outcome": "selected", "optionId": "o2"}}]
    assert len(one.notes) == 6


async def test_cancel_ends_the_turn_and_answers_what_is_open(drive: Begin) -> None:
    one = drive([{"ask": ONCE}])
    await one.asked()
    one.say(type="cancel")
    outcome = await one.outcome()
    assert outcome.cause is FailureClass.STOPPED
    cancel, answer = one.of("client")[-2:]
    assert cancel == {
        "jsonrpc": "2.0",
        "method": "session/cancel",
        "params": {"sessionId": "s-1"},
    }
    assert answer["result"] == {"outcome": {"outcome": "cancelled"}}


async def test_a_turn_that_ignores_its_cancel_is_given_up(
    drive: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "CANCEL_S", 0.2)
    one = drive([{"say": "x"}, {"hang": 1}])
    await one.seen(lambda d: d.said)
    one.say(type="cancel")
    outcome = await one.outcome()
    assert outcome.cause is FailureClass.STOPPED
    assert "did not end its turn" in outcome.detail


async def test_the_patience_with_a_cancelled_turn_ends_with_it(
    drive: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next turn may take as long as it likes."""
    monkeypatch.setattr(conversation, "CANCEL_S", 0.2)
    one = drive([{"until cancelled": 1}], stay=True)
    await one.seen(lambda d: d.sent("session/prompt"))
    one.say(type="cancel")
    one.say(type="prompt", id="p2", text=json.dumps([{"ask": ONCE}]))
    await one.asked()
    await asyncio.sleep(0.4)
    one.say(type="permission", id="1", option="o2")
    one.say(type="end")
    assert (await one.outcome()).ok


async def test_a_withdrawn_request_is_answered_as_cancelled(drive: Begin) -> None:
    notice = '{"jsonrpc":"2.0","method":"$/cancel_request","params":{"requestId":1}}\n'
    ask = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "session/request_permission",
        "params": {"sessionId": "s-1", "toolCall": {"toolCallId": "t"}, "options": []},
    }
    one = drive([{"raw": json.dumps(ask) + "\n"}, {"raw": notice}, {"say": "x"}])
    assert (await one.outcome()).ok
    (answer,) = [m for m in one.of("client") if m.get("id") == 1 and "result" in m]
    assert answer["result"] == {"outcome": {"outcome": "cancelled"}}


async def test_a_prompt_meanwhile_is_the_next_turn(drive: Begin) -> None:
    one = drive([{"ask": ONCE}])
    await one.asked()
    one.say(type="prompt", id="p2", text=json.dumps([{"say": "second"}]))
    one.say(type="permission", id="1", option="o2")
    assert (await one.outcome()).ok
    assert one.said[-1] == "second"
    assert one.notes == ["prompt p2 waits for the next turn"]


async def test_a_prompt_meanwhile_steers_an_agent_that_can_be_steered(drive: Begin) -> None:
    one = drive([{"ask": ONCE}], agent=fake_agent(offer=STEERS))
    await one.asked()
    one.say(type="prompt", id="p2", text="to the left")
    await one.seen(lambda d: "steered: to the left" in d.said)
    one.say(type="permission", id="1", option="o2")
    assert (await one.outcome()).ok
    assert len(one.sent("session/prompt")) == 1


async def test_a_steer_that_the_agent_hands_back_is_a_prompt(drive: Begin) -> None:
    agent = fake_agent(offer=STEERS, steered="promptRequired")
    one = drive([{"ask": ONCE}], agent=agent)
    await one.asked()
    one.say(type="prompt", id="p2", text=json.dumps([{"say": "second"}]))
    await one.seen(lambda d: any("waits for the next turn" in note for note in d.notes))
    one.say(type="permission", id="1", option="o2")
    assert (await one.outcome()).ok
    assert one.said[-1] == "second"


async def test_staying_takes_prompts_until_the_end_is_said(drive: Begin) -> None:
    one = drive([{"say": "first"}], stay=True)
    await one.seen(lambda d: any("result" in m and m["id"] == 2 for m in d.of("agent")))
    one.say(type="prompt", id="p2", text=json.dumps([{"stop": "max_tokens"}]))
    outcome = await one.outcome()
    assert outcome.cause is FailureClass.TURN_LIMIT


@pytest.mark.parametrize("how", ["end", "eof"])
async def test_no_more_input_ends_after_the_turn(drive: Begin, how: str) -> None:
    one = drive([{"say": "first"}], stay=True)
    if how == "end":
        one.say(type="end")
    else:
        one.end_input()
    assert (await one.outcome()).ok
    assert one.said == ["first"]


@pytest.mark.parametrize(
    ("step", "cause"),
    [
        ({"stop": "refusal"}, FailureClass.REFUSED),
        ({"stop": "max_turn_requests"}, FailureClass.TURN_LIMIT),
        ({"stop": "of a later protocol"}, FailureClass.AGENT),
        ({"fail": LOGIN}, FailureClass.AUTH),
        ({"fail": {"code": -32603, "message": "HTTP 429"}}, FailureClass.RATE_LIMIT),
        ({"fail": {"code": -32603, "message": "fetch failed"}}, FailureClass.NETWORK),
        ({"fail": {"code": 1, "message": "no idea"}}, FailureClass.AGENT),
        ({"die": 3}, FailureClass.CRASH),
    ],
)
async def test_a_turn_that_fails_names_its_cause(
    drive: Begin, step: dict[str, Any], cause: FailureClass
) -> None:
    assert (await drive([step]).outcome()).cause is cause


async def test_a_turn_that_failed_beside_the_protocol_has_failed(drive: Begin) -> None:
    """As codex-acp tells it: `end_turn`, after a system error."""
    meta = {"codex": {"threadStatus": {"type": "systemError"}}}
    update = {"sessionUpdate": "session_info_update", "_meta": meta}
    outcome = await drive([{"update": update}, {"say": "last status: 429"}]).outcome()
    assert outcome.cause is FailureClass.RATE_LIMIT


async def test_what_is_in_the_pipe_when_the_agent_ends_is_still_read(tmp_path: Path) -> None:
    """Its end may be noticed before its last words have arrived."""
    process = await asyncio.create_subprocess_exec(
        "true", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    late = process.stdout = asyncio.StreamReader()
    with (tmp_path / "log").open("wb") as file:
        agent = agent_process.AgentProcess(process, RawLog(file.fileno(), lambda: 0.0))
        await agent.gone
        asyncio.get_running_loop().call_later(0.05, late.feed_data, b"the end\n")
        assert await agent.read_line() == b"the end"
        assert await agent.read_line() is None


async def test_an_agent_that_dies_leaves_its_last_words(drive: Begin) -> None:
    one = drive([{"stderr": "Segmentation fault\n"}, {"die": 3}])
    outcome = await one.outcome()
    assert outcome.detail == "the agent ended with status 3: Segmentation fault"


async def test_the_end_of_an_agent_is_seen_though_a_child_holds_its_output(drive: Begin) -> None:
    one = drive([{"hold output": 600}, {"die": 3}])
    outcome = await one.outcome()
    assert outcome.cause is FailureClass.CRASH
    for child in psutil.Process().children(recursive=True):
        child.kill()
    for process in psutil.process_iter(["cmdline"]):
        if "import time; time.sleep(600)" in (process.info["cmdline"] or []):
            process.kill()


async def test_a_session_is_resumed_where_that_is_offered(drive: Begin) -> None:
    one = drive([], agent=fake_agent(offer=RESUMES), session="s-0")
    assert (await one.outcome()).ok
    assert one.sent("session/resume")[0]["sessionId"] == "s-0"
    assert one.sent("session/prompt")[0]["sessionId"] == "s-0"


async def test_the_history_of_a_loaded_session_is_marked(drive: Begin) -> None:
    """What the agent said long ago must not count as news."""
    one = drive([{"say": "new"}], agent=fake_agent(offer=LOADS), session="s-0")
    assert (await one.outcome()).ok
    marks = [
        found["msg"].get("state") or found["msg"]["params"]["update"]["content"]["text"]
        for found in one.messages
        if found["msg"].get("type") == "replay" or found["msg"].get("method") == "session/update"
    ]
    assert marks == ["begins", "an old answer", "ends", "new"]


async def test_an_agent_that_only_claims_to_resume_loads(drive: Begin) -> None:
    unknown = {"session/resume": {"code": -32601, "message": "Method not found"}}
    one = drive([], agent=fake_agent(offer=RESUMES, errors=unknown), session="s-0")
    assert (await one.outcome()).ok
    assert len(one.sent("session/load")) == 1


async def test_a_session_that_cannot_be_continued_is_not_replaced_by_a_new_one(
    drive: Begin,
) -> None:
    one = drive([], session="s-0")
    outcome = await one.outcome()
    assert outcome.cause is FailureClass.SETUP
    assert "cannot continue a session" in outcome.detail
    assert not one.sent("session/new")


async def test_a_login_that_needs_nobody_is_made_when_it_is_asked_for(drive: Begin) -> None:
    offer = {"authMethods": [{"id": "web", "name": "Web"}, {"id": "k", "name": "API key"}]}
    one = drive([], agent=fake_agent(offer=offer, errors={"session/new": LOGIN}))
    assert (await one.outcome()).ok
    assert one.sent("authenticate") == [{"methodId": "k"}]
    assert len(one.sent("session/new")) == 2


async def test_a_login_that_needs_a_person_is_named(drive: Begin) -> None:
    offer = {"authMethods": [{"id": "web", "name": "Web"}]}
    one = drive([], agent=fake_agent(offer=offer, errors={"session/new": LOGIN}))
    outcome = await one.outcome()
    assert outcome.cause is FailureClass.AUTH
    assert outcome.detail.endswith("On offer: Web")
    assert not one.sent("authenticate")


async def test_mode_and_model_are_set_before_the_first_prompt(drive: Begin) -> None:
    opened = {
        "modes": {"availableModes": [{"id": "plan"}]},
        "models": {"availableModels": [{"modelId": "big"}]},
    }
    one = drive([], agent=fake_agent(opened=opened), mode="plan", model="huge")
    assert (await one.outcome()).ok
    asked = [m["method"] for m in one.of("client") if "method" in m]
    assert asked[2:] == ["session/set_mode", "session/set_model", "session/prompt"]


async def test_a_mode_the_agent_does_not_have_ends_it_before_it_works(drive: Begin) -> None:
    """A read-only mode that silently is none would be the worst of all."""
    opened = {"modes": {"availableModes": [{"id": "plan"}]}}
    one = drive([], agent=fake_agent(opened=opened), mode="read")
    outcome = await one.outcome()
    assert outcome.cause is FailureClass.SETUP
    assert outcome.detail == "the agent has no mode 'read'; it lists plan"
    assert not one.sent("session/prompt")


async def test_a_model_of_an_agent_without_models_is_noted(drive: Begin) -> None:
    one = drive([], model="big")
    assert (await one.outcome()).ok
    assert one.notes == ["the agent offers no models: big was not set"]


async def test_mcp_servers_reach_the_agent_and_their_secrets_not_the_log(
    drive: Begin, tmp_path: Path
) -> None:
    file = tmp_path / "mcp.json"
    entry = {"command": "srv", "env": {"TOKEN": "s3cret"}}
    file.write_text(json.dumps({"mcpServers": {"a": entry}}))
    one = drive([], mcp_servers=file)
    assert (await one.outcome()).ok
    (given,) = one.sent("session/new")[0]["mcpServers"]
    assert given["name"] == "a"
    assert given["env"] == [{"name": "TOKEN", "value": "***"}]
    assert b"s3cret" not in one.log_file.read_bytes()


async def test_an_agent_that_answers_nothing_is_not_waited_for_for_ever(
    drive: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "START_S", 0.2)
    outcome = await drive([], agent=fake_agent(deaf=True)).outcome()
    assert outcome.cause is FailureClass.AGENT
    assert "did not answer initialize" in outcome.detail


async def test_another_protocol_is_not_guessed_at(drive: Begin) -> None:
    outcome = await drive([], agent=fake_agent(offer={"protocolVersion": 2})).outcome()
    assert outcome.cause is FailureClass.SETUP
    assert "version 2" in outcome.detail


@pytest.mark.parametrize(
    "change",
    [
        {"agent": ("no-such-agent-cli", "acp")},
        {"agent": ("/", "acp")},
        {"mcp_servers": Path("/no/such/file")},
        {"mcp_servers": Path("/dev/null")},
    ],
)
async def test_what_cannot_be_started_says_so(drive: Begin, change: dict[str, Any]) -> None:
    one = drive([], **change)
    outcome = await one.outcome()
    assert outcome.cause is FailureClass.SETUP
    assert outcome.detail


async def test_an_agent_that_stays_when_its_input_ends_is_ended(
    drive: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First by SIGTERM, then by SIGKILL; its good turn stays good."""
    quick = agent_process.Grace(0.1, 0.1)
    monkeypatch.setattr("agentdeck.engine.acp.bridge.AT_THE_END", quick)
    one = drive([{"say": "x"}], agent=fake_agent(stubborn=True, deathless=True))
    assert (await one.outcome()).ok
    assert [note.rpartition(": ")[2] for note in one.notes] == ["SIGTERM", "SIGKILL"]


async def test_files_are_read_and_written_in_the_worktree_only(drive: Begin) -> None:
    one = drive(
        [
            {"call": ["fs/write_text_file", {"path": "new/a.txt", "content": "one\ntwo\n"}]},
            {"call": ["fs/read_text_file", {"path": "new/a.txt", "line": 2, "limit": 1}]},
            {"call": ["fs/read_text_file", {"path": "none"}]},
            {"call": ["fs/read_text_file", {"path": "/etc/passwd"}]},
            {"call": ["fs/write_text_file", {"path": "../x", "content": ""}]},
            {"call": ["fs/read_text_file", {"path": "new"}]},
        ]
    )
    assert (await one.outcome()).ok
    wrote, read, missing, outside, above, folder = answers(one)
    assert (wrote, read) == ({}, {"content": "two\n"})
    assert (one.worktree / "new" / "a.txt").read_text() == "one\ntwo\n"
    assert (missing["code"], missing["message"]) == (-32002, "Resource not found: none")
    assert outside["message"] == "refused: '/etc/passwd' lies outside the worktree"
    assert (outside["code"], above["code"]) == (-32602, -32602)
    assert "regular file" in folder["message"]


async def test_an_agent_that_was_not_offered_files_is_answered_all_the_same(drive: Begin) -> None:
    """Some write through the client whatever the client said; opencode does."""
    one = drive([{"call": ["fs/write_text_file", {"path": "a", "content": "x"}]}], offer="none")
    assert (await one.outcome()).ok
    assert answers(one) == [{}]
    capabilities = one.sent("initialize")[0]["clientCapabilities"]
    assert capabilities == {
        "fs": {"readTextFile": False, "writeTextFile": False},
        "terminal": False,
    }


def alive() -> set[int]:
    """Our children that have not ended; other tests leave zombies behind."""
    return {
        child.pid
        for child in psutil.Process().children(recursive=True)
        if child.status() != psutil.STATUS_ZOMBIE
    }


async def test_commands_run_and_end_with_the_conversation(drive: Begin) -> None:
    sleeper = {"command": sys.executable, "args": ["-c", "import time; print(1); time.sleep(600)"]}
    before = alive()
    one = drive(
        [
            {"call": ["terminal/create", {"command": "sh", "args": ["-c", "echo hi; exit 3"]}]},
            {"call": ["terminal/wait_for_exit", {"terminalId": "terminal-1"}]},
            {"call": ["terminal/output", {"terminalId": "terminal-1"}]},
            {"call": ["terminal/release", {"terminalId": "terminal-1"}]},
            {"call": ["terminal/output", {"terminalId": "terminal-1"}]},
            {"call": ["terminal/create", {"command": "pwd", "cwd": "/"}]},
            {"call": ["terminal/create", sleeper]},
            {"call": ["terminal/output", {"terminalId": "terminal-2"}]},
            {"call": ["terminal/kill", {"terminalId": "terminal-2"}]},
            {"call": ["terminal/output", {"terminalId": "terminal-2"}]},
            {"call": ["terminal/create", sleeper]},
        ]
    )
    assert (await one.outcome()).ok
    found = answers(one)
    assert found[0] == {"terminalId": "terminal-1"}
    assert found[1] == {"exitCode": 3}
    assert found[2] == {"output": "hi\n", "truncated": False, "exitStatus": {"exitCode": 3}}
    assert found[3] == {}
    assert "no terminal" in found[4]["message"]
    assert "outside the worktree" in found[5]["message"]
    assert "exitStatus" not in found[7]
    assert found[9]["exitStatus"]["signal"] == "SIGTERM"
    assert found[10] == {"terminalId": "terminal-3"}
    assert not alive() - before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_cancels_and_ends(drive: Begin, number: signal.Signals) -> None:
    one = drive([{"ask": ONCE}])
    await one.asked()
    one.say(type="prompt", id="p2", text="later")
    await one.seen(lambda d: d.notes)
    os.kill(os.getpid(), number)
    outcome = await one.outcome()
    assert outcome.cause is FailureClass.STOPPED
    assert one.sent("session/cancel") == [{"sessionId": "s-1"}]
    assert "was not sent" in one.notes[-1]


async def test_a_signal_does_not_wait_for_an_agent_that_will_not_stop(
    drive: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in its turn nor at its end."""
    monkeypatch.setattr(conversation, "STOP_S", 0.2)
    agent = fake_agent(stubborn=True, deathless=True)
    one = drive([{"say": "x"}, {"hang": 1}], agent=agent)
    await one.seen(lambda d: d.said)
    os.kill(os.getpid(), signal.SIGTERM)
    outcome = await one.outcome()
    assert outcome.cause is FailureClass.STOPPED
    assert "SIGKILL" in one.notes[-1]


async def test_a_second_signal_ends_at_once(drive: Begin) -> None:
    one = drive([{"say": "x"}, {"hang": 1}])
    await one.seen(lambda d: d.said)
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)
    outcome = await one.outcome()
    assert outcome.detail == "stopped; the agent was not waited for"
