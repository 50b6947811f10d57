"""A run in the foreground: plain lines of progress, and a status that a script can act on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agentdeck.cli import accounts
from agentdeck.cli.budget import remarks
from agentdeck.cli.output import note, paint_state, safe, say
from agentdeck.cli.progress import line_of
from agentdeck.control.runs import RunFolder
from agentdeck.core import hooks, publishing
from agentdeck.core.decide import DETACHED
from agentdeck.core.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_NEEDS_PERSON, EXIT_OK
from agentdeck.core.events import Outcome, Recorded
from agentdeck.core.explain import explain, needs_person, standstill
from agentdeck.core.lanes import every_target, promotions_waiting, unpromoted
from agentdeck.core.state import STUCK, RunState, TaskState

if TYPE_CHECKING:
    from agentdeck.control.host import Wishes


def run_headless(folder: RunFolder, *, wishes: Wishes | None = None) -> int:
    """Run the engine here until the run has finished or needs a person; the exit status.

    Args:
        wishes: stands in for the person, for demos.
    """
    from agentdeck.control.host import host

    say(f"run {folder.run}")
    ended = host(folder, until=end_of, saw=_print, wishes=wishes)
    for line in closing_lines(ended.state):
        say(line)
    if ended.interrupted:
        note(f"left: agents work on. `agentdeck attach {folder.run}` comes back to them,")
        note(f"`agentdeck end --run {folder.run}` stops them.")
        return EXIT_INTERRUPTED
    return exit_status(ended.state)


def end_of(state: RunState) -> str | None:
    """Why a headless run ends in this state, or None while it should go on."""
    if state.outcome is not None:
        return f"the run is {state.outcome}"
    why = standstill(state)
    return None if why is None else f"it needs a person: {why}"


def exit_status(state: RunState) -> int:
    """0 all that should land has landed, 1 something failed, 6 it needs a person."""
    if state.outcome is Outcome.COMPLETE:
        return EXIT_OK
    if state.outcome is Outcome.STOPPED or any(state.in_state(*STUCK)):
        return EXIT_FAILED
    return EXIT_NEEDS_PERSON


def closing_lines(state: RunState) -> list[str]:
    """How the run stands at the end, and what is left for a person."""
    landed = sum(1 for _ in state.in_state(TaskState.LANDED))
    done = f"{landed} of {len(state.tasks)} tasks have landed on {safe(every_target(state))}"
    word = str(state.outcome) if state.outcome else "not finished"
    lines = [f"{paint_state(word)}: {done}"]
    if state.outcome is None:
        lines += [f"  {safe(explain(state, task.id, state.at))}" for task in needs_person(state)]
        lines += [f"  {line}" for line in (*remarks(state), *accounts.remarks(state, state.at))]
        why = standstill(state)
        if why is not None and len(lines) == 1:
            lines.append(f"  it stands still: {safe(why)}")
    lines += [f"  {safe(line)}" for line in publishing.told(state)]
    lines += [f"  {safe(line)}" for line in hooks.told(state, state.at)]
    waiting = promotions_waiting(state)
    lines += [f"  promotion waits: {safe(line)}" for line in waiting]
    if waiting or state.outcome is None:
        return lines
    for lane in unpromoted(state):
        where = f" of {lane.lane}" if lane.lane else ""
        if lane.base == DETACHED:
            into = "the branch you are on" + (f" in {lane.checkout}" if lane.lane else "")
            lines.append(f"  `git merge {safe(lane.target)}` brings it into {safe(into)}")
        else:
            hint = f"`agentdeck promote --run {state.run}` brings it into {safe(lane.base)}{where}"
            lines.append(f"  {hint}")
    return lines


def _print(batch: Sequence[Recorded], state: RunState) -> None:
    for recorded in batch:
        line = line_of(recorded, state)
        if line is not None:
            say(line, now=True)
