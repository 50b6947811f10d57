"""`--agent NAME` gives every task that is not a person's to one agent."""

from __future__ import annotations

import pytest
from hypothesis import given

from agentdeck.core.errors import UsageError
from agentdeck.core.plan import Plan
from agentdeck.plans.overrides import with_agent
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan
from agentdeck.testing.plan_strategies import plans

TEXT = """version = 1
[defaults]
agent = "claude"
model = "opus"
[agents.bob]
use = "human"
[agents.mine]
command = "mine {prompt}"
model = "m"
[pools.big]
size = 2
[[route]]
match = { label = "ui" }
agent = "bob"
[[route]]
match = { id = "*" }
agent = "claude"
model = "sonnet"
pool = "big"
[[task]]
id = "plain"
title = "x"
[[task]]
id = "own"
title = "x"
agent = "scripted"
model = "z"
[[task]]
id = "person"
title = "x"
human = true
[[task]]
id = "routed-to-person"
title = "x"
labels = ["ui"]
"""


def test_one_agent_does_everything_a_person_does_not() -> None:
    """Agents and models of tasks, routes and defaults give way; people and pools stay."""
    plan = with_agent(read_plan(TEXT, file="p.toml"), "mine")
    got = {task.id: plan.settings(task.id) for task in plan.tasks}
    assert [(s.agent, s.model, s.pool) for s in got.values()] == [
        ("mine", "m", "big"),
        ("mine", "m", "big"),
        ("human", None, "big"),
        ("bob", None, "big"),
    ]


def test_an_unknown_agent_is_refused_with_the_nearest_name() -> None:
    """A typing error on the command line starts nothing."""
    with pytest.raises(UsageError, match='unknown agent "claud"') as caught:
        with_agent(read_plan(TEXT, file="p.toml"), "claud")
    assert caught.value.hint == 'did you mean "claude"?'


@given(plans())
def test_the_changed_plan_is_still_a_plan(plan: Plan) -> None:
    """It can be written to the run's folder and read again, and nobody else works."""
    changed = with_agent(plan, "scripted")
    assert read_plan(write_plan(changed), file="p.toml") == changed
    for task in plan.tasks:
        before = plan.agent_by_name[plan.settings(task.id).agent].use
        after = changed.settings(task.id).agent
        assert after == (plan.settings(task.id).agent if before == "human" else "scripted")
