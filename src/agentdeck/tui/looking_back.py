"""The deck in the past of its run: the model is folded up to where a replay stands.

Rules:
- Forwards the model takes the events between; backwards it begins anew. At most `EVENTS_AT_ONCE`
  are folded in one look, so that a key is answered meanwhile; nothing is drawn on the way.
- The present is the end of the history: going back from there folds nothing anew, and coming back
  folds what lies between. What happens meanwhile is added at the end.
- It begins once the deck knows all of the past, also where it began with a checkpoint; until then
  the header says how far it is.
- The journal is read in a thread. What the engine tells while it is read is kept, because it may
  have been written behind the place that was read last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from agentdeck.core.errors import DeckError
from agentdeck.core.events import Recorded
from agentdeck.tui.model import Clock
from agentdeck.tui.presentation.replay import ReplayMoment
from agentdeck.tui.replay import FASTER, SCRUB, Replay

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp

EVENTS_AT_ONCE: Final = 2_000  # about 40 ms of folding


class LookingBack:
    """Takes a deck into the past, and back to now."""

    def __init__(self, app: DeckApp, replay: Replay | None) -> None:
        """`replay`: the deck shows nothing else."""
        self._app = app
        self.replay: Replay | None = None
        self._now = app.model.clock  # of the present
        self._meanwhile: list[Recorded] | None = None  # told while the journal is read
        self._history: list[Recorded] | None = (
            None  # read, but the deck does not know all of it yet
        )
        self._comes_back = False
        self._goal: int | None = None  # the event to stand at, once the journal is read
        if replay is not None:
            self._begin(replay)

    @property
    def arrived(self) -> bool:
        """Is the model where the replay is?"""
        return self.replay is None or self._app.model.taken == self.replay.count

    @property
    def waits(self) -> bool:
        """Does a wish to look back wait for the deck to know the past?"""
        return self._meanwhile is not None and self._app.model.waits

    def moment(self) -> ReplayMoment | None:
        """Where the replay is; None in the present."""
        if self.replay is None:
            return None
        return replace(self.replay.moment(), back=self._app.key_name("replay.turn"))

    def turn(self) -> None:
        """Into the past, or back to now."""
        if self.replay is None and self._meanwhile is None:
            self._meanwhile = []
            self._app.run_worker(self._read, thread=True, group="replay")
        elif self.replay is not None and self.replay.live:
            self._comes_back = True
            self.replay.playing = False
            self._show()

    def look_at(self, seq: int) -> None:
        """The run as it was right after an event."""
        if self.replay is None:
            self._goal = seq
            if self._meanwhile is None:
                self.turn()
            return
        self.replay.playing = False
        self.replay.seek(seq)
        self._show()

    def take(self, batch: Sequence[Recorded]) -> None:
        """The run has gone on; in the past it is not shown yet."""
        if self.replay is not None:
            self.replay.add(batch)
            return
        if self._meanwhile is not None:
            self._meanwhile.extend(batch)
        self._app.model.take(batch)

    def act(self, what: str) -> None:
        """What a key means here: `play`, `faster`, `step(-1)`."""
        if self.replay is None:
            return
        name, _, number = what.removesuffix(")").partition("(")
        by = int(number or "0")
        match name:
            case "play":
                self.replay.toggle()
            case "faster":
                self.replay.change_speed(FASTER)
            case "slower":
                self.replay.change_speed(1 / FASTER)
            case "step":
                self.replay.step(by)
            case "scrub":
                self.scrub(self.replay.moment().share + by * SCRUB)
            case _:
                if not self.replay.jump(by):
                    way = "later" if by > 0 else "earlier"
                    self._app.warn(f"Nothing landed or failed {way}.")
        self._show()

    def scrub(self, share: float) -> None:
        """Go to a share of the run, 0 to 1."""
        if self.replay is not None:
            self.replay.scrub(share)
            self._show()

    def tick(self) -> bool:
        """Let the replay's time pass. Is something else to be seen?"""
        if self.replay is None:
            if self._history is None or self._app.model.waits:
                return False
            self._look_back_on(self._history)
            return True
        moved = self.replay.tick()
        return self._follow() or moved

    def _show(self) -> None:
        """Draw at once what a key has led to, unless there is a long way to it."""
        self._follow()
        if self.arrived:
            self._app.draw()

    def _follow(self) -> bool:
        """Bring the model nearer to where the replay is. Is something else to be seen?"""
        replay, model = self.replay, self._app.model
        if replay is None:
            return False
        if self._comes_back:
            replay.seek(len(replay.events))
        if model.taken > replay.count:
            model.reset()
        moved = model.taken != replay.count
        until = min(replay.count, model.taken + EVENTS_AT_ONCE)
        model.take(replay.events[model.taken : until])
        if self._comes_back and self.arrived:
            self.replay, self._comes_back, model.clock = None, False, self._now
        return moved or self.replay is None

    def _read(self) -> None:
        from agentdeck.control.source import read_history

        try:
            history = read_history(self._app.folder)
        except DeckError as error:
            self._app.call_from_thread(self._give_up, error)
        else:
            self._app.call_from_thread(self._look_back_on, history)

    def _give_up(self, error: DeckError) -> None:
        self._meanwhile, self._goal = None, None
        self._app.tell_fault(error, "Not replayed")

    def _look_back_on(self, history: list[Recorded]) -> None:
        model = self._app.model
        if model.waits:
            self._history = history
            return
        self._history = None
        if not model.whole:
            model.reset()  # what it could not read is here now
        replay = Replay(history, live=True)
        replay.add(self._meanwhile or ())
        self._meanwhile = None
        replay.playing = False
        replay.seek(len(replay.events) if self._goal is None else self._goal)
        self._goal = None
        self._begin(replay)
        self._show()

    def _begin(self, replay: Replay) -> None:
        model = self._app.model
        self.replay, self._now = replay, model.clock
        model.clock = Clock(source=replay.now)
        model.outlook = None  # it is of another time
        self._follow()


__all__ = ["LookingBack"]
