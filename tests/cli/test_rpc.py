"""`agentdeck rpc`, and a client that knows nothing of agentdeck."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

import agentdeck
from agentdeck.control.runs import newest_run
from agentdeck.control.start import ensure_engine
from agentdeck.testing.settling import settle

Deck = Callable[..., Any]
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def test_a_client_without_our_package_follows_a_run_to_its_end(
    deck: Deck, repo: Path, tmp_path: Path
) -> None:
    """It finds the socket by its verb, tells how tasks stand, and each event in order."""
    assert deck("run", "waits.toml", "--no-attach").code == 0
    path = deck("rpc", "socket").out.strip()
    words = [sys.executable, "-I", "-S", str(EXAMPLES / "plain_socket.py"), path]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        assert "0 of 2 landed" in client.stdout.readline()
        (tmp_path / "go").touch()
        out = client.stdout.read()
    lines = out.splitlines()
    assert any("B: " in line and "waits for A" in line for line in lines)
    told = [line.split(maxsplit=1) for line in lines if line[0].isdigit()]
    assert [int(number) for number, _ in told] == list(range(1, len(told) + 1))
    assert told[-1][1].strip() == "run.finished"
    assert [what for _, what in told if what.startswith("entry.landed")] == [
        "entry.landed A",
        "entry.landed B",
    ]


ASKS = """
version = 1
[plan]
name = "asks"
[defaults]
agent = "scripted"
[[task]]
id = "A"
title = "Ask"
prompt = '''
! ask Which port?
! write a.txt
'''
[[task]]
id = "B"
title = "Fail"
prompt = "! fail 3 no such port"
retries = 0
after = "A"
"""


def test_the_example_of_the_python_client_answers_and_says_what_waits(
    deck: Deck, repo: Path
) -> None:
    """It ends with the status of a headless run that needs a person."""
    (repo / "asks.toml").write_text(ASKS)
    assert deck("run", "asks.toml", "--no-attach").code == 0
    run = json.loads(deck("status", "--json").out)["run"]["id"]
    words = [sys.executable, str(EXAMPLES / "watch.py"), run]
    said = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert (said.returncode, said.stderr) == (6, "")
    lines = said.stdout.splitlines()
    assert lines[0].endswith("0 of 2 landed")
    assert lines[1].startswith("A asks: Which port?")
    assert lines[2].startswith("A has landed")
    assert lines[3].startswith("B needs you")
    assert lines[4] == "for you: agentdeck retry B"
    cursor = lines[2].split("[")[1].rstrip("]")
    again = subprocess.run([*words, cursor], capture_output=True, text=True, check=False)
    assert again.stdout.splitlines()[1:] == lines[3:]
    nobody = [sys.executable, str(EXAMPLES / "watch.py"), "no-such-run"]
    lost = subprocess.run(nobody, capture_output=True, text=True, check=False)
    assert (lost.returncode, "`agentdeck runs` lists them" in lost.stderr) == (1, True)


def test_a_client_goes_on_over_a_killed_engine(deck: Deck, repo: Path, tmp_path: Path) -> None:
    """Every event once and in order, from two engines, without a word of the program's own."""
    assert deck("run", "waits.toml", "--no-attach").code == 0
    found: list[agentdeck.Event] = []

    def follow() -> None:
        with agentdeck.Client.of(repo) as client:
            found.extend(client.events())

    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(follow)
        with agentdeck.Client.of(repo) as client:
            settle(lambda: client.task("A").state == "working", "an agent at work")
            engine = json.loads(deck("rpc", "call", "hello").out)["pid"]
            os.kill(engine, signal.SIGKILL)
            settle(lambda: not is_there(engine), "its end")
            assert client.status().state == "crashed"
            ensure_engine(newest_run(repo))
            assert client.hold("B") > 1
            assert client.release("B") > 1
        (tmp_path / "go").touch()
        following.result(timeout=120)
    assert [event.seq for event in found] == list(range(1, len(found) + 1))
    kinds = [event.kind for event in found]
    assert kinds.count("engine.started") == 2
    assert "run.finished" in kinds


def is_there(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_any_method_can_be_called_from_the_shell(deck: Deck) -> None:
    """Its result is JSON; what is wrong is one error with the status of its kind."""
    assert deck("run", "waits.toml", "--no-attach").code == 0
    hello = json.loads(deck("rpc", "call", "hello").out)
    assert hello["protocol"] == 1
    assert deck("rpc", "socket", hello["run"]).out.strip().endswith("control.sock")
    found = json.loads(deck("rpc", "call", "events.since", '{"limit": 1}').out)
    assert found["events"][0]["event"]["kind"] == "run.started"
    paused = deck("rpc", "call", "command", '{"command": {"do": "pause"}}')
    assert json.loads(paused.out)["seq"] > 1
    again = deck("rpc", "call", "command", '{"command": {"do": "pause"}}')
    assert (again.code, "paused already" in again.err) == (4, True)
    assert deck("rpc", "call", "explain", '{"task": "NO"}').code == 3
    wrong = deck("rpc", "call", "no.such")
    assert (wrong.code, "known: hello, status" in wrong.err) == (1, True)
    assert deck("rpc", "call", "status", "{").code == 2
    assert deck("rpc", "call", "status", "[1]").code == 2


def test_without_an_engine_the_socket_is_named_and_the_call_says_what_to_do(
    deck: Deck,
) -> None:
    assert deck("run", "quick.toml", "--headless").code == 0
    path = deck("rpc", "socket").out.strip()
    assert path.endswith("control.sock")
    assert len(path) <= 108 - 1 or not hasattr(socket, "SO_PEERCRED")
    gone = deck("rpc", "call", "status")
    assert gone.code == 5
    assert "agentdeck attach" in gone.err


def test_the_schema_is_printed_for_programs(deck: Deck) -> None:
    said = deck("rpc", "schema")
    assert said.code == 0
    document = json.loads(said.out)
    assert document["openrpc"].startswith("1.")
    assert "gate.finished" in document["x-events"]
