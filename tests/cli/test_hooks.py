"""`agentdeck hooks`: how far each hook is; what an engine has not told is told by a person."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import QUICK
from tests.engine.receiver import SECRET, VARIABLE, Received, receiving

from agentdeck.control.runs import fold_run, list_runs
from agentdeck.core.hooks import is_waiting
from agentdeck.engine.folders import find_run

Deck = Callable[..., Any]
HOOKS = """\
[hooks]
"run.started" = ["true"]
"task.landed" = ["sh", "-c", "echo no; exit 3"]
[webhooks.ci]
url = "{url}"
secret_env = "CI_HOOK_SECRET"
events = ["task.*", "gate.*", "entry.landed", "run.finished"]
"""


@pytest.fixture
def received() -> Received:
    """A receiver that is down, and has its port."""
    with receiving() as found:
        pass
    return found


@pytest.fixture
def ended(
    deck: Deck, repo: Path, received: Received, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, Any]:
    """A run that has ended while nobody listened, and what it said."""
    monkeypatch.setenv(VARIABLE, SECRET)
    monkeypatch.setattr("agentdeck.control.host.HOOKS_S", 0.5)
    (repo / "hooked.toml").write_text(QUICK + HOOKS.format(url=received.url))
    said = deck("run", "hooked.toml", "--headless")
    assert said.code == 0, said.err
    [run] = list_runs()
    return run.id, said


def test_what_is_left_is_told_by_a_person(
    deck: Deck, ended: tuple[str, Any], received: Received
) -> None:
    run, said = ended
    assert "did not take event" in said.out
    assert "hook ci fails" in said.out
    failing = deck("hooks", "deliver", run)
    assert failing.code == 1
    assert "not all was told: ci" in failing.err
    given_up = "hook task.landed was given up on 2 events: sh exited with 3: no"
    assert given_up in deck("status").out
    assert "hook ci fails" in deck("doctor", run).out
    shown = deck("hooks", run)
    assert shown.code == 0
    rows = {line.split()[0]: line.split() for line in shown.out.splitlines()}
    assert rows["run.started"][1:4] == ["command", "run.started", "0"]
    assert rows["ci"][1:7] == ["webhook", "task.*", "gate.*", "and", "2", "more"]
    assert f"`agentdeck hooks deliver {run}`" in shown.err
    before = {one["name"]: one for one in json.loads(deck("hooks", "--json").out)["hooks"]}
    assert before["ci"]["pending"] > 5
    assert before["ci"]["tries"] > 0
    assert before["ci"]["trouble"]["why"].startswith("127.0.0.1: ")
    assert before["ci"]["next_try"] is not None
    assert before["task.landed"]["given_up"] == 2
    assert "hook ci fails" in deck("status").out
    assert json.loads(deck("status", "--json").out)["hooks"][-1].startswith("hook ci fails")
    with receiving(received):
        told = deck("hooks", "deliver")
    assert told.code == 0
    assert told.out.splitlines()[-1] == "nothing is left to tell"
    assert [one["event"] for one in received.told][-1] == "run.finished"
    assert len(received.told) == before["ci"]["pending"]
    assert not any(map(is_waiting, fold_run(find_run(run)).hooks.values()))
    assert "hook ci" not in deck("status").out
    assert deck("hooks", "deliver", run).out == "nothing is left to tell\n"


def test_that_a_run_has_ended_is_told_before_its_engine_ends(
    deck: Deck, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, SECRET)
    with receiving() as received:
        (repo / "hooked.toml").write_text(QUICK + HOOKS.format(url=received.url))
        said = deck("run", "hooked.toml", "--headless")
        assert said.code == 0, said.err
        assert received.told[-1]["event"] == "run.finished"
    assert [one["pending"] for one in json.loads(deck("hooks", "--json").out)["hooks"]] == [0, 0, 0]


def test_where_an_engine_runs_it_tells_them(deck: Deck, repo: Path, tmp_path: Path) -> None:
    deck("run", "waits.toml", "--no-attach")
    said = deck("hooks", "deliver")
    assert said.code == 4
    assert "has an engine, and that tells its hooks" in said.err
    assert deck("hooks").out == "the plan of this run has no hooks\n"
    (tmp_path / "go").touch()


def test_a_secret_that_is_missing_is_said_before_anything_is_sent(
    deck: Deck, repo: Path, received: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("agentdeck.control.host.HOOKS_S", 0.0)
    (repo / "hooked.toml").write_text(QUICK + HOOKS.format(url=received.url))
    checked = deck("check", "hooked.toml")
    assert "the variable CI_HOOK_SECRET is not set here" in checked.out
    assert "CI_HOOK_SECRET is not set" in deck("doctor", "hooked.toml").out
    said = deck("run", "hooked.toml", "--headless")
    assert "hook ci: the variable CI_HOOK_SECRET is not set, so nothing is sent" in said.err
    [run] = list_runs()
    trouble = fold_run(find_run(run.id)).hooks["ci"].trouble
    assert trouble is not None
    assert trouble.why == "the variable CI_HOOK_SECRET is not set: nothing was sent"
    assert not received.paths


def test_hooks_are_fixed_while_a_run_goes_on(deck: Deck, repo: Path, tmp_path: Path) -> None:
    deck("run", "waits.toml", "--no-attach")
    waits = (repo / "waits.toml").read_text()
    (repo / "waits.toml").write_text(waits + '[hooks]\n"task.*" = ["true"]\n')
    said = deck("replan", "waits.toml")
    assert said.code == 4
    assert "[hooks] is fixed while the run goes on" in said.err
    (tmp_path / "go").touch()
