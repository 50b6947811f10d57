"""What all of the deck's own widgets share: roles of the app's theme, and a frame with a title."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.style import Style
from textual.containers import Vertical
from textual.content import Content
from textual.content import Span as ContentSpan
from textual.geometry import Region
from textual.style import Style as ContentStyle
from textual.widget import Widget

from agentdeck.tui.painting import repaint
from agentdeck.tui.presentation.line import EMPTY, Line, Span, cells, spread
from agentdeck.tui.presentation.line_changes import changed_cells
from agentdeck.tui.roles import Roles

FRAME_CELLS: Final = 6  # of a title's row that belong to corners, border and blanks
TITLE_COLUMN: Final = 2  # of a title's first cell, as the content of the pane counts them
LEAST_RULE_CELLS: Final = 3  # between the titles


def roles_of(widget: Widget) -> Roles:
    """The styles of the theme that is shown."""
    roles = getattr(widget.app, "roles", None)
    return roles if isinstance(roles, Roles) else Roles(widget.app.theme_variables)


def ground_of(widget: Widget) -> Style:
    """What a widget's text is drawn with before it has a role.

    As `rich_style`, which is mixed anew at each call: that is dearer than the row that is drawn.
    """
    return widget.visual_style.rich_style


class Pane(Vertical):
    """A framed part of the screen with a title: a name at the left, figures at the right."""

    ALLOW_SELECT: ClassVar[bool] = False  # of the frame itself: it is dragged, what is in it is not

    def __init__(self, *, id: str, classes: str = "pane") -> None:  # noqa: A002 - the framework's word
        super().__init__(id=id, classes=classes)
        self._titles: tuple[Line, Line] = (EMPTY, EMPTY)
        self._drawn: object = None
        self._drawn_from: tuple[object, ...] | None = None
        self._feet: tuple[Line, Line] = (EMPTY, EMPTY)
        self._on_frame: tuple[Line, Line] | None = None  # as it was drawn; None: all of it is to be

    def is_news(self, *drawn_from: object) -> bool:
        """Is this another than what the pane was drawn from before? It is remembered."""
        before, self._drawn_from = self._drawn_from, drawn_from
        return before != drawn_from

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
        self._drawn = self._on_frame = self._drawn_from = None

    def _draw_titles(self) -> None:
        room, lit, roles = self.outer_size.width - FRAME_CELLS, self.lit, roles_of(self)
        drawn = (self._titles, self._feet, room, lit, id(roles))
        if room < 4 or drawn == self._drawn:
            return
        self._drawn = drawn
        title = _on_frame(*self._titles, room, roles, lit=lit, name=True)
        foot = _on_frame(*self._feet, room, roles, lit=lit, name=False) if any(self._feet) else ()
        before, self._on_frame = self._on_frame, (title, foot)
        # Not `border_title`: that paints the whole pane anew, with all that is in it, each second.
        self._border_title = _content(title, roles)
        if foot:
            self._border_subtitle = _content(foot, roles)
        self._paint_frame(before, (title, foot))

    def _paint_frame(self, before: tuple[Line, Line] | None, now: tuple[Line, Line]) -> None:
        """Paint what is another in the two rows of the frame; all of both where nothing was."""
        regions = []
        for at, y in enumerate((-1, self.size.height)):  # as the content sees the frame
            if before is None:
                regions.append(Region(-1, y, self.outer_size.width, 1))
                continue
            x, end = changed_cells(before[at], now[at])
            if cells(before[at]) != cells(now[at]):
                end += 1  # the blank behind it
            if x < end:
                regions.append(Region(TITLE_COLUMN + x, y, end - x, 1))
        if regions:
            repaint(self, *regions)


def _on_frame(left: Line, right: Line, room: int, roles: Roles, *, lit: bool, name: bool) -> Line:
    """Two texts on a frame, with its rule between them; `name`: the first one is the pane's."""
    rule = "-" if roles.ascii_only else "─"
    line = (
        spread(left, right, room, gap=3)
        if right and cells(right) + 12 < room
        else spread(left, EMPTY, room)
    )
    filled: list[Span] = []
    for span in line:
        text, role = span
        if not role and not text.strip() and len(text) > 2:
            text, role = f" {rule * (len(text) - 2)} ", "accent" if lit else "frame"
        elif name and lit and span is line[0] and not role:
            role = "accent bold"
        filled.append(Span(text, role))
    return tuple(filled)


def _content(line: Line, roles: Roles) -> Content:
    from agentdeck.tui.presentation.status import ascii_signs

    text, spans = "", []
    for piece, role in line:
        shown = ascii_signs(piece) if roles.ascii_only else piece
        style = ContentStyle.from_rich_style(roles.style(role))
        spans.append(ContentSpan(len(text), len(text) + len(shown), style))
        text += shown
    return Content(text, spans)
