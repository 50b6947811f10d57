"""`import`, and documents where a plan is expected."""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentdeck.cli import importing
from agentdeck.cli.planfile import load_plan
from agentdeck.control.runs import newest_run
from agentdeck.plans.reader import read_plan

Deck = Callable[..., Any]  # the fixture: words to code, out and err

TASKS = """\
{
  "tasks": [
    {"id": 1, "title": "First", "status": "pending", "dependencies": [], "details": "one"},
    {"id": 2, "title": "Second", "status": "pending", "dependencies": [1, 9], "details": "two"}
  ]
}
"""
LOOP = TASKS.replace('"dependencies": []', '"dependencies": [2]').replace("[1, 9]", "[1]")


@pytest.fixture
def tasks(repo: Path) -> Path:
    path = repo / "tasks.json"
    path.write_text(TASKS, encoding="utf-8")
    return path


def test_the_plan_goes_to_stdout_and_the_report_to_stderr(deck: Deck, tasks: Path) -> None:
    """So that `> plan.toml` works."""
    said = deck("import", "tasks.json")
    assert said.code == 0
    plan = read_plan(said.out, file="x.toml")
    assert [task.title for task in plan.tasks] == ["First", "Second"]
    assert plan.document == "tasks.json"
    assert "tasks.json: read as taskmaster: 2 tasks, " in said.err
    assert "\nleft:\n  tasks.json:4: unknown-dependency: " in said.err
    assert said.out.startswith("# Made from tasks.json (taskmaster). To make it again:\n#   agent")
    assert deck("import", "tasks.json", "--quiet").err == ""


def test_with_o_a_file_is_written_once(deck: Deck, tasks: Path, repo: Path) -> None:
    """It is never replaced unless that is asked for, and nothing else stays behind."""
    said = deck("import", "tasks.json", "-o", "made.toml")
    assert (said.code, said.out.split(":")[0]) == (0, "tasks.json")
    assert "#   agentdeck import tasks.json -o made.toml\n" in (repo / "made.toml").read_text()
    assert deck("check", "made.toml").code == 0
    before = (repo / "made.toml").read_text()
    again = deck("import", "tasks.json", "-o", "made.toml")
    assert again.code == 2
    assert "made.toml exists already" in again.err
    assert "--force" in again.err
    (repo / "made.toml").write_text("mine")
    assert deck("import", "tasks.json", "-o", "made.toml", "--force").code == 0
    assert (repo / "made.toml").read_text() == before
    assert not [path for path in repo.iterdir() if path.name.startswith(".made")]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE((repo / "made.toml").stat().st_mode) == 0o666 & ~mask


def test_without_links_a_file_is_not_replaced_either(
    deck: Deck, tasks: Path, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems have none."""

    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refused)
    assert deck("import", "tasks.json", "-o", "made.toml").code == 0
    assert deck("check", "made.toml").code == 0
    assert "exists already" in deck("import", "tasks.json", "-o", "made.toml").err


def test_the_report_as_json(deck: Deck, tasks: Path) -> None:
    """Counts, and every remark with its line."""
    said = deck("import", "tasks.json", "--json")
    report = json.loads(said.out)
    assert said.err == ""
    assert report["format"] == "taskmaster"
    assert report["plan"]["tasks"] == 2
    assert set(report["plan"]) == {"name", "tasks", "phases", "gates", "notes", "claims"}
    left = [remark for remark in report["remarks"] if remark["heard"] == "left"]
    assert [set(remark) for remark in left] == [{"line", "heard", "rule", "text"}]
    assert (left[0]["line"], left[0]["rule"]) == (4, "unknown-dependency")


def test_verbose_tells_what_was_read_too(deck: Deck, repo: Path) -> None:
    """Lists are cut only for a person, and the count of the rest is said."""
    many = [{"id": i, "title": f"T{i}", "dependencies": [900 + i]} for i in range(50)]
    (repo / "tasks.json").write_text(json.dumps({"tasks": many, "metadata": {}}))
    assert "more; -v shows all" not in deck("import", "tasks.json").err


def test_a_long_list_is_cut_on_a_terminal(
    deck: Deck, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest is counted; -v shows all."""
    many = [{"id": i, "title": f"T{i}", "dependencies": [900 + i]} for i in range(50)]
    (repo / "tasks.json").write_text(json.dumps({"tasks": many, "metadata": {}}))
    monkeypatch.setattr(importing, "in_terminal", lambda _stream: True)
    cut = deck("import", "tasks.json").err
    assert cut.count(": unknown-dependency: ") == importing.MOST_IN_TERMINAL
    assert "... and 20 more; -v shows all" in cut
    assert deck("import", "tasks.json", "-v").err.count(": unknown-dependency: ") == 50


def test_write_back_names_the_document(deck: Deck, tasks: Path, repo: Path) -> None:
    """As the plan file's folder sees it."""
    (repo / "plans").mkdir()
    assert deck("import", "tasks.json", "--write-back", "-o", "plans/p.toml").code == 0
    plan = read_plan((repo / "plans" / "p.toml").read_text(), file="p.toml")
    assert plan.source == "../tasks.json"
    assert "--write-back" in (repo / "plans" / "p.toml").read_text().split("\n")[1]


def test_any_name_of_a_file_can_stand_in_the_comment(deck: Deck, repo: Path) -> None:
    """The plan is still a plan, and nothing in its head can be run by mistake."""
    name = "a 'b\"\n\x1b[31m\N{LINE SEPARATOR}=.json"
    (repo / name).write_text(TASKS)
    said = deck("import", name, "--write-back")
    assert said.code == 0
    assert "\x1b" not in said.out + said.err
    assert len(read_plan(said.out, file="x.toml").tasks) == 2
    assert said.out.split("\n")[2] == ""


def test_a_document_stands_for_its_plan(deck: Deck, tasks: Path) -> None:
    """`check` and `show` read it, and say as what."""
    said = deck("check", "tasks.json")
    assert said.code == 0
    assert "ok: plan" in said.out
    assert "tasks.json: read as taskmaster: 2 tasks; " in said.err
    assert "1 line left; `agentdeck import tasks.json` tells them" in said.err
    assert len(json.loads(deck("show", "tasks.json", "--json").out)["tasks"]) == 2


def test_problems_of_a_document_have_its_lines(deck: Deck, tasks: Path) -> None:
    """The loop is printed whole."""
    tasks.write_text(LOOP)
    for verb in ("check", "import", "show"):
        said = deck(verb, "tasks.json")
        assert said.code == 2
        assert said.err.startswith("tasks.json:3: dependency loop: 1 (line 3) -> 2 (line 4) -> 1")
        assert said.out == ""


def test_a_run_keeps_the_plan_that_was_made(deck: Deck, tasks: Path, repo: Path) -> None:
    """The text that is stored with a run is a plan file."""
    plan, text = load_plan(Path("tasks.json"), repo)
    assert read_plan(text, file="plan.toml") == plan
    done = deck("run", "tasks.json", "--agent", "scripted", "--headless")
    assert done.code in (0, 1), done.err
    kept = (newest_run(repo).path / "plan.toml").read_text(encoding="utf-8")
    assert [task.id for task in read_plan(kept, file="plan.toml").tasks] == ["1", "2"]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("import", 2, "FILE"),
        ("import none.md", 3, "there is no file none.md"),
        ("import task.json", 3, "did you mean tasks.json?"),
        ("import .", 2, "is a folder"),
        ("import tasks.json --format word", 2, "there is no format 'word'"),
        ("import tasks.json --json --quiet", 2, "exclude each other"),
        ("import tasks.json --force", 2, "-o"),
        ("import tasks.json -o ./tasks.json --force", 2, "is the document itself"),
        ("import tasks.json -o no/such/p.toml", 5, "cannot be written"),
        ("import odd.json", 2, "odd.json is in no format that agentdeck can import"),
        ("check odd.json", 2, "odd.json is in no format that agentdeck can import"),
        ("import latin.md", 2, "latin.md:2: not UTF-8"),
        ("import empty.md", 2, "empty.md is empty"),
    ],
)
def test_bad_input_is_told_in_one_message(
    deck: Deck, tasks: Path, repo: Path, words: str, code: int, says: str
) -> None:
    """Status, message, next step; nothing on stdout."""
    (repo / "odd.json").write_text('{"a": 1}')
    (repo / "latin.md").write_bytes(b"# A\ncaf\xe9\n")
    (repo / "empty.md").write_text("")
    said = deck(*words.split())
    assert (said.code, said.out) == (code, "")
    assert says in said.err
    assert "Traceback" not in said.err
