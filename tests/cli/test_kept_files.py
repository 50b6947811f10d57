"""Files for people that real runs keep current, and the archive of the files of prompts."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentdeck.control.runs import newest_run

Deck = Callable[..., Any]  # the fixture: words to code, out and err
PLAN = """
version = 1
[plan]
name = "shop"
[keep]
{keep}
[defaults]
agent = "scripted"
retries = 0
[[task]]
id = "A"
title = "First"
prompt_file = "tasks/A.md"
[[task]]
id = "B"
title = "Fails"
prompt_file = "tasks/B.md"
after = "A"
"""


def run_of(deck: Deck, repo: Path, keep: str, code: int = 1) -> Any:
    (repo / "tasks").mkdir(exist_ok=True)
    (repo / "tasks" / "A.md").write_text("! write a.txt\n")
    (repo / "tasks" / "B.md").write_text("! fail 3 no\n")
    (repo / "shop.toml").write_text(PLAN.format(keep=keep))
    for words in (["add", "-A"], ["commit", "-q", "-m", "Plan"]):
        subprocess.run(["git", *words], cwd=repo, check=True)
    said = deck("run", "shop.toml", "--headless")
    assert said.code == code, said.err
    return said


def changed(repo: Path) -> list[str]:
    done = subprocess.run(
        ["git", "status", "--porcelain", "-uall"],
        cwd=repo,
        check=True,
        capture_output=True,
        text=True,
    )
    return sorted(line.strip() for line in done.stdout.splitlines())


def test_files_are_current_at_the_end_of_a_run(deck: Deck, repo: Path) -> None:
    """Two in the checkout, where the plan names them, and one in the run's folder."""
    keep = 'progress = "PROGRESS.md"\ntasks_json = "docs/tasks.json"\ncsv = "{run}/a.csv"'
    run_of(deck, repo, keep)
    assert changed(repo) == ["?? PROGRESS.md", "?? docs/tasks.json"]
    page = (repo / "PROGRESS.md").read_text()
    assert page.startswith("<!-- kept by agentdeck -->\n\n# shop\n")
    assert "1 of 2 tasks have landed" in page
    assert "- [x] `A` First: landed as " in page
    tasks = json.loads((repo / "docs" / "tasks.json").read_text())["tasks"]
    assert [task["status"] for task in tasks] == ["done", "blocked"]
    with (newest_run(repo).path / "a.csv").open() as file:
        assert next(row["result"] for row in csv.DictReader(file)) == "landed"
    run_of(deck, repo, keep)  # those of the run before are ours, and are written over
    assert newest_run(repo).run in (repo / "PROGRESS.md").read_text()


def test_what_somebody_else_has_written_stays(deck: Deck, repo: Path, tmp_path: Path) -> None:
    """Nor is anything written through a link that leads out, or below `.git`."""
    (repo / "PROGRESS.md").write_text("# My own page\n")
    (repo / "out.json").symlink_to(tmp_path / "secret.json")
    (repo / "hooks").symlink_to(repo / ".git" / "hooks")
    keep = ("PROGRESS.md", "out.json", "hooks/post-commit")
    run_of(deck, repo, 'progress = "{}"\ntasks_json = "{}"\ncsv = "{}"'.format(*keep))
    assert (repo / "PROGRESS.md").read_text() == "# My own page\n"
    assert not (tmp_path / "secret.json").exists()
    assert not (repo / ".git" / "hooks" / "post-commit").exists()
    told = newest_run(repo).engine_log.read_text()
    assert told.count("PROGRESS.md is not kept") == 1
    assert "none that agentdeck has written" in told


def test_the_file_of_a_task_that_has_landed_goes_to_the_archive(deck: Deck, repo: Path) -> None:
    """And the plan is read as before: it is found there."""
    run_of(deck, repo, "archive = true")
    assert not (repo / "tasks" / "A.md").exists()
    assert (repo / "tasks" / "archive" / "A.md").read_text() == "! write a.txt\n"
    assert (repo / "tasks" / "B.md").exists()  # it has failed
    assert changed(repo) == ["?? tasks/archive/A.md", "D tasks/A.md"]
    assert deck("check", "shop.toml").code == 0


def test_nothing_is_written_where_the_plan_says_nothing(deck: Deck, repo: Path) -> None:
    (repo / "tasks").mkdir()
    run_of(deck, repo, "archive = false")
    assert changed(repo) == []
    assert not (newest_run(repo).path / "briefs.json").exists()


@pytest.mark.parametrize(
    ("keep", "why"),
    [
        ('progress = "../PROGRESS.md"', "no path below the checkout"),
        ('progress = "/etc/motd"', "no path below the checkout"),
        ('progress = "~/x.md"', "no path below the checkout"),
        ('csv = ".git/hooks/post-commit"', "no path below the checkout"),
        ('csv = "{run}/journal.db"', "no place in the run's folder"),
        ('csv = "{run}/attempts/x"', "no place in the run's folder"),
        ('csv = "{run}/../x"', "no path below the checkout"),
        ('csv = "a"\nprogress = "a"', "is the file of"),
    ],
)
def test_a_place_that_cannot_be_one_is_refused(deck: Deck, repo: Path, keep: str, why: str) -> None:
    (repo / "tasks").mkdir()
    (repo / "tasks" / "A.md").write_text("x")
    (repo / "tasks" / "B.md").write_text("x")
    (repo / "shop.toml").write_text(PLAN.replace("{keep}", keep))
    said = deck("check", "shop.toml")
    assert said.code == 2
    assert why in said.err + said.out
