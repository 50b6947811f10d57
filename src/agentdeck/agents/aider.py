"""What aider prints: prose, edits, its own estimate of tokens, and errors of the model's service.

Rules:
- Prose of the model and of aider itself cannot be told apart, so a line is nobody's.
- It exits with 0 whatever happened. A run whose last call of the model failed has failed: an error
  stands until aider tells the tokens of an answer.
- Its tokens are rounded and are those of a message; the sum is an estimate. Its analytics log has
  them exactly (`traces`).
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from agentdeck.agents.json_line import MAX_NUMBER
from agentdeck.agents.line_reader import Context, Memory, plus, remembered
from agentdeck.agents.litellm_errors import SAID_CHARS, error_in
from agentdeck.agents.one_line import decoded_line, one_line
from agentdeck.agents.reports import (
    ACTIVITY_CHARS,
    PATH_CHARS,
    Ended,
    Limited,
    Noted,
    Printed,
    Report,
    Started,
    ToolUsed,
    Totals,
    Usage,
)
from agentdeck.agents.tool_inputs import below, touched
from agentdeck.core.events import FailureClass

_MODEL: Final = re.compile(r"(?:Main model|Model): (\S{1,120}) with [\w-]{1,40} edit format")
_EDIT: Final = re.compile(r"Applied edit to (.+)")
_COMMIT: Final = re.compile(r"Commit [0-9a-f]{7,40} ")
_TOKENS: Final = re.compile(
    r"Tokens: ([\d.]{1,12}k?) sent(?:, [\d.]{1,12}k? cache write)?"
    r"(?:, ([\d.]{1,12}k?) cache hit)?, ([\d.]{1,12}k?) received\."
)
_COST: Final = re.compile(r"Cost: \$[\d.]{1,12} message, \$([\d.]{1,12}) session\.")
_LIMIT: Final = re.compile(r"Model \S{1,120} has hit a token limit!")


class AiderMemory(Memory, frozen=True, array_like=True, tag="aider/1"):
    """What later lines need."""

    total: Totals = Totals()
    failed: str = ""  # the error that stands
    cause: str = ""  # whose fault it is


class AiderLines:
    """Reads the lines of one attempt."""

    def __init__(self, context: Context) -> None:
        self.memory = remembered(context.carry, AiderMemory)
        self._root = context.root
        self._chars = context.chars(ACTIVITY_CHARS)

    def read(self, line: bytes) -> list[Report]:
        """What one line says."""
        text = decoded_line(line, PATH_CHARS * 2)
        if not text:
            return []
        if edited := _EDIT.fullmatch(text):
            return self._edit(edited[1])
        if (error := error_in(text)) is not None:
            self._keep(failed=error.said, cause=error.cause.value if error.cause else "")
            return [Noted(error.said) if error.cause is None else Limited(error.cause, error.said)]
        if _LIMIT.match(text):
            self._keep(failed=one_line(text, SAID_CHARS), cause=FailureClass.AGENT.value)
        used = self._used(text)
        if used:
            return used
        if model := _MODEL.match(text):
            return [Started(None, model[1])]
        shown = decoded_line(line, self._chars)
        return [Noted(shown) if _COMMIT.match(text) else Printed(shown)]

    def at_end(self) -> list[Report]:
        """A run whose last call of the model failed has failed."""
        if not self.memory.failed:
            return []
        cause = next((c for c in FailureClass if c.value == self.memory.cause), FailureClass.AGENT)
        return [Ended(False, self.memory.failed, cause)]

    def _keep(self, **changes: Any) -> None:
        self.memory = msgspec.structs.replace(self.memory, **changes)

    def _edit(self, path: str) -> list[Report]:
        name = decoded_line(below(path, self._root).encode(), ACTIVITY_CHARS)
        return [
            ToolUsed("edit", name, "running"),
            *touched([path], self._root),
            ToolUsed("edit", name, "ok"),
        ]

    def _used(self, text: str) -> list[Report]:
        tokens, cost = _TOKENS.match(text), _COST.search(text)
        if tokens is None and (cost is None or not text.startswith("Cost: ")):
            return []
        total = self.memory.total
        if tokens is not None:
            sent, hit, received = (_count(part) for part in tokens.groups())
            total = plus(total, Totals(max(0, sent - hit), received, hit))
        if cost is not None:
            total = msgspec.structs.replace(total, usd=_number(cost[1]))
        self._keep(total=total, failed="", cause="")
        return [Usage(total.tokens_in, total.tokens_out, total.usd, total.tokens_cached, True)]


def _count(text: str | None) -> int:
    """A number of tokens as aider rounds it: 725, 3.2k, 12k."""
    if not text:
        return 0
    thousand = 1000 if text.endswith("k") else 1
    return int(min(MAX_NUMBER, _number(text.removesuffix("k")) * thousand))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:  # more than one point
        return 0.0
