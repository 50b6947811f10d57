"""`take-over` and `hand-back` from a shell, without a control room."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentdeck.control.runs import fold_run, newest_run
from agentdeck.core.ids import TaskId
from agentdeck.core.state import TaskRun, TaskState
from agentdeck.testing.settling import settle

Deck = Callable[..., Any]  # the fixture: words to code, out and err
A = TaskId("A")


def task(repo: Path) -> TaskRun:
    return fold_run(newest_run(repo)).tasks[A]


@pytest.fixture
def at_work(deck: Deck, repo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`A` is worked on; the person's shell writes a file and ends."""
    shell = tmp_path / "shell"
    shell.write_text("#!/bin/sh\necho by hand > by-hand.txt\n")
    shell.chmod(0o755)
    monkeypatch.setenv("SHELL", str(shell))
    monkeypatch.setenv("AGENTDECK_USER", "kim")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert deck("run", "waits.toml", "--no-attach").code == 0
    settle(lambda: task(repo).state is TaskState.WORKING, "A at work")


def test_a_person_works_in_a_shell_and_hands_it_back(at_work: None, deck: Deck, repo: Path) -> None:
    """The agent is ended first; what the person leaves is checked and lands."""
    done = deck("take-over", "A", "--finished")
    assert (done.code, done.out) == (0, "A: handed back, it is being checked\n")
    assert "writer has named no session: this is a shell" in done.err
    settle(lambda: task(repo).state is TaskState.LANDED, "landing")
    assert task(repo).attempts[0].hands == "kim"


def test_it_stays_in_their_hands_until_they_say_otherwise(
    at_work: None, deck: Deck, repo: Path
) -> None:
    """Without a terminal nobody is asked; `take-over` again goes back in."""
    kept = deck("take-over", "A", "--shell")
    assert kept.out == "A: kept; `agentdeck hand-back A` gives it back\n"
    assert task(repo).state is TaskState.TAKEN
    assert "A is in the hands of kim (o open, O hand back)" in deck("why", "A").out
    assert deck("skip", "A").code == 4
    assert deck("take-over", "A", "--keep").code == 0
    assert deck("hand-back", "A", "-m", "words").code == 4
    again = deck("hand-back", "A", "--go-on", "-m", "keep by-hand.txt")
    assert (again.code, again.out) == (0, "A: its agent goes on\n")
    settle(lambda: len(task(repo).attempts) == 2, "another attempt")
    assert deck("hand-back", "A").code == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("take-over", "A", "--finished", "--keep"), "exclude each other"),
        (("take-over", "A", "-m", "x"), "--message is for --go-on"),
    ],
)
def test_words_that_make_no_sense_are_refused(
    deck: Deck, words: tuple[str, ...], said: str
) -> None:
    refused = deck(*words)
    assert refused.code == 2
    assert said in refused.err


def test_a_task_that_is_not_there_is_not_found(at_work: None, deck: Deck) -> None:
    assert deck("take-over", "NO").code == 3
