"""Refs that are not an agent's own, without a sandbox: hooks that guard them, and a look after."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.engine.conftest import run_git
from tests.engine.turning import work_until

from agentdeck.core.event_words import Tone, told_of
from agentdeck.core.events import FailureClass, RefsTouched
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.state import Attempt, RunState, TaskState
from agentdeck.engine.create import create_run, open_engine
from agentdeck.engine.environment import child_environment
from agentdeck.engine.git import Git
from agentdeck.engine.linked_tree import LinkedTree, linked
from agentdeck.engine.ref_guard import raise_guard, refused
from agentdeck.plans.reader import read_plan

A, B = TaskId("A"), TaskId("B")
OWN = "deck/run/A"


@pytest.fixture
def tree(repo: Path, git: Git, tmp_path: Path) -> LinkedTree:
    """A worktree on a branch of its own."""
    path = tmp_path / "w01"
    run_git(repo, "worktree", "add", "-q", "-b", OWN, str(path))
    return linked(git, path)


class Agent:
    """What an agent starts in a worktree."""

    def __init__(self, tree: LinkedTree, folder: Path) -> None:
        self.tree, self.folder = tree, folder
        hooks = raise_guard(tree, folder, OWN, None)
        config = {"core.hooksPath": str(hooks)}
        self.env = child_environment(os.environ, tag="t", extra={}, git_config=config)

    def git(self, *args: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """A git command of the agent."""
        where = cwd or self.tree.path
        return subprocess.run(
            ["git", *args], cwd=where, env=self.env, capture_output=True, text=True, check=False
        )

    def commit(self, name: str) -> str:
        """A commit of one new file; its name."""
        (self.tree.path / name).write_text(f"{name}\n")
        assert self.git("add", name).returncode == 0
        done = self.git("commit", "-qm", name)
        assert done.returncode == 0, done.stderr
        return self.git("rev-parse", "HEAD").stdout.strip()


@pytest.fixture
def agent(tree: LinkedTree, tmp_path: Path) -> Agent:
    return Agent(tree, tmp_path / "attempt")


def test_it_commits_on_its_own_branch_and_on_branches_that_it_makes(agent: Agent) -> None:
    """Commit, amend, a new branch, a tag, a rebase: all of it is its own."""
    first = agent.commit("one")
    assert agent.git("checkout", "-qb", "idea").returncode == 0
    agent.commit("two")
    for command in (
        ("commit", "-q", "--amend", "-m", "other"),
        ("tag", "mine"),
        ("branch", "-f", "idea2", first),
        ("branch", "-f", "idea2", "HEAD"),
        ("checkout", "-q", OWN),
        ("merge", "-q", "--no-edit", "idea"),
        ("rebase", "-q", "--force-rebase", "HEAD~1"),
        ("branch", "-D", "idea"),
    ):
        done = agent.git(*command)
        assert done.returncode == 0, (command, done.stderr)
    assert refused(agent.folder) == ()


@pytest.mark.parametrize(
    ("ref", "command"),
    [
        ("refs/heads/main", ("update-ref", "refs/heads/main", "HEAD")),
        ("refs/heads/theirs", ("push", "-q", ".", "HEAD:theirs")),
        ("refs/heads/theirs", ("branch", "-D", "theirs")),
        ("refs/heads/deck/other/T", ("branch", "-f", "deck/other/T", "HEAD")),
        ("refs/heads/deck/other/new", ("branch", "deck/other/new")),
        ("refs/agentdeck/keep/x", ("update-ref", "refs/agentdeck/keep/x", "HEAD")),
        ("refs/stash", ("stash",)),
    ],
)
def test_it_cannot_move_what_is_not_its_own(
    repo: Path, agent: Agent, ref: str, command: tuple[str, ...]
) -> None:
    """Refused, with a reason on stderr; the ref is where it was, and the refusal is known."""
    run_git(repo, "branch", "theirs")
    run_git(repo, "branch", "deck/other/T")
    agent.commit("one")
    (agent.tree.path / "README").write_text("changed\n")
    before = run_git(repo, "for-each-ref")
    done = agent.git(*command)
    assert done.returncode != 0
    assert f"agentdeck: {ref} was not moved" in done.stderr
    assert run_git(repo, "for-each-ref") == before
    assert refused(agent.folder) == (ref,)
    assert (agent.tree.path / "README").read_text() == "changed\n"


def test_it_cannot_commit_in_the_checkout_of_the_user(repo: Path, agent: Agent) -> None:
    """Neither on the branch there nor with HEAD off it."""
    main = run_git(repo, "rev-parse", "HEAD")
    for command in (("commit", "-qm", "x", "--allow-empty"), ("checkout", "-q", "--detach")):
        assert agent.git(*command, cwd=repo).returncode != 0
    assert run_git(repo, "rev-parse", "HEAD", "main").split() == [main, main]
    assert run_git(repo, "symbolic-ref", "HEAD") == "refs/heads/main"


def test_hooks_of_the_repository_go_on_working(repo: Path, agent: Agent) -> None:
    """Those in its folder of hooks, and those of a `core.hooksPath` of its own, input and all."""
    hook = '#!/bin/sh\necho "$(basename "$0") $*" >> "$LOG"\n'
    for folder in (repo / ".git" / "hooks", agent.tree.path / ".husky"):
        folder.mkdir(exist_ok=True)
        for name in ("pre-commit", "commit-msg", "reference-transaction"):
            text = hook + ('cat >> "$LOG"\n' if name == "reference-transaction" else "")
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
    (agent.tree.path / ".husky" / "pre-push").write_text("")  # cannot be run: passed over
    for setting in ("", ".husky"):
        log = repo.parent / f"log{setting}"
        agent.env["LOG"] = str(log)
        if setting:
            run_git(repo, "config", "core.hooksPath", setting)
        agent.commit(f"one{setting}")
        said = log.read_text()
        assert "pre-commit \n" in said
        assert "commit-msg " in said
        assert "reference-transaction prepared" in said
        assert f"refs/heads/{OWN}\n" in said
    (agent.tree.path / ".husky" / "pre-commit").write_text("#!/bin/sh\nexit 1\n")
    (agent.tree.path / "more").write_text("")
    agent.git("add", "more")
    assert agent.git("commit", "-qm", "more").returncode != 0


def test_other_repositories_are_left_alone(agent: Agent, tmp_path: Path) -> None:
    """One that the agent makes, with a hook of its own: main is moved there, and its hook runs."""
    inner = tmp_path / "inner"
    assert agent.git("init", "-q", "-b", "main", str(inner), cwd=tmp_path).returncode == 0
    hook = inner / ".git" / "hooks" / "post-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ntouch ran\n")
    hook.chmod(0o755)
    for text in ("one", "two"):
        done = agent.git("commit", "-qm", text, "--allow-empty", cwd=inner)
        assert done.returncode == 0, done.stderr
    assert (inner / "ran").exists()
    assert refused(agent.folder) == ()


# --- in a run -------------------------------------------------------------------------------------


def plan_of(script: str) -> Plan:
    """Two tasks, one after the other, for agents that are shell scripts."""
    text = f"""
version = 1
[plan]
name = "p"
[defaults]
retries = 1
backoff = "0s"
[agents.good]
command = ["sh", "-c", "echo a > a.txt; git add a.txt; git commit -qm a"]
[agents.bad]
command = ["sh", "-c", '''{script}''']
[[task]]
id = "A"
title = "First"
agent = "good"
[[task]]
id = "B"
title = "Second"
agent = "bad"
after = ["A"]
"""
    return read_plan(text, file="plan.toml", read_file=None)


def over(state: RunState) -> bool:
    return state.tasks[B].state in (TaskState.LANDED, TaskState.FAILED, TaskState.CANCELLED)


def attempt_of(state: RunState) -> Attempt:
    attempt = state.tasks[B].attempt
    assert attempt is not None
    return attempt


async def test_what_the_guard_refused_is_told_of_the_attempt(repo: Path, tmp_path: Path) -> None:
    """The work itself is good and lands; that it reached for main is known for good."""
    script = (
        "echo b > b.txt; git add b.txt; git commit -qm b; git update-ref refs/heads/main HEAD; :"
    )
    main = run_git(repo, "rev-parse", "main")
    folder = create_run(repo, plan_of(script), "", root=tmp_path / "runs")
    state = await work_until(open_engine(folder), over)
    assert state.tasks[B].state is TaskState.LANDED, state.tasks[B].reason
    assert run_git(repo, "rev-parse", "main") == main
    found = attempt_of(state).refs
    assert found == RefsTouched(B, 1, refused=("refs/heads/main",))
    assert told_of(found) == ("B", "was kept from moving main", Tone.BAD)


EVADES = """
echo b > b.txt; git add b.txt; git commit -qm b
for ref in main deck/other/T deck/$AGENTDECK_RUN/A deck/p; do
    git -c core.hooksPath=/dev/null update-ref refs/heads/$ref HEAD
done
"""


async def test_who_evades_the_guard_ends_with_a_reason(repo: Path, tmp_path: Path) -> None:
    """It fails without a second try; branches of the run are back, those of others are named."""
    run_git(repo, "branch", "deck/other/T")
    main = run_git(repo, "rev-parse", "main")
    folder = create_run(repo, plan_of(EVADES), "", root=tmp_path / "runs")
    state = await work_until(open_engine(folder), over)
    task = state.tasks[B]
    assert (task.state, task.cause) == (TaskState.FAILED, FailureClass.TRESPASS), task.reason
    assert len(task.attempts) == 1
    found = attempt_of(state).refs
    assert found is not None
    assert {move.ref: move.back for move in found.moved} == {
        "refs/heads/main": False,
        "refs/heads/deck/other/T": False,
        f"refs/heads/deck/{state.run}/A": True,
        f"refs/heads/{state.target}": True,
    }
    assert "that agentdeck did not bring there" in task.reason
    assert f"git update-ref refs/heads/deck/other/T {main}" in task.reason
    landed = state.tasks[A].attempt
    assert landed is not None
    assert landed.collected is not None
    assert run_git(repo, "rev-parse", f"deck/{state.run}/A") == landed.collected.head
    assert run_git(repo, "rev-parse", state.target) == state.tip


async def test_a_base_that_lost_commits_is_told(repo: Path, tmp_path: Path) -> None:
    """Somebody took a commit from main while an agent worked: it is said, and nobody is blamed."""
    script = "echo b > b.txt; git -c core.hooksPath=/dev/null update-ref refs/heads/main main~1"
    run_git(repo, "commit", "-q", "--allow-empty", "-m", "second")
    folder = create_run(repo, plan_of(script), "", root=tmp_path / "runs")
    state = await work_until(open_engine(folder), over)
    assert state.tasks[B].state is TaskState.LANDED, state.tasks[B].reason
    found = attempt_of(state).refs
    assert found is not None
    assert [move.ref for move in found.changed] == ["refs/heads/main"]
    assert "while it worked, main went from" in told_of(found).words
