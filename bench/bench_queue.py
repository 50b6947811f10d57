"""How many gate runs does a landing cost?

N entries wait; each is red by itself with probability q, and a gate run tells of a whole tree only
whether it is red. Counted, over R random orders, are the runs of the gate for each landing of

- serial: one entry at a time;
- window W: W entries are gated at once, each on top of those before it; behind a red one all start
  anew (what Zuul and GitLab's trains do with a fixed window);
- batch K: K entries are gated as one, and a red batch is halved until its culprits are alone (what
  bors does); the half behind a green one is taken for red without a run;
- agentdeck: the real merge queue (`core.queue`), with the limit of a plan and a size that adapts.

No clock: these are counts, the same on each machine. A gate on the target itself, before somebody
is blamed, is counted for agentdeck too.

With `--git` the last column is of the real engine on a real repository with a real gate: it has
the same entries in its queue when it starts, and the gate runs are those of its journal. Afterwards
each commit that it put on the target is checked out, and its gate has to be green.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from agentdeck.core import events as e
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import MAX_BATCH, Defaults, QueueRules, Repair
from agentdeck.core.steps import BuildEntry
from agentdeck.testing.builders import gate, plan, run_until, started
from agentdeck.testing.queue_world import QueueWorld
from bench_landing import engine, git, repository

SHARES = (0.01, 0.05, 0.1, 0.2, 0.3)  # of entries that are red
WINDOW = 8
BATCHES = (2, 4, 8, 16)
TURNS = 100_000  # of the core in one run; 200 entries take about 3,000


def serial(red: Sequence[bool]) -> int:
    """One run for each entry."""
    return len(red)


def window(red: Sequence[bool], width: int = WINDOW) -> int:
    """Each entry of the window has a run; what is behind a red one has another."""
    runs, at, done = 0, 0, 0  # `done`: entries from `at` whose runs are worth something
    while at < len(red):
        end = min(at + width, len(red))
        runs += end - at - done
        first = next((i for i in range(at, end) if red[i]), None)
        if first is None:
            at, done = at + 1, max(0, end - at - 1)  # the first lands, the others slide
        else:
            at, done = first + 1, 0
    return runs


def batches(red: Sequence[bool], size: int) -> int:
    """One run for each batch, and for each half of a red one that is not known to be red."""

    def tell(part: Sequence[bool], *, known: bool = False) -> int:
        own = 0 if known else 1  # the half behind a green one must be the red one
        if len(part) == 1 or not any(part):
            return own
        middle = (len(part) + 1) // 2
        left = tell(part[:middle])
        return own + left + tell(part[middle:], known=not any(part[:middle]))

    return sum(tell(red[at : at + size]) for at in range(0, len(red), size))


def agentdeck(red: Sequence[bool]) -> int:
    """The queue itself."""
    names = [f"t{number}" for number in range(len(red))]
    of = plan(
        *names,
        gates=(gate("unit"),),
        defaults=Defaults(retries=0),
        queue=QueueRules(batch=MAX_BATCH, repair=Repair.ASK),  # nobody comes back
        agents_limit=len(red),
    )
    world = QueueWorld(
        frozenset(TaskId(name) for name, is_red in zip(names, red, strict=True) if is_red)
    )
    run = run_until(
        started(of),
        lambda run: len(run.state.queue) == len(red),
        lambda _, step: () if isinstance(step, BuildEntry) else None,
        turns=TURNS,
    )
    run_until(run, lambda run: not run.state.queue, world.answer, turns=TURNS)
    if len(run.state.landings) != len(red) - sum(red):
        raise AssertionError("something else has landed than should")
    return len(world.gated)


def on_git(red: Sequence[bool]) -> int:
    """The engine, on real commits."""
    with TemporaryDirectory() as temporary:
        place = Path(temporary)
        os.environ["XDG_STATE_HOME"] = str(place / "state")
        repo, heads = repository(place, len(red))
        gate = place / "gate"
        tests = "".join(f"test ! -e work{n}.txt || exit 1\n" for n, bad in enumerate(red) if bad)
        gate.write_text(f"#!/bin/sh\n{tests}true\n")
        gate.chmod(0o755)
        rules = (
            f'[queue]\nbatch = {MAX_BATCH}\nrepair = "ask"\n'
            f'[gates.unit]\nrun = ["{gate}"]\nwhen = "merge"\nretries = 0\n'
        )
        _, state, journal = asyncio.run(engine(repo, heads, place / "runs", rules))
        count = sum(isinstance(told.event, e.GateFinished) for told in journal.history())
        journal.close()
        if {landing.task for landing in state.landings} != {
            TaskId(f"t{number}") for number, bad in enumerate(red) if not bad
        }:
            raise AssertionError("something else has landed than should")
        for commit in dict.fromkeys(landing.commit for landing in state.landings):
            git(repo, "checkout", "--quiet", "--detach", commit)
            subprocess.run([gate], cwd=repo, check=True)
    return count


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--git", action="store_true", help="the real engine on real commits")
    asked = parser.parse_args()
    ways: dict[str, Callable[[Sequence[bool]], int]] = {
        "serial": serial,
        f"window {WINDOW}": window,
        **{f"batch {size}": lambda red, size=size: batches(red, size) for size in BATCHES},
        "agentdeck": on_git if asked.git else agentdeck,
    }
    print(f"gate runs per landing, {asked.entries} entries, {asked.rounds} rounds")
    print("red".rjust(5), *(name.rjust(10) for name in ways), "of the best".rjust(12))
    for share in SHARES:
        random = Random(asked.seed)
        runs, landings = dict.fromkeys(ways, 0), 0
        for _ in range(asked.rounds):
            red = [random.random() < share for _ in range(asked.entries)]
            landings += len(red) - sum(red)
            for name, way in ways.items():
                runs[name] += way(red)
        cost = {name: count / max(1, landings) for name, count in runs.items()}
        best = min(value for name, value in cost.items() if name != "agentdeck")
        cells = (f"{value:10.2f}" for value in cost.values())
        print(f"{share:5.0%}", *cells, f"{cost['agentdeck'] / best - 1:+12.0%}")


if __name__ == "__main__":
    main()
