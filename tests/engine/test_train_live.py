"""Batches on real git with real gates: what lands, and that each commit of it is green."""

from __future__ import annotations

import asyncio
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.engine.turning import work_until

from agentdeck.core import events as e
from agentdeck.core.events import FailureClass
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.batch import LeftOut, Piece, fold
from agentdeck.engine.create import create_run, open_engine
from agentdeck.engine.git import Git
from agentdeck.engine.journal import Journal
from agentdeck.engine.loop import Engine
from agentdeck.plans.reader import read_plan
from agentdeck.testing.known_entries import drawn, plan_of

CommitOn = Callable[..., str]
Sh = Callable[..., str]
PATIENCE_S = 120.0

PLAN = """
version = 1
[plan]
name = "train"
agents = 8
[defaults]
retries = 0
[queue]
batch = 8
slots = {slots}
repair = "ask"
[agents.writer]
output = "plain"
command = ["sh", "-c", "{script}", "sh", "{{task}}"]
[gates.clean]
run = ["sh", "-c", "sleep 0.3; ! grep -q bad *.txt && ! ( test -e T5.txt && test -e T6.txt )"]
when = "merge"
"""
SCRIPT = (
    "if test $1 = T2; then echo bad > $1.txt; else echo good > $1.txt; fi; "
    "if test $1 = T7; then echo 7 > T0.txt; fi"
)


ENDED = (TaskState.LANDED, TaskState.FAILED)


# --- folding -------------------------------------------------------------------------------------


def test_pieces_become_one_child_of_the_target(
    git: Git, commit_on: CommitOn, repo: Path, sh: Sh
) -> None:
    """First parent: the target. Second: the chain, in which each piece has its own merge."""
    tip = git.resolve("main")
    heads = [commit_on("", {f"{name}.txt": name}, tip) for name in "ab"]
    pieces = [Piece(name, head, f"Complete {name}") for name, head in zip("ab", heads, strict=True)]
    made = fold(git, tip, pieces, message="Complete a, b")
    assert made.built is not None
    assert (made.names, made.left_out) == (("a", "b"), ())
    assert sh(repo, "log", "-1", "--format=%P|%s", made.built.commit) == (
        f"{tip} {made.merges[-1]}|Complete a, b"
    )
    assert sh(repo, "log", "--first-parent", "--format=%s", f"{tip}..{made.merges[-1]}") == (
        "Complete b\nComplete a"
    )
    assert git.tree_of(made.built.commit) == git.tree_of(made.merges[-1])


def test_one_piece_is_a_plain_merge(git: Git, commit_on: CommitOn, repo: Path, sh: Sh) -> None:
    tip = git.resolve("main")
    head = commit_on("", {"a.txt": "a"}, tip)
    made = fold(git, tip, [Piece("a", head, "Complete a")], message="unused")
    assert made.built is not None
    assert sh(repo, "log", "-1", "--format=%P|%s", made.built.commit) == f"{tip} {head}|Complete a"


def test_who_does_not_merge_is_left_out_and_told_apart(git: Git, commit_on: CommitOn) -> None:
    """`b` meets `a` in a file; `c` meets the target itself; `d` comes in."""
    root = git.resolve("main")
    tip = commit_on("", {"base.txt": "target"}, root)
    ours = {"a": {"x.txt": "a"}, "b": {"x.txt": "b"}, "c": {"base.txt": "c"}, "d": {"d.txt": "d"}}
    pieces = [Piece(name, commit_on("", files, root), name) for name, files in ours.items()]
    made = fold(git, tip, pieces, message="m")
    assert made.names == ("a", "d")
    behind, alone = made.left_out
    assert behind == LeftOut("b", ("x.txt",), ("a",))
    assert (alone.name, alone.files, alone.behind) == ("c", ("base.txt",), ())
    assert [hunk.path for hunk in alone.hunks] == ["base.txt"]
    assert "\ntarget\n=======\nc\n" in alone.hunks[0].text


# --- a run ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("slots", [1, 3])
def test_only_green_commits_land_whatever_is_in_the_queue(
    tmp_path: Path, slots: int, sh: Sh
) -> None:
    """Eight at once: one red, two red together, two that do not merge. Five land, in fewer gates.

    Each first-parent commit of the target passes the gate when it is checked out afterwards.
    """
    repo = tmp_path / "repo"
    repo.mkdir()
    sh(repo, "init", "--quiet")
    sh(repo, "commit", "--quiet", "--allow-empty", "-m", "first")
    text = PLAN.format(slots=slots, script=SCRIPT)
    text += "".join(f'[[task]]\nid = "T{n}"\nprompt = "x"\nagent = "writer"\n' for n in range(8))
    folder = create_run(repo, read_plan(text, file="p.toml"), "", root=tmp_path / "runs")
    state = asyncio.run(ended(open_engine(folder), PATIENCE_S))
    failed = {str(t.id): t.cause for t in state.tasks.values() if t.state is TaskState.FAILED}
    assert failed.pop("T2") is FailureClass.GATE
    assert Counter(failed.values()) == {FailureClass.GATE: 1, FailureClass.CONFLICT: 1}
    assert set(failed) & {"T5", "T6"}
    assert set(failed) & {"T0", "T7"}
    commits = sh(repo, "rev-list", "--first-parent", "--reverse", f"main..{state.target}").split()
    assert set(commits) == {landing.commit for landing in state.landings}
    for commit in commits:
        sh(repo, "checkout", "--quiet", "--detach", commit)
        gate = state.plan.gates[0].run
        assert subprocess.run(gate, cwd=repo, check=False).returncode == 0, commit
    journal = Journal(folder.journal)
    builds = [r.event for r in journal.history() if isinstance(r.event, e.EntryBuilt)]
    journal.close()
    assert any(build.others for build in builds)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_two_hundred_entries_land_as_they_would_one_by_one(tmp_path: Path, sh: Sh) -> None:
    """Known-bad, bad only in pairs, conflicting and flaky ones, on real git with a real gate.

    What lands is what would land one by one in the order in which entries came; each first-parent
    commit passes its gate when it is checked out afterwards.
    """
    count = 200
    kinds, repo = drawn(count, seed=1), tmp_path / "repo"
    repo.mkdir()
    sh(repo, "init", "--quiet", "--initial-branch=main")
    sh(repo, "commit", "--quiet", "--allow-empty", "-m", "first")
    text = plan_of(tmp_path, count, kinds)
    folder = create_run(repo, read_plan(text, file="p.toml"), "", root=tmp_path / "runs")
    state = asyncio.run(ended(open_engine(folder), patience_s=1500.0))
    journal = Journal(folder.journal)
    events = [recorded.event for recorded in journal.history()]
    journal.close()
    order = [int(x.task[1:]) for x in events if isinstance(x, e.EntryQueued) and x.task]
    landed = sorted(int(landing.task[1:]) for landing in state.landings if landing.task)
    assert landed == sorted(kinds.alone(order))
    gated = sum(isinstance(x, e.GateFinished) for x in events)
    commits = sh(repo, "rev-list", "--first-parent", "--reverse", f"main..{state.target}").split()
    print(f"{len(landed)} of {count} landed in {len(commits)} commits with {gated} gate runs")
    for commit in commits:
        sh(repo, "checkout", "--quiet", "--detach", commit)
        assert subprocess.run([tmp_path / "gate"], cwd=repo, check=False).returncode == 0, commit


async def ended(engine: Engine, patience_s: float) -> RunState:
    """The state once every task has landed or failed."""

    def over(state: RunState) -> bool:
        return all(each.state in ENDED for each in state.tasks.values())

    return await work_until(engine, over, patience_s)
