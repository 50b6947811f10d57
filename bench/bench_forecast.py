"""How near does the forecast made before a run come to the run?

The documents are imported as they are and run to their end with scripted agents that take a part of
the estimates (`--speed`), in a scratch repository with a scratch state folder. The forecast is made
by `agentdeck forecast` with the same options just before. Nothing here is a test: the ratio depends
on the machine, and a machine that does other work at the same time makes runs late.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = ROOT / "tests" / "plans" / "documents"
RUNS = {"daw-agent-parallelism": 1800, "mah-parallel-execution": 120}  # name -> speed


def agentdeck(folder: Path, state: Path, *words: str) -> str:
    environment = {**os.environ, "XDG_STATE_HOME": str(state)}
    done = subprocess.run(
        [sys.executable, "-m", "agentdeck", "-C", str(folder), *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 6):
        raise SystemExit(f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def scratch_repo(folder: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)

    folder.mkdir()
    git("init", "-q", "-b", "main")
    for number in range(200):
        place = folder / "src" / f"m{number % 20}" / f"f{number}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"x = {number}\n")
    git("add", "-A")
    git("-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-qm", "base")


def makespan_s(state: Path) -> float:
    """From the first claim to the last landing of the newest run, by its journal."""
    from agentdeck.core import events as e
    from agentdeck.engine.journal import Journal

    journals = (state / "agentdeck" / "runs").glob("*/journal.db")
    newest = max(journals, key=lambda path: path.stat().st_mtime)
    journal = Journal(newest)
    found = journal.read(0, 1_000_000)
    journal.close()
    claims = [r.at for r in found if isinstance(r.event, e.AttemptClaimed)]
    landings = [r.at for r in found if isinstance(r.event, e.EntryLanded)]
    return max(landings) - min(claims)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="later ones learn from earlier ones")
    chosen = parser.parse_args()
    print(f"{'document':28} {'speed':>6} {'forecast':>9} {'run':>9} {'off':>7}")
    with tempfile.TemporaryDirectory() as temp:
        state, repo = Path(temp) / "state", Path(temp) / "repo"
        scratch_repo(repo)
        for _ in range(chosen.rounds):
            for name, speed in RUNS.items():
                plan = str(DOCUMENTS / f"{name}.md")
                options = ["--agent", "scripted", "--speed", str(speed)]
                said = json.loads(agentdeck(repo, state, "forecast", plan, *options, "--json"))
                forecast = said["finish_s"]["p50"]
                agentdeck(repo, state, "run", plan, *options, "--headless")
                took = makespan_s(state)
                off = forecast / took - 1
                print(f"{name:28} {speed:6} {forecast:8.2f}s {took:8.2f}s {off:+7.1%}")


if __name__ == "__main__":
    main()
