"""Pictures of the deck for a report: SVG that loads nothing and runs nothing.

Rules:
- A picture holds only elements that draw; whatever else is in it, it is refused. Fonts are those of
  the reader's machine.
- In a page it stands as an image whose bytes are in the page: a browser runs no script of an image
  and loads nothing for it, whatever it holds.
"""

from __future__ import annotations

import base64
import re
from typing import Final

import msgspec

from agentdeck.core.errors import EnvironmentFault

DRAWING: Final = frozenset(
    {"svg", "style", "defs", "clipPath", "rect", "g", "text", "circle", "line", "path", "title"}
)
_FONT: Final = re.compile(r"@font-face\s*\{[^{}]*\}\s*")
_COMMENT: Final = re.compile(r"<!--.*?-->\s*", re.DOTALL)
_ELEMENT: Final = re.compile(r"<\s*/?\s*([A-Za-z!?][A-Za-z0-9:_-]*)")
_ACTING: Final = re.compile(
    r"<[^>]*\s(?:on[a-z]+|(?:xlink:)?href|src)\s*=|@import|url\(\s*['\"]?(?!#)|javascript:",
    re.IGNORECASE,
)


class Picture(msgspec.Struct, frozen=True):
    """One screen of the deck."""

    screen: str
    svg: str

    @property
    def title(self) -> str:
        """What it shows."""
        return f"The deck at the end: {self.screen}"


def drawn(screen: str, svg: str) -> Picture:
    """A picture, without fonts and comments.

    Raises:
        EnvironmentFault: it holds more than a drawing.
    """
    clean = _COMMENT.sub("", _FONT.sub("", svg)).strip()
    strange = set(_ELEMENT.findall(clean)) - DRAWING
    if strange or _ACTING.search(clean):
        what = ", ".join(sorted(strange)) or "something that is loaded or run"
        raise EnvironmentFault(f"the picture of {screen} holds more than a drawing: {what}")
    return Picture(screen, clean + "\n")


def data_url(picture: Picture) -> str:
    """The picture as the address of an image."""
    return f"data:image/svg+xml;base64,{base64.b64encode(picture.svg.encode()).decode()}"


__all__ = ["Picture", "data_url", "drawn"]
