"""A real run in a scratch repository whose agents are a command that writes, or says nothing.

Rules:
- State and settings stay below the folder of the benchmark: who uses this sets `XDG_STATE_HOME` and
  `XDG_CONFIG_HOME` first.
- The run is handed out when every agent is at work, and ended afterwards; then its engine is waited
  for. The folder goes next: agents whose engine lost it would write on, beside what is measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

DECK: Final = (sys.executable, "-m", "agentdeck")
READY_S: Final = 180.0  # for all agents to be at work, or to have ended

Status = dict[str, Any]  # as `agentdeck status --json` prints it


@contextmanager
def live_run(
    folder: Path, name: str, tasks: Sequence[str], command: Sequence[str], output: str = "plain"
) -> Iterator[str]:
    """A run with an agent for each task; its id.

    Args:
        folder: of the benchmark; the repository is made in it.
        name: of the plan and the repository.
        tasks: their ids.
        command: each agent's; `{task}` is its id.
        output: the format in which the agents write.
    """
    repo = folder / name
    repo.mkdir()
    git = ["git", "-C", str(repo), "-c", "user.name=b", "-c", "user.email=b@localhost"]
    subprocess.run(["git", "init", "-q", "-b", "main", str(repo)], check=True)
    (repo / "README").write_text("a repository\n")
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", "one"], check=True)
    lines = ["version = 1", "[plan]", f'name = "{name}"', f"agents = {len(tasks)}"]
    lines += ["[agents.load]", f"command = {json.dumps(list(command))}", f'output = "{output}"']
    lines += ["[defaults]", 'agent = "load"', 'timeout = "1h"']
    for task in tasks:
        lines += ["[[task]]", f'id = "{task}"', f'title = "Work on {task}"', 'prompt = "Work."']
    plan = folder / f"{name}.toml"
    plan.write_text("\n".join(lines) + "\n")
    here = [*DECK, "-C", str(repo)]
    subprocess.run([*here, "run", str(plan), "--no-attach"], check=True, capture_output=True)
    try:
        status = _when(
            here,
            lambda now: [task["state"] for task in now["tasks"]] == ["working"] * len(tasks),
            f"not all of {len(tasks)} agents were at work",
        )
        yield str(status["run"]["id"])
    finally:
        subprocess.run([*here, "end", "--yes"], check=True, capture_output=True)
        _when(here, lambda now: not now["run"]["engine"], "the engine had not ended its agents")


def _when(here: Sequence[str], seen: Callable[[Status], bool], else_: str) -> Status:
    """What `status` says as soon as that is `seen`."""
    until = time.monotonic() + READY_S
    while time.monotonic() < until:
        said = subprocess.run([*here, "status", "--json"], check=True, capture_output=True).stdout
        status: Status = json.loads(said)
        if seen(status):
            return status
        time.sleep(1.0)
    raise SystemExit(f"after {READY_S:.0f} s {else_}")
