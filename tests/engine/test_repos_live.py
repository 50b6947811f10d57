"""Two repositories in one plan, on real git: queues of their own, and landings that go together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.engine.turning import Running, until, work_until

from agentdeck.core import commands as c
from agentdeck.core.errors import UsageError
from agentdeck.core.events import EntryLanded, GroupIntended, Outcome
from agentdeck.core.explain import explain
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.create import create_run, open_engine
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal
from agentdeck.plans.reader import read_plan

Sh = Callable[..., str]
API, WEB, DOC = TaskId("API"), TaskId("WEB"), TaskId("DOC")

# `bad` in a file makes the merge gate red. Each agent writes one file, named after its task.
PLAN = """\
version = 1
[plan]
name = "p"
[repos.web]
path = "../web"
[agents.sh]
command = ["sh", "-c", "{script}", "sh", "{{task}}"]
[defaults]
agent = "sh"
retries = 0
[queue]
repair = "{repair}"
[gates.clean]
run = ["sh", "-c", "! grep -q bad *.txt"]
when = "merge"
[[task]]
id = "API"
title = "Serve it"
land_with = "WEB"
[[task]]
id = "WEB"
title = "Show it"
repo = "web"
[[task]]
id = "DOC"
title = "Describe it"
repo = "web"
after = "API"
"""
GOOD = "echo good > $1.txt"
WEB_IS_BAD = "if test $1 = WEB; then echo bad > $1.txt; else echo good > $1.txt; fi"
# The first attempt at WEB is bad, the second, which finds its file there, is good.
WEB_MENDS = (
    "if test $1 = WEB && ! test -e WEB.txt; then echo bad > $1.txt; else echo good > $1.txt; fi"
)


@pytest.fixture
def web(tmp_path: Path, sh: Sh) -> Path:
    """Another repository beside the plan's own, on its own branch."""
    top = tmp_path / "web"
    top.mkdir()
    sh(top, "init", "--quiet", "--initial-branch=trunk")
    (top / "index.html").write_text("<p>\n")
    sh(top, "add", "--all")
    sh(top, "commit", "--quiet", "-m", "first of web")
    return top


def begin(repo: Path, root: Path, script: str, repair: str = "ask") -> RunFolder:
    text = PLAN.format(script=script, repair=repair)
    return create_run(repo, read_plan(text, file="p.toml"), text, root=root)


def subjects(sh: Sh, where: Path, span: str) -> list[str]:
    """Of the commits that landed, the newest first."""
    return sh(where, "log", "--first-parent", "--format=%s", span).splitlines()


def in_state(*states: TaskState) -> Callable[[RunState], bool]:
    def holds(state: RunState) -> bool:
        return state.tasks[WEB].state in states

    return holds


def over(state: RunState) -> bool:
    return state.outcome is not None


def events_of(folder: RunFolder, *kinds: type) -> list[object]:
    journal = Journal(folder.journal)
    try:
        return [one.event for one in journal.read() if isinstance(one.event, kinds)]
    finally:
        journal.close()


async def test_both_sides_green_land_together_and_what_needs_them_follows(
    repo: Path, web: Path, sh: Sh, tmp_path: Path
) -> None:
    """One event says where all targets go before the first moves; DOC, in the other repository,
    starts when API has landed.
    """
    folder = begin(repo, tmp_path / "runs", GOOD)
    state = await work_until(open_engine(folder), over)
    assert state.outcome is Outcome.COMPLETE
    assert subjects(sh, repo, "main..deck/p") == ["Complete API: Serve it"]
    assert subjects(sh, web, "trunk..deck/p") == [
        "Complete DOC: Describe it",
        "Complete WEB: Show it",
    ]
    assert sh(web, "show", "deck/p:WEB.txt") == "good"
    told = events_of(folder, GroupIntended, EntryLanded)
    assert [type(one).__name__ for one in told] == [
        "GroupIntended",
        "EntryLanded",
        "EntryLanded",
        "EntryLanded",
    ]
    # Nobody's checkout was touched.
    assert sh(repo, "status", "--porcelain") == sh(web, "status", "--porcelain") == ""


async def test_one_side_red_and_neither_lands(
    repo: Path, web: Path, sh: Sh, tmp_path: Path
) -> None:
    """API is green and stays in the queue, with a reason that names WEB; no ref moves."""
    folder = begin(repo, tmp_path / "runs", WEB_IS_BAD)
    async with Running(folder) as engine:
        await until(engine, in_state(TaskState.FAILED))
        await until(engine, lambda s: s.tasks[API].state is TaskState.QUEUED)
        why = explain(engine.state, API, engine.clock())
        assert why.startswith("API waits to land together with WEB, which failed: gate clean")
        waits = explain(engine.state, DOC, engine.clock())
        assert waits == "DOC waits for API, which is queued"
    assert subjects(sh, repo, "main..deck/p") == []
    assert subjects(sh, web, "trunk..deck/p") == []
    assert events_of(folder, GroupIntended, EntryLanded) == []


async def test_the_red_side_is_mended_and_both_land(
    repo: Path, web: Path, sh: Sh, tmp_path: Path
) -> None:
    folder = begin(repo, tmp_path / "runs", WEB_MENDS, repair="agent")
    state = await work_until(open_engine(folder), over)
    assert state.outcome is Outcome.COMPLETE
    assert state.tasks[WEB].repairs == 1
    assert len(events_of(folder, GroupIntended)) == 1
    assert sh(web, "show", "deck/p:WEB.txt") == "good"
    assert sh(repo, "show", "deck/p:API.txt") == "good"


@pytest.mark.parametrize("gate", ["! grep -q bad *.txt", "! grep -q bad *.txt && test -e WEB.txt"])
async def test_what_landed_together_is_taken_back_together_or_not_at_all(
    repo: Path, web: Path, sh: Sh, tmp_path: Path, gate: str
) -> None:
    """With the second gate the other repository is red without WEB: then API stays as well."""
    text = PLAN.format(script=GOOD, repair="ask").replace("! grep -q bad *.txt", gate)
    text = text.replace('when = "merge"', 'when = "merge"\nrepo = "web"')
    text = text.partition('[[task]]\nid = "DOC"')[0]
    folder = create_run(repo, read_plan(text, file="p.toml"), text, root=tmp_path / "runs")
    await work_until(open_engine(folder), over)
    ends = TaskState.LANDED if "WEB.txt" in gate else TaskState.CANCELLED
    async with Running(folder) as engine:
        before = [sh(where, "rev-parse", "deck/p") for where in (repo, web)]
        await engine.submit(c.Revert(API, with_dependents=True))
        await until(engine, lambda s: not s.queue)
        assert [engine.state.tasks[name].state for name in (API, WEB)] == [ends, ends]
    after = [sh(where, "rev-parse", "deck/p") for where in (repo, web)]
    assert (after == before) is (ends is TaskState.LANDED)
    there = [sh(where, "ls-tree", "--name-only", "deck/p").split() for where in (repo, web)]
    assert ("API.txt" in there[0]) is ("WEB.txt" in there[1]) is (ends is TaskState.LANDED)
    landings = events_of(folder, GroupIntended)
    assert len(landings) == (1 if ends is TaskState.LANDED else 2)


async def test_two_repositories_may_not_have_one_target(
    repo: Path, web: Path, tmp_path: Path
) -> None:
    text = PLAN.format(script=GOOD, repair="ask").replace("../web", ".")
    with pytest.raises(UsageError, match=r"\[repos.web\] has the target of the plan's own"):
        create_run(repo, read_plan(text, file="p.toml"), text, root=tmp_path / "runs")


async def test_a_repository_that_is_not_there_is_named(repo: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\[repos.web\]: .*/web is no folder"):
        begin(repo, tmp_path / "runs", GOOD)
