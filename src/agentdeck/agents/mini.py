"""What mini-swe-agent prints: its prompt, then for each step prose, a command and its outcome.

Rules:
- Parts begin with a line of their own (`System:`, `Tool:`, …) and end where another begins or a
  ruled line stands. The prompt and the output of commands are noise.
- Prose and commands are wrapped at 80 columns, so a command is known by its first line.
- The truth about tokens and the end stands in its trajectory (`traces`); the cost that is printed
  is rounded. A run that ends with an error of the model's service has failed.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from agentdeck.agents.line_reader import Context, Memory, remembered
from agentdeck.agents.litellm_errors import error_in
from agentdeck.agents.one_line import decoded_line, one_line
from agentdeck.agents.reports import (
    ACTIVITY_CHARS,
    NOISE_CHARS,
    Ended,
    Limited,
    Noise,
    Noted,
    Printed,
    Report,
    Said,
    ToolUsed,
    Usage,
)
from agentdeck.core.events import FailureClass

TARGET_CHARS: Final = 48  # of a command that are remembered until it ends
_STEP: Final = re.compile(r"mini-swe-agent \(step (\d{1,6}), \$(\d{1,9}(?:\.\d{1,6})?)\):")
_PARTS: Final = {
    "System:": "prompt",
    "User:": "prompt",
    "Tool:": "tool",
    "Exit:": "exit",
}
_RULE: Final = "─" * 20
_FRAME: Final = ("│", "╭", "╰")  # around the traceback of its own error
_RETRY: Final = re.compile(r"Retrying \S{1,80} in [\d.]{1,9} seconds as it raised \w{1,60}: ")


class MiniMemory(Memory, frozen=True, array_like=True, tag="mini/1"):
    """What later lines need."""

    part: str = ""  # prompt, agent, tool, exit, "" = between them
    fenced: bool = False  # inside a command
    command: str = ""  # the latest one
    code_next: bool = False  # the next line is its exit status
    speaking: bool = False  # the latest line was prose
    failed: str = ""  # the error that stands
    cause: str = ""  # whose fault it is


class MiniLines:
    """Reads the lines of one attempt."""

    def __init__(self, context: Context) -> None:
        self.memory = remembered(context.carry, MiniMemory)

    def read(self, line: bytes) -> list[Report]:
        """What one line says."""
        text = decoded_line(line, ACTIVITY_CHARS)
        if not text:
            return []
        if step := _STEP.match(text):
            self.memory = MiniMemory("agent")
            usd = float(step[2])
            return [Noted(f"step {step[1]}"), *([Usage(0, 0, usd, estimate=True)] if usd else [])]
        if text in _PARTS:
            self._keep(part=_PARTS[text], fenced=False, code_next=False, speaking=False)
            return [Noise(text)]
        if text.startswith(_RULE):
            self._keep(part="", fenced=False, speaking=False)
            return [Noise(text)]
        match self.memory.part:
            case "prompt":
                return [Noise(decoded_line(line, NOISE_CHARS))]
            case "agent":
                return self._agent(text)
            case "tool":
                return self._tool(text)
            case _:
                return self._between(text)

    def at_end(self) -> list[Report]:
        """A run that an error of the model's service ended has failed."""
        if not self.memory.failed:
            return []
        cause = next((c for c in FailureClass if c.value == self.memory.cause), FailureClass.AGENT)
        return [Ended(False, self.memory.failed, cause)]

    def _keep(self, **changes: Any) -> None:
        self.memory = msgspec.structs.replace(self.memory, **changes)

    def _agent(self, text: str) -> list[Report]:
        """A line of prose, or of a command between two fences."""
        memory = self.memory
        if text.startswith("```"):
            command = memory.command if memory.fenced else ""
            self._keep(fenced=not memory.fenced, command=command, speaking=False)
            return [Noise(text)]
        if not memory.fenced:
            self._keep(speaking=True)
            return [Said(f"\n{text}" if memory.speaking else text, memory.speaking)]
        if memory.command:
            return [Noise(text)]
        self._keep(command=one_line(text, TARGET_CHARS))
        return [ToolUsed("bash", text, "running")]

    def _tool(self, text: str) -> list[Report]:
        """A line of what came of a command."""
        if self.memory.code_next:
            self._keep(code_next=False)
            outcome = "ok" if text == "0" else "failed"
            detail = "" if outcome == "ok" else f"exit {text}"
            return [ToolUsed("bash", self.memory.command, outcome, detail)]
        if text == "<returncode>":
            self._keep(code_next=True)
        return [Noise(text)]

    def _between(self, text: str) -> list[Report]:
        if text.startswith(_FRAME):
            return [Noise(text)]
        error = error_in(text)
        if error is not None and not self.memory.failed:
            self._keep(failed=error.said, cause=error.cause.value if error.cause else "")
        if error is not None:
            return [Noted(error.said) if error.cause is None else Limited(error.cause, error.said)]
        if retry := _RETRY.match(text):
            error = error_in(text[retry.end() :])
            cause = error.cause if error is not None else None
            return [Noted(text) if cause is None else Limited(cause, text)]
        return [Printed(text)]
