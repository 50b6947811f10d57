"""How fast does the merge queue land, beside a bare loop of the same git commands?

N pieces of work on real git, each with a file of its own, wait in the queue of a run. Measured is
the time until all have landed:

- bare: one loop of `merge-tree`, `commit-tree` and `update-ref` for each, with the settings that
  make refs and objects durable;
- queue: the real engine on the same entries, with its journal, its lock and its checks, once
  without any gate and once with a gate that does nothing (`true`), which lets it form batches.

The ratio is landings a second of agentdeck to those of the bare loop: 1 is as fast.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from agentdeck.core import events as e
from agentdeck.core.events import EntryKind
from agentdeck.core.ids import EntryId
from agentdeck.core.plan import Plan
from agentdeck.core.state import RunState
from agentdeck.core.steps import Collect, Launch, Watch
from agentdeck.engine.create import create_run, open_engine, run_engine
from agentdeck.engine.git import Git
from agentdeck.engine.journal import Journal
from agentdeck.plans.reader import read_plan
from agentdeck.testing.builders import Run, goes_well

DURABLE = ("-c", "core.fsync=committed", "-c", "gc.auto=0")
PLAN = """\
version = 1
[plan]
name = "bench"
agents = 1000
[agents.sh]
command = ["true"]
[defaults]
agent = "sh"
"""
GATE = '[gates.nothing]\nrun = ["true"]\nwhen = "merge"\n'


def git(repo: Path, *args: str, stdin: str | None = None) -> str:
    done = subprocess.run(
        ["git", *DURABLE, *args], cwd=repo, input=stdin, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def repository(place: Path, count: int) -> tuple[Path, list[str]]:
    """A repository, and the heads of so many pieces of work on its first commit."""
    repo = place / "repo"
    repo.mkdir()
    git(repo, "init", "--quiet", "--initial-branch=main")
    for number in range(200):
        (repo / f"file{number}.txt").write_text(f"{number}\n")
    git(repo, "add", "--all")
    git(repo, "commit", "--quiet", "-m", "first")
    script = "".join(
        f"commit refs/heads/w{n}\ncommitter a <a@b> 1700000000 +0000\ndata 4\nwork\n"
        f"from refs/heads/main^0\nM 100644 inline work{n}.txt\ndata 2\nx\n\n"
        for n in range(count)
    )
    git(repo, "fast-import", "--quiet", stdin=script)
    return repo, [git(repo, "rev-parse", f"w{n}") for n in range(count)]


def bare(repo: Path, heads: list[str]) -> float:
    """Seconds of the bare loop."""
    tip = git(repo, "rev-parse", "main")
    git(repo, "branch", "bare", tip)
    start = time.perf_counter()
    for number, head in enumerate(heads):
        tree = git(repo, "merge-tree", "--write-tree", tip, head)
        new = git(repo, "commit-tree", tree, "-p", tip, "-p", head, stdin=f"Complete t{number}\n")
        git(repo, "update-ref", "refs/heads/bare", new, tip)
        tip = new
    return time.perf_counter() - start


def queued(plan: Plan, first: e.RunStarted, heads: list[str], git_of: Git) -> Run:
    """A journal in which every piece of work waits in the queue."""
    run = Run(plan)
    run.history.clear()
    run.state = type(run.state)()
    run.clock.advance_to(time.time())
    run.append(first)
    for task, head in zip(plan.tasks, heads, strict=True):
        name, number = task.id, 1
        tree = git_of.tree_of(head)
        run.append(
            e.AttemptClaimed(name, number, "sh", None, None, False),  # type: ignore[arg-type]
            *goes_well(run.state, Launch(name, number)),
            *goes_well(run.state, Watch(name, number)),
        )
        collected = goes_well(run.state, Collect(name, number))[0]
        assert isinstance(collected, e.AttemptCollected)
        run.append(
            e.AttemptCollected(name, number, head, tree, collected.commits),
            e.TaskProposed(name, number, head),
            e.EntryQueued(EntryId(name), EntryKind.TASK, head, name, number),
        )
    return run


async def engine(
    repo: Path, heads: list[str], place: Path, rules: str
) -> tuple[float, RunState, Journal]:
    """Let the engine land all of them, or send them away.

    Args:
        rules: tables of the plan: gates, and the queue.

    Returns:
        Seconds that it took, the state at its end, and the journal.
    """
    tasks = "".join(f'[[task]]\nid = "t{n}"\ntitle = "t"\n' for n in range(len(heads)))
    text = PLAN + rules + tasks
    folder = create_run(repo, read_plan(text, file="b.toml"), text, root=place / "runs")
    journal = Journal(folder.journal, writable=True)
    started = next(iter(journal.history())).event
    assert isinstance(started, e.RunStarted)
    run = queued(started.plan, started, heads, Git.discover(repo))
    journal.append([one.event for one in run.history[1:]], time.time(), after=1)
    journal.close()
    turning = open_engine(folder)
    start = time.perf_counter()
    task = asyncio.create_task(run_engine(turning))
    while turning.state.queue:
        await turning.wait_past(turning.state.seq, 1.0)
    took = time.perf_counter() - start
    turning.stop("bench")
    await task
    return took, turning.state, Journal(folder.journal)


def landed(run: Coroutine[Any, Any, tuple[float, RunState, Journal]]) -> float:
    """Seconds until all have landed."""
    took, state, journal = asyncio.run(run)
    journal.close()
    if len(state.landings) != len(state.tasks):
        raise AssertionError("something was sent away")
    return took


def main() -> None:
    """Print landings a second, and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{options.entries} entries; landings a second, and the ratio to the bare loop")
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as temporary:
            place = Path(temporary)
            os.environ["XDG_STATE_HOME"] = str(place / "state")
            repo, heads = repository(place, options.entries)
            loop = bare(repo, heads)
            alone = landed(engine(repo, heads, place / "a", ""))
            batched = landed(engine(repo, heads, place / "b", GATE))
        row = [f"bare {options.entries / loop:6.1f}"]
        for name, took in (("no gate", alone), ("empty gate", batched)):
            row.append(f"{name} {options.entries / took:6.1f} (x{loop / took:.2f})")
        print("   ".join(row))


if __name__ == "__main__":
    main()
