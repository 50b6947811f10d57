"""What is never given away: secrets in what is exported, reported, bundled or shown.

Rules: values are known from variables whose name says that they are secret: of this process, and of
the agents and tasks of a plan. How they are found in a text is in `engine.redaction`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from agentdeck.core.plan import Plan
from agentdeck.core.unseen import in_json
from agentdeck.engine.environment import is_secret
from agentdeck.engine.redaction import redacted

T = TypeVar("T", bound=msgspec.Struct)


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
    """Variables that hold secrets: of this process, and of a plan's agents and tasks."""
    own = {name: value for name, value in os.environ.items() if is_secret(name)}
    return {**own, **secrets_of(plan)}


def redacted_data(value: T, known: Mapping[str, str]) -> T:
    """A value of `msgspec` with each text in it `redacted`. O(size)."""
    return msgspec.convert(_walked(msgspec.to_builtins(value), known), type(value))


def redacted_json(text: str, known: Mapping[str, str]) -> str:
    """JSON with each text in it `redacted`, laid out as it was: with two spaces for each level."""
    found = _walked(json.loads(text), known)
    return in_json(json.dumps(found, indent=2, ensure_ascii=False)) + "\n"


def _walked(value: Any, known: Mapping[str, str]) -> Any:
    match value:
        case str():
            return redacted(value, known)
        case dict():
            return {name: _walked(each, known) for name, each in value.items()}
        case list() | tuple():
            return [_walked(each, known) for each in value]
        case _:
            return value


__all__ = ["known_secrets", "redacted", "redacted_data", "redacted_json", "secrets_of"]
