"""What the author of a template left open: `[ID]`, `[Summary]`, `TASK-[ID]`, `...`, `a|b|c`.

Nothing is made of it. It is remarked with the rule `placeholder`.
"""

from __future__ import annotations

import re
from typing import Final

from agentdeck.plans.imports.draft import Draft
from agentdeck.plans.imports.markdown.blocks import Listing, Paragraph
from agentdeck.plans.imports.markdown.page import Page

MAX_LINE: Final = 2000  # characters of a line that is looked at

_MARK: Final = re.compile(r"(?:[-*•]|\d{1,3}[.)])\s+(?:\[[ xX]?\]\s+)?")
_LABEL: Final = re.compile(r"[^\[\]():]{1,60}:\s*")
_START: Final = re.compile(
    r"(?:[A-Z][A-Z0-9]{0,20}-\[[A-Za-z]|\[ID\]|\{[A-Z][A-Z_ -]{0,30}\}|<(?:id|task|name|title)>)"
)
_WHOLE: Final = re.compile(r"[\"']?\[[A-Za-z][^\[\]\d]{1,200}\][\"']?[.,;]?")
_SENTENCE: Final = re.compile(
    r"[\"']?\[[A-Z][^\[\]\d\s]*(?:\s+[^\[\]\d\s]+){2,40}\s*\][\"']?[.,;]?"
)
_CHOICE: Final = re.compile(r"\w{1,30}(?:\|\w{1,30})+")


def is_placeholder(text: str) -> bool:
    """Did the author leave this open? Linear in the text.

    `[Summary]`, `TASK-[ID]: [Summary]`, `Total: [Estimated by size]`, `...`, `high|medium|low`; but
    not `[link](url)`, `[ ]`, `Labels: [backend, api]`, or a tag before words (`[API] Add a route`).
    """
    bare = _MARK.sub("", text[:MAX_LINE].strip(), count=1).strip("`* ")
    if bare in ("...", "…", "[...]", "[…]"):
        return True
    label = _LABEL.match(bare)
    said = bare[label.end() :] if label else bare
    if _START.match(bare) or _START.match(said) or _CHOICE.fullmatch(bare):
        return True
    return bool((_SENTENCE if label else _WHOLE).fullmatch(said))


def read_placeholders(page: Page, draft: Draft) -> None:
    """What is left open in lists and text, before any other reader takes it for content."""
    for _, block in page.blocks():
        if not isinstance(block, Listing | Paragraph):
            continue
        for line, text in page.open_parts(block):
            if is_placeholder(text):
                page.take(line)
                draft.left(line, "placeholder", text[:MAX_LINE])
