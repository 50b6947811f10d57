"""The framework's stylesheet, which reads each piece of CSS once.

The framework reads all of it anew when a screen brings its own or a theme is set, forgets what it
has read, and reads it again for the next widget: four times before the first picture.

Rules: what was read is kept as long as the variables are the same, because they are what it means;
a stylesheet with a fault leaves the one before it in force, as the framework's does.
"""

from __future__ import annotations

from typing import Final

from textual.cache import LRUCache
from textual.css.stylesheet import Stylesheet

PIECES: Final = 512  # that are kept; each class of widgets has one, each screen a few


class DeckStylesheet(Stylesheet):
    """A stylesheet that keeps what it has read."""

    def __init__(self, *, variables: dict[str, str] | None = None) -> None:
        super().__init__(variables=variables)
        self._parse_cache = LRUCache(PIECES)

    def set_variables(self, variables: dict[str, str]) -> None:
        """Other variables mean another reading; the same ones do not."""
        if variables != self._variables:
            super().set_variables(variables)

    def reparse(self) -> None:
        """Read what is new.

        Raises:
            StylesheetError: the CSS cannot be read.
            StylesheetParseError: it is not valid.
        """
        self.parse()  # changes nothing where it fails

    def copy(self) -> DeckStylesheet:
        """Another one of the same sources."""
        copied = DeckStylesheet(variables=self._variables.copy())
        copied.source = self.source.copy()
        return copied


__all__ = ["DeckStylesheet"]
