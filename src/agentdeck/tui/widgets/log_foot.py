"""The line at the foot of a log: what is looked for and found, or the line to type it in.

Rules: it is there only while it has something to say, so it takes no row from a log that is only
read. It knows nothing of logs: whoever owns it says what it shows.
"""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from agentdeck.tui.presentation.line import EMPTY, Line, Span, spread
from agentdeck.tui.widgets.styled import roles_of

SIGN_CELLS: Final = 3


class _Words(Widget):
    """One line, its ends apart."""

    DEFAULT_CSS = "_Words { height: 1; width: 1fr; }"

    def __init__(self, *, id: str) -> None:  # noqa: A002 - the framework's word
        super().__init__(id=id)
        self._said: tuple[Line, Line] = (EMPTY, EMPTY)

    def say(self, left: Line, right: Line = EMPTY) -> None:
        """Show these."""
        if (left, right) != self._said:
            self._said = (left, right)
            self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - there is one
        """The line."""
        left, right = self._said
        line = (Span(" "), *spread(left, right, self.size.width - 2, gap=2))
        return roles_of(self).strip(line, self.size.width, self.rich_style)


class LogFoot(Horizontal):
    """Says something, or asks for a line of text."""

    DEFAULT_CSS = """
    LogFoot { height: 1; display: none; background: $background; }
    LogFoot #log-sign { width: 3; display: none; }
    LogFoot Input { width: 1fr; display: none; background: $background; padding: 0; }
    LogFoot Input:focus { background: $background; background-tint: $background 0%; }
    LogFoot #log-hint { width: 44; display: none; }
    LogFoot.-asks #log-sign, LogFoot.-asks Input, LogFoot.-asks #log-hint { display: block; }
    LogFoot.-asks #log-said { display: none; }
    LogFoot.-short #log-hint { width: 22; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

    class Answered(Message):
        """Something was typed; None = nothing is wanted."""

        def __init__(self, sign: str, text: str | None) -> None:
            super().__init__()
            self.sign, self.text = sign, text

    class Typed(Message):
        """It is being typed."""

        def __init__(self, sign: str, text: str) -> None:
            super().__init__()
            self.sign, self.text = sign, text

    def __init__(self) -> None:
        super().__init__(id="log-foot")
        self._sign = ""

    def compose(self) -> ComposeResult:
        """What is said, and what is typed between a sign and a hint."""
        yield _Words(id="log-said")
        yield _Words(id="log-sign")
        yield Input(id="log-input", compact=True)
        yield _Words(id="log-hint")

    @property
    def asks(self) -> bool:
        """Is a line being typed?"""
        return self.has_class("-asks")

    def say(self, left: Line, right: Line = EMPTY) -> None:
        """Show these; with nothing to say it is not there."""
        self.query_one("#log-said", _Words).say(left, right)
        self.display = self.asks or bool(left or right)

    def ask(self, sign: str, about: str) -> None:
        """Let a line be typed behind a sign."""
        self._sign = sign
        self.add_class("-asks")
        self.display = True
        self.query_one("#log-sign", _Words).say((Span(sign, "key bold"),))
        self.hint(about)
        line = self.query_one(Input)
        line.value = ""
        line.focus()

    def hint(self, text: str, role: str = "faint") -> None:
        """Say something beside what is being typed."""
        self.query_one("#log-hint", _Words).say(EMPTY, (Span(text, role),))

    def on_resize(self) -> None:
        """A narrow pane needs its room for what is typed."""
        self.set_class(self.size.width < 76, "-short")

    def on_input_changed(self, event: Input.Changed) -> None:
        """One more letter."""
        event.stop()
        if self.asks:
            self.post_message(self.Typed(self._sign, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """That is it."""
        event.stop()
        self._close(event.value)

    def action_leave(self) -> None:
        """Nothing is wanted."""
        self._close(None)

    def _close(self, text: str | None) -> None:
        if self.asks:
            self.remove_class("-asks")
            self.post_message(self.Answered(self._sign, text))
