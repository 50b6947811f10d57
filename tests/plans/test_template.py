"""The starter plan is a plan, whatever it is made from."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentdeck.plans.reader import read_plan
from agentdeck.plans.template import init_plan


def test_the_starter_plan_says_what_it_was_given() -> None:
    """Name, base, gates and agents are those that were asked for."""
    text = init_plan(
        name="My plan",
        base="main",
        gates=[("lint", "ruff check"), ("unit tests", "pytest -q | tee log")],
        agents=["my-agent", "claude"],
    )
    plan = read_plan(text, file="plan.toml")
    assert (plan.name, plan.base, plan.defaults.agent) == ("My plan", "main", "my-agent")
    assert [gate.name for gate in plan.gates] == ["lint", "unit-tests"]
    assert plan.gates[1].run == ("sh", "-c", "pytest -q | tee log")
    assert plan.agents[0].command == ("my-agent", "{prompt}")
    assert plan.tasks[1].after == (plan.tasks[0].id,)


def test_a_plan_from_nothing_explains_gates() -> None:
    """Without a gate the text says what that means, and how to add one."""
    text = init_plan(name="p", base="", gates=[], agents=[])
    assert "nothing is checked" in text
    assert read_plan(text, file="plan.toml").gates == ()


def test_the_commented_lines_are_valid_too() -> None:
    """Whoever takes away a `# ` gets a plan that works."""
    text = init_plan(name="p", base="main", gates=[], agents=["claude"])
    lines = [
        line.removeprefix("# ") if " = " in line or line.startswith("# [") else line
        for line in text.splitlines()
    ]
    plan = read_plan("\n".join(lines), file="plan.toml")
    assert plan.budget.usd == 20
    assert plan.gates[0].name == "test"
    assert plan.land == "approve"


@given(
    st.text(), st.text(), st.lists(st.tuples(st.text(), st.text()), max_size=4), st.lists(st.text())
)
def test_a_starter_plan_is_always_readable(
    name: str, base: str, gates: list[tuple[str, str]], agents: list[str]
) -> None:
    """No name, branch or command from the machine can make a plan that is refused."""
    read_plan(init_plan(name=name, base=base, gates=gates, agents=agents), file="plan.toml")
