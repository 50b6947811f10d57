"""The stream of Claude Code: `claude -p --output-format stream-json --verbose`.

Rules:
- Order of keys means nothing, unknown types are noise.
- Only `result` is counted: `assistant` lines repeat the usage of their message once a block. Its
  totals grow over the process, so the latest holds and nothing is summed.
- `subtype` "success" with `is_error` is a failure: errors of the service are reported so.
- Sub-agents (`parent_tool_use_id`) use tools like anybody, but their prose is not the agent's.
"""

from __future__ import annotations

from typing import Any, Final

from agentdeck.agents.claude_failures import Failure, api_failure
from agentdeck.agents.claude_tools import detail_of, target_of
from agentdeck.agents.json_line import (
    count_of,
    list_of,
    number_of,
    parse_object,
    table_of,
    text_of,
)
from agentdeck.agents.one_line import decoded_line, one_line, plain_text
from agentdeck.agents.reports import (
    ACTIVITY_CHARS,
    DETAIL_CHARS,
    MESSAGE_CHARS,
    NOISE_CHARS,
    Ended,
    Noise,
    Noted,
    Report,
    Said,
    Started,
    ToolUsed,
    Usage,
)
from agentdeck.core.events import FailureClass

MAX_OPEN_TOOLS: Final = 64  # calls whose end is awaited; agents have a handful at once
MAX_BLOCKS: Final = 256  # content blocks of one line that are looked at; real ones have one or two
MILLISECONDS_FROM: Final = 1e11  # a time above it is in milliseconds: in seconds it is year 5138


class ClaudeLines:
    """Reads the lines of one attempt."""

    def __init__(self, root: str = "") -> None:
        self._root = root  # the agent's folder; paths are shown below it
        self._open: dict[str, tuple[str, str]] = {}  # tool calls by id: name, target
        self._resets_at: float | None = None
        self._blamed = ""  # the latest error word of the service

    def read(self, line: bytes) -> list[Report]:
        """What one line says."""
        found = parse_object(line)
        if found is None:
            raw = decoded_line(line, NOISE_CHARS)
            return [Noise(raw, foreign=True)] if raw else []
        return self._reports(found) or [Noise(decoded_line(line, NOISE_CHARS))]

    def _reports(self, found: dict[str, Any]) -> list[Report]:
        match found.get("type"):
            case "system":
                return self._system(found)
            case "assistant":
                return self._assistant(found)
            case "user":
                return self._user(found)
            case "rate_limit_event":
                return self._rate_limit(table_of(found, "rate_limit_info"))
            case "result":
                return self._result(found)
            case _:
                return []

    def _system(self, found: dict[str, Any]) -> list[Report]:
        match found.get("subtype"):
            case "init":
                self._root = text_of(found, "cwd") or self._root
                session = one_line(text_of(found, "session_id"), ACTIVITY_CHARS)
                model = one_line(text_of(found, "model"), ACTIVITY_CHARS)
                return [Started(session or None, model or None)]
            case "api_retry":
                self._blamed = text_of(found, "error")
                status = count_of(found, "error_status")
                why = f"HTTP {status}" if status else self._blamed or "a network error"
                turn = f"{count_of(found, 'attempt')} of {count_of(found, 'max_retries')}"
                wait = number_of(found, "retry_delay_ms") / 1000
                text = f"asks the service again after {why} ({turn}, in {wait:.0f} s)"
                return [Noted(one_line(text, ACTIVITY_CHARS))]
            case _:
                return []

    def _assistant(self, found: dict[str, Any]) -> list[Report]:
        self._blamed = text_of(found, "error") or self._blamed
        main = found.get("parent_tool_use_id") is None
        reports: list[Report] = []
        for block in list_of(table_of(found, "message"), "content")[:MAX_BLOCKS]:
            kind = text_of(block, "type")
            if kind == "text" and main:
                text = plain_text(text_of(block, "text"), MESSAGE_CHARS)
                reports += [Said(text)] if text else []
            elif kind == "tool_use":
                reports.append(self._tool(block))
        return reports

    def _tool(self, block: dict[str, Any]) -> Report:
        name = one_line(text_of(block, "name"), ACTIVITY_CHARS) or "tool"
        given = table_of(block, "input")
        target = target_of(given, self._root)
        while len(self._open) >= MAX_OPEN_TOOLS:
            del self._open[next(iter(self._open))]
        self._open[text_of(block, "id")] = (name, target)
        return ToolUsed(name, target, "running", detail_of(name, given))

    def _user(self, found: dict[str, Any]) -> list[Report]:
        reports: list[Report] = []
        for block in list_of(table_of(found, "message"), "content")[:MAX_BLOCKS]:
            if text_of(block, "type") != "tool_result":
                continue
            name, target = self._open.pop(text_of(block, "tool_use_id"), ("tool", ""))
            status = "failed" if block.get("is_error") is True else "ok"
            reports.append(ToolUsed(name, target, status, _result_text(block)))
        return reports

    def _rate_limit(self, info: dict[str, Any]) -> list[Report]:
        if text_of(info, "status") != "rejected":
            return []
        self._blamed = "rate_limit"
        at = number_of(info, "resetsAt")
        self._resets_at = (at / 1000 if at > MILLISECONDS_FROM else at) or None
        which = text_of(info, "rateLimitType").replace("_", " ")
        return [Noted(one_line(f"has used up its limit ({which or 'rate'})", ACTIVITY_CHARS))]

    def _result(self, found: dict[str, Any]) -> list[Report]:
        subtype = text_of(found, "subtype")
        failed = found.get("is_error") is True or subtype not in {"", "success"}
        if not failed:
            return [_usage(found), Ended(True, one_line(text_of(found, "result"), DETAIL_CHARS))]
        errors = "; ".join(error for error in list_of(found, "errors") if isinstance(error, str))
        said = one_line(text_of(found, "result") or errors, DETAIL_CHARS)
        failure = api_failure(found, said, self._blamed) or Failure(FailureClass.AGENT)
        retry_at = failure.retry_at
        if failure.cause is FailureClass.RATE_LIMIT:
            retry_at = self._resets_at or retry_at
        if text_of(found, "terminal_reason").startswith("aborted"):
            detail = "it was interrupted"
        else:
            detail = said or subtype.replace("_", " ") or "the agent reported an error"
        return [_usage(found), Ended(False, detail, failure.cause, retry_at)]


def _usage(found: dict[str, Any]) -> Usage:
    """Totals of the process; of the main loop alone where the result has no more."""
    usd = number_of(found, "total_cost_usd")
    models = [model for model in table_of(found, "modelUsage").values() if isinstance(model, dict)]
    if models:
        fresh = ("inputTokens", "cacheCreationInputTokens")
        tokens_in = sum(count_of(model, key) for model in models for key in fresh)
        return Usage(tokens_in, sum(count_of(model, "outputTokens") for model in models), usd)
    usage = table_of(found, "usage")
    tokens_in = count_of(usage, "input_tokens") + count_of(usage, "cache_creation_input_tokens")
    return Usage(tokens_in, count_of(usage, "output_tokens"), usd)


def _result_text(block: dict[str, Any]) -> str:
    """The first line of what a tool gave back."""
    content = block.get("content")
    if isinstance(content, list):
        content = next((text_of(part, "text") for part in content if text_of(part, "text")), "")
    text = content if isinstance(content, str) else ""
    return one_line(text.lstrip()[: DETAIL_CHARS * 4].partition("\n")[0], DETAIL_CHARS)
