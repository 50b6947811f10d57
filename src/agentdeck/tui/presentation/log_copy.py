"""A line of a log as text to be copied: whole, and without what would act where it is pasted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from agentdeck.tui.presentation.line import text_of
from agentdeck.tui.presentation.log_rows import LogLook, log_rows

COPY_CHARS: Final = (
    65_536  # at once; many terminals take no more than 100 kB, and base64 adds a third
)


def line_text(look: LogLook, passage: Sequence[bytes], row: int) -> str:
    """The line that a row is part of, as if no row were cut or wrapped.

    Args:
        look: how the log is looked at.
        passage: the lines of the file that the row is made of.
        row: its number in the passage.
    """
    if look.raw:
        text = passage[0].decode("utf-8", "replace")
        return "".join(char for char in text if char.isprintable() or char == "\t")
    rows = log_rows(look, passage)
    which = sum(not shown.joins for shown in rows[: row + 1]) - 1
    whole = log_rows(msgspec.structs.replace(look, wrap=False), passage)
    lines: list[str] = []
    for shown in whole:
        text = text_of(shown.line).strip()
        if shown.joins and lines:
            lines[-1] += f"\n{text}"
        else:
            lines.append(text)
    return lines[which] if 0 <= which < len(lines) else ""
