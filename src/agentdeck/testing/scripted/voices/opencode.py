"""opencode: `opencode run --format json`, as 1.18.33 was recorded.

Rules:
- The first line comes with the first reply; nothing of a tool is seen while it runs.
- Each reply ends with a `step_finish` that has its tokens and its price: they are to be added up.
- The end has no line: the last reason is `stop`, and the process ends.
- It asks a failing service again without a word, and for ever if an answer ends half-way.
- A session of another folder is waited for in vain.
"""

from __future__ import annotations

from agentdeck.testing.scripted.calls import EDIT, READ, REMOVE, SEARCH, SHELL, WRITE, Call
from agentdeck.testing.scripted.clock import milliseconds
from agentdeck.testing.scripted.endings import (
    AUTH,
    NETWORK,
    QUOTA,
    RATE_LIMIT,
    REFUSED,
    STATUS,
    Trouble,
    hang,
)
from agentdeck.testing.scripted.output import complain, encoded
from agentdeck.testing.scripted.signals import ready
from agentdeck.testing.scripted.voice import HALF_AN_ANSWER, PATIENCE_S, Voice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agentdeck.testing.scripted.attempt import Attempt
    from agentdeck.testing.scripted.session import Session, Store
    from agentdeck.testing.scripted.work import Work

ROUND_S = 0.25  # between two requests of a run that leads nowhere
NAMES = {RATE_LIMIT: "rate_limit_error", QUOTA: "rate_limit_error", AUTH: "authentication_error"}
TOOLS = {
    WRITE: "write",
    EDIT: "edit",
    REMOVE: "bash",
    SHELL: "bash",
    READ: "read",
}
NO_TOKENS = {"input": 0, "output": 0, "reasoning": 0, "cache": {"write": 0, "read": 0}}
ALLOWING = ("--auto", "--yolo", "--dangerously-skip-permissions")


class Opencode(Voice):
    """Says it as opencode does."""

    speaks = "opencode"
    resumes_by = ("--resume", "-r", "--session", "-s")
    limits_turns = False

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt)
        self._message = ""
        self._started_ms = 0

    def new_id(self) -> str:
        """An id of its own kind."""
        return f"ses_{self.ids.hexes(12)}{self.ids.letters(14)}"

    def found(self, store: Store, name: str) -> Session | None:
        """A session; that of another folder never comes."""
        session = store.find(name)
        if session is not None and session.cwd != self.attempt.cwd:
            hang()
        return session

    # --- the story ----------------------------------------------------------------------------

    def lost(self, trouble: Trouble) -> int:
        """Words, and nothing on standard output."""
        complain(f"Error: Session not found: {trouble.detail}")
        return 1

    def permit(self, call: Call) -> None:
        """Nobody can be asked: no."""
        if not self.attempt.has(*ALLOWING):
            call.denied = "The user rejected permission to use this specific tool call."

    # --- what the service does ----------------------------------------------------------------

    def outage(self, trouble: Trouble, times: int | None) -> None:
        """Sit out a limit, however long it lasts, in silence.

        Raises:
            Trouble: it gave up.
        """
        if times is None and trouble.kind == RATE_LIMIT and trouble.wait_s > PATIENCE_S:
            ready(trouble.wait_s)
            return
        super().outage(trouble, times)

    def cut(self) -> None:
        """Ask for the same answer for ever."""
        while True:
            self._lost_reply()
            ready(ROUND_S)

    def spin(self, work: Work) -> None:
        """One request that leads nowhere."""
        self._lost_reply()

    def _lost_reply(self) -> None:
        if self.replying:  # it began before the answers broke off
            self.close("tool-calls")
        self.reply_opened()
        self.text(HALF_AN_ANSWER)
        self._finished("unknown", NO_TOKENS, 0)

    # --- what the format says -----------------------------------------------------------------

    def reply_opened(self) -> None:
        """A step begins."""
        self._message = self._id("msg")
        self._started_ms = milliseconds()
        self._part("step_start", {"snapshot": self.ids.hexes(40), "type": "step-start"})

    def reply_closed(self, reason: str) -> None:
        """A step has ended."""
        reply = self.meter.reply
        tokens = {
            "total": reply.taken_in + reply.out,
            "input": reply.fresh,
            "output": reply.out,
            "reasoning": 0,
            "cache": {"write": 0, "read": reply.cached},
        }
        self._finished(reason, tokens, reply.usd)

    def text(self, text: str) -> None:
        """A whole part."""
        self._part("text", {"type": "text", "text": text, "time": self._time()})

    def called(self, call: Call) -> None:
        """Nothing is seen of it."""
        call.id = f"call_{self.calls}"
        self._started_ms = milliseconds()

    def ended(self, call: Call) -> None:
        """The call, and how it ended."""
        tool = TOOLS.get(call.kind) or {"Glob": "glob", "Grep": "grep"}.get(call.name, "task")
        state: dict[str, object] = {"status": "completed", "input": _input(call)}
        if call.denied is not None:
            state |= {"status": "error", "error": call.denied}
        elif call.kind in (WRITE, EDIT):
            found = {"diagnostics": {}, "filepath": call.path, "exists": not call.new}
            state |= {"output": "Wrote file successfully."}
            state |= {"metadata": {**found, "truncated": False}, "title": call.target}
        else:
            output = f"{call.output}\n" if call.output else ""
            state |= {"output": output, "title": call.command}
            state |= {"metadata": {"output": output, "exit": 0, "truncated": False}}
        state["time"] = self._time()
        self._part("tool_use", {"type": "tool", "tool": tool, "callID": call.id, "state": state})

    def broke(self, trouble: Trouble) -> int:
        """An error that says whether it was worth to ask again."""
        if trouble.kind == REFUSED:
            self.say(trouble.detail)
            self.close("content-filter")
            return 0
        status = STATUS.get(trouble.kind)
        data: dict[str, object] = {"message": trouble.detail}
        url = {"url": "http://127.0.0.1/v1/chat/completions"}
        if status:
            name = NAMES.get(trouble.kind, "server_error")
            fault = {"type": name, "message": trouble.detail, "code": name}
            headers = {"content-type": "application/json"}
            if trouble.wait_s:
                headers["retry-after"] = f"{trouble.wait_s:.0f}"
            data |= {"statusCode": status, "isRetryable": trouble.kind != AUTH}
            data |= {"responseHeaders": headers, "metadata": url}
            data["responseBody"] = encoded({"type": "error", "error": fault})
        elif trouble.kind == NETWORK:
            data["message"] = "Unable to connect. Is the computer able to access the url?"
            data |= {"isRetryable": True, "metadata": {**url, "code": "ConnectionRefused"}}
        known = "APIError" if status or trouble.kind == NETWORK else "UnknownError"
        self._line("error", error={"name": known, "data": data})
        return 1

    def _finished(self, reason: str, tokens: object, cost: float) -> None:
        part = {"reason": reason, "snapshot": self.ids.hexes(40), "type": "step-finish"}
        self._part("step_finish", {**part, "tokens": tokens, "cost": cost})

    def _part(self, kind: str, part: dict[str, object]) -> None:
        ids = {"id": self._id("prt"), "messageID": self._message, "sessionID": self.session.id}
        self._line(kind, part={**ids, **part})

    def _line(self, kind: str, **fields: object) -> None:
        session = {"timestamp": milliseconds(), "sessionID": self.session.id}
        self.out.json({"type": kind, **session, **fields})

    def _time(self) -> dict[str, int]:
        return {"start": self._started_ms, "end": milliseconds()}

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{self.ids.hexes(12)}{self.ids.letters(14)}"


def _input(call: Call) -> dict[str, object]:
    if call.kind == WRITE:
        return {"content": call.text, "filePath": call.path}
    if call.kind == EDIT:
        return {"filePath": call.path, "oldString": "", "newString": call.text}
    if call.kind == READ:
        return {"filePath": call.path}
    if call.kind == SEARCH:
        return {"pattern": call.target}
    return {"command": call.command}


def voice(attempt: Attempt) -> Voice:
    """The voice of this format."""
    return Opencode(attempt)
