"""The conversation as it goes into raw.log, one JSON object a line.

Rules:
- `{"dir":"agent"|"client","t":S,"msg":{..}}` is a message as it crossed the pipe, S seconds after
  the start. `"dir":"bridge"` is our own: `{"type":"note","text":..}`,
  `{"type":"replay","state":"begins"|"ends"}` around the history of a loaded session, and, as the
  last line of all, `{"type":"ended","ok":..,"cause":..,"detail":..}`.
- Whatever else the agent prints stands between them as it is, whole lines only, so that none of
  ours is ever torn. A line of it that could be taken for one of ours is marked.
- A line is written at once, in one piece. What a full disk swallows is counted and said later.
- Values that may be secrets are not in our half: environment and headers of MCP servers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, Final, Literal

from agentdeck.agents.json_line import parse_object
from agentdeck.engine.acp.outcome import Outcome
from agentdeck.engine.environment import REDACTED

FOREIGN_BYTES: Final = 1 << 20  # of one line that is no message; longer ones are cut
FOREIGN_MARK: Final = b"agent: "


class RawLog:
    """Writes to one file descriptor."""

    def __init__(self, fd: int, clock: Callable[[], float]) -> None:
        """`clock` counts seconds from anywhere; the log counts from now."""
        self._fd = fd
        self._clock = clock
        self._started = clock()
        self._lost = 0  # lines since the disk is full

    def agent(self, message: dict[str, Any]) -> None:
        """A message from the agent."""
        self._put("agent", message)

    def client(self, message: dict[str, Any]) -> None:
        """A message of ours to the agent."""
        self._put("client", without_secrets(message))

    def note(self, text: str) -> None:
        """Something worth knowing about the conversation."""
        self._put("bridge", {"type": "note", "text": text})

    def replay(self, state: Literal["begins", "ends"]) -> None:
        """What the agent says in between is the history of an earlier session."""
        self._put("bridge", {"type": "replay", "state": state})

    def ended(self, outcome: Outcome) -> None:
        """The last line."""
        cause = None if outcome.cause is None else outcome.cause.value
        message = {"type": "ended", "ok": outcome.ok, "cause": cause, "detail": outcome.detail}
        self._put("bridge", message)

    def foreign(self, line: bytes) -> None:
        """A line of the agent that is no message."""
        self._write(as_foreign(line[:FOREIGN_BYTES]))

    def _put(self, direction: str, message: dict[str, Any]) -> None:
        self._write(envelope(direction, self._clock() - self._started, message))

    def _write(self, line: bytes) -> None:
        if self._lost:  # the latest of them may stand there in part
            text = f"{self._lost} lines of this log were lost"
            line = b"\n" + envelope("bridge", 0.0, {"type": "note", "text": text}) + line
        try:
            while line:
                line = line[os.write(self._fd, line) :]
        except OSError:
            self._lost += 1
        else:
            self._lost = 0


def envelope(direction: str, seconds: float, message: dict[str, Any]) -> bytes:
    """One line of the log. Lone surrogates, which no UTF-8 can hold, come out as `?`."""
    whole = {"dir": direction, "t": round(seconds, 3), "msg": message}
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":"), default=str)
    return text.encode("utf-8", "replace") + b"\n"


def as_foreign(line: bytes) -> bytes:
    """A line that is no message as it stands in the log."""
    found = parse_object(line)
    return (FOREIGN_MARK if found is not None and "dir" in found else b"") + line + b"\n"


def without_secrets(message: dict[str, Any]) -> dict[str, Any]:
    """A message of ours with the values of MCP servers' environment and headers hidden."""
    params = message.get("params")
    if not isinstance(params, dict) or not params.get("mcpServers"):
        return message
    servers = [_hidden(server) for server in params["mcpServers"]]
    return {**message, "params": {**params, "mcpServers": servers}}


def _hidden(server: dict[str, Any]) -> dict[str, Any]:
    return {
        key: [{**entry, "value": REDACTED} for entry in value]
        if key in {"env", "headers"}
        else value
        for key, value in server.items()
    }
