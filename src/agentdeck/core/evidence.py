"""Evidence: what proves an attempt, and which part is missing.

"Done" is never an agent's word. It is: the process ended, the stream's result says success, there
are commits (or the task allows none), the footprint holds, the gates passed on that exact tree.
The parts are looked at in this order, and the first that is missing is the answer. A result that
names a failure explains more than the exit status that goes with it, so it is asked first; a result
that claims success proves nothing against an exit status that says otherwise. Only a process that
is gone without a status is believed to have ended as its result says.
"""

from __future__ import annotations

from typing import Final

import msgspec

from agentdeck.core import footprint, refs_words, verdicts
from agentdeck.core.events import FailureClass
from agentdeck.core.ids import GateName
from agentdeck.core.permissions import NOBODY
from agentdeck.core.plan import GateWhen
from agentdeck.core.state import Attempt, Collected, RunState, TaskRun, Wanted

NAMED_FILES: Final = 3  # in a sentence; the diff shows them all
# A session that is not known is refused within seconds; an agent that tried for longer knew it.
SESSION_REFUSED_S: Final = 60.0


class Missing(msgspec.Struct, frozen=True):
    """The part of the proof that is missing."""

    cause: FailureClass
    detail: str
    not_before: float | None = None


def first_fault(state: RunState, task: TaskRun, attempt: Attempt) -> Missing | None:
    """What an ended and collected attempt lacks, gates aside; None when all of it is there."""
    ended, work = attempt.exit, attempt.collected
    assert ended is not None
    assert work is not None
    if task.wanted is Wanted.STOP:
        return Missing(FailureClass.STOPPED, stopped_words(task))
    if attempt.refs is not None and attempt.refs.moved and not attempt.hands:
        return Missing(FailureClass.TRESPASS, refs_words.moved(attempt.refs))
    if attempt.hands:  # its process was interrupted for a person, and proves nothing either way
        return _fault_of_work(state, task, work)
    return _fault_of_process(state, task, attempt) or _fault_of_work(state, task, work)


def _fault_of_process(state: RunState, task: TaskRun, attempt: Attempt) -> Missing | None:
    ended = attempt.exit
    assert ended is not None
    if attempt.limit is not None:
        return Missing(attempt.limit.cause, attempt.limit.detail)
    if _session_is_gone(task, attempt):
        said = f": {ended.detail}" if ended.detail else ""
        return Missing(FailureClass.SESSION, f"it does not know session {attempt.resumed}{said}")
    if ended.ok is False or ended.cause is not None:
        cause = ended.cause or FailureClass.AGENT
        detail = ended.detail or "the agent reported that it failed"
        if cause is FailureClass.STOPPED:  # nobody here did: `wanted` would say so
            cause, detail = FailureClass.CRASH, f"something stopped the agent: {detail}"
        return Missing(cause, detail, ended.retry_at)
    if ended.code is None and not ended.ok:
        return Missing(FailureClass.LOST, "the process is gone and left no exit status")
    if ended.code:
        how = f"exit {ended.code}" if ended.code > 0 else f"signal {-ended.code}"
        detail = f"the agent ended with {how}" + (f": {ended.detail}" if ended.detail else "")
        return Missing(FailureClass.CRASH, detail)
    if ended.ok is None and _reports(state, attempt):
        detail = "the agent ended without a result in its stream"
        return Missing(FailureClass.AGENT, detail)
    return None


def _fault_of_work(state: RunState, task: TaskRun, work: Collected) -> Missing | None:
    if work.fault:
        return Missing(FailureClass.GIT, work.fault)
    spec = state.spec(task.id)
    if work.commits == 0 and not spec.allow_empty:
        return Missing(FailureClass.NO_WORK, "the agent ended well but changed nothing")
    outside = [
        f.path for f in work.files if spec.files and not footprint.covers(spec.files, f.path)
    ]
    if outside:
        more = f" and {len(outside) - NAMED_FILES} more" if len(outside) > NAMED_FILES else ""
        named = ", ".join(outside[:NAMED_FILES])
        return Missing(FailureClass.FOOTPRINT, f"it touched {named}{more}, outside its files")
    return None


def refused_hand_back(state: RunState, task: TaskRun, attempt: Attempt) -> str | None:
    """Why what a person left cannot be taken; None = it can. No agent could mend it for them."""
    work = attempt.collected
    if not attempt.hands or work is None or task.wanted is Wanted.STOP:
        return None
    if work.fault:
        return work.fault.replace("the agent left", "you left", 1)
    missing = _fault_of_work(state, task, work)
    if missing is None or attempt.goes_on_after:
        return None
    if missing.cause is FailureClass.NO_WORK:
        return "nothing was changed yet"
    return missing.detail


def stopped_words(task: TaskRun) -> str:
    """Who stopped it."""
    if task.stopped_by == NOBODY:
        return "stopped: nobody answered it in time"
    return f"stopped by {task.stopped_by}" if task.stopped_by else "the run was ended"


def _session_is_gone(task: TaskRun, attempt: Attempt) -> bool:
    """Should it have gone on in a session, and ended at once with nothing done and nobody blamed?

    No agent says so in a way that could be read: the status is 1 or 42, the stream is empty or has
    a failed result, and the reason is on stderr.
    """
    ended, work = attempt.exit, attempt.collected
    if attempt.resumed is None or ended is None or work is None or work.fault:
        return False
    failed = ended.code is not None and ended.code > 0 and ended.ok is not True
    blamed = ended.cause not in (None, FailureClass.AGENT, FailureClass.CRASH)
    used = attempt.tokens_in + attempt.tokens_out + attempt.tokens_cached + attempt.tools
    if (
        not failed
        or blamed
        or used
        or attempt.worked_s(attempt.exited_at or 0.0) > SESSION_REFUSED_S
    ):
        return False
    earlier = (a.collected.head for a in reversed(task.attempts[:-1]) if a.collected is not None)
    return work.head in (attempt.base, next(earlier, None))


def _reports(state: RunState, attempt: Attempt) -> bool:
    """Does the agent speak a stream that ends with a result?"""
    return state.plan.agent_by_name[attempt.agent].says_result


def task_gates(state: RunState, task: TaskRun) -> list[GateName]:
    """The gates that must pass on the collected commit, in plan order."""
    return _gates(state, task, GateWhen.TASK)


def merge_gates(state: RunState, task: TaskRun | None) -> list[GateName]:
    """The gates that must pass on the exact commit that would land, in plan order.

    Commits of the base itself (no task) pass every merge gate.
    """
    if task is None:
        return [gate.name for gate in state.plan.gates_when(GateWhen.MERGE, state.lane)]
    return _gates(state, task, GateWhen.MERGE)


def _gates(state: RunState, task: TaskRun, when: GateWhen) -> list[GateName]:
    wanted = set(state.settings(task.id).gates)
    return [gate.name for gate in state.plan.gates_when(when) if gate.name in wanted]


def red_gate(state: RunState, names: list[GateName], tree: str) -> GateName | None:
    """The first of these gates that is red on this tree."""
    return next(
        (name for name in names if verdicts.of(state, name, tree) is verdicts.Standing.RED), None
    )


def open_gate(state: RunState, names: list[GateName], tree: str) -> GateName | None:
    """The first of these gates that has no verdict on this tree."""
    return next(
        (name for name in names if verdicts.of(state, name, tree) is verdicts.Standing.OPEN), None
    )


def hands_of(task: TaskRun, number: int) -> list[str]:
    """Who worked by hand on what an attempt has built on, each once."""
    found: list[str] = []
    for attempt in reversed(task.attempts[:number]):
        found.append(attempt.hands)
        if attempt.fresh:
            break
    return list(dict.fromkeys(name for name in reversed(found) if name))
