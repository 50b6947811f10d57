"""The last line of the deck: the keys that matter most now, dim where they cannot act."""

from __future__ import annotations

from typing import Final

from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from agentdeck.tui.keys import Context, Group, Key, label, reason
from agentdeck.tui.presentation.line import Line, Span, cells
from agentdeck.tui.widgets.styled import ground_of, roles_of

INSIDE: Final = {Group.LOG: "log", Group.DIFF: "diff"}  # what must have the focus
SURE: Final = ("deck.help", "deck.palette", "deck.leave", "screen.back")


def key_pieces(context: Context, width: int) -> list[tuple[Key, Line]]:
    """The keys that fit into `width` cells, in the order of the table."""
    candidates = sorted((key for key in context.keys if _holds(key, context)), key=_order)
    if context.footer:
        by_id = {key.id: key for key in context.keys}
        candidates = [by_id[name] for name in context.footer if name in by_id]
    # asked once for each: what a key would be refused for is all of what is done here
    able = {key.id for key in candidates if reason(key, context) is None}
    if context.footer:
        candidates = [key for key in candidates if key.id in SURE or key.id in able]
    pieces = {key.id: _piece(key, context, able=key.id in able) for key in candidates}
    # help and palette lead to all the others, so they stay whatever the width
    chosen = {key.id for key in candidates if key.id in SURE}
    taken = sum(cells(pieces[name]) + 2 for name in chosen)
    # keys that can act come before those that cannot; all keep the order of the table on the screen
    for key in sorted(candidates, key=lambda key: key.id not in able):
        if key.id in chosen:
            continue
        taken += cells(pieces[key.id]) + 2
        if taken > width:
            break
        chosen.add(key.id)
    return [(key, pieces[key.id]) for key in candidates if key.id in chosen]


def _holds(key: Key, context: Context) -> bool:
    """Is it a key of the footer, here?"""
    if not key.footer or (key.offered is not None and not key.offered(context)):
        return False
    return key.group not in INSIDE or context.inside == INSIDE[key.group]


def _order(key: Key) -> tuple[bool, int]:
    """Keys that hold only here come first."""
    return key.group not in INSIDE, key.footer


def _piece(key: Key, context: Context, *, able: bool) -> Line:
    word = label(key, context)
    if not able:
        return (Span(key.show, "faint"), Span(f" {word}", "faint"))
    return (Span(key.show, "key bold"), Span(f" {word}", "muted"))


class KeyBar(Widget):
    """Draws the keys; a click presses one."""

    class Pressed(Message):
        """A key was clicked."""

        def __init__(self, key: Key) -> None:
            super().__init__()
            self.key = key

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._on_what: Context | None = None
        self._drawn_from: tuple[object, ...] = ()
        self._pieces: list[tuple[Key, Line]] = []

    def show(self, context: Context) -> None:
        """Show the keys for this moment."""
        self._on_what = context
        where = (context.pane, context.view, context.inside, context.small, self.size.width)
        which = (context.keys, context.footer, context.instead)
        drawn_from = (context.deck.subject, context.task, *where, *which)
        if drawn_from == self._drawn_from:
            return
        self._drawn_from = drawn_from
        pieces = key_pieces(context, self.size.width - 1)
        if [piece for _, piece in pieces] != [piece for _, piece in self._pieces]:
            self._pieces = pieces
            self.refresh()

    def on_resize(self) -> None:
        """Another width shows more or fewer."""
        if self._on_what is not None:
            self.show(self._on_what)

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - there is one
        """The line."""
        line: list[Span] = [Span(" ")]
        for _, piece in self._pieces:
            line += [*piece, Span("  ")]
        return roles_of(self).strip(tuple(line), self.size.width, ground_of(self))

    def on_click(self, event: events.Click) -> None:
        """Press the key under the mouse."""
        x = 1
        for key, piece in self._pieces:
            if x <= event.x < x + cells(piece):
                self.post_message(self.Pressed(key))
                return
            x += cells(piece) + 2
