"""What is never given away: secrets in what is exported, reported, bundled or shown.

Rules: which values are known stands in `engine.known_secrets`, how they are found in a text in
`engine.redaction`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeVar

import msgspec

from agentdeck.core.unseen import in_json
from agentdeck.engine.known_secrets import known_secrets, secrets_of, without_secrets
from agentdeck.engine.redaction import redacted

T = TypeVar("T", bound=msgspec.Struct)


def redacted_data(value: T, known: Mapping[str, str]) -> T:
    """A value of `msgspec` with each text in it `redacted`. O(size)."""
    return msgspec.convert(without_secrets(msgspec.to_builtins(value), known), type(value))


def redacted_json(text: str, known: Mapping[str, str]) -> str:
    """JSON with each text in it `redacted`, laid out as it was: with two spaces for each level."""
    found = without_secrets(json.loads(text), known)
    return in_json(json.dumps(found, indent=2, ensure_ascii=False)) + "\n"


__all__ = ["known_secrets", "redacted", "redacted_data", "redacted_json", "secrets_of"]
