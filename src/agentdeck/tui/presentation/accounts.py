"""Accounts whose limits hold agents back: how long still, or that a person is needed.

Rules: the account that needs a person comes first, then the one that opens last. Names are cut, the
countdown never.
"""

from __future__ import annotations

from typing import Final

from agentdeck.core.accounts import closed, opens_in_s, said_of
from agentdeck.core.state import Account
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import clock_time, duration
from agentdeck.tui.presentation.line import EMPTY, Line, Span, cut, plain

NAME_CELLS: Final = 14  # of an account in a line that has little room
NAMED_FROM: Final = 60  # cells of a header that has room for a name
CLOCK_FROM: Final = 65  # cells of a frame that has room for a time of day


def held_back(deck: Deck) -> list[Account]:
    """The accounts on which nothing starts, what matters most first."""
    state = deck.state
    if state.outcome is not None or state.ending:
        return []
    shut = list(closed(state))
    frozen = [each for each in state.accounts.values() if not each.open and not each.closed]
    return shut + sorted(frozen, key=lambda each: -opens_in_s(each, deck.now))


def account_alert(deck: Deck, width: int) -> Line:
    """For a header of so many cells: ` ! anthropic needs you `, or ` ‖ anthropic 03:59 `."""
    held = held_back(deck)
    if not held:
        return EMPTY
    name = f"{cut(plain(held[0].name), NAME_CELLS)} " if width >= NAMED_FROM else ""
    if held[0].closed:
        return (Span(f" ! {name or 'login '}needs you ", "alert"), Span(" "))
    left = duration(opens_in_s(held[0], deck.now))
    return (Span(f" ‖ {name}{left} ", "alert-calm"), Span(" "))


def account_figure(deck: Deck, room: int) -> Line:
    """For a frame with room for so many cells: `anthropic opens in 03:59 (13:20)`."""
    held = held_back(deck)
    if not held:
        return EMPTY
    name = cut(plain(held[0].name), NAME_CELLS)
    more = f", and {len(held) - 1} more" if len(held) > 1 else ""
    until = held[0].frozen_until
    if held[0].closed or until is None:
        return (Span(f"{name} needs you{more}", "state-failed"),)
    left = duration(opens_in_s(held[0], deck.now))
    at = f" ({clock_time(until, utc=deck.frozen)})" if room >= CLOCK_FROM else ""
    return (Span(f"{name} opens in {left}{at}{more}", "state-paused"),)


def nobody_starts(deck: Deck) -> str:
    """Why no agent is at work, when that is for an account; empty when it is not."""
    held = held_back(deck)
    return f"Nobody starts: {plain(said_of(held[0], deck.now))}." if held else ""
