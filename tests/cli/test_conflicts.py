"""`agentdeck conflicts`: a run with agents in each other's way, seen while they work."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentdeck.control.runs import fold_run, newest_run
from agentdeck.core.ids import TaskId
from agentdeck.core.state import TaskState
from agentdeck.testing.settling import settle

Deck = Callable[..., Any]
# Each writes its files, commits nothing, and waits for its signal.
PLAN = r"""
version = 1
[plan]
name = "crowd"
[agents.crowd]
command = ["sh", "-c", '''
case $1 in
  A) echo A > shared; echo A > "$(printf 'odd\377')" ;;
  B) echo B > shared; echo B > "$(printf 'odd\377')"; echo B > other ;;
  C) echo C > other ;;
esac
until [ -e "GO$1" ] || [ -e GO ]; do sleep 0.05; done
''', "sh", "{task}"]
[defaults]
agent = "crowd"
[[task]]
id = "A"
title = "First"
[[task]]
id = "B"
title = "Second"
[[task]]
id = "C"
title = "Third"
"""


def state_of(repo: Path, task: str) -> TaskState:
    return fold_run(newest_run(repo)).task(TaskId(task)).state


def found(deck: Deck) -> Any:
    said = deck("conflicts", "--json")
    assert said.code == 0, said.err
    return json.loads(said.out)


def at(collision: Any) -> tuple[str, ...]:
    return (*collision["tasks"], *(("target",) if collision["target"] else ()))


def test_collisions_are_told_while_agents_work_wait_and_land(deck: Deck, repo: Path) -> None:
    """A and B are in each other's way, B and C too; C lands, and then it is the target for B."""
    (repo / "crowd.toml").write_text(PLAN.replace("GO", str(repo.parent / "go")))
    assert deck("run", "crowd.toml", "--no-attach", "--agents", "3").code == 0
    run = newest_run(repo)
    trees = run.path / "worktrees"
    settle(lambda: len(list(trees.glob("*/other"))) == 2, "the files of B and C")
    settle(lambda: len(list(trees.glob("*/shared"))) == 2, "the files of A and B")
    first = found(deck)
    assert (first["run"], first["unknown"], first["fault"]) == (run.run, 0, "")
    assert [(one["task"], one["state"], one["uncommitted"]) for one in first["live"]] == [
        ("A", "working", 2),
        ("B", "working", 3),
        ("C", "working", 1),
    ]
    assert first["collisions"] == [
        {"tasks": ["A", "B"], "target": False, "files": ["odd\\xff", "shared"], "more_files": 0},
        {"tasks": ["B", "C"], "target": False, "files": ["other"], "more_files": 0},
    ]
    rows = [line.split() for line in deck("conflicts").out.splitlines()]
    assert rows[0] == ["TASK", "STATE", "WITH", "IN"]
    assert rows[1:] == [
        ["A", "working", "B", "odd\\xff,", "shared"],
        ["B", "working", "C", "other"],
    ]

    assert deck("hold").code == 0
    (repo.parent / "goC").touch()
    settle(lambda: state_of(repo, "C") is TaskState.QUEUED, "C in the queue")
    queued = found(deck)
    c = queued["live"][2]
    assert (c["task"], c["state"], c["uncommitted"], c["queue_place"]) == ("C", "queued", 0, 1)
    assert c["commit"] == fold_run(run).queue[next(iter(fold_run(run).queue))].head
    assert list(map(at, queued["collisions"])) == [("A", "B"), ("B", "C")]
    why = "waits: the merge queue is held (H releases it)"
    assert c["queue_why"] == why
    assert f"1. in the merge queue: C {why}" in deck("conflicts").out.splitlines()

    assert deck("release").code == 0
    settle(lambda: state_of(repo, "C") is TaskState.LANDED, "C landed")
    landed = found(deck)
    assert list(map(at, landed["collisions"])) == [("B", "target"), ("A", "B")]
    assert landed["tip"] == fold_run(run).tip
    assert "B     working  target deck/crowd  other" in deck("conflicts").out


def test_no_collisions_and_nobody_at_work_are_told_apart(deck: Deck, repo: Path) -> None:
    """That nothing collides is only said where something was compared."""
    assert deck("run", "waits.toml", "--no-attach").code == 0
    settle(lambda: state_of(repo, "A") is TaskState.WORKING, "A at work")
    said = deck("conflicts")
    assert (said.code, said.out) == (
        0,
        "no collisions: 1 live task compared with deck/waits\n",
    )
    (repo.parent / "go").touch()
    settle(lambda: fold_run(newest_run(repo)).outcome is not None, "the end")
    nothing = "nobody works and nothing waits to land: there is nothing to compare\n"
    assert deck("conflicts").out == nothing
    assert found(deck)["live"] == []


def test_a_target_that_is_gone_is_an_error_with_a_reason(deck: Deck, repo: Path) -> None:
    """Not one without collisions."""
    assert deck("run", "quick.toml", "--headless").code == 0
    (repo / ".git/refs/heads/deck/quick").unlink()
    said = deck("conflicts")
    assert said.code == 5
    assert "there is no branch deck/quick any more" in said.err
