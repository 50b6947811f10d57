"""The stream of the built-in scripted agent: JSON lines with a `type`.

Rules:
- `start` (session, model), `text` (text, more), `tool` (name, target, status, detail), `touch`
  (paths), `plan` (items with text and status), `usage` (in, out, usd, cached: totals), `limit`
  (cause, detail, resets_at, utilization, hit), `ask` (id, text, kind, tool, target, options with
  id, label and kind), `withdraw` (id), `result` (ok, detail, cause, retry_at). Each may have `at`,
  seconds since the epoch.
- Other lines are noise: its git and its own errors write into the same log.
"""

from __future__ import annotations

from typing import Any, Final

from agentdeck.agents.json_line import count_of, list_of, number_of, parse_object, text_of
from agentdeck.agents.line_reader import Context, Memory, unread
from agentdeck.agents.one_line import one_line, plain_piece, plain_text
from agentdeck.agents.reports import (
    ACTIVITY_CHARS,
    DETAIL_CHARS,
    MAX_OPTIONS,
    MAX_PATHS,
    MESSAGE_CHARS,
    Asked,
    Ended,
    Limited,
    Option,
    Report,
    Said,
    Started,
    ToolUsed,
    Usage,
    Withdrawn,
)
from agentdeck.agents.tool_inputs import planned, touched
from agentdeck.core.events import FailureClass

CAUSES: Final = {cause.value: cause for cause in FailureClass}


class ScriptedLines:
    """Reads the lines of one attempt."""

    def __init__(self, context: Context) -> None:
        self.memory = Memory()  # every line says all that it means
        self._root = context.root
        self._said_chars = context.chars(MESSAGE_CHARS)

    def read(self, line: bytes) -> list[Report]:
        """What one line says."""
        found = parse_object(line)
        if found is None:
            return unread(line, foreign=True)
        return _reports(found, self._root, self._said_chars) or unread(line)

    def at_end(self) -> list[Report]:
        """Nothing: without a result the exit status tells."""
        return []


def _reports(found: dict[str, Any], root: str, said_chars: int) -> list[Report]:
    match found.get("type"):
        case "start":
            return [Started(_word(found, "session") or None, _word(found, "model") or None)]
        case "text":
            if found.get("more") is True:
                return [Said(plain_piece(text_of(found, "text"), said_chars), more=True)]
            return [Said(plain_text(text_of(found, "text"), said_chars))]
        case "tool":
            status = text_of(found, "status")
            known = status if status in {"ok", "failed"} else "running"
            name = _word(found, "name") or "tool"
            return [ToolUsed(name, _word(found, "target"), known, _detail(found))]
        case "touch":
            paths = list_of(found, "paths")[:MAX_PATHS]
            return [*touched([path for path in paths if isinstance(path, str)], root)]
        case "plan":
            return [planned(list_of(found, "items"))]
        case "usage":
            tokens = count_of(found, "in"), count_of(found, "out")
            return [Usage(*tokens, number_of(found, "usd"), count_of(found, "cached"))]
        case "limit":
            return [_limit(found)]
        case "ask":
            return [_ask(found)]
        case "withdraw":
            return [Withdrawn(_word(found, "id") or "question")]
        case "result":
            if found.get("ok") is True:
                return [Ended(True, _detail(found))]
            cause = CAUSES.get(text_of(found, "cause"), FailureClass.AGENT)
            return [Ended(False, _detail(found), cause, number_of(found, "retry_at") or None)]
        case _:
            return []


def _limit(found: dict[str, Any]) -> Limited:
    used = min(1.0, number_of(found, "utilization")) if "utilization" in found else None
    return Limited(
        CAUSES.get(text_of(found, "cause"), FailureClass.RATE_LIMIT),
        _detail(found),
        number_of(found, "resets_at") or None,
        used,
        found.get("hit") is not False,
    )


def _ask(found: dict[str, Any]) -> Asked:
    options = []
    for option in list_of(found, "options")[:MAX_OPTIONS]:
        name = _word(option, "id")
        label = _word(option, "label") or name
        match text_of(option, "kind"):
            case ("allow_once" | "allow_always" | "reject_once" | "reject_always") as kind:
                options.append(Option(name, label, kind))
            case _:
                options.append(Option(name, label, "answer"))
    return Asked(
        _word(found, "id") or "question",
        plain_text(text_of(found, "text"), MESSAGE_CHARS),
        "permission" if text_of(found, "kind") == "permission" else "question",
        _word(found, "tool"),
        _word(found, "target"),
        tuple(options),
    )


def _word(found: Any, key: str) -> str:
    return one_line(text_of(found, key), ACTIVITY_CHARS)


def _detail(found: dict[str, Any]) -> str:
    return one_line(text_of(found, "detail"), DETAIL_CHARS)
