"""`kill -9` of the engine while a receiver is down: it hears of each event once, and in order."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.engine.receiver import SECRET, VARIABLE, Received, receiving

from agentdeck.control.creating import create_run
from agentdeck.control.hook_report import hook_lines, hook_told
from agentdeck.control.runs import fold_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.control.start import ensure_engine
from agentdeck.core import events as e
from agentdeck.core.errors import DeckError
from agentdeck.core.event_names import wants
from agentdeck.core.events import Outcome
from agentdeck.core.hooks import is_waiting
from agentdeck.engine.folders import RunFolder
from agentdeck.plans.reader import read_plan
from agentdeck.testing.crash import is_gone, kill_engine, told_in
from agentdeck.testing.settling import settle

PLAN = """\
version = 1
[plan]
name = "hooked"
[agents.sh]
command = ["sh", "-c", "echo {{task}} > {{task}}.txt"]
[defaults]
agent = "sh"
[webhooks.ci]
url = "{url}"
secret_env = "CI_HOOK_SECRET"
[hooks]
"task.landed" = {{ run = ["sh", "-c", "cat >> {log}; echo >> {log}"] }}
""" + "".join(f'[[task]]\nid = "T{n}"\ntitle = "t"\n' for n in range(4))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, received: Received) -> RunFolder:
    monkeypatch.setenv(VARIABLE, SECRET)
    repo = tmp_path / "repo"
    repo.mkdir()
    make_repo(repo, {"README.md": "hello\n"})
    text = PLAN.format(url=received.url, log=tmp_path / "log")
    return create_run(repo, read_plan(text, file="hooked.toml"), text)


@pytest.fixture
def received() -> Received:
    """A receiver that is down, and has its port."""
    with receiving() as found:
        pass
    return found


def failures(folder: RunFolder) -> int:
    return sum(isinstance(event, e.HookFailed) for event in told_in(folder))


def is_told(folder: RunFolder) -> bool:
    state = fold_run(folder)
    return state.outcome is not None and not any(map(is_waiting, state.hooks.values()))


def test_each_event_is_heard_once_and_in_order(folder: RunFolder, received: Received) -> None:
    """The engine dies while nobody listens, and again and again while they do."""
    ensure_engine(folder)
    settle(lambda: failures(folder) >= 2, "a receiver that is down")
    kill_engine(folder)
    with receiving(received):
        for heard in (3, 9, 15):
            ensure_engine(folder)
            settle(lambda: len(received.once) >= heard or is_told(folder), f"{heard} events")  # noqa: B023
            with suppress(OSError, ValueError, ProcessLookupError):
                kill_engine(folder)
        ensure_engine(folder)
        settle(lambda: is_told(folder), "all events")
    state, history = fold_run(folder), told_in(folder)
    assert state.outcome is Outcome.COMPLETE
    assert not received.refused
    wanted = [n for n, event in enumerate(history, start=1) if wants(("*",), event)]
    assert [said["seq"] for said in received.once] == wanted
    assert received.once[-1]["event"] == "run.finished" or "engine" in received.once[-1]["event"]
    heard_again = len(received.told) - len(received.once)
    assert 0 <= heard_again <= 4  # at most one for each kill


def test_a_delivery_that_was_not_recorded_is_made_again_under_the_same_id(
    folder: RunFolder, received: Received, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AGENTDECK_FAILPOINTS", "known:hook.delivered@3")
    with receiving(received):
        with suppress(DeckError):
            ensure_engine(folder)
        settle(lambda: is_gone(folder), "the end of the engine")
        monkeypatch.delenv("AGENTDECK_FAILPOINTS")
        ensure_engine(folder)
        settle(lambda: is_told(folder), "all events")
    log = [line for line in (tmp_path / "log").read_text().splitlines() if line]
    again = (len(received.told) - len(received.once)) + (len(log) - len(set(log)))
    assert again == 1
    history = told_in(folder)
    wanted = [n for n, event in enumerate(history, start=1) if wants(("*",), event)]
    assert [said["seq"] for said in received.once] == wanted


def test_an_engine_that_is_done_waits_for_hooks_and_not_for_ever(
    folder: RunFolder, received: Received
) -> None:
    """Nobody listens: it ends all the same, and what is left is told by `hooks deliver`."""
    ensure_engine(folder)
    settle(lambda: fold_run(folder).outcome is not None, "the end of the run")
    began = time.monotonic()
    settle(lambda: is_gone(folder), "the end of the engine")
    assert time.monotonic() - began < 20
    state = fold_run(folder)
    assert is_waiting(state.hooks["ci"])
    assert not is_waiting(state.hooks["task.landed"])
    pending = hook_lines(folder, state)[-1].pending
    with receiving(received):
        words = list(hook_told(folder))
    assert len(words) == pending == len(received.told)
    assert is_told(folder)
