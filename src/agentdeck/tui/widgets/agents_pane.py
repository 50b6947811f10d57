"""The agents pane: who is at work."""

from __future__ import annotations

from functools import cached_property

from textual.app import ComposeResult

from agentdeck.tui.presentation.accounts import account_figure, nobody_starts
from agentdeck.tui.presentation.agents import agent_row, agent_rows, slots_used
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.line import EMPTY, Line, Span
from agentdeck.tui.widgets.row_list import RowList
from agentdeck.tui.widgets.styled import Pane


def empty_sentence(deck: Deck) -> str:
    """What the pane says while nobody works."""
    state = deck.state
    if state.outcome is not None:
        return "The run has ended; nobody works any more."
    if state.paused:
        return (
            f"Agents at work appear here. The run is paused: {deck.key('run.pause')} lets it go on."
        )
    waits = nobody_starts(deck)
    if waits:
        return waits
    return "Agents at work appear here, with what they do. One starts as soon as a task is ready."


class AgentsPane(Pane):
    """Draws `agent_rows`."""

    def compose(self) -> ComposeResult:
        """One list."""
        yield self._rows

    @cached_property
    def _rows(self) -> RowList:
        return RowList(id="agent-rows")

    def show(self, deck: Deck) -> None:
        """Show this moment."""
        rows = self._rows
        if not self.is_news(deck.subject, deck.second, self.size, rows.row_width):
            rows.put_cursor(deck.selected)
            return
        rows.show(
            agent_rows(deck),
            lambda key, width: agent_row(deck, key, width),
            empty=empty_sentence(deck),
        )
        rows.put_cursor(deck.selected)
        used = slots_used(deck)
        figures: Line = (
            (Span(f"{used} of {deck.state.agents_limit}", "muted"),) if deck.state.seq else EMPTY
        )
        held = account_figure(deck, self.title_room)
        if held:
            figures = (*held, Span(" · ", "faint"), *figures)
        self.set_titles((Span("Agents"),), figures)
