"""Claude Code that is talked to: prompts, permissions and control requests over its input.

Rules:
- With `--input-format stream-json` each `user` line is a prompt and gets a `result`; the end of the
  input ends the process, with the code of the last turn.
- With `--permission-prompt-tool stdio` a tool that needs a permission asks with a `control_request`
  and waits for its `control_response`.
- An `interrupt` drops the turn, with a result, and the process goes on.
"""

from __future__ import annotations

from agentdeck.testing.scripted.calls import EDIT, OTHER, WRITE, Call
from agentdeck.testing.scripted.endings import Interrupted
from agentdeck.testing.scripted.voices.claude import Claude
from agentdeck.testing.scripted.voices.claude_lines import given
from agentdeck.testing.scripted.voices.talking import Input, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from agentdeck.testing.scripted.attempt import Attempt
    from agentdeck.testing.scripted.session import Session, Store
    from agentdeck.testing.scripted.work import Work

NOBODY = "Tool permission request failed: the stream closed"


class Talking(Claude):
    """Says it as Claude Code does, and listens."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt)
        self._input = Input(attempt, self._take)
        self._answers: dict[str, dict[str, Any]] = {}
        self._asked = ""  # the request that waits for its answer
        self._working = False

    @property
    def converses(self) -> bool:
        """Whether prompts come over the input; else it only asks there."""
        return self.attempt.option("--input-format") == "stream-json"

    def converse(self, store: Store, start: Callable[[Session], Work]) -> int:
        """Answer prompts until the input ends."""
        work = start(self.opened(store))
        code = 0
        while (message := self._input.next_prompt()) is not None:
            self.follow(work.session, work.meter)
            if self.attempt.has("--replay-user-messages"):
                self._main("user", message["message"], isReplay=True)
            self._working = True
            try:
                code = work.turn(self._input.told(text_of(message["message"].get("content"))))
            except Interrupted:
                code = 0
                self.interrupted()
            self._working = False
        return code

    def await_the_end_of_the_input(self) -> None:
        """That would be the end of the conversation."""

    def hear(self, wait_s: float) -> str | None:
        """Hear what comes in; a remark waits for its turn.

        Raises:
            Interrupted: somebody asked for it.
        """
        self._input.hear(wait_s)
        return None

    def poll(self) -> None:
        """Hear what has come in meanwhile.

        Raises:
            Interrupted: somebody asked for it.
        """
        self._input.hear(0)

    def permit(self, call: Call) -> None:
        """Ask, if there is somebody to ask.

        Raises:
            Interrupted: the answer was to drop the turn.
        """
        edits = call.kind in (WRITE, EDIT)
        free = self.mode == "bypassPermissions" or (self.mode == "acceptEdits" and edits)
        if free or not self._has_a_host:
            super().permit(call)
            return
        suggestion = {"type": "setMode", "mode": "acceptEdits", "destination": "session"}
        more = {"description": call.target, "permission_suggestions": [suggestion]}
        answer = self._request(call, given(call), **more)
        if answer.get("behavior") == "allow":
            updated = answer.get("updatedInput")
            text = updated.get("content") if isinstance(updated, dict) else None
            call.text = text if isinstance(text, str) else call.text
            return
        self.deny(call, str(answer.get("message") or NOBODY))
        if answer.get("interrupt") is True:
            raise Interrupted

    def ask(self, question: str) -> str:
        """Ask with a tool, if there is somebody to ask; else say it, and end the turn.

        Raises:
            TurnEnds: the answer comes with the next prompt.
            Interrupted: the answer was to drop the turn.
        """
        if not self._has_a_host:
            return super().ask(question)
        call = Call(OTHER, "AskUserQuestion", question)
        self.announce(call)
        answer = self._request(call, given(call), requires_user_interaction=True)
        answers = (answer.get("updatedInput") or {}).get("answers") or {}
        if answer.get("behavior") != "allow":
            self.deny(call, str(answer.get("message") or NOBODY))
        call.output = str(answers.get(question, ""))
        self.returned(call)
        if answer.get("interrupt") is True:
            raise Interrupted
        return call.output

    @property
    def _has_a_host(self) -> bool:
        return self.attempt.option("--permission-prompt-tool") == "stdio"

    def _request(self, call: Call, given: object, **more: object) -> dict[str, Any]:
        """Ask the host about a tool, and hear it until it has answered."""
        self._asked = name = self.ids.uuid()
        request = {
            "subtype": "can_use_tool",
            "tool_name": call.name,
            "display_name": call.name,
            "input": given,
            **more,
            "tool_use_id": call.id,
        }
        self.out.json({"type": "control_request", "request_id": name, "request": request})
        try:
            while name not in self._answers and self._input.next():
                pass
        except Interrupted:
            self.out.json({"type": "control_cancel_request", "request_id": name})
            raise
        finally:
            self._asked = ""
        return self._answers.pop(name, {})

    def _take(self, line: dict[str, Any]) -> None:
        kind = line.get("type")
        if kind == "user" and isinstance(line.get("message"), dict):
            self._input.keep(line)
        elif kind == "control_response" and isinstance(line.get("response"), dict):
            response = line["response"]
            if response.get("request_id") == self._asked:
                answer = response.get("response")
                self._answers[self._asked] = answer if isinstance(answer, dict) else {}
        elif kind == "control_request" and isinstance(line.get("request"), dict):
            self._control(line["request_id"], line["request"])

    def _control(self, name: object, request: dict[str, Any]) -> None:
        wish = request.get("subtype")
        if wish not in ("initialize", "interrupt", "set_permission_mode", "set_model"):
            error = {"subtype": "error", "request_id": name, "error": f"unknown request {wish}"}
            self.out.json({"type": "control_response", "response": error})
            return
        if wish == "set_permission_mode":
            self.mode = str(request.get("mode", self.mode))
        elif wish == "set_model":
            self.attempt.model = str(request.get("model") or self.attempt.model)
        commands = {"commands": [], "output_style": "default", "available_output_styles": []}
        told = commands if wish == "initialize" else {}
        done = {"subtype": "success", "request_id": name, "response": told}
        self.out.json({"type": "control_response", "response": done})
        if wish == "interrupt" and self._working:
            raise Interrupted
