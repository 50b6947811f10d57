"""What voices share that hear more than one kind of line on their input.

Rules:
- Lines are heard between instructions and while the agent sleeps or waits for an answer; what has
  to wait for the next turn is kept in order.
- The first prompt, if it has no script of its own, is answered by that of the prompt file.
"""

from __future__ import annotations

import time

from agentdeck.testing.scripted.endings import Interrupted, Trouble
from agentdeck.testing.scripted.hearing import Ears, parsed
from agentdeck.testing.scripted.script import has_script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from agentdeck.testing.scripted.attempt import Attempt

MAX_WAITING = 1000  # prompts that wait for their turn; a client that sends more is broken


class Input:
    """The lines that come in.

    Args:
        attempt: knows the prompt file.
        take: is told each JSON object; may raise `Interrupted`.
    """

    def __init__(self, attempt: Attempt, take: Callable[[dict[str, Any]], None]) -> None:
        self.waiting: list[Any] = []  # prompts
        self._ears = Ears()
        self._take = take
        try:
            self._script = attempt.prompt()
        except Trouble:
            self._script = ""

    def hear(self, wait_s: float) -> None:
        """Take what comes in within so many seconds.

        Raises:
            Interrupted: the turn is to be dropped.
        """
        until = time.monotonic() + wait_s
        while (line := self._ears.line(max(0.0, until - time.monotonic()))) is not None:
            self._heard(line)

    def next(self) -> bool:
        """Take the next line, however long that lasts. Returns False when none will come."""
        line = self._ears.line(None)
        if line is None:
            return False
        self._heard(line)
        return True

    def keep(self, prompt: Any) -> None:
        """A prompt came; it is answered in its turn."""
        if len(self.waiting) < MAX_WAITING:
            self.waiting.append(prompt)

    def next_prompt(self) -> Any:
        """The next prompt, or None when none will come."""
        while not self.waiting:
            try:
                if not self.next():
                    return None
            except Interrupted:
                pass  # there is no turn that could be dropped
        return self.waiting.pop(0)

    def drop(self, which: Callable[[Any], bool]) -> list[Any]:
        """Forget prompts that wait, and return them."""
        gone = [prompt for prompt in self.waiting if which(prompt)]
        self.waiting = [prompt for prompt in self.waiting if not which(prompt)]
        return gone

    def told(self, text: str) -> str:
        """What a prompt asks for: its own script, or that of the prompt file."""
        script, self._script = self._script, ""
        return script if has_script(script) and not has_script(text) else text

    def _heard(self, line: bytes) -> None:
        found = parsed(line)
        if isinstance(found, dict):
            self._take(found)


def text_of(content: Any) -> str:
    """The text of a message: a string, or blocks of which some are text."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    texts = (block.get("text") for block in blocks if isinstance(block, dict))
    return "\n".join(text for text in texts if isinstance(text, str))
