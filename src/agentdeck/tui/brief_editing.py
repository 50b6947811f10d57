"""`e`: a person edits the brief of a task, and the run takes it in.

Rules:
- An edit goes the way of every change of a running plan: one command, judged by the engine. It is
  made up anew from the plan as it is now, so what others have changed meanwhile is kept.
- The plan's file is not touched: it may lie elsewhere, or say more than this run knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from agentdeck.core.commands import EditPlan
from agentdeck.core.decide import refusal
from agentdeck.core.errors import DeckError
from agentdeck.core.ids import TaskId
from agentdeck.plans.editing.brief import Faults, brief_of, with_brief
from agentdeck.tui.presentation.brief_edit import note_of, why_not_edited
from agentdeck.tui.presentation.key_names import in_words
from agentdeck.tui.screens.brief_editor import BriefEditor, Wish

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp


class BriefEditing:
    """What `e` does, step by step."""

    def __init__(self, app: DeckApp) -> None:
        self._app = app

    def open(self, task: TaskId) -> None:
        """Show the editor on a task that can be edited."""
        from agentdeck.control.catalog import load_catalog

        state = self._app.model.state
        dialog = BriefEditor(
            task,
            brief_of(state.spec(task)),
            partial(self._check, task, load_catalog().names),
            partial(self._write, task),
            in_words(note_of(state, task), self._app.shows),
        )
        _ = self._app.push_screen(dialog)

    def _check(self, task: TaskId, adapters: tuple[str, ...], edits: Mapping[str, str]) -> Wish:
        """What is wrong with edits, by the reader of plans and the rules of the run."""
        state = self._app.model.state
        if task not in state.tasks:
            return Wish({"": f"{task} is not in the plan any more"}, None)
        why_not = why_not_edited(state, task) or self._app.offline
        if why_not:
            return Wish({"": in_words(why_not, self._app.shows)}, None)
        try:
            command = self._command(task, adapters, edits)
        except Faults as faults:
            return Wish(faults.found, None)
        except DeckError as error:
            return Wish({"": error.message}, None)
        refused = refusal(state, command) if command is not None else None
        if refused is not None:
            return Wish({"": refused}, None)
        return Wish({}, partial(self._save, task, command) if command is not None else None)

    def _command(
        self, task: TaskId, adapters: tuple[str, ...], edits: Mapping[str, str]
    ) -> EditPlan | None:
        from agentdeck.control.replanning import command_for

        if not edits:
            return None
        state = self._app.model.state
        plan = with_brief(state.plan, task, dict(edits), adapters=adapters)
        return command_for(state, plan, by=self._app.person)

    def _save(self, task: TaskId, command: EditPlan, then: Callable[[], object]) -> None:
        def taken_in(_: int) -> None:
            then()
            self._app.notify(
                f"The brief of {task} is changed for this run; the plan's file is as it was.",
                markup=False,
                timeout=5,
            )

        self._app.deliver(command, then=taken_in)

    def _write(self, task: TaskId, text: str) -> str | None:
        """The text from the person's own editor; None = as it was."""
        from agentdeck.control.text_editor import edited_by_person, editor_command

        app = self._app
        if not app.can_suspend:
            app.warn("This screen is no terminal that an editor could have.")
            return None
        try:
            command = editor_command()
        except DeckError as error:
            app.tell_fault(error, "Not opened")
            return None
        fault: DeckError | None = None
        found: str | None = None
        with app.suspend():  # what is raised in here would leave the screen as it is
            try:
                found = edited_by_person(text, name=f"{task}.md", command=command)
            except DeckError as error:
                fault = error
        if fault is not None:
            app.tell_fault(fault, "Not taken")
        return found
