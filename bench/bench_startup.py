"""How long does agentdeck take until it does something, beside an interpreter that does nothing?

Each command is started `--rounds` times, in turn with `python -c pass`, and its processor time is
told as a multiple of the empty interpreter's in the same round: that hardly depends on what else
the machine does. Wall times are told beside it. It ends with 1 if a command is above its budget.

    python bench/bench_startup.py [--rounds 11]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from agentdeck.control.scratch_repo import make_repo

PLAN: Final = """\
version = 1
[plan]
name = "small"
[defaults]
agent = "scripted"
[[task]]
id = "A"
prompt = "! write a.txt"
[[task]]
id = "B"
prompt = "! write b.txt"
after = "A"
"""
# Words, and how many times an empty interpreter's processor time they may take. A bare Python
# program with argparse and json takes about 2, one with typer and rich alone about 6.
BUDGETS: Final = {
    ("--version",): 3.0,
    ("completions", "values", "runs"): 14.0,
    ("completions", "values", "tasks"): 16.0,
    ("status",): 24.0,
    ("runs",): 22.0,
    ("check", "small.toml"): 28.0,
    ("--help",): 36.0,
}
# Nobody may import these before they are used: each costs as much as a whole small verb.
LATE: Final = ("networkx", "git", "textual", "pydantic", "aiohttp", "acp")
LIGHT: Final = (("--version",), ("completions", "values", "tasks"), ("status",), ("runs",))


def main() -> int:
    """Print a line for each command; 0 if all are within their budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="agentdeck-bench-") as folder:
        place = _place(Path(folder))
        found = {words: _ratios(words, place, rounds) for words in BUDGETS}
        heavy = {words: _late(words, place) for words in LIGHT}
    print(f"{'agentdeck …':34} {'ratio':>6} {'budget':>7} {'wall ms':>8}")
    for words, (ratio, wall_s) in found.items():
        mark = "" if ratio <= BUDGETS[words] else "  TOO SLOW"
        told = " ".join(words)
        print(f"{told:34} {ratio:6.1f} {BUDGETS[words]:7.1f} {1000 * wall_s:8.0f}{mark}")
    for words, names in heavy.items():
        if names:
            print(f"{' '.join(words)}: imports {', '.join(names)}  TOO MUCH")
    slow = any(ratio > BUDGETS[words] for words, (ratio, _) in found.items())
    return int(slow or any(heavy.values()))


def _place(folder: Path) -> Path:
    """A repository with a run that is over, below a home of its own."""
    os.environ |= {"HOME": str(folder), "AGENTDECK_SCRIPT_SECONDS": "0.05"}
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        os.environ[name] = str(folder / name.lower())
    repo = folder / "repo"
    repo.mkdir()
    make_repo(repo, {"small.toml": PLAN})
    _started(["-m", "agentdeck", "run", "small.toml", "--headless"], repo)
    return repo


def _ratios(words: tuple[str, ...], place: Path, rounds: int) -> tuple[float, float]:
    """Medians: processor time by that of an empty interpreter, and wall seconds."""
    _started(["-m", "agentdeck", *words], place)  # compiles what it imports
    ratios, walls = [], []
    for _ in range(rounds):
        empty, _wall = _started(["-c", "pass"], place)
        cpu, wall = _started(["-m", "agentdeck", *words], place)
        ratios.append(cpu / empty)
        walls.append(wall)
    return statistics.median(ratios), statistics.median(walls)


def _started(arguments: list[str], place: Path) -> tuple[float, float]:
    """Processor and wall seconds of one process."""
    before, begun = _cpu_s(), time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], cwd=place, stdout=subprocess.DEVNULL, check=True, timeout=120
    )
    return _cpu_s() - before, time.perf_counter() - begun


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _late(words: tuple[str, ...], place: Path) -> list[str]:
    """Which modules of `LATE` a command imports."""
    code = (
        "import sys; from agentdeck.cli.app import main; main(sys.argv[1:]);"
        f"print(*[name for name in {LATE!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=place, capture_output=True, text=True, check=True
    )
    return done.stderr.split()


if __name__ == "__main__":
    sys.exit(main())
