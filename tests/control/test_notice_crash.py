"""`kill -9` of the engine while persons are told: they hear of everything, in order."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from tests.engine.mailbox import PASSWORD, VARIABLE, Inbox, arriving

from agentdeck.control.creating import create_run
from agentdeck.control.runs import fold_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.control.start import ensure_engine
from agentdeck.core import events as e
from agentdeck.core.errors import DeckError
from agentdeck.core.event_names import wants
from agentdeck.core.event_words import told_of
from agentdeck.core.events import Outcome
from agentdeck.core.hooks import is_waiting
from agentdeck.engine.folders import RunFolder
from agentdeck.plans.reader import read_plan
from agentdeck.testing.crash import is_gone, kill_engine, told_in
from agentdeck.testing.settling import settle

pytest.importorskip("apprise")
TOLD = ("task.landed", "run.finished")
PLAN = """\
version = 1
[plan]
name = "told"
[agents.sh]
command = ["sh", "-c", "echo {task} > {task}.txt"]
[defaults]
agent = "sh"
[notify.me]
urls_env = "MY_URLS"
events = ["task.landed", "run.finished"]
group = "1s"
""" + "".join(f'[[task]]\nid = "T{n}"\ntitle = "t"\n' for n in range(4))


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Inbox:
    """One that is shut, and has its port."""
    with arriving() as found:
        pass
    monkeypatch.setenv(VARIABLE, found.url)
    return found


@pytest.fixture
def folder(tmp_path: Path, inbox: Inbox) -> RunFolder:
    repo = tmp_path / "repo"
    repo.mkdir()
    make_repo(repo, {"README.md": "hello\n"})
    return create_run(repo, read_plan(PLAN, file="told.toml"), PLAN)


def failures(folder: RunFolder) -> int:
    return sum(isinstance(event, e.HookFailed) for event in told_in(folder))


def is_told(folder: RunFolder) -> bool:
    state = fold_run(folder)
    return state.outcome is not None and not any(map(is_waiting, state.hooks.values()))


def all_of_it(folder: RunFolder) -> list[str]:
    """What a person should hear, as messages have it."""
    found = [told_of(event) for event in told_in(folder) if wants(TOLD, event)]
    return [f"run {said[1]}" if said[0] == "run" else f"{said[0]}: {said[1]}" for said in found]


def test_a_person_hears_of_everything_whoever_is_killed(folder: RunFolder, inbox: Inbox) -> None:
    """The engine dies while nobody listens, and again and again while somebody does."""
    ensure_engine(folder)
    settle(lambda: failures(folder) >= 2, "an inbox that is shut")
    kill_engine(folder)
    kills = 3
    with arriving(inbox):
        for _ in range(kills):
            ensure_engine(folder)
            before = len(inbox.came)
            settle(lambda: len(inbox.came) > before or is_told(folder), "a message")  # noqa: B023
            with suppress(OSError, ValueError, ProcessLookupError):
                kill_engine(folder)
        ensure_engine(folder)
        settle(lambda: is_told(folder), "everything")
    assert fold_run(folder).outcome is Outcome.COMPLETE
    said, wanted = inbox.lines(), all_of_it(folder)
    first_heard = [said.index(line) for line in wanted]
    assert all(one < other for one, other in pairwise(first_heard))
    assert len(inbox.came) <= len(wanted) + kills  # at most one again for each kill
    written = [path for path in folder.path.rglob("*") if path.is_file() and path.stat().st_size]
    assert not any(PASSWORD.encode() in path.read_bytes() for path in written)


def test_a_message_that_was_not_recorded_is_sent_again_as_it_was(
    folder: RunFolder, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was sent, and the engine was killed before it could write that down."""
    monkeypatch.setenv("AGENTDECK_FAILPOINTS", "known:hook.delivered@1")
    with arriving(inbox):
        with suppress(DeckError):
            ensure_engine(folder)
        settle(lambda: is_gone(folder), "the end of the engine")
        monkeypatch.delenv("AGENTDECK_FAILPOINTS")
        first = inbox.lines()
        assert first
        ensure_engine(folder)
        settle(lambda: is_told(folder), "everything")
    said, wanted = inbox.lines(), all_of_it(folder)
    assert said[len(first) :][: len(first)] == first
    assert list(dict.fromkeys(said)) == wanted
