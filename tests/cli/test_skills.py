"""`skills`: who can do what, and who asks for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Deck = Callable[..., Any]  # the fixture: words to code, out and err

PLAN = """version = 1
[agents.web]
use = "claude"
skills = ["CSS", "html"]
[agents.py]
use = "codex"
skills = ["python"]
[[task]]
id = "look"
title = "x"
skills = ["css"]
[[task]]
id = "other"
title = "x"
skills = ["pyton"]
[[task]]
id = "later"
title = "x"
skills = ["rust"]
defer = "another day"
"""


def write(repo: Path, text: str) -> None:
    (repo / "plan.toml").write_text(text)


def test_each_skill_has_its_agents_and_the_tasks_that_ask(deck: Deck, repo: Path) -> None:
    """Upper and lower case are one skill; what is not part of the run asks for nothing."""
    write(repo, PLAN)
    rows = {
        row["name"]: row for row in json.loads(deck("skills", "plan.toml", "--json").out)["skills"]
    }
    assert list(rows) == ["CSS", "html", "python", "pyton"]
    assert (rows["CSS"]["agents"], rows["CSS"]["tasks"]) == (["web"], ["look"])
    assert (rows["pyton"]["agents"], rows["pyton"]["nearest"]) == ([], "python")
    said = deck("skills", "plan.toml")
    assert "CSS     web     look" in said.out
    assert "no agent has pyton" in said.err
    assert "did you mean python?" in said.err


def test_where_no_agent_says_anything_the_words_hold_nobody_back(deck: Deck, repo: Path) -> None:
    write(repo, 'version = 1\n[[task]]\nid = "a"\ntitle = "x"\nskills = ["css"]\n')
    assert "any agent will do" in deck("skills", "plan.toml").err
    write(repo, 'version = 1\n[[task]]\nid = "a"\ntitle = "x"\n')
    assert "no task asks for one" in deck("skills", "plan.toml").out


def test_a_plan_and_a_run_exclude_each_other(deck: Deck, repo: Path) -> None:
    write(repo, PLAN)
    said = deck("skills", "plan.toml", "--run", "x")
    assert (said.code, "exclude each other" in said.err) == (2, True)
