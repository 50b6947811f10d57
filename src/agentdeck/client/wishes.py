"""What can be wished of a run: one method for each command that a program is likely to send.

Rules: the names are those of the command line. What has no method here goes through `send`.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from agentdeck.control.person import who
from agentdeck.core import commands as c
from agentdeck.core.commands import AnyCommand
from agentdeck.core.events import SkipMode
from agentdeck.core.ids import TaskId
from agentdeck.core.permissions import ALLOW, DENY

Sent = TypeVar("Sent")  # the number of the last event, or what can be awaited for it


class Wishes(Generic[Sent]):
    """Each gives the number of the last event that followed; it is on the disk.

    Raises:
        RefusedError: it cannot be done now; the message says why.
        NotFoundError: there is no such thing.
        EngineGone: there is no engine, or no answer. Then it may have been done.
    """

    def send(self, command: AnyCommand) -> Sent:
        """Any command of `agentdeck.core.commands`."""
        raise NotImplementedError

    def pause(self, task: str | None = None) -> Sent:
        """Freeze the agent of a task; without one: start nothing new in the run."""
        return self.send(c.Pause(_task(task), by=who()))

    def resume(self, task: str | None = None) -> Sent:
        """Undo a pause, of a task or of the run."""
        return self.send(c.Resume(_task(task), by=who()))

    def retry(self, task: str | None = None, feedback: str = "", *, fresh: bool = False) -> Sent:
        """Another attempt; without a task: the gates of a red target again.

        Args:
            task: which one.
            feedback: what the next attempt should know.
            fresh: start from the target, not from the earlier work.
        """
        return self.send(c.Retry(_task(task), feedback, fresh, by=who()))

    def skip(self, task: str, *, cascade: bool = False) -> Sent:
        """Leave a task out: it counts as done, or with `cascade` what needs it is skipped too."""
        mode = SkipMode.CASCADE if cascade else SkipMode.DONE
        return self.send(c.Skip(TaskId(task), mode, by=who()))

    def unskip(self, task: str) -> Sent:
        """Take a skip back."""
        return self.send(c.Unskip(TaskId(task), by=who()))

    def approve(self, task: str | None = None) -> Sent:
        """A yes to proven work; without a task: to all."""
        return self.send(c.Approve(_task(task), by=who()))

    def merge(self, task: str) -> Sent:
        """Merge now: approved, and to the front of the queue."""
        return self.send(c.Merge(TaskId(task), by=who()))

    def hold(self, task: str | None = None) -> Sent:
        """Do not land a task; without one: land nothing."""
        return self.send(c.Hold(_task(task), by=who()))

    def release(self, task: str | None = None) -> Sent:
        """Lift a hold, of a task or of the whole queue."""
        return self.send(c.Release(_task(task), by=who()))

    def stop(self, task: str) -> Sent:
        """End the agent of a task; what it did is kept."""
        return self.send(c.Stop(TaskId(task), by=who()))

    def drop(self, task: str) -> Sent:
        """Out of the merge queue; the work is kept."""
        return self.send(c.Drop(TaskId(task), by=who()))

    def steer(self, task: str, text: str) -> Sent:
        """A message to the agent of a task."""
        return self.send(c.Steer(TaskId(task), text, by=who()))

    def answer(self, task: str, text: str = "", *, option: str = "", question: str = "") -> Sent:
        """The answer to what an agent asks.

        Args:
            task: whose agent.
            text: in words.
            option: one that the agent offers.
            question: its id; without it the oldest.
        """
        return self.send(c.Answer(TaskId(task), option, text, question, by=who()))

    def allow(self, task: str, text: str = "") -> Sent:
        """A yes to the tool call that an agent asks for."""
        return self.send(c.Answer(TaskId(task), ALLOW, text, by=who()))

    def deny(self, task: str, text: str = "") -> Sent:
        """A no to it; `text` says why."""
        return self.send(c.Answer(TaskId(task), DENY, text, by=who()))

    def limit(self, agents: int) -> Sent:
        """How many agents may work at once."""
        return self.send(c.SetAgents(agents, by=who()))

    def set_budget(
        self,
        scope: str = "run",
        *,
        usd: float | msgspec.UnsetType | None = msgspec.UNSET,
        tokens: int | msgspec.UnsetType | None = msgspec.UNSET,
    ) -> Sent:
        """What a scope may use: `run`, `phase:ID`, `pool:NAME`, `task:ID`. None = no limit."""
        return self.send(c.SetBudget(scope, usd, tokens, by=who()))

    def raise_budget(self, scope: str = "run", *, usd: float = 0.0, tokens: int = 0) -> Sent:
        """Allow so much more than now."""
        return self.send(c.RaiseBudget(scope, usd, tokens, by=who()))

    def promote(self) -> Sent:
        """Bring what has landed into the base branch. What came of it is told as events."""
        return self.send(c.Promote(by=who()))

    def revert(self, task: str, *, with_dependents: bool = False, only: bool = False) -> Sent:
        """Take back what has landed of a task."""
        return self.send(c.Revert(TaskId(task), with_dependents, only, by=who()))

    def end(self) -> Sent:
        """Stop all agents and end the run; what has landed stays."""
        return self.send(c.EndRun(by=who()))


def _task(name: str | None) -> TaskId | None:
    return None if name is None else TaskId(name)


__all__ = ["Wishes"]
