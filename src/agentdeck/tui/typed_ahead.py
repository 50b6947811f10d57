"""Keys in order: each one goes to the screen that the keys before it have led to.

Who knows the deck types on: `:`, a command and enter come in one piece, and on a machine at work it
takes a moment until the line is there. The framework would give all of them to what has the focus
when they are read, where a letter is another command, or nothing.

Rules:
- A key, or a paste, is let in when all that came of the one before has been done: no message of
  it is under way, what it has opened is mounted and has shown itself, what was to follow from it
  has followed (`expect`), and a line to type in that came with it has the focus. Until then it is
  held, in order, and so is all that is typed behind it.
- A screen can hold a key back while it still looks for what that key would choose (`HoldsBack`).
- Nothing that was typed for one place acts in another. When what it was for does not come in
  `WAIT_S`, what was typed behind it is dropped, and that is said; so where it was refused, with
  what is typed before the refusal stands on the screen.
- At most `MAX_HELD` are held. What is typed beyond that is not taken, and that is said once.
- A press of the mouse was aimed at a picture. On a screen that has not shown itself yet it hits
  nothing; behind keys that are held it waits, and counts only if it is still that screen.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from textual import events
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from agentdeck.tui.first_picture import PaintedWhole
from agentdeck.tui.presentation.key_names import spoken

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp
    from agentdeck.tui.keys import Key

MAX_HELD: Final = 1_000  # keys; more than anybody types while a screen opens
WAIT_S: Final = 10.0  # for what was asked for; after that it is not what one types for any more
QUIET_S: Final = 0.25  # for messages to be done; then they are not those of a key
NEW_QUIET_S: Final = 2.0  # the same where a screen has just come: it sets itself up by messages
QUIET_LOOKS: Final = 2  # in a row that find none: one may be between two widgets
TURNS: Final = 200  # of the event loop between looks, before they are spread in time
LOOK_S: Final = 0.005  # between two looks from then on
COUNTED_S: Final = 0.05  # of a look at most: what comes cannot come while the loop is held up

# What is typed behind these is text.
OPEN_A_LINE: Final = frozenset(
    "task.steer task.retry_feedback task.add task.edit run.budget run.pools mark.by view.filter "
    "view.search move.find deck.palette deck.command log.find log.filter log.jump".split()
)

Held = tuple[events.Event, Screen[object]]  # and the screen on top when it came


@runtime_checkable
class HoldsBack(Protocol):
    """A screen where some keys choose among what is found in the background."""

    def holds_back(self, key: str) -> bool:
        """Must this key wait, as what it would choose from is not there yet?"""


class TypedAhead:
    """What is typed into one deck, on its way to where it belongs. For the thread of the screen."""

    def __init__(self, app: DeckApp) -> None:
        self._app = app
        self._held: deque[Held] = deque()
        self._task: asyncio.Task[None] | None = None  # lets in what is held
        self._let_in: events.Event | None = None
        self._expected: dict[int, float] = {}  # since when, by number
        self._number = count()
        self._on = self._over = False
        self._overflowed = False
        self._drops = False  # what is typed now was meant for what was refused
        self._aimed_at: Screen[object] | None = None  # where the latest key went

    def start(self) -> None:
        """There is a deck from now on."""
        self._on = True

    def stop(self) -> None:
        """Nothing is let in any more: there is no screen that could hear it."""
        self._over = True
        self._held.clear()
        if self._task is not None:
            self._task.cancel()

    # --- what others say -----------------------------------------------------------------------

    def expect(self) -> Callable[[], None]:
        """Something will follow from a key: hold what is typed until the function is called."""
        number = next(self._number)
        self._expected[number] = time.monotonic()

        def come() -> None:
            self._expected.pop(number, None)

        return come

    def refused(self, key: Key) -> None:
        """A key did not do what it does: what was typed behind it was meant for what it opens."""
        if key.id in OPEN_A_LINE:
            self._drops = True
            self._drop(f"{spoken(key.show)} opened nothing")
            self._app.call_after_refresh(self._take_again)

    def _take_again(self) -> None:
        """The refusal stands on the screen."""
        self._drops = False

    def takes(self, event: events.Event) -> bool:
        """Is this event held, or of no use? All that comes from the terminal is shown here."""
        if event is self._let_in:
            self._let_in = None
            return self._over
        if event.is_forwarded or not self._on:
            return False
        match event:
            case events.Key() | events.Paste() | events.MouseEvent() if self._over:
                return True
            case events.Key() | events.Paste():
                self._hold(event)
                return True
            case events.MouseMove() if not self._held:
                return False
            case events.MouseEvent():
                return self._takes_mouse(event)
        return False

    def _takes_mouse(self, event: events.MouseEvent) -> bool:
        if not self._is_open:
            return True
        if self._held:
            self._hold(event)
            return True
        return False

    def _hold(self, event: events.Event) -> None:
        if self._drops:
            return
        if len(self._held) >= MAX_HELD:
            if not self._overflowed:
                self._overflowed = True
                self._say(f"Only the first {MAX_HELD:,} keys are kept until the deck is ready.")
            return
        self._held.append((event, self._app.screen))
        if self._task is None:
            self._task = asyncio.create_task(self._let_in_all(), name="keys")
            self._task.add_done_callback(self._ended)

    # --- letting in ----------------------------------------------------------------------------

    async def _let_in_all(self) -> None:
        while self._held:
            event, aimed_at = self._held[0]
            if not await self._may_come(event):
                self._drop("what it was for did not come")
                self._expected.clear()
            elif self._held and self._held[0][0] is event:  # it was not dropped meanwhile
                _ = self._held.popleft()
                if not isinstance(event, events.MouseEvent) or aimed_at is self._app.screen:
                    self._let_in, self._aimed_at = event, self._app.screen
                    _ = self._app.post_message(event)
        self._overflowed = False

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._app._handle_exception(error)  # noqa: SLF001 - as any fault of a screen

    async def _may_come(self, event: events.Event) -> bool:
        """Wait until an event can be let in; False when it must not be."""
        looked, waited, quiet = time.monotonic(), 0.0, 0
        for turn in count():
            now = time.monotonic()
            looked, waited = now, waited + min(now - looked, COUNTED_S)
            if self._expected or not self._is_open or self._is_held_back(event):
                quiet = 0
                if waited > WAIT_S:
                    return False
            elif self._is_still() or waited > self._patience:
                quiet += 1
                if quiet == QUIET_LOOKS:
                    break
            else:
                quiet = 0
            await asyncio.sleep(0 if turn < TURNS else LOOK_S)
        return True

    @property
    def _is_open(self) -> bool:
        """Can the screen on top be seen, and hear keys?"""
        stack = self._app.screen_stack
        if not stack or not stack[-1].is_mounted:
            return False
        top = stack[-1]
        if isinstance(top, PaintedWhole) and not top.is_seen:
            return False
        return top is self._aimed_at or not self._waits_for_focus(top)

    def _waits_for_focus(self, top: Screen[object]) -> bool:
        """Has a screen that came with a line to type in not given it the focus yet?"""
        chosen = self._app.AUTO_FOCUS if top.AUTO_FOCUS is None else top.AUTO_FOCUS
        if not chosen or top.focused is not None:
            return False
        return any(isinstance(each, Input) and each.focusable for each in top.query(chosen))

    @property
    def _patience(self) -> float:
        """Seconds for messages that do not end: a run at work has some all the time."""
        top = self._app.screen
        same = top is self._aimed_at and not isinstance(top, HoldsBack)
        return QUIET_S if same else NEW_QUIET_S

    def _is_held_back(self, event: events.Event) -> bool:
        top = self._app.screen
        return (
            isinstance(event, events.Key)
            and isinstance(top, HoldsBack)
            and top.holds_back(event.key)
        )

    def _is_still(self) -> bool:
        """Has every widget heard what it was told? O(widgets of the screen)."""
        app, top = self._app, self._app.screen
        if self._let_in is not None or app.message_queue_size or top.message_queue_size:
            return False
        return not any(each.message_queue_size for each in top.walk_children(Widget))

    def _drop(self, why: str) -> None:
        keys = sum(isinstance(event, events.Key | events.Paste) for event, _ in self._held)
        self._held.clear()
        if keys:
            self._say(f"What was typed behind it was not taken: {why}.")

    def _say(self, text: str) -> None:
        self._app.notify(text, title="Typed ahead", severity="warning", markup=False)


__all__ = ["HoldsBack", "TypedAhead"]
