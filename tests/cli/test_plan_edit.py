"""`agentdeck plan VERB` on files and on runs that go on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentdeck.cli.progress import sentence_of
from agentdeck.control import rewrite
from agentdeck.control.runs import fold_run, newest_run
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.events import PlanChanged
from agentdeck.core.ids import TaskId
from agentdeck.core.replan import PlanChange
from agentdeck.core.state import RunState, TaskState
from agentdeck.plans.reader import read_plan
from agentdeck.testing.settling import settle

Deck = Callable[..., Any]  # the fixture: words to code, out and err


def state_of(repo: Path, task: str) -> TaskState:
    return fold_run(newest_run(repo)).tasks[TaskId(task)].state


def tasks(repo: Path, name: str = "quick.toml") -> list[str]:
    plan = read_plan((repo / name).read_text(), file=name)
    return [f"{task.id}<{','.join(task.after)}" for task in plan.tasks]


def test_a_plan_is_edited_from_end_to_end(deck: Deck, repo: Path) -> None:
    """Each verb once, and the plan that comes of it."""
    before = (repo / "quick.toml").read_text()
    assert deck("plan", "add", "quick.toml", "C", "--title", "Third", "--after", "B").code == 0
    assert deck("plan", "add", "quick.toml", "D", "estimate=1h", "title=Other").code == 0
    assert (repo / "quick.toml").read_text().startswith(before)
    assert tasks(repo) == ["A<", "B<A", "C<B", "D<"]
    assert deck("plan", "link", "quick.toml", "D", "C").code == 0
    assert deck("plan", "unlink", "quick.toml", "C", "B").code == 0
    assert deck("plan", "move", "quick.toml", "C", "--before", "A").code == 0
    assert tasks(repo) == ["C<", "A<", "B<A", "D<C"]
    assert deck("plan", "split", "quick.toml", "C", "C1", "C2", "--parallel").code == 0
    assert tasks(repo) == ["C1<", "C2<", "A<", "B<A", "D<C1,C2"]
    assert deck("plan", "drop", "quick.toml", "C1", "--relink").code == 0
    assert deck("plan", "set", "quick.toml", "D", "priority=2", "labels=x,y").code == 0
    assert deck("plan", "set", "quick.toml", "plan.agents=8", "defaults.retries=1").code == 0
    assert deck("plan", "defer", "quick.toml", "D", "--reason", "not now").code == 0
    plan = read_plan((repo / "quick.toml").read_text(), file="quick.toml")
    last = plan.by_id[TaskId("D")]
    assert (last.priority, last.labels, last.defer, last.estimate_s) == (
        2,
        ("x", "y"),
        "not now",
        3600.0,
    )
    assert (plan.agents_limit, plan.defaults.retries) == (8, 1)


def test_a_dry_run_shows_a_diff_and_writes_nothing(deck: Deck, repo: Path) -> None:
    before = (repo / "quick.toml").read_bytes()
    said = deck("plan", "set", "quick.toml", "A", "title=Begin", "--dry-run")
    assert said.code == 0
    assert '-title = "First"' in said.out
    assert '+title = "Begin"' in said.out
    assert (repo / "quick.toml").read_bytes() == before
    same = deck("plan", "set", "quick.toml", "A", "title=First")
    assert (same.code, same.out) == (0, "")
    assert "nothing changes" in same.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("set quick.toml Z title=x", 3, "has no task"),
        ("set quick.toml A", 2, "nothing says what to set"),
        ("set quick.toml A estimate=soon", 2, "quick.toml:16: task A, estimate"),
        ("link quick.toml A B", 2, "dependency loop: A -> B -> A"),
        ("drop quick.toml A", 2, "B waits for A"),
        ("move quick.toml A", 2, "nothing says where to"),
        ("move quick.toml A --before B --after-task B", 2, "exclude each other"),
        ("defer quick.toml B --reason=", 2, "a reason is needed"),
        ("set none.toml A title=x", 3, "there is no file none.toml"),
        ("set README.md A title=x", 2, "only those are edited"),
        ("set bad.toml A title=x", 2, "bad.toml:1: not TOML"),
        ("add quick.toml A title=x", 2, "there is a task A already"),
        ("add quick.toml C", 2, "neither a title nor a prompt"),
        ("add quick.toml C plan.agents=3", 2, "is for `plan set`"),
        ("set quick.toml A title=x --run none", 3, "none"),
    ],
)
def test_what_cannot_be_is_one_error_and_nothing_is_written(
    deck: Deck, repo: Path, words: str, code: int, said: str
) -> None:
    (repo / "bad.toml").write_text("[plan\n")
    before = {path.name: path.read_bytes() for path in repo.glob("*.toml")}
    result = deck("plan", *words.split(" "))
    assert result.code == code, result.err
    assert said in result.err
    assert "Traceback" not in result.err
    assert {path.name: path.read_bytes() for path in repo.glob("*.toml")} == before


def test_mode_links_marks_and_line_endings_stay(deck: Deck, repo: Path) -> None:
    """A link stays a link to the file that is written, and that keeps its mode and its bytes."""
    real = repo / "real.toml"
    text = (repo / "quick.toml").read_text().replace("\n", "\r\n")
    real.write_bytes(b"\xef\xbb\xbf" + text.encode())
    real.chmod(0o640)
    (repo / "link.toml").symlink_to("real.toml")
    assert deck("plan", "set", "link.toml", "A", "title=Begin").code == 0
    assert (repo / "link.toml").is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    expected = b"\xef\xbb\xbf" + text.replace('"First"', '"Begin"').encode()
    assert real.read_bytes() == expected
    assert not list(repo.glob(".*.toml.*"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_only_be_read_stays(deck: Deck, repo: Path) -> None:
    (repo / "quick.toml").chmod(0o444)
    assert deck("plan", "set", "quick.toml", "A", "title=x").code == 5


def test_a_change_by_somebody_else_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(b"theirs")
    with pytest.raises(EnvironmentFault, match="changed by somebody else"):
        rewrite.replace_file(file, b"before", b"after")
    assert file.read_bytes() == b"theirs"
    rewrite.replace_file(file, b"theirs", b"after")
    assert file.read_bytes() == b"after"


def test_a_run_takes_edits_in_while_it_goes_on(deck: Deck, repo: Path) -> None:
    """`--run` changes file and run, or neither; `replan` brings in what was edited by hand."""
    assert deck("run", "waits.toml", "--no-attach").code == 0
    run = newest_run(repo).run
    settle(lambda: state_of(repo, "A") is TaskState.WORKING, "A at work")
    said = deck("plan", "add", "waits.toml", "C", "--title", "New", "--after", "B", "--run", run)
    assert said.code == 0, said.err
    assert f"{run}: C put" in said.out
    assert tasks(repo, "waits.toml") == ["A<", "B<A", "C<B"]
    assert "waits for B" in deck("why", "C").out

    before = (repo / "waits.toml").read_bytes()
    refused = deck("plan", "set", "waits.toml", "A", "files=x", "--run", run)
    assert refused.code == 4
    assert "A is working: its files cannot change" in refused.err
    assert (repo / "waits.toml").read_bytes() == before

    text = (repo / "waits.toml").read_text()
    edited = text.replace('id = "C"', 'id = "D"').replace(
        'name = "waits"', 'name = "waits"\nagents = 2'
    )
    (repo / "waits.toml").write_text(edited)
    said = deck("replan", "waits.toml")
    assert said.code == 0, said.err
    assert "D put; C dropped; 2 agents at once" in said.out
    assert "nothing changes" in deck("replan", "waits.toml").err
    (repo / "waits.toml").write_text(
        edited.replace("[defaults]", "[gates.g]\nrun = 'x'\n[defaults]")
    )
    fixed = deck("replan", "waits.toml")
    assert fixed.code == 4
    assert "[gates] is fixed while the run goes on" in fixed.err

    (repo.parent / "go").touch()
    settle(lambda: fold_run(newest_run(repo)).outcome is not None, "the end")
    states = {row["id"]: row["state"] for row in json.loads(deck("status", "--json").out)["tasks"]}
    assert states == {"A": "landed", "B": "landed", "D": "landed"}
    over = deck("plan", "add", "waits.toml", "E", "title=late", "--run", run)
    assert over.code == 4
    assert "the run has ended" in over.err


def test_an_edit_does_not_take_back_what_the_run_was_started_with(deck: Deck, repo: Path) -> None:
    """--agent and --agents hold for the run; what the edit did not touch stays as it is there."""
    plan = (repo / "waits.toml").read_text()
    plan = plan.replace("[agents.writer]", "[agents.other]\ncommand = ['true']\n[agents.writer]")
    plan = plan.replace('id = "B"', 'id = "B"\nagent = "other"')
    (repo / "waits.toml").write_text(plan)
    started = deck("run", "waits.toml", "--no-attach", "--agent", "writer", "--agents", "1")
    assert started.code == 0, started.err
    settle(lambda: state_of(repo, "A") is TaskState.WORKING, "A at work")
    (repo / "waits.toml").write_text(plan + '[[task]]\nid = "C"\ntitle = "c"\nagent = "other"\n')
    said = deck("replan", "waits.toml")
    assert said.code == 0, said.err
    state = fold_run(newest_run(repo))
    assert {task.id: state.settings(task.id).agent for task in state.plan.tasks} == {
        "A": "writer", "B": "writer", "C": "writer",
    }  # fmt: skip
    assert state.agents_limit == 1
    (repo / "waits.toml").write_text(plan)
    assert "C dropped" in deck("replan", "waits.toml").out


def test_a_change_is_a_line_of_headless_progress() -> None:
    change = PlanChange(dropped=(TaskId("C"),), agents_limit=2)
    said = sentence_of(PlanChanged(change, 1, "you"), RunState())
    assert said == ("plan", "changed by you: C dropped; 2 agents at once")
