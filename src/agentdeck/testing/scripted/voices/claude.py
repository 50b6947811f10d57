"""Claude Code: `claude -p --output-format stream-json --verbose`, as 2.1.329 was recorded.

Rules:
- `assistant` lines repeat the usage of their reply with the output of its start; `result` is right.
- `usage` is of the turn. `modelUsage` and `total_cost_usd` go on over all turns of the process, and
  over a resumed session; with `--as-version 2.1.197` (or any other) a process counts from 0.
- Errors of the service are `subtype: "success"` with `is_error`.
- Without somebody to ask (`--permission-prompt-tool stdio`) a tool that needs a permission is
  denied, and the run goes on.
- SIGINT ends it with a result and code 0, SIGTERM without a result.
"""

from __future__ import annotations

import os
import time

from agentdeck.testing.scripted.calls import EDIT, WRITE, Call
from agentdeck.testing.scripted.clock import hour, stamp
from agentdeck.testing.scripted.endings import (
    QUOTA,
    REFUSED,
    SESSION_USED,
    STATUS,
    TURN_LIMIT,
    Trouble,
)
from agentdeck.testing.scripted.output import complain
from agentdeck.testing.scripted.script import count_in
from agentdeck.testing.scripted.session import Session
from agentdeck.testing.scripted.signals import signal
from agentdeck.testing.scripted.tokens import Meter, Tally
from agentdeck.testing.scripted.voice import PATIENCE_S, Voice
from agentdeck.testing.scripted.voices.claude_lines import (
    ERRORS,
    NO_SUBAGENTS,
    NO_TOKENS,
    ONLY_NEW,
    VERSION,
    given,
    init_line,
    model_usage,
    outcome,
    usage_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from agentdeck.testing.scripted.attempt import Attempt


class Claude(Voice):
    """Says it as Claude Code does."""

    speaks = "claude"
    names_by = "--session-id"

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt)
        self.retries = count_in(os.environ.get("CLAUDE_CODE_MAX_RETRIES", ""), 10)
        self.mode = attempt.option("--permission-mode") or "default"
        if attempt.has("--dangerously-skip-permissions"):
            self.mode = "bypassPermissions"
        self._version = attempt.option("--as-version") or VERSION
        self._message = ""
        self._replies = 0
        self._results = 0
        self._denials: list[object] = []
        self._turn_began = time.monotonic()

    # --- the story ----------------------------------------------------------------------------

    def begin(self, prompt: str) -> None:
        """Say what the session is."""
        self._turn_began, self._denials = time.monotonic(), []
        where, model = self.attempt.cwd, self.attempt.model
        init = init_line(self.session.id, where, model, self.mode, self._version)
        self.out.json({**init, "uuid": self.ids.uuid()})

    def permit(self, call: Call) -> None:
        """Deny what nobody can be asked about."""
        edits = call.kind in (WRITE, EDIT)
        if self.mode == "bypassPermissions" or (self.mode == "acceptEdits" and edits):
            return
        self.deny(call, f"Claude requested permissions to use {call.name}, but you haven't granted")

    def deny(self, call: Call, why: str) -> None:
        """The call is not done; the result will list it."""
        call.denied = why
        wanted = {"tool_name": call.name, "tool_use_id": call.id, "tool_input": given(call)}
        self._denials.append(wanted)

    def patience(self, trouble: Trouble) -> int:
        """None for a limit that lasts."""
        lasts = trouble.kind == QUOTA or trouble.wait_s > PATIENCE_S
        return 0 if lasts else self.retries

    def retried(self, trouble: Trouble, number: int, limit: int) -> None:
        """Say that the service is asked again."""
        wait_ms = int(trouble.wait_s * 1000) or min(32_000, 500 << min(number - 1, 6))
        line = {
            "type": "system",
            "subtype": "api_retry",
            "attempt": number,
            "max_retries": limit,
            "retry_delay_ms": wait_ms,
            "error_status": STATUS.get(trouble.kind),
            "error": ERRORS[trouble.kind][0],
        }
        self.out.json({**line, "session_id": self.session.id, "uuid": self.ids.uuid()})

    def lost(self, trouble: Trouble) -> int:
        """An unknown session has a result, a taken one only words."""
        if trouble.kind == SESSION_USED:
            complain(f"Error: Session ID {trouble.detail} is already in use.")
            return 1
        self.follow(Session(self.new_id(), self.attempt.cwd), Meter(0, Tally()))
        error = f"No conversation found with session ID: {trouble.detail}"
        self._result(
            {"is_error": True, "subtype": "error_during_execution", "errors": [error]},
            terminal_reason="error",
        )
        return 1

    def stopped(self, number: int) -> int:
        """SIGINT is an interrupt like any other; SIGTERM leaves no result."""
        if number != signal.SIGINT:
            return 128 + number
        if self.following:
            self.interrupted()
        return 0

    def interrupted(self) -> None:
        """The turn was dropped."""
        in_tool = self.calling
        if in_tool is not None:
            in_tool.denied = "The user doesn't want to proceed with this tool use."
            self.returned(in_tool)
        self.close("stop")
        kind = " for tool use" if in_tool else ""
        self._say("user", [{"type": "text", "text": f"[Request interrupted by user{kind}]"}])
        reason = "aborted_tools" if in_tool else "aborted_streaming"
        self._result(
            {"is_error": True, "subtype": "error_during_execution", "errors": ["interrupted"]},
            stop_reason="tool_use",
            terminal_reason=reason,
        )

    # --- what the format says -----------------------------------------------------------------

    def reply_opened(self) -> None:
        """All blocks of a reply have one message id."""
        self._replies += 1
        self._message = f"msg_{self._replies}_{self.ids.hexes(8)}"

    def text(self, text: str) -> None:
        """A block of text."""
        self._block({"type": "text", "text": text})

    def called(self, call: Call) -> None:
        """A block that uses a tool."""
        call.id = f"toolu_{self.ids.letters(24)}"
        self._block({"type": "tool_use", "id": call.id, "name": call.name, "input": given(call)})

    def ended(self, call: Call) -> None:
        """The tool's result, as a message of the user."""
        meta: dict[str, object] = {"id": call.id}
        block: dict[str, object] = {"tool_use_id": call.id, "type": "tool_result"}
        if call.denied is not None:
            meta["non_execution_kind"] = "permission-rule"
            meta["permission_decision"] = {"decision": "reject", "source": "user_reject"}
            block |= {"content": call.denied, "is_error": True}
            told: object = f"Error: {call.denied}"
        else:
            source = {"decision": "accept", "source": "config", "reason_type": "mode"}
            meta["permission_decision"] = source
            block["content"], told = outcome(call)
            if call.kind not in (WRITE, EDIT):
                block["is_error"] = False
        self._say("user", [block], tool_use_result=told, tool_result_meta=[meta])

    def result(self) -> None:
        """The turn ended well."""
        self._result({"is_error": False, "subtype": "success", "result": self.last_text})

    def broke(self, trouble: Trouble) -> int:
        """The turn ended badly."""
        if trouble.kind in ERRORS:
            self._service_failed(trouble)
        elif trouble.kind == REFUSED:
            self._refused(trouble.detail)
        elif trouble.kind == TURN_LIMIT:
            self.close("stop")
            limit = self.attempt.option("--max-turns") or self.meter.turn.replies
            self._result(
                {
                    "is_error": True,
                    "subtype": "error_max_turns",
                    "errors": [f"Reached maximum number of turns ({limit})"],
                },
                stop_reason="tool_use",
                terminal_reason="max_turns",
            )
        else:
            self.close("stop")
            error = {"subtype": "error_during_execution", "errors": [trouble.detail]}
            self._result({"is_error": True, **error}, terminal_reason="error")
        return 1

    def _service_failed(self, trouble: Trouble) -> None:
        name, kind, words = ERRORS[trouble.kind]
        status = STATUS.get(trouble.kind)
        resets_at = time.time() + trouble.wait_s
        detail = f"{hour(resets_at)} ({time.tzname[0]})"
        text = words.format(detail if trouble.kind == QUOTA else trouble.detail)
        if trouble.kind == QUOTA:
            info = {
                "status": "rejected",
                "resetsAt": int(resets_at),
                "rateLimitType": "five_hour",
                "isUsingOverage": False,
            }
            ids = {"uuid": self.ids.uuid(), "session_id": self.session.id}
            self.out.json({"type": "rate_limit_event", "rate_limit_info": info, **ids})
        self.close("stop")
        error: dict[str, Any] = {"api_error_status": status, "api_error_type": kind}
        self._synthetic(text, error=name, is_api_error_message=True, **error)
        self._result(
            {"is_error": True, "subtype": "success", "result": text, **error},
            stop_reason="stop_sequence",
            terminal_reason="api_error",
        )

    def _refused(self, detail: str) -> None:
        self.close("stop")
        text = (
            "API Error: Claude Code is unable to respond to this request, which appears to violate "
            f"our Usage Policy: {detail}"
        )
        self._synthetic(text, stop_reason="refusal", error="invalid_request")
        self._result(
            {"is_error": True, "subtype": "success", "result": text, "api_error_status": None},
            stop_reason="refusal",
        )

    # --- lines --------------------------------------------------------------------------------

    def _block(self, block: dict[str, object]) -> None:
        reply = self.meter.reply
        usage = {
            "input_tokens": reply.fresh,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": reply.cached,
            "output_tokens": 1,
        }
        message = {
            "id": self._message,
            "type": "message",
            "role": "assistant",
            "model": self.attempt.model,
            "content": [block],
            "stop_reason": None,
            "usage": usage,
            "context_management": None,
        }
        self._main("assistant", message)

    def _synthetic(self, text: str, *, stop_reason: str = "stop_sequence", **more: object) -> None:
        """What stands in for an answer of the model."""
        message = {
            "diagnostics": None,
            "id": self.ids.uuid(),
            "container": None,
            "model": "<synthetic>",
            "role": "assistant",
            "stop_details": None,
            "stop_reason": stop_reason,
            "stop_sequence": "",
            "type": "message",
            "usage": NO_TOKENS,
            "content": [{"type": "text", "text": text}],
            "context_management": None,
        }
        self._main("assistant", message, **more)

    def _say(self, role: str, content: list[dict[str, object]], **more: object) -> None:
        self._main(role, {"role": role, "content": content}, **more)

    def _main(self, kind: str, message: object, **more: object) -> None:
        """A line of the main conversation, which is no sub-agent's."""
        line = {"type": kind, "message": message, "parent_tool_use_id": None}
        ids = {"session_id": self.session.id, "uuid": self.ids.uuid(), "timestamp": stamp()}
        self.out.json({**line, **ids, **more})

    def _result(
        self,
        ending: dict[str, object],
        *,
        stop_reason: str = "end_turn",
        terminal_reason: str = "completed",
    ) -> None:
        took_ms = int((time.monotonic() - self._turn_began) * 1000)
        old, turn = self._version != VERSION, self.meter.turn
        total = self.meter.process if old else self.meter.total
        model = self.attempt.model
        line: dict[str, object] = {
            "duration_api_ms": took_ms,
            "stop_reason": stop_reason,
            "session_id": self.session.id,
            "total_cost_usd": total.usd,
            "usage": usage_of(turn),
            "modelUsage": {model: model_usage(total, model)} if total.replies else {},
            "permission_denials": self._denials,
            "terminal_reason": terminal_reason,
            "fast_mode_state": "off",
            "fast_mode_disabled_reason": "sdk_opt_in_required",
            "subagent_stats": NO_SUBAGENTS,
            "safety_stops": 0,
            "num_turns": max(1, turn.replies),
            "api_error_status": None,
            **ending,
            "ttft_ms": took_ms,
            "type": "result",
            "duration_ms": took_ms,
            "uuid": self.ids.uuid(),
            "ttft_stream_ms": took_ms,
            "time_to_request_ms": 0,
            "first_content_frame_ms": took_ms,
            "queued_turn_count": 0,
            "result_index": self._results,
            "model_usage_since_last_result": (
                {model: model_usage(turn, model)} if turn.replies else {}
            ),
        }
        for key in ONLY_NEW if old else ():
            del line[key]
        if "errors" in ending:
            del line["api_error_status"]
        self._results += 1
        self.out.json(line)


def voice(attempt: Attempt) -> Voice:
    """The voice of this format, with ears if somebody is there to talk to."""
    over_stdin = attempt.option("--permission-prompt-tool") == "stdio"
    if over_stdin or attempt.option("--input-format") == "stream-json":
        from agentdeck.testing.scripted.voices.claude_talk import Talking

        return Talking(attempt)
    return Claude(attempt)
