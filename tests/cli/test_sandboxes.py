"""What the command line says of sandboxes: the doctor, a refused run, and why a task stands so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Deck

from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.engine import landlock, sandbox

PLAN = """
version = 1
[plan]
name = "boxed"
[defaults]
agent = "sh"
sandbox = "bwrap"
network = false
[agents.sh]
command = ["sh", "-c", "echo a > a.txt"]
[[task]]
id = "A"
prompt = "x"
"""


def rows_of(out: str) -> dict[str, dict[str, str]]:
    return {row["what"]: row for row in json.loads(out)["checks"]}


def test_a_sandbox_that_is_not_there_fails_a_plan_that_wants_it(
    deck: Deck, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For itself it is no fault; for that plan the doctor fails, and a run is refused."""
    monkeypatch.setattr(sandbox, "BWRAP", "no-bwrap")
    monkeypatch.setattr(landlock, "abi", lambda: 3)
    monkeypatch.setattr(sandbox, "_entered", set())
    monkeypatch.setattr(sandbox, "_tried", lambda _argv: "")
    (repo / "p.toml").write_text(PLAN)
    rows = rows_of(deck("doctor", "--json").out)
    assert rows["sandbox bwrap"]["state"] == "ok"
    assert "not installed" in rows["sandbox bwrap"]["found"]
    assert "not with network = false" in rows["sandbox landlock"]["found"]
    said = deck("doctor", "p.toml", "--json")
    assert said.code == 5
    assert rows_of(said.out)["sandbox bwrap"]["state"] == "fail"
    refused = deck("run", "p.toml", "--headless")
    assert refused.code == 5
    assert 'agent sh wants sandbox = "bwrap" and network = false' in refused.err
    assert json.loads(deck("runs", "--json").out) == {"runs": []}


def test_a_run_in_a_sandbox_says_so(deck: Deck, repo: Path) -> None:
    """`run --headless` tells it as it begins, `why` tells it for good."""
    if fault := sandbox.fault_of(Sandbox.BWRAP, network=False):
        pytest.skip(fault)
    (repo / "p.toml").write_text(PLAN)
    done = deck("run", "p.toml", "--headless")
    assert done.code == 0, done.err
    assert "sandboxed by bwrap, network off" in done.out
    assert "attempt 1: sandboxed by bwrap, network off" in deck("why", "A").out
    assert json.loads(deck("why", "A", "--json").out)["contained"].startswith("sandboxed by bwrap")
