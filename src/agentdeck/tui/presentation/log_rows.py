"""A passage of a log as rows: rendered or as it was written, wrapped or not, with times or without.

Rules: pure, and the same rows for the same look, so that what searches a log in another process
sees what the person sees. What is unfolded below a row is numbered apart: it changes no number of
the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
from rich.cells import cell_len, chop_cells

from agentdeck.agents.passages import Passages
from agentdeck.agents.rendering import Line as LogLine
from agentdeck.control.sanitize import DISPLAY_CHARS, Sgr, spans
from agentdeck.control.shown_logs import shown
from agentdeck.tui.presentation.figures import clock_seconds
from agentdeck.tui.presentation.line import Line, Span, cut, plain, wrapped

INDENT: Final = "  "
WHOLE_CELLS: Final = 8_000  # of a row that is not wrapped; wide characters fill twice their number
OPEN_FROM: Final = 100_000  # the number of the first row that is unfolded; no passage has so many
_CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f]")
_ROLES: Final = {
    "noise": "faint",
    "error": "state-failed",
    "ask": "state-asks bold",
    "result": "state-landed",
}

Times: TypeAlias = Literal["clock", "since", "off"]
Kinds: TypeAlias = Literal["all", "tools", "prose", "trouble"]

KEPT_KINDS: Final[dict[Kinds, frozenset[str]]] = {
    "tools": frozenset({"tool", "error"}),
    "prose": frozenset({"text"}),
    "trouble": frozenset({"error", "ask"}),
}


class LogLook(msgspec.Struct, frozen=True):
    """How a log is looked at."""

    stream_format: str  # a key of `agents.readers.FORMATS`
    width: int  # cells of a row
    root: str = ""  # the agent's folder; paths are shown from there
    raw: bool = False  # as it was written
    wrap: bool = True
    times: Times = "clock"
    started_at: float | None = None  # of the attempt, seconds since the epoch
    utc: bool = False
    kinds: Kinds = "all"


class LogRow(NamedTuple):
    """One row. In the raw log the roles of its pieces are styles, in the words of rich."""

    line: Line
    kind: str
    joins: bool = False  # goes on the row before it
    glued: bool = False  # likewise, in the middle of a word
    folds: bool = False  # there may be more behind it


class EachLine:
    """In place of `Passages`: every line is a passage of its own."""

    def goes_on(self, line: bytes) -> bool:  # noqa: ARG002 - as `Passages` has it
        """Never."""
        return False


def passages_of(look: LogLook) -> Passages | EachLine:
    """What tells the passages of a log apart."""
    return EachLine() if look.raw else Passages(look.stream_format, look.root)


def log_rows(look: LogLook, passage: Sequence[bytes]) -> list[LogRow]:
    """What is shown of one passage; often nothing."""
    if look.raw:
        return [row for line in passage for row in _raw(line, look)]
    kept = KEPT_KINDS.get(look.kinds)
    found: list[LogRow] = []
    for line in shown(look.stream_format, passage, root=look.root):
        if kept is None or line.kind in kept:
            found += _rendered(line, look)
    return found


def raw_text(data: bytes) -> str:
    """One line as it was written, without what acts on a terminal; as much as is ever shown."""
    if data.isascii() and len(data) <= DISPLAY_CHARS and not _CONTROL.search(data):
        return data.decode("ascii")  # most lines; this is asked of millions
    return "".join(text for text, _ in spans(data))


def _raw(data: bytes, look: LogLook) -> Iterator[LogRow]:
    line = tuple(Span(text, _words(sgr)) for text, sgr in spans(data))
    parts = chopped(line, look.width) if look.wrap else [line]
    for number, part in enumerate(parts):
        yield LogRow(part, "raw", number > 0, glued=number > 0, folds=data.startswith(b"{"))


def chopped(line: Line, width: int) -> list[Line]:
    """A line in pieces of at most `width` cells; a wide character is never halved."""
    rows: list[list[Span]] = [[]]
    room = width
    for span in line:
        rest = span.text
        while rest:
            part = chop_cells(rest, room)[0] if cell_len(rest[:1]) <= room else ""
            if part:
                rows[-1].append(Span(part, span.role))
                room -= cell_len(part)
                rest = rest[len(part) :]
            if rest:
                rows.append([])
                room = max(2, width)
    return [tuple(row) for row in rows]


def _words(look: Sgr) -> str:
    switches = {
        "bold": look.bold,
        "dim": look.dim,
        "italic": look.italic,
        "underline": look.underline,
    }
    words = [word for word, on in switches.items() if on]
    words += [look.fg] if look.fg else []
    return " ".join([*words, f"on {look.bg}"] if look.bg else words)


def clock_of(at: float | None, look: LogLook) -> Line:
    """The time before a line, as the look wants it."""
    if not at or look.times == "off":
        return ()
    if look.times == "clock":
        return (Span(clock_seconds(at, utc=look.utc) + " ", "faint"),)
    return (Span(f"{_since(at - (look.started_at or at)):>9} ", "faint"),)


def _since(seconds: float) -> str:
    """`+12:40`, and `+1:02:40` from an hour on."""
    sign, whole = ("-" if seconds < 0 else "+"), abs(int(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{sign}{hours}:{minutes:02}:{rest:02}" if hours else f"{sign}{minutes:02}:{rest:02}"


def _rendered(line: LogLine, look: LogLook) -> Iterator[LogRow]:
    time = clock_of(line.time, look)
    width = look.width if look.wrap else WHOLE_CELLS
    room = max(20, width - sum(len(span.text) for span in time))
    plain_log = look.stream_format == "plain"
    for number, part in enumerate(_parts(line, room, plain_log=plain_log)):
        lead = time if number == 0 else _blank(time)
        yield LogRow((*lead, *part), line.kind, number > 0, folds=line.kind in ("tool", "error"))


def _parts(line: LogLine, room: int, *, plain_log: bool) -> Iterator[Line]:
    role, detail = _ROLES.get(line.kind, ""), plain(line.detail)
    match line.kind:
        case "tool":
            yield _tool(line, room)
        case "text":
            yield from wrapped(line.text, room, indent="" if plain_log else INDENT)
        case "noise":
            more = f"  {detail}" if detail else ""
            yield (Span(cut(plain(line.text) + more, room), role),)
        case _:
            yield from wrapped(line.text, room, role)
            if detail:
                yield from wrapped(detail, room, "muted", indent=INDENT)


def _blank(time: Line) -> Line:
    return tuple(Span(" " * len(span.text)) for span in time)


def _tool(line: LogLine, room: int) -> Line:
    mark, _, rest = plain(line.text).partition(" ")
    name, _, target = rest.partition(" ")
    detail = plain(line.detail)
    left = room - len(name) - 4
    shown: Line = (Span(mark + " ", "faint"), Span(name, "accent"), Span("  " + cut(target, left)))
    fits = detail and cell_len(target) + 2 + cell_len(detail) <= left  # half a figure says nothing
    return (*shown, Span(f"  {detail}", "muted")) if fits else shown


__all__ = [
    "OPEN_FROM",
    "EachLine",
    "LogLook",
    "LogRow",
    "chopped",
    "clock_of",
    "log_rows",
    "passages_of",
    "raw_text",
]
