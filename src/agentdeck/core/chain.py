"""The chain of a journal: what proves that an event is the one that was written, in its place.

Rules:
- Each stored event carries a digest of itself and of the link before it. So a row that was changed,
  lost, doubled, or that comes from another run, does not fit, and a row that fits proves all before
  it.
- It guards against disks and accidents. Who can write the file can write links that fit.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import Final

START: Final = b""  # before the first event
LINK_BYTES: Final = 8  # a wrong row fits once in 2**64
_PLACE: Final = struct.Struct(">qdq")  # number, time, format


def link(before: bytes, seq: int, at: float, version: int, event: bytes) -> bytes:
    """The link of one event.

    Args:
        before: the link of the event before it; `START` for the first.
        seq: its number.
        at: seconds since the epoch.
        version: of its format.
        event: its bytes as they are stored.
    Returns: `LINK_BYTES` bytes.
    """
    place = _PLACE.pack(seq, at, version)
    return blake2b(before + place + event, digest_size=LINK_BYTES).digest()
