"""The stream of Codex: `codex exec --json`.

Rules:
- Usage is cumulative over the thread: a resumed run is charged for what goes beyond what earlier
  attempts had of it. Where the count is smaller than that, it began anew, and holds as it is.
- Its `input_tokens` have the cached ones in them, its `output_tokens` the reasoning. It names no
  price.
- The end is `turn.completed` or `turn.failed`. An `error` line before is a retry, or the reason.
- It announces most calls, not all: a call that is only heard of when it ended has begun as well.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from agentdeck.agents.blame import cause_of
from agentdeck.agents.json_line import count_of, list_of, parse_object, table_of, text_of
from agentdeck.agents.line_reader import Context, Memory, mark_of, minus, remembered, unread
from agentdeck.agents.one_line import one_line, plain_text
from agentdeck.agents.reports import (
    ACTIVITY_CHARS,
    DETAIL_CHARS,
    MAX_PATHS,
    MESSAGE_CHARS,
    Ended,
    Limited,
    Noted,
    Report,
    Said,
    Started,
    ToolUsed,
    Totals,
    Touched,
    Usage,
)
from agentdeck.agents.skimming import (
    ACTIVE,
    CALLED,
    NOTHING,
    SAID,
    UNFIT,
    WORKS,
    Skimming,
    is_visible,
)
from agentdeck.agents.tool_inputs import planned, target_of, touched
from agentdeck.core.events import FailureClass

_CALLS: Final = frozenset(("command_execution", "mcp_tool_call", "collab_tool_call", "web_search"))
_OF_ITEMS: Final = frozenset(("item.started", "item.updated", "item.completed"))
MAX_OPEN: Final = 16  # calls that have begun; it runs a handful at once
_RETRY: Final = re.compile(r"Reconnecting\b")
_SHELL: Final = re.compile(r"(?:/usr)?/bin/(?:ba|z|da)?sh -l?c (?s:(['\"]?)(.*))")


class CodexMemory(Memory, frozen=True, array_like=True, tag="codex/1"):
    """What later lines need."""

    before: Totals = Totals()  # what earlier attempts had of the thread
    open: tuple[str, ...] = ()  # marks of the calls that have begun


class _SkimmedItem(msgspec.Struct, gc=False):
    type: str = ""
    id: str = ""
    text: str = ""


class _Skimmed(msgspec.Struct, gc=False):
    """What of a line tells what it does."""

    type: str = ""
    item: _SkimmedItem | None = None


_skimmed: Final = msgspec.json.Decoder(_Skimmed)


class CodexLines(Skimming[CodexMemory]):
    """Reads the lines of one attempt."""

    blank = CodexMemory()

    def __init__(self, context: Context) -> None:
        self._memory = remembered(context.carry, CodexMemory)
        self._open = list(self._memory.open)  # marks of the calls that have begun
        self._moved = False  # `_open`, since `_memory` was made of it
        self._root = context.root
        self._said_chars = context.chars(MESSAGE_CHARS)
        self._before = context.before
        self._alone = context.alone

    @property
    def memory(self) -> CodexMemory:
        """What has to survive a restart."""
        if self._moved:
            self._memory = CodexMemory(self._memory.before, tuple(self._open))
            self._moved = False
        return self._memory

    @memory.setter
    def memory(self, memory: CodexMemory) -> None:
        self._memory = memory
        self._open = list(memory.open)
        self._moved = False

    def read(self, line: bytes) -> list[Report]:
        """What one line says."""
        found = parse_object(line)
        if found is None:
            return unread(line, foreign=True)
        return self._reports(found) or unread(line)

    def skim(self, line: bytes) -> int | None:
        """What one line does; None when it has to be read."""
        try:
            found = _skimmed.decode(line)
        except UNFIT:
            return None
        item, event = found.item, found.type
        if item is None:
            return NOTHING if event == "turn.started" else None
        if event not in _OF_ITEMS:
            return None
        ended = event == "item.completed"
        if item.type in _CALLS:
            return self._skim_call(mark_of(item.id), ended=ended)
        match item.type:
            case "agent_message" if ended and is_visible(item.text):
                return SAID
            case "reasoning" if ended and is_visible(item.text):
                return ACTIVE
            case "error" if ended:
                return ACTIVE
            case _:
                return None

    def _skim_call(self, mark: str, *, ended: bool) -> int:
        if mark in self._open:
            if not ended:
                return NOTHING
            self._open.remove(mark)
            self._moved = True
            return WORKS
        if not ended:
            self._begin(mark)
        return CALLED

    def _begin(self, mark: str) -> None:
        self._open.append(mark)
        del self._open[:-MAX_OPEN]
        self._moved = True

    def at_end(self) -> list[Report]:
        """Nothing: a run that was cut off has an exit status."""
        return []

    def _reports(self, found: dict[str, Any]) -> list[Report]:
        match found.get("type"):
            case "thread.started":
                session = one_line(text_of(found, "thread_id"), ACTIVITY_CHARS)
                self.memory = CodexMemory(self._before.get(session, Totals()))
                return [Started(session or None, None)]
            case "item.started" | "item.updated":
                return self._item(table_of(found, "item"), ended=False)
            case "item.completed":
                return self._item(table_of(found, "item"), ended=True)
            case "error":
                return _trouble(text_of(found, "message"))
            case "turn.completed":
                return [*self._usage(table_of(found, "usage")), Ended(True, "")]
            case "turn.failed":
                said = text_of(table_of(found, "error"), "message")
                cause = cause_of(said) or FailureClass.AGENT
                return [Ended(False, one_line(said, DETAIL_CHARS) or "the turn failed", cause)]
            case _:
                return []

    def _item(self, item: dict[str, Any], *, ended: bool) -> list[Report]:
        match item.get("type"):
            case "agent_message" if ended:
                text = plain_text(text_of(item, "text"), self._said_chars)
                return [Said(text)] if text else []
            case "reasoning" if ended:
                text = one_line(text_of(item, "text"), ACTIVITY_CHARS)
                return [Noted(text)] if text else []
            case "todo_list":
                return [planned(list_of(item, "items"))]
            case "error" if ended:
                return [Noted(one_line(text_of(item, "message"), ACTIVITY_CHARS))]
            case _:
                return self._call(item, ended=ended)

    def _call(self, item: dict[str, Any], *, ended: bool) -> list[Report]:
        what = _name_and_target(item, self._root)
        if what is None:
            return []
        mark = mark_of(text_of(item, "id"))
        begun = mark in self._open or (ended and self._alone)
        reports: list[Report] = []
        if not begun:
            reports += [ToolUsed(*what, "running"), *_touched(item, self._root)]
        if ended:
            bad = text_of(item, "status") in {"failed", "declined"} or bool(item.get("error"))
            reports.append(ToolUsed(*what, "failed" if bad else "ok", _outcome(item)))
        if ended and mark in self._open:
            self._open.remove(mark)
            self._moved = True
        elif not ended and not begun:
            self._begin(mark)
        return reports

    def _usage(self, usage: dict[str, Any]) -> list[Report]:
        if not usage:
            return []
        cached = count_of(usage, "cached_input_tokens")
        fresh = max(0, count_of(usage, "input_tokens") - cached)
        thread = Totals(fresh, count_of(usage, "output_tokens"), cached)
        before = self.memory.before
        if thread.tokens_in >= before.tokens_in and thread.tokens_out >= before.tokens_out:
            thread = minus(thread, before)
        return [Usage(thread.tokens_in, thread.tokens_out, 0.0, thread.tokens_cached)]


def _trouble(said: str) -> list[Report]:
    """A line about an error that may not be the end."""
    cause = cause_of(said) or (FailureClass.NETWORK if _RETRY.search(said[:100]) else None)
    text = one_line(said, DETAIL_CHARS)
    return [Noted(text) if cause is None else Limited(cause, text)]


def _name_and_target(item: dict[str, Any], root: str) -> tuple[str, str] | None:
    """What is called, and on what; None for an item that is no call."""
    match item.get("type"):
        case "command_execution":
            return "shell", one_line(_command(text_of(item, "command")), ACTIVITY_CHARS)
        case "file_change":
            [*changed] = _touched(item, root)
            paths = ", ".join(path for report in changed for path in report.paths)
            return "edit", one_line(paths, ACTIVITY_CHARS)
        case "mcp_tool_call":
            name = f"{text_of(item, 'server')}.{text_of(item, 'tool')}".strip(".")
            target = target_of(table_of(item, "arguments"), root)
            return one_line(name, ACTIVITY_CHARS) or "tool", target
        case "collab_tool_call":
            name = one_line(text_of(item, "tool"), ACTIVITY_CHARS) or "tool"
            return name, one_line(text_of(item, "prompt"), ACTIVITY_CHARS)
        case "web_search":
            return "search", one_line(text_of(item, "query"), ACTIVITY_CHARS)
        case _:
            return None


def _touched(item: dict[str, Any], root: str) -> list[Touched]:
    if item.get("type") != "file_change":
        return []
    changes = list_of(item, "changes")[:MAX_PATHS]
    return touched([text_of(change, "path") for change in changes], root)


def _command(command: str) -> str:
    """A command without the shell that it is wrapped in."""
    wrapped = _SHELL.fullmatch(command[: ACTIVITY_CHARS * 8])
    if wrapped is None:
        return command
    quote, inner = wrapped[1], wrapped[2]
    inner = inner.removesuffix(quote) if quote else inner
    return inner.replace('\\"', '"').replace("\\\\", "\\") if quote == '"' else inner


def _outcome(item: dict[str, Any]) -> str:
    """How a call ended, in a line: the last one of its output, after a bad exit status."""
    said = text_of(table_of(item, "error"), "message") or text_of(item, "aggregated_output")
    last = said[-DETAIL_CHARS * 4 :].rstrip().rpartition("\n")[2]
    code = item.get("exit_code")
    status = f"exit {code}" if isinstance(code, int) and code and abs(code) < 1000 else ""
    return one_line(": ".join(part for part in (status, last) if part), DETAIL_CHARS)
