"""Is what comes from a tracker from whom it says? GitHub's signature, GitLab's token or signature.

Rules:
- GitHub signs the body with HMAC-SHA256, and nothing but the body: no other header is believed, not
  what the event is called and not the number of the delivery.
- GitLab sends the secret itself, or signs as Standard Webhooks do; one that is there counts.
- All is compared in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from agentdeck.core.plan import TrackerKind
from agentdeck.core.webhook_signature import SIGNATURE, SignatureError, verified

GITHUB: Final = "x-hub-signature-256"
GITLAB: Final = "x-gitlab-token"
PREFIX: Final = "sha256="


def check(
    kind: TrackerKind, secret: str, headers: Mapping[str, str], body: bytes, *, now: float
) -> None:
    """Nothing, where a message is from whom has the secret.

    Args:
        kind: of the tracker.
        secret: that both sides know.
        headers: as they came; the case of their names does not matter.
        body: the bytes as they came, before anything is made of them.
        now: seconds since the epoch.

    Raises:
        SignatureError: it is not to be believed; the message says why.
    """
    if not secret:
        raise SignatureError("the secret is empty")
    given = {name.lower(): value for name, value in headers.items()}
    if kind is TrackerKind.GITHUB:
        digest = hmac.digest(secret.encode(), body, hashlib.sha256).hex()
        _compare(GITHUB, given, f"{PREFIX}{digest}")
    elif SIGNATURE in given:
        verified(secret, given, body, now=now)
    else:
        _compare(GITLAB, given, secret)


def github_signature(secret: str, body: bytes) -> str:
    """What GitHub would say of a body, for tests and for who sends one by hand."""
    return PREFIX + hmac.digest(secret.encode(), body, hashlib.sha256).hex()


def _compare(name: str, given: Mapping[str, str], expected: str) -> None:
    found = given.get(name)
    if not found:
        raise SignatureError(f"there is no {name}")
    if not hmac.compare_digest(found.encode(errors="replace"), expected.encode(errors="replace")):
        raise SignatureError("the signature does not fit")


__all__ = ["SignatureError", "check", "github_signature"]
