"""`python -m agentdeck.testing.kills --plan PLAN --kills 200 --seed 1`: whole runs with kills.

Run after run of the plan is begun until that many processes were killed. Each run must end as if
nobody had been: every task landed once, nothing of it left behind, the person's checkout untouched.
A line for each run; what was wrong and the seed of it below the line; at the end the kills by kind.
The exit status is 0 only if nothing was wrong and every kind was met `--least` times.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

from agentdeck.testing.kills.play import kinds_of, played
from agentdeck.testing.kills.story import Told
from agentdeck.testing.kills.victims import Kind

A_RUN: Final = 8  # kills: enough to meet each other, few enough for runs of a usual kind
MISSED_RUNS: Final = 3  # runs on end in which nobody could be killed, until it is given up
SPEED: Final = 4_000.0  # of the sample plan of 47 tasks: its longest chain takes 20 s


def main() -> int:
    """Run what the command line asks for; the exit status."""
    asked = _asked()
    root = Path(tempfile.mkdtemp(prefix="kills-", dir=asked.root))
    total, runs, wrong, idle = Counter[Kind](), 0, 0, 0
    while total.total() < asked.kills and idle < MISSED_RUNS:
        runs += 1
        seed = asked.only or f"{asked.seed}/{runs}"
        place = root / str(runs)
        left = min(A_RUN, asked.kills - total.total())
        told = played(place, asked.plan, asked.speed, seed, kinds_of(seed, left))
        total += told.by_kind
        idle = 0 if told.kills else idle + 1
        print(line_of(told), flush=True)
        if told.faults:
            wrong += 1
            print(f"  kept at {place}; again with --only {seed}", flush=True)
        else:
            shutil.rmtree(place)
        if asked.only:
            break
    print(f"{total.total()} kills in {runs} runs, {wrong} runs went wrong")
    print("  " + ", ".join(f"{kind} {total[kind]}" for kind in Kind))
    rare = [kind for kind in Kind if total[kind] < asked.least and not asked.only]
    if rare:
        print(f"  too rarely met: {', '.join(rare)}")
    if not wrong:
        shutil.rmtree(root)
    return 1 if wrong or rare else 0


def line_of(told: Told) -> str:
    """One run in one line, and what was wrong with it below."""
    kills = ", ".join(f"{kind} {count}" for kind, count in sorted(told.by_kind.items()))
    missed = f"; not met: {'; '.join(told.missed)}" if told.missed else ""
    head = (
        f"seed {told.seed}: {len(told.kills)} kills ({kills}{missed}), {told.events} events,"
        f" {told.landed} of {told.tasks} landed, {told.seconds:.0f} s:"
        f" {'WRONG' if told.faults else 'ok'}"
    )
    rows = [f"  {fault}" for fault in told.faults]
    rows += [f"  killed: {what}" for _, what in told.kills] if told.faults else []
    return "\n".join([head, *rows])


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m agentdeck.testing.kills")
    parser.add_argument("--plan", type=Path, required=True, help="a plan file")
    parser.add_argument("--kills", type=int, default=200, help="in all runs together")
    parser.add_argument("--seed", type=int, default=1, help="of the moments and kinds")
    parser.add_argument("--only", metavar="SEED", help="one run, by the seed in its line")
    parser.add_argument("--least", type=int, default=0, help="kills of each kind")
    parser.add_argument("--speed", type=float, default=SPEED, help="estimates are divided by it")
    parser.add_argument("--root", type=Path, help="where runs are; a temporary folder if not said")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
