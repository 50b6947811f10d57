"""HTML that cannot be broken out of: elements built from text that is escaped on its way in.

Rules: text becomes `Markup` only here, and only escaped; a page is put together from `Markup`
alone. Whoever writes a page therefore cannot forget to escape.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Final

from agentdeck.plans.reporting import plain

VOID: Final = frozenset({"meta", "br", "img"})  # elements without an end


class Markup:
    """A piece of HTML that is well formed."""

    __slots__ = ("source",)

    def __init__(self, source: str) -> None:
        """Take `source` as it is: only for what was written by us."""
        self.source = source


Child = Markup | str | None


def element(name: str, /, *children: Child | Iterable[Child], **attributes: str | None) -> Markup:
    """An element.

    Args:
        name: of the element, written by us.
        children: text is escaped; None is left out.
        attributes: their values are escaped; None leaves one out. `class_` is `class`, and `_` is
            `-` in the others.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(plain.one_line(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{joined(*children).source}</{name}>")


def joined(*children: Child | Iterable[Child]) -> Markup:
    """Pieces one after the other."""
    parts: list[str] = []
    for child in children:
        if child is None:
            continue
        if isinstance(child, Markup):
            parts.append(child.source)
        elif isinstance(child, str):
            parts.append(html.escape(plain.lines(child) if "\n" in child else _spaced(child)))
        else:
            parts.append(joined(*child).source)
    return Markup("".join(parts))


def _spaced(text: str) -> str:
    """One line with the spaces around it, which separate it from its neighbours."""
    inside = plain.one_line(text)
    if not inside:
        return " " if text else ""
    before = " " if text[0] == " " else ""
    return f"{before}{inside}{' ' if text[-1] == ' ' else ''}"
