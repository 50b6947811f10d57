"""What it costs to see which of many live branches collide, beside a bare loop of git.

A repository of `--files` files and a worktree for each of `--branches` branches. Each branch has a
commit of its own; every fifth one changes the same file, every second one has uncommitted work.
Rows: `git merge-tree` called once for each pair of commits, which is the measure; one bare
`git merge-tree --stdin` for all pairs; a first look at all branches, uncommitted work and all; a
look after one branch got a commit; one after nothing has changed. A refresh is meant to take less
than a second. The best of three counts, save for the commit.

    python bench/bench_collisions.py [--branches 50] [--files 2000]
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Final, TypeVar

from agentdeck.engine.collisions import CollisionWatch, Look
from agentdeck.engine.git import Git
from agentdeck.engine.live_work import Live

SHARED: Final = 5  # every so many branches change the same file
UNCOMMITTED: Final = 2  # every so many have uncommitted work
FOLDERS: Final = 40
TIMES: Final = 3
Result = TypeVar("Result")
WHO: Final = ("-c", "user.name=b", "-c", "user.email=b@localhost")


def main() -> None:
    """Print a row for the loop, and one for each kind of look."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--branches", type=int, default=50)
    asked.add_argument("--files", type=int, default=2000)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-collisions-") as name:
        repo = _new_repo(Path(name, "repo"), given.files)
        trees = [_branch(repo, Path(name, f"tree{n}"), n) for n in range(given.branches)]
        print(f"{given.branches} live branches, {given.files} files")
        _measure(repo, trees)


def _measure(repo: Path, trees: Sequence[Path]) -> None:
    tip, heads = _git(repo, "rev-parse", "main"), [_git(t, "rev-parse", "HEAD") for t in trees]
    pairs = [*((tip, head) for head in heads), *combinations(heads, 2)]
    loop_s, collide = _best(lambda: _loop(repo, pairs))
    git, lives = Git.discover(repo), [Live(tree.name, worktree=tree) for tree in trees]
    first_s, look = _best(lambda: _first_look(git, tip, lives))
    assert (look.asked, len(look.collisions), look.unknown) == (len(pairs), collide, 0)

    print(f"{'':<28} {'seconds':>8} {'of the loop':>12} {'pairs asked':>12} {'collide':>8}")
    _row("git merge-tree, one by one", loop_s, loop_s, len(pairs), collide)
    stdin_s, lines = _best(lambda: _one_git(repo, pairs))
    _row("git merge-tree --stdin", stdin_s, loop_s, len(pairs), lines)
    _row("first look", first_s, loop_s, look.asked, len(look.collisions))
    with CollisionWatch(git) as watch:
        watch.look(tip, lives)
        _git(trees[0], *WHO, "commit", "--quiet", "--allow-empty", "-m", "more")
        began = time.perf_counter()
        look = watch.look(tip, lives)
        _row("look after one commit", time.perf_counter() - began, loop_s, *_found(look))
        again_s, look = _best(lambda: watch.look(tip, lives))
        _row("look after no change", again_s, loop_s, *_found(look))


def _first_look(git: Git, tip: str, lives: Sequence[Live]) -> Look:
    with CollisionWatch(git) as watch:
        return watch.look(tip, lives)


def _new_repo(folder: Path, files: int) -> Path:
    folder.mkdir()
    _git(folder, "init", "--quiet", "-b", "main")
    for number in range(files):
        file = folder / f"m{number % FOLDERS}" / f"file{number}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"line {number}\n" * 20)
    _git(folder, "add", "-A")
    _git(folder, *WHO, "commit", "--quiet", "-m", "first")
    return folder


def _branch(repo: Path, place: Path, number: int) -> Path:
    _git(repo, "worktree", "add", "--quiet", "-b", f"work/{number}", str(place), "main")
    (place / f"new{number}.txt").write_text(f"of {number}\n")
    if number % SHARED == 0:
        (place / "m0" / "file0.txt").write_text(f"of {number}\n")
    _git(place, "add", "-A")
    _git(place, *WHO, "commit", "--quiet", "-m", "work")
    if number % UNCOMMITTED == 0:
        (place / f"more{number}.txt").write_text(f"of {number}\n")
    return place


def _loop(repo: Path, pairs: Sequence[tuple[str, str]]) -> int:
    """How many pairs do not merge, one git after the other."""
    with tempfile.TemporaryDirectory() as scratch:
        env = _scratch_env(repo, scratch)
        args = ["git", "merge-tree", "--write-tree", "--name-only"]
        calls = (
            subprocess.run([*args, *pair], cwd=repo, env=env, capture_output=True, check=False)
            for pair in pairs
        )
        return sum(call.returncode == 1 for call in calls)


def _one_git(repo: Path, pairs: Sequence[tuple[str, str]]) -> int:
    """The same, asked of a single git."""
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(
            ["git", "merge-tree", "--write-tree", "--stdin", "--name-only", "--no-messages"],
            cwd=repo,
            env=_scratch_env(repo, scratch),
            input="".join(f"{one} {other}\n" for one, other in pairs),
            capture_output=True,
            check=True,
            text=True,
        )
    return len(re.findall(r"(?:^|\0)0\0", done.stdout))


def _scratch_env(repo: Path, scratch: str) -> dict[str, str]:
    objects = str(repo / ".git" / "objects")
    named = {"GIT_OBJECT_DIRECTORY": scratch, "GIT_ALTERNATE_OBJECT_DIRECTORIES": objects}
    return {**os.environ, **named}


def _best(work: Callable[[], Result]) -> tuple[float, Result]:
    found = []
    for _ in range(TIMES):
        began = time.perf_counter()
        result = work()
        found.append((time.perf_counter() - began, result))
    return min(found, key=lambda pair: pair[0])


def _found(look: Look) -> tuple[int, int]:
    return look.asked, len(look.collisions)


def _row(name: str, seconds: float, loop_s: float, asked: int, collide: int) -> None:
    print(f"{name:<28} {seconds:>8.2f} {seconds / loop_s:>12.2f} {asked:>12} {collide:>8}")


def _git(where: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=where, check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
