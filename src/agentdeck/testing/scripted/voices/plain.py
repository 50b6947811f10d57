"""Plain text, as any command prints it: the exit code alone says how it ended.

Rules: like the agent's own format it takes answers and remarks as lines on the input.
"""

from __future__ import annotations

from agentdeck.testing.scripted.calls import EDIT, WRITE, Call
from agentdeck.testing.scripted.endings import SCRIPT, Trouble, TurnEnds
from agentdeck.testing.scripted.hearing import Ears, message_in
from agentdeck.testing.scripted.voice import HALF_AN_ANSWER, Voice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from agentdeck.testing.scripted.attempt import Attempt


class Plain(Voice):
    """Prints lines."""

    speaks = "plain"
    strict = False
    tells_output = False

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt)
        self._ears = Ears()

    def text(self, text: str) -> None:
        """Print it."""
        self.out.text(text)

    def ended(self, call: Call) -> None:
        """Print what was done."""
        size = f" +{call.text.count(chr(10))}" if call.kind in (WRITE, EDIT) else ""
        self.out.text(f"{call.name} {call.target}{size}")

    def ask(self, question: str) -> str:
        """Ask, and wait for the answer.

        Raises:
            Trouble: the input is closed.
        """
        self.say(question)
        line = self._ears.line(None)
        if line is None:
            raise Trouble(SCRIPT, "it asked, and nobody can answer: its input is closed")
        return message_in(line)

    def hear(self, wait_s: float) -> str | None:
        """The next message of a person."""
        line = self._ears.line(wait_s)
        return None if line is None else message_in(line)

    def retried(self, trouble: Trouble, number: int, limit: int) -> None:
        """Print it."""
        self.out.text(f"{trouble.detail}; asking again ({number} of {limit})")

    def cut(self) -> None:
        """It says half of it, and takes that for all."""
        self.say(HALF_AN_ANSWER)
        raise TurnEnds

    def stopped(self, number: int) -> int:
        """The code that a shell would give."""
        return 128 + number


def voice(attempt: Attempt) -> Voice:
    """The voice of this format."""
    return Plain(attempt)
