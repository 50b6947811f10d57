"""Gates: the plan's commands on exact commits, through the launcher.

Rules: a `task` gate runs in the attempt's worktree, right after its work was collected; every other
gate in a scratch worktree (`gate_slots`), checked out at the commit. A command that was ended by
agentdeck itself gives no verdict, unless its time was up. Nor does one that was killed: for want of
memory, or by a person. No suite ends itself that way, so it says nothing about the work.
"""

from __future__ import annotations

import signal
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final

from agentdeck.core import events as e
from agentdeck.core import queue
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.events import Verdict
from agentdeck.core.gate_timeouts import allowed_in
from agentdeck.core.plan import GateWhen
from agentdeck.core.steps import RunGate
from agentdeck.engine.commands import Ended, run_to_end
from agentdeck.engine.failpoint_places import Place, reached
from agentdeck.engine.gate_environment import note_fingerprint, noted_fingerprint
from agentdeck.engine.processes import NeverStarted, look
from agentdeck.engine.setting import Setting
from agentdeck.engine.stop import sweep

# By SIGKILL itself, and as a shell tells it of a command that it has run.
KILLED: Final = (-signal.SIGKILL, 128 + signal.SIGKILL)


async def run_gate(at: Setting, step: RunGate) -> None:
    """Run one gate once and record its verdict."""
    gate = at.state.plan.gate_by_name[step.gate]
    folder = at.folder.gate(step.gate, step.tree, step.run)
    tag = gate_tag(at.state.run, folder.name)
    extra = {
        "AGENTDECK_RUN": at.state.run,
        "AGENTDECK_GATE": step.gate,
        "AGENTDECK_COMMIT": step.commit,
        "AGENTDECK_TASK": step.task or "",
    }
    limit = allowed_in(at.state, gate)
    try:
        with _slot(at, step, folder.name) as slot:
            cwd = await at.in_thread(lambda: _place(at, step, folder, slot))
            mark = noted_fingerprint(folder)
            ended = await run_to_end(at, folder, gate.run, cwd, tag, limit.seconds, extra)
            verdict = _verdict(ended)
    except EnvironmentFault as fault:
        verdict, ended = Verdict.BROKEN, Ended(None, False, 0.0, fault.message)
        mark = at.state.environment
    await at.record(
        e.GateFinished(
            gate=step.gate,
            when=step.when,
            tree=step.tree,
            commit=step.commit,
            run=step.run,
            verdict=verdict,
            code=ended.code,
            seconds=round(ended.seconds, 3),
            log=str(folder.relative_to(at.folder.path)),
            tail=ended.tail,
            task=step.task,
            attempt=step.attempt,
            limit=limit.why if verdict is Verdict.TIMED_OUT else "",
            environment=mark,
        ),
    )


def _slot(at: Setting, step: RunGate, name: str) -> AbstractContextManager[str]:
    """The scratch worktree that a gate has meanwhile; the gate of a task runs in its worktree."""
    if _is_at_home(step):
        return nullcontext("")
    return at.gate_slots.held(step.when, name, _wanted(at))


def _is_at_home(step: RunGate) -> bool:
    return step.when is GateWhen.TASK and step.task is not None and step.attempt is not None


def _wanted(at: Setting) -> set[str]:
    """The folders of the gates on what would land that should be running now."""
    steps = queue.next_steps(at.state, at.engine.clock())
    gates = [step for step in steps if isinstance(step, RunGate)]
    return {at.folder.gate(step.gate, step.tree, step.run).name for step in gates}


def _place(at: Setting, step: RunGate, folder: Path, slot: str) -> Path:
    """The worktree for a gate, at its commit; as it is when the gate runs there already."""
    begun = not isinstance(look(folder), NeverStarted)
    if not begun:
        note_fingerprint(folder, at.state.environment)
    if _is_at_home(step):
        assert step.task is not None
        assert step.attempt is not None
        return Path(at.attempt(step.task, step.attempt).path or "")
    if begun:
        return at.folder.scratch_of(at.repo) / slot
    before = at.gate_slots.last(slot)
    if before is not None:  # an engine that was killed may have left it there
        sweep(gate_tag(at.state.run, before))
    place = at.scratch.checkout(slot, step.commit)
    reached(Place.GATE_PLACED)
    at.gate_slots.note(slot, folder.name)
    return place


def gate_tag(run: str, folder_name: str) -> str:
    """What marks every process of one run of a gate."""
    return f"{run}/gate/{folder_name}"


def _verdict(ended: Ended) -> Verdict:
    if ended.timed_out:
        return Verdict.TIMED_OUT
    if ended.code is None or ended.code in KILLED:
        return Verdict.BROKEN
    return Verdict.PASSED if ended.code == 0 else Verdict.FAILED
