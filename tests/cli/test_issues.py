"""`import --issues`: `gh` and `glab` are real processes, whose issues stand in a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentdeck.core.plan import Tracker, TrackerKind
from agentdeck.plans.reader import read_plan
from agentdeck.testing.scripted_tracker import changing, install, now_in

Deck = Callable[..., Any]  # the fixture: words to code, out and err

ISSUES = [
    {"number": 12, "title": "Log in", "labels": ["ready", "bug"], "body": "Blocked by #13"},
    {"number": 13, "title": "Store sessions", "labels": ["ready"], "milestone": "1.0"},
    {"number": 14, "title": "Later", "labels": []},
    {"number": 15, "title": "Over", "labels": ["ready"], "state": "closed"},
]


@pytest.fixture
def tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    bin_folder = install(tmp_path / "tracker", ISSUES)
    monkeypatch.setenv("PATH", f"{bin_folder}:/usr/bin:/bin")
    return tmp_path / "tracker"


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_open_issues_with_the_label_become_a_plan(
    deck: Deck, repo: Path, tracker: Path, kind: str
) -> None:
    said = deck("import", "--issues", "ready", "--tracker", kind, "-o", "made.toml")
    assert said.code == 0, said.err
    assert "issues labelled ready: read as issues: 2 tasks, 1 phase" in said.out
    assert '#12 says "Blocked by #13": #12 waits for #13' in said.out.replace("\n", " ")
    plan = read_plan((repo / "made.toml").read_text(), file="made.toml")
    assert [(task.id, task.issue, task.after) for task in plan.tasks] == [
        ("issue-12", 12, ("issue-13",)),
        ("issue-13", 13, ()),
    ]
    assert plan.tracker is None  # nobody has asked to write there
    assert plan.document is None
    assert (repo / "made.toml").read_text().startswith("# Made from issues labelled ready")
    program = "gh" if kind == "github" else "glab"
    assert [call["program"] for call in now_in(tracker)["calls"]] == [program]


def test_the_issues_are_written_where_that_is_asked_for(
    deck: Deck, repo: Path, tracker: Path
) -> None:
    words = ("--issues", "ready", "--repo", "acme/shop", "--write-back")
    said = deck("import", *words, "--quiet")
    plan = read_plan(said.out, file="made.toml")
    assert plan.tracker == Tracker(TrackerKind.GITHUB, repo="acme/shop")
    again = "agentdeck import --issues ready --tracker github --repo acme/shop --write-back"
    assert f"#   {again}\n" in said.out
    (repo / "made.toml").write_text(said.out)
    assert deck("check", "made.toml").code == 0


def test_a_thousand_issues_come_page_by_page(deck: Deck, repo: Path, tracker: Path) -> None:
    issues = [{"number": n, "title": f"T{n}", "labels": ["all"]} for n in range(1, 1102)]
    install(tracker, issues)
    for kind in ("github", "gitlab"):
        said = deck("import", "--issues", "all", "--tracker", kind)
        assert len(read_plan(said.out, file="x.toml").tasks) == 1000
        assert "more than 1,000 such issues" in said.err


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("fail", ["gh could not list the issues: gh: Bad Gateway (HTTP 502)", "gh auth status"]),
        ("login", ["gh auth login"]),
        ("garbage", ["no list of issues"]),
    ],
)
def test_what_goes_wrong_is_one_clear_error(
    deck: Deck, tracker: Path, fault: str, words: list[str]
) -> None:
    with changing(tracker) as state:
        state["faults"] = [fault]
    said = deck("import", "--issues", "ready")
    assert said.code == 5
    assert all(word in said.err for word in words), said.err
    assert "Traceback" not in said.err


def test_bad_words_are_refused_before_anybody_is_asked(deck: Deck, tracker: Path) -> None:
    for words, why in (
        (("--issues", "nothing"), "no open issue of"),
        (("--issues", "a,b"), "is no label"),
        (("--issues", "ready", "--repo", "--web"), "is no repository"),
        (("--issues", "ready", "x.md"), "a document, or a label"),
        ((), "a document, or a label"),
    ):
        said = deck("import", *words)
        assert said.code != 0
        assert why in said.err, said.err
    assert len(now_in(tracker)["calls"]) == 1


def test_without_the_program_it_is_named(
    deck: Deck, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    said = deck("import", "--issues", "ready", "--tracker", "gitlab")
    assert said.code == 5
    assert "glab is not installed" in said.err
    assert "install glab and log in" in said.err
