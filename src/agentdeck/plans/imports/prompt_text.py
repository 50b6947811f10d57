"""What an agent is told, put together from the fields of a document.

Rules: the words are the document's. A part that says nothing is left out; a part that repeats one
before it, word for word, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentdeck.plans.imports.tables import as_json, plain

Part = tuple[str, str | Sequence[str]]


def prompt(*parts: Part) -> str:
    """Parts with their headings, one empty line between them.

    Args:
        parts: heading (empty = none) and text, or heading and items of a list.
    """
    found: dict[str, str] = {}
    for heading, words in parts:
        if isinstance(words, str):
            body = words.strip()
        else:
            body = "\n".join(f"- {item}" for item in words if item.strip())
        if body and body not in found:
            found[body] = f"{heading}:\n{body}" if heading else body
    return "\n\n".join(found.values())


def spoken(value: Any) -> list[str]:
    """A value of any shape as lines: a text its lines, a table `name: value`, a list its items."""
    match value:
        case None:
            return []
        case dict():
            return [f"{name}: {_word(item)}" for name, item in value.items()]
        case list():
            return [_word(item) for item in value]
        case _:
            return [line for line in _word(value).split("\n") if line.strip()]


def _word(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(plain(item) or as_json(item) for item in value)
    return plain(value) or as_json(value)
