"""The stream of the Gemini CLI: `gemini -p … --output-format stream-json`.

Rules:
- Prose comes in pieces: one goes on the piece before it until something else happens. The first
  message is the prompt.
- `stats` of the result are those of the process, a resumed one's too. Its `input_tokens` have the
  cached ones in them, `input` is the rest. What a total has beyond both is thinking.
- `status` "success" proves little: a loop that it stopped, and an answer that was cut off, end so.
- Retries are told on stderr alone, which is in the same log: those lines are noise and a limit.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from agentdeck.agents.blame import cause_of
from agentdeck.agents.json_line import count_of, parse_object, table_of, text_of
from agentdeck.agents.line_reader import Context, Memory, remembered, unread
from agentdeck.agents.one_line import decoded_line, one_line, plain_piece
from agentdeck.agents.reports import (
    ACTIVITY_CHARS,
    DETAIL_CHARS,
    MESSAGE_CHARS,
    Ended,
    Limited,
    Noted,
    Report,
    Said,
    Started,
    ToolUsed,
    Usage,
)
from agentdeck.agents.skimming import (
    CALLED,
    NOTHING,
    SAID,
    SAID_MORE,
    UNFIT,
    WORKS,
    KnownFiles,
    Skimming,
    is_piece,
)
from agentdeck.agents.tool_inputs import edited_by, size_of_edit, target_of, todo_list
from agentdeck.core.events import FailureClass

MAX_OPEN_TOOLS: Final = 64  # calls whose end is awaited; agents have a handful at once
_RETRY: Final = re.compile(rb"Attempt \d{1,4} failed\b")
_BY_TYPE: Final = {
    "FatalAuthenticationError": FailureClass.AUTH,
    "FatalTurnLimitedError": FailureClass.TURN_LIMIT,
    "FatalCancellationError": FailureClass.AGENT,
}


class GeminiMemory(Memory, frozen=True, array_like=True, tag="gemini/1"):
    """What later lines need."""

    speaking: bool = False  # the latest event was a piece of prose
    stopped: str = ""  # why the CLI itself put an end to it


class _Skimmed(msgspec.Struct, gc=False):
    """What of a line tells what it does."""

    type: str = ""
    role: str = ""
    content: str = ""
    delta: bool = False
    tool_name: str = ""
    parameters: msgspec.Raw = msgspec.Raw()


_skimmed: Final = msgspec.json.Decoder(_Skimmed)


class GeminiLines(Skimming[GeminiMemory]):
    """Reads the lines of one attempt."""

    blank = GeminiMemory()

    def __init__(self, context: Context) -> None:
        self.memory: GeminiMemory = remembered(context.carry, GeminiMemory)
        self._root = context.root
        self._said_chars = context.chars(MESSAGE_CHARS)
        self._open: dict[str, tuple[str, str]] = {}  # tool calls by id: name, target
        self._files = KnownFiles()

    def read(self, line: bytes) -> list[Report]:
        """What one line says."""
        found = parse_object(line)
        if found is None:
            return _stderr(line)
        speaking = found.get("type") == "message" and found.get("role") == "assistant"
        reports = self._reports(found)
        if reports and speaking is not self.memory.speaking:
            self.memory = msgspec.structs.replace(self.memory, speaking=speaking)
        return reports or unread(line)

    def skim(self, line: bytes) -> int | None:
        """What one line does; None when it has to be read."""
        try:
            found = _skimmed.decode(line)
        except UNFIT:
            return None
        memory = self.memory
        match found.type:
            case "message" if found.role == "assistant" and is_piece(found.content):
                does, speaking = SAID_MORE if found.delta and memory.speaking else SAID, True
                self.piece = found.content
            case "message" if found.role == "user":
                return NOTHING
            case "tool_use" if self._files.are_all(found.tool_name, found.parameters):
                does, speaking = CALLED, False
            case "tool_result":
                does, speaking = WORKS, False
            case _:
                return None
        if speaking is not memory.speaking:
            self.memory = GeminiMemory(speaking, memory.stopped)
        return does

    def at_end(self) -> list[Report]:
        """Nothing: without a result the exit status tells."""
        return []

    def _reports(self, found: dict[str, Any]) -> list[Report]:
        match found.get("type"):
            case "init":
                self.memory = GeminiMemory()
                session = one_line(text_of(found, "session_id"), ACTIVITY_CHARS)
                model = one_line(text_of(found, "model"), ACTIVITY_CHARS)
                return [Started(session or None, model or None)]
            case "message" if found.get("role") == "assistant":
                text = plain_piece(text_of(found, "content"), self._said_chars)
                more = self.memory.speaking and found.get("delta") is True
                return [Said(text, more)] if text else []
            case "tool_use":
                return self._tool(found)
            case "tool_result":
                return [self._tool_result(found)]
            case "error":
                return self._error(found)
            case "result":
                return self._result(found)
            case _:
                return []

    def _tool(self, found: dict[str, Any]) -> list[Report]:
        name = one_line(text_of(found, "tool_name"), ACTIVITY_CHARS) or "tool"
        given = table_of(found, "parameters")
        target = target_of(given, self._root)
        while len(self._open) >= MAX_OPEN_TOOLS:
            del self._open[next(iter(self._open))]
        self._open[text_of(found, "tool_id")] = (name, target)
        used = ToolUsed(name, target, "running", size_of_edit(name, given))
        return [used, *edited_by(name, given, self._root), *todo_list(name, given)]

    def _tool_result(self, found: dict[str, Any]) -> Report:
        name, target = self._open.pop(text_of(found, "tool_id"), ("tool", ""))
        bad = text_of(found, "status") == "error"
        said = text_of(table_of(found, "error"), "message") or text_of(found, "output")
        first = said.lstrip()[: DETAIL_CHARS * 4].partition("\n")[0]
        return ToolUsed(name, target, "failed" if bad else "ok", one_line(first, DETAIL_CHARS))

    def _error(self, found: dict[str, Any]) -> list[Report]:
        said = one_line(text_of(found, "message"), DETAIL_CHARS)
        cause = cause_of(said)
        if cause in {FailureClass.NO_PROGRESS, FailureClass.TURN_LIMIT}:
            self.memory = msgspec.structs.replace(self.memory, stopped=cause.value)
        return [Noted(said) if cause is None else Limited(cause, said)]

    def _result(self, found: dict[str, Any]) -> list[Report]:
        stopped = self.memory.stopped
        reports = _usage(table_of(found, "stats"))
        error = table_of(found, "error")
        said = one_line(text_of(error, "message"), DETAIL_CHARS)
        if text_of(found, "status") == "error" or error:
            cause = _BY_TYPE.get(text_of(error, "type")) or cause_of(said)
            return [*reports, Ended(False, said or "it failed", cause or FailureClass.AGENT)]
        if stopped == FailureClass.NO_PROGRESS:
            return [*reports, Ended(False, "it repeated itself", FailureClass.NO_PROGRESS)]
        if stopped == FailureClass.TURN_LIMIT:
            return [*reports, Ended(False, "it has had all its turns", FailureClass.TURN_LIMIT)]
        return [*reports, Ended(True, "")]


def _usage(stats: dict[str, Any]) -> list[Report]:
    if not stats:
        return []
    prompt, cached = count_of(stats, "input_tokens"), count_of(stats, "cached")
    fresh = count_of(stats, "input") or max(0, prompt - cached)
    out = max(count_of(stats, "output_tokens"), count_of(stats, "total_tokens") - prompt)
    return [Usage(fresh, out, 0.0, cached)]


def _stderr(line: bytes) -> list[Report]:
    """A line that is not of the stream; of a retry, what it retries after too."""
    noise = unread(line, foreign=True)
    if _RETRY.match(line):
        said = decoded_line(line, DETAIL_CHARS)
        noise.append(Limited(cause_of(said) or FailureClass.NETWORK, said))
    return noise
