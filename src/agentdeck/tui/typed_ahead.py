"""Keys that came before the line of a new screen had the focus: they are for the line.

Who opens a dialog types on, and on a machine at work it takes a moment until the line is there. The
framework gives such keys to the screen, where a letter means nothing, or another command.

Rules: only keys that were pressed before the focus first reached the line; from then on the line
hears them itself, and what it has heard meanwhile stands behind them. The line must not select its
text when the focus comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input

if TYPE_CHECKING:
    from textual import events
    from textual.widget import Widget


class TypedAhead:
    """Of one screen: has its line been reached, and what came before."""

    def __init__(self) -> None:
        self._reached = False
        self._end = 0  # behind the letters that came before, in the line

    def reach(self, widget: Widget) -> None:
        """The focus has come to a part of the screen; which need not be the line yet."""
        self._reached = self._reached or isinstance(widget, Input)

    def take(self, event: events.Key, line: Input, before: str = "") -> bool:
        """Give a key to the line; False once that hears keys itself.

        Args:
            before: what the line began with.
        """
        if self._reached:
            return False
        self._end = max(self._end, len(before))
        if event.key == "enter":
            line.post_message(Input.Submitted(line, line.value))
        elif event.key == "backspace":
            self._put(line, self._end - 1, "")
        elif event.is_printable and event.character:
            self._put(line, self._end, event.character)
        else:
            return False
        event.stop()
        event.prevent_default()
        return True

    def take_late(self, event: events.Key, line: Input) -> bool:
        """Give a letter to the line that went to a widget of the screen below, and came back.

        The line stops its own letters, so what reaches the app while it has the focus is not its.
        """
        if not event.is_printable or not event.character or line.screen.focused not in (None, line):
            return not self._reached and self.take(event, line)
        self._put(line, self._end, event.character)
        event.stop()
        return True

    def _put(self, line: Input, start: int, text: str) -> None:
        """Put `text` in the place of what stands from `start` to the end of what came before."""
        start = max(0, start)
        value = line.value[:start] + text + line.value[self._end :]
        if len(value) > (line.max_length or len(value)):
            return
        behind = len(line.value) - line.cursor_position
        line.value = value
        line.cursor_position = len(value) - behind
        self._end = start + len(text)
