"""Foreign text in a prompt: set off from what the plan's author has written.

Rules: whatever others have said stands four spaces in, so that it cannot be taken for an
instruction at the margin; a list names how many it leaves out.
"""

from __future__ import annotations

from collections.abc import Iterable

from agentdeck.agents.one_line import CUT


def listed(rows: Iterable[str], most: int, total: int | None = None) -> str:
    """Rows below each other, at most so many, and how many more there are.

    Args:
        rows: each is one line.
        most: how many are shown.
        total: how many there are, if `rows` are not all.
    """
    found = list(rows)
    more = (len(found) if total is None else total) - most
    named = [f"    {row}" for row in found[:most]]
    return "\n".join([*named, *([f"    {CUT} and {more} more"] if more > 0 else [])])


def indented(text: str) -> str:
    """Each line of a text four spaces in."""
    return "\n".join(f"    {line}" for line in text.split("\n"))


__all__ = ["indented", "listed"]
