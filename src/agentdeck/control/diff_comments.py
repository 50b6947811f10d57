"""Comments on lines of a diff, as they are written on the command line: `FILE:LINE:TEXT`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from agentdeck.core.errors import UsageError
from agentdeck.core.events import ReviewComment

_FORM: Final = re.compile(r"(?P<file>.+?):(?P<line>[0-9]{1,7}):(?P<text>.*)", re.DOTALL)


def read_comments(said: Sequence[str]) -> tuple[ReviewComment, ...]:
    """The comments that options name; line 0 is about the whole file.

    Raises:
        UsageError: one has another form.
    """
    return tuple(_read(text) for text in said)


def _read(text: str) -> ReviewComment:
    parts = _FORM.fullmatch(text)
    if parts is None or not parts["text"].strip():
        raise UsageError(
            f"--comment {text!r} is not FILE:LINE:TEXT",
            hint="such as --comment 'src/api.py:12:name it'; line 0 is about the whole file",
        )
    return ReviewComment(parts["file"], int(parts["line"]), parts["text"].strip())
