"""`agentdeck budget`: a headless run that asks, what is shown of it, and how it goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentdeck.control.runs import fold_run, list_runs
from agentdeck.core.events import Outcome
from agentdeck.engine.folders import find_run

PATIENCE_S = 60.0
Deck = Callable[..., Any]
# Costs more than a dollar with its first word, and has two seconds of work left then.
DEAR = r"""
version = 1
[plan]
name = "dear"
[budget]
usd = 1
[[phase]]
id = "p"
budget = { tokens = "2K", on_exceed = "drain" }
[agents.dear]
output = "scripted"
command = ["sh", "-c", '''
echo '{"type":"start","model":"nobody-knows"}'
echo '{"type":"usage","in":900,"out":100,"usd":1.25}'
i=0; while [ $i -lt 20 ]; do sleep 0.1; i=$((i+1)); done
echo done > "$1.txt"
echo '{"type":"result","ok":true}'
''', "sh", "{task}"]
[defaults]
agent = "dear"
[[task]]
id = "A"
title = "First"
phase = "p"
"""


@pytest.fixture
def asked(deck: Deck, repo: Path) -> str:
    """A run that has stopped at its budget; its id."""
    (repo / "dear.toml").write_text(DEAR)
    said = deck("run", "dear.toml", "--headless")
    assert said.code == 6, said.err
    [run] = list_runs()
    assert "50% of the budget of $1" not in said.out, "only the highest mark passed is told"
    assert "50% of the budget of phase p, 2,000 tokens, is used" in said.out
    assert "the budget of $1 is used up ($1.25): agents stand still until it is raised" in said.out
    assert f"`agentdeck budget raise run --usd N --run {run.id}` goes on" in said.out
    return run.id


def data(deck: Deck, *words: str) -> Any:
    said = deck(*words)
    assert said.code == 0, said.err
    return json.loads(said.out)


def test_a_run_that_asks_is_shown_and_goes_on_when_raised(deck: Deck, asked: str) -> None:
    """Exit 6; every budget with its figures; a raise starts an engine, and the work lands."""
    shown = deck("budget")
    assert shown.code == 0
    rows = [line.split() for line in shown.out.splitlines()]
    assert rows[1] == ["run", "$1", "$1.25", "$0.00", "$0.00", "used", "up", "(ask)"]
    assert rows[2] == ["phase:p", "2,000", "tokens", "1,000", "0", "1,000"]
    found = data(deck, "budget", "--json")
    assert found["asks"] == ["the budget of $1 is used up ($1.25)"]
    run, phase = found["budgets"]
    assert (run["scope"], run["used_up"], run["asks"], run["at_work"]) == ("run", True, True, 1)
    assert run["usd"] == {"limit": 1.0, "used": 1.25, "reserved": 0.0, "left": 0.0}
    assert (phase["scope"], phase["asks"], phase["on_exceed"]) == ("phase:p", False, "drain")
    status = data(deck, "status", "--json")
    assert status["asks"] == found["asks"]
    assert status["budgets"] == found["budgets"]
    assert deck("status").out.count("the budget of $1 is used up") == 2, "once, and for A"

    raised = deck("budget", "raise", "run", "--usd", "+2")
    assert (raised.code, raised.out.splitlines()[1].split()[:2]) == (0, ["run", "$3"])
    assert f"`agentdeck attach {asked}`" in raised.err
    deadline = time.monotonic() + PATIENCE_S
    while fold_run(find_run(asked)).outcome is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert fold_run(find_run(asked)).outcome is Outcome.COMPLETE


def test_what_cannot_be_set_is_refused_with_a_reason(deck: Deck, asked: str) -> None:
    for words, code, reason in (
        (("set", "phase:q", "--usd", "3"), 4, "there is no 'phase:q' to have a budget"),
        (("set", "run"), 2, "nothing is said of the limit"),
        (("set", "run", "--usd", "2M"), 2, "is something else"),
        (("set", "run", "--usd", "+2"), 2, "says how much more"),
        (("raise", "run", "--usd", "none"), 2, "a limit is taken away by `budget set`"),
        (("raise", "phase:p", "--usd", "1"), 4, "phase p has no limit in money"),
        (("set", "run", "--usd", "much"), 2, "'much' is no amount"),
    ):
        said = deck("budget", *words)
        assert said.code == code, (words, said)
        assert reason in said.err
    assert fold_run(find_run(asked)).budgets == {}
