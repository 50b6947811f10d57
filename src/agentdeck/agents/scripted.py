"""The stream of the built-in scripted agent: JSON lines with a `type`.

Rules:
- `start` (session, model), `text` (text), `tool` (name, target, status, detail), `usage` (in, out,
  usd: totals), `ask` (id, text), `result` (ok, detail, cause, retry_at). Each may have `at`,
  seconds since the epoch.
- Other lines are noise: its git and its own errors write into the same log.
"""

from __future__ import annotations

from typing import Any

from agentdeck.agents.json_line import count_of, number_of, parse_object, text_of
from agentdeck.agents.one_line import decoded_line, one_line, plain_text
from agentdeck.agents.reports import (
    ACTIVITY_CHARS,
    DETAIL_CHARS,
    MESSAGE_CHARS,
    NOISE_CHARS,
    Asked,
    Ended,
    Noise,
    Report,
    Said,
    Started,
    ToolUsed,
    Usage,
)
from agentdeck.core.events import FailureClass

CAUSES = {cause.value: cause for cause in FailureClass}


class ScriptedLines:
    """Reads the lines of one attempt."""

    def read(self, line: bytes) -> list[Report]:
        """What one line says."""
        found = parse_object(line)
        if found is None:
            raw = decoded_line(line, NOISE_CHARS)
            return [Noise(raw, foreign=True)] if raw else []
        report = _report(found)
        return [Noise(decoded_line(line, NOISE_CHARS)) if report is None else report]


def _report(found: dict[str, Any]) -> Report | None:
    match found.get("type"):
        case "start":
            session = one_line(text_of(found, "session"), ACTIVITY_CHARS)
            model = one_line(text_of(found, "model"), ACTIVITY_CHARS)
            return Started(session or None, model or None)
        case "text":
            return Said(plain_text(text_of(found, "text"), MESSAGE_CHARS))
        case "tool":
            name = one_line(text_of(found, "name"), ACTIVITY_CHARS) or "tool"
            target = one_line(text_of(found, "target"), ACTIVITY_CHARS)
            detail = one_line(text_of(found, "detail"), DETAIL_CHARS)
            status = text_of(found, "status")
            known = status if status in {"ok", "failed"} else "running"
            return ToolUsed(name, target, known, detail)
        case "usage":
            return Usage(count_of(found, "in"), count_of(found, "out"), number_of(found, "usd"))
        case "ask":
            question = one_line(text_of(found, "id"), ACTIVITY_CHARS) or "question"
            return Asked(question, plain_text(text_of(found, "text"), MESSAGE_CHARS))
        case "result":
            detail = one_line(text_of(found, "detail"), DETAIL_CHARS)
            if found.get("ok") is True:
                return Ended(True, detail)
            cause = CAUSES.get(text_of(found, "cause"), FailureClass.AGENT)
            return Ended(False, detail, cause, number_of(found, "retry_at") or None)
        case _:
            return None
