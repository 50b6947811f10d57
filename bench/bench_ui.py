"""How fast is the control room, in a real terminal, beside programs that people know?

Everything goes through a pty (see `terminal.py`): keys are typed, and a terminal emulator says
afterwards when the screen had changed. Beside it, in the same run and under the same load:

- mprocs, which shows the output of many commands in split panes (from npm; installed into a
  temporary folder where it is missing);
- lnav and `less +G` for the viewer of a large log. What is missing is left out, by name.

Printed are: the time to the first whole picture, the same for a run of 100,000 events, how long a
key takes to be answered while 100 agents write 1,000 lines a second each (one that selects another
task: its name over the task pane, and its newest lines), the CPU of an idle screen, the memory
under that load and how fast it grows, and how long it takes to stand at the end of a 1 GB log.

    python bench/bench_ui.py [--only start,keys,…] [--agents 100] [--rate 1000] [--minutes 2]

The load is of real agents of a real run: `--agents` child processes in worktrees of their own,
followed by an engine. On two cores that leaves the screen what a busy machine leaves it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

from agentdeck.core.events import AttemptProgressed
from agentdeck.core.fold import apply
from agentdeck.core.ids import RunId, TaskId
from agentdeck.core.plan import Plan, Task
from agentdeck.core.state import RunState
from agentdeck.engine.checkpoints import Checkpoints
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal
from agentdeck.plans.forecast.ring import VirtualRing
from live_run import DECK, READY_S, live_run
from terminal import Terminal, cpu_s

SIZE: Final = (120, 36)
EVENTS: Final = 100_000
TASKS: Final = 500  # of the long run; a large plan, each task with many reports
REPORTS: Final = 95  # of each agent; with them it has that many events
STARTS: Final = 5  # the median of so many
KEYS: Final = 100  # presses; p99 is then the worst but one
PAUSE_S: Final = 0.17  # between two keys; no multiple of what either program draws in
IDLE_S: Final = 60.0  # what comes once a minute is in it
SETTLE_S: Final = 3.0  # after the first picture, before keys are pressed
AT_REST: Final = 0.05  # of a core: a program that uses more has not come to rest after its start
REST_S: Final = 3  # for so many seconds in a row
START_S: Final = 120.0  # for a program to come to rest
LOG_BYTES: Final = 1_000_000_000
MB: Final = 1_000_000

# One agent: so many lines a second in ten pieces, each with its own name; ends with its parent.
WRITER: Final = """
import os, sys, time
name, rate = sys.argv[1], int(sys.argv[2])
began, number, parent = time.monotonic(), 0, os.getppid()
while os.getppid() == parent:
    lines = [f"{name} line {number + n:08} of a test that goes on and on and passes\\n"
             for n in range(max(1, rate // 10))]
    number += len(lines)
    os.write(1, "".join(lines).encode())
    time.sleep(max(0.0, began + number / rate - time.monotonic()))
"""


def main() -> None:
    """Print a table for each question."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agents", type=int, default=100)
    parser.add_argument("--rate", type=int, default=1000, help="lines a second of each agent")
    parser.add_argument("--minutes", type=float, default=2.0, help="under load, for the memory")
    parser.add_argument("--only", default=",".join(PARTS), help="which parts: " + ", ".join(PARTS))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-ui-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        os.environ["XDG_STATE_HOME"] = str(folder / "state")
        os.environ["XDG_CONFIG_HOME"] = str(folder / "config")
        os.environ["AGENTDECK_NO_TOUR"] = "1"
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled once
        peer = mprocs(folder)
        for name in asked.only.split(","):
            PARTS[name](folder, peer, asked)


# --- the parts ------------------------------------------------------------------------------------


def start(folder: Path, peer: str | None, _: argparse.Namespace) -> None:
    """To the first whole picture."""
    long = write_run(folder, "long", tasks=TASKS, repeated=REPORTS, ended=True)
    short = write_run(folder, "short", tasks=5, repeated=1, ended=True)
    print(f"\nto the first picture (median of {STARTS}, seconds)")
    for name, run in (("agentdeck attach", short), (f"  a run of {long[1]:,} events", long)):
        show(name, [picture_s([*DECK, "attach", run[0]], has("Merge queue", "T-001"), folder)
                    for _ in range(STARTS)])  # fmt: skip
    if peer is not None:
        argv = [peer, "echo T-001; sleep 600", "sleep 600", "sleep 600"]
        show("mprocs", [picture_s(argv, has("Processes", "T-001"), folder) for _ in range(STARTS)])
    bare = [sys.executable, "-c", BARE]
    show(
        "a Textual app that is empty",
        [picture_s(bare, has("T-001"), folder) for _ in range(STARTS)],
    )


def keys(folder: Path, peer: str | None, asked: argparse.Namespace) -> None:
    """A key while everything writes, and the memory meanwhile."""
    print(f"\n{asked.agents} agents write {asked.rate} lines/s each: a key to another task")
    print(f"{'':30} {'p50':>7} {'p99':>7} {'max':>7}  ms  {'cpu':>5}  {'MB':>5}  {'MB/min':>6}")
    names = [f"t{number:03}" for number in range(asked.agents)]
    writer = folder / "writer.py"
    writer.write_text(WRITER)
    with working(folder, names, writer, asked.rate) as run:
        pressed(
            "agentdeck attach", [*DECK, "attach", run], folder, asked,
            ready=b"Merge queue", named=DECK_NAMED, lines=DECK_LINES,
        )  # fmt: skip
    if peer is not None:
        here = folder / "mprocs.json"
        argv = lambda name: [sys.executable, "-S", str(writer), name, str(asked.rate)]  # noqa: E731
        here.write_text(json.dumps({"procs": {name: {"cmd": argv(name)} for name in names}}))
        pressed(
            "mprocs", [peer, "--config", str(here)], folder, asked,
            ready=b"t005", named=PEER_LINES, lines=PEER_LINES,
        )  # fmt: skip


def idle(folder: Path, peer: str | None, _: argparse.Namespace) -> None:
    """Nothing happens."""
    print(f"\nidle for {IDLE_S:.0f} s with three agents that say nothing (share of a core)")
    with silent(folder) as run:
        show_idle("agentdeck attach", [*DECK, "attach", run], folder)
        show_idle("a Textual app that is empty", [sys.executable, "-c", BARE], folder)
    if peer is not None:
        show_idle("mprocs", [peer, "sleep 600", "sleep 600", "sleep 600"], folder)


def log(folder: Path, _: str | None, __: argparse.Namespace) -> None:
    """At the end of a large log."""
    run, _ = write_run(folder, "log", tasks=1, repeated=1, ended=True)
    path = RunFolder(folder / "state" / "agentdeck" / "runs" / run).attempt(TaskId("T-001"), 1)
    path.mkdir(parents=True, exist_ok=True)
    big, last = path / "raw.log", b"the very last line\n"
    block = b"".join(
        b"%08d a line of a test that goes on and on and passes\n" % n for n in range(20_000)
    )
    with big.open("wb") as file:
        for _ in range(LOG_BYTES // len(block)):
            file.write(block)
        file.write(last)
    print(
        f"\nat the end of a log of {big.stat().st_size / MB:,.0f} MB (median of {STARTS}, seconds)"
    )
    end = has(last.decode().strip())
    seen: list[float] = []
    for _ in range(STARTS):
        with Terminal([*DECK, "attach", run], SIZE, cwd=folder) as terminal:
            terminal.wait_for(b"Merge queue")
            terminal.run(1.0)
            for key in (b"l", b"z"):
                terminal.press(key)
                terminal.run(0.5)
            memory = psutil.Process(terminal.pid).memory_info().rss / MB
            found = terminal.first(end)
            seen.append(found - terminal.began if found else float("nan"))
    show("agentdeck attach, all of it", seen, f"{memory:.0f} MB")
    for name, argv in (("lnav", ["lnav", "-q", str(big)]), ("less +G", ["less", "+G", str(big)])):
        if shutil.which(argv[0]) is None:
            print(f"{name:30} left out: it is not installed")
            continue
        seen = []
        for _ in range(STARTS):
            with Terminal(argv, SIZE, cwd=folder) as terminal:
                terminal.wait_for(last.strip())
                terminal.run(1.0)
                memory = sum(each.memory_info().rss for each in terminal.tree) / MB
                found = terminal.first(end)
                seen.append(found - terminal.began if found else float("nan"))
        show(name, seen, f"{memory:.0f} MB")


PARTS: Final[dict[str, Callable[[Path, str | None, argparse.Namespace], None]]] = {
    "start": start,
    "keys": keys,
    "idle": idle,
    "log": log,
}

BARE: Final = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("T-001")
Empty().run()
"""

# --- what is looked for ---------------------------------------------------------------------------

DECK_TITLE: Final = re.compile(r"[╮│]?╭─ \S+ (t\d{3}) ")
DECK_LINE: Final = re.compile(r"│+ (?:\S+ +)?(t\d{3}) line \d")
PEER_LINE: Final = re.compile(r"│(t\d{3}) line \d")

Named = Callable[[Sequence[str]], str]


def _first(pattern: re.Pattern[str]) -> Named:
    def named(shown: Sequence[str]) -> str:
        for line in shown:
            if (found := pattern.search(line)) is not None:
                return found[1]
        return ""

    return named


DECK_NAMED: Final = _first(DECK_TITLE)
DECK_LINES: Final = _first(DECK_LINE)
PEER_LINES: Final = _first(PEER_LINE)


def has(*words: str) -> Callable[[Sequence[str]], bool]:
    """All of these stand on the screen."""
    return lambda shown: all(any(word in line for line in shown) for word in words)


def picture_s(argv: Sequence[str], seen: Callable[[Sequence[str]], bool], cwd: Path) -> float:
    """Seconds from the start of a program to a picture."""
    with Terminal(argv, SIZE, cwd=cwd) as terminal:
        while time.perf_counter() - terminal.began < READY_S:
            terminal.run(0.5)
            if (found := terminal.first(seen)) is not None:
                return found - terminal.began
    raise SystemExit(f"{' '.join(argv)} never showed what was looked for")


def pressed(
    title: str,
    argv: Sequence[str],
    cwd: Path,
    asked: argparse.Namespace,
    *,
    ready: bytes,
    named: Named,
    lines: Named,
) -> None:
    """Press keys under load, then find when each was answered."""
    with Terminal(argv, SIZE, cwd=cwd) as terminal:
        if not terminal.wait_for(ready):
            raise SystemExit(f"{title} never showed {ready!r}")
        terminal.run(SETTLE_S)
        me = terminal.program
        used, began, size = cpu_s(me), time.perf_counter(), me.memory_info().rss
        at: list[float] = []
        for number in range(KEYS):
            at.append(terminal.press(b"j" if number // 10 % 2 == 0 else b"k"))
            terminal.run(PAUSE_S + 0.003 * (number % 7))
        share = (cpu_s(me) - used) / (time.perf_counter() - began)
        terminal.pieces, kept = [], terminal.pieces
        left = asked.minutes * 60 - (time.perf_counter() - began)
        while left > 0:  # nothing of it is kept: it would be this program's memory
            terminal.run(min(left, 1.0))
            terminal.pieces.clear()
            left = asked.minutes * 60 - (time.perf_counter() - began)
        grown = (me.memory_info().rss - size) / MB / ((time.perf_counter() - began) / 60)
        size = me.memory_info().rss
        terminal.pieces = kept
    for what, name in {"its name": named, "its lines": lines}.items():
        waits = answers(terminal, at, name)
        rest = f"  {share:>5.0%}  {size / MB:>5.0f}  {grown:>6.2f}" if what == "its name" else ""
        shown = " ".join(f"{share_of(waits, part) * 1000:>7.0f}" for part in (0.5, 0.99, 1.0))
        print(f"{title + ': ' + what:30} {shown}     {rest}  ({len(waits)} of {len(at)} answered)")


def answers(terminal: Terminal, at: Sequence[float], name: Named) -> list[float]:
    """For each key, the seconds until the screen named another task than before it."""
    waits: list[float] = []
    screens = [(when, name(shown)) for when, shown in terminal.screens()]
    for number, when in enumerate(at):
        before = next((what for then, what in reversed(screens) if then < when and what), "")
        until = at[number + 1] if number + 1 < len(at) else when + 1.0
        after = (then for then, what in screens if when < then < until and what not in ("", before))
        if (found := next(after, None)) is not None:
            waits.append(found - when)
    return waits


def share_of(values: Sequence[float], part: float) -> float:
    """The value below which this part of them lies (nearest rank)."""
    ordered = sorted(values) or [float("nan")]
    return ordered[min(len(ordered) - 1, max(0, round(part * len(ordered)) - 1))]


def show(name: str, seconds: Sequence[float], rest: str = "") -> None:
    """One row."""
    middle = statistics.median(seconds)
    print(f"{name:30} {middle:>7.2f}  ({min(seconds):.2f} to {max(seconds):.2f})  {rest}")


def show_idle(name: str, argv: Sequence[str], cwd: Path) -> None:
    """One row: the CPU of a program that is only looked at, once its start is over.

    A start is more than a first picture: a deck then reads all past runs for its first outlook,
    which takes half a second of CPU for each 100,000 events.
    """
    with Terminal(argv, SIZE, cwd=cwd) as terminal:
        resting, until = 0, time.perf_counter() + START_S
        while resting < REST_S:
            resting = resting + 1 if share_in(terminal, 1.0) < AT_REST else 0
            if time.perf_counter() > until:
                raise SystemExit(f"{name} did not come to rest within {START_S:.0f} s")
        share = share_in(terminal, IDLE_S)
        print(f"{name:30} {share:>7.2%}  {terminal.program.memory_info().rss / MB:>5.0f} MB")


def share_in(terminal: Terminal, seconds: float) -> float:
    """The share of a core that a program uses for so long, while its output is read."""
    used: float = cpu_s(terminal.program)
    began = time.perf_counter()
    while (left := began + seconds - time.perf_counter()) > 0:
        terminal.run(left)
    return (cpu_s(terminal.program) - used) / (time.perf_counter() - began)


# --- what is shown --------------------------------------------------------------------------------


def write_run(
    folder: Path, name: str, *, tasks: int, repeated: int, ended: bool
) -> tuple[str, int]:
    """A run as a virtual engine plays it, on disk; its id, and how many events it has.

    Each report of an agent stands there `repeated` times: to play them all would take minutes.
    """
    plan = Plan(
        name=name,
        tasks=tuple(
            Task(id=TaskId(f"T-{number:03}"), title=f"Task {number}", estimate_s=60.0)
            for number in range(1, tasks + 1)
        ),
    )
    ring = VirtualRing(
        plan,
        reports=1,
        run=RunId(f"{name}-0001"),
        started_at=1_700_000_000.0,
        agents_limit=8,
    )
    ring.advance(float("inf") if ended else ring.now + 30.0)
    run = RunFolder(folder / "state" / "agentdeck" / "runs" / f"{name}-0001")
    run.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    run.create()
    run.plan.write_text("version = 1\n")
    journal, checkpoints, state = Journal(run.journal, writable=True), Checkpoints(run), RunState()
    for played in ring.history:
        again = repeated if isinstance(played.event, AttemptProgressed) else 1
        turn = journal.append([played.event] * again, played.at, after=state.seq, durable=False)
        for recorded in turn:
            apply(state, recorded)
        checkpoints.stored(state)  # as an engine does after each turn
    checkpoints.close(state)
    journal.close()
    return str(run.run), state.seq


@contextmanager
def working(folder: Path, names: Sequence[str], writer: Path, rate: int) -> Iterator[str]:
    """A real run in which all agents write; its id. It is ended afterwards."""
    command = [sys.executable, "-S", str(writer), "{task}", str(rate)]
    with live_run(folder, "load", names, command) as run:
        yield run


@contextmanager
def silent(folder: Path) -> Iterator[str]:
    """A real run in which three agents say nothing."""
    with live_run(folder, "idle", ["t001", "t002", "t003"], ["sleep", "600"]) as run:
        yield run


def mprocs(folder: Path) -> str | None:
    """Where mprocs is: on PATH, or installed for this run; None where it cannot be had."""
    if (found := shutil.which("mprocs")) is not None:
        return found
    place = folder / "npm"
    place.mkdir()
    try:
        subprocess.run(
            ["npm", "install", "--silent", "--prefix", str(place), "mprocs"],
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError):
        print("mprocs is left out: it is not installed, and npm cannot install it")
        return None
    return str(place / "node_modules" / ".bin" / "mprocs")


if __name__ == "__main__":
    main()
