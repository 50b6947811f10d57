"""mini-swe-agent: `mini -t … -o FILE`, as 2.4.6 was recorded.

Rules:
- It prints text for people. What counts is the trajectory in the file of `-o`, which is written
  anew after each step.
- Each step is one command of a shell; the last one submits.
- It has no sessions; `--resume` goes on with what it remembers, if it does.
"""
# Importing pathlib would take as long as the rest of the start:
# ruff: noqa: PTH123

from __future__ import annotations

import time

from agentdeck.testing.scripted.calls import SHELL, Call
from agentdeck.testing.scripted.endings import (
    AUTH,
    NETWORK,
    OVERLOAD,
    QUOTA,
    RATE_LIMIT,
    REFUSED,
    TURN_LIMIT,
    Trouble,
)
from agentdeck.testing.scripted.output import complain, encoded
from agentdeck.testing.scripted.voice import Voice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agentdeck.testing.scripted.attempt import Attempt

RULE = "─" * 80
RETRIES = 9  # it asks ten times, as its library does
SUBMIT = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
ERRORS = {
    RATE_LIMIT: "RateLimitError",
    QUOTA: "RateLimitError",
    OVERLOAD: "InternalServerError",
    AUTH: "AuthenticationError",
    NETWORK: "APIConnectionError",
    REFUSED: "ContentPolicyViolationError",
    TURN_LIMIT: "LimitsExceeded",
}


class Mini(Voice):
    """Says it as mini-swe-agent does."""

    speaks = "mini"
    resumes_by = ("--resume",)
    strict = False
    retries = RETRIES

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt)
        self._file = attempt.option("-o", "--output")
        self._messages: list[dict[str, object]] = []
        self._steps = 0
        self._said: list[str] = []  # in the step under way
        self._submission = ""

    # --- the story ----------------------------------------------------------------------------

    def begin(self, prompt: str) -> None:
        """What the model is told."""
        helpful = "You are a helpful assistant that can interact with a computer."
        task = f"Please solve this issue: {prompt}"
        self.out.text(f"System:\n{helpful}\n\nUser:\n{task}")
        self._messages.append({"role": "system", "content": helpful})
        self._messages.append({"role": "user", "content": task})
        self._save("")

    # --- what the service does ----------------------------------------------------------------

    def patience(self, trouble: Trouble) -> int:
        """A bad key does not get better."""
        return 0 if trouble.kind == AUTH else RETRIES

    def retried(self, trouble: Trouble, number: int, limit: int) -> None:
        """Words, and nothing on standard output."""
        complain(f"Retrying: litellm.{ERRORS[trouble.kind]}: {trouble.detail}")

    # --- what the format says -----------------------------------------------------------------

    def reply_opened(self) -> None:
        """A step begins."""
        self._steps += 1
        self._said = []
        self.out.text(f"{RULE}\n\nmini-swe-agent (step {self._steps}, ${self._usd():.2f}):")

    def text(self, text: str) -> None:
        """What the model thinks."""
        self._said.append(text)
        self.out.text(text)

    def called(self, call: Call) -> None:
        """The command."""
        call.id = f"call_{self._steps}"
        self.out.text(f"\n```\n{call.command}\n```\n")

    def returned(self, call: Call) -> None:
        """Its output; the trajectory is written."""
        self.calling = None
        code = 0 if call.denied is None else 1
        output = call.output if call.denied is None else call.denied
        self.out.text(f"Tool:\n<returncode>\n{code}\n<output>\n{output}\n")
        self.close("tool-calls")
        self._step(call)
        self._observe(call, code, f"{output}\n" if output else "", "")
        self._save("")

    def finish(self, detail: str) -> None:
        """The last step submits."""
        self._submission = f"{detail or self.last_text}\n"
        self.last_words(detail)
        self.reply()
        call = Call(SHELL, "bash", f"{SUBMIT}; echo '{self._submission.strip()}'")
        self.called(call)
        self.close("tool-calls")
        why = "action was not executed"
        self.out.text(f"Tool:\n<returncode>\n-1\n<output>\n\n<exception_info>\n{why}\n")
        self._step(call)
        self._observe(call, -1, "", why)
        self._exit("Submitted")
        self.out.text(f"Exit:\n{self._submission}")
        self._saved()

    def broke(self, trouble: Trouble) -> int:
        """The error ends the run; a limit is an end as it is foreseen."""
        self.close("stop")
        status = ERRORS.get(trouble.kind, "RuntimeError")
        self._exit(status)
        if trouble.kind != TURN_LIMIT:
            complain(f"litellm.exceptions.{status}: {trouble.detail}")
        self.out.text(f"Exit:\n{status}\n")
        self._saved()
        return 0 if trouble.kind == TURN_LIMIT else 1

    # --- the trajectory -----------------------------------------------------------------------

    def _step(self, call: Call) -> None:
        reply, now = self.meter.reply, time.time()
        arguments = encoded({"command": call.command}, gap=" ")
        tool_call = {
            "index": 0,
            "function": {"arguments": arguments, "name": "bash"},
            "id": call.id,
            "type": "function",
        }
        message: dict[str, object] = {
            "content": "\n".join(self._said),
            "role": "assistant",
            "tool_calls": [tool_call],
            "function_call": None,
            "provider_specific_fields": {"refusal": None},
        }
        usage = {
            "completion_tokens": reply.out,
            "prompt_tokens": reply.taken_in,
            "total_tokens": reply.taken_in + reply.out,
            "completion_tokens_details": None,
            "prompt_tokens_details": {"audio_tokens": None, "cached_tokens": reply.cached},
        }
        choice = {"finish_reason": "tool_calls", "index": 0, "message": message}
        response = {
            "id": f"chatcmpl-{self._steps}",
            "created": int(now),
            "model": self.attempt.model,
            "object": "chat.completion",
            "system_fingerprint": None,
            "choices": [{**choice, "provider_specific_fields": {}}],
            "usage": usage,
            "moderation": None,
            "service_tier": None,
        }
        extra = {
            "actions": [{"command": call.command, "tool_call_id": call.id}],
            "response": response,
            "cost": reply.usd,
            "timestamp": now,
        }
        self._messages.append({**message, "extra": extra})

    def _observe(self, call: Call, code: int, output: str, why: str) -> None:
        told: dict[str, object] = {"returncode": code, "output": output}
        if why:
            told["exception_info"] = why
        extra = {
            "raw_output": output,
            "returncode": code,
            "timestamp": time.time(),
            "exception_info": why,
        }
        content = encoded(told, gap=" ")
        more = {"tool_call_id": call.id, "role": "tool"}
        self._messages.append({"content": content, "extra": extra, **more})

    def _exit(self, status: str) -> None:
        extra = {"exit_status": status, "submission": self._submission}
        content = self._submission or status
        self._messages.append({"role": "exit", "content": content, "extra": extra})
        self._save(status)

    def _save(self, status: str) -> None:
        """Write the trajectory, as it does: over the old one."""
        if not self._file:
            return
        config = {"agent": {}, "model": {"model_name": self.attempt.model}, "environment": {}}
        stats = {"instance_cost": self._usd(), "api_calls": self._steps}
        info = {"model_stats": stats, "config": config, "mini_version": "2.4.6"}
        trajectory = {
            "info": {**info, "exit_status": status, "submission": self._submission},
            "messages": self._messages,
            "trajectory_format": "mini-swe-agent-1.1",
        }
        with open(self._file, "w", encoding="utf-8") as file:
            file.write(encoded(trajectory, gap=" "))

    def _saved(self) -> None:
        if self._file:
            self.out.text(f"Saved trajectory to '{self._file}'")

    def _usd(self) -> float:
        return self.meter.process.usd


def voice(attempt: Attempt) -> Voice:
    """The voice of this format."""
    return Mini(attempt)
