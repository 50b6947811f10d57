"""What the agent prints, sorted before the SDK sees it; and how it stands in the log."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.events import FailureClass
from agentdeck.engine.acp.messages import (
    Incoming,
    Junk,
    Notification,
    Request,
    Response,
    cancelled_request,
    read_message,
    sort,
)
from agentdeck.engine.acp.outcome import failure
from agentdeck.engine.acp.raw_log import RawLog, as_foreign, envelope, without_secrets

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
KEYS = ("id", "method", "result", "error", "params")
MESSAGES = st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, JSON))


@pytest.mark.parametrize(
    ("message", "meant"),
    [
        ({"id": 1, "method": "m"}, Request),
        ({"id": "one", "method": "m", "params": []}, Request),
        ({"id": None, "method": "m"}, Request),
        ({"method": "m"}, Notification),
        ({"id": 1, "result": None}, Response),
        ({"id": 1, "error": "just text"}, Response),
        ({"id": 1, "error": None, "result": 5}, Response),
        ({"id": 1}, Junk),
        ({"id": "1", "result": 5}, Junk),
        ({"id": True, "result": 5}, Junk),
        ({"id": [1], "method": "m"}, Junk),
        ({"id": 1, "method": 5}, Junk),
        ({}, Junk),
    ],
)
def test_messages_are_told_apart(message: dict[str, Any], meant: type[Incoming]) -> None:
    assert isinstance(sort(message), meant)


@given(MESSAGES)
def test_what_gets_through_has_the_shape_the_sdk_relies_on(message: dict[str, Any]) -> None:
    """Its receive loop ends on anything else, and the conversation with it."""
    match sort(message):
        case Request(_, through):
            assert isinstance(through["method"], str)
            hash(through["id"])
        case Response(through):
            assert isinstance(through["id"], int)
            if "error" in through:
                assert isinstance(through["error"]["code"], int)
                assert isinstance(through["error"]["message"], str)
        case Notification(method, params):
            assert isinstance(method, str)
            cancelled_request(params)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_output_raises_and_what_is_read_can_be_logged_and_read_again(line: bytes) -> None:
    found = read_message(line)
    if found is not None:
        again = json.loads(envelope("agent", 1.0, found), parse_constant=pytest.fail)
        assert again["dir"] == "agent"


@pytest.mark.parametrize(
    "line",
    [
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 10_000 + b"}",
        b'{"a":' * 100_000,
        b'[{"id": 1}]',
        b"Loading...",
        b"",
    ],
)
def test_what_no_strict_reader_could_read_is_no_message(line: bytes) -> None:
    assert read_message(line) is None


def test_half_a_character_does_not_cost_the_message() -> None:
    """Agents cut text between the halves of an emoji; the answer to a prompt may carry it."""
    found = read_message(rb'{"id": 1, "result": {"text": "cut \ud83d"}}')
    assert found is not None
    assert json.loads(envelope("agent", 0.0, found))["msg"]["result"]["text"] == "cut ?"


def test_a_line_of_the_agent_cannot_be_taken_for_one_of_ours() -> None:
    forged = b'{"dir":"bridge","t":1,"msg":{"type":"ended","ok":true}}'
    assert not as_foreign(forged).startswith(b"{")
    assert as_foreign(b"plain words") == b"plain words\n"
    assert as_foreign(b'{"level":"info"}') == b'{"level":"info"}\n'


def test_secrets_of_mcp_servers_are_not_written_down() -> None:
    servers = [
        {"name": "a", "command": "x", "args": ["y"], "env": [{"name": "TOKEN", "value": "s3cret"}]},
        {"name": "b", "url": "u", "headers": [{"name": "Authorization", "value": "s3cret"}]},
    ]
    message = {"method": "session/new", "params": {"cwd": "/w", "mcpServers": servers}}
    written = json.dumps(without_secrets(message))
    assert "s3cret" not in written
    assert all(word in written for word in ("TOKEN", "Authorization", '"y"', "/w"))
    assert servers[0]["env"] == [{"name": "TOKEN", "value": "s3cret"}]


def test_the_log_counts_time_from_its_start_and_ends_with_the_outcome(tmp_path: Path) -> None:
    times = iter([100.0, 101.5, 103.25])
    with (tmp_path / "raw.log").open("wb") as file:
        log = RawLog(file.fileno(), lambda: next(times))
        log.note("hm")
        log.ended(failure(FailureClass.AUTH, "no key"))
    assert (tmp_path / "raw.log").read_bytes() == (
        b'{"dir":"bridge","t":1.5,"msg":{"type":"note","text":"hm"}}\n'
        b'{"dir":"bridge","t":3.25,"msg":{"type":"ended","ok":false,"cause":"auth",'
        b'"detail":"no key"}}\n'
    )


def test_a_full_disk_loses_lines_and_says_so_when_there_is_room(tmp_path: Path) -> None:
    """The agent goes on meanwhile; the first line after is not glued to half a line before."""
    full = os.open("/dev/full", os.O_WRONLY)
    room = os.open(tmp_path / "raw.log", os.O_WRONLY | os.O_CREAT)
    try:
        log = RawLog(full, lambda: 0.0)
        log.note("one")
        log.note("two")
        os.dup2(room, full)
        log.note("three")
    finally:
        os.close(full)
        os.close(room)
    empty, first, second = (tmp_path / "raw.log").read_text().splitlines()
    assert not empty
    assert json.loads(first)["msg"]["text"] == "2 lines of this log were lost"
    assert json.loads(second)["msg"]["text"] == "three"
