"""The agent's own format: JSON lines with a `type`, as `agentdeck.agents.scripted` reads them.

Rules: a person can talk to it by lines on the input, JSON with a `text` or plain; `ask` waits for
one, and what comes while it sleeps is acknowledged.
"""

from __future__ import annotations

import time

from agentdeck.testing.scripted.calls import EDIT, REMOVE, WRITE, Call
from agentdeck.testing.scripted.endings import (
    AGENT,
    CRASH,
    NETWORK,
    NO_SESSION,
    QUOTA,
    RATE_LIMIT,
    SCRIPT,
    Trouble,
)
from agentdeck.testing.scripted.hearing import Ears, message_in
from agentdeck.testing.scripted.output import complain
from agentdeck.testing.scripted.tokens import Tally
from agentdeck.testing.scripted.voice import HALF_AN_ANSWER, Voice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agentdeck.testing.scripted.attempt import Attempt

SIGNALS = {2: "SIGINT", 15: "SIGTERM"}
NO = ("n", "no", "deny", "reject")


class Scripted(Voice):
    """Speaks for itself."""

    speaks = "scripted"
    tells_output = False

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt)
        self._ears = Ears()
        self._questions = 0

    def new_id(self) -> str:
        """Task and attempt."""
        return f"{self.attempt.task}.{self.attempt.number}"

    def begin(self, prompt: str) -> None:
        """Name session and model."""
        self._emit("start", session=self.session.id, model=self.attempt.model)

    def text(self, text: str) -> None:
        """Print it."""
        self._emit("text", text=text)

    def ended(self, call: Call) -> None:
        """Report the call with the size of its edit, and the totals so far."""
        rm = "rm " if call.kind == REMOVE else ""
        detail = f"+{call.text.count(chr(10))} −0" if call.kind in (WRITE, EDIT) else ""
        status = "running" if call.denied is None else "failed"
        target = rm + call.target
        self._emit("tool", name=call.name, target=target, status=status, detail=detail)
        self._usage()

    def ask(self, question: str) -> str:
        """Ask, and wait for the answer.

        Raises:
            Trouble: the input is closed.
        """
        while (early := self.hear(0)) is not None:
            self.meter.out += len(early) // 4 + 20
            self.say(f"Understood: {early}")
        self._questions += 1
        self._emit("ask", id=f"q{self._questions}", text=question)
        line = self._ears.line(None)
        if line is None:
            raise Trouble(SCRIPT, "it asked, and nobody can answer: its input is closed")
        return message_in(line)

    def permit(self, call: Call) -> None:
        """Ask as for anything else."""
        answer = self.ask(f"May I use {call.name} {call.target}?").strip().lower()
        call.denied = "a person said no" if answer in NO else None

    def hear(self, wait_s: float) -> str | None:
        """The next message of a person."""
        line = self._ears.line(wait_s)
        return None if line is None else message_in(line)

    def retried(self, trouble: Trouble, number: int, limit: int) -> None:
        """Say it in a line."""
        self._emit("text", text=f"{trouble.detail}; asking again ({number} of {limit})")

    def cut(self) -> None:
        """It breaks off."""
        self.say(HALF_AN_ANSWER)
        raise Trouble(NETWORK, "the answer broke off")

    def result(self) -> None:
        """Report the totals and the end."""
        self._usage()
        self._emit("result", ok=True, detail=self.last_text)

    def failed(self, trouble: Trouble) -> int:
        """Report what went wrong; a crash has no result."""
        if trouble.kind == CRASH:
            complain(trouble.detail)
            return trouble.code
        detail, more = trouble.detail, dict[str, object]()
        if trouble.kind == NO_SESSION:
            detail = f"there is no session {trouble.detail}"
        elif trouble.kind != SCRIPT:
            more["cause"] = trouble.kind
        if trouble.kind in (RATE_LIMIT, QUOTA):
            more["retry_at"] = round(time.time() + trouble.wait_s, 3)
        self._emit("result", ok=False, detail=detail, **more)
        return trouble.code

    def stopped(self, number: int) -> int:
        """Report it, and end with the code that a shell would give."""
        detail = f"interrupted by {SIGNALS.get(number, number)}"
        self._emit("result", ok=False, cause=AGENT, detail=detail)
        return 128 + number

    def finish(self, detail: str) -> None:
        """The last word is only in the result."""
        self.last_text = detail or self.last_text
        self.close("stop")
        self.result()

    def _usage(self) -> None:
        tokens_in, out = self.meter.context - self.meter.remembered, self.meter.out
        usd = Tally(fresh=tokens_in, out=out).usd
        self._emit("usage", **{"in": tokens_in, "out": out, "usd": usd})

    def _emit(self, kind: str, **fields: object) -> None:
        self.out.json({"type": kind, "at": round(time.time(), 3), **fields}, gap=" ")


def voice(attempt: Attempt) -> Voice:
    """The voice of this format."""
    return Scripted(attempt)
