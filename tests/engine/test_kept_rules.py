"""Rules of a plan outlive its run: on the disk, for their owner, and for that plan alone."""

from __future__ import annotations

import asyncio
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agentdeck.core import commands as c
from agentdeck.core.permissions import Decision, PermissionRule, Scope
from agentdeck.core.plan import Permission, Plan
from agentdeck.core.state import RunState
from agentdeck.engine.create import create_run, open_engine, run_engine
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.loop import Engine
from agentdeck.testing.builders import plan, task

PATIENCE_S = 30.0


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    path = tmp_path / "repo"
    path.mkdir()
    for words in (("init", "--quiet"), ("commit", "--quiet", "--allow-empty", "-m", "first")):
        subprocess.run(["git", *words], cwd=path, check=True)
    return path


def by_hand(name: str = "p", **fields: object) -> Plan:
    """A plan in which nothing happens by itself."""
    return plan(task("A", human=True), name=name, **fields)


async def with_engine(
    folder: RunFolder, *wishes: c.AnyCommand, until: Callable[[RunState], bool] | None = None
) -> Engine:
    engine = open_engine(folder)
    turning = asyncio.create_task(run_engine(engine))
    for wish in wishes:
        await engine.submit(wish)
    async with asyncio.timeout(PATIENCE_S):
        while engine.state.rule_changes_kept < engine.state.rule_changes or (
            until is not None and not until(engine.state)
        ):
            await engine.wait_past(engine.state.seq, 0.2)
    engine.stop("test")
    await asyncio.wait_for(turning, PATIENCE_S)
    return engine


def rules_of(folder: RunFolder) -> list[PermissionRule]:
    from agentdeck.control.runs import fold_run

    return list(fold_run(folder).rules.values())


ALWAYS = c.SetPermission(Scope.PLAN, Decision.ALLOW, "Bash", "make *", by="kim")


async def test_a_rule_of_the_plan_is_there_in_its_next_run(repo: Path, tmp_path: Path) -> None:
    """By the name of who set it; a rule of the run alone is not, and another plan has neither."""
    root = tmp_path / "runs"
    first = create_run(repo, by_hand(), "", root=root)
    await with_engine(first, ALWAYS, c.SetPermission(Scope.RUN, Decision.DENY, "Edit"))
    [rule] = rules_of(create_run(repo, by_hand(), "", root=root))
    assert (rule.id, rule.scope, rule.tool, rule.target, rule.by) == (
        "r1", Scope.PLAN, "Bash", "make *", "kim",
    )  # fmt: skip
    assert rules_of(create_run(repo, by_hand("other"), "", root=root)) == []


async def test_the_file_is_for_its_owner_alone(repo: Path, tmp_path: Path) -> None:
    folder = create_run(repo, by_hand(), "", root=tmp_path / "runs")
    await with_engine(folder, ALWAYS)
    [file] = folder.permissions.glob("*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.permissions.stat().st_mode) == 0o700


async def test_a_dropped_rule_is_gone_for_good(repo: Path, tmp_path: Path) -> None:
    """Also one that an earlier run had set."""
    root = tmp_path / "runs"
    await with_engine(create_run(repo, by_hand(), "", root=root), ALWAYS)
    second = create_run(repo, by_hand(), "", root=root)
    await with_engine(second, c.DropPermission("r1"))
    assert rules_of(create_run(repo, by_hand(), "", root=root)) == []


async def test_two_runs_at_once_keep_what_both_have_set(repo: Path, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    one, two = (create_run(repo, by_hand(), "", root=root) for _ in range(2))
    await with_engine(one, ALWAYS)
    await with_engine(two, c.SetPermission(Scope.PLAN, Decision.DENY, target="*push*"))
    third = rules_of(create_run(repo, by_hand(), "", root=root))
    assert [(rule.decision, rule.target) for rule in third] == [
        (Decision.ALLOW, "make *"),
        (Decision.DENY, "*push*"),
    ]


async def test_what_has_expired_is_not_taken_over(repo: Path, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    over = c.SetPermission(Scope.PLAN, Decision.ALLOW, "Bash", until=1.0)
    await with_engine(create_run(repo, by_hand(), "", root=root), over)
    assert rules_of(create_run(repo, by_hand(), "", root=root)) == []


async def test_what_the_plan_says_itself_is_not_kept_twice(repo: Path, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    await with_engine(create_run(repo, by_hand(), "", root=root), ALWAYS)
    written = by_hand(permissions=(Permission(Decision.ALLOW, "Bash", "make *"),))
    assert [rule.id for rule in rules_of(create_run(repo, written, "", root=root))] == ["p1"]


async def test_a_file_that_cannot_be_read_is_none(repo: Path, tmp_path: Path) -> None:
    root = tmp_path / "runs"
    folder = create_run(repo, by_hand(), "", root=root)
    await with_engine(folder, ALWAYS)
    [file] = folder.permissions.glob("*.json")
    file.write_text('{"rules": 3}')
    assert rules_of(create_run(repo, by_hand(), "", root=root)) == []
