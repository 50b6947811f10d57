"""What proves an attempt is looked at in one order, and the first missing part is the answer."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from agentdeck.core import events as e
from agentdeck.core.events import FailureClass, FileTouched
from agentdeck.core.evidence import first_fault, merge_gates, task_gates
from agentdeck.core.ids import AgentName, GateName, TaskId
from agentdeck.core.plan import Agent, GateWhen, Task
from agentdeck.core.state import TaskState
from agentdeck.testing.builders import Run, gate, plan, reached, run_until, started, task

A = TaskId("A")
# Everything is wrong with this attempt; each step of the test puts one more part right.
WRONG_EXIT: dict[str, Any] = {"code": 1, "ok": False, "detail": "it gave up"}
WRONG_WORK: dict[str, Any] = {
    "commits": 0,
    "fault": "a rebase is half done",
    "files": (FileTouched("docs/a.md", 1, 0),),
}


def missing(spec: Task, ended: dict[str, Any], work: dict[str, Any], *, limit: bool) -> object:
    run = run_until(started(plan(spec)), reached("A", TaskState.WORKING))
    if limit:
        run.append(e.LimitHit(A, 1, FailureClass.IDLE, "silent for 20 min"))
    run.append(e.AttemptExited(A, 1, **ended))
    run.append(e.AttemptCollected(A, 1, "head", "tree", **work))
    found = first_fault(run.state, run.state.tasks[A], run.state.tasks[A].attempts[-1])
    return found and found.cause


def test_the_parts_of_the_proof_are_asked_in_order() -> None:
    """Limit, result, exit status, repository, commits, footprint: first what explains the rest."""
    spec = task("A src/")
    ended, work = dict(WRONG_EXIT), dict(WRONG_WORK)
    found = [missing(spec, ended, work, limit=True), missing(spec, ended, work, limit=False)]
    ended["ok"] = None
    found.append(missing(spec, ended, work, limit=False))
    ended["code"] = None
    found.append(missing(spec, ended, work, limit=False))
    ended["code"] = 0
    found.append(missing(spec, ended, work, limit=False))
    ended["ok"] = True
    found.append(missing(spec, ended, work, limit=False))
    work["fault"] = ""
    found.append(missing(spec, ended, work, limit=False))
    work["commits"] = 1
    found.append(missing(spec, ended, work, limit=False))
    work["files"] = (FileTouched("src/a.py", 1, 0),)
    found.append(missing(spec, ended, work, limit=False))
    assert found == [
        FailureClass.IDLE,
        FailureClass.AGENT,
        FailureClass.CRASH,
        FailureClass.LOST,
        FailureClass.AGENT,  # exit 0, but the stream has no result
        FailureClass.GIT,
        FailureClass.NO_WORK,
        FailureClass.FOOTPRINT,
        None,
    ]


def test_an_agent_that_claims_success_and_changed_nothing_is_not_done() -> None:
    assert missing(task("A"), {"code": 0, "ok": True}, {"commits": 0}, limit=False) is (
        FailureClass.NO_WORK
    )


def test_a_task_may_be_done_without_a_commit_when_its_plan_says_so() -> None:
    spec = task("A", allow_empty=True)
    assert missing(spec, {"code": 0, "ok": True}, {"commits": 0}, limit=False) is None


def test_without_a_footprint_any_file_may_be_touched() -> None:
    work = {"commits": 1, "files": (FileTouched("anywhere", 1, 0),)}
    assert missing(task("A"), {"code": 0, "ok": True}, work, limit=False) is None


@pytest.mark.parametrize(("output", "cause"), [("claude", FailureClass.AGENT), ("plain", None)])
def test_a_stream_that_should_end_with_a_result_and_does_not_proves_nothing(
    output: Literal["claude", "plain"], cause: FailureClass | None
) -> None:
    """Exit 0 is enough only for a command whose output nobody understands."""
    agents = (Agent(name=AgentName("own"), command=("own",), output=output),)
    made = plan(task("A", agent=AgentName("own")), agents=agents)
    run = run_until(started(made), reached("A", TaskState.WORKING))
    run.append(e.AttemptExited(A, 1, 0), e.AttemptCollected(A, 1, "h", "t", 1))
    found = first_fault(run.state, run.state.tasks[A], run.state.tasks[A].attempts[-1])
    assert (found.cause if found else None) == cause


@pytest.mark.parametrize(
    ("code", "text"), [(3, "the agent ended with exit 3"), (-9, "the agent ended with signal 9")]
)
def test_a_crash_says_how(code: int, text: str) -> None:
    run = run_until(started(plan("A")), reached("A", TaskState.WORKING))
    run.append(e.AttemptExited(A, 1, code), e.AttemptCollected(A, 1, "h", "t", 1))
    found = first_fault(run.state, run.state.tasks[A], run.state.tasks[A].attempts[-1])
    assert found is not None
    assert found.detail == text


def test_a_task_passes_only_the_gates_it_names() -> None:
    gates = (gate("unit", GateWhen.TASK, GateWhen.MERGE), gate("lint"), gate("slow"))
    run: Run = started(plan(task("A", gates=(GateName("unit"), GateName("slow"))), gates=gates))
    assert task_gates(run.state, run.state.tasks[A]) == ["unit"]
    assert merge_gates(run.state, run.state.tasks[A]) == ["unit", "slow"]
    assert merge_gates(run.state, None) == ["unit", "lint", "slow"]
