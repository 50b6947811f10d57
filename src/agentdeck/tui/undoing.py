"""The way back from what a person did in this deck: `u` takes back the last command that can be.

Rules: what goes back is a command like any other, so the engine may refuse it, with its reason. A
command that has no way back is named, and lets the one before it be taken back with the next `u`.
What others did is not touched.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agentdeck.core import commands as c
from agentdeck.core.budgets import scope_in_words
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import refusal
from agentdeck.core.plan import Plan
from agentdeck.core.replan import difference
from agentdeck.core.undo import undoing

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp

KEPT: Final = 100  # commands; more steps back nobody remembers


@dataclass(frozen=True)
class Step:
    """Something that was done."""

    words: str  # `pause S-1`
    back: tuple[AnyCommand, ...] = ()  # in order; () = it has no way back
    plan: Plan | None = None  # as it was before, where it was changed
    changes: int = 0  # how many changes the plan then had


class Undoing:
    """What was done in this deck, the latest at the end."""

    def __init__(self, app: DeckApp) -> None:
        self._app = app
        self._steps: deque[Step] = deque(maxlen=KEPT)

    @property
    def words(self) -> str:
        """What would be taken back; empty where nothing was done."""
        return self._steps[-1].words if self._steps else ""

    def step(self, command: AnyCommand) -> Step:
        """The way back from a command that is about to be sent."""
        state = self._app.model.state
        words = words_of(command)
        if isinstance(command, c.EditPlan):
            return Step(words, plan=state.plan, changes=state.plan_changes + 1)
        return Step(words, undoing(state, command))

    def keep(self, steps: Sequence[Step]) -> None:
        """Remember what was carried out, many at once as one."""
        if not steps:
            return
        words = steps[0].words if len(steps) == 1 else f"{steps[0].words} and {len(steps) - 1} more"
        back = tuple(command for step in reversed(steps) for command in step.back)
        self._steps.append(Step(words, back, steps[0].plan, steps[0].changes))

    def undo(self) -> None:
        """Take the last one back, or say why not."""
        if not self._steps:
            self._app.warn("You have done nothing here that can be taken back.")
            return
        step = self._steps.pop()
        back = self._back(step)
        if not back:
            before = f" Before it: {self.words}; once more takes that back." if self._steps else ""
            self._app.warn(f"{_capital(step.words)} has no way back.{before}")
            return
        state = self._app.model.state
        refused = next((why for each in back if (why := refusal(state, each)) is not None), None)
        if refused is not None and len(back) == 1:
            self._app.warn(f"{_capital(step.words)} cannot be taken back: {refused}.")
            return
        self._app.send_back(back, step.words)

    def _back(self, step: Step) -> tuple[AnyCommand, ...]:
        if step.plan is None:
            return step.back
        state = self._app.model.state
        if state.plan_changes != step.changes:
            return ()  # it was changed again since, and that must not go with it
        return (c.EditPlan(difference(state.plan, step.plan), state.plan_changes),)


def words_of(command: AnyCommand) -> str:
    """A command in a few words: `pause S-1`, `hold queue`, `5 agents at once`."""
    match command:
        case c.SetAgents(limit=limit):
            return f"{limit} agents at once" if limit != 1 else "1 agent at once"
        case c.SetPoolLimit(pool=pool, limit=limit):
            return f"pool {pool} as planned" if limit is None else f"{limit} at once in pool {pool}"
        case c.SetBudget(scope=scope) | c.RaiseBudget(scope=scope):
            return f"the limit of {scope_in_words(scope)}"
        case _:
            pass
    tag = type(command).__struct_config__.tag
    verb = str(tag).replace("_", " ")
    task = getattr(command, "task", None)
    whole = {c.Pause: " run", c.Resume: " run", c.Hold: " queue", c.Release: " queue"}
    return f"{verb} {task}" if task else verb + whole.get(type(command), "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
