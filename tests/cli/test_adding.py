"""`agentdeck add`: one line into a run that goes on, or into a plan file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from agentdeck.cli import adding
from agentdeck.control.runs import fold_run, newest_run
from agentdeck.core.ids import TaskId
from agentdeck.plans.reader import read_plan

Deck = Callable[..., Any]  # the fixture: words to code, out and err


def test_a_line_becomes_a_task_of_the_plan_file(deck: Deck, repo: Path) -> None:
    """What was understood is said, and the file only grows."""
    before = (repo / "quick.toml").read_text()
    line = 'Fix login after B ~30m @codex #auth files src/auth/** $2 -- Mind the "cookies".'
    said = deck("add", line, "--plan", "quick.toml")
    assert said.code == 0, said.err
    assert "~ after     B  from “after B”" in said.out
    assert "= agent     codex" in said.out
    text = (repo / "quick.toml").read_text()
    assert text.startswith(before)
    task = read_plan(text, file="quick.toml").by_id[TaskId("fix-login")]
    assert (task.after, task.estimate_s, task.agent, task.budget.usd) == (("B",), 1800, "codex", 2)
    assert (task.labels, task.files) == (("auth",), ("src/auth/**",))
    assert task.prompt == 'Mind the "cookies".'


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("x after ZZ-9 @codx", "--plan", "quick.toml"), 2, 'there is no task "ZZ-9"'),
        (("x after ZZ-9 @codx", "--plan", "quick.toml"), 2, 'unknown agent "codx" (did you mean'),
        (("", "--plan", "quick.toml"), 2, "nothing says what is to be done"),
        (("id=A x", "--plan", "quick.toml"), 2, 'there is a task "A" already (A-2 is free)'),
        (("x", "--plan", "none.toml"), 3, "there is no file none.toml"),
        (("x",), 3, "--plan PLAN adds it to a plan file"),
        (("x", "--run", "none"), 3, "none"),
    ],
)
def test_what_cannot_be_added_changes_nothing(
    deck: Deck, repo: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    before = (repo / "quick.toml").read_bytes()
    result = deck("add", *words)
    assert (result.code, said in result.err) == (code, True), result.err
    assert (repo / "quick.toml").read_bytes() == before


def test_a_dry_run_and_a_no_add_nothing(
    deck: Deck, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a terminal it is asked; `--yes` does not ask."""
    before = (repo / "quick.toml").read_bytes()
    dry = deck("add", "x after A", "--plan", "quick.toml", "--dry-run")
    assert dry.code == 0
    assert '+title = "x"' in dry.out
    asked: list[str] = []

    def confirm(text: str) -> bool:
        asked.append(text)
        return False

    monkeypatch.setattr(adding, "in_terminal", lambda _: True)
    monkeypatch.setattr(typer, "confirm", confirm)
    no = deck("add", "x after A", "--plan", "quick.toml")
    assert (no.code, asked) == (0, ["Add x to quick.toml?"])
    assert "nothing was done" in no.err
    assert (repo / "quick.toml").read_bytes() == before
    assert deck("add", "x after A", "--plan", "quick.toml", "--yes").code == 0
    assert len(asked) == 1
    assert b'title = "x"' in (repo / "quick.toml").read_bytes()


def test_a_run_that_goes_on_takes_a_line(deck: Deck, repo: Path) -> None:
    """By the change of plans that `plan add --run` makes: the same rules and refusals."""
    assert deck("run", "waits.toml", "--no-attach").code == 0
    run = newest_run(repo)
    said = deck("add", "Third after b ~5m #late")
    assert said.code == 0, said.err
    assert f"{run.run}: third added" in said.out
    state = fold_run(run)
    spec = state.spec(TaskId("third"))
    assert (spec.title, spec.after, spec.estimate_s, spec.labels) == (
        "Third", ("B",), 300.0, ("late",),
    )  # fmt: skip
    assert state.settings(TaskId("third")).agent == "writer"
    assert "waits for B" in deck("why", "third").out

    # An agent that the plan has no table of comes with what is known of it here.
    told = json.loads(deck("add", "Fourth after third @codex", "--json").out)
    assert (told["id"], told["task"]["agent"], told["faults"]) == ("fourth", "codex", [])
    assert told["sure"]["after"] == "word"
    assert fold_run(run).plan.agent_by_name["codex"].adapter is not None  # type: ignore[index]

    only_told = deck("add", "Fifth", "--dry-run")
    assert (only_told.code, "fifth" in only_told.out) == (0, True)
    assert TaskId("fifth") not in fold_run(run).tasks
    both = deck("add", "Sixth after B", "--plan", "waits.toml", "--run", run.run)
    assert both.code == 0, both.err
    assert TaskId("sixth") in fold_run(run).tasks
    assert 'title = "Sixth"' in (repo / "waits.toml").read_text()

    assert deck("skip", "third").code == 0
    told_of = deck("add", "Seventh after third")
    assert "seventh needs third, which is skipped" in told_of.err
    assert deck("end", "--yes").code == 0
    over = deck("add", "late")
    assert over.code == 4
    assert "the run" in over.err
