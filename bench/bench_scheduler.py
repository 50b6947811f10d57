"""What does the scheduler cost per task, without any IO?

First table: the core of the scheduler (`core.dispatcher`: claim what may start, report it done,
until all is done) beside `graphlib.TopologicalSorter` and `networkx` on the same graphs. The other
two know dependencies alone; the dispatcher also orders by longest path and keeps to agents and
files, so "bare" takes the files away and lets everybody work at once, and "full" is the plan as it
is with 16 agents. Building the order is part of each figure.

Second table: whole runs of N tasks that do nothing. doit and luigi run them in their own process,
as they do; agentdeck's ring (fold, `next_steps`, every event and step) runs on a virtual clock with
performers that take no time, so no side makes worktrees or commits. `--real` adds a headless run
with real worktrees, processes, journal and landings: that is another thing, for scale only. doit
and luigi are installed into a temporary environment; where that fails, they are left out.
"""

from __future__ import annotations

import argparse
import graphlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import networkx as nx

from agentdeck.core.dispatcher import Dispatcher
from agentdeck.core.events import Outcome
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan, Task
from agentdeck.core.times import estimated
from agentdeck.core.timetable import timetable
from agentdeck.plans.forecast.ring import VirtualRing
from bench_overhead import with_agentdeck
from bench_plans import layered_plan

INSTALL_S = 180  # for both packages; slower is treated as no network
RUN_S = 300
NO_OPS = 200

DODO = """
DOIT_CONFIG = {{"backend": "json", "dep_file": ".doit.json", "verbosity": 0}}
def task_all():
    for n in range({count}):
        yield {{"name": str(n), "actions": [lambda: None]}}
"""
LUIGI = """
import luigi, logging
logging.disable(logging.CRITICAL)
class NoOp(luigi.Task):
    number = luigi.IntParameter()
    done = False
    def run(self): self.done = True
    def complete(self): return self.done
assert luigi.build([NoOp(number=n) for n in range({count})], local_scheduler=True, no_lock=True)
"""


def seconds(act: Callable[[], object], rounds: int) -> float:
    """The best of so many."""
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        act()
        best = min(best, time.perf_counter() - began)
    return best


def fresh(plan: Plan) -> Plan:
    """The same plan without what was computed once for it, settings excepted."""
    copy = msgspec.structs.replace(plan)
    _ = copy.all_settings
    return copy


def with_dispatcher(plan: Plan) -> int:
    dispatcher = Dispatcher(plan)
    dispatcher.begin()
    done = 0
    while claimed := dispatcher.claim():
        for task in claimed:
            dispatcher.done(task)
        done += len(claimed)
    assert done == len(plan.tasks)
    return done


def with_graphlib(needs: dict[TaskId, tuple[TaskId, ...]]) -> int:
    sorter = graphlib.TopologicalSorter(needs)
    sorter.prepare()
    done = 0
    while sorter.is_active():
        ready = sorter.get_ready()
        sorter.done(*ready)
        done += len(ready)
    assert done == len(needs)
    return done


def with_networkx(needs: dict[TaskId, tuple[TaskId, ...]]) -> int:
    graph: nx.DiGraph[TaskId] = nx.DiGraph()
    graph.add_nodes_from(needs)
    graph.add_edges_from((other, task) for task, wanted in needs.items() for other in wanted)
    done = sum(len(ready) for ready in nx.topological_generations(graph))
    assert done == len(needs)
    return done


def bare(plan: Plan) -> Plan:
    tasks = tuple(msgspec.structs.replace(task, files=(), phase=None) for task in plan.tasks)
    return msgspec.structs.replace(plan, tasks=tasks, phases=(), agents_limit=len(tasks))


def cores(counts: list[int], rounds: int) -> None:
    heads = ("graphlib", "networkx", "bare", "full", "timetable")
    print("seconds, and the ratio to graphlib, for all tasks of a layered plan")
    print(f"{'tasks':>8}", *(f"{head:>17}" for head in heads))
    for count in counts:
        plan = layered_plan(count)
        needs = {task.id: task.after for task in plan.tasks}
        times = estimated(plan)
        alone, whole = bare(plan), plan
        found = [
            seconds(lambda needs=needs: with_graphlib(needs), rounds),
            seconds(lambda needs=needs: with_networkx(needs), rounds),
            _of_fresh(with_dispatcher, alone, rounds),
            _of_fresh(with_dispatcher, whole, rounds),
            seconds(lambda plan=plan, times=times: timetable(plan, times), rounds),
        ]
        cells = (f"{took:>9.3f}s {took / found[0]:>5.1f}x" for took in found)
        print(f"{count:>8}", *(f"{cell:>17}" for cell in cells), flush=True)


def _of_fresh(act: Callable[[Plan], object], plan: Plan, rounds: int) -> float:
    """Without the settings, which belong to reading, and with everything that the order takes."""
    found = []
    for _ in range(rounds):
        copy = fresh(plan)
        found.append(seconds(lambda copy=copy: act(copy), 1))
    return min(found)


def no_ops(count: int) -> Plan:
    tasks = tuple(Task(id=TaskId(f"T{number}"), prompt="nothing") for number in range(count))
    return Plan(name="no-ops", tasks=tasks, agents_limit=16)


def in_the_ring(count: int) -> None:
    plan = no_ops(count)
    state = VirtualRing(plan, {}).run()
    assert state.outcome is Outcome.COMPLETE


def environment(folder: Path) -> Path | None:
    """A Python with doit and luigi, or None where they cannot be had."""
    python = folder / "venv" / "bin" / "python"
    steps = (
        [sys.executable, "-m", "venv", str(folder / "venv")],
        [str(python), "-m", "pip", "install", "--quiet", "doit", "luigi"],
    )
    try:
        for argv in steps:
            subprocess.run(argv, check=True, timeout=INSTALL_S, capture_output=True)
    except (subprocess.SubprocessError, OSError) as error:
        print(f"doit and luigi are left out: {error}")
        return None
    return python


def process_s(argv: list[str], folder: Path) -> float:
    began = time.monotonic()
    subprocess.run(argv, cwd=folder, check=True, timeout=RUN_S, capture_output=True)
    return time.monotonic() - began


def whole_runs(count: int, *, real: bool) -> None:
    print(f"\nwhole runs of {count} tasks that do nothing, as processes")
    rows: list[tuple[str, float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        code = f"import bench_scheduler; bench_scheduler.in_the_ring({count})"
        ring = process_s([sys.executable, "-c", code], Path(__file__).parent)
        rows.append(("agentdeck, its ring without IO", ring))
        python = environment(folder)
        if python is not None:
            (folder / "dodo.py").write_text(DODO.format(count=count))
            (folder / "noop.py").write_text(LUIGI.format(count=count))
            rows.append(("doit", process_s([str(python), "-m", "doit", "-n", "0"], folder)))
            rows.append(("luigi, local scheduler", process_s([str(python), "noop.py"], folder)))
        if real:
            tasks = [f"t{number}" for number in range(count)]
            took = with_agentdeck(folder / "real", tasks, 0, 4)
            rows.append(("agentdeck, headless, with git and processes", took))
    for what, took in rows:
        each_ms = took / count * 1000
        print(f"  {what:<45} {took:>7.2f}s {each_ms:>8.2f} ms a task {took / ring:>6.2f}x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many")
    parser.add_argument("--no-ops", type=int, default=NO_OPS, help="tasks of a whole run; 0 = none")
    parser.add_argument("--real", action="store_true", help="a real headless run as well")
    options = parser.parse_args()
    cores(options.tasks, options.rounds)
    if options.no_ops:
        whole_runs(options.no_ops, real=options.real)


if __name__ == "__main__":
    main()
