"""What all of the deck's own widgets share: roles of the app's theme, and a frame with a title."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.style import Style
from textual.containers import Vertical
from textual.content import Content, Span
from textual.geometry import Region
from textual.style import Style as ContentStyle
from textual.widget import Widget

from agentdeck.tui.presentation.line import EMPTY, Line, cells, spread
from agentdeck.tui.roles import Roles

FRAME_CELLS: Final = 6  # of a title's row that belong to corners, border and blanks

LEAST_RULE_CELLS: Final = 3  # between the titles


def roles_of(widget: Widget) -> Roles:
    """The styles of the theme that is shown."""
    roles = getattr(widget.app, "roles", None)
    return roles if isinstance(roles, Roles) else Roles(widget.app.theme_variables)


class Pane(Vertical):
    """A framed part of the screen with a title: a name at the left, figures at the right."""

    ALLOW_SELECT: ClassVar[bool] = False  # of the frame itself: it is dragged, what is in it is not

    def __init__(self, *, id: str, classes: str = "pane") -> None:  # noqa: A002 - the framework's word
        super().__init__(id=id, classes=classes)
        self._titles: tuple[Line, Line] = (EMPTY, EMPTY)
        self._drawn: object = None
        self._feet: tuple[Line, Line] = (EMPTY, EMPTY)

    def set_titles(self, left: Line, right: Line = EMPTY) -> None:
        """Show these in the frame; the rule of the frame runs on between them."""
        self._titles = (left, right)
        self._draw_titles()

    @property
    def lit(self) -> bool:
        """Is its frame to be seen at once?"""
        return self.has_focus_within

    def set_foot(self, left: Line, right: Line = EMPTY) -> None:
        """Show these in the lower frame, as the titles are in the upper one."""
        self._feet = (left, right)
        self._draw_titles()

    @property
    def title_room(self) -> int:
        """Cells for both titles, without the rule between them."""
        return self.outer_size.width - FRAME_CELLS - LEAST_RULE_CELLS

    def on_resize(self) -> None:
        """The rule between the parts has another length."""
        self._draw_titles()

    def on_descendant_focus(self) -> None:
        """The frame has another colour."""
        self.call_after_refresh(self._draw_titles)

    def on_descendant_blur(self) -> None:
        """The frame has another colour."""
        self.call_after_refresh(self._draw_titles)

    def notify_style_update(self) -> None:
        """The theme may have changed."""
        super().notify_style_update()
        self._drawn = None

    def _draw_titles(self) -> None:
        room, lit, roles = self.outer_size.width - FRAME_CELLS, self.lit, roles_of(self)
        drawn = (self._titles, self._feet, room, lit, id(roles))
        if room < 4 or drawn == self._drawn:
            return
        self._drawn = drawn
        # Not `border_title`: that paints the whole pane anew, with all that is in it, each second.
        self._border_title = _on_frame(*self._titles, room, roles, lit=lit, name=True)
        rows = [Region(-1, -1, self.outer_size.width, 1)]  # as the content sees the frame
        if any(self._feet):
            self._border_subtitle = _on_frame(*self._feet, room, roles, lit=lit, name=False)
            rows.append(Region(-1, self.size.height, self.outer_size.width, 1))
        self.refresh(*rows)


def _on_frame(
    left: Line, right: Line, room: int, roles: Roles, *, lit: bool, name: bool
) -> Content:
    """Two texts on a frame, with its rule between them; `name`: the first one is the pane's."""
    rule = "-" if roles.ascii_only else "─"
    line = (
        spread(left, right, room, gap=3)
        if right and cells(right) + 12 < room
        else spread(left, EMPTY, room)
    )
    filled: list[tuple[str, Style]] = []
    for span in line:
        text, style = span.text, roles.style(span.role)
        if not span.role and not text.strip() and len(text) > 2:
            text, style = (
                f" {rule * (len(text) - 2)} ",
                roles.style("accent" if lit else "frame"),
            )
        elif name and lit and span is line[0] and not span.role:
            style = roles.style("accent bold")
        filled.append((text, style))
    return _content(filled, roles)


def _content(parts: list[tuple[str, Style]], roles: Roles) -> Content:
    from agentdeck.tui.presentation.status import ascii_signs

    text, spans = "", []
    for piece, style in parts:
        shown = ascii_signs(piece) if roles.ascii_only else piece
        spans.append(Span(len(text), len(text) + len(shown), ContentStyle.from_rich_style(style)))
        text += shown
    return Content(text, spans)
