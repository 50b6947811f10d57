"""The parts of the Agent Client Protocol's lines that depend on nothing but what is passed in."""
# Importing pathlib would take as long as the rest of the start:
# ruff: noqa: PTH123

from __future__ import annotations

from agentdeck.testing.scripted.calls import (
    EDIT,
    OTHER,
    READ,
    REMOVE,
    SEARCH,
    SHELL,
    WRITE,
    Call,
)

INVALID, UNKNOWN_METHOD, INTERNAL, NOT_FOUND = -32602, -32601, -32603, -32002  # JSON-RPC codes
MAX_SESSIONS = 100  # of one process
CONTEXT = 200_000  # tokens that fit
KINDS = {
    WRITE: "edit",
    EDIT: "edit",
    REMOVE: "delete",
    SHELL: "execute",
    READ: "read",
    SEARCH: "search",
    OTHER: "other",
}
MODES = ("default", "acceptEdits", "bypassPermissions")
OPTIONS = (
    {"optionId": "once", "kind": "allow_once", "name": "Allow once"},
    {"optionId": "always", "kind": "allow_always", "name": "Always allow"},
    {"optionId": "reject", "kind": "reject_once", "name": "Reject"},
)
CAPABILITIES = {
    "loadSession": True,
    "mcpCapabilities": {"http": False, "sse": False},
    "promptCapabilities": {"embeddedContext": True, "image": False, "audio": False},
    "sessionCapabilities": {"resume": {}, "close": {}},
}


def diff_of(call: Call) -> dict[str, object]:
    """What a call would change in its file."""
    old = "" if call.new else text_at(call.path)
    new = old + call.text if call.kind == EDIT else call.text
    return {"type": "diff", "path": call.path, "oldText": old, "newText": new}


def text_at(path: str) -> str:
    """The text of a file, "" if there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def title_of(call: Call) -> str:
    """What a client shows of a call."""
    return call.path if call.kind in (WRITE, EDIT, READ) else call.command


def locations_of(call: Call) -> list[dict[str, str]]:
    """The files that a call is about."""
    return [{"path": call.path}] if call.kind in (WRITE, EDIT, READ, REMOVE) else []


def input_of(call: Call) -> dict[str, object]:
    """The arguments of a call."""
    if call.kind == WRITE:
        return {"filePath": call.path, "content": call.text}
    if call.kind == EDIT:
        return {"filePath": call.path, "oldString": "", "newString": call.text}
    if call.kind == READ:
        return {"filePath": call.path}
    if call.kind == SEARCH:
        return {"pattern": call.target}
    return {"command": call.command}
