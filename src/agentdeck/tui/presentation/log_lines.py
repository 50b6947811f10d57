"""A passage of an agent's log as the deck shows it: a tool call on one row, prose wrapped.

Rules: pure, and by single passages, so any part of a log of any size can be shown. Tools and prose
are read; what the agent's own machinery says is faint; what needs a person or went wrong is
coloured. How else a log can be looked at is in `log_rows`.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentdeck.core.plan import Plan
from agentdeck.core.state import Attempt
from agentdeck.tui.presentation.line import Line
from agentdeck.tui.presentation.log_rows import LogLook, log_rows


def format_of(plan: Plan, attempt: Attempt) -> str:
    """In which format an attempt's log is written."""
    agent = plan.agent_by_name.get(attempt.agent)
    return "plain" if agent is None else agent.stream


def log_lines(
    stream_format: str, passage: Sequence[bytes], width: int, *, root: str, utc: bool
) -> list[Line]:
    """What the deck shows of one passage of a log; often nothing."""
    look = LogLook(stream_format, width, root, utc=utc)
    return [row.line for row in log_rows(look, passage)]
