"""Lines of an agent's log as a person reads them: a tool call is one line, prose is prose.

Rules: pure and without memory, so that any part of a log can be drawn. A line of JSON that means
nothing to a person gives no line at all; a line that is no JSON is shown as it is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, TypeAlias, assert_never

import msgspec

from agentdeck.agents.claude import ClaudeLines
from agentdeck.agents.json_line import number_of, parse_object, text_of
from agentdeck.agents.one_line import decoded_line
from agentdeck.agents.readers import line_reader
from agentdeck.agents.reports import (
    Asked,
    Ended,
    Noise,
    Noted,
    Printed,
    Report,
    Said,
    Started,
    ToolUsed,
    Usage,
)

LINE_CHARS: Final = 4096  # of plain output; wider than any screen, short enough to draw at once

Kind: TypeAlias = Literal["tool", "text", "noise", "error", "ask", "result"]


class Line(msgspec.Struct, frozen=True):
    """One line on the screen. `time` is seconds since the epoch, None = not known."""

    kind: Kind
    text: str
    detail: str = ""
    time: float | None = None


def render(stream_format: str, line: bytes, *, root: str = "") -> list[Line]:
    """What to show of one line of a log.

    Args:
        stream_format: plain, claude or scripted.
        line: as it stands in the log; of one that is cut off in the middle the text is shown.
        root: the agent's folder; paths are shown from there.

    Raises:
        UsageError: there is no such format.
    """
    if stream_format == "plain":
        text = decoded_line(line, LINE_CHARS)
        return [Line("text", text)] if text else []
    reader = ClaudeLines(root) if stream_format == "claude" else line_reader(stream_format)
    at = _time_of(line)
    return [shown for report in reader.read(line) for shown in _lines(report, at)]


def _lines(report: Report, at: float | None) -> list[Line]:
    match report:
        case Said(text):
            return [Line("text", part, "", at) for part in text.split("\n") if part.strip()]
        case Printed(text):
            return [Line("text", text, "", at)]
        case ToolUsed(name, target, status, detail):
            return _tool(f"{name} {target}".rstrip(), status, detail, at)
        case Asked(_, text):
            return [Line("ask", f"? {text}", "", at)]
        case Noted(text):
            return [Line("noise", text, "", at)]
        case Started(session, model):
            return [Line("noise", f"session {session or '?'}", model or "", at)]
        case Ended(True, detail):
            return [Line("result", "✔ done", detail, at)]
        case Ended(False, detail, cause):
            return [Line("error", f"✖ {cause or 'failed'}", detail, at)]
        case Noise(raw, foreign):
            return [Line("noise", raw, "", at)] if foreign else []
        case Usage() | Ended():
            return []
        case _ as never:
            assert_never(never)


def _tool(what: str, status: str, detail: str, at: float | None) -> list[Line]:
    if status == "failed":
        return [Line("error", f"✖ {what}", detail, at)]
    if status == "ok":
        return []  # its call is on the screen
    return [Line("tool", f"▸ {what}", detail, at)]


def _time_of(line: bytes) -> float | None:
    found = parse_object(line)
    if found is None:
        return None
    try:
        return datetime.fromisoformat(text_of(found, "timestamp")).timestamp()
    except (ValueError, OverflowError):
        return number_of(found, "at") or None
