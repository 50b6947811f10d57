"""`bisect` and `revert`, by the command line, on a real run whose final gate is red."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentdeck.cli.app import main
from agentdeck.control.runs import newest_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.core.errors import (
    EXIT_NEEDS_PERSON,
    EXIT_NOT_FOUND,
    EXIT_REFUSED,
    EXIT_USAGE,
)
from agentdeck.engine.folders import RunFolder

Deck = Callable[..., tuple[int, str, str]]

# Four land alone (nothing gates them one by one), the third is bad.
PLAN = """
version = 1
[plan]
name = "shop"
agents = 1
[agents.sh]
command = ["sh", "-c", "if [ {task} = T3 ]; then echo bad; else echo good; fi > {task}.txt"]
[defaults]
agent = "sh"
[gates.whole]
run = ["sh", "-c", "! grep -r bad --include=*.txt ."]
when = "final"
[gates.always]
run = "true"
when = "preflight"
"""


def git(repo: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=repo, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    tasks = "".join(
        f'[[task]]\nid = "T{n}"\ntitle = "Do {n}"\nafter = [{after}]\n'
        for n, after in ((1, ""), (2, '"T1"'), (3, '"T2"'), (4, '"T3"'))
    )
    make_repo(tmp_path / "repo", {"shop.toml": PLAN + tasks})
    return tmp_path / "repo"


@pytest.fixture
def folder(repo: Path) -> Iterator[RunFolder]:
    """The run, at its red final gate."""
    assert main(["-C", str(repo), "run", "shop.toml", "--headless"]) == EXIT_NEEDS_PERSON
    found = newest_run(repo)
    assert found is not None
    yield found
    main(["-C", str(repo), "end", "--yes"])


@pytest.fixture
def deck(repo: Path, folder: RunFolder, capsys: pytest.CaptureFixture[str]) -> Deck:
    def call(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["-C", str(repo), *words])
        return (code, *capsys.readouterr())

    return call


def test_the_first_bad_landing_is_found_and_taken_back(
    deck: Deck, repo: Path, folder: RunFolder
) -> None:
    before = git(repo, "status", "--porcelain"), git(repo, "rev-parse", "HEAD")
    code, out, err = deck("bisect")
    assert code == 0
    assert "first red for whole: T3" in out
    assert "`agentdeck revert T3` takes it back" in out
    assert err.count("red") + err.count("green") <= 3  # the tip is known to be red
    assert not (folder.path / "bisect").exists()
    assert "bisect" not in git(repo, "worktree", "list")
    found = json.loads(deck("bisect", "--json")[1])
    assert found["brought"] == ["T3"]
    assert git(repo, "log", "-1", "--format=%s", found["commit"]).startswith("Complete T3")

    code, _, err = deck("revert", "T3")
    assert code == EXIT_REFUSED
    assert "T4 landed on top of it" in err
    assert "--with-dependents" in err
    code, out, _ = deck("revert", "T3", "--only")
    assert (code, out.split(" by ")[0]) == (0, "T3: reverted")
    assert git(repo, "ls-tree", "--name-only", "deck/shop").split() == [
        *("T1.txt", "T2.txt", "T4.txt", "shop.toml")
    ]
    assert "reverted by" in deck("why", "T3")[1]
    assert (git(repo, "status", "--porcelain"), git(repo, "rev-parse", "HEAD")) == before


def test_what_cannot_be_searched_says_why(deck: Deck) -> None:
    code, _, err = deck("bisect", "--gate", "nope")
    assert code == EXIT_NOT_FOUND
    assert "there are: whole, always" in err
    code, _, err = deck("bisect", "--gate", "always")
    assert code == EXIT_REFUSED
    assert "green on deck/shop" in err
    assert deck("revert", "T1", "--only", "--with-dependents")[0] == EXIT_USAGE
