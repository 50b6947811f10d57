"""What an author says beside the tasks: risks, references, reasons, protocol, open questions.

Rules:
- A table that begins with risks gives one note for each, its mitigation as the answer. So does
  `**Potential conflict**: …` with `**Solution**:` behind it.
- The heading decides what a list or text below it is; the nearest heading that says something wins.
- `**Rationale**: …`, `**Why …**: …` are reasons wherever they stand, and `*Focus: …*` is a remark.
- Under numbered phases everything that is no task is a remark about the phase. Code, and figures
  that the document states about itself, are for others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from agentdeck.core.plan import NoteKind
from agentdeck.plans.imports.draft import Draft, DraftNote
from agentdeck.plans.imports.markdown.blocks import (
    Block,
    Fence,
    Item,
    Listing,
    Paragraph,
    Section,
    Table,
)
from agentdeck.plans.imports.markdown.columns import plain_name
from agentdeck.plans.imports.markdown.page import Page, parts_of
from agentdeck.plans.imports.markdown.phases import ordinal_of, title_of
from agentdeck.plans.imports.words import clean

MAX_NOTES: Final = 5000  # of one document
MAX_TEXT: Final = 1000  # characters of a note

_I: Final = re.IGNORECASE
_HEADINGS: Final = tuple(
    (kind, re.compile(rf"\b(?:{words})", _I))
    for kind, words in (
        (NoteKind.ASSUMPTION, "assum(?:ption|e)"),
        (NoteKind.QUESTION, r"open (?:issue|point)|questions?\b|unknowns\b"),
        (
            NoteKind.CRITERION,
            r"(?:success|acceptance|exit|completion) criteri|definition of done\b",
        ),
        (NoteKind.REFERENCE, r"references?\b|links\b|resources\b|see also\b|appendix\b"),
        (NoteKind.CONFIDENCE, r"confidence\b"),
        (
            NoteKind.CONSTRAINT,
            r"constraints?\b|limitations?\b|prerequisites?\b|non-goals\b",
        ),
        (
            NoteKind.PROTOCOL,
            (
                r"protocol\b|workflow\b|procedures?\b|before starting\b|guidelines\b|approach\b"
                r"|for each (?:wave|phase|task)|coordination\b|progress tracking\b|rollback\b"
                r"|failure\b|how to (?:run|execute|use)\b|rules\b|review preparation\b"
            ),
        ),
        (NoteKind.RISK, r"risks?\b(?!.*\bparallel execution\b)"),
        (NoteKind.RATIONALE, r"rationale\b|why\b|motivation\b|reasoning\b"),
        (
            NoteKind.REMARK,
            (
                r"overview\b|summary\b|context\b|background\b|objectives?\b|goals?\b|notes?\b"
                r"|introduction\b|scope\b|purpose\b|recommend|answer\b|conflict"
            ),
        ),
    )
)
_FIELDS: Final = tuple(
    (kind, re.compile(words, _I))
    for kind, words in (
        (NoteKind.RATIONALE, r"rationale|why\b.*|reason(?:ing)?|motivation"),
        (NoteKind.ASSUMPTION, "assumptions?"),
        (NoteKind.CONSTRAINT, "(?:hard |key )?constraints?|limitations?|must(?: not)?"),
        (NoteKind.QUESTION, "(?:open )?questions?|tbd|unknowns?"),
        (NoteKind.CONFIDENCE, "confidence(?: level)?"),
        (NoteKind.RISK, "(?:potential |possible |known )?(?:conflicts?|risks?)"),
        (NoteKind.REFERENCE, "references?|see|see also|based on|source"),
        (NoteKind.PROTOCOL, "recommendation|how to execute|workflow|protocol"),
        (
            NoteKind.REMARK,
            (
                "focus|output|alternative|notes?|purpose|goal|objective|scope|overview|strategy"
                "|important|caution|warning|version|created|author|date|updated|status"
            ),
        ),
    )
)
_FIELD: Final = re.compile(
    r"(?:\*\*|__|\*|_)?([A-Za-z][\w /'-]{0,50}?)(?:\s\([^()]{0,60}\))?(?:\*\*|__)?\s*:"
    r"\s*(?:\*\*|__)?\s*(.*?)[*_]{0,2}",
    re.DOTALL,
)
_BOLD_LEAD: Final = re.compile(r"\*\*([^*]{1,80}?)\*\*\s+[-–—]\s+(.*)", re.DOTALL)
_ANSWERS: Final = frozenset(
    "mitigation|mitigations|mitigation strategy|response|solution|answer|contingency|action|plan|"
    "countermeasure|resolution|how we handle it|prevention".split("|")
)
_RISKS: Final = frozenset(
    "risk|risks|threat|issue|concern|problem|potential issue|risk description".split("|")
)
_ROUND: Final = re.compile(r"\([^()]{0,200}\)")
_NAMES_A_PLACE: Final = re.compile(r"https?://|`[^`]+`|\w/\w|\[[^\[\]]{1,200}\]\(")
_SOLUTION: Final = re.compile(r"\W*(?:solution|mitigation|resolution|response)s?\W*:\W*(.*)", _I)


def read_notes(page: Page, draft: Draft) -> None:
    """What nobody else understood and has a place as a note. For after every other reader."""
    for section in page.sections():
        kind = _kind_at(section)
        for at, block in enumerate(section.blocks):
            if len(draft.notes) >= MAX_NOTES:
                return
            if isinstance(block, Table):
                _read_risks(page, draft, block)
            elif isinstance(block, Paragraph):
                _read_paragraph(page, draft, section, at, kind)
            elif isinstance(block, Listing) and kind is not None:
                _read_listing(page, draft, section, block, kind)


def _kind_at(section: Section) -> NoteKind | None:
    """What the nearest heading says that text below it is; None under headings that say nothing."""
    for around in (section, *section.ancestors()):
        if around.heading is None or around.level == 1:
            return NoteKind.REMARK if around is section and around.heading is not None else None
        title = _ROUND.sub(" ", around.title)
        found = next((kind for kind, words in _HEADINGS if words.search(title)), None)
        if found is not None:
            return found
        if ordinal_of(around.title) is not None:
            return NoteKind.REMARK
    return None


def _add(draft: Draft, kind: NoteKind, text: str, line: int, answer: str = "") -> None:
    plain = " ".join(text.split())[:MAX_TEXT]
    if plain:
        draft.notes.append(DraftNote(kind, plain, line, answer[:MAX_TEXT]))
        draft.read(line, f"note-{kind.value}", plain[:200])


def _read_risks(page: Page, draft: Draft, table: Table) -> None:
    heads = [plain_name(head) for head in table.heads]
    risk = next((at for at, head in enumerate(heads) if head in _RISKS), None)
    answer = next((at for at, head in enumerate(heads) if head in _ANSWERS), None)
    if risk is None or answer is None or not page.free(table.line):
        return
    numbers = [at for at, head in enumerate(heads) if head in ("#", "id", "no")]
    page.take(table.line)
    for row in table.rows:
        cells = [clean(cell) for cell in row.cells]
        if len(cells) <= risk or not cells[risk]:
            continue
        page.take(row.line)
        more = [
            f"{table.heads[at]}: {cell}"
            for at, cell in enumerate(cells)
            if at not in (risk, answer, *numbers) and cell and at < len(heads)
        ]
        text = f"{cells[risk]} ({'; '.join(more)})" if more else cells[risk]
        _add(draft, NoteKind.RISK, text, row.line, cells[answer] if answer < len(cells) else "")


def _read_paragraph(
    page: Page, draft: Draft, section: Section, at: int, kind: NoteKind | None
) -> None:
    block = section.blocks[at]
    assert isinstance(block, Paragraph)
    lines = [(line, text) for line, text in block.lines if page.free(line)]
    plain: list[tuple[int, str]] = []
    for line, text in lines:
        field = _field(text)
        if field is None:
            plain.append((line, text))
            continue
        page.take(line)
        own, value = field
        last = line == block.lines[-1][0] and at + 1 < len(section.blocks)
        listed = _items(page, section.blocks[at + 1]) if last and not value else []
        answer = _solution(page, section, at) if own is NoteKind.RISK else ""
        about = _about(section)
        name = clean(text).rstrip(" :") if not value else f"{_name(text)}: {value}"
        said = f"{name}: {'; '.join(listed)}" if listed and not value else name
        _add(draft, own, f"{about}{said}", line, answer)
    if plain and kind is not None and len(plain) == len(lines):
        _read_plain(page, draft, section, at, plain, kind)


def _read_plain(
    page: Page, draft: Draft, section: Section, at: int, lines: Sequence[tuple[int, str]],
    kind: NoteKind,
) -> None:  # fmt: skip
    """Lines without a field; those that end in a colon have the list behind them."""
    for line, _ in lines:
        page.take(line)
    text = " ".join(clean(text) for _, text in lines)
    if kind is NoteKind.REFERENCE and not any(
        _NAMES_A_PLACE.search(raw[:2000]) for _, raw in lines
    ):
        kind = NoteKind.REMARK
    after = section.blocks[at + 1] if at + 1 < len(section.blocks) else None
    if text.endswith(":") and kind in (NoteKind.REMARK, NoteKind.CONSTRAINT):
        listed = _items(page, after)
        text = f"{text} {'; '.join(listed)}" if listed else text
    _add(draft, kind, f"{_about(section)}{text}", lines[0][0])


def _field(text: str) -> tuple[NoteKind, str] | None:
    if len(text) > 2000:
        return None
    match = _FIELD.fullmatch(text) or _BOLD_LEAD.fullmatch(text)
    if match is None:
        return None
    name = match[1].strip("*_ ")
    kind = next((kind for kind, words in _FIELDS if words.fullmatch(name)), None)
    return (kind, clean(match[2])) if kind is not None else None


def _name(text: str) -> str:
    match = _FIELD.fullmatch(text) or _BOLD_LEAD.fullmatch(text)
    return clean(match[1]) if match else ""


def _about(section: Section) -> str:
    """The phase that a remark is about, as the beginning of the note."""
    ordinal = ordinal_of(section.title) if section.heading else None
    if ordinal is not None:
        return f"{ordinal.name}: "
    return ""


def _items(page: Page, block: Block | None) -> list[str]:
    """The entries of the list, or lines of the code, that belong to a field; they are taken."""
    if isinstance(block, Fence):
        lines = [text for line, text in parts_of(block) if page.free(line)]
        page.take_block(block)
        return lines
    if not isinstance(block, Listing):
        return []
    free = [item for item in block.items if page.free(item.line)]
    for item in free:
        page.take(item.line)
    return [clean(item.text) for item in free]


def _solution(page: Page, section: Section, at: int) -> str:
    """What stands behind `Solution:` in the block after this one, and in the list after that."""
    after = section.blocks[at + 1] if at + 1 < len(section.blocks) else None
    if not isinstance(after, Paragraph):
        return ""
    line, text = after.lines[0]
    found = _SOLUTION.match(text[:2000])
    if found is None or not page.free(line):
        return ""
    page.take(line)
    listed = _items(page, section.blocks[at + 2] if at + 2 < len(section.blocks) else None)
    return "; ".join([part for part in (clean(found[1]), *listed) if part])


def _read_listing(
    page: Page, draft: Draft, section: Section, listing: Listing, kind: NoteKind
) -> None:
    """Each entry is a note, with what is nested in it."""
    about = _about(section) or (f"{title_of(section.title)}: " if kind in _WITH_HEADING else "")
    for item, nested in _grouped(listing.items):
        if not page.free(item.line):
            continue
        for one in (item, *nested):
            page.take(one.line)
        inner = "; ".join(clean(one.text) for one in nested)
        text = clean(item.text)
        said = f"{text}: {inner}" if inner else text
        _add(draft, kind, f"{about}{said}", item.line)


_WITH_HEADING: Final = frozenset({NoteKind.PROTOCOL, NoteKind.REMARK})


def _grouped(items: Sequence[Item]) -> Iterator[tuple[Item, list[Item]]]:
    held: tuple[Item, list[Item]] | None = None
    for item in items:
        if item.depth and held is not None:
            held[1].append(item)
            continue
        if held is not None:
            yield held
        held = (item, [])
    if held is not None:
        yield held
