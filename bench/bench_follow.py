"""What it costs one engine to follow many agents: CPU of a process that reads N growing logs.

A second process appends to each of N logs at a fixed rate, ten times a second, with the lines of a
recorded stream over and over. This one follows them as the engine does: by a `GrowingLog` each,
which says when to look again, each piece through the reader of its format. Printed is the
CPU time that following takes for a second of that output, as a share of one core, and for a line;
beside it that of a raw follower, which reads the same bytes and only counts lines. CPU time for
what was read, and not for the time that went by: else one that gets little of a busy machine, or
does not keep up, would look cheap. `read` says how much of what is written in a second it took in
in a second; below 100 % it did not keep up.

    python bench/bench_follow.py [--agents 100] [--rate 1000] [--seconds 10]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentdeck.agents.readers import reader_for
from agentdeck.engine.growing_log import CHUNK, GrowingLog

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
    given = asked.parse_args()
    print(f"{given.agents} agents, {given.rate} lines/s each, for {given.seconds:g} s")
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
        while data := self.log.read():
            self.read += len(data)
            self.feed(data)
            if len(data) < CHUNK:
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


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
