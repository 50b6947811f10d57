"""The scripted agent: real processes in real repositories, read by the real reader."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from agentdeck.agents.readers import reader_for
from agentdeck.agents.reports import Asked, Ended, Report, Said
from agentdeck.core import footprint
from agentdeck.core.events import FailureClass
from agentdeck.testing import scripted_agent

PROGRAM = Path(scripted_agent.__file__)
BOUND_S = 20.0  # for a condition that holds within milliseconds on an idle machine


def git(repo: Path, *args: str) -> str:
    found = subprocess.run(["git", *args], cwd=repo, check=True, capture_output=True, text=True)
    return found.stdout.strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "base")
    return folder


class Played:
    """One attempt of the scripted agent."""

    def __init__(self, repo: Path, script: str, attempt: int = 1, files: str = "") -> None:
        self.log = repo.parent / f"raw.{attempt}.log"
        prompt = repo.parent / "prompt.md"
        prompt.write_text(f"# Task T1: A title\n\nSome prose.\n{script}\n", encoding="utf-8")
        marks = {"TASK": "T1", "ATTEMPT": str(attempt), "FILES": files, "SCRIPT_SECONDS": "0.05"}
        argv = [sys.executable, "-I", "-S", str(PROGRAM), "--prompt-file", str(prompt)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                argv,
                cwd=repo,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=os.environ | {f"AGENTDECK_{name}": value for name, value in marks.items()},
            )

    def reports(self) -> list[Report]:
        return reader_for("scripted").feed(self.log.read_bytes())

    def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + BOUND_S
        while not holds():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.01)

    def say(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def code(self) -> int:
        return self.process.wait(BOUND_S)

    def result(self) -> Ended:
        (found,) = [report for report in self.reports() if isinstance(report, Ended)]
        return found


@pytest.fixture
def play(repo: Path) -> Iterator[Callable[..., Played]]:
    started: list[Played] = []

    def start(script: str, attempt: int = 1, files: str = "") -> Played:
        started.append(Played(repo, script, attempt, files))
        return started[-1]

    yield start
    for played in started:
        played.process.kill()
        played.process.communicate()


Play = Callable[..., Played]


def test_without_a_script_it_works_within_its_footprint_and_commits(play: Play, repo: Path) -> None:
    patterns = ["src/[ab]*/**", "docs/", "lib/*.py"]
    played = play("", files="\n".join(patterns))
    assert played.code() == 0
    assert played.result().ok
    assert git(repo, "status", "--porcelain") == ""
    assert git(repo, "log", "-1", "--format=%s") == "T1: A title"
    changed = git(repo, "diff", "--name-only", "HEAD~1").splitlines()
    assert 1 <= len(changed) <= 3
    assert all(footprint.covers(patterns, path) for path in changed)


def test_the_same_task_and_attempt_make_the_same_tree(play: Play, repo: Path) -> None:
    trees = []
    for attempt in (1, 1, 2):
        git(
            repo,
            "checkout",
            "--quiet",
            "--detach",
            git(repo, "rev-list", "--max-parents=0", "HEAD"),
        )
        assert play("", attempt=attempt).code() == 0
        trees.append(git(repo, "rev-parse", "HEAD^{tree}"))
    assert trees[0] == trees[1]
    assert trees[0] != trees[2]


def test_python_that_it_writes_compiles(play: Play, repo: Path) -> None:
    assert play("! write src/x.py 25").code() == 0
    compile((repo / "src/x.py").read_text(), "x.py", "exec")


def test_an_instruction_may_be_for_one_attempt_only(play: Play, repo: Path) -> None:
    script = "! on 1: fail 7 broke\n! on 2+: write a.txt 3"
    first = play(script)
    assert first.code() == 7
    assert not any(isinstance(report, Ended) for report in first.reports())
    assert b"broke" in first.log.read_bytes()
    assert play(script, attempt=3).code() == 0
    assert (repo / "a.txt").read_text().count("\n") == 3


def test_it_waits_for_an_answer_and_keeps_it(play: Play, repo: Path) -> None:
    played = play("! ask red or blue?\n! write-answer out/answer.txt")
    played.until(lambda: Asked("q1", "red or blue?") in played.reports())
    assert played.process.poll() is None
    played.say(b'{"type": "message", "id": "m1", "text": "bl\\u00fc \\ud83d\\ude00"}')
    assert played.code() == 0
    assert (repo / "out/answer.txt").read_text(encoding="utf-8") == "blü 😀\n"


def test_nobody_to_answer_is_a_failure_and_no_hang(play: Play) -> None:
    played = play("! ask anybody?")
    assert played.process.stdin is not None
    played.process.stdin.close()
    assert played.code() == 1
    assert "nobody can answer" in played.result().detail


def test_it_hears_a_person_while_it_works(play: Play) -> None:
    played = play("! say begun\n! sleep 60")
    played.until(lambda: Said("begun") in played.reports())
    played.say(b'{"type": "message", "id": "m1", "text": "hurry"}')
    played.until(lambda: Said("Understood: hurry") in played.reports())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_with_a_result(play: Play, number: signal.Signals, code: int) -> None:
    played = play("! say begun\n! hang")
    played.until(lambda: Said("begun") in played.reports())
    played.process.send_signal(number)
    assert played.code() == code
    assert not played.result().ok


def test_it_can_ignore_signals(play: Play) -> None:
    played = play("! ignore-signals\n! say deaf\n! sleep 0.3\n! say alive")
    played.until(lambda: Said("deaf") in played.reports())
    played.process.send_signal(signal.SIGINT)
    played.process.send_signal(signal.SIGTERM)
    assert played.code() == 0
    assert Said("alive") in played.reports()


def test_it_can_leave_its_work_uncommitted_or_change_nothing(play: Play, repo: Path) -> None:
    assert play("! write a.txt 2\n! leave").code() == 0
    assert git(repo, "status", "--porcelain") == "?? a.txt"
    (repo / "a.txt").unlink()
    played = play("! empty")
    assert (played.code(), played.result().ok) == (0, True)
    assert git(repo, "rev-list", "--count", "HEAD") == "1"


def test_a_limit_says_when_it_resets(play: Play) -> None:
    before = time.time()
    played = play("! rate-limit 90")
    assert played.code() == 1
    result = played.result()
    assert result.cause is FailureClass.RATE_LIMIT
    assert result.retry_at is not None
    assert before + 89 < result.retry_at < time.time() + 91


def test_a_child_lives_on_in_a_session_of_its_own(play: Play) -> None:
    played = play("! child\n! hang")
    found: list[psutil.Process] = []

    def started() -> bool:
        found[:] = psutil.Process(played.process.pid).children()
        return bool(found) and os.getsid(found[0].pid) == found[0].pid

    played.until(started)
    played.process.terminate()
    assert played.code() == 143
    assert found[0].is_running()
    found[0].kill()


@pytest.mark.parametrize(
    "script",
    ["! sey hello", "! on x: say hello", "! write", "! write ../out.txt", "! on 9: dance"],
)
def test_a_script_that_cannot_be_done_is_an_error(play: Play, repo: Path, script: str) -> None:
    """A typing error in a plan is named at once, even in a line for a later attempt."""
    played = play(script)
    assert played.code() == 2
    assert not played.result().ok
    assert not (repo.parent / "out.txt").exists()


def test_what_it_says_is_one_line_whatever_is_in_it(play: Play) -> None:
    odd = 'a "quoted" \\ back\tslash \x1b[31m \u2028 é 😀'
    played = play(f"! say {odd}")
    assert played.code() == 0
    lines = played.log.read_bytes().splitlines()
    assert len(lines) == 4  # start, text, usage, result
    assert "é 😀" in played.log.read_text(encoding="utf-8")


def test_it_starts_fast() -> None:
    """It imports nothing slow; a hundred agents should not need seconds of CPU to start."""
    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "importtime", str(PROGRAM)],
        capture_output=True,
        text=True,
        check=False,
    ).stderr
    modules = [line.rpartition("|")[2].strip() for line in loaded.splitlines()]
    assert "zlib" in modules
    for slow in ("json", "subprocess", "argparse", "pathlib", "random"):
        assert slow not in modules
