"""`kill -9` of the engine at each named failpoint, while known entries land.

What lands is what would land without a kill, each entry once; no commit is red, none is lost, and
nothing is left for a person to clear away.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from agentdeck.control import blocking
from agentdeck.control.cleaning import clean, litter_of
from agentdeck.control.creating import create_run
from agentdeck.control.runs import fold_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.control.start import engine_out, start_engine
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.errors import DeckError, EnvironmentFault
from agentdeck.core.events import AnyEvent, Outcome
from agentdeck.core.hooks import is_waiting
from agentdeck.core.ids import TaskId
from agentdeck.core.permissions import Decision, Scope
from agentdeck.core.state import SETTLED, STUCK, RunState, TaskRun, TaskState, Wanted
from agentdeck.engine import failpoints
from agentdeck.engine.failpoints import NAMES, VARIABLE, Place
from agentdeck.engine.folders import RunFolder
from agentdeck.plans.reader import read_plan
from agentdeck.testing.after_kills import faults
from agentdeck.testing.crash import told_in
from agentdeck.testing.forked_engines import ForkedEngines
from agentdeck.testing.known_entries import drawn, plan_of

TALKER = Path(__file__).parents[1] / "engine" / "talking_agent.py"
ENTRIES = 10
PASSAGES = 3  # in a run of `soak`
LIFE_S = 120.0  # of an engine that no failpoint ends

# Beside the known entries: whatever else an engine does in a run.
REST = """\
[hooks]
"task.landed" = ["sh", "-c", "told=$(cat); echo \\"$told\\" >> {told}"]
"run.started" = ["false"]
[remote]
push = "origin"
pull_request = true
[repos.other]
path = "{other}"
[agents.wanderer]
output = "plain"
command = ["{wanderer}", "{{task}}"]
[agents.talker]
output = "claude"
input = "claude"
command = ["sh", "-c", "{python} {talker}; sleep 2"]
[agents.talker.env]
HEARD = "{heard}"
[agents.sleeper]
output = "plain"
command = ["sleep", "100"]
[agents.critic]
output = "plain"
command = ["{critic}"]
[agents.dreamer]
output = "plain"
command = ["sleep", "100"]
[[task]]
id = "wanders"
agent = "wanderer"
prompt = "x"
[[task]]
id = "strays"
after = ["looked"]
agent = "wanderer"
prompt = "x"
[[task]]
id = "roams"
after = ["talks"]
agent = "wanderer"
prompt = "x"
[[task]]
id = "talks"
agent = "talker"
prompt = "! write talks.txt hello"
[[task]]
id = "asks"
agent = "scripted"
prompt = "! ask Which?\\n! write-answer asks.txt"
[[task]]
id = "sleeps"
agent = "sleeper"
prompt = "x"
[[task]]
id = "looked"
review = "critic"
prompt = "x"
[[task]]
id = "unlooked"
review = "dreamer"
prompt = "x"
[agents.plain]
output = "plain"
command = ["sh", "-c", "echo good > $1.txt", "sh", "{{task}}"]
[[task]]
id = "here"
agent = "plain"
prompt = "x"
land_with = "there"
[[task]]
id = "there"
agent = "plain"
repo = "other"
prompt = "x"
"""
# It commits off its branch, and leaves something uncommitted.
WANDERER = """\
git checkout --quiet --detach
echo one > $1.txt
git add $1.txt
git commit --quiet --message one
echo two >> $1.txt
"""
CRITIC = """\
echo looked >> {looks}
echo '{{"verdict": "approve"}}'
"""
GH = """\
case "$2" in
view) if test -e {made}; then echo https://there/7; else exit 1; fi ;;
create) echo made >> {made}; echo https://there/7 ;;
esac
"""


STAYS = frozenset(
    "roams.txt talks.txt asks.txt looked.txt unlooked.txt mine.txt here.txt README.md".split()
)
REVERTED = frozenset({"wanders.txt", "strays.txt"})


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}", encoding="utf-8")
    path.chmod(0o755)
    return path


def git(repo: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=repo, check=True, capture_output=True, text=True)
    return done.stdout.strip()


class Story:
    """A run in which everything happens, and what a person wishes in it."""

    def __init__(self, place: Path, seed: int) -> None:
        self.place, self.kinds, self.repo = place, drawn(ENTRIES, seed), place / "repo"
        self.answers = True  # what an agent asks
        self.theirs: list[str] = []  # commits of somebody else on a target
        self.other = place / "other"
        for top in (self.repo, self.other):
            top.mkdir()
            make_repo(top, {"README.md": "hello\n"})
        git(self.repo, "clone", "--quiet", "--bare", str(self.repo), str(place / "origin"))
        git(self.repo, "remote", "add", "origin", str(place / "origin"))
        tools = place / "bin"
        tools.mkdir()
        script(tools / "gh", GH.format(made=place / "made"))
        text = plan_of(place, ENTRIES, self.kinds) + REST.format(
            wanderer=script(place / "wanderer", WANDERER),
            critic=script(place / "critic", CRITIC.format(looks=place / "looks")),
            python=sys.executable,
            talker=TALKER,
            heard=place / "heard",
            told=place / "told",
            other=self.other,
        )
        self.folder = create_run(self.repo, read_plan(text, file="many.toml"), text)
        (self.repo / "mine.txt").write_text("mine\n")  # so the base has what the target lacks
        git(self.repo, "add", "mine.txt")
        git(self.repo, "commit", "--quiet", "--message", "mine")

    def armed(self, left: Iterable[str]) -> str:
        """Of the failpoints that are left, those at which the next engine is to be killed.

        Whether a prompt that was begun has been heard takes an engine 10 s to find out, and each
        kill makes it begin anew. So what is said at `words:noted` is no prompt but the answer: it
        is given to an engine that began after the prompt was heard.
        """
        told = told_in(self.folder)
        self.answers = any(isinstance(event, e.MessageDelivered) for event in told)
        return ",".join(name for name in left if self.answers or name != Place.WORDS_NOTED)

    def meddle(self, name: str) -> None:
        """What somebody does just after a kill: go on from a target of a group before it moves.

        The other target had moved, and has to be taken back.
        """
        if name == Place.GROUP_MOVED:
            target = "refs/heads/" + fold_run(self.folder).target
            tree = git(self.other, "rev-parse", f"{target}^{{tree}}")
            made = git(self.other, "commit-tree", tree, "-p", target, "-m", "by somebody")
            git(self.other, "update-ref", target, made)
            self.theirs.append(made)

    def go_on(self) -> bool:
        """Wish what is due; whether the run is over."""
        state, told = fold_run(self.folder), told_in(self.folder)
        wishes = [wish for wish in due(state, told) if wish is not None]
        if self.answers and state.tasks[TaskId("asks")].state is TaskState.ASKING:
            wishes.insert(0, c.Answer(TaskId("asks"), text="this one"))
        if wishes:
            with suppress(DeckError), blocking.connect(self.folder) as client:
                client.send(wishes[0])
        waits = wishes or any(map(is_waiting, state.hooks.values()))
        return not waits and state.outcome is not None and state.promoted == state.tip

    def faults(self) -> list[str]:
        """What is not as it would be had nobody been killed."""
        state = fold_run(self.folder)
        once = {"a pull request": self.place / "made", "a review": self.place / "looks"}
        wrong = [f"{what} was made twice" for what, file in once.items() if lines(file) != 1]
        ids = [json.loads(line)["seq"] for line in (self.place / "told").read_text().splitlines()]
        heard = list(dict.fromkeys(ids))  # each once more where it was told and not written down
        if heard != sorted(heard) or state.hooks["task.landed"].latest != heard[-1]:
            wrong.append(f"a hook has heard {ids}")
        if git(self.place / "origin", "rev-parse", state.target) != state.tip:
            wrong.append("the remote lacks what landed")
        if git(self.repo, "rev-parse", "main") != state.tip:
            wrong.append("the base lacks what landed")
        if git(self.other, "show", "main:there.txt") != "good":
            wrong.append("the other base lacks what landed together")
        names = set(git(self.repo, "ls-tree", "--name-only", "main").split())
        wrong += [f"{name} is not there" for name in sorted(STAYS - names)]
        wrong += [f"{name} was reverted, and is there" for name in sorted(REVERTED & names)]
        prompts = [line for line in (self.place / "heard").read_text().splitlines() if "!" in line]
        if len(prompts) != 1:
            wrong.append(f"a prompt was heard {len(prompts)} times")
        wrong += faults(self.repo, self.folder, self.kinds, self.place / "gate", self.theirs)
        wrong += clean(self.folder, litter_of(self.folder), unlanded=True)
        for top in (self.repo, self.other):
            if git(top, "worktree", "list").count("\n"):
                wrong.append(f"a worktree of {top.name} is left after cleaning up")
            left = git(top, "for-each-ref", f"refs/heads/deck/{state.run}", "refs/agentdeck")
            wrong += [left] if left else []
        return wrong


def lines(file: Path) -> int:
    return len(file.read_text().splitlines())


def due(state: RunState, told: list[AnyEvent]) -> Iterable[c.AnyCommand | None]:
    """What a person wishes now, the most urgent first."""
    tasks = state.tasks
    if not any(isinstance(event, e.PermissionRuleSet) for event in told):
        yield c.SetPermission(Scope.PLAN, Decision.ALLOW, "Bash")
    yield of_the_sleeper(tasks[TaskId("sleeps")], told)
    if TaskId("unlooked") in state.reviewing and not tasks[TaskId("unlooked")].approved_by:
        yield c.Approve(TaskId("unlooked"))
    reverted = {x.reverts for x in told if isinstance(x, e.EntryQueued) and x.reverts}
    if tasks[TaskId("wanders")].state is TaskState.LANDED and "wanders" not in reverted:
        yield c.Revert(TaskId("wanders"))
    settled = all(task.state in {*SETTLED, *STUCK} for task in tasks.values())
    if not settled or state.queue or state.promote_wanted:
        return
    if state.promoted != state.tip:
        yield c.Promote()
    elif "strays" not in reverted:
        yield c.Revert(TaskId("strays"))
    else:
        yield from (c.Skip(task.id) for task in tasks.values() if task.state in STUCK)


def of_the_sleeper(task: TaskRun, told: list[AnyEvent]) -> c.AnyCommand | None:
    """It is frozen, thawed and stopped."""
    thawed = any(isinstance(event, e.AttemptThawed) for event in told)
    if task.state is TaskState.PAUSED and task.wanted is Wanted.PAUSE:
        return c.Resume(task.id)
    if task.state is not TaskState.WORKING or task.wanted is not Wanted.RUN:
        return None
    return c.Stop(task.id) if thawed else c.Pause(task.id)


def killed_at(folder: RunFolder) -> str:
    """The failpoint that the latest engine named before it died."""
    said = engine_out(folder).read_text().splitlines()[-1]
    assert said.startswith("failpoint "), said
    return said.removeprefix("failpoint ")


def how_it_ended(folder: RunFolder, status: int) -> str:
    """What the latest engine said before it ended without a kill."""
    said = engine_out(folder).read_text() + folder.engine_log.read_text()
    return f"exit {status}; {told_in(folder)[-1]}; {said[-2000:]}"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for a story; its `bin` is on the path."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


@pytest.mark.timeout(300)
def test_a_kill_at_every_failpoint_of_one_run(place: Path) -> None:
    """Each engine is killed at the first place that no earlier one was killed at.

    That every name is met in a run shows too that none is of a place that is no more.
    """
    story = Story(place, seed=int(os.environ.get("CRASH_SEED", "1")))
    left = list(NAMES)
    with ForkedEngines() as engines:
        while True:
            names = story.armed(left)
            status = engines.live(story.folder, names, story.go_on, LIFE_S)
            if status != -signal.SIGKILL:
                break
            left.remove(killed_at(story.folder))
            story.meddle(killed_at(story.folder))
    assert left == [], how_it_ended(story.folder, status)
    assert fold_run(story.folder).outcome is Outcome.COMPLETE
    assert story.faults() == []


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NAMES)
def test_a_kill_at_one_failpoint_of_a_run(place: Path, name: str) -> None:
    """Once, and then at later passages, if the run has as many."""
    story, kills = Story(place, seed=2), 0
    passages = (1, *Random(name).sample(range(2, 9), PASSAGES - 1))
    with ForkedEngines() as engines:
        for armed in (*(f"{name}@{passage}" for passage in passages), ""):
            if engines.live(story.folder, armed, story.go_on, LIFE_S) != -signal.SIGKILL:
                break
            kills += 1
            story.meddle(killed_at(story.folder))
    assert kills > 0
    assert fold_run(story.folder).outcome is Outcome.COMPLETE
    assert story.faults() == []


@pytest.mark.parametrize("words", ["landing:chequed", "begun:land@0", "begun:land@x"])
def test_a_failpoint_that_there_is_not_is_refused(
    place: Path, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine does not start, and names what it was given: a typing error kills nothing."""
    story = Story(place, seed=1)
    monkeypatch.setenv(VARIABLE, words)
    with pytest.raises(EnvironmentFault, match=words.partition("@")[0]):
        start_engine(story.folder)


def test_no_child_is_told_of_failpoints() -> None:
    """An agent that runs agentdeck itself is not killed with the engine above it."""
    environ = {VARIABLE: "begun:land", "PATH": "/bin"}
    try:
        failpoints.arm(environ)
        assert environ == {"PATH": "/bin"}
    finally:
        failpoints.arm({})
