"""What is written about the control socket is what is spoken on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentdeck.control.protocol import METHODS, Code
from agentdeck.control.rpc_page import page
from agentdeck.control.rpc_schema import (
    ERRORS,
    commands_by_name,
    components,
    document,
    events_by_kind,
    notes_of,
)
from agentdeck.control.run_lines import TaskLine
from agentdeck.control.server import ControlServer
from agentdeck.core.unseen import in_json
from agentdeck.engine.folders import RunFolder

DOCS = Path(__file__).parents[2] / "docs"
PARAMS: dict[str, dict[str, Any]] = {
    "explain": {"task": "A"},
    "command": {"command": {"do": "hold", "task": "B"}},
}


def test_the_page_is_up_to_date() -> None:
    """`python -m agentdeck.control.rpc_page > docs/rpc.md` writes it anew."""
    assert (DOCS / "rpc.md").read_text(encoding="utf-8") == page()


def test_the_schema_is_up_to_date() -> None:
    """`agentdeck rpc schema > docs/rpc.schema.json` writes it anew."""
    kept = (DOCS / "rpc.schema.json").read_text(encoding="utf-8")
    assert json.loads(kept) == json.loads(in_json(json.dumps(document())))


def test_everything_is_on_the_page() -> None:
    """No method, command, event or code is left out."""
    text = page()
    names = [*METHODS, *commands_by_name(), *events_by_kind(), *(str(int(code)) for code in Code)]
    assert not [name for name in names if f"`{name}`" not in text and f"| {name} |" not in text]
    assert set(ERRORS) == set(Code)


def test_every_reference_in_the_schema_leads_somewhere() -> None:
    refs = {part.split('"')[0] for part in json.dumps(document()).split('"$ref": "')[1:]}
    schemas = components()
    assert refs
    assert not [ref for ref in refs if ref.removeprefix("#/components/schemas/") not in schemas]


def test_a_comment_behind_a_field_describes_it() -> None:
    assert notes_of(TaskLine)["attempts"] == "so far"
    assert components()["TaskLine"]["properties"]["attempts"]["description"] == "so far"
    assert [part["title"] for part in components()["AskOption"]["prefixItems"]] == [
        "id",
        "label",
        "kind",
    ]


@pytest.mark.parametrize("name", METHODS)
async def test_a_method_answers_as_its_schema_says(
    server: ControlServer, folder: RunFolder, name: str
) -> None:
    """Every key of a real answer is in the schema, and every required one is there."""
    from tests.control.test_server import Wire

    async with Wire(folder) as wire:
        answer = await wire.call(name, **PARAMS.get(name, {}))
    _fits(answer["result"], {"$ref": f"#/x/{METHODS[name].result.__name__}"}, name)


async def test_tasks_are_those_that_were_asked_for(
    server: ControlServer, folder: RunFolder
) -> None:
    """With their state, the sentence why, and what they need; an unknown one is an error."""
    from tests.control.test_server import Wire

    async with Wire(folder) as wire:
        [second] = (await wire.call("tasks", tasks=["B"]))["result"]["tasks"]
        assert (second["id"], second["state"], second["needs"]) == ("B", "pending", ["A"])
        assert "waits for A" in second["why"]
        assert len((await wire.call("tasks"))["result"]["tasks"]) == 2
        assert (await wire.call("tasks", tasks=["NO"]))["error"]["code"] == Code.NOT_FOUND
        await wire.call("command", command={"do": "pause"})
        [waiting] = (await wire.call("inbox"))["result"]["waiting"]
        assert (waiting["kind"], waiting["command"]) == ("run paused", "resume")


def _fits(value: Any, schema: Any, where: str) -> None:
    """Raise where a value has not the shape of a schema."""
    if "$ref" in schema:
        schema = components()[schema["$ref"].rsplit("/", 1)[-1]]
    if "anyOf" in schema:
        faults = []
        for choice in schema["anyOf"]:
            try:
                return _fits(value, choice, where)
            except AssertionError as fault:
                faults.append(fault)
        raise faults[0]
    if "enum" in schema:
        assert value in schema["enum"], f"{where}: {value!r}"
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
    kinds |= {"null": type(None), "number": (int, float)}  # type: ignore[dict-item]
    if "type" in schema:
        assert isinstance(value, kinds[schema["type"]]), f"{where}: {value!r} is no {schema}"
    if "properties" in schema:
        assert set(schema.get("required", ())) <= set(value) <= set(schema["properties"]), where
        for name, below in value.items():
            _fits(below, schema["properties"][name], f"{where}.{name}")
    if isinstance(value, list) and "items" in schema and schema["items"] is not False:
        for number, below in enumerate(value):
            _fits(below, schema["items"], f"{where}[{number}]")
    return None
