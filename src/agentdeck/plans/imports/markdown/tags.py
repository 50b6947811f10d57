"""Tags around parts of a document: `<assumptions>` … `</assumptions>`.

Rules:
- A line of nothing but tags is structure, and so is a tag that no rule knows; what stands in it is
  for the other readers.
- What stands in a tag that says what it is (assumptions, open questions, dependencies, confidence,
  rollback, risks, criteria) becomes notes of that kind.
- A choice that was not made (`high|medium|low`) and other placeholders are left.
"""

from __future__ import annotations

import re
from typing import Final

from agentdeck.core.plan import NoteKind
from agentdeck.plans.imports.draft import Draft, DraftNote
from agentdeck.plans.imports.markdown.blocks import Block, Listing, Paragraph
from agentdeck.plans.imports.markdown.page import Page
from agentdeck.plans.imports.markdown.placeholders import is_placeholder

MAX_OPEN: Final = 50  # tags in tags
MAX_NOTE: Final = 2000  # characters

_LINE: Final = re.compile(r"(?:</?[A-Za-z_][\w.-]{0,60}(?:\s[^<>]{0,200})?/?>\s*)+")
_TAG: Final = re.compile(r"<(/?)([A-Za-z_][\w.-]{0,60})(?:\s[^<>]{0,200})?>")
_INLINE: Final = re.compile(r"<([A-Za-z_][\w.-]{0,60})>([^<>]{1,2000})</\1>")
_KINDS: Final = {
    "assumption": NoteKind.ASSUMPTION,
    "confidence": NoteKind.CONFIDENCE,
    "constraint": NoteKind.CONSTRAINT,
    "dependencies": NoteKind.CONSTRAINT,
    "dependency": NoteKind.CONSTRAINT,
    "prerequisite": NoteKind.CONSTRAINT,
    "question": NoteKind.QUESTION,
    "unknown": NoteKind.QUESTION,
    "rationale": NoteKind.RATIONALE,
    "reference": NoteKind.REFERENCE,
    "risk": NoteKind.RISK,
    "criteri": NoteKind.CRITERION,
    "rollback": NoteKind.PROTOCOL,
    "skip_condition": NoteKind.PROTOCOL,
    "failure": NoteKind.PROTOCOL,
    "protocol": NoteKind.PROTOCOL,
}


def read_tags(page: Page, draft: Draft) -> None:
    """Tags, and notes from what stands in those that are known."""
    opened: list[str] = []
    for _, block in page.blocks():
        if isinstance(block, Paragraph):
            _read_paragraph(page, draft, block, opened)
        else:
            _read_block(page, draft, block, _kind(opened))


def _read_paragraph(page: Page, draft: Draft, block: Paragraph, opened: list[str]) -> None:
    for line, text in block.lines:
        if not page.free(line):
            continue
        inline = _INLINE.fullmatch(text)
        if inline is not None:
            _note(page, draft, line, inline[2].strip(), _kind([*opened, inline[1]]))
        elif _LINE.fullmatch(text):
            page.take(line)
            _turn(opened, text)
        elif (kind := _kind(opened)) is not None:
            if text.endswith(":"):
                page.take(line)
                draft.left(line, "introduction", text[:MAX_NOTE])
            else:
                _note(page, draft, line, text, kind)


def _turn(opened: list[str], text: str) -> None:
    for closing, name in _TAG.findall(text):
        if not closing:
            if len(opened) < MAX_OPEN:
                opened.append(name)
        elif name in opened:
            del opened[opened.index(name) :]


def _kind(opened: list[str]) -> NoteKind | None:
    """What the innermost tag is about, if it says so."""
    name = opened[-1].lower().replace("-", "_") if opened else ""
    return next((kind for words, kind in _KINDS.items() if words in name), None)


def _read_block(page: Page, draft: Draft, block: Block, kind: NoteKind | None) -> None:
    if kind is None or not isinstance(block, Listing):
        return
    for item in block.items:
        if page.free(item.line) and item.text:
            _note(page, draft, item.line, item.text, kind)


def _note(page: Page, draft: Draft, line: int, text: str, kind: NoteKind | None) -> None:
    if kind is None:
        return
    page.take(line)
    if is_placeholder(text):
        draft.left(line, "placeholder", text[:MAX_NOTE])
        return
    draft.notes.append(DraftNote(kind, text[:MAX_NOTE], line))
    draft.read(line, "tag", f"{kind.value}: {text[:MAX_NOTE]}")
