"""A log as it is shown to people, in the deck and by `agentdeck logs`: without secrets.

Rules: what an agent's words are made of is cut out passage by passage, so that a key which came in
pieces is found too. The raw view and `logs --raw` are the bytes as they are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache

import msgspec

from agentdeck.agents.passages import render_passage
from agentdeck.agents.rendering import Line
from agentdeck.control.redaction import redacted
from agentdeck.engine.environment import is_secret


def shown(stream_format: str, lines: Sequence[bytes], *, root: str) -> list[Line]:
    """What to show of one passage; see `render_passage`."""
    found = render_passage(stream_format, lines, root=root)
    return [_without_secrets(line) for line in found]


def _without_secrets(line: Line) -> Line:
    known = own_secrets()
    text, detail = redacted(line.text, known), redacted(line.detail, known)
    if (text, detail) == (line.text, line.detail):
        return line
    return msgspec.structs.replace(line, text=text, detail=detail)


@cache
def own_secrets() -> Mapping[str, str]:
    """Variables of this process that hold secrets."""
    return {name: value for name, value in os.environ.items() if is_secret(name)}


__all__ = ["own_secrets", "shown"]
