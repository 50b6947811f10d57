"""What a tool call was given and what it gave back, whole: for whoever unfolds it in a log.

Rules:
- Pure, by single lines, without memory: a call and its output are told by the same name, so that
  they can be brought together wherever they stand.
- Agents write the same things in different places, so the shapes of all of them stand here. What
  has another shape gives nothing.
- Text is bounded but not cleaned: whoever shows it does that.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

import msgspec

from agentdeck.agents.json_line import list_of, parse_object, table_of, text_of
from agentdeck.agents.tool_inputs import PATHS

BODY_CHARS: Final = 64 * 1024  # of one side; a person reads a few screens of it
DIFF_LINES: Final = 2_000  # of each side; comparing more takes too long for a key
_NAMES: Final = ("tool_use_id", "tool_id", "toolCallId", "callID", "id")
_SKIPPED: Final = frozenset(
    ("old_string", "new_string", "oldString", "newString", "content", "edits")
)


class Body(NamedTuple):
    """One side of a call."""

    call: str  # which one, as the agent names it
    kind: Literal["given", "output"]
    text: str  # lines; those of a change begin with + and -
    diff: bool = False


def bodies(line: bytes) -> list[Body]:
    """What a line of a log tells of tool calls, in its order; nothing for most lines."""
    found = parse_object(line)
    if found is None:
        return []
    return [body for body in _bodies(found) if body.text.strip()]


def _bodies(found: dict[str, Any]) -> Iterator[Body]:
    for block in list_of(table_of(found, "message"), "content"):  # Claude Code
        yield from _block(block)
    if text_of(found, "type") in ("tool_use", "tool_result"):  # Gemini CLI, opencode
        yield from _block(found)
    if part := table_of(found, "part"):  # opencode
        state, call = table_of(part, "state"), _name(part)
        yield from _given(call, table_of(state, "input"))
        if diff := text_of(table_of(state, "metadata"), "diff"):
            yield Body(call, "given", diff[:BODY_CHARS], diff=True)
        yield _output(call, state.get("output"))
    if item := table_of(found, "item"):  # Codex
        yield from _item(item)
    if update := table_of(table_of(found, "params"), "update"):  # ACP
        yield from _update(update)


def _block(block: Any) -> Iterator[Body]:
    match text_of(block, "type"):
        case "tool_use":
            yield from _given(_name(block), table_of(block, "input"))
            yield from _given(_name(block), table_of(block, "parameters"))
        case "tool_result":
            yield _output(_name(block), block.get("content") or block.get("output"))
        case _:
            return


def _item(item: dict[str, Any]) -> Iterator[Body]:
    call = _name(item)
    match text_of(item, "type"):
        case "command_execution":
            yield Body(call, "given", text_of(item, "command")[:BODY_CHARS])
            yield _output(call, item.get("aggregated_output"))
        case "file_change":
            changes = [change for change in list_of(item, "changes") if isinstance(change, dict)]
            rows = [f"{text_of(one, 'kind')} {text_of(one, 'path')}".strip() for one in changes]
            yield Body(call, "given", "\n".join(rows)[:BODY_CHARS])
        case "mcp_tool_call":
            yield from _given(call, table_of(item, "arguments"))
            yield _output(call, item.get("result"))
        case _:
            return


def _update(update: dict[str, Any]) -> Iterator[Body]:
    call = text_of(update, "toolCallId")
    if not call:
        return
    contents = [part for part in list_of(update, "content") if isinstance(part, dict)]
    changes = [part for part in contents if text_of(part, "type") == "diff"]
    if changes:
        for part in changes:
            yield _change(call, text_of(part, "oldText"), text_of(part, "newText"))
    else:
        yield from _given(call, table_of(update, "rawInput"))
    said = [text_of(table_of(part, "content"), "text") for part in contents]
    yield _output(call, "\n".join(text for text in said if text) or update.get("rawOutput"))


def _name(table: dict[str, Any]) -> str:
    return next((name for key in _NAMES if (name := text_of(table, key))), "")


def _given(call: str, given: dict[str, Any]) -> Iterator[Body]:
    """What a call was given: an edit as its change, one text as it is, all else by its names."""
    changed = False
    for edit in [given, *list_of(given, "edits")]:
        old = text_of(edit, "old_string") or text_of(edit, "oldString")
        new = text_of(edit, "new_string") or text_of(edit, "newString")
        if old or new:
            changed = True
            yield _change(call, old, new)
    if content := text_of(given, "content"):
        changed = True
        yield _change(call, "", content)
    said = _SKIPPED.union(PATHS) if changed else _SKIPPED  # the row itself names the file
    rest = {key: value for key, value in given.items() if key not in said}
    rows = [f"{key}: {_text(value)}" for key, value in rest.items() if value not in (None, "")]
    if rows:
        yield Body(call, "given", "\n".join(rows)[:BODY_CHARS])


def _change(call: str, old: str, new: str) -> Body:
    """A change as the lines that go and come, three of the others around them."""
    before, after = (text[:BODY_CHARS].splitlines()[:DIFF_LINES] for text in (old, new))
    rows = list(difflib.unified_diff(before, after, n=3, lineterm=""))[2:]
    return Body(call, "given", "\n".join(rows), diff=True)


def _output(call: str, value: Any) -> Body:
    text = _text(value)[:BODY_CHARS]
    return Body(call, "output", text, diff=text.startswith(("diff --git ", "@@ ", "--- ")))


def _text(value: Any) -> str:
    """A value as text: blocks of text by their text, other structures as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, dict) and (text := text_of(value, "text") or text_of(value, "output")):
        return text
    if isinstance(value, list) and all(isinstance(part, dict) for part in value):
        return "\n".join(_text(part) for part in value)
    return msgspec.json.encode(value).decode()
