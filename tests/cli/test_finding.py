"""`agentdeck find`: what it prints, where it looks, and what it says of what it does not find."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentdeck.control.runs import fold_run, newest_run

Deck = Callable[..., Any]  # the fixture: words to code, out and err


@pytest.fixture
def ended(deck: Deck, repo: Path) -> None:
    """A run whose two tasks have landed."""
    assert deck("run", "quick.toml", "--no-attach").code == 0
    deadline = time.monotonic() + 60
    while fold_run(newest_run(repo)).outcome is None:
        assert time.monotonic() < deadline, "waited 60 s for the end"
        time.sleep(0.02)


@pytest.mark.usefixtures("ended")
def test_all_that_is_known_of_a_run_is_searched(deck: Deck, repo: Path) -> None:
    """Logs without their escapes, briefs, diffs with file and line, titles; in past runs too."""
    log = deck("find", "red", "in:logs")
    assert log.code == 0, log.err
    assert log.out.count("I write red") == 2
    assert "\x1b" not in log.out
    assert "A#1" in log.out
    brief = deck("find", "the file that", "--in", "briefs", "--json")
    found = json.loads(brief.out)
    assert {(hit["kind"], hit["task"]) for hit in found} == {("briefs", "A"), ("briefs", "B")}
    assert found[0]["hits"] == ["the file that"]
    (diff,) = json.loads(deck("find", "B", "--in", "diffs", "task:B", "-n", "1", "--json").out)
    assert (diff["file"], diff["attempt"]) == ("B.txt", 1)
    assert deck("find", "Second").out.startswith("task   B")

    nothing = deck("find", "okapi")
    assert (nothing.code, nothing.out) == (1, "")
    assert "nothing has that" in nothing.err

    first = newest_run(repo).run
    assert deck("run", "quick.toml", "--headless").code == 0
    second = newest_run(repo).run
    assert first != second
    both = {hit["run"] for hit in json.loads(deck("find", "First", "--all", "--json").out)}
    assert both == {first, second}
    one = {hit["run"] for hit in json.loads(deck("find", "First", "--json").out)}
    assert one == {second}
    named = {hit["run"] for hit in json.loads(deck("find", "First", "--run", first, "--json").out)}
    assert named == {first}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("x", "--in", "mails"), 2, "there is no mails to look through: tasks, briefs"),
        (("x", "in:mails"), 2, "there is no mails"),
        (("***",), 2, "nothing is looked for"),
        (("x",), 3, "there is no run of this repository"),
        (("x", "--run", "none"), 3, "none"),
        (("x", "-n", "0"), 2, "Invalid value for '-n'"),
    ],
)
def test_what_cannot_be_searched_is_said(
    deck: Deck, words: tuple[str, ...], code: int, said: str
) -> None:
    result = deck("find", *words)
    assert (result.code, said in result.err) == (code, True), result.err
