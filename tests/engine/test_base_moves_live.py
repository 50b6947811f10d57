"""The base branch moves under a run: it goes through the queue, and nobody's files are touched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.engine.turning import until

from agentdeck.core import commands as c
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.create import create_run, open_engine, run_engine
from agentdeck.engine.git import Git
from agentdeck.engine.loop import Engine
from agentdeck.plans.reader import read_plan

Sh = Callable[..., str]
Look = Callable[[Path], dict[str, object]]
PATIENCE_S = 60.0

# K keeps the run open, so that a promotion is asked for while it lives.
PLAN = """\
version = 1
[plan]
name = "p"
[agents.sh]
command = ["sh", "-c", "echo agent > README; echo new > new.txt"]
[agents.me]
use = "human"
[defaults]
agent = "sh"
[gates.apart]
run = ["sh", "-c", "! test -e new.txt || ! test -e bad.txt"]
when = "merge"
[[task]]
id = "A"
title = "First"
[[task]]
id = "K"
title = "Kept open"
agent = "me"
"""


@asynccontextmanager
async def landed(repo: Path, root: Path) -> AsyncIterator[Engine]:
    """An engine whose task A has landed."""
    folder = create_run(repo, read_plan(PLAN, file="p.toml"), PLAN, root=root)
    engine = open_engine(folder)
    turning = asyncio.create_task(run_engine(engine))
    try:
        await until(engine, lambda s: s.tasks[TaskId("A")].state is TaskState.LANDED)
        yield engine
    finally:
        engine.stop("test")
        await asyncio.wait_for(turning, PATIENCE_S)


def commit(sh: Sh, repo: Path, **files: str) -> str:
    for name, text in files.items():
        (repo / name.replace("_", ".")).write_text(text)
    sh(repo, "add", "--all")
    sh(repo, "commit", "--quiet", "-m", "by the user")
    return sh(repo, "rev-parse", "HEAD")


def promoted(state: RunState) -> bool:
    return bool(state.promoted) and state.promoted == state.tip


async def test_commits_of_the_user_go_through_the_gates_and_are_kept(
    repo: Path, sh: Sh, tmp_path: Path
) -> None:
    async with landed(repo, tmp_path / "runs") as engine:
        theirs = commit(sh, repo, mine_txt="mine\n")
        await engine.submit(c.Promote())
        await until(engine, promoted)
        main = sh(repo, "rev-parse", "main")
        assert main == engine.state.tip
        assert sh(repo, "merge-base", theirs, main) == theirs
        assert sh(repo, "status", "--porcelain") == ""
        assert (repo / "mine.txt").read_text() == "mine\n"
        assert (repo / "new.txt").read_text() == "new\n"
        runs = engine.state.gate_runs(engine.state.plan.gates[0].name, engine.state.tip_tree)
        assert [run.code for run in runs] == [0]


@pytest.mark.parametrize(
    ("files", "why"),
    [({"bad_txt": "x"}, "gate apart failed"), ({"README": "user\n"}, "conflicts with what has")],
)
async def test_commits_that_do_not_go_with_the_work_stop_the_promotion_and_nothing_else(
    repo: Path, sh: Sh, tmp_path: Path, look: Look, files: dict[str, str], why: str
) -> None:
    async with landed(repo, tmp_path / "runs") as engine:
        theirs = commit(sh, repo, **files)
        before, target = look(repo), engine.state.tip
        await engine.submit(c.Promote())
        await until(engine, lambda s: not s.promote_wanted)
        assert why in engine.state.promote_reason
        assert engine.state.promote_reason.startswith("commits of main: ")
        assert (sh(repo, "rev-parse", "main"), engine.state.tip) == (theirs, target)
        assert look(repo) == before


async def test_a_rewritten_base_is_merged_as_it_is_now(repo: Path, sh: Sh, tmp_path: Path) -> None:
    """A force push, an amend: the old commits stay in what landed, the new ones come in."""
    commit(sh, repo, second_txt="2\n")
    async with landed(repo, tmp_path / "runs") as engine:
        sh(repo, "commit", "--quiet", "--amend", "-m", "rewritten")
        await engine.submit(c.Promote())
        await until(engine, promoted)
        subjects = sh(repo, "log", "--format=%s", "main").splitlines()
        assert {"rewritten", "by the user"} <= set(subjects)
        assert sh(repo, "status", "--porcelain") == ""


async def test_a_base_of_another_history_is_told(
    repo: Path, sh: Sh, tmp_path: Path, look: Look
) -> None:
    async with landed(repo, tmp_path / "runs") as engine:
        sh(repo, "checkout", "--quiet", "--orphan", "other")
        sh(repo, "commit", "--quiet", "-m", "another beginning")
        sh(repo, "branch", "--quiet", "-M", "other", "main")
        before = look(repo)
        await engine.submit(c.Promote())
        await until(engine, lambda s: "no common history" in s.promote_reason)
        assert look(repo) == before


async def test_local_changes_in_the_way_are_waited_for(
    repo: Path, sh: Sh, tmp_path: Path, look: Look
) -> None:
    async with landed(repo, tmp_path / "runs") as engine:
        (repo / "README").write_text("not committed\n")
        before = look(repo)
        await engine.submit(c.Promote())
        await until(engine, lambda s: "README has local changes" in s.promote_reason)
        assert look(repo) == before
        sh(repo, "checkout", "--quiet", "--", "README")
        await until(engine, promoted)
        assert (repo / "README").read_text() == "agent\n"


async def test_a_checkout_of_another_branch_is_left_alone(
    repo: Path, sh: Sh, tmp_path: Path, look: Look
) -> None:
    async with landed(repo, tmp_path / "runs") as engine:
        sh(repo, "checkout", "--quiet", "-b", "elsewhere")
        (repo / "README").write_text("not committed\n")
        before = look(repo)
        await engine.submit(c.Promote())
        await until(engine, promoted)
        assert look(repo) == before
        assert sh(repo, "rev-parse", "main") == engine.state.tip


async def test_the_base_moves_again_while_its_commits_are_gated(
    repo: Path, sh: Sh, tmp_path: Path
) -> None:
    async with landed(repo, tmp_path / "runs") as engine:
        one = commit(sh, repo, one_txt="1\n")
        await engine.submit(c.Promote())
        await until(engine, lambda s: bool(s.queue) or promoted(s))
        two = commit(sh, repo, two_txt="2\n") if not promoted(engine.state) else one
        await until(engine, promoted)
        main = sh(repo, "rev-parse", "main")
        assert main == engine.state.tip
        for theirs in (one, two):
            assert sh(repo, "merge-base", theirs, main) == theirs


async def test_a_target_moved_by_hand_is_built_on_or_told(
    repo: Path, sh: Sh, tmp_path: Path
) -> None:
    """Commits put on top of the target are gone on from; a target that went back is not."""
    async with landed(repo, tmp_path / "runs") as engine:
        git, target = Git.discover(repo), engine.state.target
        ahead = sh(
            repo, "commit-tree", f"{engine.state.tip}^{{tree}}", "-p", engine.state.tip, "-m", "x"
        )
        git.update_ref(f"refs/heads/{target}", ahead, engine.state.tip)
        commit(sh, repo, mine_txt="mine\n")
        await engine.submit(c.Promote())
        await until(engine, promoted)
        assert sh(repo, "merge-base", ahead, "main") == ahead
        landings = [one for one in engine.state.landings if one.task is None]
        assert landings
