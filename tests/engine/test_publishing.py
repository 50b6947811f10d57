"""Pushing and pull requests: only what landed, never by force, and a run that ends without them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agentdeck.core import events as e
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.events import Outcome
from agentdeck.core.plan import Remote
from agentdeck.core.publishing import MAX_TRIES, told
from agentdeck.core.state import RunState
from agentdeck.core.steps import IOStep, OpenPullRequest, PushTarget
from agentdeck.engine.create import create_run, open_engine, run_engine
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.reader import read_plan
from agentdeck.testing.builders import plan, run_until, started

Sh = Callable[..., str]
PATIENCE_S = 60.0
PLAN = """\
version = 1
[plan]
name = "p"
[remote]
push = "origin"
pull_request = {request}
[agents.sh]
command = ["sh", "-c", "echo {{task}} > {{task}}.txt"]
[defaults]
agent = "sh"
[[task]]
id = "A"
title = "First"
[[task]]
id = "B"
title = "Second `thing`"
after = ["A"]
"""


@pytest.fixture
def origin(repo: Path, sh: Sh, tmp_path: Path) -> Path:
    """A bare repository that `repo` knows as `origin`."""
    place = tmp_path / "origin.git"
    sh(repo, "clone", "--quiet", "--bare", str(repo), str(place))
    sh(repo, "remote", "add", "origin", str(place))
    return place


async def ran(repo: Path, text: str, root: Path) -> RunState:
    folder = create_run(repo, read_plan(text, file="p.toml"), text, root=root)
    engine = open_engine(folder)
    turning = asyncio.create_task(run_engine(engine))
    try:
        async with asyncio.timeout(PATIENCE_S):
            while engine.state.outcome is None:
                await engine.wait_past(engine.state.seq, 1.0)
    finally:
        engine.stop("test")
        await asyncio.wait_for(turning, PATIENCE_S)
    return engine.state


async def test_what_landed_is_on_the_remote_when_the_run_ends(
    repo: Path, origin: Path, sh: Sh, tmp_path: Path
) -> None:
    state = await ran(repo, PLAN.format(request="false"), tmp_path / "runs")
    assert state.outcome is Outcome.COMPLETE
    assert sh(origin, "rev-parse", state.target) == state.tip == state.pushed
    branches = sh(origin, "branch", "--format=%(refname:short)").split()
    assert branches == [state.target, "main"]  # no branch of an attempt


async def test_a_remote_that_says_no_keeps_nothing_from_ending(
    repo: Path, origin: Path, sh: Sh, tmp_path: Path
) -> None:
    """Somebody else's commits under the target's name are not overwritten."""
    sh(repo, "checkout", "-q", "-b", "other")
    sh(repo, "commit", "-q", "--allow-empty", "-m", "theirs")
    sh(repo, "push", "-q", "origin", "other:deck/p")
    theirs = sh(repo, "rev-parse", "other")
    sh(repo, "checkout", "-q", "main")
    sh(repo, "branch", "-q", "-D", "other")
    state = await ran(repo, PLAN.format(request="false"), tmp_path / "runs")
    assert state.outcome is Outcome.COMPLETE
    assert state.pushed == ""
    assert sh(origin, "rev-parse", "deck/p") == theirs


def test_a_remote_that_is_not_there_is_told_before_the_run(repo: Path, tmp_path: Path) -> None:
    text = PLAN.format(request="false")
    with pytest.raises(EnvironmentFault, match="has no remote 'origin'"):
        create_run(repo, read_plan(text, file="p.toml"), text, root=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_pull_request_needs_a_push() -> None:
    text = PLAN.format(request="true").replace('push = "origin"\n', "")
    with pytest.raises(PlanProblems, match="pull_request without push"):
        read_plan(text, file="p.toml")


GH = """#!/bin/sh
echo "$@" >> {log}
case "$2" in
view) if test -e {made}; then echo https://there/7; else exit 1; fi ;;
create) cat > {made}; echo; echo https://there/7 ;;
esac
"""


async def test_one_pull_request_is_opened_and_found_again(
    repo: Path, origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools, log, made = tmp_path / "bin", tmp_path / "log", tmp_path / "made"
    tools.mkdir()
    (tools / "gh").write_text(GH.format(log=log, made=made))
    (tools / "gh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    state = await ran(repo, PLAN.format(request="true"), tmp_path / "runs")
    assert state.pull_request == "https://there/7"
    assert "- **B** Second `thing`" in made.read_text()
    asked = log.read_text().splitlines()
    assert [line.split()[1] for line in asked] == ["view", "create"]
    assert f"--base main --head {state.target}" in asked[1]
    again = await ran(repo, PLAN.format(request="true"), tmp_path / "runs")
    assert again.pull_request == "https://there/7"
    assert log.read_text().splitlines()[2:] == [asked[0].replace(state.target, again.target)]


async def test_without_gh_the_run_ends_all_the_same(
    repo: Path, origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentdeck.engine.loop.TROUBLE_FIRST_S", 0.1)
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("git", "sh"):
        where = next(
            Path(folder) / name
            for folder in os.environ["PATH"].split(os.pathsep)
            if (Path(folder) / name).exists()
        )
        (tools / name).symlink_to(where)
    monkeypatch.setenv("PATH", str(tools))
    state = await ran(repo, PLAN.format(request="true"), tmp_path / "runs")
    assert state.outcome is Outcome.COMPLETE
    assert state.pull_request == ""
    assert any("gh is not installed" in trouble.error for trouble in state.troubles.values())


def test_a_run_waits_for_its_push_but_not_for_ever() -> None:
    run = started(plan("a", remote=Remote("origin", True)))
    asked: list[IOStep] = []

    def fails(_: RunState, step: IOStep) -> list[e.AnyEvent] | None:
        if not isinstance(step, PushTarget | OpenPullRequest):
            return None
        asked.append(step)
        return [e.StepFailed(step.key, None, "the remote hung up", run.clock.now + 5)]

    run = run_until(run, lambda r: r.state.outcome is not None, fails)
    assert len(asked) == MAX_TRIES
    assert told(run.state) == ["the push failed: the remote hung up"]
