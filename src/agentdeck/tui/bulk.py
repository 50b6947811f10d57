"""Keys that act on all marked tasks: what is asked first, how it is sent, and what is said of it.

Rules: one question for all, with their number in it; the commands are sent one after the other in
plan order; one toast says how many did it and names the others with the reason. The marks stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from agentdeck.core.commands import AnyCommand
from agentdeck.core.errors import DeckError, RefusedError
from agentdeck.core.events import SkipMode
from agentdeck.core.ids import TaskId
from agentdeck.core.readiness import cascade
from agentdeck.core.state import LIVE, TaskState
from agentdeck.core.words import listed
from agentdeck.tui.bulk_commands import Bulk, Refused, bulk_of, result_words
from agentdeck.tui.keys import Context, Key
from agentdeck.tui.screens.dialogs import AskText, Confirm, SkipDialog
from agentdeck.tui.undoing import Step

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp

NAMED: Final = 6  # tasks in a question


class BulkActs:
    """What the keys of a task do while some are marked."""

    def __init__(self, app: DeckApp) -> None:
        self._app = app

    def press(self, key: Key, context: Context) -> None:
        """Act on all of them, or ask first."""
        tasks = context.marked
        match key.id:
            case "task.skip":
                self._ask_skip(key, context)
            case "task.retry_feedback":
                self._ask_feedback(key, context)
            case "task.stop":
                title, question, yes = _stop_question(self._of(key, context), context, tasks)
                _ = self._app.push_screen(
                    Confirm(title, question, yes),
                    lambda said: self.send(self._of(key, context)) if said else None,
                )
            case _:
                self.send(self._of(key, context))

    def _of(self, key: Key, context: Context, **fields: object) -> Bulk:
        """For the run as it is now, which has gone on while a dialog was open."""
        state = self._app.model.state
        tasks = [task for task in context.marked if task in state.tasks]
        return bulk_of(key.id, state, tasks, queue=context.pane == "queue", **fields)

    def _ask_skip(self, key: Key, context: Context) -> None:
        state, marked = context.deck.state, set(context.marked)
        refusals: dict[SkipMode, str | None] = {}
        found = self._of(key, context)
        for mode in SkipMode:
            bulk = self._of(key, context, mode=mode)
            refusals[mode] = None if bulk.commands else result_words((), bulk.refused)
        direct = _once(t for one in context.marked for t in state.plan.dependents[one])
        along = _once(t for one in context.marked for t in cascade(state, one))
        dialog = SkipDialog(
            f"{len(found.commands)} tasks",
            [task for task in direct if task not in marked],
            [task for task in along if task not in marked],
            refusals,
            many=True,
            note=result_words((), found.refused),
            unskip=context.deck.key("task.unskip"),
        )
        _ = self._app.push_screen(
            dialog, lambda mode: self.send(self._of(key, context, mode=mode)) if mode else None
        )

    def _ask_feedback(self, key: Key, context: Context) -> None:
        found = self._of(key, context)
        about = f"All {len(found.commands)} are told the same."
        if found.refused:
            about += f" {result_words((), found.refused)}."
        dialog = AskText(f"Retry {len(found.commands)} tasks", about, "what to do better this time")
        _ = self._app.push_screen(
            dialog, lambda text: self.send(self._of(key, context, feedback=text)) if text else None
        )

    def send(self, bulk: Bulk) -> None:
        """Send them one after the other, and say what came of it."""
        _ = self._app.run_worker(self._sending(bulk), group="commands")

    async def _sending(self, bulk: Bulk) -> None:
        done: list[AnyCommand] = []
        steps: list[Step] = []
        refused: list[Refused] = list(bulk.refused)
        for command in bulk.commands:
            step = self._app.undoing.step(command)
            try:
                _ = await self._app.source.send(command)
            except RefusedError as error:
                refused.append((command.task, error.message))  # type: ignore[union-attr, arg-type]
            except DeckError as error:  # nobody is there: the rest need not be tried
                self._app.undoing.keep(steps)
                self._app.tell_fault(error, result_words(done, refused) or "Not done")
                return
            else:
                done.append(command)
                steps.append(step)
        self._app.undoing.keep(steps)
        words = result_words(done, refused)
        self._app.notify(
            f"{words}.",
            title="Marked tasks",
            severity="warning" if refused else "information",
            markup=False,
        )


def _stop_question(found: Bulk, context: Context, tasks: Sequence[TaskId]) -> tuple[str, str, str]:
    """Title, question and yes."""
    state = context.deck.state
    number = len(found.commands)
    working = sum(
        state.tasks[task].state in LIVE | {TaskState.PREPARING}
        for task in tasks
        if task not in dict(found.refused)
    )
    ends = f"{working} of them with an agent at work, which is ended. " if working else ""
    named = listed([str(task) for task in tasks if task not in dict(found.refused)], NAMED)
    left = f" {result_words((), found.refused)}." if found.refused else ""
    retry = context.deck.key("task.retry")
    kept = f"They are cancelled; their work is kept: {retry} tries them again from there."
    question = f"End {number} tasks: {named}? {ends}{kept}{left}"
    return f"Stop {number} tasks", question, f"Stop {number}"


def _once(tasks: Iterable[TaskId]) -> list[TaskId]:
    return list(dict.fromkeys(tasks))
