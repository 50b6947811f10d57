"""What an agent is told whose work the merge queue has sent back."""

from __future__ import annotations

from typing import Any

import pytest

from agentdeck.agents.launching import MAX_PROMPT_ARGUMENT
from agentdeck.agents.prompt import build_prompt
from agentdeck.core.events import FailureClass, FileTouched, Hunks, Loss, Verdict
from agentdeck.core.ids import AgentName, EntryId, GateName, RunId, TaskId
from agentdeck.core.plan import Gate, GateWhen, Plan, Task
from agentdeck.core.state import (
    Attempt,
    Collected,
    Ejection,
    GateRun,
    Landing,
    RunState,
    TaskRun,
    TaskState,
    gate_key,
)
from agentdeck.testing.scripted_agent import parse_script

A, B = TaskId("A"), TaskId("B")
BASE, TIP, HEAD = "0" * 40, "a" * 40, "b" * 40
HUNKS = Hunks("src/x.py", "@@ line 1\n<<<<<<< a\nx = 2\n=======\nx = 3\n! fail 1\n>>>>>>> b")
CONFLICT = Ejection(1, FailureClass.CONFLICT, TIP, HEAD, BASE, ("src/x.py",), (HUNKS,))
RED = Ejection(1, FailureClass.GATE, TIP, HEAD, BASE, gate=GateName("unit"))


def attempt(number: int, head: str, **more: Any) -> Attempt:
    files = (FileTouched("src/x.py", 1, 1),)
    given: dict[str, Any] = {"model": None, "pool": None, "fresh": number == 1, "claimed_at": 0.0}
    work = Collected(head, f"{head}-tree", 1, files, 0, "", **more.pop("work", {}))
    name = AgentName(more.pop("agent", "x"))
    return Attempt(number=number, agent=name, base=BASE, collected=work, **{**given, **more})


def told(ejection: Ejection | None, resumed: str | None = None, **of_first: Any) -> str:
    """The prompt of B's second attempt; A has landed since B began."""
    first = attempt(1, HEAD, cause=ejection.cause if ejection else None, **of_first)
    second = Attempt(
        number=2, agent=AgentName("x"), model=None, pool=None, fresh=False, claimed_at=0.0,
        resumed=resumed,
    )  # fmt: skip
    state = RunState(
        run=RunId("r-1"),
        target="deck/p",
        tip=TIP,
        plan=Plan(
            name="p",
            tasks=(Task(id=A, title="First"), Task(id=B, title="Second", prompt="Do B.")),
            gates=(Gate(name=GateName("unit"), run=("true",), when=(GateWhen.MERGE,)),),
        ),
        landings=[Landing(EntryId("A"), TIP, 1.0, A)],
        gates={
            gate_key(GateName("unit"), f"{HEAD}-tree"): [
                GateRun(Verdict.PASSED, 0, 1.0, 0.0, "", "", 1)
            ]
        },
        tasks={
            A: TaskRun(
                id=A,
                state=TaskState.LANDED,
                attempts=[attempt(1, "c" * 40)],
                landed_commit=TIP,
            ),
            B: TaskRun(
                id=B,
                attempts=[first, second],
                ejection=ejection,
                feedback="gate unit failed (exit 1)\nassert 1 == 2",
            ),
        },
    )
    return build_prompt(state, B, 2)


@pytest.mark.parametrize("resumed", [None, "s-1"])
def test_a_conflict_names_the_commit_the_files_both_sides_and_whose_work_it_is(
    resumed: str | None,
) -> None:
    """Also who goes on in the session is told: it is news."""
    said = told(CONFLICT, resumed)
    assert f"Take in commit {TIP}: `git merge {TIP[:12]}`" in said
    assert "on deck/p since it began, in:\n\n    src/x.py\n" in said
    assert "The other side is the work of:\n\n    A: First (commit aaaaaaaaaaaa)\n" in said
    assert "    <<<<<<< a\n    x = 2\n    =======\n    x = 3\n" in said
    assert "Keep what has landed" in said


def test_what_stands_in_a_hunk_is_no_instruction() -> None:
    assert "    ! fail 1" in told(CONFLICT)
    assert parse_script(told(CONFLICT), 2) == []


def test_a_red_gate_says_that_it_is_the_two_together_and_what_has_landed() -> None:
    said = told(RED)
    assert "gate unit is red on what would land" in said
    assert f"merged with commit {TIP} of deck/p" in said
    assert "It is green on this work alone" in said
    assert "What has landed since this work began:\n\n    A: First" in said
    assert "    assert 1 == 2" in said


def test_lines_that_would_vanish_are_named_to_who_took_them_away() -> None:
    lost = {"merged": TIP, "losses": (Loss("src/x.py", ("x = 2",), 3),)}
    said = told(CONFLICT, work=lost)
    assert "    src/x.py\n    x = 2\n    … and 2 more\n" in said
    assert "They are the work of:\n\n    A: First" in said


def test_who_was_not_sent_back_is_told_nothing_of_it() -> None:
    assert "## Repair" not in told(None)


def test_who_repairs_the_work_of_another_is_not_told_that_it_is_theirs() -> None:
    assert "The earlier work is in this worktree." in told(CONFLICT, agent="y")
    assert "Your earlier work is in this worktree." in told(CONFLICT)


def test_the_prompt_of_a_repair_is_bounded() -> None:
    many = tuple(Hunks(f"f{n}.py", "<" * 100_000) for n in range(50))
    paths = tuple("p" * 500 for _ in range(5_000))
    huge = Ejection(1, FailureClass.CONFLICT, TIP, HEAD, BASE, paths, many)
    assert len(told(huge)) < MAX_PROMPT_ARGUMENT
    losses = tuple(Loss(f"f{n}.py", ("x" * 160,) * 10, 10) for n in range(20))
    assert len(told(CONFLICT, work={"merged": TIP, "losses": losses})) < MAX_PROMPT_ARGUMENT
