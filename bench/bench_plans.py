"""How long does it take to read, check and analyse plans of thousands of tasks?

Plans are generated: layers of tasks, each needing two of the layer before, phases, files of their
own and now and then a file that others have too, estimates, short prompts. Each command is timed as
a whole process, beside a bare `tomllib` that parses the same file. Bytecode is kept, as it is of a
program that is installed: where the environment forbids that, each command would compile itself.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import Phase, Plan, Task
from agentdeck.plans.writer import write_plan

WIDTH = 50  # tasks of a layer
PHASES = 20
FILES_IN_A_FOLDER = 40
SHARED = 20  # one task in so many touches a file that others touch too
AGENTS = 16
SEED = 1
VERBS = ("check", "analyze")


def layered_plan(count: int, *, shared: int = SHARED, hot: bool = False) -> Plan:
    """A plan of `count` tasks in layers. `hot`: all of them touch one file."""
    random = Random(SEED)
    phases = tuple(Phase(PhaseId(f"phase-{n:02}"), f"Phase {n}") for n in range(PHASES))
    tasks = []
    for number in range(count):
        layer = number // WIDTH
        before = range(max(0, (layer - 1) * WIDTH), layer * WIDTH)
        needs = random.sample(before, 2) if layer else []
        folder = number // FILES_IN_A_FOLDER
        files = [f"src/package_{folder}/module_{number}.py", f"tests/test_{number}.py"]
        if random.randrange(shared) == 0:
            files.append(f"src/package_{folder}/api.py")
        if hot:
            files.append("CHANGELOG.md")
        tasks.append(
            Task(
                id=TaskId(f"TASK-{number:06}"),
                title=f"Build part {number} of package {folder}",
                prompt=f"Write module_{number} of package_{folder} and its tests.\n",
                after=tuple(TaskId(f"TASK-{needed:06}") for needed in needs),
                phase=phases[number * PHASES // count].id,
                files=tuple(files),
                estimate_s=60.0 * random.randint(5, 90),
            )
        )
    return Plan(name="large", tasks=tuple(tasks), phases=phases, agents_limit=AGENTS)


def timed(argv: list[str], env: dict[str, str]) -> tuple[float, float]:
    """Seconds of a whole process, and of its work: on a busy machine they differ."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, env=env)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - began, used.ru_utime - before.ru_utime


def best(rounds: int, argv: list[str], env: dict[str, str]) -> tuple[float, float]:
    """The shortest whole time and the shortest time of work of so many."""
    found = [timed(argv, env) for _ in range(rounds)]
    return min(whole for whole, _ in found), min(work for _, work in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=1, help="the best of so many")
    parser.add_argument("--keep", type=Path, help="only write the plans into this folder")
    options = parser.parse_args()
    if options.keep:
        for count in options.tasks:
            (options.keep / f"plan-{count}.toml").write_text(write_plan(layered_plan(count)))
        return
    print(f"{'tasks':>8} {'MB':>6} {'tomllib':>9}", end=" ")
    print(*(f"{verb:>9} {'user':>9} {'ratio':>6}" for verb in VERBS))
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "PYTHONPYCACHEPREFIX": f"{folder}/bytecode"}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        small = Path(folder) / "small.toml"
        small.write_text(write_plan(layered_plan(10)))
        for verb in VERBS:  # compiles, once
            timed([sys.executable, "-m", "agentdeck", "-C", folder, verb, str(small)], env)
        for count in options.tasks:
            path = Path(folder) / "plan.toml"
            path.write_text(write_plan(layered_plan(count)))
            read = f"import tomllib; tomllib.load(open({str(path)!r}, 'rb'))"
            bare, _ = best(options.rounds, [sys.executable, "-c", read], env)
            row = f"{count:>8} {path.stat().st_size / 1e6:>6.1f} {bare:>8.2f}s"
            for verb in VERBS:
                argv = [sys.executable, "-m", "agentdeck", "-C", folder, verb]
                took, user = best(options.rounds, [*argv, str(path)], env)
                row += f" {took:>8.2f}s {user:>8.2f}s {took / bare:>6.1f}"
            print(row, flush=True)


if __name__ == "__main__":
    main()
