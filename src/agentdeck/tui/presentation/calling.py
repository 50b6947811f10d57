"""When a person who looks elsewhere is called, and with which bytes.

Rules:
- What begins to wait for the person calls once. What was there when the deck was opened does not,
  nor what is answered before the call.
- What begins within `GROUP_S` seconds is one call, and between two calls are at least `QUIET_S`.
- Through tmux the bell goes as it is, and OSC 9 in its pass-through wrapper, which tmux drops
  unless `allow-passthrough` is on. GNU screen would garble it: there the bell stands in.
- A call is one line of printable text that begins with a letter: some terminals take a number after
  OSC 9 for a command.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from agentdeck.core.inbox import Item
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.inbox import name_of, wanted
from agentdeck.tui.presentation.line import cut, plain
from agentdeck.tui.settings import Notify

GROUP_S: Final = 3.0  # a plan that stops at one cause stops within a second or two
QUIET_S: Final = 10.0
MAX_CELLS: Final = 160  # of a call; desktops show about two lines
NAMED: Final = 4  # in one call
BELL: Final = "\x07"

_Mark = tuple[str, float | None]


class Newly:
    """Notes what begins to wait, and says when it is time to call."""

    def __init__(self, opened_at: float) -> None:
        """`opened_at`: what waits for longer than this is known. Seconds since the epoch."""
        self._opened_at = opened_at
        self._known: set[_Mark] | None = None  # nothing was looked at yet
        self._pending: dict[_Mark, float] = {}  # since when, on the watch of `now`
        self._called_at: float | None = None

    def take(self, items: Sequence[Item], now: float) -> list[Item]:
        """Look at everything that waits; what to call for at this moment, mostly nothing.

        Args:
            items: all that needs the person now.
            now: seconds on a watch that never goes back.
        """
        here = {_mark(item): item for item in items}
        if self._known is None:
            self._known = set(here)
        for mark, item in here.items():
            if mark not in self._known:
                old = item.since is not None and item.since < self._opened_at
                if not old:
                    self._pending[mark] = now
        self._known = set(here)
        self._pending = {mark: at for mark, at in self._pending.items() if mark in here}
        if not self._pending or now - min(self._pending.values()) < GROUP_S:
            return []
        if self._called_at is not None and now - self._called_at < QUIET_S:
            return []
        found = [here[mark] for mark in self._pending]
        self._pending, self._called_at = {}, now
        return found


def call_words(deck: Deck, items: Sequence[Item]) -> str:
    """`webhooks: S-3 asks: which port?`, or who they are when they are several."""
    plan = plain(deck.state.plan.name) or "agentdeck"
    if len(items) == 1:
        words = f"{name_of(items[0])}: {plain(wanted(deck, items[0]))}"
    else:
        more = f" and {len(items) - NAMED} more" if len(items) > NAMED else ""
        named = ", ".join(name_of(item) for item in items[:NAMED])
        words = f"{len(items)} need you: {named}{more}"
    return cut(f"agentdeck: {plan}: {words}", MAX_CELLS)


def call_bytes(how: Notify, words: str, environment: Mapping[str, str]) -> str:
    """What to write to the terminal.

    Args:
        words: without control characters.
        environment: of this process; TMUX and STY say what stands between it and the terminal.
    """
    if how is Notify.NONE:
        return ""
    if environment.get("STY") and not environment.get("TMUX"):
        return BELL
    if how is Notify.BELL:
        return BELL
    told = f"\x1b]9;{words}\x07"
    if environment.get("TMUX"):
        told = "\x1bPtmux;" + told.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return told + BELL if how is Notify.BOTH else told


def _mark(item: Item) -> _Mark:
    # A task can ask again at once; when a budget began to wait moves with the tasks behind it.
    return item.key, item.since if item.task is not None else None


__all__ = ["Newly", "call_bytes", "call_words"]
