"""The JSON schema of plans, in the hands of a validator as editors have one."""

from __future__ import annotations

from typing import Any

import pytest
import tomli
from jsonschema import Draft7Validator

from agentdeck.plans.reference_text import EXAMPLES
from agentdeck.plans.schema import plan_schema
from agentdeck.plans.template import init_plan
from agentdeck.shipped import sample_plan, sample_plans

SCHEMA: Any = plan_schema()
VALID: dict[str, Any] = {"version": 1, "task": [{"id": "A", "prompt": "x"}]}


def faults(plan: Any) -> list[str]:
    return [error.message for error in Draft7Validator(SCHEMA).iter_errors(plan)]


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", sample_plans())
def test_every_sample_plan_is_valid(name: str) -> None:
    assert faults(tomli.loads(sample_plan(name))) == []


def test_the_examples_of_the_page_and_the_starter_plan_are_valid() -> None:
    assert faults(tomli.loads("version = 1\n" + "\n".join(EXAMPLES.values()))) == []
    started = init_plan(name="x", base="main", gates=[("test", "make test")], agents=["claude"])
    assert faults(tomli.loads(started)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"verson": 1},
        {"plan": {"land": "perhaps"}},
        {"plan": {"agents": 0}},
        {"task": [{"id": "a b", "prompt": "x"}]},
        {"task": [{"prompt": "no id"}]},
        {"task": [{"id": "A", "prompt": "x", "promt": "y"}]},
        {"gates": {"unit": {"run": "x", "when": "sometimes"}}},
    ],
)
def test_what_the_reader_refuses_by_its_shape_the_schema_does_too(change: dict[str, Any]) -> None:
    assert faults(VALID) == []
    assert faults(VALID | change)
