"""For receivers of webhooks: is a message from whom it says, and what does it say?

`docs/hooks.md` has an example, and the same in ten lines without agentdeck.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from agentdeck.core.plan import TrackerKind
from agentdeck.core.tracker_signature import check
from agentdeck.core.unreadable import UNREADABLE
from agentdeck.core.webhook_signature import TOLERANCE_S, SignatureError, verified


def verify(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float | None = None,
    tolerance_s: float = TOLERANCE_S,
) -> dict[str, Any]:
    """What a message says, once its signature was found right.

    Its `id` is the same each time an event is sent: whoever knows it has heard of it already.

    Args:
        secret: the value of `secret_env`.
        headers: of the request; the case of their names does not matter.
        body: the bytes of the request.
        now: seconds since the epoch; None = as the machine says.
        tolerance_s: how far the time of sending may be from that.

    Raises:
        SignatureError: it is not to be believed.
    """
    moment = time.time() if now is None else now
    id_ = verified(secret, headers, body, now=moment, tolerance_s=tolerance_s)
    try:
        found = msgspec.json.decode(body, type=dict[str, Any])
    except UNREADABLE:
        raise SignatureError("it is signed, but no JSON object") from None
    if found.get("id") != id_:
        raise SignatureError("its id is not that of its header")
    return found


def verify_github(secret: str, headers: Mapping[str, str], body: bytes) -> None:
    """Nothing, where a message of GitHub is from whom has the secret: `X-Hub-Signature-256`.

    Nothing else of its headers is signed. Raises SignatureError.
    """
    check(TrackerKind.GITHUB, secret, headers, body, now=time.time())


def verify_gitlab(secret: str, headers: Mapping[str, str], body: bytes) -> None:
    """Nothing, where a message of GitLab is from whom has the secret: its signature, or its token.

    Raises SignatureError.
    """
    check(TrackerKind.GITLAB, secret, headers, body, now=time.time())


__all__ = ["SignatureError", "verify", "verify_github", "verify_gitlab"]
