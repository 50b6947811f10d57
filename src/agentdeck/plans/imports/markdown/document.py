"""A Markdown plan into a draft: every reader looks at every page, in a fixed order.

Rules:
- A reader takes the lines it understood from the page, adds to the draft, and remarks on both.
- Readers go in the order of `READERS`; a later one sees only what earlier ones left.
- What nobody took gets one remark for each block. Nothing is dropped in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePath
from typing import Final

from agentdeck.plans.imports.draft import Draft
from agentdeck.plans.imports.markdown.agents_named import read_agents
from agentdeck.plans.imports.markdown.arrows import read_arrows
from agentdeck.plans.imports.markdown.batches import finish_batches, read_batches, read_groups
from agentdeck.plans.imports.markdown.blocks import Heading, Section
from agentdeck.plans.imports.markdown.boxes import read_boxes
from agentdeck.plans.imports.markdown.checklists import read_checklists
from agentdeck.plans.imports.markdown.figures import read_figures
from agentdeck.plans.imports.markdown.lists import read_lists, read_plain_lists
from agentdeck.plans.imports.markdown.notes import read_notes
from agentdeck.plans.imports.markdown.page import Page, pages_of
from agentdeck.plans.imports.markdown.phases import read_finished
from agentdeck.plans.imports.markdown.placeholders import read_placeholders
from agentdeck.plans.imports.markdown.pools import read_pools, resolve_pools
from agentdeck.plans.imports.markdown.routes import read_routes
from agentdeck.plans.imports.markdown.streams import read_streams
from agentdeck.plans.imports.markdown.syncs import read_syncs
from agentdeck.plans.imports.markdown.tables import read_tables
from agentdeck.plans.imports.markdown.tags import read_tags
from agentdeck.plans.imports.markdown.templates import read_templates
from agentdeck.plans.imports.markdown.whole import read_whole, write_prompts

Reader = Callable[[Page, Draft], None]

READERS: Final[tuple[Reader, ...]] = (
    read_placeholders,
    read_tags,
    read_boxes,
    read_pools,
    read_agents,
    read_checklists,
    read_groups,
    read_tables,
    read_streams,
    read_lists,
    # every task is known from here on, but for those that only a batch names
    read_batches,
    read_syncs,
    resolve_pools,
    finish_batches,
    read_templates,
    read_arrows,
    read_plain_lists,
    read_figures,
    read_finished,
    read_routes,
    read_notes,
    read_whole,
    write_prompts,
)

MAX_SAID: Final = 100  # characters of a block that a remark repeats
_VAGUE: Final = frozenset("index plan plans readme roadmap spec task tasks todo".split(" "))


def read_markdown(text: str, *, file: str) -> Draft:
    """What a Markdown document says, as a draft.

    Args:
        text: the whole document, with any line ends.
        file: its name; without its ending it names the plan, unless it says nothing.
    """
    pages = pages_of(text.removeprefix("\ufeff"))
    draft = Draft(name=_name(pages[0], file), format="markdown")
    for reader in READERS:
        for page in pages:
            reader(page, draft)
    for page in pages:
        _leave(page, draft)
    return draft


def _name(page: Page, file: str) -> str:
    stem = PurePath(file).stem
    if stem.lower() not in _VAGUE and re.search(r"\w", stem):
        return stem
    first = next((part.title for part in page.sections() if part.title), "")
    return first or stem or "plan"


def _leave(page: Page, draft: Draft) -> None:
    """One remark for each block that no reader took, and for each heading with nothing below."""
    for section in page.sections():
        if section.heading and not section.blocks and not section.parts:
            _leave_heading(page, section.heading, draft)
        for block in section.blocks:
            left = page.open_parts(block)
            if left:
                line, text = left[0]
                draft.left(line, "not-understood", _said(section, text, len(left) - 1))


def _leave_heading(page: Page, heading: Heading, draft: Draft) -> None:
    if page.free(heading.line):
        draft.left(heading.line, "not-understood", f"nothing stands below {_short(heading.text)!r}")


def _said(section: Section, text: str, more: int) -> str:
    below = f" (in {_short(section.title)!r})" if section.title else ""
    rest = f", and {more} more line{'s' * (more > 1)}" if more else ""
    return f"{_short(text)}{rest}{below}"


def _short(text: str) -> str:
    one = " ".join(text[: 4 * MAX_SAID].split())
    return one if len(one) <= MAX_SAID else f"{one[: MAX_SAID - 1]}…"
