"""Issues of real engines: `gh` and `glab` are real processes, with their issues in a file."""

from __future__ import annotations

import asyncio
import functools
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.engine.turning import Running, until, work_until

from agentdeck.core import events as e
from agentdeck.core.commands import Retry
from agentdeck.core.events import Outcome
from agentdeck.core.hooks import is_waiting, told
from agentdeck.core.ids import TaskId
from agentdeck.core.issues import Wish
from agentdeck.core.plan import Tracker, TrackerKind
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.create import create_run, open_engine
from agentdeck.engine.environment import child_environment
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.hook_command import Answer
from agentdeck.engine.issues import Place, write_all
from agentdeck.plans.reader import read_plan
from agentdeck.testing.crash import told_in
from agentdeck.testing.scripted_tracker import changing, install, now_in

PLAN = """\
version = 1
[plan]
name = "Shop"
[agents.sh]
command = ["sh", "-c", "echo {task} > {task}.txt"]
[agents.bad]
command = ["sh", "-c", "echo '`/close` @everybody' >&2; exit 3"]
[defaults]
agent = "sh"
retries = 0
[tracker]
kind = "{kind}"
claim = "in-progress"
failed = "stuck"
{more}
[[task]]
id = "A"
title = "First"
issue = 12
[[task]]
id = "B"
title = "Second"
after = ["A"]
issue = 13
[[task]]
id = "C"
title = "Nobody's"
after = ["B"]
"""
ISSUES = [
    {"number": 12, "title": "First", "labels": ["bug"]},
    {"number": 13, "title": "Second"},
]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentdeck.core.hooks.FIRST_WAIT_S", 0.05)
    monkeypatch.setattr("agentdeck.engine.issues.PAUSE_S", 0.0)
    monkeypatch.setattr("agentdeck.engine.issues.LIMITED_S", 0.2)


@pytest.fixture
def tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a scripted `gh` and `glab` that are on the PATH."""
    bin_folder = install(tmp_path / "tracker", ISSUES)
    monkeypatch.setenv("PATH", f"{bin_folder}:/usr/bin:/bin")
    return tmp_path / "tracker"


def made(repo: Path, tmp_path: Path, more: str = "", kind: str = "github") -> RunFolder:
    text = PLAN.replace("{more}", more).replace("{kind}", kind)
    return create_run(repo, read_plan(text, file="p.toml"), text, root=tmp_path / "runs")


def all_told(state: RunState) -> bool:
    return state.outcome is not None and not any(map(is_waiting, state.hooks.values()))


def issue(tracker: Path, number: int) -> dict[str, Any]:
    found: dict[str, Any] = now_in(tracker)["issues"][str(number)]
    return found


@pytest.mark.parametrize("kind", ["github", "gitlab"])
async def test_issues_follow_their_tasks_to_the_end(
    repo: Path, tmp_path: Path, tracker: Path, kind: str
) -> None:
    """Its agent is at work until the issue says so; once it has landed, it does not any more."""
    text = PLAN.replace("{more}", 'comment = ["task.claimed", "task.landed"]')
    waits = f"until grep -q in-progress {tracker}/issues.json; do sleep 0.05; done; echo"
    text = text.replace("{kind}", kind).replace("echo {task} >", f"{waits} {{task}} >")
    folder = create_run(repo, read_plan(text, file="p.toml"), text, root=tmp_path / "runs")
    state = await work_until(open_engine(folder), all_told)
    assert state.outcome is Outcome.COMPLETE
    for number, name in ((12, "A"), (13, "B")):
        found = issue(tracker, number)
        assert found["state"] == "closed"
        assert "in-progress" not in found["labels"]
        claimed, landed = (each["body"].splitlines() for each in found["comments"])
        assert claimed[0].startswith(f"agentdeck: task `{name}`: `")
        commit = (state.task(TaskId(name)).landed_commit or "")[:10]
        assert landed[0] == f"agentdeck: task `{name}`: `landed as {commit}`"
        assert landed[2] == f"In run `{state.run}` of `Shop`, branch `{state.target}`."
    assert issue(tracker, 12)["labels"] == ["bug"]
    program = "gh" if kind == "github" else "glab"
    calls = now_in(tracker)["calls"]
    assert {call["program"] for call in calls} == {program}
    assert not any("landed as" in word for call in calls for word in call["argv"])


async def test_a_task_that_fails_is_told_and_keeps_its_issue_open(
    repo: Path, tmp_path: Path, tracker: Path
) -> None:
    """The words of the agent stand in a code span: they call nobody, and are no quick action."""
    text = PLAN.replace("{more}", "").replace("{kind}", "gitlab")
    text = text.replace('id = "A"\n', 'id = "A"\nagent = "bad"\n')
    folder = create_run(repo, read_plan(text, file="p.toml"), text, root=tmp_path / "runs")

    def failed(state: RunState) -> bool:
        stuck = state.task(TaskId("A")).state is TaskState.FAILED
        return stuck and not any(map(is_waiting, state.hooks.values()))

    async with Running(folder) as engine:
        await until(engine, failed)
        found = issue(tracker, 12)
        assert found["labels"] == ["bug", "stuck"]
        assert found["state"] == "open"
        [comment] = found["comments"]
        first, *rest = comment["body"].splitlines()
        assert first.startswith("agentdeck: task `A`: `")
        assert first.count("`") == 4
        assert not any(line.startswith("/") for line in rest)
        await engine.submit(Retry(TaskId("A")))
        await until(engine, failed_again)
    assert len(issue(tracker, 12)["comments"]) == 2


def failed_again(state: RunState) -> bool:
    task = state.task(TaskId("A"))
    twice = len(task.attempts) == 2 and task.state is TaskState.FAILED
    return twice and not any(map(is_waiting, state.hooks.values()))


@pytest.mark.parametrize("fault", ["late", "fail", "limit", "login", "garbage", "hang", "flood"])
async def test_whatever_befalls_a_call_each_comment_is_there_once(
    repo: Path, tmp_path: Path, tracker: Path, fault: str
) -> None:
    with changing(tracker) as state:
        state["faults"] = [fault, "", fault, "", "", fault, "", "", "", fault, fault]
    folder = made(repo, tmp_path, 'timeout = "2s"')
    run = await work_until(open_engine(folder), all_told)
    assert run.outcome is Outcome.COMPLETE
    for number in (12, 13):
        found = issue(tracker, number)
        assert (found["state"], len(found["comments"])) == ("closed", 1)
        assert "in-progress" not in found["labels"]
    failures = [event for event in told_in(folder) if isinstance(event, e.HookFailed)]
    assert failures
    assert all(event.why.startswith("issue #1") for event in failures)
    assert not [event for event in told_in(folder) if isinstance(event, e.HookGaveUp)]


async def test_an_issue_that_is_gone_keeps_nobody_up(
    repo: Path, tmp_path: Path, tracker: Path
) -> None:
    with changing(tracker) as state:
        del state["issues"]["12"]
    folder = made(repo, tmp_path)
    run = await work_until(open_engine(folder), all_told)
    assert issue(tracker, 13)["state"] == "closed"
    assert told(run, 0.0)[0].startswith("hook tracker was given up on")
    assert "issue #12: gh: Not Found (HTTP 404)" in told(run, 0.0)[0]


async def test_a_pull_request_is_never_written(repo: Path, tmp_path: Path, tracker: Path) -> None:
    with changing(tracker) as state:
        state["issues"]["12"]["request"] = True
    folder = made(repo, tmp_path)
    run = await work_until(open_engine(folder), all_told)
    assert issue(tracker, 12)["state"] == "open"
    assert not issue(tracker, 12)["comments"]
    assert "pull request" in told(run, 0.0)[0]


async def test_nothing_is_written_where_the_plan_wants_nothing(
    repo: Path, tmp_path: Path, tracker: Path
) -> None:
    text = PLAN.replace("{more}", 'close = "never"\ncomment = []').replace("{kind}", "github")
    text = text.replace('claim = "in-progress"\nfailed = "stuck"\n', "")
    folder = create_run(repo, read_plan(text, file="p.toml"), text, root=tmp_path / "runs")
    await work_until(open_engine(folder), all_told)
    assert now_in(tracker)["calls"] == []


async def test_an_issue_can_wait_for_the_base(
    repo: Path, tmp_path: Path, tracker: Path, sh: Callable[..., str]
) -> None:
    """With `close = "promoted"` it is closed when the base has the work, and not before."""
    folder = made(repo, tmp_path, 'close = "promoted"')
    text = folder.plan.read_text().replace('name = "Shop"', 'name = "Shop"\npromote = "auto"')
    folder = create_run(repo, read_plan(text, file="p.toml"), text, root=tmp_path / "runs")
    state = await work_until(open_engine(folder), lambda s: bool(s.promoted) and all_told(s))
    assert sh(repo, "rev-parse", "main") == state.promoted
    events = told_in(folder)
    assert issue(tracker, 12)["state"] == issue(tracker, 13)["state"] == "closed"
    closed = [c for c in now_in(tracker)["calls"] if "completed" in c["body"]]
    assert len(closed) == 2
    assert any(isinstance(event, e.Promoted) for event in events)


async def test_who_is_killed_between_writing_and_noting_it_writes_nothing_twice(
    tmp_path: Path, tracker: Path
) -> None:
    """The same event again finds its mark, and changes nothing: not what a person did since."""
    mark = "agentdeck abc"
    wish = Wish(12, ("in-progress",), open=False, comment=f"x\n<!-- {mark} -->", mark=mark)
    for _ in range(2):
        assert not (await written(tmp_path, tracker, wish)).fault
    found = issue(tracker, 12)
    assert (found["state"], found["labels"]) == ("closed", ["bug", "in-progress"])
    assert len(found["comments"]) == 1
    with changing(tracker) as state:  # a person opens it again: it stays as the person wants it
        state["issues"]["12"]["state"] = "open"
    await written(tmp_path, tracker, wish)
    assert issue(tracker, 12)["state"] == "open"


async def test_a_label_is_the_same_however_it_is_written(tmp_path: Path, tracker: Path) -> None:
    """GitHub shows `bug` where the plan says `Bug`: it is neither added again nor left there."""
    await written(tmp_path, tracker, Wish(12, add=("Bug",)))
    assert [call["argv"][2] for call in now_in(tracker)["calls"]] == ["GET"]
    await written(tmp_path, tracker, Wish(12, drop=("Bug",)))
    assert issue(tracker, 12)["labels"] == []


async def test_a_label_that_somebody_takes_away_meanwhile_is_no_failure(
    tmp_path: Path, tracker: Path
) -> None:
    """A 404 of its removal says that the label is gone, not that the issue is."""
    with changing(tracker) as state:
        state["faults"] = ["", "gone"]
    wish = Wish(12, drop=("bug",), open=False, comment="done", mark="")
    assert not (await written(tmp_path, tracker, wish)).fault
    found = issue(tracker, 12)
    assert (found["state"], len(found["comments"])) == ("closed", 1)


async def test_secrets_do_not_leave(tmp_path: Path, tracker: Path) -> None:
    wish = Wish(12, comment="agentdeck: hunter2-hunter2", mark="agentdeck x")
    await written(tmp_path, tracker, wish)
    [comment] = issue(tracker, 12)["comments"]
    assert comment["body"] == "agentdeck: ***"


async def written(cwd: Path, tracker: Path, wish: Wish) -> Answer:
    base = {"PATH": f"{tracker / 'bin'}:/usr/bin:/bin"}
    env = child_environment(base, tag="t", extra={}, cwd=str(cwd))
    place = Place(cwd, env, "t", threading.Event())
    hide = functools.partial(re.sub, "hunter2-hunter2", "***")
    return await asyncio.to_thread(write_all, Tracker(TrackerKind.GITHUB), (wish,), place, hide)
