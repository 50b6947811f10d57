"""What a reviewer says at the end, as a verdict. Text in, a verdict or the reason why not out.

Rules:
- The answer is one JSON object with a `verdict`. It may stand bare or in a fence, with words around
  it; of several the last counts. What stands inside another object is a part of that one.
- About the types it is strict: what is nearly a verdict is none, and a person is told why.
- Only the reviewer's final message is read: it has read much that others wrote, and may quote it.
- All of it is bounded and cleaned, because it goes to agents and onto screens.
"""

from __future__ import annotations

import json
from typing import Any, Final, Literal

import msgspec

from agentdeck.agents.one_line import one_line, plain_text
from agentdeck.core.events import ReviewComment, ReviewVerdict
from agentdeck.core.review import COMMENT_CHARS, FILE_CHARS, MAX_COMMENTS, SUMMARY_CHARS

MAX_MESSAGE_CHARS: Final = 200_000  # of the end of a message; fifty long comments have 60,000
MAX_OPENINGS: Final = 2_000  # braces that open no object; a message about code has some
MAX_LINE: Final = 10_000_000  # of a file; more is no line number

FORM: Final = (
    '{"verdict": "approve" | "request_changes", "summary": "...", '
    '"comments": [{"file": "path/from/the/top", "line": 12, "text": "..."}]}'
)


class Judged(msgspec.Struct, frozen=True):
    """A verdict that could be read."""

    verdict: ReviewVerdict  # APPROVE or REQUEST_CHANGES
    summary: str
    comments: tuple[ReviewComment, ...]


class Unreadable(msgspec.Struct, frozen=True):
    """Why there is no verdict in a message."""

    problem: str


class _Comment(msgspec.Struct):
    text: str
    file: str = ""
    line: int | None = None


class _Answer(msgspec.Struct):
    verdict: Literal["approve", "request_changes"]
    summary: str = ""
    comments: list[_Comment] = []


def read_verdict(message: str) -> Judged | Unreadable:
    """The verdict that a reviewer's final message holds."""
    found = _last_answer(message[-MAX_MESSAGE_CHARS:])
    if found is None:
        return Unreadable("its last message has no JSON object with a verdict")
    try:
        answer = msgspec.convert(found, _Answer)
    except (msgspec.ValidationError, RecursionError) as fault:
        return Unreadable(f"its verdict has another form than it was told: {fault}")
    for comment in answer.comments:
        if comment.line is not None and not 0 <= comment.line <= MAX_LINE:
            return Unreadable(f"it comments on line {comment.line}")
    comments = tuple(_cleaned(comment) for comment in answer.comments if comment.text.strip())
    summary = plain_text(answer.summary, SUMMARY_CHARS).strip()
    if answer.verdict == "approve":
        return Judged(ReviewVerdict.APPROVE, summary, comments[:MAX_COMMENTS])
    if not summary and not comments:
        return Unreadable("it wants changes and names none")
    more = len(comments) - MAX_COMMENTS
    if more > 0:
        summary = f"{summary} ({more} more comments are in its log)".strip()
    return Judged(ReviewVerdict.REQUEST_CHANGES, summary, comments[:MAX_COMMENTS])


def _cleaned(comment: _Comment) -> ReviewComment:
    file = one_line(comment.file, FILE_CHARS)
    text = plain_text(comment.text, COMMENT_CHARS).strip()
    return ReviewComment(file, (comment.line or 0) if file else 0, text)


def _last_answer(text: str) -> dict[str, Any] | None:
    """The last outermost JSON object that has a `verdict`."""
    decoder = json.JSONDecoder()
    found: dict[str, Any] | None = None
    at, vain = text.find("{"), 0
    while at >= 0 and vain < MAX_OPENINGS:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            vain += 1
            at = text.find("{", at + 1)
            continue
        if isinstance(value, dict) and "verdict" in value:
            found = value
        at = text.find("{", end)
    return found if vain < MAX_OPENINGS else None
