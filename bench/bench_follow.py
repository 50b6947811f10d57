"""What it costs one engine to follow many agents: CPU of a process that reads N growing logs.

A second process appends to each of N logs at a fixed rate, ten times a second, with the lines of a
recorded stream over and over. This one follows them as the engine does: by a `GrowingLog` each,
which says when to look again, each piece through the reader of its format. Printed is the
CPU time that following takes for a second of that output, as a share of one core, and for a line;
beside it that of a raw follower, which reads the same bytes and only counts lines. CPU time for
what was read, and not for the time that went by: else one that gets little of a busy machine, or
does not keep up, would look cheap. `read` says how much of what is written in a second it took in
in a second; below 100 % it did not keep up.


With `--engine` it is a real engine that follows as many real processes, and all that the engine's
process does in that time counts: the journal, the watchdogs, its socket. What it has taken in is
what its journal says.

    python bench/bench_follow.py [--agents 100] [--rate 1000] [--seconds 10] [--engine]
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from agentdeck.agents.readers import reader_for
from agentdeck.core.fold import apply
from agentdeck.core.state import RunState
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.growing_log import GrowingLog
from agentdeck.engine.journal import Journal
from agentdeck.engine.watching import LOOK_CHUNKS
from live_run import live_run

STREAMS: Final = Path(__file__).parent.parent / "tests" / "agents" / "streams"
RECORDED: Final = {
    "claude": "claude.jsonl",
    "codex": "codex.jsonl",
    "gemini": "gemini.jsonl",
    "opencode": "opencode.jsonl",
}
PLAIN: Final = b"tests/unit/test_session.py::test_expiry PASSED                     [ 42%]\n"
BEATS: Final = 10  # writes to each log in a second; agents flush line by line, but not evenly
LEAD_S: Final = 1.0  # for the writer to get into its stride
CAUGHT_UP_S: Final = 120  # for an engine that has started a hundred agents that all write
BEHIND_S: Final = 2  # seconds of output; the journal is told once in one of them

WRITER: Final = """
import sys, time
folder, piece, agents, seconds, beats = sys.argv[1:6]
data = open(piece, "rb").read()
logs = [open(f"{folder}/{n}.log", "ab", buffering=0) for n in range(int(agents))]
began = time.monotonic()
for beat in range(int(float(seconds) * int(beats))):
    for log in logs:
        log.write(data)
    time.sleep(max(0.0, began + (beat + 1) / int(beats) - time.monotonic()))
"""

Feed = Callable[[bytes], object]


def main() -> None:
    """Print a row for each format."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--agents", type=int, default=100)
    asked.add_argument("--rate", type=int, default=1000, help="lines a second of each agent")
    asked.add_argument("--seconds", type=float, default=10.0)
    asked.add_argument("--engine", action="store_true", help="a real engine and real agents")
    given = asked.parse_args()
    print(f"{given.agents} agents, {given.rate} lines/s each, for {given.seconds:g} s")
    if given.engine:
        _with_an_engine(given)
        return
    print(f"{'format':<10} {'bytes/line':>10} {'MB/s':>7}", end=" ")
    print(f"{'core':>7} {'us/line':>8} {'raw':>7} {'read':>6}")
    for name in ("plain", *RECORDED):
        lines = _lines(name, max(1, given.rate // BEATS))
        size = sum(map(len, lines)) / len(lines)
        speed = len(lines) * BEATS * given.agents  # lines a second, of all
        line_s, share = _follow(given, lines, lambda name=name: reader_for(name).follow)
        raw_s, _ = _follow(given, lines, lambda: lambda data: data.count(b"\n"))
        print(
            f"{name:<10} {size:>10.0f} {size * speed / 1e6:>7.1f} {line_s * speed:>7.1%}"
            f" {line_s * 1e6:>8.2f} {raw_s * speed:>7.1%} {share:>6.0%}"
        )


def _lines(name: str, count: int) -> list[bytes]:
    if name == "plain":
        return [PLAIN] * count
    recorded = (STREAMS / RECORDED[name]).read_bytes().splitlines(keepends=True)
    body = [line for line in recorded[1:-1] if len(line) < 4096]  # without what begins and ends it
    return [body[n % len(body)] for n in range(count)]


def _follow(
    given: argparse.Namespace, lines: list[bytes], begin: Callable[[], Feed]
) -> tuple[float, float]:
    """CPU seconds for a line, and which share of what is written in a second it read in one."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        piece = folder / "piece"
        piece.write_bytes(b"".join(lines))
        paths = [folder / f"{n}.log" for n in range(given.agents)]
        for path in paths:
            path.touch()
        followed = [_Followed(GrowingLog(path), begin()) for path in paths]
        words = (place, str(piece), str(given.agents), str(given.seconds + LEAD_S), str(BEATS))
        with subprocess.Popen([sys.executable, "-c", WRITER, *words]) as writer:
            _run_for(LEAD_S, followed)
            before, began, read = _cpu_s(), time.monotonic(), sum(each.read for each in followed)
            _run_for(given.seconds, followed)
            used, took = _cpu_s() - before, time.monotonic() - began
            grown = sum(each.read for each in followed) - read
            count = grown / (sum(map(len, lines)) / len(lines))
            writer.wait()
        return used / count, count / took / (len(lines) * BEATS * given.agents)


@dataclass
class _Followed:
    """One log, what reads it, and when that looks next."""

    log: GrowingLog
    feed: Feed
    due: float = 0.0
    read: int = 0  # bytes

    def look(self, now: float) -> None:
        for _ in range(LOOK_CHUNKS):
            data = self.log.read()
            self.read += len(data)
            began = time.thread_time()
            self.feed(data)
            self.log.took(time.thread_time() - began)
            if not self.log.is_behind:
                break
        self.due = now + self.log.pause_s()


def _run_for(seconds: float, followed: list[_Followed]) -> None:
    until = time.monotonic() + seconds
    while (now := time.monotonic()) < until:
        for each in followed:
            if each.due <= now:
                each.look(now)
        soonest = min(each.due for each in followed)
        time.sleep(max(0.0, min(soonest, until) - time.monotonic()))


# --- with a real engine ---------------------------------------------------------------------------

# One agent: its piece ten times a second, with the first line first; it ends with its parent.
AGENT: Final = """
import os, sys, time
first, piece = (open(name, "rb").read() for name in sys.argv[1:3])
beats = int(sys.argv[3])
os.write(1, first)
began, beat, parent = time.monotonic(), 0, os.getppid()
while os.getppid() == parent:
    left = memoryview(piece)
    while left:
        left = left[os.write(1, left):]
    beat += 1
    time.sleep(max(0.0, began + beat / beats - time.monotonic()))
"""


def _with_an_engine(given: argparse.Namespace) -> None:
    print(f"{'format':<10} {'MB/s':>7} {'core':>7} {'read':>6} {'memory':>9}")
    for name in ("plain", *RECORDED):
        with tempfile.TemporaryDirectory(prefix="bench-follow-", ignore_cleanup_errors=True) as at:
            core, read_s, written_s, memory = _engine(given, name, Path(at))
        print(
            f"{name:<10} {written_s / 1e6:>7.1f} {core:>7.1%} {read_s / written_s:>6.0%}"
            f" {memory / 1e6:>6.0f} MB"
        )


def _engine(given: argparse.Namespace, name: str, at: Path) -> tuple[float, float, float, int]:
    """Share of a core; bytes a second that it took in, and that were written; bytes of memory."""
    os.environ["XDG_STATE_HOME"] = str(at / "state")
    os.environ["XDG_CONFIG_HOME"] = str(at / "config")
    lines = _lines(name, max(1, given.rate // BEATS))
    first = b"" if name == "plain" else (STREAMS / RECORDED[name]).read_bytes().splitlines(True)[0]
    (at / "first").write_bytes(first)
    (at / "piece").write_bytes(b"".join(lines))
    command = [sys.executable, "-S", "-c", AGENT, str(at / "first"), str(at / "piece"), str(BEATS)]
    names = [f"t{number:03}" for number in range(given.agents)]
    with live_run(at, name, names, command, name) as run:
        folder = RunFolder(at / "state" / "agentdeck" / "runs" / run)
        state = RunState()
        engine = _engine_of(folder, state)
        second = len(b"".join(lines)) * BEATS * given.agents  # bytes that all write in one
        for _ in range(CAUGHT_UP_S):
            time.sleep(1.0)
            before, began = _figures(folder, state, engine), time.monotonic()
            if before[2] - before[1] < BEHIND_S * second:
                break
        else:
            raise SystemExit(f"{name}: the engine had not caught up after {CAUGHT_UP_S} s")
        time.sleep(given.seconds)
        after, took = _figures(folder, state, engine), time.monotonic() - began
        core, read_s, written_s = (
            (now - then) / took for then, now in zip(before, after, strict=True)
        )
        return core, read_s, written_s, engine.memory_info().rss


def _engine_of(folder: RunFolder, state: RunState) -> psutil.Process:
    _catch_up(folder, state)
    if state.engine is None:
        raise SystemExit("the run has no engine")
    return psutil.Process(state.engine.pid)


def _figures(
    folder: RunFolder, state: RunState, engine: psutil.Process
) -> tuple[float, float, float]:
    """CPU seconds of the engine, bytes of all logs that it has understood, and that there are."""
    _catch_up(folder, state)
    of_all = [(of, task.attempts[-1]) for of, task in state.tasks.items() if task.attempts]
    used = engine.cpu_times()
    return (
        used.user + used.system,
        sum(attempt.offset for _, attempt in of_all),
        sum((folder.attempt(of, n.number) / "raw.log").stat().st_size for of, n in of_all),
    )


def _catch_up(folder: RunFolder, state: RunState) -> None:
    journal = Journal(folder.journal)
    for recorded in journal.history(state.seq):
        apply(state, recorded)
    journal.close()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
