"""What a tool call of Claude Code is about, in a few words: its target and the size of an edit."""

from __future__ import annotations

from typing import Any, Final

from agentdeck.agents.json_line import list_of, text_of
from agentdeck.agents.one_line import one_line
from agentdeck.agents.reports import ACTIVITY_CHARS

# Keys of a tool's input that name what it works on, the most telling one first.
_PATHS: Final = ("file_path", "notebook_path", "path")
_OTHERS: Final = ("command", "pattern", "url", "query", "skill", "description", "prompt")


def target_of(given: dict[str, Any], root: str) -> str:
    """What a call works on, one line; a path below `root` is shown from there."""
    for key in _PATHS:
        path = text_of(given, key)
        if path:
            below = path.removeprefix(root.rstrip("/") + "/") if root else path
            return one_line(below, ACTIVITY_CHARS)
    for key in _OTHERS:
        if text_of(given, key):
            return one_line(text_of(given, key), ACTIVITY_CHARS)
    return ""


def detail_of(name: str, given: dict[str, Any]) -> str:
    """The lines an edit adds and takes away, as `+3 −1`; "" for other tools."""
    if name == "Write":
        return f"+{_lines(text_of(given, 'content'))} −0"
    if name == "Edit":
        edits: list[Any] = [given]
    elif name == "MultiEdit":
        edits = list_of(given, "edits")
    else:
        return ""
    added = sum(_lines(text_of(edit, "new_string")) for edit in edits)
    removed = sum(_lines(text_of(edit, "old_string")) for edit in edits)
    return f"+{added} −{removed}"


def _lines(text: str) -> int:
    return text.count("\n") + (0 if text.endswith("\n") or not text else 1)
