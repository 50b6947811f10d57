"""Plans changed for one run: `--agent NAME` and `--speed N`."""

from __future__ import annotations

import pytest
from hypothesis import given

from agentdeck.core.errors import UsageError
from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.plan import Defaults, Plan, Task
from agentdeck.plans.overrides import at_speed, with_agent
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
    text = TEXT + '[queue]\nresolver = "bob-2"\n[agents.bob-2]\ncommand = "bob"\n'
    plan = with_agent(read_plan(text, file="p.toml"), "mine")
    assert plan.queue.resolver is None
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


def test_a_plan_at_speed_is_the_same_plan_in_less_time() -> None:
    """Scripted agents take their part of the estimate; what a person does is only expected to."""
    plan = Plan(
        name="p",
        tasks=(
            Task(TaskId("A"), estimate_s=7200.0, env={"X": "1"}),
            Task(TaskId("B"), human=True, estimate_s=3600.0),
            Task(TaskId("C"), estimate_s=0.5),
        ),
        defaults=Defaults(agent=AgentName("scripted")),
    )
    fast = at_speed(plan, 3600.0)
    assert [task.estimate_s for task in fast.tasks] == [2.0, 1.0, 0.01]
    assert fast.tasks[0].env == {"X": "1", "AGENTDECK_SCRIPT_SECONDS": "2"}
    assert fast.tasks[1].env == {}


def test_speed_without_scripted_agents_is_refused() -> None:
    """Nothing else can be told to hurry."""
    with pytest.raises(UsageError, match="scripted"):
        at_speed(Plan(name="p", tasks=(Task(TaskId("A")),)), 2.0)


def test_who_is_given_everything_can_do_everything() -> None:
    """`--agent scripted` tries a plan that asks for skills: no other agent, and nobody waits."""
    asks = '[agents.web]\nuse = "claude"\nskills = ["css"]\n[[task]]\nid = "asks"\ntitle = "x"\n'
    plan = with_agent(
        read_plan(TEXT + asks + 'skills = ["css", "go"]\n', file="p.toml"), "scripted"
    )
    task = plan.by_id[TaskId("asks")]
    assert plan.settings(task.id).agent == "scripted"
    assert plan.lacking(task, AgentName("scripted")) == ()
    assert plan.by_id[TaskId("plain")].skills == ()
