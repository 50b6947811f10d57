"""`kill -9` of the engine around the moves of a group: what the stated recovery says, on git."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from agentdeck.control.creating import create_run
from agentdeck.control.runs import fold_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.core.events import EntryLanded, GroupIntended, LandingLost, Outcome
from agentdeck.engine.failpoints import Place
from agentdeck.engine.folders import RunFolder
from agentdeck.plans.reader import read_plan
from agentdeck.testing.crash import told_in
from agentdeck.testing.forked_engines import ForkedEngines

LIFE_S = 60.0  # of an engine that no failpoint ends
PLAN = """\
version = 1
[plan]
name = "p"
[repos.web]
path = "../web"
[agents.sh]
output = "plain"
command = ["sh", "-c", "echo good > $1.txt", "sh", "{task}"]
[defaults]
agent = "sh"
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
"""


def git(repo: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=repo, check=True, capture_output=True, text=True)
    return done.stdout.strip()


class Story:
    """A run in two repositories whose two tasks land together."""

    def __init__(self, place: Path) -> None:
        self.own, self.web = place / "own", place / "web"
        for top in (self.own, self.web):
            top.mkdir()
            make_repo(top, {"a.txt": f"of {top.name}\n"})
        self.folder: RunFolder = create_run(self.own, read_plan(PLAN, file="p.toml"), PLAN)

    def landed(self) -> tuple[int, int]:
        """How many commits each target has that its base lacks."""
        spans = ("rev-list", "--first-parent", "--count", "main..deck/p")
        return int(git(self.own, *spans)), int(git(self.web, *spans))

    def live(self, engines: ForkedEngines, armed: str) -> int:
        """One life of an engine, to the end of the run or to a kill."""
        over = lambda: fold_run(self.folder).outcome is not None  # noqa: E731 - it is asked again
        return engines.live(self.folder, armed, over, LIFE_S)

    def ends_whole(self) -> None:
        """Both have landed, each once, and nothing is red or lost."""
        state = fold_run(self.folder)
        assert state.outcome is Outcome.COMPLETE
        told = [x.entry for x in told_in(self.folder) if isinstance(x, EntryLanded)]
        assert sorted(told) == ["API", "WEB"]
        assert git(self.own, "show", "deck/p:API.txt") == "good"
        assert git(self.web, "show", "deck/p:WEB.txt") == "good"
        assert (
            git(self.own, "status", "--porcelain") == git(self.web, "status", "--porcelain") == ""
        )


@pytest.mark.parametrize(
    ("armed", "moved"),
    [
        (Place.GROUP_CHECKED, (0, 0)),
        (f"{Place.GROUP_MOVED}@1", (1, 0)),
        (f"{Place.GROUP_MOVED}@2", (1, 1)),
        ("known:entry.landed", (1, 1)),
    ],
)
def test_after_a_kill_around_the_moves_both_have_landed(
    tmp_path: Path, armed: str, moved: tuple[int, int]
) -> None:
    """Whichever targets had moved: what was intended is finished by the next engine."""
    story = Story(tmp_path)
    with ForkedEngines() as engines:
        assert story.live(engines, armed) == -signal.SIGKILL
        assert story.landed() == moved
        assert any(isinstance(x, GroupIntended) for x in told_in(story.folder))
        assert not any(isinstance(x, EntryLanded) for x in told_in(story.folder))
        story.live(engines, "")
    assert story.landed() == (1, 1)
    story.ends_whole()


def test_a_kill_between_the_moves_and_somebody_in_between(tmp_path: Path) -> None:
    """The target that had moved is taken back, so that neither has landed; the other side is built
    again on what somebody made, and then both land.
    """
    story = Story(tmp_path)
    with ForkedEngines() as engines:
        assert story.live(engines, f"{Place.GROUP_MOVED}@1") == -signal.SIGKILL
        tree = git(story.web, "rev-parse", "deck/p^{tree}")
        theirs = git(story.web, "commit-tree", tree, "-p", "deck/p", "-m", "by somebody")
        git(story.web, "update-ref", "refs/heads/deck/p", theirs)
        assert story.live(engines, Place.GROUP_TAKEN_BACK) == -signal.SIGKILL
        assert story.landed() == (0, 1)  # theirs alone
        story.live(engines, "")
    lost = [x for x in told_in(story.folder) if isinstance(x, LandingLost)]
    assert [(x.entry, x.found) for x in lost] == [("WEB", theirs)]
    assert story.landed() == (1, 2)
    story.ends_whole()
