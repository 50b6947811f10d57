"""What a key asks before it acts: a yes, words, how to skip, which limit.

Rules: one dialog a key, its default on the safe side. Escape sends nothing. Bulk acts ask for many
tasks in a way of their own (`tui.bulk`).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from textual.css.query import NoMatches

from agentdeck.core.commands import Drop, EditPlan, Retry
from agentdeck.core.decide import refusal
from agentdeck.core.decide_revert import built_on
from agentdeck.core.events import SkipMode
from agentdeck.core.hearing import hears
from agentdeck.core.ids import TaskId
from agentdeck.core.readiness import cascade
from agentdeck.core.review import comment_line
from agentdeck.core.words import listed
from agentdeck.tui.keys import Ask, Context, Key, command_of
from agentdeck.tui.presentation.budget import budget_rows
from agentdeck.tui.presentation.diff_rows import Draft
from agentdeck.tui.presentation.figures import plural
from agentdeck.tui.presentation.pool_limits import first_row, pool_rows
from agentdeck.tui.screens.budget_dialog import ChangeBudget
from agentdeck.tui.screens.dialogs import AskText, Confirm, SkipDialog
from agentdeck.tui.screens.pool_dialog import ChangePool
from agentdeck.tui.screens.quick_add import QuickAddDialog

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp

SHOWN_COMMENTS: Final = 8  # in the dialog that sends them
LOOKS: Final = 50  # for a task that was added; five seconds
LOOK_S: Final = 0.1
REVERTS_NAMED: Final = 5  # of what landed on top, in a question


class Questions:
    """Asks for the deck."""

    def __init__(self, app: DeckApp) -> None:
        self._app = app

    def ask(self, key: Key, context: Context) -> None:
        """Ask what a key asks, and send its command after a yes."""
        match key.ask:
            case Ask.SKIP:
                self._ask_skip(key, context)
            case Ask.TEXT:
                self._ask_text(key, context)
            case Ask.HAND_BACK:
                if context.task is not None:
                    self._app.by_hand.ask(context.task)
            case _:
                title, question, yes = self.words(key, context)
                _ = self._app.push_screen(
                    Confirm(title, question, yes),
                    lambda said: self._app.deliver(command_of(key, context)) if said else None,
                )

    def words(self, key: Key, context: Context) -> tuple[str, str, str]:
        """Title, question and yes of a key that asks once."""
        return _question(key, context)

    def _ask_skip(self, key: Key, context: Context) -> None:
        task = context.task
        if task is None:
            return
        state = context.deck.state
        refusals = {}
        for mode in SkipMode:
            command = command_of(key, context, mode=mode)
            refusals[mode] = refusal(state, command) if command is not None else None
        _ = self._app.push_screen(
            SkipDialog(
                task,
                state.plan.dependents[task],
                cascade(state, task),
                refusals,
                unskip=context.deck.key("task.unskip"),
            ),
            lambda mode: self._app.deliver(command_of(key, context, mode=mode)) if mode else None,
        )

    def _ask_text(self, key: Key, context: Context) -> None:
        task = context.deck.task
        if task is None:
            return
        if key.id == "task.steer":
            if self._app.asking.answer(task.id):
                return
            now = hears(context.deck.state, task)
            title, field = f"A message to {task.id}", "text"
            about = "" if now else "Nobody hears this now: it is told with the next turn."
            hint = "what the agent should know"
        else:
            attempt = task.attempt
            if attempt is not None and (draft := self._app.room.draft_of(task.id, attempt.number)):
                self._send_back(task.id, attempt.number, draft)
                return
            title, field = f"Retry {task.id}", "feedback"
            about, hint = task.reason or task.feedback, "what to do better this time"
        _ = self._app.push_screen(
            AskText(title, about, hint),
            lambda text: (
                self._app.deliver(command_of(key, context, **{field: text})) if text else None
            ),
        )

    def _send_back(self, task: TaskId, attempt: int, draft: Draft) -> None:
        """Send work back with every comment on it, and what else there is to say."""

        def send(text: str | None) -> None:
            if text is not None:
                command = Retry(task, text, comments=draft)
                self._app.deliver(
                    command, then=lambda _: self._app.room.forget_draft(task, attempt)
                )

        rows = [comment_line(comment) for comment in draft]
        shown = "\n".join(rows[:SHOWN_COMMENTS])
        more = len(rows) - SHOWN_COMMENTS
        about = shown + (f"\n… and {more} more" if more > 0 else "")
        title = f"Send {task} back with {plural(len(draft), 'comment')}"
        hint = "enter sends them back · escape keeps them"
        dialog = AskText(title, about, "what else it should know", hint=hint, may_be_empty=True)
        _ = self._app.push_screen(dialog, send)

    def ask_task(self) -> None:
        """Add a task from a line; the room then looks at it."""

        def send(command: EditPlan | None) -> None:
            if command is not None:
                added = command.change.put[-1].id
                self._app.deliver(command, then=lambda _: self._say_added(added))

        _ = self._app.push_screen(QuickAddDialog(self._app.model.state), send)

    def _say_added(self, task: TaskId) -> None:
        self._app.notify(f"{task} is in the plan.", title="Added", markup=False)
        self._look_at(task, LOOKS)

    def _look_at(self, task: TaskId, looks: int) -> None:
        """The engine has it; its event may come a moment later."""
        if task in self._app.model.state.tasks:
            self._app.room.choose(task)
            with suppress(NoMatches):  # the room may be taken down by now
                self._app.draw()
        elif looks:
            self._app.set_timer(LOOK_S, lambda: self._look_at(task, looks - 1))

    def ask_budget(self) -> None:
        """Show every budget, and change one."""
        deck = self._app.front.context.deck
        rows = budget_rows(deck)
        asking = {line.scope for line in deck.book.asking()}
        first = next((at for at, row in enumerate(rows) if row.scope in asking), 0)
        _ = self._app.push_screen(
            ChangeBudget(rows, first, lambda command: refusal(self._app.model.state, command)),
            self._app.deliver,
        )

    def ask_pool(self) -> None:
        """Show every pool, and change how many may work in one."""
        context = self._app.front.context
        rows, first = pool_rows(context.deck), first_row(context.deck, context.pool, context.task)
        _ = self._app.push_screen(
            ChangePool(rows, first, lambda command: refusal(self._app.model.state, command)),
            self._app.deliver,
        )


def _question(key: Key, context: Context) -> tuple[str, str, str]:
    """Title, question and yes of a key that asks once."""
    state, task = context.deck.state, context.task
    retry = context.deck.key("task.retry")
    match key.id:
        case "task.stop" if isinstance(command_of(key, context), Drop):
            kept = f"Its task is cancelled. Its work is kept: {retry} tries it again from there."
            return (f"Drop {task}", f"Take {task} out of the merge queue? {kept}", "Drop it")
        case "task.stop":
            kept = f"The task is cancelled. Its work is kept: {retry} tries it again from there."
            return (f"Stop {task}", f"End the agent of {task}? {kept}", "Stop it")
        case "task.revert" if task is not None:
            landed, _ = built_on(state, task)
            named = listed(landed, REVERTS_NAMED)
            on_top = f" {named} landed on top of it and will be reverted before it."
            question = f"Take back what has landed of {task}?{on_top if landed else ''}"
            return (f"Revert {task}", f"{question} The gates must pass without it.", "Revert it")
        case "run.promote":
            landings = plural(len(state.landings), "landing")
            question = f"Bring {landings} from {state.target} into {state.base}?"
            return ("Promote", question, "Promote")
        case _:
            kept = f"What landed stays on {state.target}; other work is kept on its branches."
            return ("End the run", f"Stop all agents and end the run? {kept}", "End the run")


__all__ = ["Questions"]
