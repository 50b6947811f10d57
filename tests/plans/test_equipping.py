"""Equipping: which agents of a plan get an adapter, and that a run keeps the ones it has."""

from __future__ import annotations

import msgspec
import pytest

from agentdeck.core.adapter import Adapter
from agentdeck.plans.equipping import agents_named, equip
from agentdeck.plans.overrides import with_agent
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

CATALOG = {
    name: Adapter(name=name, output="plain", start=(name, "{prompt}"))
    for name in ("claude", "codex", "mine", "other", "scripted")
}
NAMES = tuple(CATALOG)
PLAN = """\
version = 1
[agents.careful]
use = "codex"
args = ["-c", "x"]
[agents.own]
command = ["run", "{prompt}"]
[[route]]
match = { label = "ui" }
agent = "scripted"
[[task]]
id = "A"
title = "a"
agent = "careful"
[[task]]
id = "B"
title = "b"
agent = "mine"
[[task]]
id = "C"
title = "c"
"""


def test_every_agent_that_is_named_gets_its_adapter_and_nobody_else() -> None:
    plan = read_plan(PLAN, file="p.toml", adapters=NAMES)
    assert agents_named(plan) == {"careful", "own", "mine", "scripted", "claude"}
    found = {str(agent.name): agent for agent in equip(plan, CATALOG).agents}
    assert found.keys() == agents_named(plan)
    assert found["careful"].adapter == CATALOG["codex"]
    assert found["careful"].args == ("-c", "x")
    assert found["claude"].adapter == CATALOG["claude"]
    assert found["own"].adapter is None
    assert found["own"].driver is not None
    assert found["own"].driver.start == ("run", "{prompt}")


def test_a_name_of_nobodys_file_is_an_error_with_the_nearest_one() -> None:
    with pytest.raises(PlanProblems) as caught:
        read_plan(PLAN.replace('"mine"', '"mne"'), file="p.toml", adapters=NAMES)
    assert 'unknown agent "mne"' in caught.value.message
    assert 'did you mean "mine"?' in caught.value.message
    with pytest.raises(PlanProblems) as caught:
        read_plan(PLAN.replace('"codex"', '"codx"'), file="p.toml", adapters=NAMES)
    assert 'unknown adapter "codx"' in caught.value.message


def test_a_plan_with_an_agent_of_a_persons_own_can_be_written_and_read() -> None:
    """The table that the reader adds for it is one that a plan could have."""
    plan = read_plan(PLAN, file="p.toml", adapters=NAMES)
    assert read_plan(write_plan(plan), file="p.toml", adapters=NAMES) == plan
    assert equip(plan, CATALOG) != plan
    assert write_plan(equip(plan, CATALOG)).count("[agents.mine]") == 1


def test_a_run_that_goes_on_keeps_the_adapters_it_began_with() -> None:
    plan = read_plan(PLAN, file="p.toml", adapters=NAMES)
    begun = equip(plan, CATALOG)
    newer = {name: Adapter(name=name, start=("newer",)) for name in NAMES}
    edited = msgspec.structs.replace(
        plan, tasks=(*plan.tasks[:2], msgspec.structs.replace(plan.tasks[2], agent="other"))
    )
    after = {str(agent.name): agent.adapter for agent in equip(edited, newer, like=begun).agents}
    assert after["careful"] == CATALOG["codex"]
    assert after["mine"] == CATALOG["mine"]
    assert after["other"] == newer["other"]


def test_equipping_twice_changes_nothing() -> None:
    begun = equip(read_plan(PLAN, file="p.toml", adapters=NAMES), CATALOG)
    assert equip(begun, {}) is begun


def test_a_plan_can_be_given_to_an_agent_of_a_persons_own() -> None:
    plan = read_plan("version = 1\n[[task]]\nid = 'A'\ntitle = 'a'\n", file="p.toml")
    given = with_agent(plan, "mine", NAMES)
    assert given.settings(given.tasks[0].id).agent == "mine"
    assert given.agent_by_name[given.settings(given.tasks[0].id).agent].use == "mine"


def test_keys_of_a_command_are_not_for_an_adapter() -> None:
    text = PLAN.replace('use = "codex"', 'use = "codex"\nresume = ["x", "{session}"]')
    with pytest.raises(PlanProblems) as caught:
        read_plan(text, file="p.toml", adapters=NAMES)
    assert "p.toml:4: agents.careful.resume: is only for an agent" in caught.value.message
