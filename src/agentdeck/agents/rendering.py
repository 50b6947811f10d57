"""Lines of an agent's log as a person reads them: a tool call is one line, prose is prose.

Rules:
- Pure and without memory, so that any part of a log can be drawn. Pieces of prose are put together
  in `passages`.
- A line of JSON that means nothing to a person gives no line at all; what is no JSON is shown as
  it is.
- What went wrong and what waits for a person is always there; a to-do list is one calm line.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, TypeAlias, assert_never

import msgspec

from agentdeck.agents.json_line import number_of, parse_object, text_of
from agentdeck.agents.line_reader import Context
from agentdeck.agents.one_line import decoded_line
from agentdeck.agents.readers import line_reader
from agentdeck.agents.reports import (
    Asked,
    Ended,
    Limited,
    Noise,
    Noted,
    Planned,
    Printed,
    Report,
    Said,
    Started,
    ToolUsed,
    Touched,
    Usage,
    Withdrawn,
)
from agentdeck.core.events import FailureClass

LINE_CHARS: Final = 4096  # of plain output; wider than any screen, short enough to draw at once

_SAID_BETTER: Final = ToolUsed | Limited | Noted | Ended  # than by the line itself
TEXT_FORMATS: Final = frozenset(
    ("plain", "aider", "mini")
)  # whose lines a person can read as they are
MILLISECONDS_FROM: Final = 1e11  # a time above it is in milliseconds: in seconds it is year 5138
EPOCH_FROM: Final = 1e9  # a smaller number of seconds counts from the start of something

# Troubles that agents get over by waiting, and often do.
_PASSING: Final = frozenset((FailureClass.RATE_LIMIT, FailureClass.OVERLOAD, FailureClass.NETWORK))

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
        stream_format: a key of `readers.FORMATS`.
        line: as it stands in the log; of one that is cut off in the middle the text is shown.
        root: the agent's folder; paths are shown from there.

    Raises:
        UsageError: there is no such format.
    """
    reports = line_reader(stream_format, Context(root, alone=True)).read(line)
    if stream_format in TEXT_FORMATS and not any(isinstance(r, _SAID_BETTER) for r in reports):
        text = decoded_line(line, LINE_CHARS)  # wider than a report is
        return [Line("text", text)] if text else []
    at = time_of(line)
    return [shown for report in _telling(reports) for shown in _lines(report, at)]


def _telling(reports: list[Report]) -> list[Report]:
    """Without what another report of the same line says better."""
    failed = any(isinstance(report, ToolUsed) and report.status == "failed" for report in reports)
    listed = any(isinstance(report, Planned) for report in reports)
    limited = any(isinstance(report, Limited) for report in reports)

    def told(report: Report) -> bool:
        if isinstance(report, Noise):
            return not limited
        if isinstance(report, ToolUsed) and report.status == "running":
            return not failed and (not listed or bool(report.target))
        return True

    return [report for report in reports if told(report)]


def _lines(report: Report, at: float | None) -> list[Line]:
    match report:
        case Said(text):
            return prose(text, at)
        case Printed(text):
            return [Line("text", text, "", at)]
        case ToolUsed(name, target, status, detail):
            return _tool(f"{name} {target}".rstrip(), status, detail, at)
        case Planned(items):
            return _todo_list(report, at) if items else []
        case Asked(_, text):
            first, _, more = text.partition("\n")
            return [Line("ask", f"? {first}", " ".join(more.split()), at)]
        case Limited(cause, detail, _, _, hit):
            serious = hit and cause not in _PASSING
            return [Line("error" if serious else "noise", detail, "", at)]
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
        case Usage() | Ended() | Touched() | Withdrawn():
            return []
        case _ as never:
            assert_never(never)


def prose(text: str, at: float | None) -> list[Line]:
    """The lines of a text that have something on them."""
    return [Line("text", part, "", at) for part in text.split("\n") if part.strip()]


def _tool(what: str, status: str, detail: str, at: float | None) -> list[Line]:
    if status == "failed":
        return [Line("error", f"✖ {what}", detail, at)]
    if status == "ok":
        return []  # its call is on the screen
    return [Line("tool", f"▸ {what}", detail, at)]


def _todo_list(planned: Planned, at: float | None) -> list[Line]:
    done = sum(item.status == "done" for item in planned.items)
    next_up = [item.text for item in planned.items if item.status == "active"] or [
        item.text for item in planned.items if item.status == "pending"
    ]
    what = f"to do: {done} of {len(planned.items)} done"
    return [Line("noise", what, next_up[0] if next_up else "", at)]


def time_of(line: bytes) -> float | None:
    """When the line was written, as far as it says."""
    found = parse_object(line)
    if found is None:
        return None
    try:
        return datetime.fromisoformat(text_of(found, "timestamp")).timestamp()
    except (ValueError, OverflowError):
        at = number_of(found, "timestamp") or number_of(found, "at") or number_of(found, "t")
    if at > MILLISECONDS_FROM:
        return at / 1000
    if "t" in found and at < EPOCH_FROM:
        return None
    return at or None
