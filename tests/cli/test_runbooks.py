"""The page of runbooks, followed to the letter: each run is made sick, and each command is run.

Rules: what a command prints is compared with the page, numbers and names of this run left out.
`DECK_KEEP_PAGES=1` writes what was printed into the page; look at it before you commit it.
"""

from __future__ import annotations

import fcntl
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil
import pytest
from tests.cli.conftest import QUICK, Deck

from agentdeck.control.runs import fold_run, newest_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.control.vitals import Health, vitals_of
from agentdeck.core.errors import EXIT_OK
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.heartbeat import Beat, read_beat
from agentdeck.testing.crash import kill_engine
from agentdeck.testing.settling import settle

PAGE = Path(__file__).parents[2] / "docs" / "runbooks.md"
KEEP = bool(os.environ.get("DECK_KEEP_PAGES"))
A, B = TaskId("A"), TaskId("B")
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
NO_BEAT = Beat(0.0, 0, 0)
FLOOR_MB = 8
SMALL = "16m"  # of a disk that is soon full


@dataclass(frozen=True)
class Sick:
    """A run, and what the page calls `PID`."""

    folder: RunFolder
    pid: int = 0
    after: Callable[[str], None] = lambda _: None  # what passes before the next command is run


def section(title: str) -> str:
    """The part of the page with this title."""
    found = re.search(
        rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    assert found is not None, title
    return found[1]


def masked(text: str, run: str, repo: Path) -> str:
    """What holds for every run that is sick in this way."""
    folder = str(newest_run(repo).path)
    for real, shown in ((folder, "FOLDER"), (str(repo.parent), "…"), (run, "RUN")):
        text = text.replace(real, shown)
    for pattern, shown in (
        (r"(?<!\w)(process|pid|-CONT|-9) \d+", r"\1 PID"),
        (r"(?m)^ +", "  "),
        (r"(?m)^expected end.*\n", ""),
        (r"\b[\d.]+ (s|min|h) ago", "a moment ago"),
        (r"(after|again in|for) [\d.]+ (s|min|h)\b", r"\1 a while"),
        (r"landed, \d+ s,", "landed, a while,"),
        (r"[\d,]+ MiB", "N MiB"),
        (r"\b[\d,]+ tokens", "N tokens"),
        (r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,40}\b", "OID"),
        (r"\b(events?|behind event) \d+( to \d+)?", r"\1 N"),
        (r"\b\d+ (events|were|are lost)", r"N \1"),
        (r"\bof \d+ something", "of N something"),
        (r"so \d+ are", "so N are"),
        (r"\d+ of them", "N of them"),
        (r"\d\d:\d\d(:\d\d)?", "TIME"),
        (r"(?<=\S) {2,}", "  "),
    ):
        text = re.sub(pattern, shown, text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def follow(title: str, deck: Deck, repo: Path, sick: Sick) -> None:
    """Run the commands of a section, and compare what they print with the page."""
    text = section(title)
    (block,) = BLOCK.findall(text)
    run = sick.folder.run
    shown = []
    for command in [line[2:] for line in block.splitlines() if line.startswith("$ ")]:
        words = shlex.split(command.replace("RUN", run).replace("PID", str(sick.pid)))
        if words[0] == "agentdeck":
            said = deck(*words[1:])
            out = said.out + said.err
        else:
            line = [
                "sh",
                "-c",
                shlex.join(words),
            ]  # a shell has `kill`, also where there is no program
            done = subprocess.run(line, cwd=repo, capture_output=True, text=True, check=True)
            out = done.stdout + done.stderr
        shown.append(f"$ {command}\n{masked(out, run, repo)}\n".replace("\n\n", "\n"))
        sick.after(command)
    found = "".join(shown)
    if KEEP:
        kept = PAGE.read_text().replace(text, text.replace(block, found))
        PAGE.write_text(kept)
    else:
        assert found == block


def state(folder: RunFolder) -> RunState:
    return fold_run(folder)


def begun(deck: Deck, repo: Path, plan: str = "waits.toml") -> RunFolder:
    """A run whose first agent is at work."""
    assert deck("run", plan, "--no-attach").code == EXIT_OK
    folder = newest_run(repo)
    settle(lambda: state(folder).tasks[A].state is TaskState.WORKING, "A at work")
    settle(lambda: is_well(folder), "a heartbeat")
    return folder


def freeze(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    settle(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED, "it stands still")


def grow_old(folder: RunFolder) -> None:
    """The last heartbeat was three minutes ago."""
    beat = read_beat(folder.heartbeat)
    assert beat is not None
    told = msgspec.structs.replace(beat, at=time.time() - 180)
    folder.heartbeat.write_bytes(msgspec.json.encode(told))
    os.utime(folder.heartbeat, (told.at, told.at))


def is_well(folder: RunFolder) -> bool:
    vitals = vitals_of(folder, state(folder))
    return vitals.health is Health.WELL and vitals.beat is not None


def test_the_engine_died(deck: Deck, repo: Path) -> None:
    """SIGKILL; the agent works on, and the next engine finds it."""
    folder = begun(deck, repo)
    kill_engine(folder)
    folder.heartbeat.unlink()

    def after(command: str) -> None:
        if "--resume" in command:
            settle(lambda: is_well(folder), "a heartbeat of the next engine")

    follow("The engine died", deck, repo, Sick(folder, after=after))


def test_the_engine_stands_still(deck: Deck, repo: Path) -> None:
    """SIGSTOP, three minutes ago."""
    folder = begun(deck, repo)
    pid = int(folder.lock.read_text())
    freeze(pid)
    grow_old(folder)

    def after(command: str) -> None:
        if "CONT" in command:
            settle(lambda: is_well(folder), "the next heartbeat")

    try:
        follow("The engine stands still", deck, repo, Sick(folder, pid, after))
    finally:
        os.kill(pid, signal.SIGCONT)


def is_locked(folder: RunFolder) -> bool:
    """Does an engine have the run?"""
    with folder.lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """A file system of its own, with little room."""
    place.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL},mode=700", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_an_agent_hangs(deck: Deck, repo: Path) -> None:
    """Its process was stopped by somebody."""
    folder = begun(deck, repo)
    settle(lambda: "A#1" in (read_beat(folder.heartbeat) or NO_BEAT).signs, "it is watched")
    attempt = state(folder).tasks[A].attempt
    assert attempt is not None
    assert attempt.process is not None
    freeze(attempt.process.pid)

    def after(command: str) -> None:
        if " stop " in command:
            settle(lambda: state(folder).tasks[A].state is TaskState.CANCELLED, "its end")

    follow("An agent hangs", deck, repo, Sick(folder, attempt.process.pid, after))
    settle(lambda: len(state(folder).tasks[A].attempts) == 2, "the next attempt")


def test_a_landing_waits(deck: Deck, repo: Path) -> None:
    """Somebody has checked the target out."""
    folder = begun(deck, repo)
    elsewhere = repo.parent / "elsewhere"
    target = state(folder).target
    subprocess.run(["git", "worktree", "add", "-q", elsewhere, target], cwd=repo, check=True)
    (repo.parent / "go").touch()
    settle(lambda: any(x.blocked for x in state(folder).queue.values()), "a blocked landing")

    def after(command: str) -> None:
        if "worktree remove" in command:
            settle(lambda: state(folder).outcome is not None, "the end of the run")

    follow("A landing waits", deck, repo, Sick(folder, after=after))


RED = QUICK.replace('name = "quick"', 'name = "red"').replace(
    "[defaults]", '[gates.unit]\nrun = "test -e GREEN"\nwhen = "merge"\n[defaults]'
)


def test_the_base_is_red(deck: Deck, repo: Path) -> None:
    """The gate wants a file that is not there, whoever has worked on what."""
    green = repo.parent / "green"
    make_repo(repo, {"red.toml": RED.replace("GREEN", str(green))})
    assert deck("run", "red.toml", "--no-attach").code == EXIT_OK
    folder = newest_run(repo)

    def is_red() -> bool:
        return "is red on" in deck("why", "A", "--run", folder.run).out

    settle(is_red, "the target is known to be red")

    def after(command: str) -> None:
        if "doctor" in command:
            green.touch()
        if "retry" in command:
            settle(lambda: state(folder).outcome is not None, "the end of the run")

    follow("The base is red", deck, repo, Sick(folder, after=after))


def test_the_journal_is_damaged(deck: Deck, repo: Path) -> None:
    """A byte of an event was changed on the disk while no engine had the run."""
    folder = begun(deck, repo)
    kill_engine(folder)
    db = sqlite3.connect(folder.journal)
    db.execute("pragma wal_checkpoint(truncate)")
    (event, link) = db.execute(
        "select event, link from events where cast(event as text) like '%attempt.claimed%'"
    ).fetchone()
    db.close()
    data = folder.journal.read_bytes()
    assert event + link in data
    folder.journal.write_bytes(data.replace(event + link, event[:-2] + b"?}" + link))
    folder.heartbeat.unlink()

    def after(command: str) -> None:
        if "--resume" in command:
            settle(lambda: state(folder).tasks[A].state is TaskState.WORKING, "A is adopted")
            settle(lambda: is_well(folder), "a heartbeat of the next engine")

    follow("The journal is damaged", deck, repo, Sick(folder, after=after))


@pytest.mark.soak
def test_the_disk_is_full(deck: Deck, repo: Path, isolated_home: Path) -> None:
    """The run's folder is on a disk of 16 MiB, and something else has filled it."""
    with small_disk(isolated_home / "state" / "agentdeck"):
        plan = (repo / "waits.toml").read_text()
        floor = f'name = "waits"\ndisk_floor_mb = {FLOOR_MB}'
        (repo / "small.toml").write_text(plan.replace('name = "waits"', floor))
        folder = begun(deck, repo, "small.toml")
        filler = isolated_home / "state" / "agentdeck" / "filler"
        try:
            with filler.open("wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 4_096)
        except OSError:
            pass
        settle(lambda: state(folder).tasks[A].state is TaskState.PAUSED, "A to stand still")
        settle(lambda: not folder.ballast.exists(), "the ballast to be given up")
        (repo.parent / "go").touch()

        def after(command: str) -> None:
            if "clean" in command:
                filler.unlink()
                settle(lambda: state(folder).outcome is not None, "the end of the run")

        follow("The disk is full", deck, repo, Sick(folder, after=after))
        settle(lambda: not is_locked(folder), "the engine's end")


def test_every_runbook_has_its_test() -> None:
    """A section of the page that has commands is a test of this file."""
    parts = PAGE.read_text().split("\n## ")[1:]
    titles = [part.partition("\n")[0] for part in parts if BLOCK.search(part) is not None]
    assert len(titles) == 7
    tests = {"test_" + title.lower().replace(" ", "_") for title in titles}
    assert tests <= globals().keys()
