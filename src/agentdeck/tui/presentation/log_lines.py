"""A passage of an agent's log as the deck shows it: a tool call on one row, prose wrapped.

Rules: pure, and by single passages, so any part of a log of any size can be shown. Tools and prose
are read; what the agent's own machinery says is faint; what needs a person or went wrong is
coloured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from agentdeck.agents.passages import render_passage
from agentdeck.agents.rendering import Line as LogLine
from agentdeck.core.plan import Plan
from agentdeck.core.state import Attempt
from agentdeck.tui.presentation.figures import clock_seconds
from agentdeck.tui.presentation.line import Line, Span, cut, plain, wrapped

INDENT: Final = "  "
_ROLES: Final = {
    "noise": "faint",
    "error": "state-failed",
    "ask": "state-asks bold",
    "result": "state-landed",
}


def format_of(plan: Plan, attempt: Attempt) -> str:
    """In which format an attempt's log is written."""
    agent = plan.agent_by_name.get(attempt.agent)
    return "plain" if agent is None else agent.stream


def log_lines(
    stream_format: str, passage: Sequence[bytes], width: int, *, root: str, utc: bool
) -> list[Line]:
    """What the deck shows of one passage of a log; often nothing."""
    found: list[Line] = []
    for line in render_passage(stream_format, passage, root=root):
        found += _shown(line, width, plain_log=stream_format == "plain", utc=utc)
    return found


def _shown(line: LogLine, width: int, *, plain_log: bool, utc: bool) -> Iterator[Line]:
    time: Line = (Span(clock_seconds(line.time, utc=utc) + " ", "faint"),) if line.time else ()
    room = max(20, width - sum(len(span.text) for span in time))
    if line.kind == "tool":
        yield (*time, *_tool(line, room))
        return
    if line.kind == "text":
        indent = "" if plain_log else INDENT
        for number, part in enumerate(wrapped(line.text, room, indent=indent)):
            yield (*(time if number == 0 else _blank(time)), *part)
        return
    role = _ROLES.get(line.kind, "")
    detail = plain(line.detail)
    if line.kind == "noise":
        yield (*time, Span(cut(plain(line.text) + (f"  {detail}" if detail else ""), room), role))
        return
    for number, part in enumerate(wrapped(line.text, room, role)):
        yield (*(time if number == 0 else _blank(time)), *part)
    if detail:
        for part in wrapped(detail, room, "muted", indent=INDENT):
            yield (*_blank(time), *part)


def _blank(time: Line) -> Line:
    return tuple(Span(" " * len(span.text)) for span in time)


def _tool(line: LogLine, room: int) -> Line:
    mark, _, rest = plain(line.text).partition(" ")
    name, _, target = rest.partition(" ")
    detail = plain(line.detail)
    shown: Line = (
        Span(mark + " ", "faint"),
        Span(name, "accent"),
        Span("  " + cut(target, room - len(name) - 4)),
    )
    return (*shown, Span(f"  {detail}", "muted")) if detail else shown
