"""The parts of Claude Code's lines that depend on nothing but what is passed in."""

from __future__ import annotations

import os

from agentdeck.testing.scripted.calls import EDIT, READ, REMOVE, SEARCH, SHELL, WRITE, Call
from agentdeck.testing.scripted.endings import AUTH, NETWORK, OVERLOAD, QUOTA, RATE_LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agentdeck.testing.scripted.tokens import Tally

# Of the service's troubles: what an `assistant` line and what a `result` calls it, and the words.
ERRORS = {
    RATE_LIMIT: ("rate_limit", "rate_limit_error", "API Error: Request rejected (429) · {}"),
    QUOTA: ("rate_limit", "rate_limit_error", "You've hit your session limit · resets {}"),
    OVERLOAD: ("server_error", "api_error", "API Error: 500 {}. This is a server-side issue."),
    AUTH: (
        "authentication_failed",
        "authentication_error",
        "Failed to authenticate. API Error: 401 {}",
    ),
    NETWORK: ("unknown", None, "API Error: Unable to connect to API (ECONNREFUSED): {}"),
}
VERSION = "2.1.329"  # whose lines these are
# What older ones do not say; they also count a resumed session from 0.
ONLY_NEW = ("queued_turn_count", "result_index", "model_usage_since_last_result")
TOOLS = ["Task", "Bash", "Edit", "Glob", "Grep", "Read", "WebFetch", "WebSearch", "Write"]
NO_TOKENS = {
    "output_tokens_details": None,
    "input_tokens": 0,
    "output_tokens": 0,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
    "service_tier": None,
    "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
    "inference_geo": None,
    "iterations": None,
    "speed": None,
    "fallback_credit": None,
}
NO_SUBAGENTS = {
    "spawned": 0,
    "requested": {"background": 0, "foreground": 0, "unset": 0},
    "started_in_background": 0,
    "max_depth": 0,
    "spawned_by_subagents": 0,
    "completed": 0,
    "failed": 0,
    "killed": {"parent": 0, "user": 0, "system": 0},
    "refused": {"depth_limit": 0, "concurrency_limit": 0, "budget": 0},
    "by_type": {},
}


def init_line(session: str, cwd: str, model: str, mode: str, version: str) -> dict[str, object]:
    """What a session is."""
    return {
        "type": "system",
        "subtype": "init",
        "cwd": cwd,
        "session_id": session,
        "tools": TOOLS,
        "mcp_servers": [],
        "model": model,
        "permissionMode": mode,
        "slash_commands": ["clear", "compact", "context"],
        "terminal_slash_commands": [],
        "apiKeySource": "none",
        "claude_code_version": version,
        "output_style": "default",
        "agents": ["claude", "general-purpose"],
        "skills": [],
        "plugins": [],
        "capabilities": ["interrupt_receipt_v1"],
        "analytics_disabled": True,
        "product_feedback_disabled": True,
        "served_by_anthropic": False,
        "memory_paths": {"auto": f"{cwd}/.claude/memory/"},
        "original_cwd": cwd,
        "additional_directories": [],
        "messaging_socket_path": f"{cwd}/{os.getpid()}.sock",
        "fast_mode_state": "off",
        "fast_mode_disabled_reason": "sdk_opt_in_required",
        "per_turn_effort_active": True,
        "ultrathink_available": False,
        "ultrathink_typed_raises": False,
        "view_mode": "default",
    }


def given(call: Call) -> dict[str, object]:
    """The input of a tool."""
    if call.kind == WRITE:
        return {"file_path": call.path, "content": call.text}
    if call.kind == EDIT:
        return {"file_path": call.path, "old_string": "", "new_string": call.text}
    if call.kind in (SHELL, REMOVE):
        return {"command": call.command}
    if call.kind == READ:
        return {"file_path": call.path}
    if call.kind == SEARCH:
        return {"pattern": call.target}
    if call.name == "AskUserQuestion":
        return {"questions": [_question(call.target)]}
    return {"description": call.target}


def _question(text: str) -> dict[str, object]:
    options = [{"label": label, "description": ""} for label in ("Yes", "No")]
    return {"question": text, "header": "Question", "options": options, "multiSelect": False}


def outcome(call: Call) -> tuple[str, object]:
    """What the model is told of a tool that ran, and what the line says of it beside that."""
    if call.kind in (WRITE, EDIT):
        done = "created" if call.new else "updated"
        told: dict[str, object] = {
            "type": "create" if call.new else "update",
            "filePath": call.path,
            "content": call.text,
            "structuredPatch": [],
            "originalFile": None if call.new else "",
            "userModified": False,
        }
        return f"File {done} successfully at: {call.path}", told
    if call.name == "AskUserQuestion":
        told = {**given(call), "answers": {call.target: call.output}}
        return f'Your questions have been answered: "{call.target}"="{call.output}".', told
    printed = {"stdout": call.output, "stderr": "", "interrupted": False, "isImage": False}
    return call.output or "(no output)", {**printed, "noOutputExpected": False}


def usage_of(tally: Tally) -> dict[str, object]:
    """The usage of one turn."""
    return {
        "input_tokens": tally.fresh,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": tally.cached,
        "output_tokens": tally.out,
        "output_tokens_details": {"thinking_tokens": 0},
        "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
        "service_tier": "standard",
        "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
        "inference_geo": "",
        "iterations": [],
        "speed": "standard",
        "fallback_credit": None,
    }


def model_usage(tally: Tally, model: str) -> dict[str, object]:
    """The usage of one model."""
    return {
        "inputTokens": tally.fresh,
        "outputTokens": tally.out,
        "cacheReadInputTokens": tally.cached,
        "cacheCreationInputTokens": 0,
        "webSearchRequests": 0,
        "costUSD": tally.usd,
        "contextWindow": 1_000_000,
        "maxOutputTokens": 128_000,
        "thinkingTokens": 0,
        "cacheCreationEphemeral5mInputTokens": 0,
        "cacheCreationEphemeral1hInputTokens": 0,
        "canonicalModel": model,
        "provider": "firstParty",
        "costBasis": "unknown",
    }
