"""Batches on real git with real gates: what lands, and that each commit of it is green."""

from __future__ import annotations

import asyncio
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from agentdeck.core import events as e
from agentdeck.core.events import FailureClass
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.batch import LeftOut, Piece, fold
from agentdeck.engine.create import create_run, open_engine, run_engine
from agentdeck.engine.git import Git
from agentdeck.engine.journal import Journal
from agentdeck.engine.loop import Engine
from agentdeck.plans.reader import read_plan

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


@dataclass(frozen=True)
class Kinds:
    """What is wrong with which of many entries."""

    bad: frozenset[int]
    pairs: tuple[tuple[int, int], ...]  # red together
    clashes: tuple[tuple[int, int], ...]  # do not merge
    flaky: frozenset[int]

    def red(self, inside: list[int]) -> bool:
        return any(n in self.bad for n in inside) or any(
            one in inside and two in inside for one, two in self.pairs
        )

    def alone(self, order: list[int]) -> list[int]:
        """What lands one by one."""
        landed: list[int] = []
        for number in order:
            meets = any(
                number in pair and set(pair) - {number} <= set(landed) for pair in self.clashes
            )
            if not meets and not self.red([*landed, number]):
                landed.append(number)
        return landed


def drawn(count: int, seed: int) -> Kinds:
    numbers = list(range(count))
    Random(seed).shuffle(numbers)
    share = max(1, count // 20)
    groups = [numbers[at : at + 2 * share] for at in range(0, 8 * share, 2 * share)]
    pairs, clashes = (tuple(zip(g[::2], g[1::2], strict=True)) for g in groups[:2])
    return Kinds(frozenset(groups[2]), pairs, clashes, frozenset(groups[3]))


MANY = """
version = 1
[plan]
name = "many"
agents = 8
[defaults]
agent = "writer"
retries = 0
[queue]
slots = 2
repair = "ask"
[agents.writer]
output = "plain"
command = ["{writer}", "{{task}}"]
[gates.all]
run = ["{gate}"]
when = "merge"
retries = 1
"""


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_two_hundred_entries_land_as_they_would_one_by_one(tmp_path: Path, sh: Sh) -> None:
    """Known-bad, bad only in pairs, conflicting and flaky ones, on real git with a real gate.

    What lands is what would land one by one in the order in which entries came; each first-parent
    commit passes its gate when it is checked out afterwards.
    """
    count = 200
    kinds = drawn(count, seed=1)
    repo, seen = tmp_path / "repo", tmp_path / "seen"
    repo.mkdir()
    seen.mkdir()
    sh(repo, "init", "--quiet", "--initial-branch=main")
    sh(repo, "commit", "--quiet", "--allow-empty", "-m", "first")
    partner = {n: pair for pair in kinds.clashes for n in pair}
    writes = "".join(f"n{n}) echo {n} > shared-{min(partner[n])}.txt;;\n" for n in sorted(partner))
    reds = "".join(f"test ! -e n{n}.txt || exit 1\n" for n in sorted(kinds.bad))
    reds += "".join(f"test ! -e n{a}.txt || test ! -e n{b}.txt || exit 1\n" for a, b in kinds.pairs)
    flaky = "".join(
        f"test ! -e n{n}.txt || test -e {seen}/{n} || {{ touch {seen}/{n}; exit 1; }}\n"
        for n in sorted(kinds.flaky)
    )
    writer = script(tmp_path / "writer", f"echo work > $1.txt\ncase $1 in\n{writes}esac\n")
    gate = script(tmp_path / "gate", flaky + reds)
    text = MANY.format(writer=writer, gate=gate)
    text += "".join(f'[[task]]\nid = "n{n}"\nprompt = "x"\n' for n in range(count))
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
        assert subprocess.run([gate], cwd=repo, check=False).returncode == 0, commit


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}true\n")
    path.chmod(0o755)
    return path


async def ended(engine: Engine, patience_s: float) -> RunState:
    """The state once every task has landed or failed."""
    task = asyncio.create_task(run_engine(engine))
    try:
        async with asyncio.timeout(patience_s):
            while any(each.state not in ENDED for each in engine.state.tasks.values()):
                await engine.wait_past(engine.state.seq, 1.0)
    finally:
        engine.stop("test")
        await asyncio.wait_for(task, PATIENCE_S)
    return engine.state
