"""What does agentdeck add to the bare time of a plan?

A plan of N independent tasks, each a shell command of S seconds that writes one file, on a small
repository, W at once:

- `make -jW` runs the commands alone: no worktrees, no commits, no merges;
- a shell loop (`xargs -P W`) makes a worktree for each, runs the command, commits, removes the
  worktree and merges the branch, adding and merging under locks: what one would write by hand;
- agentdeck runs the same plan headless to its end: worktrees, journal, evidence, queue, landings.

Prints the medians of R runs in turn, and the ratios.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

FILES = 200  # in the repository

LOOP = """
set -e
t=$1
flock "$TREES/adding" git -C "$REPO" worktree add --quiet --no-track --no-checkout \\
  -b "w/$t" "$TREES/$t" main  # parallel adds fail without a lock
cd "$TREES/$t"
git checkout --quiet --force
sleep "$SECONDS_EACH"; echo "$t" > "out-$t.txt"
git add -A; git commit --quiet -m "$t"
cd "$REPO"
flock "$TREES/adding" git worktree remove --force "$TREES/$t"
flock "$TREES/lock" sh -c '
  tree=$(git merge-tree --write-tree refs/heads/landed "$1")
  new=$(git commit-tree "$tree" -p refs/heads/landed -p "$1" -m "Complete $1")
  git update-ref refs/heads/landed "$new"' sh "w/$t"
"""


def sh(*argv: str, cwd: Path, env: dict[str, str] | None = None) -> None:
    subprocess.run(argv, cwd=cwd, env=env, check=True, stdout=subprocess.DEVNULL)


def new_repo(folder: Path) -> Path:
    repo = folder / "repo"
    repo.mkdir(parents=True)
    sh("git", "init", "--quiet", "-b", "main", cwd=repo)
    for number in range(FILES):
        path = repo / f"src/m{number % 10}/file{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"line {number}\n" * 20)
    sh("git", "add", "-A", cwd=repo)
    sh("git", "-c", "user.name=b", "-c", "user.email=b@localhost", "commit", "-qm", "one", cwd=repo)
    sh("git", "config", "user.name", "b", cwd=repo)
    sh("git", "config", "user.email", "b@localhost", cwd=repo)
    return repo


def with_make(folder: Path, tasks: list[str], seconds: float, workers: int) -> float:
    lines = [f"all: {' '.join(tasks)}"]
    lines += [f"{t}:\n\t@sleep {seconds}; echo {t} > out-{t}.txt" for t in tasks]
    (folder / "Makefile").write_text("\n".join(lines) + "\n")
    began = time.monotonic()
    sh("make", f"-j{workers}", "all", cwd=folder)
    return time.monotonic() - began


def with_loop(folder: Path, tasks: list[str], seconds: float, workers: int) -> float:
    repo = new_repo(folder)
    trees = folder / "trees"
    trees.mkdir()
    (folder / "loop.sh").write_text(LOOP)
    env = {**os.environ, "REPO": str(repo), "TREES": str(trees), "SECONDS_EACH": str(seconds)}
    sh("git", "branch", "landed", cwd=repo)
    began = time.monotonic()
    subprocess.run(
        ["xargs", "-P", str(workers), "-n", "1", "sh", str(folder / "loop.sh")],
        input="\n".join(tasks),
        text=True,
        env=env,
        check=True,
    )
    took = time.monotonic() - began
    check_landed(repo, "landed", tasks)
    return took


def with_agentdeck(folder: Path, tasks: list[str], seconds: float, workers: int) -> float:
    repo = new_repo(folder)
    plan = ["version = 1", "[plan]", 'name = "bench"', f"agents = {workers}"]
    script = f"sleep {seconds}; echo {{task}} > out-{{task}}.txt"
    plan += ["[agents.sh]", f'command = ["sh", "-c", "{script}"]']
    plan += ["[defaults]", 'agent = "sh"']
    for task in tasks:
        plan += ["[[task]]", f'id = "{task}"', f'title = "Task {task}"']
    (folder / "plan.toml").write_text("\n".join(plan) + "\n")
    env = {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
    argv = [sys.executable, "-m", "agentdeck", "-C", str(repo), "run", str(folder / "plan.toml")]
    began = time.monotonic()
    subprocess.run([*argv, "--headless"], env=env, check=True, stdout=subprocess.DEVNULL)
    took = time.monotonic() - began
    check_landed(repo, "deck/bench", tasks)
    return took


def check_landed(repo: Path, branch: str, tasks: list[str]) -> None:
    names = subprocess.run(
        ["git", "ls-tree", "--name-only", branch],
        cwd=repo,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    missing = {f"out-{t}.txt" for t in tasks} - set(names)
    if missing:
        raise SystemExit(f"{branch} lacks {len(missing)} files: the comparison means nothing")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    tasks = [f"t{number:03}" for number in range(options.tasks)]
    ways: dict[str, Callable[[Path, list[str], float, int], float]] = {
        "make": with_make,
        "shell loop with worktrees": with_loop,
        "agentdeck": with_agentdeck,
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.runs):
        for name, way in ways.items():
            folder = Path(tempfile.mkdtemp(prefix="bench-"))
            try:
                times[name].append(way(folder, tasks, options.seconds, options.workers))
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    medians = {name: statistics.median(found) for name, found in times.items()}
    ours = medians["agentdeck"]
    print(f"{options.tasks} tasks of {options.seconds} s, {options.workers} at once, {FILES} files")
    for name, found in medians.items():
        spread = f"{min(times[name]):.2f} to {max(times[name]):.2f}"
        print(f"  {name:26} {found:7.2f} s ({spread})   agentdeck/this {ours / found:5.2f}")


if __name__ == "__main__":
    main()
