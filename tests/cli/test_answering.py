"""`answer` and `permissions`: a real agent asks, a person answers from a shell."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import agentdeck
from agentdeck.control.runs import fold_run, newest_run
from agentdeck.core.ids import TaskId
from agentdeck.core.state import TaskState
from agentdeck.testing.settling import settle

Deck = Callable[..., Any]  # the fixture: words to code, out and err
SCRIPTED = Path(agentdeck.__file__).parent / "testing" / "scripted_agent.py"
PLAN = '''
version = 1
[plan]
name = "asks"
[agents.claude]
permissions = "ask"
[[permission]]
decision = "deny"
target = "*secret*"
[[task]]
id = "A"
title = "Ask"
prompt = """
! ask permission
! write secret.txt
! write f.txt
! write g.txt
"""
'''


@pytest.fixture
def asking(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run in which `A` asks before it acts."""
    binary = tmp_path / "bin" / "claude"
    binary.parent.mkdir()
    binary.write_text(f'#!/bin/sh\nexec {sys.executable} {SCRIPTED} --speak claude "$@"\n')
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{binary.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("AGENTDECK_USER", "kim")
    (repo / "asks.toml").write_text(PLAN)


def asks(repo: Path, target: str) -> bool:
    attempt = fold_run(newest_run(repo)).tasks[TaskId("A")].attempt
    return attempt is not None and any(q.target == target for q in attempt.questions)


def test_a_person_answers_and_the_log_says_who(asking: None, deck: Deck, repo: Path) -> None:
    """Once, then for the run; a rule of the plan has denied the first by itself."""
    assert deck("run", "asks.toml", "--no-attach").code == 0
    settle(lambda: asks(repo, "f.txt"), "a question")
    assert "A asks: May it use Write: f.txt?" in deck("why", "A").out
    assert deck("answer", "A").code == 4
    assert deck("answer", "A", "--allow").out == "A: answered\n"
    settle(lambda: asks(repo, "g.txt"), "another one")
    everything = ("--always", "run", "--target", "*", "--for", "2h")
    assert deck("answer", "A", "--allow", *everything).code == 0
    listed = deck("permissions").out.splitlines()
    assert [line.split()[:4] for line in listed[1:]] == [
        ["p1", "deny", "*", "*secret*"],
        ["r1", "allow", "Write", "*"],
    ]
    log = json.loads(deck("permissions", "--log", "--json").out)["answers"]
    assert [(g["target"], g["allowed"], g["by"], g["rule"]) for g in log[:3]] == [
        ("secret.txt", False, "plan", "p1"),
        ("f.txt", True, "kim", ""),
        ("g.txt", True, "kim", ""),
    ]
    assert "kim" in deck("permissions", "--log").out
    assert deck("permissions", "add", "Bash", "--allow").code == 0
    settle(
        lambda: fold_run(newest_run(repo)).tasks[TaskId("A")].state is TaskState.LANDED, "landing"
    )


def test_rules_are_added_and_dropped(asking: None, deck: Deck, repo: Path) -> None:
    assert deck("run", "asks.toml", "--no-attach").code == 0
    settle(lambda: asks(repo, "f.txt"), "a question")
    said = deck("permissions", "add", "Write", "*.md", "--deny", "--task", "A", "--for", "1d")
    assert said.out == "deny: Write *.md, for the task\n"
    assert "r1" in deck("permissions").out
    assert deck("permissions", "drop", "r1").out == "r1: dropped\n"
    assert deck("permissions", "drop", "r1").code == 4
    assert deck("permissions", "add", "Write", "f*", "--allow").code == 0
    settle(lambda: not asks(repo, "f.txt"), "the rule to answer")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("answer", "A", "--allow", "--deny"), "exclude each other"),
        (("answer", "A", "--allow", "--target", "*"), "are for --always"),
        (("answer", "A", "--allow", "--always", "run", "--for", "soon"), "--for 'soon'"),
        (("permissions", "add", "Bash"), "a rule allows or denies"),
        (("permissions", "add", "Bash", "--allow", "--task", "A", "--plan"), "exclude each other"),
    ],
)
def test_words_that_make_no_sense_are_refused(
    deck: Deck, words: tuple[str, ...], said: str
) -> None:
    refused = deck(*words)
    assert refused.code == 2
    assert said in refused.err
