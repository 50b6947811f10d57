"""Several repositories in one plan whose agents work on other machines, with real processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engine.remote.story import Story, done, git, working_on

from agentdeck.core import events as e
from agentdeck.core.events import FailureClass, Outcome
from agentdeck.core.plan import Plan
from agentdeck.engine.remote.bundles import ATTEMPT_REFS
from agentdeck.plans.reader import read_plan
from agentdeck.testing.clustered import Cluster, routed
from agentdeck.testing.crash import told_in
from agentdeck.testing.kills.faults import outliving

pytest.importorskip("distributed")

LEASE_S = 3.0
NAMES = ("API", "DB", "DOC", "WEB")
# Each agent writes the first line of a file that its own repository alone has, and its own name.
PLAN = """
version = 1
[plan]
name = "shop"
[repos.web]
path = "../web"
[agents.sh]
output = "plain"
command = ["sh", "-c", '{script}', "sh", "{{task}}"]
[defaults]
agent = "sh"
retries = 0
[gates.there]
run = ["sh", "-c", "ls *.txt && test -e README.md || test -e index.html"]
when = ["task", "merge"]
[[task]]
id = "API"
prompt = "x"
land_with = "WEB"
[[task]]
id = "WEB"
prompt = "x"
repo = "web"
[[task]]
id = "DOC"
prompt = "x"
repo = "web"
after = "API"
[[task]]
id = "DB"
prompt = "x"
"""
WRITES = "echo $1 begins; cat README.md index.html 2>/dev/null > $1.txt; echo $1 >> $1.txt"


def plan_of(script: str, host: str) -> Plan:
    return routed(read_plan(PLAN.format(script=script), file="p.toml"), host, 3, LEASE_S)


def second_repo(place: Path) -> Path:
    """`web`, beside the plan's own repository, on a branch of another name."""
    top = place / "web"
    top.mkdir()
    (top / "index.html").write_text("<p>\n")
    for words in (
        ("init", "--quiet", "--initial-branch=trunk"),
        ("add", "--all"),
        ("commit", "--quiet", "-m", "first of web"),
    ):
        git(top, *words)
    return top


def subjects(where: Path, span: str) -> list[str]:
    return sorted(git(where, "log", "--first-parent", "--format=%s", span).splitlines())


def refs(where: Path) -> list[str]:
    """Tasks whose work came home to a repository."""
    rows = git(where, "for-each-ref", "--format=%(refname)", ATTEMPT_REFS).splitlines()
    return sorted({row.rpartition("/")[2].partition(".")[0] for row in rows})


def test_work_for_each_repository_lands_there_and_a_group_lands_together(
    cluster: Cluster, tmp_path: Path
) -> None:
    """A worker and the engine are lost meanwhile; no commit comes to the wrong repository."""
    cluster.start_scheduler()
    cluster.start_worker("w1", 2)
    cluster.start_worker("w2", 2)
    web = second_repo(tmp_path)
    story = Story(cluster, plan_of(f"sleep 1.5; {WRITES}", cluster.address), tmp_path)
    story.begin()
    story.until(lambda state: bool(working_on(state, "w1")))
    cluster.kill("w1")
    story.until(done(1))
    story.kill_engine()
    cluster.start_worker("w1", 2)
    story.begin()
    story.end()
    state, target = story.state, story.state.target
    assert state.outcome is Outcome.COMPLETE
    assert subjects(story.repo, f"main..{target}") == ["Complete API: API", "Complete DB: DB"]
    assert subjects(web, f"trunk..{target}") == ["Complete DOC: DOC", "Complete WEB: WEB"]
    assert git(web, "show", f"{target}:DOC.txt") == "<p>\nDOC\n"
    assert git(story.repo, "show", f"{target}:API.txt") == "hello\nAPI\n"
    assert (refs(story.repo), refs(web)) == (["API", "DB"], ["DOC", "WEB"])
    assert git(story.repo, "status", "--porcelain") == git(web, "status", "--porcelain") == ""
    told = [one for one in told_in(story.folder) if isinstance(one, e.GroupIntended)]
    assert len(told) == 1
    assert set(story.failures()) <= {FailureClass.WORKER}
    mirrors = sorted((tmp_path / "cluster").glob("w2/mirrors/*.git"))
    assert len(mirrors) == 2
    cluster.close()
    assert outliving(tmp_path) == []
