"""What pools on more machines cost: one plan with local pools, and on a cluster of this machine.

Both run one after the other, with agents that only sleep for a moment: what is left is the way
there and back, prompts, bundles, logs and their end. `python bench/bench_cluster.py [TASKS]`.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from agentdeck.control.runs import fold_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.core.plan import Plan
from agentdeck.core.state import RunState
from agentdeck.engine.create import create_run
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan
from agentdeck.testing.clustered import Cluster, routed

TASKS = int(sys.argv[1]) if len(sys.argv) > 1 else 16
SLOTS = 4
LINES = 20_000  # of each agent's log
WORKS_S = 1.0
REPEATS = 3
PATIENCE_S = 300.0
HEAD = f"""
version = 1
[plan]
name = "bench"
agents = {SLOTS}
[defaults]
agent = "writer"
retries = 0
[agents.writer]
output = "plain"
command = ["sh", "-c", "seq {LINES}; sleep {WORKS_S}; echo $1 > $1.txt", "sh", "{{task}}"]
"""


def bench_plan() -> Plan:
    tasks = (f'[[task]]\nid = "T{n}"\nprompt = "x"\nfiles = ["T{n}.txt"]\n' for n in range(TASKS))
    return read_plan(HEAD + "".join(tasks), file="bench.toml")


def played(cluster: Cluster, plan: Plan, place: Path) -> tuple[float, RunState]:
    """Seconds from the first claim to the last landing of one run."""
    repo = place / "repo"
    make_repo(repo, {f"d{n % 10}/f{n}.txt": "x\n" * 50 for n in range(500)})
    folder = create_run(repo, plan, write_plan(plan), root=place / "runs")
    engine = cluster.start_engine(folder)
    deadline = time.monotonic() + PATIENCE_S
    while fold_run(folder).outcome is None and time.monotonic() < deadline:
        time.sleep(0.2)
    engine.wait(60)
    state = fold_run(folder)
    assert len(state.landings) >= 1, state.outcome
    first = min(task.attempts[0].claimed_at for task in state.tasks.values())
    return (state.finished_at or 0.0) - first, state


def begins(state: RunState) -> float:
    """Median seconds from the claim of an attempt until its agent runs."""
    attempts = [task.attempts[0] for task in state.tasks.values()]
    return statistics.median((one.launched_at or 0.0) - one.claimed_at for one in attempts)


def main() -> None:
    local = bench_plan()
    rows: dict[str, list[tuple[float, float]]] = {"local": [], "cluster": []}
    with tempfile.TemporaryDirectory(prefix="bench-cluster-") as name:
        place = Path(name)
        cluster = Cluster(place / "cluster")
        try:
            cluster.start_scheduler()
            cluster.start_worker("w1", SLOTS // 2)
            cluster.start_worker("w2", SLOTS // 2)
            far = routed(local, cluster.address, SLOTS, 60.0)
            for number in range(REPEATS):
                for kind, plan in (("local", local), ("cluster", far)):
                    took, state = played(cluster, plan, place / f"{kind}-{number}")
                    rows[kind].append((took, begins(state)))
        finally:
            cluster.close()
    ideal = TASKS / SLOTS * WORKS_S
    print(f"{TASKS} tasks, {SLOTS} at once, {LINES} lines of log each, {WORKS_S:g} s of work;")
    print(f"without any overhead {ideal:.1f} s; medians of {REPEATS}")
    print(f"{'':10}{'whole run':>12}{'a task more':>14}{'until it runs':>16}")
    found = {}
    for kind, figures in rows.items():
        whole = statistics.median(took for took, _ in figures)
        begin = statistics.median(begun for _, begun in figures)
        found[kind] = {"whole_s": whole, "begins_s": begin}
        more = (whole - ideal) * SLOTS / TASKS
        print(f"{kind:10}{whole:10.2f} s{more:12.2f} s{begin:14.2f} s")
    print(msgspec.json.encode(found).decode())


if __name__ == "__main__":
    main()
