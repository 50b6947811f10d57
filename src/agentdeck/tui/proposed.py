"""What a tracker proposes about tasks, for the deck: looked at once a second, read when it changes.

Rules: only a plan that lets something in from a tracker has such a file. A glance costs one `stat`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentdeck.control.runs import RunFolder
    from agentdeck.tui.model import Model


class Proposed:
    """Keeps what is proposed in the model."""

    def __init__(self, model: Model, folder: RunFolder) -> None:
        """Nothing is known yet."""
        self._model, self._folder = model, folder
        self._seen: tuple[object, ...] | None = None

    def tick(self) -> None:
        """Look, and read what is new."""
        state = self._model.state
        if state.plan.tracker is None or not state.plan.tracker.accept:
            return
        from agentdeck.control.explaining import proposed
        from agentdeck.control.tracker_inbox import changed_at, told

        seen = (changed_at(self._folder), state.outcome, len(state.tasks))
        if seen != self._seen:
            self._seen, self._model.proposed = seen, proposed(self._folder, state)
            self._model.proposals_told = next(iter(told(self._folder)), "")
