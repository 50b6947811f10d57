"""`pools`, and `limit --pool`: how places are used, and setting them while a run goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Deck = Callable[..., Any]  # the fixture: words to code, out and err

FAILS = """version = 1
[plan]
name = "fails"
agents = 1
[agents.broken]
command = ["sh", "-c", "exit 3"]
skills = ["css"]
[pools.build]
size = 1
max = 4
labels = ["heavy"]
[defaults]
agent = "broken"
retries = 3
backoff = 0
[[task]]
id = "A"
title = "First"
prompt = "do it"
labels = ["heavy"]
skills = ["css"]
"""


def test_a_run_tells_how_its_pools_and_agents_do(deck: Deck, repo: Path) -> None:
    """An agent that fails at each start is named with what to do; programs get all of it."""
    (repo / "fails.toml").write_text(FAILS)
    deck("run", "fails.toml", "--headless")
    lines = {line["name"]: line for line in json.loads(deck("pools", "--json").out)["lines"]}
    assert list(lines) == ["fails", "build", "broken"]
    build, broken = lines["build"], lines["broken"]
    assert (build["places"], build["most"], build["success"]) == (1, 4, 0.0)
    assert broken["health"]["causes"] == {"crash": 4}
    assert broken["skills"] == ["css"]
    assert 0 < build["used"] <= 1
    said = deck("pools")
    assert "agent broken is unhealthy: its last 4 attempts failed (crash)" in said.err
    assert "agentdeck agents test broken" in said.err
    assert "crash 4" in said.out
    assert "0% of 4" in said.out


def test_a_pool_is_limited_while_the_run_goes_on(deck: Deck, repo: Path) -> None:
    """0 takes it back; a pool that the plan lacks is refused with those that it has."""
    plan = FAILS.replace('"exit 3"', f'"until [ -e {repo.parent}/go ]; do sleep 0.05; done"')
    (repo / "waits.toml").write_text(plan.replace('name = "fails"', 'name = "waits"'))
    deck("run", "waits.toml", "--no-attach")
    said = deck("limit", "--pool", "build", "3")
    assert (said.code, "pool build: at most 3 at once" in said.out) == (0, True), said.err
    lines = {line["name"]: line for line in json.loads(deck("pools", "--json").out)["lines"]}
    assert lines["build"]["most"] == 3
    assert "as the plan says" in deck("limit", "--pool", "build", "0").out
    said = deck("limit", "--pool", "biuld", "3")
    assert said.code != 0
    assert "the plan has no pool biuld" in said.err
    assert "it has build" in said.err
