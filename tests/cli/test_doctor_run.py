"""`doctor RUN` and `debug bundle RUN` on runs that are really sick: what, why, what mends it."""

from __future__ import annotations

import json
import os
import signal
import stat
import tarfile
import time
from pathlib import Path

import msgspec
import psutil
import pytest
from tests.cli.conftest import Deck

from agentdeck.control.redaction import redacted
from agentdeck.control.runs import fold_run, newest_run
from agentdeck.control.vitals import Health, vitals_of
from agentdeck.core.errors import EXIT_ENVIRONMENT, EXIT_OK
from agentdeck.core.ids import TaskId
from agentdeck.core.state import TaskState
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.heartbeat import Beat, read_beat
from agentdeck.testing.crash import kill_engine
from agentdeck.testing.settling import settle

A = TaskId("A")
NO_BEAT = Beat(0.0, 0, 0)
SECRET = "a-value-that-nobody-may-see"


@pytest.fixture
def run(deck: Deck, repo: Path) -> RunFolder:
    """A run whose first agent is at work, and waits."""
    assert deck("run", "waits.toml", "--no-attach").code == EXIT_OK
    folder = newest_run(repo)
    settle(lambda: fold_run(folder).tasks[A].state is TaskState.WORKING, "A at work")
    settle(lambda: vitals_of(folder, fold_run(folder)).beat is not None, "a heartbeat")
    return folder


def grow_old(folder: RunFolder, seconds: float) -> None:
    """The last heartbeat was so long ago. Its engine must not be able to write another one."""
    beat = read_beat(folder.heartbeat)
    assert beat is not None
    told = msgspec.structs.replace(beat, at=time.time() - seconds)
    folder.heartbeat.write_bytes(msgspec.json.encode(told))
    os.utime(folder.heartbeat, (told.at, told.at))


def pid_of(folder: RunFolder) -> int:
    return int(folder.lock.read_text())


def freeze(pid: int) -> None:
    """Stop a process, and wait until it stands."""
    os.kill(pid, signal.SIGSTOP)
    settle(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED, "it stands still")


def test_a_run_that_is_well(deck: Deck, run: RunFolder) -> None:
    """Everything that was looked at is named, and the status is 0."""
    said = deck("doctor", run.run)
    assert said.code == EXIT_OK, said.out
    for words in ("all sound", "answers, last heartbeat", "last sign of life", "MiB free"):
        assert words in said.out
    assert "nothing is wrong with it" in said.out
    data = json.loads(deck("doctor", run.run, "--json").out)
    assert data["ok"] is True
    assert {row["state"] for row in data["checks"]} == {"ok"}
    assert vitals_of(run, fold_run(run)).health is Health.WELL


def test_a_stopped_engine_is_told_with_its_cause_and_can_go_on(deck: Deck, run: RunFolder) -> None:
    """By doctor, by status, and by whoever wants to attach; SIGCONT is what helps."""
    pid = pid_of(run)
    freeze(pid)
    try:
        grow_old(run, 180)
        said = deck("doctor", run.run)
        assert said.code == EXIT_ENVIRONMENT
        assert "no heartbeat for 3 min: stopped (state T)" in said.out
        assert f"kill -CONT {pid}" in said.out
        status = deck("status", run.run)
        assert f"engine: no heartbeat for 3 min: stopped (state T); kill -CONT {pid}" in status.out
        assert json.loads(deck("status", run.run, "--json").out)["engine_health"] == "stopped"
        attached = deck("attach", run.run, "--plain")
        assert attached.code == EXIT_ENVIRONMENT
        assert "stopped (state T)" in attached.err
        assert f"kill -CONT {pid}" in attached.err
    finally:
        os.kill(pid, signal.SIGCONT)
    settle(lambda: vitals_of(run, fold_run(run)).health is Health.WELL, "the next heartbeat")


def test_a_dead_engine_is_told_with_the_command_that_starts_one(deck: Deck, run: RunFolder) -> None:
    """Its agent works on, and that is said too."""
    kill_engine(run)
    said = deck("doctor", run.run)
    assert said.code == EXIT_ENVIRONMENT
    assert "dead" in said.out
    assert f"agentdeck attach {run.run}" in said.out
    assert "agent A#1" in said.out
    assert vitals_of(run, fold_run(run)).health is Health.DEAD


def test_what_is_wrong_around_a_run_is_found(deck: Deck, run: RunFolder, repo: Path) -> None:
    """An agent that somebody stopped, a target that is gone, an old lock, a ballast given up."""
    attempt = fold_run(run).tasks[A].attempt
    assert attempt is not None
    assert attempt.process is not None
    settle(lambda: "A#1" in (read_beat(run.heartbeat) or NO_BEAT).signs, "it is watched")
    freeze(attempt.process.pid)
    lock = repo / ".git" / "index.lock"
    lock.touch()
    os.utime(lock, (time.time() - 600,) * 2)
    target = repo / ".git" / "refs" / "heads" / "deck" / "waits"
    kept = target.read_bytes()
    target.unlink()
    run.ballast.unlink()
    try:
        said = deck("doctor", run.run).out
    finally:
        os.kill(attempt.process.pid, signal.SIGCONT)
        target.write_bytes(kept)
        lock.unlink()
    assert "was stopped by somebody (state T)" in said
    assert f"kill -CONT {attempt.process.pid}" in said
    assert "deck/waits is gone" in said
    assert "branch deck/waits" in said
    assert "index.lock is 10 min old" in said
    assert "the ballast is gone" in said


def test_a_bundle_has_what_is_needed_and_no_secret(
    deck: Deck, run: RunFolder, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Journal, logs, versions, refs; for its owner alone; never over another file."""
    monkeypatch.setenv("SOME_API_KEY", SECRET)
    (run.path / "engine.out").write_text(f"it said {SECRET} and sk-ant-{'x' * 30}\n")
    log = run.attempt(A, 1) / "raw.log"
    log.write_bytes(log.read_bytes() + b"password=hunter2hunter2\nhttps://ann:s3cret9@host/x\n")
    said = deck("debug", "bundle", run.run, "-o", "b.tar.gz")
    assert said.code == EXIT_OK, said.err
    file = repo / "b.tar.gz"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with tarfile.open(file) as archive:
        texts = {
            member.name.removeprefix(f"{run.run}/"): archive.extractfile(member).read().decode()  # type: ignore[union-attr]
            for member in archive.getmembers()
        }
        assert {member.mode for member in archive.getmembers()} == {0o600}
    wanted = {"about.json", "diagnosis.json", "journal.jsonl", "plan.toml", "engine.log"}
    assert wanted | {"refs.txt", "heartbeat.json", "attempts/A.1/raw.log"} <= set(texts)
    for name in texts:
        assert name in said.out
    everything = "\n".join(texts.values())
    for secret in (SECRET, "sk-ant-x", "hunter2", "s3cret9"):
        assert secret not in everything
    events = [json.loads(line) for line in texts["journal.jsonl"].splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert f"refs/heads/deck/{run.run}/A" in texts["refs.txt"]
    again = deck("debug", "bundle", run.run, "-o", "b.tar.gz")
    assert again.code == EXIT_ENVIRONMENT
    assert "File exists" in again.err


@pytest.mark.parametrize(
    "text",
    [
        "sk-proj-abcdefghijklmnop0123",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "AKIAABCDEFGHIJKLMNOP",
        "xoxb-123456789012-abcdef",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijk",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\n-----END RSA PRIVATE KEY-----",
        "Authorization: Bearer abcdefgh12345678",
        '{"OPENAI_API_KEY": "abcdefgh-1234"}',
        "export GH_TOKEN='abcdefgh1234'",
        "db_password: correcthorse",
        "https://ann:correcthorse@example.com/x.git",
        '{\\"env\\":{\\"MY_SECRET\\":\\"correcthorse\\"}}',
    ],
)
def test_what_has_the_shape_of_a_secret_is_cut_out(text: str) -> None:
    """Keys of known services, private keys, passwords in addresses, names that say so."""
    cut = redacted(f"before {text} after", {})
    assert "***" in cut
    assert cut.startswith("before ")
    assert "after" in cut
    for part in ("abcdefgh", "MIIEabc", "correcthorse", "ABCDEFGHIJKLMNOP", "123456789012"):
        assert part not in cut


@pytest.mark.parametrize(
    "text",
    ['{"tokens_in":123456789,"usd":1.5}', "a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a7b8c9d0", "keyboard"],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """Counts of tokens and names of commits are what a bundle is for."""
    assert redacted(text, {"HOME": "keyboard"}) == text
