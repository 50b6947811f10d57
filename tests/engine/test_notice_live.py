"""Persons are told by real engines, through apprise, at an address of this machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.engine.mailbox import PASSWORD, VARIABLE, Inbox, arriving
from tests.engine.test_hooks_live import PLAN, all_told, made
from tests.engine.turning import work_until

from agentdeck.core import events as e
from agentdeck.core.events import Outcome, Recorded
from agentdeck.core.hooks import is_waiting
from agentdeck.core.plan import Notify
from agentdeck.engine.create import open_engine
from agentdeck.engine.hook_delivery import deliver
from agentdeck.engine.hook_trial import try_hook
from agentdeck.engine.hooks import voiceless
from agentdeck.engine.notice import gathered, message, silent_until
from agentdeck.plans.reader import read_plan
from agentdeck.testing.builders import plan, started
from agentdeck.testing.crash import told_in

pytest.importorskip("apprise")
PERSON = """\
[notify.me]
urls_env = "MY_URLS"
events = {events}
"""


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    with arriving() as found:
        monkeypatch.setenv(VARIABLE, found.url)
        yield found


async def test_a_run_is_told_in_one_message(repo: Path, tmp_path: Path, inbox: Inbox) -> None:
    folder = made(repo, tmp_path, PERSON.format(events='["task.landed", "run.finished"]'))
    state = await work_until(open_engine(folder), all_told)
    assert state.outcome is Outcome.COMPLETE
    [came] = inbox.came
    assert came["title"] == "p: 3 events"
    lines = came["message"].splitlines()
    assert [line.split(" ", 1)[1].split(":")[0] for line in lines[:2]] == ["A", "B"]
    assert "landed as" in lines[0]
    assert f"run {state.run}" in lines[-1]
    [told] = [event for event in told_in(folder) if isinstance(event, e.HookDelivered)]
    assert told.events == 3
    assert PASSWORD not in folder.journal.read_bytes().decode(errors="replace")


async def test_no_agent_learns_where_a_person_is_told(
    repo: Path, tmp_path: Path, inbox: Inbox
) -> None:
    text = PERSON.format(events='"run.finished"')
    text = text.replace("MY_URLS", "CI_HOOK_SECRET")  # the agents of that plan print it
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CI_HOOK_SECRET", inbox.url)
        folder = made(repo, tmp_path, text)
        await work_until(open_engine(folder), all_told)
    logs = [path.read_text() for path in folder.path.rglob("*.log")]
    assert len(inbox.came) == 1
    assert logs
    assert not any(PASSWORD in log for log in logs)


async def test_what_fails_is_said_without_the_address(
    repo: Path, tmp_path: Path, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.status = 500
    monkeypatch.setattr("agentdeck.core.hooks.FIRST_WAIT_S", 0.05)
    folder = made(repo, tmp_path, PERSON.format(events='"run.finished"'))
    has_failed = lambda state: any(run.tries for run in state.hooks.values())  # noqa: E731
    state = await work_until(open_engine(folder), has_failed)
    trouble = state.hooks["me"].trouble
    assert trouble is not None
    assert trouble.why == "not sent by JSON (address 1 in MY_URLS)"
    inbox.status = 200
    told = list(deliver(folder))
    assert "was told event" in told[-1]
    assert len(inbox.came) == 1


def test_where_nobody_can_be_told_it_is_said_in_words_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in those of the program that would have sent it."""
    monkeypatch.setenv("MY_URLS", "nonsense")
    text = PLAN + PERSON.format(events='"run.finished"')
    answer = try_hook(read_plan(text, file="hooked.toml"), "me", tmp_path)
    assert answer.fault == "address 1 in MY_URLS is none that apprise knows"
    monkeypatch.setattr("agentdeck.engine.hooks.can_send", lambda: False)
    [said] = voiceless({"MY_URLS": "x"}, read_plan(text, file="hooked.toml"))
    assert said == (
        'hook me: apprise is not installed: pip install "agentdeck[notify]"; nothing is sent'
    )


async def test_in_quiet_hours_it_waits_and_a_person_can_ask_for_it(
    repo: Path, tmp_path: Path, inbox: Inbox
) -> None:
    now = datetime.now(UTC)
    hours = f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=1):%H:%M}"
    quiet = f'quiet = "{hours}"\nzone = "UTC"\n'
    folder = made(repo, tmp_path, PERSON.format(events='"run.finished"') + quiet)
    is_quiet = lambda state: any(  # noqa: E731
        run.quiet_until is not None for run in state.hooks.values()
    )
    state = await work_until(open_engine(folder), is_quiet)
    assert inbox.came == []
    until = state.hooks["me"].quiet_until
    assert until is not None
    assert abs(until - (now + timedelta(hours=1)).timestamp()) < 60.0
    assert is_waiting(state.hooks["me"])
    list(deliver(folder))
    assert [came["title"] for came in inbox.came] == ["p: run complete"]


def test_a_trial_says_whether_it_gets_there(
    repo: Path, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_plan = read_plan(PLAN + PERSON.format(events='"run.finished"'), file="p.toml")
    assert try_hook(a_plan, "me", repo).fault == ""
    assert inbox.came[0]["title"].startswith("p: this is a trial")
    monkeypatch.setenv("MY_URLS", "nothing-like-it")
    assert "address 1 in MY_URLS is none that apprise knows" in try_hook(a_plan, "me", repo).fault
    monkeypatch.delenv("MY_URLS")
    assert "MY_URLS is not set" in try_hook(a_plan, "me", repo).fault


def test_without_apprise_it_says_what_to_install(
    repo: Path, tmp_path: Path, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = tmp_path / "python"
    missing.write_text(f'#!/bin/sh\nshift\nexec {sys.executable} -I -S "$@"\n')
    missing.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(missing))
    a_plan = read_plan(PLAN + PERSON.format(events='"run.finished"'), file="p.toml")
    fault = try_hook(a_plan, "me", repo).fault
    assert 'pip install "agentdeck[notify]"' in fault


def test_a_message_has_a_bound_and_says_what_is_left_out() -> None:
    run = started(plan("a"))
    hook = Notify("me", "MY_URLS", ("run.paused",))
    for _ in range(50):
        run.append(e.RunPaused("kim" * 500))
    history = list(run.history)

    def read(after: int, limit: int) -> list[Recorded]:
        return history[after : after + limit]

    *_, found = gathered(read, hook, 0)
    assert found is not None
    assert (found.events, found.last) == (50, run.state.seq)
    said = message(run.state, hook, found)
    assert "… and 30 more" in said["text"]
    assert len(said["text"]) < 8_000


@pytest.mark.parametrize(
    ("zone", "now", "until"),
    [
        ("Europe/Berlin", "2026-03-28T23:00:00+00:00", "2026-03-29T05:00:00+00:00"),  # spring
        ("Europe/Berlin", "2026-10-24T23:00:00+00:00", "2026-10-25T06:00:00+00:00"),  # autumn
        ("UTC", "2026-03-28T23:00:00+00:00", "2026-03-29T07:00:00+00:00"),
        ("UTC", "2026-03-28T12:00:00+00:00", None),
        ("Nowhere/At_all", "2026-03-28T23:00:00+00:00", None),  # better too loud than never
    ],
)
def test_the_night_ends_by_the_clock_on_the_wall(zone: str, now: str, until: str | None) -> None:
    hook = Notify("me", "MY_URLS", quiet="22:00-07:00", zone=zone)
    ends = silent_until(hook, datetime.fromisoformat(now).timestamp())
    assert ends == (None if until is None else datetime.fromisoformat(until).timestamp())
