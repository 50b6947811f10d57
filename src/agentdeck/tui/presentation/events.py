"""The rows of the events screen, and one event in full.

Rules:
- A row says number, time, how loud it is, whom it is about, what happened; on wide screens its kind
  in the journal. Columns have one width; the words give way.
- Texts from agents and gates are made harmless; JSON is shown as it is in the journal, indented.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec
from rich.cells import chop_cells

from agentdeck.control.sanitize import clean
from agentdeck.core.codec import encode_event
from agentdeck.core.event_words import Told, Tone, told_of
from agentdeck.core.events import Recorded
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.event_filter import kind_of
from agentdeck.tui.presentation.figures import clock_seconds
from agentdeck.tui.presentation.line import (
    EMPTY,
    Line,
    Span,
    cells,
    cut,
    fit,
    plain,
    spread,
    wrapped,
)
from agentdeck.tui.presentation.outline import MAX_ID_COLUMN

NARROW_IDS: Final = 10  # cells for whom it is about, below `WIDE`
WIDE: Final = 110  # cells of a row from which on it says the kind
LEAST_NUMBER: Final = 5  # cells of a number
JSON_LINES: Final = 2_000  # of one event; the first event holds the whole plan
PIECE: Final = 1_000  # characters that are made harmless at once; far longer ones would be cut
_LITERAL: Final = re.compile(r"[\w ,:;/<>=@#%&!~'\"-]+")  # no expression, whatever it is used for

_SIGNS: Final[dict[Tone, Span]] = {
    Tone.CALM: Span(" "),
    Tone.DETAIL: Span("·", "faint"),
    Tone.PERSON: Span("▸", "accent"),
    Tone.GOOD: Span("✔", "state-landed"),
    Tone.ASKS: Span("?", "state-asks bold"),
    Tone.BAD: Span("✖", "state-failed"),
}
_ROLES: Final[dict[Tone, str]] = {
    Tone.DETAIL: "muted",
    Tone.ASKS: "state-asks",
    Tone.BAD: "state-failed",
}


def event_row(
    deck: Deck, recorded: Recorded | None, seq: int, last: int, width: int, text: str = ""
) -> Line:
    """One row.

    Args:
        recorded: None = it has not been read yet.
        seq: its number.
        last: the largest number on the screen; its column is as wide as that.
        text: what was looked for, to be lit.
    """
    lead = _lead(deck, seq, last)
    if recorded is None:
        return (*lead, Span("…", "faint"))
    told = told_of(recorded.event)
    wide = width >= WIDE
    column = max(NARROW_IDS, min(deck.longest_id, MAX_ID_COLUMN if wide else NARROW_IDS))
    ahead = deck.replay is not None and seq > deck.replay.count
    about = plain(told.about)
    words = plain(told.words)
    role = "faint" if ahead else _ROLES.get(told.tone, "")
    left: Line = (
        *lead,
        Span(clock_seconds(recorded.at, utc=deck.frozen), "faint" if ahead else "muted"),
        Span("  "),
        _SIGNS[told.tone],
        Span(" "),
        Span(about + " " * max(0, column - len(about)), "faint" if ahead else "bold"),
        Span("  "),
        *_lit(words, text, role),
    )
    right: Line = (Span(kind_of(recorded.event), "faint"),) if wide else EMPTY
    return spread(left, right, width, gap=2)


def _lead(deck: Deck, seq: int, last: int) -> Line:
    here = deck.replay is not None and seq == deck.replay.count
    number = fit(f"{seq:,}", max(LEAST_NUMBER, len(f"{last:,}")), "right")
    return (Span("▶" if here else " ", "accent bold"), Span(number, "faint"), Span("  "))


def _lit(words: str, text: str, role: str) -> Iterator[Span]:
    """The words, with what was looked for marked; only what is no expression."""
    at = words.lower().find(text.lower()) if text and _LITERAL.fullmatch(text) else -1
    if at < 0:
        yield Span(words, role)
        return
    yield Span(words[:at], role)
    yield Span(words[at : at + len(text)], f"{role} hit".strip())
    yield Span(words[at + len(text) :], role)


def event_lines(deck: Deck, recorded: Recorded, width: int) -> list[Line]:
    """One event in full: when, what it says, and its JSON as it is in the journal."""
    told: Told = told_of(recorded.event)
    time = clock_seconds(recorded.at, utc=deck.frozen)
    found: list[Line] = [
        (Span(time, "muted"), Span("  "), Span(plain(told.about), "bold")),
        *wrapped(told.words, width, _ROLES.get(told.tone, "")),
        EMPTY,
    ]
    json = msgspec.json.format(encode_event(recorded.event), indent=2).decode()
    lines = json.split("\n")
    for at, line in enumerate(lines):
        if len(found) > JSON_LINES:
            found.append((Span(f"… and {len(lines) - at:,} more lines", "faint"),))
            break
        found += _json_line(line, width)
    return found


def _json_line(line: str, width: int) -> Iterator[Line]:
    """A line of JSON over as many rows as it needs, its key apart from its value."""
    indent = len(line) - len(line.lstrip(" "))
    key, colon, value = _parted(line.strip())
    lead: Line = (Span(" " * indent), Span(plain(key), "accent"), Span(colon, "faint"))
    hang = min(indent + 2, width // 2)
    role, room = _role(value), max(8, width - cells(lead))
    pieces = (value[at : at + PIECE] for at in range(0, max(1, len(value)), PIECE))
    shown = "".join(clean(piece.encode("utf-8", "replace")) for piece in pieces)
    for at, row in enumerate(_cut_up(shown, room, max(8, width - hang))):
        yield (*lead, Span(row, role)) if at == 0 else (Span(" " * hang), Span(row, role))


def _cut_up(text: str, first: int, others: int) -> Iterator[str]:
    """A text in rows: none of its characters is lost, whatever words it has."""
    head = next(iter(chop_cells(text[: first + 1], first)), "")
    yield head
    yield from chop_cells(text[len(head) :], others)


def _parted(line: str) -> tuple[str, str, str]:
    """`"key": value` as its three parts; of a line without a key only the value."""
    found = re.match(r'("(?:[^"\\]|\\.)*")(: ?)(.*)$', line)
    return (found[1], found[2], found[3]) if found else ("", "", line)


def _role(value: str) -> str:
    first = value[:1]
    if first == '"':
        return ""
    return "state-working" if first.isdigit() or first in "-tfn" else "faint"


def title_of(recorded: Recorded) -> str:
    """`Event 1,234  task.failed`."""
    return cut(f"Event {recorded.seq:,}  {kind_of(recorded.event)}", 60)
