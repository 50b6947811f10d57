"""`agentdeck analyze`: what scripts rely on, what a person reads, and how it refuses."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentdeck.shipped import sample_plan

Deck = Callable[..., Any]  # the fixture: words to code, out and err
HOUR = 3600
DOCUMENTS = Path(__file__).parents[1] / "plans" / "documents"

TWO_ON_A_FILE = """
version = 1
[plan]
name = "two"
agents = 3
[agents.tool]
command = ["true"]
[defaults]
agent = "tool"
model = "small-1"
[[phase]]
id = "p1"
title = "First [bold]phase[/bold]"
sync = true
[[phase]]
id = "p2"
[[task]]
id = "A-1"
title = "Model"
prompt = "x"
phase = "p1"
files = ["src/model.py"]
estimate = "1h"
tokens = 500000
[[task]]
id = "A-2"
title = "Views"
prompt = "x"
phase = "p1"
files = ["src/*.py"]
estimate = "2h"
[[task]]
id = "B-1"
title = "Docs"
prompt = "x"
after = "A-1"
phase = "p2"
files = ["docs/"]
estimate = "30min"
[[task]]
id = "B-2"
title = "A look by eye"
prompt = "x"
phase = "p2"
human = true
estimate = "1h"
[[task]]
id = "C-1"
title = "Not now"
prompt = "x"
defer = "waits for the other team"
estimate = "9h"
"""
PRICES = """
date = "2020-02-02"
input_share = 0.5
[models]
small = { input = 1.0, output = 3.0 }
"""


def git(place: Path, *args: str) -> None:
    subprocess.run(["git", *args], cwd=place, capture_output=True, check=True)


@pytest.fixture
def place(repo: Path) -> Path:
    """The repository with the plan, a price table and files that change together."""
    (repo / "two.toml").write_text(TWO_ON_A_FILE, encoding="utf-8")
    (repo / "prices.toml").write_text(PRICES, encoding="utf-8")
    (repo / "src").mkdir()
    (repo / "docs").mkdir()
    for number in range(4):
        (repo / "src" / "model.py").write_text(f"{number}\n")
        (repo / "docs" / "model.md").write_text(f"{number}\n")
        git(repo, "add", "src", "docs")
        git(repo, "commit", "-qm", f"change {number}")
    return repo


def analysed(deck: Deck, *words: str) -> dict[str, Any]:
    said = deck("analyze", *words, "--json")
    assert said.code == 0, said.err
    found: dict[str, Any] = json.loads(said.out)
    return found


def test_the_keys_that_scripts_rely_on(deck: Deck, place: Path) -> None:
    """Names, units and figures of the contract, all by hand."""
    data = analysed(deck, "two.toml", "--agents", "2", "--prices", "prices.toml")
    assert data["tasks"] == 5
    assert data["work_s"] == 4.5 * HOUR
    assert data["critical_path_s"] == 2 * HOUR
    assert data["critical_path"] == ["A-2"]
    # The second on the file waits: 3 h in phase one; then B-1 and the person's hour side by side.
    assert data["makespan_s"] == {
        "sequential": 4.5 * HOUR,
        "conservative": 4 * HOUR,
        "waves": 4 * HOUR,
        "eager": 4 * HOUR,
    }
    (pair,) = data["conflicts"]
    assert (pair["a"], pair["b"], pair["ordered"]) == ("A-1", "A-2", False)
    assert pair["files"] == ["src/model.py"]
    assert pair["existing"] == ["src/model.py"]
    assert pair["costs_s"] == HOUR
    assert data["conflicts_total"] == 1
    assert data["cost"]["tokens"] == 500_000
    assert data["cost"]["usd"] == 1.0
    assert data["cost"]["by_model"]["small-1"]["usd"] == 1.0
    assert data["claims"] == []
    assert data["deferred"] == ["C-1"]
    assert data["human"] == ["B-2"]
    assert data["phases"] == [
        {"id": "p1", "title": "First [bold]phase[/bold]", "tasks": 2, "sync": True},
        {"id": "p2", "title": "", "tasks": 2, "sync": False},
    ]
    assert {
        "slack",
        "what_if",
        "utilisation",
        "inventory",
        "groups",
        "sync_points",
        "notes",
    } <= set(data)
    assert [row["task"] for row in data["slack"]] == ["A-1", "A-2", "B-1", "B-2"]


def test_the_daw_plan_keeps_its_figures_on_the_command_line(deck: Deck, repo: Path) -> None:
    text = sample_plan("daw-agent-parallelism")
    (repo / "daw.toml").write_text(text, encoding="utf-8")
    data = analysed(deck, "daw.toml", "--agents", "8")
    assert (data["tasks"], data["work_s"], data["critical_path_s"]) == (47, 161 * HOUR, 84_600)
    assert data["critical_path"][0] == "CORE-001"
    assert data["critical_path"][-1] == "EVAL-003"
    assert data["makespan_s"]["eager"] == 84_600
    assert data["makespan_s"]["waves"] == 89.5 * HOUR


def test_a_document_is_read_like_a_plan_and_its_claims_are_checked(deck: Deck, repo: Path) -> None:
    """The document of the same plan: it states a critical path of 33.5 h, its tables give 23.5 h;
    it states 65 h of work one after the other, its tables give 161 h. Values are seconds.
    """
    document = DOCUMENTS / "daw-agent-parallelism.md"
    (repo / "daw.md").write_text(document.read_text(encoding="utf-8"), encoding="utf-8")
    data = analysed(deck, "daw.md", "--agents", "8")
    assert (data["tasks"], data["work_s"], data["critical_path_s"]) == (47, 161 * HOUR, 84_600)
    assert data["makespan_s"]["eager"] < 41 * HOUR < data["makespan_s"]["waves"]
    assert [
        (row["stated"], row["computed"], row["agrees"])
        for row in data["claims"]
        if row["what"] == "critical_path" and row["line"] == 40
    ] == [(33.5 * HOUR, 84_600, False)]
    assert (65 * HOUR, 161 * HOUR) in [
        (row["stated"], row["computed"]) for row in data["claims"] if row["what"] == "work"
    ]
    said = deck("analyze", "daw.md", "--agents", "8")
    assert "What the document states" in said.out
    assert "~33.5 hours                 23.5 h          differs" in said.out
    assert max(len(line) for line in said.out.splitlines()) <= 80


def test_a_person_reads_the_same_in_eighty_columns(deck: Deck, place: Path) -> None:
    """Every part that has something to say, and nothing that a terminal would obey."""
    out = deck("analyze", "two.toml", "--prices", "prices.toml").out
    for words in (
        "two  5 tasks in 2 phases",
        "work              4.5 h",
        "by people",
        "deferred",
        "Strategies  with 3 agents",
        "eager",
        "What would shorten it",
        "A-1 and A-2 touch no common file",
        "the second one waits",
        "500,000 tokens, $1.00",
        "prices of 2020-02-02",
    ):
        assert words in out, words
    assert "\x1b" not in out
    assert max(len(line) for line in out.splitlines()) <= 80
    assert all(line == line.rstrip() for line in out.splitlines())


def test_the_log_warns_of_what_changes_together(deck: Deck, place: Path) -> None:
    """docs/ and src/*.py share no file, but the log says that they belong together."""
    text = TWO_ON_A_FILE.replace('after = "A-1"\n', "").replace("sync = true", "sync = false")
    (place / "loose.toml").write_text(text, encoding="utf-8")
    data = analysed(deck, "loose.toml", "--history")
    assert {(row["a"], row["b"]) for row in data["coupled"]} == {("A-1", "B-1"), ("A-2", "B-1")}
    (coupling,) = data["coupled"][0]["couplings"]
    assert (coupling["one"], coupling["two"]) == ("docs/model.md", "src/model.py")
    assert coupling["together"] == 4
    assert "Changes together" in deck("analyze", "loose.toml", "--history").out
    assert analysed(deck, "loose.toml")["coupled"] == []


def test_a_repository_elsewhere_is_named(deck: Deck, place: Path, tmp_path: Path) -> None:
    """Outside of any repository there are no files to compare with, and that is no fault."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "two.toml").write_text(TWO_ON_A_FILE, encoding="utf-8")
    plan = str(outside / "two.toml")
    assert analysed(deck, plan, "--repo", str(place))["conflicts"][0]["existing"]
    said = deck("-C", str(outside), "analyze", "two.toml", "--json")
    assert json.loads(said.out)["unmatched_files"] is None


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("two.toml", "--agents", "0"), 2, "--agents must be 1 to"),
        (("two.toml", "--agents", "99999"), 2, "--agents must be 1 to"),
        (("two.toml", "--repo", "nowhere"), 3, "there is no such folder"),
        (("two.toml", "--prices", "nowhere.toml"), 3, "there is no file nowhere.toml"),
        (("two.toml", "--prices", "two.toml"), 2, "two.toml: no table of prices"),
        (("nowhere.toml",), 3, "there is no file nowhere.toml"),
        (("two.toml", "--strategy", "random"), 2, "random"),
    ],
)
def test_what_cannot_be_done_is_one_clear_error(
    deck: Deck, place: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    said = deck("analyze", *words)
    assert (said.code, said.out) == (code, "")
    assert says in said.err
    assert "Traceback" not in said.err


def test_history_needs_a_repository(deck: Deck, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "two.toml").write_text(TWO_ON_A_FILE, encoding="utf-8")
    said = deck("-C", str(outside), "analyze", "two.toml", "--history")
    assert said.code == 5
    assert "is in no git repository" in said.err
    said = deck("-C", str(outside), "analyze", "two.toml", "--repo", ".")
    assert said.code == 5


def test_a_repository_without_a_commit_has_no_history(deck: Deck, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    git(fresh, "init", "-q")
    (fresh / "two.toml").write_text(TWO_ON_A_FILE, encoding="utf-8")
    said = deck("-C", str(fresh), "analyze", "two.toml", "--history", "--json")
    assert (said.code, json.loads(said.out)["coupled"]) == (0, [])
