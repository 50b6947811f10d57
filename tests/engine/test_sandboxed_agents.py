"""Agents in sandboxes, on real git and real processes: what they cannot do, and that they can work.

Each test is done in every sandbox that works here; for the others it is skipped, and says why.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from tests.engine.conftest import run_git
from tests.engine.turning import until, work_until

from agentdeck.control.repo import diff_of
from agentdeck.control.runs import fold_run
from agentdeck.control.take_over import hands_on
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.event_words import told_of
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Land, Plan
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.core.state import Attempt, RunState, TaskState
from agentdeck.engine.create import create_run, open_engine, run_engine
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal
from agentdeck.plans.reader import read_plan
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.history import history_lines
from agentdeck.tui.presentation.line import text_of

T = TaskId("T")
LANDED = TaskState.LANDED


def plan_of(box: Sandbox, script: str, more: str = "") -> Plan:
    """One task for an agent that is a shell script."""
    text = f"""
version = 1
[plan]
name = "boxed"
[defaults]
agent = "sh"
retries = 0
sandbox = "{box}"
network = false
[agents.sh]
command = ["sh", "-c", '''{script}''']
{more}
[[task]]
id = "T"
title = "Work in a box"
"""
    return read_plan(text, file="plan.toml", read_file=None)


def landed(state: RunState) -> bool:
    return state.tasks[T].state is LANDED


def settled(state: RunState) -> bool:
    return state.tasks[T].state in (LANDED, TaskState.FAILED, TaskState.CANCELLED)


def attempt_of(state: RunState) -> Attempt:
    attempt = state.tasks[T].attempt
    assert attempt is not None
    return attempt


def log_of(folder: RunFolder, number: int = 1) -> str:
    return (folder.attempt(T, number) / "raw.log").read_text()


def events_so_far(folder: RunFolder) -> list[e.AnyEvent]:
    journal = Journal(folder.journal)
    try:
        return [recorded.event for recorded in journal.read(0, 10_000)]
    finally:
        journal.close()


CONNECTS = (
    f"{sys.executable} -c 'import socket; socket.create_connection((\"127.0.0.1\", '$PORT'), 5)'"
)
TRIES = f"""
tries() {{ if "$@"; then echo "DID $*"; else echo "could not $*"; fi; }}
connects() {{ {CONNECTS}; }}
tries sh -c "echo x > $HOME/x"
tries sh -c "echo x > $OTHER/x"
echo mine > mine.txt; git add mine.txt; git commit -qm mine
tries git update-ref refs/heads/main HEAD
tries git update-ref refs/heads/deck/other-run/T HEAD
tries git branch -f main HEAD
tries git stash list
tries sh -c "echo x > $(git rev-parse --git-common-dir)/config"
tries sh -c "echo x > $(git rev-parse --git-common-dir)/hooks/pre-commit"
tries sh -c "rm $RUNS/*/journal.db"
tries sh -c "echo 0 1 > $(dirname "$AGENTDECK_PROMPT_FILE")/exit"
tries connects
"""


async def test_an_agent_reaches_for_what_is_not_its_own_and_gets_none_of_it(
    box: Sandbox, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its home, another worktree, main and another run's branch stay; its own work lands.

    Nor does it reach a server on this machine, which the plan did not let it.
    """
    other = tmp_path / "other"
    run_git(repo, "worktree", "add", "-q", "-b", "deck/other-run/T", str(other))
    main = run_git(repo, "rev-parse", "main")
    runs = tmp_path / "runs"
    monkeypatch.setenv("OTHER", str(other))
    monkeypatch.setenv("RUNS", str(runs))
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("PORT", str(server.getsockname()[1]))
        folder = create_run(repo, plan_of(box, TRIES), "", root=runs)
        state = await work_until(open_engine(folder), settled)
    log = log_of(folder)
    assert state.tasks[T].state is LANDED, (state.tasks[T].reason, log)
    did = [line for line in log.splitlines() if line.startswith("DID")]
    assert did == ["DID git stash list"], log
    assert not (Path(os.environ["HOME"]) / "x").exists()
    assert not (other / "x").exists()
    assert run_git(repo, "rev-parse", "main", "deck/other-run/T").split() == [main, main]
    assert run_git(repo, "show", f"{state.target}:mine.txt") == "mine"
    assert run_git(repo, "rev-parse", f"deck/{state.run}/T") == attempt_of(state).collected.head  # type: ignore[union-attr]
    started = next(event for event in events_so_far(folder) if isinstance(event, e.AttemptLaunched))
    assert f"sandboxed by {box}, network off" in told_of(started).words
    assert (attempt_of(state).sandbox, attempt_of(state).network) == (box, False)
    deck_says_so(state, [repo, other, runs, tmp_path, Path(os.environ["HOME"])])


def deck_says_so(state: RunState, places: list[Path]) -> None:
    """What was tried before it began, and what its log says; nothing of the trial is left."""
    confined, ended = attempt_of(state).confined, attempt_of(state).exit
    assert confined is not None
    assert confined.closed[:4] == ("your home", "your checkout", "other worktrees", "refs")
    assert confined.open == ()
    assert ended is not None
    for tried in (
        f"{os.environ['HOME']}/x",
        f"{places[1]}/x",
        "heads/main",
        "heads/deck/other-run",
    ):
        assert any(tried in said for said in ended.refused), (tried, ended)
    deck = Deck(state, state.at, T, frozen=True)
    said = " ".join(text_of(line).strip() for line in history_lines(deck, 200))
    assert "tried before it began: it cannot write your home, your checkout, other" in said
    assert "its log says, in its own words, that something was refused" in said
    assert not [file for place in places for file in place.rglob(".agentdeck-*")]


# Works until the test says "go", and tells how it is interrupted.
WAITS = """
trap "echo got INT; exit 3" INT
echo ready > ready.txt
for look in $(seq 1200); do [ -e go ] && break; sleep 0.1; done
rm -f go ready.txt; echo done > done.txt
"""


async def works(folder: RunFolder) -> Path:
    """The worktree of an agent that is at work."""
    async with asyncio.timeout(90):
        while True:
            attempt = fold_run(folder).tasks[T].attempt
            tree = Path(attempt.path or "") if attempt is not None else Path()
            known = attempt is not None and attempt.process is not None
            if known and await asyncio.to_thread((tree / "ready.txt").exists):
                return tree
            await asyncio.sleep(0.05)


async def test_it_is_paused_goes_on_and_lands(box: Sandbox, repo: Path, tmp_path: Path) -> None:
    """Frozen, all of it stands still, what runs inside too; thawed, it works to its end."""
    folder = create_run(repo, plan_of(box, WAITS), "", root=tmp_path / "runs")
    engine = open_engine(folder)
    turning = asyncio.create_task(run_engine(engine))
    try:
        tree = await works(folder)
        await engine.submit(c.Pause(T))
        await until(engine, lambda state: state.tasks[T].state is TaskState.PAUSED)
        stopped = [event for event in events_so_far(folder) if isinstance(event, e.AttemptFrozen)]
        assert stopped[0].processes >= (3 if box is Sandbox.BWRAP else 1)
        await engine.submit(c.Resume(T))
        (tree / "go").touch()
        await until(engine, settled)
        assert engine.state.tasks[T].state is LANDED, engine.state.tasks[T].reason
    finally:
        engine.stop("test")
        await asyncio.wait_for(turning, 60)
    assert run_git(repo, "show", f"{engine.state.target}:done.txt") == "done"


async def test_it_is_asked_to_stop_before_it_is_made_to(
    box: Sandbox, repo: Path, tmp_path: Path
) -> None:
    """The interrupt reaches the agent inside, which ends in its own way; nothing of it is left."""
    folder = create_run(repo, plan_of(box, WAITS), "", root=tmp_path / "runs")
    engine = open_engine(folder)
    turning = asyncio.create_task(run_engine(engine))
    try:
        await works(folder)
        await engine.submit(c.Stop(T))
        await until(engine, settled)
    finally:
        engine.stop("test")
        await asyncio.wait_for(turning, 60)
    assert engine.state.tasks[T].state is TaskState.CANCELLED
    assert "got INT" in log_of(folder)
    ended = attempt_of(engine.state).exit
    assert ended is not None
    assert ended.code == 3


async def test_it_outlives_its_engine_and_its_launcher(
    box: Sandbox, repo: Path, tmp_path: Path
) -> None:
    """After `kill -9` of the engine the next one finds it at work, and lands what it makes."""
    folder = create_run(repo, plan_of(box, WAITS), "", root=tmp_path / "runs")
    first = subprocess.Popen(  # noqa: ASYNC220 - it does not wait
        [sys.executable, "-P", "-m", "agentdeck.control.host", str(folder.path)],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    tree = await works(folder)
    first.send_signal(signal.SIGKILL)
    first.wait(60)
    before = attempt_of(fold_run(folder)).process
    engine = open_engine(folder)
    turning = asyncio.create_task(run_engine(engine))
    try:
        await until(engine, lambda state: state.engine_running)
        (tree / "go").touch()
        await until(engine, settled)
    finally:
        engine.stop("test")
        await asyncio.wait_for(turning, 60)
    assert engine.state.tasks[T].state is LANDED, engine.state.tasks[T].reason
    assert attempt_of(engine.state).process == before
    assert len(engine.state.tasks[T].attempts) == 1


async def test_the_end_of_its_launcher_does_not_end_it(
    box: Sandbox, repo: Path, tmp_path: Path
) -> None:
    """It works to its end and is collected, though nobody can know its exit status."""
    folder = create_run(repo, plan_of(box, WAITS), "", root=tmp_path / "runs")
    engine = open_engine(folder)
    turning = asyncio.create_task(run_engine(engine))
    try:
        tree = await works(folder)
        launcher = attempt_of(engine.state).launcher
        assert launcher is not None
        os.kill(launcher.pid, signal.SIGKILL)
        (tree / "go").touch()
        await until(engine, settled)
    finally:
        engine.stop("test")
        await asyncio.wait_for(turning, 60)
    work = attempt_of(engine.state).collected
    assert work is not None
    assert [file.path for file in work.files] == ["done.txt"]


# Commits, and waits for a person.
COMMITS = """
echo agent > agent.txt; git add agent.txt; git commit -qm agent; touch ready.txt; sleep 100
"""


async def test_a_person_takes_over_on_its_branch(box: Sandbox, repo: Path, tmp_path: Path) -> None:
    """What the agent committed off the branch is on it, and what the person adds lands as well."""
    folder = create_run(repo, plan_of(box, COMMITS), "", root=tmp_path / "runs")
    engine = open_engine(folder)
    turning = asyncio.create_task(run_engine(engine))
    try:
        tree = await works(folder)
        await engine.submit(c.TakeOver(T, by="kim"))
        await until(engine, lambda state: state.tasks[T].state is TaskState.TAKEN)
        hands = hands_on(folder, engine.state, T, shell=True)
        script = "rm ready.txt; echo kim > kim.txt; git add kim.txt; git commit -qm kim"
        done = await asyncio.to_thread(
            subprocess.run, ["sh", "-c", script], cwd=hands.cwd, env=hands.env, check=False
        )
        assert done.returncode == 0
        branch = f"deck/{engine.state.run}/T"
        assert run_git(tree, "symbolic-ref", "--short", "HEAD") == branch
        assert run_git(repo, "show", f"{branch}:agent.txt") == "agent"
        await engine.submit(c.HandBack(T, by="kim"))
        await until(engine, settled)
    finally:
        engine.stop("test")
        await asyncio.wait_for(turning, 60)
    assert engine.state.tasks[T].state is LANDED, engine.state.tasks[T].reason
    assert run_git(repo, "show", f"{engine.state.target}:kim.txt") == "kim"


AGAIN = """
if [ "$AGENTDECK_ATTEMPT" = 1 ]; then echo bad > a.txt; git add a.txt; git commit -qm one
else echo good > a.txt; git commit -qa --amend -m two; fi
"""
GATE = """
[gates.good]
run = "grep -q good a.txt"
when = "task"
"""


async def test_an_attempt_that_goes_on_may_rewrite_its_own_commits(
    box: Sandbox, repo: Path, tmp_path: Path
) -> None:
    """The second attempt amends the commit of the first: the branch follows, and it lands."""
    plan = plan_of(box, AGAIN, GATE)
    plan = msgspec.structs.replace(
        plan, defaults=msgspec.structs.replace(plan.defaults, retries=1, backoff_s=0.0)
    )
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    state = await work_until(open_engine(folder), settled)
    assert state.tasks[T].state is LANDED, state.tasks[T].reason
    assert run_git(repo, "show", f"{state.target}:a.txt") == "good"
    first, second = (attempt.collected for attempt in state.tasks[T].attempts)
    assert first is not None
    assert second is not None
    branch = f"deck/{state.run}/T"
    assert run_git(repo, "rev-parse", branch) == second.head
    kept = run_git(repo, "for-each-ref", "--format=%(objectname)", "refs/agentdeck/keep")
    assert first.head in kept.split()


TEMPORARY = f"""{CONNECTS} && echo connected > net.txt
echo $TMPDIR > where.txt; echo x > $TMPDIR/mine
echo kept > "$CACHE/kept"
"""


async def test_it_has_a_temporary_folder_and_what_the_plan_leaves_open(
    box: Sandbox, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TMPDIR is its own and goes with it; `writable` stays as it left it; so is there a network."""
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setenv("CACHE", str(cache))
    plan = plan_of(box, TEMPORARY)
    agent = msgspec.structs.replace(plan.agents[0], writable=(str(cache),), network=True)
    plan = msgspec.structs.replace(plan, agents=(agent,))
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("PORT", str(server.getsockname()[1]))
        folder = create_run(repo, plan, "", root=tmp_path / "runs")
        state = await work_until(open_engine(folder), settled)
    assert state.tasks[T].state is LANDED, (state.tasks[T].reason, log_of(folder))
    temporary = Path(run_git(repo, "show", f"{state.target}:where.txt"))
    assert str(temporary) != os.environ.get("TMPDIR", "/tmp")
    assert not await asyncio.to_thread(temporary.exists)
    assert run_git(repo, "show", f"{state.target}:net.txt") == "connected"
    assert (cache / "kept").read_text() == "kept\n"


LIES = """
entry=$(git rev-parse --absolute-git-dir)
mkdir evil; git init -q evil
echo '* filter=evil' > evil/.gitattributes; echo one > evil/file
git -C evil -c filter.evil.clean=cat add --all; git -C evil -c filter.evil.clean=cat commit -qm x
git -C evil config filter.evil.clean "touch $HOME/ran; cat"
git -C evil config core.fsmonitor "touch $HOME/ran"
git -c core.fsmonitor=false add evil; git commit -qm link; echo two > evil/file
echo '* filter=evil' > .gitattributes; echo more > more.txt
rm -f $entry/logs/HEAD; ln -s $HOME/.profile $entry/logs/HEAD
echo $PWD/evil/.git > $entry/commondir
echo "gitdir: $PWD/evil/.git" > .git
echo "[filter \"evil\"] clean = touch $HOME/ran" > $entry/config.worktree
touch ready.txt; for look in $(seq 1200); do [ -e go ] && break; sleep 0.1; done
rm -f go; echo "gitdir: $entry" > .git; true
"""


async def test_what_it_leaves_in_its_entry_leads_git_nowhere(
    box: Sandbox, repo: Path, tmp_path: Path
) -> None:
    """A link for a log, another repository for its own: nothing outside is written, nothing run."""
    home = Path(os.environ["HOME"])
    (home / ".profile").write_text("mine\n")
    folder = create_run(repo, plan_of(box, LIES), "", root=tmp_path / "runs")
    engine = open_engine(folder)
    turning = asyncio.create_task(run_engine(engine))
    try:
        tree = await works(folder)
        with suppress(EnvironmentFault):  # as a face does; it may say that it was led astray
            assert "more.txt" in await asyncio.to_thread(diff_of, fold_run(folder), T)
        (tree / "go").touch()
        await until(engine, settled)
    finally:
        engine.stop("test")
        await asyncio.wait_for(turning, 60)
    state = engine.state
    assert "evil is a repository of its own" in state.tasks[T].reason, log_of(folder)
    assert (home / ".profile").read_text() == "mine\n"
    assert not (home / "ran").exists()


async def test_a_reviewer_works_in_the_sandbox_too(
    box: Sandbox, repo: Path, tmp_path: Path
) -> None:
    """Its verdict is heard, and it could write nothing outside of its own worktree."""
    review = '''
[review]
by = "looks"
[agents.looks]
command = ["sh", "-c", """echo x > $HOME/x
echo '{"verdict": "approve", "summary": "fine"}' """]
'''
    plan = plan_of(box, "echo a > a.txt", review)
    plan = msgspec.structs.replace(plan, land=Land.REVIEW)
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    state = await work_until(open_engine(folder), settled)
    assert state.tasks[T].state is LANDED, state.tasks[T].reason
    assert not (Path(os.environ["HOME"]) / "x").exists()
