r"""Characters that act, or are not seen, and how they are written so that they do neither.

Rules: C1 controls (a terminal takes U+009B for the begin of a sequence), DEL, marks and overrides
of direction, invisible and tag characters, line separators. Joiners and selectors of emoji are none
of them. C0 controls are not here: TOML and JSON escape those by themselves.
"""

from __future__ import annotations

import re
from typing import Final

UNSEEN: Final = (  # for a class of a regular expression
    "\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f"
)
_UNSEEN: Final = re.compile(f"[{UNSEEN}]")


def in_json(text: str) -> str:
    r"""JSON with such characters as `\u009b`: the same to a reader.

    Args:
        text: JSON; they can stand only in its strings.
    """
    return _UNSEEN.sub(_pair, text)


def in_toml(text: str) -> str:
    r"""TOML with such characters as `\u009b`: the same to a reader.

    Args:
        text: TOML without literal strings and comments, so that they stand only where that counts.
    """
    return _UNSEEN.sub(lambda found: f"\\U{ord(found[0]):08x}", text)


def _pair(found: re.Match[str]) -> str:
    words = found[0].encode("utf-16-be")
    return "".join(f"\\u{words[at : at + 2].hex()}" for at in range(0, len(words), 2))


__all__ = ["UNSEEN", "in_json", "in_toml"]
