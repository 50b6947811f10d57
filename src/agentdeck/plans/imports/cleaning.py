"""Markdown marks and pictures taken off a short text, so that only its words are left.

Rules: what stands in backticks is kept as it is, so globs and paths come out whole. A star that is
part of a glob (`src/*.py`, `API-*`) is no emphasis. Every search here stops at a bound, so that no
text takes more than linear time.
"""

from __future__ import annotations

import re
from typing import Final

# Pictures, marks in circles and boxes, and what joins them. Arrows are words and stay.
_PICTURES: Final = (
    "\U0001f000-\U0001faff\u2600-\u26ff\u2700-\u2793\u231a\u231b\u23e9-\u23fa\u25fb-\u25fe"
    "\u2b1b\u2b1c\u2b50\u2b55"
)
PICTURE: Final = re.compile(f"[{_PICTURES}][\ufe0e\ufe0f\u200d\u20e3{_PICTURES}]*")
_JOINERS: Final = re.compile("[\ufe0e\ufe0f\u200d\u20e3\u200b\ufeff]")
_CODE: Final = re.compile(r"(`{1,3})([^`]+)\1")
_LINK: Final = re.compile(r"!?\[([^\[\]]{0,500})\](?:\([^()\[\]]{0,2000}\)|\[[^\[\]]{0,200}\])")
_BOLD: Final = re.compile(r"(?<![\w/*-])\*\*(?=[^\s*./])([^*\n]{1,500}\*?)(?<=\S)\*\*(?![\w/*])")
_STAR: Final = re.compile(r"(?<![\w/*.-])\*(?=[^\s*./,])([^*\n]{1,500})(?<=[^\s,])\*(?![\w/*])")
_UNDER: Final = re.compile(r"(?<!\w)(__?)(?=[^\s_])([^_\n]{1,500})(?<=\S)\1(?![\w.])")
_STRUCK: Final = re.compile(r"~~([^~\n]{1,500})~~")
_MARKED: Final = re.compile(r"[\[*_~<`)]")
# `**` that stood around a piece of code: **`name`**
_EMPTY_EMPHASIS: Final = re.compile(r"(?<!\S)\*\*(?=[\w./-])|(?<=[\w./)-])\*\*(?!\S)(?<!/\*\*)")
_BREAK: Final = re.compile(r"<br ?/?>", re.IGNORECASE)
_MARK: Final = re.compile(
    r"[(\[](?:new|new file|exists|existing|modified|modify|updated?|created?|optional)[)\]]\Z",
    re.IGNORECASE,
)


def clean(text: str) -> str:
    """`text` without emphasis, backticks, link targets, emoji and a trailing `(new)`; one line."""
    if text.isascii() and not _MARKED.search(text):
        return " ".join(text.split())
    parts = _CODE.split(text)  # text, fence, code, text, fence, code, ... text
    found = []
    for index in range(0, len(parts), 3):
        code = parts[index + 2] if index + 2 < len(parts) else ""
        found.append(_unmarked(parts[index]))
        found.append(code)
    joined = _EMPTY_EMPHASIS.sub("", "".join(found)) if len(parts) > 1 else found[0]
    return without_mark(" ".join(_JOINERS.sub("", joined).split()))


def without_mark(text: str) -> str:
    """`text` without a trailing `(new)`, `(existing)` and the like."""
    stripped = text.rstrip()
    at = max(stripped.rfind("("), stripped.rfind("["))
    if at >= 0 and _MARK.match(stripped, at):
        return stripped[:at].rstrip()
    return stripped


def without_remark(text: str) -> tuple[str, str]:
    """`text` and what stands in brackets at its end: `("None", "can mock")`."""
    stripped = text.rstrip()
    if not stripped.endswith(")"):
        return stripped, ""
    depth = 0
    for index in range(len(stripped) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(stripped[index], 0)
        if depth == 0:
            return stripped[:index].rstrip(), stripped[index + 1 : -1].strip()
    return stripped, ""


def _unmarked(text: str) -> str:
    if not any(char in text for char in "[*_~<") and text.isascii():
        return text
    text = _BREAK.sub(" ", _LINK.sub(r"\1", text))
    for emphasis in (_BOLD, _STAR, _STRUCK):
        text = emphasis.sub(r"\1", text)
    return PICTURE.sub(" ", _UNDER.sub(r"\2", text))
