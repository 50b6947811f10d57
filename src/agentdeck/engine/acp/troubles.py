"""Failures that an agent reports beside the protocol, and then calls the turn a success. Pure.

Rules:
- codex-acp (2.6) ends a turn that the service made impossible with `end_turn`. It says so before,
  in `_meta.codex` of an update: thread status `systemError`, and the words in its next message.
- What is seen counts for the running turn only.
"""

from __future__ import annotations

from typing import Any

from agentdeck.agents.json_line import table_of, text_of
from agentdeck.engine.acp.outcome import Outcome, of_error


class Troubles:
    """What was reported during one turn."""

    def __init__(self) -> None:
        self._failed = False
        self._said = ""
        self._error: dict[str, Any] = {}

    def see(self, params: Any) -> None:
        """Look at one `session/update`."""
        update = table_of(params, "update")
        told = table_of(table_of(update, "_meta"), "codex")
        self._error = table_of(told, "error") or self._error
        if text_of(table_of(told, "threadStatus"), "type") == "systemError":
            self._failed = True
        elif self._failed and text_of(update, "sessionUpdate") == "agent_message_chunk":
            self._said = self._said or text_of(table_of(update, "content"), "text").strip()

    def judge(self, outcome: Outcome) -> Outcome:
        """How the turn really ended."""
        if not outcome.ok or not self._failed:
            return outcome
        said = self._said or text_of(self._error, "message") or "the agent reported a system error"
        return of_error(0, said, self._error)
