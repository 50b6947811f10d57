"""What must hold of a run and its repository, however often its engines were killed."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from agentdeck.control.runs import fold_run
from agentdeck.core import events as e
from agentdeck.core.lanes import lanes
from agentdeck.core.state import RunState
from agentdeck.engine.folders import RunFolder
from agentdeck.testing.crash import told_in
from agentdeck.testing.known_entries import Kinds


def faults(
    repo: Path, folder: RunFolder, kinds: Kinds, gate: Path, theirs: Sequence[str] = ()
) -> list[str]:
    """What is not as it would be had nobody been killed; a sentence each.

    Agents of entries get one attempt in such a run, so one start.

    Args:
        repo: the person's checkout; it is left on another commit.
        folder: of the run, which is over.
        kinds: of its entries.
        gate: the command that is green on each commit that may land; `begun` is beside it.
        theirs: commits that somebody else has put on a target.
    """
    state = fold_run(folder, whole=True)
    others = [lane for lane in lanes(state) if lane.lane]
    return [
        *_landings(folder, state, kinds),
        *_starts(gate.with_name("begun")),
        *lost_commits(repo, state),
        *(x for lane in others for x in lost_commits(Path(lane.checkout), lane, theirs)),
        *_leftovers(repo, state),
        *_colours(repo, state, gate),
    ]


def _landings(folder: RunFolder, state: RunState, kinds: Kinds) -> list[str]:
    told = told_in(folder)
    queued = [x.task for x in told if isinstance(x, e.EntryQueued) and x.task]
    order = [int(task[1:]) for task in queued if task[1:].isdigit()]
    wanted = sorted(kinds.alone(order))
    found = sorted(int(x.task[1:]) for x in state.landings if x.task and x.task[1:].isdigit())
    wrong = [] if found == wanted else [f"{found} have landed, and not {wanted}"]
    times = Counter(x.entry for x in told if isinstance(x, e.EntryLanded))
    return wrong + [f"{name} landed {count} times" for name, count in times.items() if count > 1]


def _starts(begun: Path) -> list[str]:
    times = Counter(begun.read_text(encoding="utf-8").split())
    return [f"the agent of {task} began {n} times" for task, n in times.items() if n > 1]


def lost_commits(repo: Path, state: RunState, theirs: Sequence[str] = ()) -> list[str]:
    """What of the work of a run is not where it belongs in a repository; a sentence each.

    Args:
        repo: a checkout.
        state: as seen from there.
        theirs: commits that somebody else has put on a target.
    """
    wrong = []
    line = _line(repo, state)
    if set(line) - set(theirs) != {landing.commit for landing in state.landed_here}:
        wrong.append(f"{state.target} has other commits than those that landed")
    mine = (task for task in state.tasks.values() if state.plan.repo_of(task.id) == state.lane)
    for task in mine:  # what did not land is kept
        for attempt in task.attempts:
            work = attempt.collected
            if work is not None and not _git(repo, "for-each-ref", "--contains", work.head):
                wrong.append(f"{task.id}#{attempt.number} made {work.head}, and no ref holds it")
    checked = subprocess.run(
        ["git", "fsck", "--no-dangling"], cwd=repo, check=False, capture_output=True, text=True
    )
    if checked.returncode != 0:
        wrong.append(f"git fsck: {checked.stdout}{checked.stderr}".strip())
    return wrong


def locks_left(repo: Path) -> list[str]:
    """The lock files that a git has left in a repository; a sentence each."""
    # `agentdeck.lock` is a file for flock: the kernel let go of it with the process.
    locks = [x for x in (repo / ".git").rglob("*.lock") if x.name != "agentdeck.lock"]
    return [f"{lock} is left" for lock in locks]


def _leftovers(repo: Path, state: RunState) -> list[str]:
    wrong = locks_left(repo)
    if changed := _git(repo, "status", "--porcelain"):
        wrong.append(f"the person's checkout is not as it was: {changed}")
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("AGENTDECK_TAG", "").startswith(f"{state.run}/"):
                wrong.append(f"{process.cmdline()} still runs")
    return wrong


def _colours(repo: Path, state: RunState, gate: Path) -> list[str]:
    wrong = []
    for commit in _line(repo, state):
        _git(repo, "checkout", "--quiet", "--detach", commit)
        if subprocess.run([gate], cwd=repo, check=False).returncode != 0:
            wrong.append(f"{commit} is red")
    return wrong


def _line(repo: Path, state: RunState) -> list[str]:
    """The first-parent commits that the run has put on its target."""
    span = f"{state.base_commit}..{state.target}"
    return _git(repo, "rev-list", "--first-parent", "--reverse", span).split()


def _git(repo: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=repo, check=True, capture_output=True, text=True)
    return done.stdout.strip()


__all__ = ["faults", "locks_left", "lost_commits"]
