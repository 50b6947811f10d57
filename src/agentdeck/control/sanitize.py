"""Text of agents and gates made safe for a terminal: colours may stay, nothing else may act.

Rules:
- What comes out holds no control character, no bidirectional override, no invisible character.
- Of the escape sequences only SGR colours and plain attributes are understood; the others vanish.
  One that does not end in its line loses only its escape, so no text can hide behind it.
- A carriage return shows what a terminal would: the last state of a progress bar.
- A line is cut at `DISPLAY_CHARS`; the cut is marked.
- What a person has to decide about is not cleaned but `revealed`: nothing of it vanishes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from agentdeck.core.unseen import UNSEEN

DISPLAY_CHARS: Final = 4096  # of one line; wider than any screen, short enough to draw at once
TAB_CELLS: Final = 8
_SGR_PARTS: Final = 64  # numbers in one sequence; real ones have up to 16

_SEQUENCE: Final = re.compile(
    r"(?:\x1b\[|\x9b)(?P<parts>[0-?]*)[ -/]*(?P<final>[@-~])"  # CSI
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x80-\x9f]*(?:\x07|\x1b\\|\x9c)"  # OSC, DCS, …
    r"|\x1b[ -/]+[0-~]|\x1b[0-Z\\^-~]"  # two-character ones; not `ESC [` or `ESC ]` left open
)
# C0 but tab and return, DEL, C1; marks and overrides of direction; invisible and tag characters;
# line separators that some terminals obey.
_UNSAFE: Final = re.compile(f"[\x00-\x08\x0a-\x0c\x0e-\x1f{UNSEEN}]")  # of one line
_ACTING: Final = re.compile(f"[\x00-\x08\x0b-\x1f{UNSEEN}]")  # of many
_STYLES: Final = re.compile(r"(\x1b\[[0-9;]{0,32}m)")
# Printable to Unicode, and yet nothing is seen: fillers, selectors, the keycap, blank Braille.
_BLANK: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u20e3\u2800\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
_NAMES: Final = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


@dataclass(frozen=True, slots=True)
class Sgr:
    """How a span looks. Colours are names, `color(0-255)` or `#rrggbb`, as rich writes them."""

    fg: str | None = None
    bg: str | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False


PLAIN: Final = Sgr()
_SWITCHES: Final[dict[int, Callable[[Sgr], Sgr]]] = {
    0: lambda _: PLAIN,
    1: lambda look: replace(look, bold=True),
    2: lambda look: replace(look, dim=True),
    3: lambda look: replace(look, italic=True),
    4: lambda look: replace(look, underline=True),
    22: lambda look: replace(look, bold=False, dim=False),
    23: lambda look: replace(look, italic=False),
    24: lambda look: replace(look, underline=False),
    39: lambda look: replace(look, fg=None),
    49: lambda look: replace(look, bg=None),
}


def clean(line: bytes) -> str:
    """One line as plain text for the screen."""
    return "".join(text for text, _ in spans(line))


def spans(line: bytes) -> list[tuple[str, Sgr]]:
    """One line as pieces of text with their looks; neighbouring pieces differ."""
    found: list[tuple[str, Sgr]] = []
    room, column = DISPLAY_CHARS, 0
    for text, style in _after_last_return(list(_styled(line))):
        shown = _expand(text, column)[:room]
        column += len(shown)
        room -= len(shown)
        if shown and found and found[-1][1] == style:
            found[-1] = (found[-1][0] + shown, style)
        elif shown:
            found.append((shown, style))
        if room == 0:
            found.append(("…", PLAIN))
            break
    return found


def harmless(text: str, *, styled: bool) -> str:
    """Text of several lines on its way out: nothing in it acts, but its lines and tabs.

    It is the last door, behind `clean`: what a verb has built and forgot to clean. O(length).

    Args:
        text: may be of any length; nothing is cut.
        styled: colours and plain attributes stay; else every sequence goes.
    """
    if text.isprintable() and not _UNSAFE.search(text):
        return text
    if not styled:
        return _ACTING.sub("", _SEQUENCE.sub("", text))
    pieces = _STYLES.split(text)
    pieces[::2] = [harmless(piece, styled=False) for piece in pieces[::2]]
    return "".join(pieces)


def revealed(line: str) -> Iterator[tuple[str, bool]]:
    r"""All of a line of any length, as pieces; True for what stands in for unseen characters.

    Escapes, overrides of direction, joiners and blanks that are no spaces are written as in source
    code (`\x1b`, `\u202e`), so a command cannot look like another one.
    """
    for seen, characters in groupby(line.expandtabs(TAB_CELLS), key=_is_seen):
        piece = "".join(characters)
        yield (piece if seen else piece.encode("unicode_escape").decode()), not seen


def _is_seen(character: str) -> bool:
    return character.isprintable() and character not in _BLANK


def _styled(line: bytes) -> Iterator[tuple[str, Sgr]]:
    # four bytes a character at most; what is beyond can only be cut off
    text = line[: 4 * DISPLAY_CHARS + 4].decode("utf-8", "replace").rstrip("\r")
    style, at = PLAIN, 0
    for match in _SEQUENCE.finditer(text):
        yield _UNSAFE.sub("", text[at : match.start()]), style
        at = match.end()
        if match["final"] == "m":
            style = _sgr(match["parts"], style)
    yield _UNSAFE.sub("", text[at:]), style


def _after_last_return(pieces: list[tuple[str, Sgr]]) -> list[tuple[str, Sgr]]:
    while pieces and not pieces[-1][0].strip("\r"):
        pieces.pop()
    if not pieces:
        return []
    text, style = pieces[-1]
    pieces[-1] = (text.rstrip("\r"), style)
    for number in range(len(pieces) - 1, -1, -1):
        text, style = pieces[number]
        if "\r" in text:
            return [(text.rpartition("\r")[2], style), *pieces[number + 1 :]]
    return pieces


def _expand(text: str, column: int) -> str:
    if "\t" not in text:
        return text
    return (" " * (column % TAB_CELLS) + text).expandtabs(TAB_CELLS)[column % TAB_CELLS :]


def _sgr(parts: str, style: Sgr) -> Sgr:
    if not all(char in "0123456789;:" for char in parts):
        return style  # private sequences such as `CSI ? 1 m`
    groups = [group.split(":") for group in (parts or "0").split(";")[:_SGR_PARTS]]
    numbers = iter([[int(n[:5] or 0) for n in group] for group in groups])
    for group in numbers:
        code = group[0]
        if code in {38, 48}:
            rest = group[1:] if len(group) > 1 else _borrow(numbers)
            colour = _colour(rest)
            style = replace(style, fg=colour) if code == 38 else replace(style, bg=colour)
        else:
            style = _switch(code, style)
    return style if style.fg is None or style.fg != style.bg else replace(style, bg=None)


def _borrow(numbers: Iterator[list[int]]) -> list[int]:
    """The numbers of `38;5;N` or `38;2;R;G;B`, taken from the parameters that follow."""
    kind = next(numbers, [0])[0]
    return [kind, *(next(numbers, [0])[0] for _ in range({5: 1, 2: 3}.get(kind, 0)))]


def _colour(numbers: list[int]) -> str | None:
    if len(numbers) >= 2 and numbers[0] == 5:
        return f"color({min(numbers[1], 255)})"
    if len(numbers) >= 4 and numbers[0] == 2:
        red, green, blue = (min(value, 255) for value in numbers[-3:])
        return f"#{red:02x}{green:02x}{blue:02x}"
    return None


def _switch(code: int, style: Sgr) -> Sgr:
    if code in _SWITCHES:
        return _SWITCHES[code](style)
    for base, bright in ((30, ""), (90, "bright_")):
        if base <= code < base + 8:
            return replace(style, fg=bright + _NAMES[code - base])
        if base + 10 <= code < base + 18:
            return replace(style, bg=bright + _NAMES[code - base - 10])
    return style
