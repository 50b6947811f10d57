"""Signatures of webhooks, as standardwebhooks.com has them: made here, and checked by receivers.

Rules:
- Signed is `id.timestamp.body` with HMAC-SHA256, so neither of the three can be another one.
- A secret that begins with `whsec_` is base64 behind it; any other is taken as it is written.
- Signatures are compared in constant time, and one of long ago is refused: who has recorded a
  message cannot send it again later.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
VERSION: Final = "v1,"
ENCODED: Final = "whsec_"
TOLERANCE_S: Final = 300.0  # clocks of two machines differ, and a message may be a while on its way
MAX_SIGNATURES: Final = 16  # in one header: more than one only while a secret is changed


class SignatureError(ValueError):
    """A message is not what was sent, not from whom has the secret, or too old."""


def key_of(secret: str) -> bytes:
    """The bytes that a secret stands for. Raises `SignatureError` for one that stands for none."""
    if not secret.startswith(ENCODED):
        key = secret.encode()
    else:
        try:
            key = base64.b64decode(secret.removeprefix(ENCODED), validate=True)
        except (binascii.Error, ValueError):
            raise SignatureError(f"a secret that begins with {ENCODED} is base64") from None
    if not key:
        raise SignatureError("the secret is empty")
    return key


def signed(secret: str, id_: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a message.

    Args:
        secret: that both sides know.
        id_: of the message; the same each time it is sent.
        timestamp: of this sending, seconds since the epoch.
        body: as it is sent.
    """
    digest = _digest(secret, id_, str(timestamp), body)
    return {ID: id_, TIMESTAMP: str(timestamp), SIGNATURE: VERSION + digest}


def verified(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float,
    tolerance_s: float = TOLERANCE_S,
) -> str:
    """The id of a message whose signature is right.

    Args:
        secret: that both sides know.
        headers: as they came; the case of their names does not matter.
        body: the bytes as they came, before anything is made of them.
        now: seconds since the epoch.
        tolerance_s: how far its time may be from `now`.

    Raises:
        SignatureError: it is not to be believed; the message says why.
    """
    given = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in (ID, TIMESTAMP, SIGNATURE) if not given.get(name)]
    if missing:
        raise SignatureError(f"there is no {missing[0]}")
    timestamp = given[TIMESTAMP]
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise SignatureError(f"{TIMESTAMP} is no time")
    if abs(now - int(timestamp)) > tolerance_s:
        raise SignatureError("it is too old, or one of the clocks is wrong")
    expected = (VERSION + _digest(secret, given[ID], timestamp, body)).encode()
    found = given[SIGNATURE].split(" ")[:MAX_SIGNATURES]
    right = [hmac.compare_digest(one.encode(errors="replace"), expected) for one in found]
    if not any(right):
        raise SignatureError("the signature does not fit")
    return given[ID]


def _digest(secret: str, id_: str, timestamp: str, body: bytes) -> str:
    content = b"%s.%s.%s" % (id_.encode(), timestamp.encode(), body)
    return base64.b64encode(hmac.digest(key_of(secret), content, hashlib.sha256)).decode()


__all__ = ["ID", "SIGNATURE", "TIMESTAMP", "SignatureError", "key_of", "signed", "verified"]
