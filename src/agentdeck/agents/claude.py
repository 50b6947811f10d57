"""The stream of Claude Code: `claude -p --output-format stream-json --verbose`.

Rules:
- Order of keys means nothing, unknown types are noise.
- A process that is given several prompts has a result for each; every one is reported, and a turn
  that begins after it (`init` comes again) takes it back.
- Sub-agents (`parent_tool_use_id`) use tools and tokens like anybody, but their prose is not the
  agent's.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from agentdeck.agents import claude_control, claude_usage
from agentdeck.agents.blame import cause_of_status
from agentdeck.agents.claude_result import BY_NAME, ended
from agentdeck.agents.json_line import (
    count_of,
    list_of,
    number_of,
    parse_object,
    table_of,
    text_of,
)
from agentdeck.agents.line_reader import Context, Memory, remembered, unread
from agentdeck.agents.one_line import one_line, plain_text
from agentdeck.agents.reports import (
    ACTIVITY_CHARS,
    DETAIL_CHARS,
    MESSAGE_CHARS,
    Limited,
    Noted,
    Report,
    Said,
    Started,
    ToolUsed,
)
from agentdeck.agents.skimming import (
    CALLED,
    COUNTS,
    NOTHING,
    SAID,
    UNFIT,
    WORKS,
    KnownFiles,
    Skimming,
    is_visible,
)
from agentdeck.agents.tool_inputs import edited_by, size_of_edit, target_of, todo_list
from agentdeck.core.events import FailureClass

MAX_OPEN_TOOLS: Final = 64  # calls whose end is awaited; agents have a handful at once
MAX_BLOCKS: Final = 256  # content blocks of one line that are looked at; real ones have one or two
BLAMED_CHARS: Final = 32  # of the name of an error
MILLISECONDS_FROM: Final = 1e11  # a time above it is in milliseconds: in seconds it is year 5138


class ClaudeMemory(Memory, frozen=True, array_like=True, tag="claude/1"):
    """What later lines need."""

    counted: claude_usage.Counted = claude_usage.Counted()
    blamed: str = ""  # the latest error word of the service
    spent: bool = False  # the account's allowance is used up
    resets_at: float | None = None  # when that limit resets


class _Text(msgspec.Struct, gc=False, tag="text"):
    text: str = ""


class _Thought(msgspec.Struct, gc=False, tag="thinking"):
    pass


class _Call(msgspec.Struct, gc=False, tag="tool_use"):
    name: str = ""
    input: msgspec.Raw = msgspec.Raw()


class _Answer(msgspec.Struct, gc=False, tag="tool_result"):
    pass


class _Message(claude_usage.Skimmed, gc=False):
    content: tuple[_Text | _Thought | _Call]


class _Answers(msgspec.Struct, gc=False):
    content: tuple[_Answer]


class _Assistant(msgspec.Struct, gc=False, tag="assistant"):
    message: _Message
    parent_tool_use_id: str | None = None
    error: str = ""


class _User(msgspec.Struct, gc=False, tag="user"):
    message: _Answers
    error: str = ""


# What of a line tells what it does; of all other lines nothing is known.
_skimmed: Final = msgspec.json.Decoder(_Assistant | _User)


class ClaudeLines(Skimming[ClaudeMemory]):
    """Reads the lines of one attempt."""

    blank = ClaudeMemory()

    def __init__(self, context: Context) -> None:
        self._uncounted: list[claude_usage.Skimmed] = []  # messages of lines that were skimmed
        self._memory = remembered(context.carry, ClaudeMemory)
        self._latest: str | None = None  # the latest message that was skimmed, if it is known
        self._root = context.root
        self._said_chars = context.chars(MESSAGE_CHARS)
        self._open: dict[str, tuple[str, str]] = {}  # tool calls by id: name, target
        self._files = KnownFiles()

    @property
    def memory(self) -> ClaudeMemory:
        """What has to survive a restart; counts what was skimmed when it is asked for."""
        if self._uncounted:
            known = self._memory
            counted = claude_usage.with_skimmed(known.counted, self._uncounted)
            self._uncounted.clear()
            if counted is not known.counted:
                self._memory = ClaudeMemory(counted, known.blamed, known.spent, known.resets_at)
        return self._memory

    @memory.setter
    def memory(self, memory: ClaudeMemory) -> None:
        self._memory = memory
        self._uncounted.clear()
        self._latest = None

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
        if found.error:
            return None
        if isinstance(found, _User):
            return WORKS
        message = found.message
        [block] = message.content
        does = NOTHING
        if isinstance(block, _Call):
            if not self._files.are_all(block.name, block.input):
                return None
            does = CALLED
        elif isinstance(block, _Text) and found.parent_tool_use_id is None:
            if not is_visible(block.text):
                return None
            does = SAID
        if message.usage is None or message.id == self._latest:
            return does
        self._latest = message.id
        self._uncounted.append(message)
        return does | COUNTS

    def used(self, since: ClaudeMemory) -> list[Report]:
        """What has been used by now, when that has changed since there was this memory."""
        counted = self.memory.counted
        if counted.live == since.counted.live:
            return []
        return claude_usage.reported(counted, estimate=True)

    def at_end(self) -> list[Report]:
        """Nothing: without a result the exit status tells."""
        return []

    def _reports(self, found: dict[str, Any]) -> list[Report]:
        match found.get("type"):
            case "system":
                return self._system(found)
            case "assistant":
                return self._assistant(found)
            case "user":
                return self._user(found)
            case "rate_limit_event":
                return self._rate_limit(table_of(found, "rate_limit_info"))
            case "control_request":
                return claude_control.asked(found, self._root)
            case "control_cancel_request":
                return claude_control.withdrawn(found)
            case "result":
                return self._result(found)
            case _:
                return []

    def _system(self, found: dict[str, Any]) -> list[Report]:
        match found.get("subtype"):
            case "init":
                self._root = self._root or text_of(found, "cwd")
                session = one_line(text_of(found, "session_id"), ACTIVITY_CHARS)
                model = one_line(text_of(found, "model"), ACTIVITY_CHARS)
                return [Started(session or None, model or None)]
            case "api_retry":
                return [self._retry(found)]
            case "compact_boundary":
                return [Noted("shortened what it remembers of the conversation")]
            case "permission_denied":
                tool = one_line(text_of(found, "tool_name"), ACTIVITY_CHARS) or "a tool"
                return [Noted(f"was denied {tool}")]
            case _:
                return []

    def _retry(self, found: dict[str, Any]) -> Report:
        blamed = one_line(text_of(found, "error"), BLAMED_CHARS)
        self.memory = msgspec.structs.replace(self.memory, blamed=blamed)
        status = count_of(found, "error_status")
        cause = cause_of_status(status) or BY_NAME.get(blamed) or FailureClass.NETWORK
        why = f"HTTP {status}" if status else blamed or "a network error"
        turn = f"{count_of(found, 'attempt')} of {count_of(found, 'max_retries')}"
        wait = number_of(found, "retry_delay_ms") / 1000
        text = f"asks the service again after {why} ({turn}, in {wait:.0f} s)"
        return Limited(cause, one_line(text, ACTIVITY_CHARS))

    def _assistant(self, found: dict[str, Any]) -> list[Report]:
        message = table_of(found, "message")
        before = self.memory.counted
        counted = claude_usage.with_message(before, message)
        blamed = one_line(text_of(found, "error"), BLAMED_CHARS) or self.memory.blamed
        if counted is not before or blamed != self.memory.blamed:
            self.memory = msgspec.structs.replace(self.memory, counted=counted, blamed=blamed)
        main = found.get("parent_tool_use_id") is None
        reports: list[Report] = []
        for block in list_of(message, "content")[:MAX_BLOCKS]:
            kind = text_of(block, "type")
            if kind == "text" and main:
                text = plain_text(text_of(block, "text"), self._said_chars)
                reports += [Said(text)] if text else []
            elif kind == "tool_use":
                reports += self._tool(block)
        if counted.live != before.live:
            reports += claude_usage.reported(counted, estimate=True)
        return reports

    def _tool(self, block: dict[str, Any]) -> list[Report]:
        name = one_line(text_of(block, "name"), ACTIVITY_CHARS) or "tool"
        given = table_of(block, "input")
        target = target_of(given, self._root)
        while len(self._open) >= MAX_OPEN_TOOLS:
            del self._open[next(iter(self._open))]
        self._open[text_of(block, "id")] = (name, target)
        used = ToolUsed(name, target, "running", size_of_edit(name, given))
        return [used, *edited_by(name, given, self._root), *todo_list(name, given)]

    def _user(self, found: dict[str, Any]) -> list[Report]:
        reports: list[Report] = []
        for block in list_of(table_of(found, "message"), "content")[:MAX_BLOCKS]:
            if text_of(block, "type") != "tool_result":
                continue
            name, target = self._open.pop(text_of(block, "tool_use_id"), ("tool", ""))
            status = "failed" if block.get("is_error") is True else "ok"
            reports.append(ToolUsed(name, target, status, _result_text(block)))
        return reports

    def _rate_limit(self, info: dict[str, Any]) -> list[Report]:
        hit = text_of(info, "status") == "rejected"
        if not hit and text_of(info, "status") != "allowed_warning":
            return []
        at = number_of(info, "resetsAt")
        resets_at = (at / 1000 if at > MILLISECONDS_FROM else at) or None
        used = min(1.0, number_of(info, "utilization")) if "utilization" in info else None
        which = text_of(info, "rateLimitType").replace("_", " ")
        cause = FailureClass.QUOTA if which else FailureClass.RATE_LIMIT
        if hit:
            self.memory = msgspec.structs.replace(
                self.memory, blamed="rate_limit", spent=bool(which), resets_at=resets_at
            )
            text = f"has used up its limit ({which or 'rate'})"
        else:
            share = "most" if used is None else f"{used:.0%}"
            text = f"has used {share} of its limit ({which or 'rate'})"
        return [Limited(cause, one_line(text, ACTIVITY_CHARS), resets_at, used, hit)]

    def _result(self, found: dict[str, Any]) -> list[Report]:
        memory = self.memory
        counted = claude_usage.with_result(memory.counted, found)
        self.memory = ClaudeMemory(counted)
        usage = claude_usage.reported(counted, estimate=False) if counted.before else []
        return [
            *usage,
            ended(found, memory.blamed, memory.resets_at, spent=memory.spent),
        ]


def _result_text(block: dict[str, Any]) -> str:
    """The first line of what a tool gave back."""
    content = block.get("content")
    if isinstance(content, list):
        content = next((text_of(part, "text") for part in content if text_of(part, "text")), "")
    text = content if isinstance(content, str) else ""
    return one_line(text.lstrip()[: DETAIL_CHARS * 4].partition("\n")[0], DETAIL_CHARS)
