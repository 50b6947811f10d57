"""The help as lines: what matters where one is, then every key, then what the signs mean.

Rules: keys stand as the person has them, with why they cannot act now. What is looked for leaves
the entries that hold all of its words, and the headings above them; each key once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from agentdeck.tui.keys import Context, Group, Key, reason
from agentdeck.tui.presentation.help_here import keys_here, place_of, signs_here
from agentdeck.tui.presentation.line import EMPTY, Line, Span, cut, text_of, wrapped
from agentdeck.tui.presentation.status import SIGNS, Status

KEY_CELLS: Final = 7
LABEL_CELLS: Final = 21


class Entry(NamedTuple):
    """A few lines that belong together, and what they are found by."""

    lines: list[Line]
    words: str = ""


class Section(NamedTuple):
    """A heading and what is below it."""

    title: str
    entries: list[Entry]


def help_lines(context: Context, width: int, find: str = "") -> list[Line]:
    """The whole page, or what of it has these words."""
    found: list[Line] = []
    wanted = find.casefold().split()
    for section in (*([] if wanted else _here(context, width)), *_sections(context, width)):
        entries = [entry for entry in section.entries if _holds(entry, section.title, wanted)]
        if entries:
            found += [*([EMPTY] if found else []), (Span(section.title, "accent bold"),)]
            found += [line for entry in entries for line in entry.lines]
    if not found:
        words = cut(" ".join(find.split()), max(10, width - 30))
        return [(Span(f"Nothing here has “{words}”.", "muted"),)]
    return found


def _holds(entry: Entry, title: str, wanted: list[str]) -> bool:
    words = f"{entry.words} {title} {' '.join(map(text_of, entry.lines))}".casefold()
    return all(word in words for word in wanted)


def _here(context: Context, width: int) -> Iterator[Section]:
    place = place_of(context)
    if place is not None:
        said = [(Span("  "), *line) for line in wrapped(place.said, width - 2)]
        entries = [Entry(said), Entry([EMPTY])]
        entries += [_key(key, context, width) for key in keys_here(place, context)]
        signs = [(Span("  "), *line) for line in signs_here(context, width - 2)]
        if place.signs and signs:
            entries += [Entry([EMPTY]), Entry(signs, "signs")]
        yield Section(f"Here: {place.title[:1].lower()}{place.title[1:]}", entries)


def _sections(context: Context, width: int) -> Iterator[Section]:
    for group in Group:
        keys = [_key(key, context, width) for key in context.keys if key.group is group]
        if keys:
            yield Section(str(group), keys)
    yield Section("Signs", [_sign(status, width) for status in SIGNS])


def _key(key: Key, context: Context, width: int) -> Entry:
    why = reason(key, context)
    lead: Line = (
        Span(f"  {key.show:<{KEY_CELLS}}", "faint" if why else "key bold"),
        Span(f"{key.label:<{LABEL_CELLS}}", "faint" if why else ""),
    )
    room = width - KEY_CELLS - LABEL_CELLS - 2
    lines = list(wrapped(key.tooltip, room, "faint" if why else "muted"))
    if why:
        lines += wrapped(f"not now: {why}", room, "state-paused")
    blank = Span(" " * (KEY_CELLS + LABEL_CELLS + 2))
    return Entry([(*lead, *lines[0]), *((blank, *line) for line in lines[1:])], key.id)


def _sign(status: Status, width: int) -> Entry:
    sign = SIGNS[status]
    meaning = cut(sign.meaning, width - KEY_CELLS - LABEL_CELLS - 2)
    return Entry(
        [
            (
                Span(f"  {sign.glyph:<{KEY_CELLS}}", sign.role),
                Span(f"{status:<{LABEL_CELLS}}"),
                Span(meaning, "muted"),
            )
        ]
    )


__all__ = ["help_lines"]
