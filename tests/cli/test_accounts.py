"""`agentdeck accounts`: a login that fails stops a run once, and a person lets it go on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentdeck.control.runs import fold_run, list_runs
from agentdeck.core.events import AccountLimited, Outcome
from agentdeck.engine.folders import find_run
from agentdeck.engine.journal import Journal

PATIENCE_S = 60.0
Deck = Callable[..., Any]
# Nobody is logged in until the file GO is there.
HOSTED = r"""
version = 1
[plan]
name = "hosted"
agents = 3
[agents.hosted]
output = "scripted"
account = "acme"
command = ["sh", "-c", '''
if [ -e GO ]; then echo done > "$1.txt"; echo '{"type":"result","ok":true}'; exit 0; fi
echo '{"type":"result","ok":false,"cause":"auth","detail":"HTTP 401: log in"}'
exit 1
''', "sh", "{task}"]
[defaults]
agent = "hosted"
retries = 0
""" + "".join(f'[[task]]\nid = "{name}"\ntitle = "{name}"\n' for name in "ABC")


@pytest.fixture
def closed(deck: Deck, repo: Path, tmp_path: Path) -> str:
    """A run whose three agents could not log in; its id."""
    (repo / "hosted.toml").write_text(HOSTED.replace("GO", str(tmp_path / "login")))
    said = deck("run", "hosted.toml", "--headless")
    assert said.code == 6, said.err
    [run] = list_runs()
    assert "acme lets nobody in: HTTP 401: log in" in said.out
    assert f"`agentdeck accounts resume acme --run {run.id}` goes on" in said.out
    return run.id


def test_a_failed_login_is_told_once_and_costs_no_task_anything(deck: Deck, closed: str) -> None:
    folder = find_run(closed)
    events = [recorded.event for recorded in Journal(folder.journal).read()]
    assert sum(isinstance(event, AccountLimited) for event in events) == 1
    state = fold_run(folder)
    assert {str(task.state) for task in state.tasks.values()} == {"ready"}
    shown = deck("accounts")
    assert shown.code == 0
    heads, row = shown.out.splitlines()[:2]
    assert heads.split()[:4] == ["ACCOUNT", "STANDS", "AT", "WORK"]
    assert row.split()[:3] == ["acme", "closed", "0"]
    [found] = json.loads(deck("accounts", "--json").out)["accounts"]
    assert (found["name"], found["stands"], found["cause"]) == ("acme", "closed", "auth")
    status = json.loads(deck("status", "--json").out)
    assert status["accounts"] == [found]
    assert status["asks"] == [found["sentence"]]
    assert "A waits: acme lets nobody in" in deck("why", "A").out


def test_the_run_goes_on_when_a_person_resumes_the_account(
    deck: Deck, closed: str, tmp_path: Path
) -> None:
    """An engine is started for it."""
    (tmp_path / "login").touch()
    assert deck("accounts", "resume", "acne").code == 4, "there is none"
    assert deck("accounts", "resume", "acme").code == 0
    deadline = time.monotonic() + PATIENCE_S
    while fold_run(find_run(closed)).outcome is None and time.monotonic() < deadline:
        time.sleep(0.05)
    state = fold_run(find_run(closed))
    assert state.outcome is Outcome.COMPLETE
    assert "open" in deck("accounts").out


def test_a_plan_of_agents_without_accounts_has_none(deck: Deck) -> None:
    assert deck("run", "quick.toml", "--headless").code == 0
    assert deck("accounts").out == "the agents of this run meet nobody's limits\n"
    assert json.loads(deck("accounts", "--json").out)["accounts"] == []
