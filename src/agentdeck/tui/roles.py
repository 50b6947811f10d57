"""Roles to styles: what a theme makes of `state-failed`, `muted` or `alert`.

Rules: presentation names roles, this file alone knows colours. A theme that says nothing of a state
gets the colour of `DEFAULTS`, so every theme of Textual works. `muted` and `faint` are mixed from
the theme's own foreground and background, as much of the foreground as they need to be read; a
theme whose text itself has less contrast gets its text. Where a theme uses the terminal's own
colours nothing can be mixed, and `dim` stands in. Nothing in a text acts on the terminal: here is
the last door, behind `plain`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.color import Color, ColorParseError
from textual.strip import Strip

from agentdeck.control.sanitize import harmless
from agentdeck.tui.presentation.line import Line
from agentdeck.tui.presentation.status import ascii_signs

MUTED: Final = 7.0  # contrast with the background: text that reads as easily as any (WCAG 2.2 AAA)
FAINT: Final = 4.5  # likewise: what is read last, and can still be read by everybody (AA)
STEPS: Final = 100  # of a mixture that is looked for; each is a hundredth of the foreground
FRAME: Final = 0.25  # the frames of panes, as in room.tcss
CURSOR: Final = 0.24  # of the primary colour under the row with the cursor
HIT: Final = 0.40  # of the colour of what asks, under text that was looked for
LINE: Final = 0.11  # of what landed, or failed, under the added and the removed lines of a diff
WORD: Final = 0.36  # likewise under the words that changed: to be seen on their line at once
REST: Final = 0.10  # of the foreground under the cursor of a pane without the focus

# state -> the theme's own variable that stands in; calm but for `asks` and `failed`
DEFAULTS: Final[dict[str, str]] = {
    "state-pending": "muted",
    "state-ready": "foreground",
    "state-working": "primary",
    "state-paused": "secondary",
    "state-asks": "warning",
    "state-taken": "accent",
    "state-checking": "accent",
    "state-proposed": "secondary",
    "state-queued": "secondary",
    "state-landed": "success",
    "state-failed": "error",
    "state-blocked": "muted",
    "state-skipped": "muted",
    "state-deferred": "muted",
}
_DIFF: Final = {"added": "state-landed", "removed": "state-failed"}
_ATTRIBUTES: Final = frozenset({"bold", "underline", "italic", "reverse", "strike"})
_BREAKS: Final = {ord("\n"): " ", ord("\t"): " "}
_KEPT_STYLES: Final = 512  # roles and their combinations; there are some fifty


def _row(text: str) -> str:
    """A text that stays on its row, and only shows."""
    if text.isprintable():
        return text
    return harmless(text.translate(_BREAKS), styled=False)


class Roles:
    """The styles of one theme."""

    def __init__(self, variables: Mapping[str, str], *, ascii_only: bool = False) -> None:
        self.ascii_only = ascii_only
        self._variables = variables
        self._kept: dict[str, Style] = {}

    def style(self, role: str) -> Style:
        """What a role looks like; unknown words change nothing."""
        found = self._kept.get(role)
        if found is None:
            found = Style.null()
            for word in role.split():
                found += self._word(word)
            if len(self._kept) < _KEPT_STYLES:
                self._kept[role] = found
        return found

    def strip(self, line: Line, width: int, base: Style, under: Style | None = None) -> Strip:
        """A line as a strip of exactly `width` cells; `under` is laid below all of it."""
        ground = base + under if under is not None else base
        segments = [
            Segment(
                ascii_signs(_row(span.text)) if self.ascii_only else _row(span.text),
                ground + self.style(span.role),
            )
            for span in line
            if span.text
        ]
        return Strip(segments).adjust_cell_length(width, ground)

    def hexed(self, role: str) -> str:
        """The colour of a role as `#rrggbb`; empty where it has none that is known."""
        found = self.style(role).color
        return found.get_truecolor().hex if found is not None and not found.is_default else ""

    def _word(self, word: str) -> Style:  # one row a role
        match word:
            case _ if word in _ATTRIBUTES:
                return Style.parse(word)
            case "muted":
                return self._legible(MUTED)
            case "faint":
                return self._legible(FAINT)
            case "frame":
                return self._mixed(FRAME)
            case "alert":
                return self._filled("state-asks")
            case "alert-good":
                return self._filled("state-landed")
            case "alert-calm":
                return self._filled("state-paused")
            case "cursor":
                return self._ground("primary", CURSOR)
            case "cursor-rest":
                return self._ground("foreground", REST)
            case "added-line" | "removed-line":
                return self._tint(_DIFF[word.partition("-")[0]], LINE, Style.null())
            case "added-word" | "removed-word":
                stands_out = Style(reverse=True)
                return self._tint(_DIFF[word.partition("-")[0]], WORD, stands_out)
            case "hit":
                return self._ground("state-asks", HIT)
            case "tab-on":
                return self._plain("accent") + Style(bold=True, underline=True)
            case "key":
                return self._plain("accent")
            case _:
                return self._plain(word)

    def _colour(self, name: str) -> Color | None:
        """A variable of the theme as a colour; None when it is unknown or the terminal's own."""
        text = self._variables.get(name)
        if text is None and name in DEFAULTS:
            return self._colour(DEFAULTS[name])
        try:
            colour = Color.parse(text) if text else None
        except ColorParseError:
            return None
        return colour if colour is not None and colour.ansi is None and colour.a == 1 else None

    def _plain(self, name: str) -> Style:
        colour = self._colour(name)
        if colour is not None:
            return Style(color=colour.rich_color)
        if DEFAULTS.get(name) == "muted":
            return self._legible(MUTED)
        return Style.null()

    def _legible(self, least: float) -> Style:
        """The faintest mixture that has this contrast with the background."""
        front, back = self._colour("foreground"), self._colour("background")
        if front is None or back is None:
            return Style(dim=True)
        shares = (step / STEPS for step in range(STEPS // 4, STEPS))
        mixtures = (back.blend(front, share) for share in shares)
        found = next((mixed for mixed in mixtures if contrast(mixed, back) >= least), front)
        return Style(color=found.rich_color)

    def _mixed(self, share: float) -> Style:
        front, back = self._colour("foreground"), self._colour("background")
        if front is None or back is None:
            return Style(dim=True)
        return Style(color=back.blend(front, share).rich_color)

    def _filled(self, name: str) -> Style:
        colour, back = self._colour(name), self._colour("background")
        if colour is None or back is None:
            return Style(reverse=True, bold=True)
        return Style(color=back.rich_color, bgcolor=colour.rich_color, bold=True)

    def _ground(self, name: str, share: float) -> Style:
        return self._tint(name, share, Style(reverse=True))

    def _tint(self, name: str, share: float, instead: Style) -> Style:
        """A ground with so much of a colour; `instead` where nothing can be mixed."""
        colour, back = self._colour(name), self._colour("background")
        if colour is None or back is None:
            return instead
        return Style(bgcolor=back.blend(colour, share).rich_color)


def contrast(one: Color, other: Color) -> float:
    """How well one colour is read on another, 1 to 21 (contrast ratio of WCAG 2.2)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Color) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2)."""
    shares = [part / 255 for part in colour.rgb]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)
