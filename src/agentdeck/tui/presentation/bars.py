"""Shares and courses as characters: bars and sparklines of stable width.

Rules: a bar is one cell high and tells a share; a sparkline tells how something went, the newest at
its right end, against the highest of its values or a given top. What is not known is blank, nothing
is `▁` in a fainter role.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agentdeck.tui.presentation.line import Line, Span

NOTHING: Final = "▁"
LEVELS: Final = "▂▃▅▇█"  # each has an ASCII sign of its own, unlike the eighths between them


def bar(share: float, width: int, role: str = "accent") -> Line:
    """A share, 0 to 1, in exactly `width` cells; anything above nothing has a cell."""
    width = max(0, width)
    full = min(width, round(share * width))
    if share > 0 and width:
        full = max(1, full)
    return (Span("█" * full, role), Span("░" * (width - full), "faint"))


def spark(
    values: Sequence[float | None],
    width: int,
    role: str = "accent",
    *,
    top: float | None = None,
) -> Line:
    """The newest `width` values in exactly `width` cells.

    Args:
        values: oldest first; None = not known.
        top: what a full cell stands for; None = the highest of them.
    """
    if width <= 0:
        return ()
    shown = list(values)[-width:]
    highest = top or max((value for value in shown if value is not None), default=0.0)
    found: list[Span] = [Span(" " * (width - len(shown)))]
    for value in shown:
        sign, own = _cell(value, highest, role)
        if found[-1].role == own:
            found[-1] = Span(found[-1].text + sign, own)
        else:
            found.append(Span(sign, own))
    return tuple(span for span in found if span.text)


def _cell(value: float | None, highest: float, role: str) -> tuple[str, str]:
    if value is None:
        return " ", ""
    if value <= 0 or highest <= 0:
        return NOTHING, "faint"
    level = int(value / highest * len(LEVELS) - 1e-9)
    return LEVELS[max(0, min(len(LEVELS) - 1, level))], role
