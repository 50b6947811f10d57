"""Whole runs in which processes of every kind are killed, and what the judge of such runs sees."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from agentdeck.shipped import sample_plan
from agentdeck.testing.kills.checkout import differences, make_checkout, seen_of
from agentdeck.testing.kills.play import kinds_of, played
from agentdeck.testing.kills.story import moments
from agentdeck.testing.kills.victims import Kind

DAW = "daw-agent-parallelism.toml"
SEED = os.environ.get("KILLS_SEED", "1")
TASKS = 6
HEAD = """\
version = 1
[plan]
name = "small"
agents = 3
"""


def small_plan(place: Path) -> Path:
    """Six tasks; each from the fourth on needs one of the first three."""
    rows = [f'[[task]]\nid = "T{n}"\nprompt = "x"\nestimate = "4s"\n' for n in range(TASKS)]
    rows = [f'{row}after = ["T{n - 3}"]\n' if n >= 3 else row for n, row in enumerate(rows)]
    file = place / "small.toml"
    file.write_text(HEAD + "".join(rows), encoding="utf-8")
    return file


def test_a_run_with_kills_ends_as_if_nobody_had_died(tmp_path: Path) -> None:
    """Engine, launcher, agent, gate and git: all land, once, and nothing is left or touched."""
    kinds = [Kind.ENGINE, Kind.LAUNCHER, Kind.AGENT, Kind.GATE, Kind.GIT]
    told = played(tmp_path / "run", small_plan(tmp_path), 4.0, SEED, kinds)
    assert told.faults == [], told
    assert told.landed == TASKS
    assert told.kills, "nobody was there to be killed"


@pytest.mark.soak
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("number", range(1, 4))
def test_kills_of_every_kind_in_a_plan_of_47_tasks(tmp_path: Path, number: int) -> None:
    """The same on a plan of a real project, with a control room that is killed too."""
    plan = tmp_path / DAW
    plan.write_text(sample_plan(DAW.removesuffix(".toml")), encoding="utf-8")
    seed = f"{SEED}/{number}"
    told = played(tmp_path / "run", plan, 4_000.0, seed, kinds_of(seed, 8))
    assert told.faults == [], told
    assert told.landed == 47
    assert set(told.by_kind) == set(Kind), told.missed


def test_a_seed_is_the_same_story_again() -> None:
    """Its line is enough to see a failing run again."""
    kinds = kinds_of("1/7", 8)
    assert kinds == kinds_of("1/7", 8)
    assert moments("1/7", kinds, 600) == moments("1/7", kinds, 600)
    assert moments("1/7", kinds, 600) != moments("1/8", kinds, 600)


@pytest.mark.parametrize("seed", ["1/1", "1/2", "x"])
def test_no_kind_is_killed_again_before_all_others_were(seed: str) -> None:
    """So few runs are enough to meet each of them."""
    times = Counter(kinds_of(seed, 2 * len(Kind) + 1))
    assert set(times) == set(Kind)
    assert max(times.values()) - min(times.values()) <= 1


def write(name: str) -> Callable[[Path], object]:
    def append(top: Path) -> None:
        with (top / name).open("a", encoding="utf-8") as file:
            file.write("# more\n")

    return append


def stage(top: Path) -> None:
    subprocess.run(["git", "add", "notes.txt"], cwd=top, check=True)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (write("notes.txt"), "notes.txt"),
        (write("debug.log"), "debug.log"),
        (write(".git/config"), "config"),
        (stage, "index"),
        (write(".git/hooks/pre-commit.sample"), "pre-commit"),
        (lambda top: (top / "run.sh").chmod(0o644), "run.sh"),
        (lambda top: os.utime(top / "README.md", (1, 1)), "README.md"),
        (lambda top: (top / "src/part1/module1.py").touch(), "module1.py"),
        (lambda top: (top / "link").unlink(), "link"),
        (lambda top: (top / ".git/HEAD").write_text("ref: refs/heads/other\n"), "HEAD"),
    ],
)
def test_nothing_of_a_person_changes_unseen(
    tmp_path: Path, change: Callable[[Path], object], named: str
) -> None:
    """Files, modes, times, links, index, HEAD, configuration and hooks are compared."""
    top = tmp_path / "checkout"
    top.mkdir()
    make_checkout(top)
    before = seen_of(top)
    assert differences(before, seen_of(top)) == []
    change(top)
    assert any(named in line for line in differences(before, seen_of(top)))
