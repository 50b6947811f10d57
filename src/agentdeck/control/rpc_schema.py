"""What goes over the control socket, for programs: an OpenRPC document with JSON schemas.

`agentdeck rpc schema > docs/rpc.schema.json` writes it anew; a test compares the file with this.

Rules:
- Everything is read from the structs that are sent. What the comment behind a field says is its
  description.
- `x-events` names the schema of every event by its `kind`, `x-commands` of every command by its
  `do`, `x-limits` what is bounded.
"""

from __future__ import annotations

import inspect
import re
from functools import cache
from typing import Any, Final, get_args

import msgspec

from agentdeck import __version__
from agentdeck.control import protocol as rpc
from agentdeck.control import server, session
from agentdeck.control.protocol import METHODS, Code, Method
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import MAX_MESSAGE
from agentdeck.core.events import AnyEvent, Recorded

OPENRPC: Final = "1.3.2"
REF: Final = "#/components/schemas/{name}"
_FIELD: Final = re.compile(r"^    (\w+): .*?  # (.+)$")
# By what an error is named in words.
ERRORS: Final[dict[Code, str]] = {
    Code.PARSE: "the line is not JSON; the connection is closed",
    Code.INVALID: "no request, or too long a line; the connection is closed",
    Code.METHOD: "there is no such method",
    Code.PARAMS: "the params do not fit the method",
    Code.INTERNAL: "a fault of the engine; `engine.log` has the rest",
    Code.REFUSED: "the command cannot be carried out now; the message says why",
    Code.NOT_FOUND: "there is no such task",
    Code.BUSY: "too many clients, or too many requests in flight",
    Code.FORBIDDEN: "the run belongs to another user",
    Code.ENVIRONMENT: "the machine is at fault, such as a full disk",
    Code.VERSION: "the engine speaks a newer protocol than the client reads",
    Code.GONE: "the engine ends at this moment; it may have been done",
}
ANY_CALL: Final = (Code.METHOD, Code.PARAMS, Code.INTERNAL, Code.BUSY)


def limits() -> dict[str, float]:
    """What is bounded, by name."""
    return {
        "request_bytes": rpc.MAX_REQUEST,
        "answer_bytes": rpc.MAX_ANSWER,
        "events_in_one_answer": rpc.MAX_EVENTS,
        "event_bytes_in_one_answer": rpc.BATCH_BYTES,
        "wait_seconds": rpc.MAX_WAIT_S,
        "clients": server.MAX_CLIENTS,
        "requests_in_flight": session.MAX_IN_FLIGHT,
        "idle_seconds": server.IDLE_S,
        "first_request_seconds": session.FIRST_WORD_S,
        "line_seconds": session.LINE_S,
        "unread_answer_seconds": session.SEND_S,
        "name_characters": server.MAX_NAME,
        "message_characters": MAX_MESSAGE,
    }


def events_by_kind() -> dict[str, type]:
    """Every event, by the `kind` that it has on the wire."""
    return {str(kind.__struct_config__.tag): kind for kind in get_args(AnyEvent)}


def commands_by_name() -> dict[str, type]:
    """Every command, by the word in its `do`."""
    return {str(kind.__struct_config__.tag): kind for kind in get_args(AnyCommand)}


def document() -> dict[str, Any]:
    """The whole OpenRPC document."""
    schemas = components()
    return {
        "openrpc": OPENRPC,
        "info": {
            "title": "The control socket of an agentdeck run",
            "version": __version__,
            "description": "JSON-RPC 2.0 over a Unix socket, one JSON object a line.",
            "x-protocol": rpc.PROTOCOL,
        },
        "methods": [_method(name, method, schemas) for name, method in METHODS.items()],
        "components": {"schemas": schemas},
        "x-events": _by_ref(events_by_kind()),
        "x-commands": _by_ref(commands_by_name()),
        "x-errors": {str(int(code)): text for code, text in ERRORS.items()},
        "x-limits": limits(),
    }


@cache
def components() -> dict[str, Any]:
    """The schema of every struct that is sent, by its name."""
    wanted: list[type] = [rpc.RpcError, Recorded]
    for method in METHODS.values():
        wanted += [method.params, method.result]
    _, found = msgspec.json.schema_components(wanted, ref_template=REF)
    structs = _structs(wanted)
    for name, struct in structs.items():
        properties = found[name].get("properties", {})
        for field, note in notes_of(struct).items():
            if field in properties:
                properties[field] = {**properties[field], "description": note}
        parts = found[name].get("prefixItems", ())  # of those that are sent as a list
        for part, field in zip(parts, struct.__struct_fields__, strict=False):
            part["title"] = field
    found["Events"]["properties"]["events"]["items"] = {"$ref": REF.format(name="Recorded")}
    return dict(sorted(found.items()))


def notes_of(struct: type) -> dict[str, str]:
    """What the comments behind the fields of a struct say, by field."""
    try:
        lines = inspect.getsource(struct).splitlines()
    except (OSError, TypeError):  # a packed copy without its sources
        return {}
    found = (_FIELD.match(line) for line in lines)
    return {match[1]: match[2] for match in found if match is not None}


def _structs(wanted: list[type]) -> dict[str, type[msgspec.Struct]]:
    """Every struct below these, by its name."""
    found: dict[str, type[msgspec.Struct]] = {}
    for info in msgspec.inspect.multi_type_info(wanted):
        _walk(info, found)
    return found


def _walk(info: Any, found: dict[str, type[msgspec.Struct]]) -> None:
    if isinstance(info, msgspec.inspect.StructType):
        if info.cls.__name__ in found:
            return
        found[info.cls.__name__] = info.cls
        for field in info.fields:
            _walk(field.type, found)
        return
    for name in ("type", "item_type", "key_type", "value_type"):
        if isinstance(below := getattr(info, name, None), msgspec.inspect.Type):
            _walk(below, found)
    for name in ("types", "item_types"):
        for below in getattr(info, name, ()):
            _walk(below, found)


def _method(name: str, method: Method, schemas: dict[str, Any]) -> dict[str, Any]:
    params = schemas[method.params.__name__]
    required = params.get("required", [])
    return {
        "name": name,
        "summary": method.sentence,
        "paramStructure": "by-name",
        "params": [
            {"name": field, "required": field in required, "schema": schema}
            for field, schema in params.get("properties", {}).items()
        ],
        "result": {
            "name": method.result.__name__,
            "schema": {"$ref": REF.format(name=method.result.__name__)},
        },
        "errors": [
            {"code": int(code), "message": ERRORS[code]} for code in (*method.errors, *ANY_CALL)
        ],
    }


def _by_ref(structs: dict[str, type]) -> dict[str, Any]:
    return {
        name: {"$ref": REF.format(name=struct.__name__)} for name, struct in sorted(structs.items())
    }
