"""Real agents in real runs, against a scripted model: `pytest -m real_agents tests/real_agents`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.real_agents.scripted_model import DONE
from tests.real_agents.trials import LED, Trial

from agentdeck.core.events import FailureClass, Outcome
from agentdeck.core.ids import TaskId
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.core.state import Attempt, RunState, TaskState
from agentdeck.engine.sandbox import SANDBOXES, fault_of

pytestmark = [pytest.mark.real_agents, pytest.mark.timeout(600)]

Make = Callable[[str, str], Trial]
AGENTS = tuple(LED)
NO_SESSION = ("aider", "mini")
# Gemini CLI 0.61 over ACP has not always saved its session when it ends; then a new one is begun.
FORGETS = ("gemini-acp",)
SENDS_EVERYTHING = ("gemini-acp",)
WANTS_A_TOOL_CALL = ("mini",)  # words alone are an error of format to it; it ends after a few
# What agents do with a service that always fails, that wants another key, that is silent.
RETRIES_FOR_MINUTES = ("gemini", "gemini-acp", "mini")


def first(state: RunState) -> Attempt:
    """The first attempt of task A."""
    return state.tasks[TaskId("A")].attempts[0]


@pytest.mark.parametrize("agent", AGENTS)
def test_three_tasks_land(trial: Make, agent: str) -> None:
    """Two at once and one after them: all land, with tokens, and a session where there are some."""
    made = trial(agent, "works")
    state = made.run({"A": "", "B": "", "C": 'after = ["A", "B"]'})
    assert {name: task.state for name, task in state.tasks.items()} == dict.fromkeys(
        "ABC", TaskState.LANDED
    ), [task.reason for task in state.tasks.values()]
    for task in state.tasks.values():
        assert made.landed(state, f"{task.id}.txt").strip() == "hello"
        assert len(task.attempts) == 1
        attempt = task.attempts[0]
        assert attempt.tokens_out > 0
        assert (attempt.session is not None) is (agent not in NO_SESSION)
        assert attempt.collected is not None
        assert [file.path for file in attempt.collected.files] == [f"{task.id}.txt"]


@pytest.mark.parametrize("box", SANDBOXES)
@pytest.mark.parametrize("agent", AGENTS)
def test_it_works_in_a_sandbox(trial: Make, agent: str, box: Sandbox) -> None:
    """With nothing writable but what its adapter names, it does its task, and that lands."""
    if fault := fault_of(box, network=True):
        pytest.skip(fault)
    made = trial(agent, "works")
    state = made.run({"A": ""}, defaults=f'retries = 0\nsandbox = "{box}"')
    assert state.outcome is Outcome.COMPLETE, first(state)
    assert first(state).sandbox is box
    assert made.landed(state, "A.txt")


@pytest.mark.parametrize("agent", [each for each in AGENTS if each not in NO_SESSION + FORGETS])
def test_the_next_attempt_goes_on_in_the_session(trial: Make, agent: str, tmp_path: Path) -> None:
    """A gate is red once. The agent is told in its own session, and remembers what it did.

    It adds another line, because a tree that was red is not gated again.
    """
    made = trial(agent, "works")
    mark = tmp_path / "mark"
    gate = f"[gates.second]\nrun = 'test -e {mark} || {{ touch {mark}; exit 1; }}'\nwhen = 'task'\n"
    state = made.run({"A": ""}, defaults="retries = 1", more=gate, failures=1)
    before, after = state.tasks[TaskId("A")].attempts
    assert before.cause is FailureClass.GATE
    assert after.resumed == before.session is not None
    assert state.tasks[TaskId("A")].state is TaskState.LANDED, after
    assert made.landed(state, "A.txt").split() == ["hello", "hello"]
    assert DONE in made.model.heard[made.key]


@pytest.mark.parametrize("agent", AGENTS)
def test_two_limits_are_waited_for(trial: Make, agent: str) -> None:
    """Every agent tries again by itself; for agentdeck nothing has happened."""
    made = trial(agent, "limited-twice")
    state = made.run({"A": ""})
    assert state.tasks[TaskId("A")].state is TaskState.LANDED
    assert first(state).cause is None


@pytest.mark.parametrize("agent", [name for name in AGENTS if name not in RETRIES_FOR_MINUTES])
def test_a_service_that_always_fails_is_no_fault_of_the_task(trial: Make, agent: str) -> None:
    made = trial(agent, "fails")
    state = made.run({"A": ""}, defaults='retries = 0\ntimeout = "4min"')
    assert first(state).cause is FailureClass.OVERLOAD, first(state)


@pytest.mark.parametrize("agent", AGENTS)
def test_a_key_that_is_refused_needs_a_person(trial: Make, agent: str) -> None:
    made = trial(agent, "locked")
    state = made.run({"A": ""}, defaults='retries = 0\ntimeout = "8min"')
    assert first(state).cause is FailureClass.AUTH, first(state)


@pytest.mark.parametrize("agent", AGENTS)
def test_an_agent_whose_model_is_silent_is_ended(trial: Make, agent: str) -> None:
    """No output and no CPU: a limit of the plan ends it, with all that it started."""
    made = trial(agent, "hangs")
    defaults = 'retries = 0\nidle_timeout = "15s"\ntimeout = "60s"'
    state = made.run({"A": ""}, defaults=defaults)
    assert first(state).cause in (FailureClass.IDLE, FailureClass.TIMEOUT), first(state)


@pytest.mark.parametrize("agent", [name for name in AGENTS if name != "aider"])
def test_fifty_megabytes_of_output_break_nothing(trial: Make, agent: str) -> None:
    """Of a tool: some agents cut it, some print it whole, in one line.

    Gemini over ACP sends all of it to its model, and ends at the limit of tokens.
    """
    made = trial(agent, "floods")
    state = made.run({"A": ""})
    if agent in SENDS_EVERYTHING:
        assert first(state).cause is FailureClass.TURN_LIMIT, first(state)
        return
    assert made.landed(state, "A.txt").strip() == "hello", first(state)


@pytest.mark.parametrize("agent", AGENTS)
def test_a_model_that_will_not_do_it_has_not_done_it(trial: Make, agent: str) -> None:
    """Whatever the exit status: there is no work, so nothing lands."""
    made = trial(agent, "refuses")
    state = made.run({"A": ""}, defaults='retries = 0\ntimeout = "2min"')
    assert state.tasks[TaskId("A")].state is not TaskState.LANDED
    causes = [FailureClass.REFUSED, FailureClass.NO_WORK]
    if agent in WANTS_A_TOOL_CALL:
        causes.append(FailureClass.AGENT)
    assert first(state).cause in causes, first(state)
