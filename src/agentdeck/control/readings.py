"""What the reading methods of the control socket answer, from any state of a run.

Rules: an engine answers from its live state; where there is none, whoever has folded the journal
says the same of it.
"""

from __future__ import annotations

from agentdeck.control import protocol as rpc
from agentdeck.control.budget_report import budget_lines
from agentdeck.control.explaining import explained
from agentdeck.control.run_lines import entry_lines, task_lines
from agentdeck.control.waiting_lines import waiting_lines
from agentdeck.control.words import state_word
from agentdeck.core.errors import NotFoundError
from agentdeck.core.explain import standstill
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.folders import RunFolder


def status_of(state: RunState, *, alive: bool, busy: bool = False, clients: int = 0) -> rpc.Status:
    """The run in a few numbers.

    Args:
        alive: does an engine answer for it?
        busy: is a step of it in flight?
        clients: that are connected to it.
    """
    return rpc.Status(
        run=state.run,
        plan=state.plan.name,
        state=state_word(state, alive=alive),
        landed=sum(1 for _ in state.in_state(TaskState.LANDED)),
        tasks=len(state.tasks),
        seq=state.seq,
        busy=busy,
        clients=clients,
        why=standstill(state) or "",
        budgets=budget_lines(state),
    )


def plan_of(state: RunState) -> rpc.PlanNow:
    """The plan as it is now."""
    return rpc.PlanNow(state.plan, state.plan_changes)


def tasks_of(state: RunState, params: rpc.TasksParams, now: float) -> rpc.Tasks:
    """These tasks, or all of them. Raises NotFoundError."""
    for task in params.tasks:
        _known(state, task)
    return rpc.Tasks(task_lines(state, now, set(params.tasks)), state.seq)


def queue_of(state: RunState, now: float) -> rpc.Queue:
    """The merge queue, in the order in which it lands."""
    return rpc.Queue(entry_lines(state, now), state.queue_held, state.seq)


def inbox_of(state: RunState, now: float) -> rpc.Inbox:
    """What waits for a person, the most urgent first."""
    return rpc.Inbox(waiting_lines(state, now), state.seq)


def sentence_of(
    folder: RunFolder, state: RunState, params: rpc.ExplainParams, now: float
) -> rpc.Sentence:
    """Why a task stands where it stands. Raises NotFoundError."""
    _known(state, params.task)
    return rpc.Sentence(explained(folder, state, params.task, now))


def _known(state: RunState, task: TaskId) -> None:
    if task not in state.tasks:
        raise NotFoundError(f"there is no task {task[:80]!r}", hint="`agentdeck status` lists them")


__all__ = ["inbox_of", "plan_of", "queue_of", "sentence_of", "status_of", "tasks_of"]
