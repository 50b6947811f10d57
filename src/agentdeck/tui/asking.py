"""`i` on a task that asks: its questions and permissions, one dialog after the other.

Rules: an answer is sent at once, and the next open one of the task follows when the run shows what
came of it. What a rule answers meanwhile is not asked. Escape stops the row.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from agentdeck.core import commands as c
from agentdeck.core.events import AskKind
from agentdeck.core.hearing import hears_answer
from agentdeck.core.ids import TaskId
from agentdeck.tui.presentation.asks import open_ask
from agentdeck.tui.screens.ask_dialogs import AnswerQuestion, AskPermission, Gone

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp

LOOK_S: Final = 0.05  # between two looks whether the run shows the answer
LOOKS: Final = 40  # two seconds; then the next one is asked anyway


class Asking:
    """What the key of answering does, step by step."""

    def __init__(self, app: DeckApp) -> None:
        self._app = app

    def answer(self, task: TaskId, passed: frozenset[str] = frozenset()) -> bool:
        """Open the dialog of the next open question that is not in `passed`; is there one?"""
        app, state = self._app, self._app.model.state
        found = state.tasks.get(task)
        attempt = found.attempt if found is not None else None
        question = open_ask(state, task, passed, app.model.clock.now())
        if (
            found is None
            or attempt is None
            or question is None
            or not hears_answer(state, found, question)
        ):
            return False
        more = sum(each.id not in passed for each in attempt.questions) - 1
        what = "asks for a permission" if question.ask is AskKind.PERMISSION else "asks"
        title = f"{task} {what}" + (f" · {more} more" if more else "")
        kind = AskPermission if question.ask is AskKind.PERMISSION else AnswerQuestion
        _ = app.push_screen(
            kind(title, task, attempt, question),
            partial(self._answered, task, passed | {question.id}),
        )
        return True

    def _answered(self, task: TaskId, passed: frozenset[str], said: c.Answer | Gone | None) -> None:
        if isinstance(said, c.Answer):
            self._app.deliver(said, then=partial(self._follow, task, passed, LOOKS))
        elif said is not None:
            self._app.after_redraw(partial(self.answer, task, passed))

    def _follow(self, task: TaskId, passed: frozenset[str], looks: int, seq: int) -> None:
        """The next one, once the run has come to event `seq`."""
        if self._app.screen is not self._app.front:
            return  # the person does something else by now
        if self._app.model.state.seq >= seq or not looks:
            _ = self.answer(task, passed)
        else:
            look = partial(self._follow, task, passed, looks - 1, seq)
            self._app.set_timer(LOOK_S, look)
