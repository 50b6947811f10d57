"""The events that a screen needs, read from the journal beside it.

Rules:
- What can be seen, and a little around it, is asked for; a thread reads it, one request at a time,
  the newest wish first. What was wished meanwhile and is not seen any more is never read.
- At most `KEPT` events are kept; those that were looked at longest ago go first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from agentdeck.control.event_log import EventLog
from agentdeck.core.errors import DeckError
from agentdeck.core.events import Recorded

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp

KEPT: Final = 4_096  # events; some fifty screens
GROUP: Final = "journal"  # of the workers that read


class EventPages:
    """Events by their numbers."""

    def __init__(self, app: DeckApp, changed: Callable[[], object]) -> None:
        """`changed` is called on the screen's thread when something was read."""
        self._app, self._changed = app, changed
        self.log = EventLog(app.folder)
        self._kept: OrderedDict[int, Recorded] = OrderedDict()
        self._reading = False
        self._wished: list[int] = []
        self._absent: set[int] = set()  # that were looked for and are not in the journal
        self.problem = ""  # why nothing can be read

    def get(self, seq: int) -> Recorded | None:
        """An event; None = it is not here yet. In the past all of them are."""
        replay = self._app.looking_back.replay
        if replay is not None:
            return replay.events[seq - 1] if 0 < seq <= len(replay.events) else None
        found = self._kept.get(seq)
        if found is not None:
            self._kept.move_to_end(seq)
        return found

    def want(self, numbers: Iterable[int]) -> None:
        """See to it that these are here soon."""
        if self._app.looking_back.replay is not None or self.problem:
            return
        self._wished = [n for n in numbers if n not in self._kept and n not in self._absent]
        if self._wished and not self._reading:
            self._reading = True
            self._app.run_worker(self._read, thread=True, group=GROUP, exit_on_error=False)

    @property
    def are_awaited(self) -> bool:
        """Was nothing read yet, though something is being read?"""
        return self._reading and not self._kept

    def close(self) -> None:
        """Nothing is read any more."""
        self.problem = "closed"
        self.log.close()

    # --- in the thread ---------------------------------------------------------------------------

    def _read(self) -> None:
        wished = self._wished[:KEPT]
        try:
            found = self.log.some(wished)
        except DeckError as error:
            self._app.call_from_thread(self._give_up, error)
        else:
            self._app.call_from_thread(self._take, wished, found)

    # --- on the screen ---------------------------------------------------------------------------

    def _take(self, wished: list[int], found: list[Recorded]) -> None:
        self._reading = False
        self._absent.update(set(wished) - {one.seq for one in found})
        for recorded in found:
            self._kept[recorded.seq] = recorded
            self._kept.move_to_end(recorded.seq)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        if not self.problem:
            self._changed()

    def _give_up(self, error: DeckError) -> None:
        self._reading = False
        if not self.problem:
            self.problem = error.message
            self._app.tell_fault(error, "No events")
            self._changed()
