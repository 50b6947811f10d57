"""Which secrets are known, and values without them.

Rules: values are known from variables whose name says that they are secret: of this process, and of
the agents and tasks of a plan; and from those that hooks need, whatever their name. How they are
found in a text is in `engine.redaction`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from agentdeck.core.plan import Plan
from agentdeck.engine.environment import is_secret, secret_variables
from agentdeck.engine.redaction import redacted


def secrets_of(plan: Plan) -> dict[str, str]:
    """Variables of a plan's agents and tasks that hold secrets, by name."""
    found: dict[str, str] = {}
    given = [agent.env for agent in plan.agents] + [task.env for task in plan.tasks]
    for place, variables in enumerate(given):
        for name, value in variables.items():
            if is_secret(name):
                found[f"{name}_{place}_KEY"] = value
    return found


def known_secrets(plan: Plan) -> dict[str, str]:
    """Variables that hold secrets: of this process, of a plan's agents and tasks, of hooks."""
    own = {name: value for name, value in os.environ.items() if is_secret(name)}
    signing = secret_variables(plan) & os.environ.keys()
    signs = {f"{name}_KEY": os.environ[name] for name in signing}
    return {**own, **signs, **secrets_of(plan)}


def without_secrets(value: Any, known: Mapping[str, str]) -> Any:
    """A value of JSON with each text in it `redacted`. O(size)."""
    match value:
        case str():
            return redacted(value, known)
        case dict():
            return {name: without_secrets(each, known) for name, each in value.items()}
        case list() | tuple():
            return [without_secrets(each, known) for each in value]
        case _:
            return value


__all__ = ["known_secrets", "secrets_of", "without_secrets"]
