"""What is shown below a row of a log that is unfolded: a call's change and output, pretty JSON.

Rules: pure and bounded; what is left out is said. Lines that come are green and lines that go red,
where the text is a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from agentdeck.agents.tool_bodies import Body, bodies
from agentdeck.core.unreadable import UNREADABLE
from agentdeck.tui.presentation.line import Line, Span, wrapped
from agentdeck.tui.presentation.log_rows import LogLook, LogRow

OPEN_ROWS: Final = 200  # below one row; a few screens, and the raw log has the rest
PRETTY_BYTES: Final = 64 * 1024  # of one line made pretty
BAR: Final = Span("    │ ", "faint")


def call_rows(
    look: LogLook, passage: Sequence[bytes], which: int, later: Iterable[bytes]
) -> list[LogRow]:
    """What is below a tool's row.

    Args:
        look: how the log is looked at.
        passage: the lines that the row is made of.
        which: of the rows of tools that they give, counted from 0.
        later: the lines behind them, for the output; not all are read.
    """
    here = [body for line in passage for body in bodies(line)]
    calls = list(dict.fromkeys(body.call for body in here))
    if not calls:
        return _rows(["nothing more is known of it"], look, diff=False)
    call = calls[min(which, len(calls) - 1)]
    found = [body for body in here if body.call == call]
    if call and not any(body.kind == "output" for body in found):
        more = ([body for body in bodies(line) if body.call == call] for line in later)
        outputs = ([body for body in some if body.kind == "output"] for some in more)
        found += next((some for some in outputs if some), [])
    return below(found, look)


def below(found: Iterable[Body], look: LogLook) -> list[LogRow]:
    """Both sides of a call."""
    rows: list[LogRow] = []
    for body in found:
        rows += _rows(body.text.rstrip().splitlines(), look, diff=body.diff)
    return rows or _rows(["nothing more is known of it"], look, diff=False)


def pretty_rows(look: LogLook, data: bytes) -> list[LogRow]:
    """A line of JSON over several rows."""
    if len(data) > PRETTY_BYTES:
        said = f"longer than {PRETTY_BYTES // 1024} KiB: it stays as it was written"
        return _rows([said], look, diff=False)
    try:
        text = msgspec.json.format(data.strip(), indent=2).decode("utf-8", "replace")
    except UNREADABLE:
        return _rows(["this is no JSON that could be read"], look, diff=False)
    return _rows(text.splitlines(), look, diff=False)


def _rows(lines: Sequence[str], look: LogLook, *, diff: bool) -> list[LogRow]:
    found = [
        LogRow((BAR, *part), "below", number > 0)
        for line in lines[:OPEN_ROWS]
        for number, part in enumerate(_parts(line, look, diff=diff))
    ]
    left_out = len(lines) - OPEN_ROWS + max(0, len(found) - OPEN_ROWS)
    if left_out > 0 and len(found) >= OPEN_ROWS:
        said = f"… {left_out:,} more; the raw log has them"
        return [*found[:OPEN_ROWS], LogRow((BAR, Span(said, "muted")), "below")]
    return found


def _parts(line: str, look: LogLook, *, diff: bool) -> Iterator[Line]:
    role = _role(line) if diff else "muted"
    width = look.width - len(BAR.text) if look.wrap else 8_000
    return wrapped(line, max(8, width), role)


def _role(line: str) -> str:
    match line[:1]:
        case "+":
            return "state-landed"
        case "-":
            return "state-failed"
        case "@":
            return "accent"
        case _:
            return "muted"
