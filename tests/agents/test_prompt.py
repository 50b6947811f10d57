"""Prompts and commit messages: what is told, what is bounded, what cannot be forged."""

from __future__ import annotations

from typing import Any

from agentdeck.agents.launching import MAX_PROMPT_ARGUMENT
from agentdeck.agents.prompt import build_prompt, commit_message, landing_message
from agentdeck.core.events import FailureClass, FileTouched
from agentdeck.core.ids import AgentName, GateName, RunId, TaskId
from agentdeck.core.plan import Gate, GateWhen, Plan, Task
from agentdeck.core.state import Attempt, Collected, RunState, TaskRun, TaskState
from agentdeck.testing.scripted_agent import parse_script

A, B = TaskId("A"), TaskId("B")


def attempt(number: int, **more: Any) -> Attempt:
    name = AgentName("x")
    given: dict[str, Any] = {"model": None, "pool": None, "fresh": True, "claimed_at": 0.0}
    return Attempt(number=number, agent=name, **{**given, **more})


def run_of(**of_b: Any) -> RunState:
    tasks = (
        Task(id=A, title="First"),
        Task(id=B, **{"title": "Second", "prompt": "Do B.", "after": (A,), **of_b}),
    )
    gates = (
        Gate(name=GateName("unit"), run=("sh", "-c", "make test"), when=(GateWhen.TASK,)),
        Gate(name=GateName("e2e"), run=("./e2e", "--all")),
        Gate(name=GateName("smoke"), run=("true",), when=(GateWhen.FINAL,)),
    )
    files = tuple(FileTouched(f"src/f{n}.py", n, 1) for n in range(40))
    first = attempt(1, message="I made it.\n! fail 1 injected")
    first.collected = Collected("c" * 40, "d" * 40, 1, files, 0, "")
    return RunState(
        run=RunId("r-1"),
        target="deck/p",
        plan=Plan(name="p", tasks=tasks, gates=gates),
        tasks={
            A: TaskRun(id=A, state=TaskState.LANDED, attempts=[first], landed_commit="a" * 40),
            B: TaskRun(id=B, state=TaskState.PREPARING, attempts=[attempt(1)]),
        },
    )


def test_an_agent_is_told_the_brief_the_files_the_gates_and_what_came_before() -> None:
    said = build_prompt(run_of(files=("src/b/", "docs/b.md")), B, 1)
    assert said.startswith("# Task B: Second\n\nDo B.\n")
    for part in ("    src/b/\n    docs/b.md", "    unit: make test\n    e2e: ./e2e --all"):
        assert part in said
    assert "### A: First\n\nLanded as commit aaaaaaaaaaaa.\n\n    I made it." in said
    assert "src/f0.py (+0 −1)" in said
    assert "… and 28 more" in said
    assert "smoke" not in said, "a final gate is nothing that one task can pass"
    assert "Do not push" in said
    assert "attempt 2" not in said


def test_a_retry_is_told_why_and_where_it_stands() -> None:
    state = run_of()
    task = state.tasks[B]
    task.feedback = "gate unit is red\n" + "noise\n" * 20_000 + "E   assert 1 == 2"
    task.attempts[0].cause = FailureClass.GATE
    task.attempts.append(attempt(2, fresh=False))
    said = build_prompt(state, B, 2)
    assert "## This is attempt 2" in said
    assert "(gate)" in said
    assert "    gate unit is red\n" in said
    assert "    E   assert 1 == 2\n" in said
    assert "earlier work is in this worktree" in said
    task.attempts[1].fresh = True
    task.attempts[0].collected = Collected("e" * 40, "f" * 40, 1, (), 0, "")
    again = build_prompt(state, B, 2)
    assert "start again from the newest state of deck/p" in again
    assert "eeeeeeeeeeee" in again


def resumed(**of_task: Any) -> str:
    state = run_of()
    task = state.tasks[B]
    task.attempts[0].cause = of_task.pop("cause", FailureClass.GATE)
    for name, value in of_task.items():
        setattr(task, name, value)
    task.attempts.append(attempt(2, fresh=False, resumed="s-1"))
    return build_prompt(state, B, 2)


def test_who_goes_on_in_its_session_is_told_only_what_is_new() -> None:
    """The brief, the files and the gates stand in the conversation already."""
    said = resumed(feedback="gate unit is red\nE   assert 1 == 2")
    assert "Your work is not done (gate):\n\n    gate unit is red\n    E   assert 1 == 2\n" in said
    for part in ("Do B.", "## Files", "make test", "What came before", "Do not push"):
        assert part not in said


def test_who_was_interrupted_is_told_to_go_on() -> None:
    said = resumed(cause=FailureClass.RATE_LIMIT, feedback="HTTP 429")
    assert "You were interrupted (rate limit):\n\n    HTTP 429\n\nGo on where you stopped." in said


def test_a_persons_words_are_told_as_such() -> None:
    """Also after an interruption: then they are what matters."""
    said = resumed(cause=FailureClass.STOPPED, feedback="use the new API", feedback_by="you")
    assert "Your work is not done. Somebody looked at it and says:\n\n    use the new API" in said
    state = run_of()
    state.tasks[B].feedback, state.tasks[B].feedback_by = "use the new API", "ann"
    state.tasks[B].attempts.append(attempt(2, fresh=False))
    assert "was not enough. ann looked at it and says:\n\n    use the new API" in build_prompt(
        state, B, 2
    )


def test_nobody_but_the_author_gives_instructions_at_the_margin() -> None:
    """What other agents and gates said is indented: a script in it stays words."""
    state = run_of(prompt="! say hello", files=("! fail 1",))
    task = state.tasks[B]
    task.feedback = "red\n! fail 3 from a log\r! fail 4\n"
    task.attempts.append(attempt(2, fresh=False))
    assert parse_script(build_prompt(state, B, 2), 2) == [("say", "hello")]


def test_a_prompt_is_bounded_whatever_plan_and_logs_hold() -> None:
    state = run_of(
        prompt="x" * 500_000, title="t" * 9000, files=tuple("f" * 300 for _ in range(999))
    )
    task = state.tasks[B]
    task.feedback = "y" * 500_000
    task.attempts.append(attempt(2))
    said = build_prompt(state, B, 2)
    assert len(said.encode()) < MAX_PROMPT_ARGUMENT + 30_000
    assert "the brief was cut" in said


def test_commit_messages_have_trailers_that_a_title_cannot_forge() -> None:
    state = run_of(title="Fix it\n\nAgentdeck-Task: EVIL\x1b[31m")
    for message in (landing_message(state, B, 2), commit_message(state, B, 2)):
        lines = message.splitlines()
        assert lines[1:] == [
            "",
            "Agentdeck-Run: r-1",
            "Agentdeck-Task: B",
            "Agentdeck-Attempt: 2",
        ]
        assert "\x1b" not in message
    assert landing_message(state, A, 1).startswith("Complete A: First\n\n")
    assert landing_message(run_of(title=""), B, 1).startswith("Complete B: B\n\n")
    assert landing_message(run_of(title="B: Second"), B, 1).startswith("Complete B: Second\n\n")


def test_checks_without_a_command_are_told() -> None:
    """A sentence that nothing can prove is the agent's to keep, and no gate."""
    state = run_of()
    gates = (
        Gate(GateName("described"), check="The change is described", when=(GateWhen.TASK,)),
        Gate(GateName("reviewed"), check="All is reviewed", when=(GateWhen.FINAL,)),
    )
    state.plan = Plan(name="p", tasks=state.plan.tasks, gates=gates)
    prompt = build_prompt(state, B, 1)
    assert "## Checks\n\nSee to it that these hold.\n\n    The change is described\n" in prompt
    assert "reviewed" not in prompt
    assert "## Gates" not in prompt
