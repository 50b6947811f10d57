"""A state as bytes, with what says whether it may stand in for the fold of a journal.

Rules:
- A checkpoint is a cache. The journal stays the only truth: an engine never starts from one, and
  whoever cannot use one folds the journal from its beginning.
- It is used only where everything fits: the format, the code that folded it, the run, and the
  first and the latest event that it knows, as they are stored. A digest over all of it finds a
  file that was cut short, or in which a single bit is another one.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from agentdeck.core.ids import RunId
from agentdeck.core.state import RunState
from agentdeck.core.unreadable import UNREADABLE

MAGIC: Final = b"agentdeck checkpoint 1\n"  # the number is that of the format
DIGEST_BYTES: Final = 32  # chance finds no second text to one


class Origin(msgspec.Struct, frozen=True):
    """What a state was folded from, and by what."""

    code: str  # which code: see `engine.checkpoint_file`
    run: RunId
    seq: int  # of the latest event in it
    first: bytes  # digest of event 1 as it is stored
    last: bytes  # of event `seq`


class Checkpoint(msgspec.Struct, frozen=True):
    """A state that nobody has read yet, and where it comes from."""

    origin: Origin
    state: msgspec.Raw


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Checkpoint)


def packed(state: RunState) -> bytes:
    """A state as bytes. 500 tasks after 100,000 events: 760 kB in 4 ms."""
    return _encoder.encode(state)


def unpacked(data: bytes | msgspec.Raw) -> RunState:
    """The state again. Raises `msgspec.MsgspecError` for what `packed` has not written."""
    return msgspec.msgpack.decode(data, type=RunState)


def sealed(origin: Origin, state: bytes) -> bytes:
    """What stands in the file. `state` is what `packed` has made."""
    body = _encoder.encode(Checkpoint(origin, msgspec.Raw(state)))
    return MAGIC + digest(body) + body


def opened(data: bytes) -> Checkpoint | None:
    """What `sealed` has made; None = it is not whole, or of another format."""
    begins = len(MAGIC) + DIGEST_BYTES
    body = data[begins:]
    if data[:begins] != MAGIC + digest(body):
        return None
    try:
        return _decoder.decode(body)
    except UNREADABLE:
        return None


def digest(data: bytes) -> bytes:
    """`DIGEST_BYTES` that stand for these bytes."""
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()
