"""Hanging and lying agents, by name: each ends in a stated state, nobody else's work is touched.

Rules:
- All of it is real: git, processes, an engine. `LIARS` has what each one does, as a shell script,
  and what is said of it in the end. They work side by side in one run, beside an honest agent that
  has work in every place where git keeps some; who would disturb the others has a run of its own.
- What is found by one look at the tree of an attempt is tested in `test_processes.py`, what git can
  leave behind in `test_collect.py`, programs of a repository in `test_repository_programs.py`.
- The limits are made small here; what they are for a person stands beside each in the code.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from tests.engine.conftest import run_git
from tests.engine.turning import until

from agentdeck.core import commands as c
from agentdeck.core.events import FailureClass as Cause
from agentdeck.core.events import LandingLost, Outcome
from agentdeck.core.explain import explain
from agentdeck.core.ids import TaskId
from agentdeck.core.state import SETTLED, RunState, TaskState
from agentdeck.engine import attempts, linked_tree, processes, queueing, watching
from agentdeck.engine.create import create_run, open_engine, run_engine
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.loop import Engine
from agentdeck.plans.reader import read_plan
from agentdeck.testing.lying_agents import LIES

PATIENCE_S: Final = 300.0  # forty agents on a machine that is busy with other tests
PYTHON: Final = f"{sys.executable} -I -S -c"
QUIET: Final = 'idle_timeout = "1s"'  # they say nothing and do nothing: it never comes too early

# New session, two forks, an environment without anything, a name of its own.
DAEMON: Final = f"""{PYTHON} '
import os, sys, time
mark = sys.argv[1]
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(mark, "w").close()
        os.execve("/bin/sleep", [mark, "600"], {{}})
    os._exit(0)
os.wait()
while not os.path.exists(mark):
    time.sleep(0.01)
' $0.daemon"""

NOT_UTF8: Final = r"printf x > $(printf '\377')"
CONTROL: Final = r"""printf x > "$(printf 'a\nb\033[31m')"; printf x > ' '; printf x > '-x'"""


class Liar(NamedTuple):
    """What an agent does, and what is said of it in the end."""

    script: str  # for `sh`, in its worktree
    cause: Cause | None  # of its failure; None = it lands
    says: str = ""  # a part of the sentence on it
    settings: str = ""  # of its task


LIARS: Final = {
    # --- it does not end, or not alone
    "silent": Liar("sleep 600", Cause.IDLE, "no output and no CPU for 1 s", QUIET),
    "spinning": Liar(
        "while :; do :; done", Cause.TIMEOUT, "it worked longer than 1 s", 'timeout = "1s"'
    ),
    "deaf": Liar(
        "trap '' INT TERM; while :; do sleep 600; done", Cause.IDLE, "no output and no CPU", QUIET
    ),
    "printing-gigabytes": Liar(
        "head -c 1500000 /dev/zero | tr '\\0' '\\n'; sleep 600",
        Cause.OUTPUT,
        "it printed more than 1 MiB",
    ),
    "printing-one-line": Liar(
        "head -c 900000 /dev/zero | tr '\\0' x; sleep 600", Cause.IDLE, "no output", QUIET
    ),
    "leaving-a-daemon": Liar(f"{DAEMON}; echo x > daemon", None),
    "daemon-and-hanging": Liar(f"{DAEMON}; sleep 600", Cause.IDLE, "no output", QUIET),
    "killing-its-launcher": Liar(
        "kill -9 $PPID; echo x > killing", Cause.LOST, "left no exit status"
    ),
    "stopping-its-launcher": Liar("kill -STOP $PPID", Cause.IDLE, "no output and no CPU", QUIET),
    # --- it says that it has done what it has not
    "doing-nothing": Liar("echo Done.", Cause.NO_WORK, "ended well but changed nothing"),
    "green-by-its-word": Liar(
        "echo All tests pass.; echo > red", Cause.GATE, "gate green failed", 'gates = ["green"]'
    ),
    "failing-with-work": Liar("echo x > failing; exit 3", Cause.CRASH, "exit 3"),
    # --- it does not stay on its branch
    "on-another-branch": Liar(
        "git checkout -qb mine; echo x > branch; git add -A; git commit -qm x", None
    ),
    "detached": Liar(
        "git checkout -q --detach; echo x > detached; git add -A; git commit -qm x", None
    ),
    "on-a-branch-of-no-commit": Liar(
        "git checkout -q --orphan none", Cause.GIT, "HEAD on none, a branch without a commit"
    ),
    "with-a-history-of-its-own": Liar(
        "git checkout -q --orphan own; git commit -qm x", Cause.GIT, "does not contain the base"
    ),
    "on-the-base-of-the-person": Liar(
        "git checkout -q main || echo x > base", None
    ),  # git itself refuses: it is checked out
    # --- it rewrites history
    "amending-the-base": Liar(
        "echo x > amended; git add -A; git commit -q --amend -m x", Cause.GIT, "moved off its base"
    ),
    "dropping-its-commits": Liar(
        "echo x > kept; git add -A; git commit -qm x; echo y > dropped; git add -A;"
        "git commit -qm y; git rev-parse HEAD > $0.made; git reset -q --hard HEAD~1",
        None,
    ),
    # --- it takes away what git needs
    "without-its-git-file": Liar("rm .git; echo x > lost", Cause.GIT, "has lost its .git file"),
    "with-a-repository-instead": Liar(
        "rm .git; git init -q; git add -A; git commit -qm x",
        Cause.GIT,
        "has a repository of its own in it",
    ),
    "without-its-folder": Liar('rm -rf "$PWD"', Cause.GIT, "has lost its .git file"),
    "without-its-entry": Liar('rm -rf "$(git rev-parse --git-dir)"', Cause.GIT, "points to"),
    "unregistered": Liar(
        "git worktree remove --force --force .", Cause.GIT, "has lost its .git file"
    ),
    "with-a-broken-index": Liar(
        "echo junk > $(git rev-parse --git-dir)/index", Cause.GIT, "index file smaller"
    ),
    "with-locks-left": Liar(
        "echo x > locks; cd $(git rev-parse --git-dir); touch index.lock HEAD.lock", None
    ),
    "in-a-merge": Liar(
        "git checkout -qb other; echo 1 > README; git commit -qam 1; git checkout -q -;"
        "echo 2 > README; git commit -qam 2; git merge -q other; exit 0",
        Cause.GIT,
        "left a merge in progress, with conflicts in README",
    ),
    # --- what it leaves is no plain file
    "repository-inside": Liar(
        "git init -q inner; cd inner; git commit -q --allow-empty -m x; echo x > ../inside", None
    ),
    "link-to-a-repository": Liar(
        "git init -q inner; cd inner; git commit -q --allow-empty -m x; cd ..; git add -A;"
        "git commit -qm x",
        Cause.GIT,
        "inner is a repository of its own",
    ),
    "pipes-and-sockets": Liar(
        f"mkfifo pipe; {PYTHON} 'import socket as s; s.socket(s.AF_UNIX).bind(\"sock\")';"
        "echo x > beside-pipes",
        None,
    ),
    "pipe-that-git-reads": Liar("mkfifo .gitattributes .gitignore; echo x > beside", None),
    "links-that-lead-out": Liar("ln -s /etc/passwd out; ln -s .. up; ln -s / all", None),
    "control-characters": Liar(CONTROL, None),
    "no-utf-8": Liar(NOT_UTF8, None),
    "huge": Liar("truncate -s 16M huge", None),
}
LANDING: Final = [name for name, liar in LIARS.items() if liar.cause is None]

# Committed, amended away, staged, and untracked: all of it is there when it goes on.
HONEST: Final = """
echo a > committed; git add -A; git commit -qm a
echo x > amended; git add -A; git commit -qm b; git rev-parse HEAD > $0.made
echo b > amended; git add -A; git commit -q --amend -m b
echo c > staged; git add staged; echo d > untracked
touch $0.ready
until [ -e {go} ]; do sleep 0.05; done
"""
FILES_OF_HONEST: Final = {"committed": "a", "amended": "b", "staged": "c", "untracked": "d"}

HEAD: Final = """
version = 1
[plan]
name = "p"
agents = 24
[agents.sh]
command = ["sh", "{scripts}/{{task}}"]
[gates.green]
run = "test ! -e red"
when = "task"
[defaults]
agent = "sh"
retries = 0
gates = []
"""


@dataclass
class Place:
    """A repository with a person's unfinished work in it, and a run of liars on it."""

    top: Path

    @property
    def repo(self) -> Path:
        return self.top / "project"

    @property
    def scripts(self) -> Path:
        return self.top / "scripts"

    @property
    def go(self) -> Path:
        return self.top / "go"

    def make(self) -> None:
        """A staged, a changed, an untracked and a stashed file."""
        self.scripts.mkdir()
        self.repo.mkdir()
        run_git(self.repo, "init", "--quiet", "--initial-branch=main")
        (self.repo / "README").write_text("readme\n")
        run_git(self.repo, "add", "--all")
        run_git(self.repo, "commit", "--quiet", "-m", "first")
        (self.repo / "README").write_text("stashed\n")
        run_git(self.repo, "stash")
        (self.repo / "staged-by-me").write_text("staged\n")
        run_git(self.repo, "add", "staged-by-me")
        (self.repo / "README").write_text("changed\n")
        (self.repo / "mine").write_text("untracked\n")

    def create(self, *names: str, head: str = "", **others: str) -> RunFolder:
        """A run of the liars of these names, and of others by their scripts."""
        text = HEAD.format(scripts=self.scripts) + head
        for name, liar in {name: LIARS[name] for name in names}.items():
            text += f'[[task]]\nid = "{name}"\nprompt = "Work."\n{liar.settings}\n'
            (self.scripts / name).write_text(liar.script + "\n")
        for name, script in others.items():
            text += f'[[task]]\nid = "{name}"\nprompt = "Work."\n'
            (self.scripts / name).write_text(script + "\n")
        plan = read_plan(text, file="plan.toml")
        return create_run(self.repo, plan, "", root=self.top / "runs")

    def persons(self) -> dict[str, bytes]:
        """Every byte that is the person's: files, index, HEAD, base, stash, configuration."""
        git = self.repo / ".git"
        own = ("index", "HEAD", "config", "logs/HEAD", "logs/refs/stash", "logs/refs/heads/main")
        files = [file for file in self.repo.rglob("*") if file.is_file()]
        theirs = [file for file in files if git not in file.parents]
        found = {str(file): file.read_bytes() for file in (*theirs, *(git / name for name in own))}
        refs = run_git(self.repo, "rev-parse", "refs/heads/main", "refs/stash")
        return found | {"refs": refs.encode()}

    def landed(self, name: str) -> str:
        """What a file holds on the target."""
        return run_git(self.repo, "show", f"deck/p:{name}")

    def made(self, name: str) -> str:
        """The commit that a script has noted down."""
        return (self.scripts / f"{name}.made").read_text().strip()

    def is_held(self, commit: str) -> bool:
        """Does a ref hold it?"""
        return commit in run_git(self.repo, "rev-list", "--all").split()


def short_limits(patch: pytest.MonkeyPatch) -> None:
    """What a person waits minutes for."""
    patch.setattr(attempts, "STOP_GRACE_S", (0.2, 0.2))
    patch.setattr(watching, "USAGE_S", 0.2)
    patch.setattr(processes, "MAX_LOG_BYTES", 1024 * 1024)
    patch.setattr(linked_tree, "PIPE_PATIENCE_S", 2.0)


@asynccontextmanager
async def running(folder: RunFolder) -> AsyncIterator[Engine]:
    """An engine at work; the run is ended when the test is done with it."""
    engine = open_engine(folder)
    turning = asyncio.create_task(run_engine(engine))
    try:
        yield engine
        if engine.state.outcome is None:
            await engine.submit(c.EndRun())
        await until(engine, lambda state: state.outcome is not None, PATIENCE_S)
    finally:
        engine.stop("test")
        await asyncio.wait_for(turning, PATIENCE_S)


def has_ended(state: RunState, *names: str) -> bool:
    """Have these tasks come to an end, good or bad?"""
    ends = (*SETTLED, TaskState.FAILED)
    return all(state.tasks[TaskId(name)].state in ends for name in names)


def are_released(state: RunState, *names: str) -> bool:
    """Have these tasks given back their worktrees?"""
    latest = [state.tasks[TaskId(name)].attempt for name in names]
    return all(attempt is not None and attempt.released for attempt in latest)


def left_of(run: str, *marks: str) -> list[str]:
    """Command lines of living processes that have the tag of a run, or one of these arguments."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            tagged = f"AGENTDECK_TAG={run}/".encode() in (folder / "environ").read_bytes()
        except OSError:
            continue
        if words != [b""] and (tagged or any(mark.encode() in words for mark in marks)):
            found.append(b" ".join(words).decode(errors="replace"))
    return found


# --- all of them in one run -----------------------------------------------------------------------


@dataclass
class Crowd:
    """What became of a run with all liars."""

    place: Place
    state: RunState  # when the run had ended
    said: dict[str, str]  # the sentence on each, before the run was ended
    before: dict[str, bytes]
    after: dict[str, bytes]
    left: list[str]


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    """One run of all of them."""
    place = Place(tmp_path_factory.mktemp("liars"))
    place.make()
    with pytest.MonkeyPatch.context() as patch:
        short_limits(patch)
        yield asyncio.run(_crowd(place))


async def _crowd(place: Place) -> Crowd:
    before = place.persons()
    folder = place.create(*LIARS, honest=HONEST.format(go=place.go))
    said: dict[str, str] = {}
    async with running(folder) as engine:
        await until(engine, lambda state: has_ended(state, *LIARS), PATIENCE_S)
        place.go.touch()
        await until(engine, lambda state: has_ended(state, "honest"), PATIENCE_S)
        await until(engine, lambda state: are_released(state, *LANDING, "honest"), PATIENCE_S)
        for name in engine.state.tasks:
            said[name] = explain(engine.state, name, time.time())
    marks = [str(place.scripts / f"{name}.daemon") for name in LIARS]
    left = left_of(engine.state.run, *marks)
    return Crowd(place, engine.state, said, before, place.persons(), left)


@pytest.mark.parametrize("name", LIARS)
def test_a_liar_ends_in_a_stated_state(crowd: Crowd, name: str) -> None:
    """Its task lands, or fails with the cause and in the words that `LIARS` has for it."""
    liar, task, said = LIARS[name], crowd.state.tasks[TaskId(name)], crowd.said[name]
    if liar.cause is None:
        assert task.state is TaskState.LANDED, said
        assert said.startswith(f"{name} has landed as ")
    else:
        assert (task.state, task.cause) == (TaskState.FAILED, liar.cause), said
        assert said.startswith(f"{name} needs you (r retry, s skip): ")
        assert liar.says in said


def test_an_honest_agent_beside_them_lands_whole(crowd: Crowd) -> None:
    """What it had committed, staged and not even added, with what its target has from others."""
    assert crowd.state.tasks[TaskId("honest")].state is TaskState.LANDED, crowd.said["honest"]
    assert {name: crowd.place.landed(name) for name in FILES_OF_HONEST} == FILES_OF_HONEST
    listed = run_git(crowd.place.repo, "ls-tree", "-r", "--name-only", "deck/p").splitlines()
    odd = {'"\\377"', '"a\\nb\\033[31m"', "-x"}  # as git quotes them
    assert odd | {"inside", "beside", "beside-pipes", "daemon", "kept", "huge"} <= set(listed)
    assert not {"pipe", "sock", "red", "dropped", "inner"} & set(listed)


def test_the_person_finds_every_byte_as_it_was(crowd: Crowd) -> None:
    """Files, index, HEAD, base, stash and configuration."""
    assert crowd.after == crowd.before


def test_no_process_of_them_is_left(crowd: Crowd) -> None:
    """Nor of those that nothing tells whose they were."""
    assert crowd.state.outcome is Outcome.STOPPED
    assert crowd.left == []


@pytest.mark.parametrize("name", ["honest", "dropping-its-commits"])
def test_a_commit_that_was_dropped_is_held(crowd: Crowd, name: str) -> None:
    """Its worktree may have been given to another since."""
    assert crowd.place.is_held(crowd.place.made(name))


def test_what_landed_landed_once(crowd: Crowd) -> None:
    """Each landing is told once, and the target has gone forward only."""
    assert sorted(str(one.task) for one in crowd.state.landings) == sorted([*LANDING, "honest"])
    assert run_git(crowd.place.repo, "merge-base", "main", "deck/p") == crowd.state.base_commit


# --- those who would disturb the others -----------------------------------------------------------


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A repository with a person's work in it; limits are short."""
    short_limits(monkeypatch)
    found = Place(tmp_path)
    found.make()
    return found


async def ended(place: Place, folder: RunFolder, *liars: str) -> dict[str, str]:
    """Run until the liars have ended, let the others go on, and say what is said of each."""
    async with running(folder) as engine:
        await until(engine, lambda state: has_ended(state, *liars), PATIENCE_S)
        place.go.touch()
        names = [str(name) for name in engine.state.tasks]
        await until(engine, lambda state: has_ended(state, *names), PATIENCE_S)
        said = {name: explain(engine.state, TaskId(name), time.time()) for name in names}
    assert left_of(engine.state.run) == []
    return said


PRUNING: Final = """
until [ -e {scripts}/honest.ready ] && [ -e {top}/gate-began ]; do sleep 0.05; done
git gc --quiet --prune=now; git prune --expire=now; git worktree prune --expire=now
git repack -adq; echo x > pruned
"""


async def test_pruning_takes_nothing_of_others(place: Place) -> None:
    """Not what another has staged or amended away, nor the commit that would land, which no ref
    holds while its gate runs.
    """
    waits = f"touch {place.top}/gate-began; until [ -e {place.go} ]; do sleep 0.05; done"
    gate = f'[gates.slow]\nrun = "{waits}"\nwhen = "merge"\n'
    head = gate + '[[task]]\nid = "first"\nprompt = "x"\ngates = ["slow"]\n'
    (place.scripts / "first").write_text("echo x > first\n")
    pruning = PRUNING.format(scripts=place.scripts, top=place.top)
    before = place.persons()
    folder = place.create(head=head, honest=HONEST.format(go=place.go), pruning=pruning)
    async with running(folder) as engine:
        pruner = engine.state.tasks[TaskId("pruning")]
        await until(engine, lambda _: pruner.state is TaskState.QUEUED, PATIENCE_S)
        place.go.touch()
        names = ("first", "honest", "pruning")
        await until(engine, lambda state: has_ended(state, *names), PATIENCE_S)
        await until(engine, lambda state: are_released(state, *names), PATIENCE_S)
        states = {name: engine.state.tasks[TaskId(name)].state for name in names}
        attempts = [len(engine.state.tasks[TaskId(name)].attempts) for name in names]
    assert states == dict.fromkeys(names, TaskState.LANDED)
    assert attempts == [1, 1, 1]
    assert {name: place.landed(name) for name in FILES_OF_HONEST} == FILES_OF_HONEST
    assert place.is_held(place.made("honest"))
    assert "missing" not in run_git(place.repo, "fsck", "--no-dangling")
    assert place.persons() == before


async def test_a_pruned_build_is_built_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would land is on no ref while something is in the way of its landing."""
    monkeypatch.setattr(queueing, "LAND_AGAIN_S", 0.1)
    elsewhere = place.top / "elsewhere"
    folder = place.create(first="echo x > first")
    run_git(place.repo, "worktree", "add", "--quiet", str(elsewhere), "deck/p")
    first = TaskId("first")
    async with running(folder) as engine:
        queue = engine.state.queue
        await until(engine, lambda _: any(entry.blocked for entry in queue.values()))
        (entry,) = queue.values()
        assert entry.intended is not None
        run_git(place.repo, "prune", "--expire=now")
        run_git(place.repo, "worktree", "remove", str(elsewhere))
        await until(engine, lambda state: has_ended(state, "first"))
        assert engine.state.tasks[first].state is TaskState.LANDED
        told = [one.event for one in engine.read(0, 1_000)]
    assert any(isinstance(event, LandingLost) for event in told)
    assert place.landed("first") == "x"


async def test_a_stash_is_said_to_be_one(place: Place) -> None:
    """All worktrees share it: the person's own is still there, and none of it is landed.

    The guard of refs refuses a stash; this agent goes round it.
    """
    stashed = run_git(place.repo, "rev-parse", "stash@{0}")
    script = "echo x > x; git add x; git -c core.hooksPath=/dev/null stash -q"
    folder = place.create(stash=script, honest=HONEST.format(go=place.go))
    said = await ended(place, folder, "stash")
    assert said["stash"].endswith("put its work into git's stash and left nothing to take")
    assert said["honest"].startswith("honest has landed")
    assert stashed in run_git(place.repo, "log", "--walk-reflogs", "--format=%H", "stash").split()


TRICKS: Final = """
git config filter.x.clean 'touch {mark}; cat'; git config filter.x.smudge 'touch {mark}; cat'
git config merge.x.driver 'touch {mark}; true'; git config diff.x.textconv 'touch {mark}; cat'
git config diff.x.command 'touch {mark}'; git config diff.external 'touch {mark}'
git config core.fsmonitor 'touch {mark}'; git config core.pager 'touch {mark}'
git config core.sshCommand 'touch {mark}'; git config alias.status '!touch {mark}'
git config commit.gpgSign true; git config gpg.program 'touch {mark}'
git config log.showSignature true; git config core.hooksPath "$PWD/hooks"; mkdir hooks
hooks=$(git rev-parse --git-common-dir)/hooks
for name in post-checkout pre-commit post-commit post-index-change reference-transaction; do
    printf '#!/bin/sh\\ntouch {mark}\\n' > $hooks/$name; chmod +x $hooks/$name
    cp $hooks/$name hooks
done
echo '* filter=x merge=x diff=x' > .gitattributes; rm -f {mark}; echo more >> README
"""


async def test_git_of_the_engine_runs_nothing_of_an_agent(place: Place) -> None:
    """Hooks, filters, merge drivers, fsmonitor, signing: not as its work is taken, nor as others
    are prepared, merged on top of it and landed.
    """
    mark = place.top / "it-ran"
    waits = f"until [ -e {place.go} ]; do sleep 0.05; done; sed -i s/readme/other/ README"
    folder = place.create(tricks=TRICKS.format(mark=mark), other=waits)
    said = await ended(place, folder, "tricks")
    assert said["tricks"].startswith("tricks has landed")
    assert not mark.exists()
    assert "filter.x.clean" in folder.engine_log.read_text()
    assert said["other"].startswith("other ")


async def test_writing_into_the_places_of_others_is_told(place: Place) -> None:
    """The stream of an agent says what it edits; the person's file is as the agent left it."""
    scripted = f'[agents.talks]\ncommand = ["sh", "{place.scripts}/{{task}}"]\noutput = "claude"\n'
    task = '[[task]]\nid = "stray"\nprompt = "x"\nagent = "talks"\n'
    use = (
        '{"type":"assistant","message":{"id":"m1","content":[{"type":"tool_use","id":"t1",'
        f'"name":"Write","input":{{"file_path":"{place.repo}/README","content":"x"}}}}]}}}}'
    )
    result = '{"type":"result","subtype":"success","is_error":false,"result":"done"}'
    (place.scripts / "stray").write_text(f"echo '{use}'; echo x > stray; echo '{result}'\n")
    said = await ended(place, place.create(head=scripted + task), "stray")
    assert said["stray"].startswith("stray has landed")
    assert f"it says that it edited {place.repo}/README (your checkout)" in said["stray"]


GIGABYTE: Final = 1024 * 1024 * 1024
MOST_MEMORY: Final = 150 * 1024 * 1024  # more than before; one reader keeps 8 MiB of a line


@pytest.mark.soak
@pytest.mark.parametrize("letters", ["x", "x\\n", "0123456789abcdef\\n"])
async def test_gigabytes_fill_neither_disk_nor_memory(
    place: Place, monkeypatch: pytest.MonkeyPatch, letters: str
) -> None:
    """With the real limit: one line without end, one line for ever, and many lines."""
    monkeypatch.setattr(processes, "MAX_LOG_BYTES", 512 * 1024 * 1024)
    code = f'import os; d = b"{letters}" * 65536\nwhile 1: os.write(1, d)'
    printing = f"{PYTHON} '{code}'"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    said = await ended(place, place.create(floods=printing, honest="echo x > honest"), "floods")
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert "it printed more than 512 MiB" in said["floods"]
    assert said["honest"].startswith("honest has landed")
    assert after - before < MOST_MEMORY
    logs = list(place.top.glob("runs/*/attempts/floods.1/raw.log"))
    assert sum(log.stat().st_size for log in logs) < 4 * GIGABYTE


def test_the_page_on_failures_says_what_is_so() -> None:
    """Each row of its table names agents that are shown here to end like that."""
    for lie in LIES:
        assert {LIARS[name].cause for name in lie.shown_by} == {lie.cause}, lie.does
