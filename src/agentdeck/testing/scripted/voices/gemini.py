"""Gemini CLI: `gemini -p … --output-format stream-json`, as 0.61.0 was recorded.

Rules:
- It echoes the prompt, and says text in pieces that are to be joined.
- `stats` are of the process, with those of a small model that is asked first which one to take.
- The code of a failed run is the HTTP status modulo 256; retries go to standard error.
- An answer that ends half-way is a success. A session belongs to its folder.
- Signals end it with code 0 and without a result.
"""

from __future__ import annotations

import time

from agentdeck.testing.scripted.calls import EDIT, READ, REMOVE, SEARCH, SHELL, WRITE, Call
from agentdeck.testing.scripted.clock import milliseconds, span, stamp
from agentdeck.testing.scripted.endings import (
    AUTH,
    NETWORK,
    OVERLOAD,
    QUOTA,
    RATE_LIMIT,
    REFUSED,
    SESSION_USED,
    STATUS,
    TURN_LIMIT,
    Trouble,
    TurnEnds,
)
from agentdeck.testing.scripted.output import complain, encoded
from agentdeck.testing.scripted.voice import HALF_AN_ANSWER, Voice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agentdeck.testing.scripted.attempt import Attempt
    from agentdeck.testing.scripted.session import Session, Store

INPUT_ERROR = 42  # exit code, also for sessions
TURNS_USED_UP = 53  # exit code
PIECE = 60  # characters of text in one line
WHOLE = 1000  # characters of a text that is not broken up: somebody wants long lines
ROUTER = "gemini-3.5-flash-lite"
ROUTER_TOKENS = {"total_tokens": 450, "input_tokens": 400, "output_tokens": 50, "cached": 0}
ATTEMPTS = 10
NAMES = {
    RATE_LIMIT: "RESOURCE_EXHAUSTED",
    OVERLOAD: "INTERNAL",
    AUTH: "authentication_error",
}
TOOLS = {
    WRITE: "write_file",
    EDIT: "replace",
    REMOVE: "run_shell_command",
    SHELL: "run_shell_command",
    READ: "read_file",
}


class Gemini(Voice):
    """Says it as Gemini CLI does."""

    speaks = "gemini"
    names_by = "--session-id"
    retries = ATTEMPTS - 1

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt)
        self._began = time.monotonic()
        self._asked = False  # the model, at least once

    def found(self, store: Store, name: str) -> Session | None:
        """A session of this folder."""
        return store.find(name, self.attempt.cwd)

    # --- the story ----------------------------------------------------------------------------

    def begin(self, prompt: str) -> None:
        """Name the session and repeat the prompt."""
        model = self.attempt.option("--model", "-m") or "auto"
        self._line("init", session_id=self.session.id, model=model)
        self._line("message", role="user", content=prompt)

    def lost(self, trouble: Trouble) -> int:
        """Words, and nothing on standard output."""
        if trouble.kind == SESSION_USED:
            complain(f"Error: session {trouble.detail} already exists")
        else:
            complain(f'Error resuming session: Invalid session identifier "{trouble.detail}".')
        return INPUT_ERROR

    def stopped(self, number: int) -> int:
        """As one process it obeys, and takes that for an end like any other."""
        return 0

    # --- what the service does ----------------------------------------------------------------

    def patience(self, trouble: Trouble) -> int:
        """Neither a bad key nor a quota gets better."""
        return 0 if trouble.kind in (AUTH, QUOTA) else self.retries

    def retried(self, trouble: Trouble, number: int, limit: int) -> None:
        """An error with all its lines, and nothing on standard output."""
        status = STATUS.get(trouble.kind)
        what = f"status {status}" if status else trouble.detail
        again = f"Attempt {number} failed with {what}. Retrying with backoff..."
        fault = encoded({"error": {"message": trouble.detail, "code": status}})
        complain(f"{again} _ApiError: {fault}\n    at retryWithBackoff {{\n  status: {status}\n}}")

    def cut(self) -> None:
        """Take half of it for all.

        Raises:
            TurnEnds: always.
        """
        self.say(HALF_AN_ANSWER)
        raise TurnEnds

    # --- what the format says -----------------------------------------------------------------

    def reply_opened(self) -> None:
        """The model is asked."""
        self._asked = True

    def text(self, text: str) -> None:
        """Text in pieces."""
        step = PIECE if len(text) < WHOLE else len(text)
        for start in range(0, len(text), step):
            piece = text[start : start + step]
            self._line("message", role="assistant", content=piece, delta=True)

    def called(self, call: Call) -> None:
        """A tool begins."""
        name = TOOLS.get(call.kind) or {"Glob": "glob"}.get(call.name, "grep_search")
        call.id = f"{name}__{name}_{milliseconds()}_{self.calls}"
        self._line("tool_use", tool_name=name, tool_id=call.id, parameters=_parameters(call))

    def ended(self, call: Call) -> None:
        """It has ended; some say nothing of it."""
        if call.denied is not None:
            error = {"type": "tool_execution_denied", "message": call.denied}
            told = {"status": "error", "output": call.denied, "error": error}
            self._line("tool_result", tool_id=call.id, **told)
        elif call.output:
            self._line("tool_result", tool_id=call.id, status="success", output=call.output)
        else:
            self._line("tool_result", tool_id=call.id, status="success")

    def result(self) -> None:
        """The totals of the process."""
        self._line("result", status="success", stats=self._stats())

    def broke(self, trouble: Trouble) -> int:
        """The error and the totals. Returns the status modulo 256."""
        status, code, kind, message = STATUS.get(trouble.kind), 1, "unknown", trouble.detail
        if trouble.kind == QUOTA:
            kind = "TerminalQuotaError"
            message = (
                "You have exhausted your capacity on this model. "
                f"Your quota will reset after {span(trouble.wait_s)}."
            )
        elif status:
            fault = {"type": NAMES[trouble.kind], "message": trouble.detail, "code": status}
            message, code = _api_error({"type": "error", "error": fault}), status % 256
        elif trouble.kind == NETWORK:
            message = _api_error({"error": {"message": "fetch failed: ECONNREFUSED"}})
        elif trouble.kind == TURN_LIMIT:
            self._line("error", severity="error", message="Maximum session turns exceeded")
            kind, code = "FatalTurnLimitedError", TURNS_USED_UP
            message = "Reached max session turns for this session."
        elif trouble.kind == REFUSED:
            self.say(trouble.detail)  # nothing else tells it from an answer
            self.close("stop")
            self.result()
            return 0
        self.close("stop")
        error = {"type": kind, "message": message}
        self._line("result", status="error", error=error, stats=self._stats())
        return code

    def _stats(self) -> dict[str, object]:
        process = self.meter.process
        own = {
            "total_tokens": process.taken_in + process.out,
            "input_tokens": process.taken_in,
            "output_tokens": process.out,
            "cached": process.cached,
            "input": process.fresh,
        }
        router = {**ROUTER_TOKENS, "input": ROUTER_TOKENS["input_tokens"]}
        if not process.replies:
            router = dict.fromkeys(router, 0)
        took_ms = int((time.monotonic() - self._began) * 1000)
        return {
            **{key: own[key] + router[key] for key in own},
            "duration_ms": took_ms if self._asked else 0,
            "tool_calls": self.calls,
            "models": {ROUTER: router, self.attempt.model: own},
        }

    def _line(self, kind: str, **fields: object) -> None:
        self.out.json({"type": kind, "timestamp": stamp(), **fields})


def _parameters(call: Call) -> dict[str, object]:
    if call.kind == WRITE:
        return {"file_path": call.path, "content": call.text}
    if call.kind == EDIT:
        return {"file_path": call.path, "old_string": "", "new_string": call.text}
    if call.kind == READ:
        return {"file_path": call.path}
    if call.kind == SEARCH:
        return {"pattern": call.target}
    return {"command": call.command}


def _api_error(told: object) -> str:
    return f"[API Error: {encoded(told)}]"


def voice(attempt: Attempt) -> Voice:
    """The voice of this format."""
    return Gemini(attempt)
