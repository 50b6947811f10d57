"""The deck in the past of its run: the model is folded up to where a replay stands.

Rules:
- Forwards the model takes the events between; backwards it begins anew. At most `EVENTS_AT_ONCE`
  are folded in one look, so that a key is answered meanwhile; nothing is drawn on the way.
- Whoever comes back to now has everything that has happened meanwhile.
- The journal is read in a thread.
"""

from __future__ import annotations

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
        self.replay = replay
        self._now: Clock | None = None  # the clock of the present
        if replay is not None:
            self._go_back(replay)

    @property
    def arrived(self) -> bool:
        """Is the model where the replay is?"""
        return self.replay is None or self._app.model.taken == self.replay.count

    def moment(self) -> ReplayMoment | None:
        """Where the replay is; None in the present."""
        return self.replay.moment() if self.replay is not None else None

    def turn(self) -> None:
        """Into the past, or back to now."""
        if self.replay is None:
            self._app.run_worker(self._read, thread=True, group="replay", exclusive=True)
        elif self.replay.live:
            self._come_back()

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
        self._follow()

    def scrub(self, share: float) -> None:
        """Go to a share of the run, 0 to 1."""
        if self.replay is not None:
            self.replay.scrub(share)
            self._follow()

    def tick(self) -> bool:
        """Let the replay's time pass. Is something else to be seen?"""
        if self.replay is None:
            return False
        moved = self.replay.tick()
        return self._follow() or moved

    def _follow(self) -> bool:
        """Bring the model nearer to where the replay is."""
        replay, model = self.replay, self._app.model
        if replay is None or model.taken == replay.count:
            return False
        if model.taken > replay.count:
            model.reset()
        until = min(replay.count, model.taken + EVENTS_AT_ONCE)
        model.take(replay.events[model.taken : until])
        return True

    def _read(self) -> None:
        from agentdeck.control.source import read_history

        try:
            history = read_history(self._app.folder)
        except DeckError as error:
            self._app.call_from_thread(self._app.tell_fault, error, "Not replayed")
        else:
            self._app.call_from_thread(self._begin, history)

    def _begin(self, history: list[Recorded]) -> None:
        replay = Replay(history, live=True)
        replay.playing = False
        replay.seek(len(history))
        self._go_back(replay)
        self._app.draw()

    def _go_back(self, replay: Replay) -> None:
        model = self._app.model
        self.replay, self._now = replay, model.clock
        model.clock = Clock(source=replay.now)
        model.reset()
        while not self.arrived:
            self._follow()

    def _come_back(self) -> None:
        replay, self.replay = self.replay, None
        model = self._app.model
        if replay is not None and self._now is not None:
            model.clock = self._now
            model.reset()
            model.take(replay.events)
        self._app.draw()


__all__ = ["LookingBack"]
