"""`agentdeck bridge` and `agentdeck metrics`: as a dashboard and a shell use them."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agentdeck.control.runs import fold_run, newest_run
from agentdeck.testing.settling import settle

Deck = Callable[..., Any]


def fetch(address: str, token: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(
        address + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def test_a_dashboard_looks_at_a_run_and_acts_on_it(deck: Deck, repo: Path, tmp_path: Path) -> None:
    """From the printed lines alone; Ctrl-C ends the bridge in good order, and not the run."""
    assert deck("run", "waits.toml", "--no-attach").code == 0
    words = [sys.executable, "-m", "agentdeck", "-C", str(repo), "bridge"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as bridge:
        assert bridge.stdout is not None
        address, token = bridge.stdout.readline().strip(), bridge.stdout.readline().strip()
        assert fetch(address, token, "/status")["tasks"] == 2
        call = {"id": 1, "method": "command", "params": {"command": {"do": "hold", "task": "B"}}}
        assert fetch(address, token, "/rpc", call)["result"]["seq"] > 1
        assert fold_run(newest_run(repo)).tasks["B"].held  # type: ignore[index]
        (tmp_path / "go").touch()
        after, kinds = 0, list[str]()
        while "entry.landed" not in kinds:
            found = fetch(address, token, f"/events?after={after}&wait_s=20")["events"]
            kinds += [recorded["event"]["kind"] for recorded in found]
            after = found[-1]["seq"] if found else after
        bridge.send_signal(signal.SIGINT)
        out, err = bridge.communicate(timeout=30)
    assert (bridge.returncode, out) == (0, "")
    assert "the bridge has ended" in err
    assert "Traceback" not in err


def test_a_token_in_a_file_is_not_printed(deck: Deck, repo: Path, tmp_path: Path) -> None:
    assert deck("run", "quick.toml", "--headless").code == 0
    file = tmp_path / "token"
    words = [
        sys.executable,
        "-m",
        "agentdeck",
        "-C",
        str(repo),
        "bridge",
        "--token-file",
        str(file),
    ]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as bridge:
        assert bridge.stdout is not None
        address = bridge.stdout.readline().strip()
        assert fetch(address, file.read_text().strip(), "/status")["state"] == "complete"
        bridge.terminate()
        out, _ = bridge.communicate(timeout=30)
    assert out == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--open-metrics", "--host", "0.0.0.0"), "for this machine alone"),
        (("--origin", "localhost:3000"), "is no origin"),
        (("--host", "no such host"), "is no address"),
    ],
)
def test_what_makes_no_sense_is_refused(deck: Deck, words: tuple[str, ...], said: str) -> None:
    assert deck("run", "quick.toml", "--headless").code == 0
    found = deck("bridge", *words)
    assert (found.code, said in found.err) == (2, True)


def test_where_it_cannot_listen_is_said_once(deck: Deck) -> None:
    """The port is taken, or the address is another machine's."""
    assert deck("run", "quick.toml", "--headless").code == 0
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = deck("bridge", "--port", str(port))
    assert found.code == 5
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use\n" in found.err
    assert "without --port" in found.err
    found = deck("bridge", "--host", "192.0.2.1")  # an address for documentation: nobody has it
    assert found.code == 5
    assert "cannot listen on 192.0.2.1: " in found.err
    assert "no such address" in found.err


def test_metrics_are_printed_once(deck: Deck, repo: Path) -> None:
    """Of a run that has ended as well; the numbers are those of its status."""
    assert deck("run", "quick.toml", "--headless").code == 0
    settle(lambda: not json.loads(deck("runs", "--json").out)["runs"][0]["engine"], "its end")
    said = deck("metrics")
    assert (said.code, said.err) == (0, "")
    found = {f.name: f.samples for f in text_string_to_metric_families(said.out)}
    states = {one.labels["state"]: one.value for one in found["agentdeck_tasks"]}
    assert states["landed"] == 2
    assert sum(states.values()) == 2
    assert [one.value for one in found["agentdeck_landings"]] == [2]
    assert [one.value for one in found["agentdeck_engine_up"]] == [0]
    assert {one.labels["run"] for one in found["agentdeck_attempts"]} == {newest_run(repo).run}
    assert deck("metrics", "no-such-run").code == 3


def test_a_run_is_shown_as_spans(deck: Deck) -> None:
    """For a person as a table, for a collector as OTLP; who has no receiver is told so."""
    assert deck("run", "quick.toml", "--headless").code == 0
    shown = deck("traces")
    assert shown.code == 0
    rows = [line.split()[:2] for line in shown.out.splitlines()[1:]]
    assert rows[0] == ["run", "quick"]
    assert ["attempt", "A#1"] in rows
    assert ["landing", "B"] in rows
    assert all(line.rstrip().endswith("ok") for line in shown.out.splitlines()[1:])
    document = json.loads(deck("traces", "--json").out)
    spans = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert len(spans) == len(rows)
    assert len({span["traceId"] for span in spans}) == 1
    assert deck("traces", "--json", "--send").code == 2
    assert deck("traces", "--endpoint", "nowhere").code == 2
