"""The line that announces what stands below it: `Agent assignments:`, `For each task, specify:`.

It says nothing of its own, so whoever takes the list, the table or the code block takes it too.
"""

from __future__ import annotations

from agentdeck.plans.imports.markdown.blocks import Paragraph, Section
from agentdeck.plans.imports.markdown.page import Page


def introduction_of(section: Section, at: int) -> tuple[int, str] | None:
    """The line that announces block `at` of a section, without markup and colon, or None."""
    before = section.blocks[at - 1] if at else None
    if not isinstance(before, Paragraph):
        return None
    line, text = before.lines[-1]
    bare = text.rstrip("* ")
    return (line, bare.strip("*: ")) if bare.endswith(":") else None


def take_introduction(page: Page, section: Section, at: int) -> None:
    """Say that the line that announces block `at` is dealt with, if there is one."""
    found = introduction_of(section, at)
    if found is not None:
        page.take(found[0])
