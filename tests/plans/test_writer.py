"""What is written is read back as it was, and reads well."""

from __future__ import annotations

import contextlib
import json
import re
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan, Task
from agentdeck.plans.durations import MAX_DURATION_S, format_duration, parse_duration
from agentdeck.plans.reader import read_plan
from agentdeck.plans.schema import plan_schema
from agentdeck.plans.writer import write_plan
from agentdeck.testing.plan_strategies import plans


@given(plans())
def test_a_written_plan_is_read_back_unchanged(plan: Plan) -> None:
    """No setting, name or text is lost or altered by a file in between."""
    assert read_plan(write_plan(plan), file="plan.toml") == plan


@pytest.mark.parametrize(
    "prompt", ["a\r\nb\n", "\r", '"""\n\\\n', "\n\nx\n ", "\t\x1b[1m\u2028\n'"]
)
def test_no_line_end_or_quote_of_a_prompt_is_changed(prompt: str) -> None:
    """An agent is told exactly what the plan said."""
    plan = Plan(name="p", tasks=(Task(id=TaskId("a"), title="t", prompt=prompt),))
    read = read_plan(write_plan(plan), file="plan.toml")
    assert read.tasks[0].prompt == prompt


@given(plans())
def test_the_schema_accepts_what_is_written(plan: Plan) -> None:
    """An editor does not mark what the reader accepts."""
    assert faults(tomllib.loads(write_plan(plan)), plan_schema(), "plan") == []


def test_the_schema_marks_what_the_reader_refuses() -> None:
    """A misspelt key and a wrong type are seen while typing."""
    document: dict[str, Any] = {"version": 1, "task": [{"id": "a", "pormpt": "x", "human": 1}]}
    assert len(faults(document, plan_schema(), "plan")) == 2
    json.dumps(plan_schema())


def test_written_plans_are_pleasant_to_read() -> None:
    """Defaults are left out, times have units, short lists stay on one line."""
    text = """version = 1

[plan]
name = "p"

[gates.unit]
run = "make test"
timeout = "1h30min"

[[task]]
id = "a"
prompt = \"\"\"
one
two\"\"\"

[[task]]
id = "b"
title = "B"
after = "a"

[[task]]
id = "c"
title = "C"
after = ["a", "b"]

[task.env]
DEEP = "1"
"""
    assert write_plan(read_plan(text, file="p.toml")) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30min", 1800),
        ("1h30m", 5400),
        ("45s", 45),
        ("1.5h", 5400),
        ("2 days", 172_800),
        (" 1 hour 5 minutes ", 3900),
        ("1D 2H", 93_600),
        ("0s", 0),
    ],
)
def test_durations_people_write_are_understood(text: str, seconds: float) -> None:
    """Units may be short or long, large before small."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("90", "no unit"),
        ("", "empty"),
        ("soon", "not a time"),
        ("-5min", "not a time"),
        ("5 fortnights", "not a unit"),
        ("5min 1h", "large to small"),
        ("1h 1h", "large to small"),
        ("1h30", "not a time"),
        ("9" * 100 + "s", "too long"),
        ("٣min", "not a time"),
    ],
)
def test_what_is_no_duration_is_refused_with_the_reason(text: str, fault: str) -> None:
    """Nobody has to guess what 90 or `1h30` meant."""
    with pytest.raises(ValueError, match=fault):
        parse_duration(text)


@given(st.one_of(st.integers(0, 10**8).map(float), st.floats(0, MAX_DURATION_S)))
def test_a_formatted_duration_is_parsed_to_the_same_number(seconds: float) -> None:
    """Writing and reading a time changes no bit of it, as far as it fits."""
    text = format_duration(seconds)
    if len(text) <= 64:
        assert parse_duration(text) == seconds


@given(st.text())
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    """Nothing else comes out."""
    with contextlib.suppress(ValueError):
        assert parse_duration(text) >= 0


def faults(value: Any, schema: dict[str, Any], path: str) -> list[str]:
    """Where `value` breaks the part of JSON schema that plan_schema uses."""
    if "anyOf" in schema:
        every = [faults(value, option, path) for option in schema["anyOf"]]
        return [] if not all(every) else every[0]
    types = {
        "object": dict,
        "array": list,
        "string": str,
        "boolean": bool,
        "integer": int,
        "number": (int, float),
    }
    found: list[str] = []
    wanted = types[schema["type"]] if "type" in schema else object
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted not in (bool, object)):  # type: ignore[arg-type]
        return [f"{path}: not {schema['type']}"]
    if "const" in schema and value != schema["const"]:
        found.append(f"{path}: not {schema['const']}")
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{path}: not one of {schema['enum']}"]
    if isinstance(value, str):
        if not re.search(schema.get("pattern", ""), value):
            found.append(f"{path}: not like {schema['pattern']}")
        if len(value) < schema.get("minLength", 0):
            found.append(f"{path}: empty")
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = schema.get("minimum", value), schema.get("maximum", value)
        if not low <= value <= high:
            found.append(f"{path}: not from {low} to {high}")
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            found.append(f"{path}: empty")
        for index, item in enumerate(value):
            found += faults(item, schema["items"], f"{path}.{index}")
    if isinstance(value, dict):
        found += _table_faults(value, schema, path)
    return found


def _table_faults(value: dict[str, Any], schema: dict[str, Any], path: str) -> list[str]:
    found = [f"{path}: no {name}" for name in schema.get("required", []) if name not in value]
    for name, item in value.items():
        inner = schema.get("properties", {}).get(name)
        for pattern, option in schema.get("patternProperties", {}).items():
            inner = option if re.search(pattern, name) else inner
        inner = schema["additionalProperties"] if inner is None else inner
        found += (
            [f"{path}: {name} is unknown"]
            if inner is False
            else faults(item, inner, f"{path}.{name}")
        )
    return found
