"""What agents write beside their log: aider's analytics and mini-swe-agent's trajectory.

Rules:
- A trace is read whole, each time anew, and without memory: its reports are totals, so reading it
  twice does no harm. Of one that is being written the last line, or all of it, may be missing.
- Its usage is exact and replaces what the log made one think. Its result is worth less than one of
  the log that names a cause: aider's says no more than that it was answered.
- Nothing raises, whatever the bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from agentdeck.agents.json_line import count_of, list_of, number_of, parse_object, table_of, text_of
from agentdeck.agents.line_reader import plus
from agentdeck.agents.litellm_errors import cause_by_name
from agentdeck.agents.one_line import one_line
from agentdeck.agents.reports import (
    ACTIVITY_CHARS,
    DETAIL_CHARS,
    Ended,
    Report,
    Started,
    Totals,
    Usage,
)
from agentdeck.core.errors import UsageError
from agentdeck.core.events import FailureClass

MAX_TRACE_BYTES: Final = 32 << 20  # a trajectory of a long run has a few megabytes
_SPENT_STATUSES: Final = frozenset(("LimitsExceeded", "TimeExceeded"))


def read_trace(trace_format: str, data: bytes) -> list[Report]:
    """What a trace says.

    Args:
        trace_format: aider-analytics or mini-trajectory.
        data: the file as it is now; of one beyond `MAX_TRACE_BYTES` the beginning is read.

    Raises:
        UsageError: there is no such format.
    """
    if trace_format not in TRACES:
        known = ", ".join(TRACES)
        raise UsageError(f"there is no trace format named {trace_format!r}", hint=f"one of {known}")
    return TRACES[trace_format](data[:MAX_TRACE_BYTES])


def _aider(data: bytes) -> list[Report]:
    """Lines of events. `message_send` has the tokens of one message and the cost of all."""
    total, usd, begun, answered = Totals(), 0.0, 0, 0
    over: Ended | None = None
    for line in data.split(b"\n"):
        found = parse_object(line)
        if found is None:
            continue
        told = table_of(found, "properties")
        match found.get("event"):
            case "message_send_starting":
                begun += 1
            case "message_send":
                answered += 1
                tokens = count_of(told, "prompt_tokens"), count_of(told, "completion_tokens")
                total = plus(total, Totals(*tokens))
                usd = max(usd, number_of(told, "total_cost"))
            case "exit":
                over = _left(one_line(text_of(told, "reason"), DETAIL_CHARS), begun, answered)
            case _:
                pass
    usage = [Usage(total.tokens_in, total.tokens_out, usd)] if answered else []
    return [*usage, over] if over is not None else [*usage]


def _left(reason: str, begun: int, answered: int) -> Ended:
    if not begun:
        return Ended(False, reason or "it asked the model nothing")
    if begun > answered:
        return Ended(False, "the model did not answer")
    return Ended(True, reason)


def _mini(data: bytes) -> list[Report]:
    """One object, with the raw answer of the model in each of its messages."""
    found = parse_object(data)
    if found is None:
        return []
    info, messages = table_of(found, "info"), list_of(found, "messages")
    total = Totals()
    for message in messages:
        response = table_of(table_of(message, "extra"), "response")
        total = plus(total, _of_answer(table_of(response, "usage")))
    usd = number_of(table_of(info, "model_stats"), "instance_cost")
    model = text_of(table_of(table_of(info, "config"), "model"), "model_name")
    reports: list[Report] = []
    if model:
        reports.append(Started(None, one_line(model, ACTIVITY_CHARS)))
    reports.append(Usage(total.tokens_in, total.tokens_out, usd, total.tokens_cached))
    status = text_of(info, "exit_status")
    return [*reports, _exit(status, info, messages)] if status else reports


def _of_answer(usage: dict[str, Any]) -> Totals:
    prompt = count_of(usage, "prompt_tokens")
    cached = min(prompt, count_of(table_of(usage, "prompt_tokens_details"), "cached_tokens"))
    return Totals(prompt - cached, count_of(usage, "completion_tokens"), cached)


def _exit(status: str, info: dict[str, Any], messages: list[Any]) -> Ended:
    if status == "Submitted":
        return Ended(True, one_line(text_of(info, "submission"), DETAIL_CHARS))
    last = table_of(messages[-1], "extra") if messages else {}
    said = one_line(text_of(last, "exception_str") or status, DETAIL_CHARS)
    if status in _SPENT_STATUSES:
        return Ended(False, said, FailureClass.TURN_LIMIT)
    return Ended(False, said, cause_by_name(status, said) or FailureClass.AGENT)


TRACES: Final[dict[str, Callable[[bytes], list[Report]]]] = {
    "aider-analytics": _aider,
    "mini-trajectory": _mini,
}
