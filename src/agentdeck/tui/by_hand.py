"""`o` and `O`: a person takes a task over, works on it on this terminal, and gives it back.

Rules:
- A screen that cannot be handed over (a browser) says so before any agent is disturbed.
- It asks first only where something is lost or somebody else is at it: an agent without a session
  cannot go on where it was, and a task may be in the hands of another.
- While the person works the deck stands still; their command is not the deck's, and whatever it
  does, the deck comes back and asks what becomes of the task. What fails at once has said why on
  that terminal, so it is left standing until a key.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from agentdeck.control.sanitize import clean
from agentdeck.control.taking import Then, hand_back
from agentdeck.core import commands as c
from agentdeck.core.assignment import session_of
from agentdeck.core.errors import DeckError
from agentdeck.core.ids import TaskId
from agentdeck.core.state import TaskState, Wanted
from agentdeck.tui.presentation.line import plain
from agentdeck.tui.screens.dialogs import AskText, Confirm
from agentdeck.tui.screens.hands_dialogs import GiveBack, WaitForEnd

if TYPE_CHECKING:
    from agentdeck.control.take_over import Hands
    from agentdeck.tui.app import DeckApp


# A session that fails sooner was never one: what it said is gone once the room stands there again.
AT_ONCE_S: Final = 5.0


class _Worked(NamedTuple):
    """How the person's command ended."""

    code: int
    error: DeckError | None = None


class ByHand:
    """What the keys of taking over do, step by step."""

    def __init__(self, app: DeckApp) -> None:
        self._app = app

    def take(self, task: TaskId) -> None:
        """Take the task over, or open it again where it is taken."""
        app, found = self._app, self._app.model.state.tasks[task]
        attempt = found.attempt
        if not app.can_suspend:
            words = f"agentdeck take-over {task} --run {app.folder.run}"
            app.warn(f"This screen is no terminal that could be yours. In one: `{words}`.")
        elif attempt is None:
            app.warn(f"{task} has no worktree yet.")
        elif found.state is TaskState.TAKEN and found.taken_by != app.person:
            by = plain(found.taken_by)
            question = f"{task} is in the hands of {by}, who may be at work there. Open it too?"
            self._confirm(task, question, "Open it", partial(self.open, task))
        elif found.state is TaskState.TAKEN:
            self.open(task)
        elif found.wanted is Wanted.TAKE:
            self.wait(task)
        elif session_of(attempt) is None:
            question = (
                f"{attempt.agent} has named no session. It is ended and cannot go on where it was; "
                "you get a shell in its worktree, with all that it has written."
            )
            self._confirm(task, question, "Take it over", partial(self._send, task))
        else:
            self._send(task)

    def wait(self, task: TaskId, since: int = 0) -> None:
        """Show that the agent ends its turn; `since` is the event that the wish left."""
        app = self._app
        attempt = app.model.state.tasks[task].attempt
        agent = "" if attempt is None else str(attempt.agent)
        dialog = WaitForEnd(task, agent, since, app.model.clock)
        _ = app.push_screen(dialog, partial(self._waited, task))
        app.call_after_refresh(app.draw)  # it may be taken already

    def ask(self, task: TaskId, note: str = "") -> None:
        """Ask what becomes of a task that is in a person's hands."""
        by = self._app.model.state.tasks[task].taken_by
        whose = "your hands" if by == self._app.person else f"the hands of {plain(by)}"
        _ = self._app.push_screen(GiveBack(task, whose, note), partial(self._chosen, task))

    def open(self, task: TaskId) -> None:
        """Give the terminal to the agent's session, or a shell, until the person leaves it."""
        from agentdeck.control.take_over import hands_on

        app = self._app
        try:
            hands = hands_on(app.folder, app.model.state, task)
        except DeckError as error:
            app.tell_fault(error, "Not opened")
            return
        with app.suspend():  # what is raised in here would leave the screen as it is
            worked = _work(task, hands)
        if worked.error is not None:
            app.tell_fault(worked.error, "Not opened")
        name = plain(Path(hands.argv[0]).name)
        self.ask(task, f"{name} ended with {worked.code}." if worked.code else "")

    def _confirm(self, task: TaskId, question: str, yes: str, do: partial[None]) -> None:
        _ = self._app.push_screen(
            Confirm(f"Take over {task}", question, yes),
            lambda said: self._app.after_redraw(do) if said else None,
        )

    def _send(self, task: TaskId) -> None:
        self._app.deliver(c.TakeOver(task, self._app.person), then=partial(self.wait, task))

    def _waited(self, task: TaskId, taken: bool | None) -> None:
        if taken:
            self._app.after_redraw(partial(self.open, task))

    def _chosen(self, task: TaskId, then: Then | None) -> None:
        if then is Then.FINISHED:
            self._app.deliver(hand_back(task, then, "", self._app.person))
        elif then is Then.GO_ON:
            dialog = AskText(
                f"The agent of {task} goes on",
                "",
                "what it should know; may be left empty",
                hint="enter lets it go on · escape keeps the task as it is",
                may_be_empty=True,
            )
            _ = self._app.push_screen(dialog, partial(self._told, task))

    def _told(self, task: TaskId, text: str | None) -> None:
        if text is not None:
            self._app.deliver(hand_back(task, Then.GO_ON, text, self._app.person))


def _work(task: TaskId, hands: Hands) -> _Worked:
    """Say what comes, and run it; never raises."""
    from agentdeck.control.take_over import greeting, work_by_hand

    with suppress(OSError, ValueError):  # a terminal that is gone, or cannot show it
        for sentence in greeting(task, hands):
            sys.stdout.write(clean(sentence.encode("utf-8", "replace")) + "\n")
    began = time.monotonic()
    try:
        code = work_by_hand(hands)
    except DeckError as error:
        return _Worked(0, error)
    if code and not hands.is_shell and time.monotonic() - began < AT_ONCE_S:
        _let_read(f"{Path(hands.argv[0]).name} ended with {code}; enter goes back to the room")
    return _Worked(code)


def _let_read(sentence: str) -> None:
    """Keep the terminal as it is until a person has read what stands there."""
    with suppress(OSError, ValueError, KeyboardInterrupt):
        sys.stdout.write(clean(sentence.encode("utf-8", "replace")) + "\n")
        sys.stdout.flush()
        sys.stdin.readline()
