"""What to say to the agent next: prompts, steering, permissions, cancelling, the end. No IO.

Rules:
- One turn runs at a time. A prompt that comes meanwhile steers the turn where the agent can be
  steered, else it waits in a queue and is the next turn.
- Cancel ends the running turn only: what is queued follows. Before the first turn it means that
  turn. From then until the turn has ended, every permission request is answered as cancelled.
- Stop (a signal) drops the queue, cancels, and ends when the turn has.
- After a turn with nothing queued the conversation ends, unless it shall stay open, the turn did
  not fail, and more input can come. A steer whose answer is still due is waited for: it may come
  back as a prompt.
- No permission request is left unanswered when it ends, and no answer is given twice.
- Every call returns orders to be carried out in that sequence.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias, assert_never

from agentdeck.core.events import FailureClass
from agentdeck.engine.acp.control_lines import Cancel, Control, End, Mistake, Permission, Prompt
from agentdeck.engine.acp.outcome import Outcome, failure, of_stop_reason
from agentdeck.engine.acp.permissions import Option, Policy, choose

MAX_QUEUED: Final = 32  # prompts; a person writes one at a time


@dataclass(frozen=True, slots=True)
class Send:
    """Start a turn."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class Steer:
    """Add to the turn that is running; report back by `steered`."""

    prompt: Prompt


@dataclass(frozen=True, slots=True)
class CancelTurn:
    """Ask the agent to end its turn; if it does not in time, call `give_up`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer a permission request."""

    request: str
    option: str | None  # None = cancelled


@dataclass(frozen=True, slots=True)
class Note:
    """Tell whoever reads the log."""

    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The conversation is over."""

    outcome: Outcome


Order: TypeAlias = Send | Steer | CancelTurn | Answer | Note | Finish


class _Phase(Enum):
    STARTING = auto()  # no session yet
    TURN = auto()
    CANCELLING = auto()  # a turn that was asked to end
    IDLE = auto()
    OVER = auto()


class Turns:
    """The state of one conversation."""

    def __init__(self, policy: Policy = "ask", *, stay: bool = False) -> None:
        self._policy = policy
        self._stay = stay  # for prompts to come, after a turn that did not fail
        self._steers = False
        self._phase = _Phase.STARTING
        self._queue: deque[Prompt] = deque()
        self._open: dict[str, tuple[Option, ...]] = {}  # permission requests by id
        self._steering = 0  # steers whose answers are due
        self._closing = False  # no more prompts will come
        self._stopping = False
        self._cancelled_early = False
        self._last = failure(FailureClass.STOPPED, "stopped before the first turn")

    @property
    def in_turn(self) -> bool:
        """Whether the agent is working."""
        return self._phase in (_Phase.TURN, _Phase.CANCELLING)

    def begin(self, prompt: Prompt, *, steers: bool) -> list[Order]:
        """The session is open: start with `prompt`.

        Args:
            prompt: the first one.
            steers: whether the agent takes more while a turn runs.
        """
        if self._phase is not _Phase.STARTING:
            return []
        self._steers = steers
        self._phase = _Phase.IDLE
        if self._cancelled_early:
            self._last = of_stop_reason("cancelled")
        else:
            self._queue.appendleft(prompt)
        return self._go_on()

    def hear(self, said: Control) -> list[Order]:
        """Take in a control line."""
        match said:
            case Prompt():
                return self._prompt(said)
            case Permission():
                return self._permission(said)
            case Cancel():
                return self._cancel()
            case End():
                self._closing = True
                return self._go_on()
            case Mistake():
                return [Note(f"control line ignored: {said.reason}")]
            case _:
                assert_never(said)

    def ask(self, request: str, options: Sequence[Option]) -> list[Order]:
        """The agent asks for a permission. No two open requests may have the same id."""
        if self._phase in (_Phase.CANCELLING, _Phase.OVER) or self._stopping:
            return [Answer(request, None)]
        if self._policy == "ask":
            self._open[request] = tuple(options)
            return []
        chosen = choose(options, self._policy)
        if chosen is None:
            kinds = ", ".join(option.kind for option in options) or "none"
            note = f"permission request {request} has no option to {self._policy}: {kinds}"
            return [Note(note), Answer(request, None)]
        return [Answer(request, chosen)]

    def withdraw(self, request: str) -> list[Order]:
        """The agent no longer wants an answer to a permission request."""
        if self._open.pop(request, None) is None:
            return []
        return [Answer(request, None)]

    def steered(self, prompt: Prompt, *, taken: bool, why: str = "") -> list[Order]:
        """The agent has answered a steer: taken into the turn, or to be sent as a prompt."""
        self._steering -= 1
        if taken:
            return [Note(f"prompt {prompt.id} was taken into the turn"), *self._go_on()]
        if self._phase is _Phase.OVER or self._stopping:
            return [_dropped(prompt), *self._go_on()]
        self._queue.appendleft(prompt)
        reason = f" ({why})" if why else ""
        return [Note(f"prompt {prompt.id} waits for the next turn{reason}"), *self._go_on()]

    def end_turn(self, outcome: Outcome) -> list[Order]:
        """The running turn has ended."""
        if not self.in_turn:
            return []
        self._phase = _Phase.IDLE
        self._last = outcome
        return [*self._cancel_open(), *self._go_on()]

    def stop(self) -> list[Order]:
        """End as soon as the agent lets go of its turn."""
        if self._stopping or self._phase is _Phase.OVER:
            return []
        self._stopping = self._closing = True
        dropped: list[Order] = [_dropped(prompt) for prompt in self._queue]
        self._queue.clear()
        if self._phase is _Phase.STARTING:
            return [*dropped, *self._finish(self._last)]
        return [*dropped, *self._cancel(), *self._go_on()]

    def give_up(self, outcome: Outcome) -> list[Order]:
        """The agent cannot be talked to any more: end, whatever was going on."""
        if self._phase is _Phase.OVER:
            return []
        if self._stopping:
            outcome = failure(FailureClass.STOPPED, f"stopped; {outcome.detail}")
        dropped: list[Order] = [_dropped(prompt) for prompt in self._queue]
        self._queue.clear()
        return [*dropped, *self._finish(outcome)]

    def _prompt(self, prompt: Prompt) -> list[Order]:
        if self._phase is _Phase.OVER or self._stopping:
            return [_dropped(prompt)]
        if self._phase is _Phase.TURN and self._steers and not self._queue:
            self._steering += 1
            return [Steer(prompt)]
        if len(self._queue) >= MAX_QUEUED:
            return [Note(f"prompt {prompt.id} was dropped: {MAX_QUEUED} are waiting already")]
        self._queue.append(prompt)
        if self.in_turn:
            return [Note(f"prompt {prompt.id} waits for the next turn")]
        return self._go_on()

    def _permission(self, said: Permission) -> list[Order]:
        options = self._open.get(said.request)
        if options is None:
            return [Note(f"no permission request {said.request} is open")]
        if said.option is not None and all(option.id != said.option for option in options):
            known = ", ".join(option.id for option in options)
            return [Note(f"permission request {said.request} has no option {said.option}: {known}")]
        del self._open[said.request]
        return [Answer(said.request, said.option)]

    def _cancel(self) -> list[Order]:
        if self._phase is _Phase.STARTING:
            self._cancelled_early = True
            return [Note("cancelled before the first turn")]
        if self._phase is _Phase.TURN:
            self._phase = _Phase.CANCELLING
            return [CancelTurn(), *self._cancel_open()]
        return [] if self._stopping else [Note("there is no turn to cancel")]

    def _go_on(self) -> list[Order]:
        """Between turns: the next one, or the end."""
        if self._phase is not _Phase.IDLE:
            return []
        if self._queue:
            self._phase = _Phase.TURN
            return [Send(self._queue.popleft())]
        failed = not self._last.ok and self._last.cause is not FailureClass.STOPPED
        if self._steering and not failed and not self._stopping:
            return []
        if self._stay and not self._closing and not failed:
            return []
        return self._finish(self._last)

    def _finish(self, outcome: Outcome) -> list[Order]:
        self._phase = _Phase.OVER
        return [*self._cancel_open(), Finish(outcome)]

    def _cancel_open(self) -> list[Order]:
        requests = list(self._open)
        self._open.clear()
        return [Answer(request, None) for request in requests]


def _dropped(prompt: Prompt) -> Note:
    return Note(f"prompt {prompt.id} was not sent: the conversation is ending")
